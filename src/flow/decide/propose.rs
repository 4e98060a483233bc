//! Proposing: one exact action, bound to the facts it rests on, to its preconditions and to the policies that apply.
//!
//! Guarantees: a proposal is eligible, its parameters fit the catalogue and its preconditions hold when it is made; who may
//! not propose leaves a denied proposal that can be read; one that is live already is not made twice, and the same action
//! with other parameters supersedes one that still waits. Non-goals: choosing, which is `rank`'s.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::catalogue::{Entry, broken, hindsight};
use super::governance::Question;
use super::lifecycle::{approved, audit, hold_case, on_same_target, set_timer, step, subject, tell};
use super::policy::{Act, AuthzRequest, Resource, Verdict};
use super::{candidates, evidence, log};
use crate::domain::action::{ActionCall, ActionKind};
use crate::domain::actor::Actor;
use crate::domain::approval::Requirement;
use crate::domain::case::{Case, Category};
use crate::domain::decision::Decision;
use crate::domain::ids::{CaseId, DecisionId, ProposalId};
use crate::domain::money::Money;
use crate::domain::proposal::{Proposal, ProposalEvent, ProposalState, Target, hours_after};
use crate::flow::FlowError;
use crate::flow::assess::summary::kept;
use crate::flow::expression::{Recorded, Scope};
use crate::flow::facts::Facts;
use crate::flow::learn::effect_gate;
use crate::flow::services::{Ctx, Services};
use crate::in_transaction;
use crate::ports::store::Transaction;

/// What is proposed. Parameters that are not given are filled from the facts, as in the recommendation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposeRequest {
    /// The exception that it answers.
    pub case_id: CaseId,
    /// The action.
    pub action: ActionKind,
    /// Its parameters, by the schema of the action catalogue.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// The recommendation that it follows; the latest of the exception where missing.
    #[serde(default)]
    pub decision_id: Option<DecisionId>,
}

/// Proposes an action on a case.
///
/// # Errors
/// [`FlowError::NotFound`]; [`FlowError::Invalid`] with a pointer; [`FlowError::Conflict`] with code `case-closed`,
/// `action-not-eligible`, `duplicate-proposal` or `proposal-under-way`; [`FlowError::Denied`].
pub async fn propose(services: &Services, actor: &Actor, request: ProposeRequest) -> Result<Proposal, FlowError> {
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: actor.clone() };
    let made = in_transaction!(services.store, |tx| match on_case(services, &mut *tx, &ctx, &request).await {
        Ok((draft, case)) => submit(services, &mut *tx, &ctx, draft, Some(case)).await,
        Err(error) => Err(error),
    });
    told(made)
}

/// Proposes that a model version serves.
///
/// # Errors
/// As [`propose`].
pub async fn propose_model(
    services: &Services,
    actor: &Actor,
    name: &str,
    version: &str,
) -> Result<Proposal, FlowError> {
    propose_model_as(services, actor, (name, version), &Map::new()).await
}

/// Proposes that a model version serves as what the parameters say: `role` (`champion`, `canary`, `shadow`, `retired`),
/// for a canary its `share` of the orders, and of an effect version whether it is proposed though `unproven`.
///
/// # Errors
/// As [`propose`] and [`effect_gate::before`].
pub async fn propose_model_as(
    services: &Services,
    actor: &Actor,
    (name, version): (&str, &str),
    parameters: &Map<String, Value>,
) -> Result<Proposal, FlowError> {
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: actor.clone() };
    let target = Target::Model { name: name.to_owned(), version: version.to_owned() };
    // Asked before the transaction: judging a long log takes its time.
    let gate = effect_gate::before(services, (name, version), parameters).await?;
    let asked = (parameters, &gate);
    let made = in_transaction!(services.store, |tx| match on_model(services, &mut *tx, &ctx, &target, asked).await {
        Ok(draft) => submit(services, &mut *tx, &ctx, draft, None).await,
        Err(error) => Err(error),
    });
    told(made)
}

/// A proposal, or the denial that was recorded with it.
fn told(made: Result<(Proposal, Verdict), FlowError>) -> Result<Proposal, FlowError> {
    let (proposal, verdict) = made?;
    verdict.allowed()?;
    Ok(proposal)
}

/// A checked proposal before policy has seen it.
struct Draft {
    target: Target,
    action: ActionCall,
    evidence: Value,
    /// The decision that it follows.
    decision: Option<Decision>,
    explored: bool,
    question: Question,
}

async fn on_case(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    request: &ProposeRequest,
) -> Result<(Draft, Case), FlowError> {
    let missing = || FlowError::NotFound { kind: "exception", id: request.case_id.to_string() };
    let case = tx.case(request.case_id).await?.ok_or_else(missing)?;
    if !case.state.is_open() {
        let message = format!("exception `{}` is {}; nothing is proposed on it any more", case.id, case.state.name());
        return Err(FlowError::Conflict { code: "case-closed", message, detail: Value::Null });
    }
    let entry = services.catalogue.entry(request.action);
    if !entry.answers(case.key.category) {
        return Err(invalid(
            "action",
            format!(
                "`{}` does not answer exceptions of category `{}`; take an action of the recommendation",
                request.action.name(),
                case.key.category.name()
            ),
        ));
    }
    let latest = case.assessment.as_ref().and_then(|assessment| assessment.decision_id);
    let decision_id = request.decision_id.or(latest);
    let decision = match decision_id {
        Some(id) => {
            let found = tx.decision(id).await?;
            Some(found.ok_or_else(|| invalid("decision_id", format!("there is no decision `{id}`")))?)
        }
        None => None,
    };
    let target = Target::Order { case_id: case.id, order_id: case.key.order_id.clone(), line_no: case.key.line_no };
    let found = crate::flow::facts::of_line(tx, &case.key.order_id, case.key.line_no, ctx.now).await?;
    let facts = found.ok_or_else(|| FlowError::NotFound { kind: "order", id: case.key.order_id.clone() })?;
    let action = call(entry, &candidates::scope(&facts), &request.parameters, &facts.order.currency)?;
    let question = question(entry, &action, Some(case.key.category), Some(&facts));
    let evidence = json!(facts);
    let explored = decision.as_ref().is_some_and(|decision| log::explores(decision, case.id, &action));
    let draft = Draft { target, action, evidence, decision, explored, question };
    holds(entry, &draft)?;
    Ok((draft, case))
}

async fn on_model(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    target: &Target,
    (parameters, gate): (&Map<String, Value>, &Value),
) -> Result<Draft, FlowError> {
    let missing = || FlowError::NotFound {
        kind: "model version",
        id: match target {
            Target::Model { name, version } => format!("{name}/{version}"),
            Target::Order { order_id, .. } => order_id.clone(),
        },
    };
    let entry = services.catalogue.entry(ActionKind::PromoteModel);
    let mut evidence = evidence::of(tx, target, ctx.now).await?.ok_or_else(missing)?;
    if !gate.is_null() {
        evidence["gate"].clone_from(gate);
    }
    let scope = Scope::new().with("facts", &Recorded(&evidence)).with("value", &0.0);
    let action = call(entry, &scope, parameters, "")?;
    let question = question(entry, &action, None, None);
    let action = ActionCall { quote: None, ..action };
    let draft = Draft { target: target.clone(), action, evidence, decision: None, explored: false, question };
    holds(entry, &draft)?;
    Ok(draft)
}

/// The action with its parameters, its cost and what it moves.
fn call(entry: &Entry, scope: &Scope, given: &Map<String, Value>, currency: &str) -> Result<ActionCall, FlowError> {
    let mut parameters = entry.fill(scope);
    parameters.extend(given.clone());
    if let Some(first) = entry.violations(&parameters).first() {
        return Err(FlowError::Invalid {
            code: "invalid-parameters",
            message: format!("parameters of `{}`: `{}` {}", entry.spec.kind.name(), first.pointer, first.message),
            pointer: Some(format!("/parameters{}", first.pointer)),
        });
    }
    let scope = scope.clone().with("parameters", &Recorded(&parameters));
    let refused = entry.refusals(&scope);
    if !refused.is_empty() {
        return Err(not_eligible(entry, &refused));
    }
    let quote = entry.quote(&scope)?;
    Ok(ActionCall {
        kind: entry.spec.kind,
        amount: Some(entry.amount(&scope)?),
        quote: Some(Money::new(quote, currency)),
        parameters,
    })
}

/// Who must agree to a proposal, worked out again from what its digest covers.
///
/// # Errors
/// [`FlowError::Invalid`] when its evidence is not what was proposed, [`FlowError::Denied`] when the rules cannot say.
pub fn requirement_of(
    services: &Services,
    proposal: &Proposal,
    category: Option<Category>,
) -> Result<Requirement, FlowError> {
    let facts = match &proposal.target {
        Target::Order { .. } => Some(serde_json::from_value::<Facts>(proposal.evidence.clone())),
        Target::Model { .. } => None,
    };
    let facts = facts.transpose().map_err(|error| invalid("evidence", format!("it cannot be read: {error}")))?;
    let entry = services.catalogue.entry(proposal.action.kind);
    services.policy.requirement(&question(entry, &proposal.action, category, facts.as_ref()))
}

fn question(entry: &Entry, action: &ActionCall, category: Option<Category>, facts: Option<&Facts>) -> Question {
    Question {
        action: action.kind,
        tier: entry.spec.tier,
        category,
        amount: action.amount,
        currency: facts.map(|f| f.order.currency.clone()),
        reversible: entry.spec.reversible,
        order_value: facts.map_or(0.0, |f| f.order.value),
        customer_tier: facts.and_then(|f| f.customer.as_ref()).and_then(|c| c.tier),
    }
}

/// Its preconditions hold on the facts that it is proposed on.
fn holds(entry: &Entry, draft: &Draft) -> Result<(), FlowError> {
    let scope = hindsight(&draft.evidence, &draft.evidence, &draft.action.parameters);
    let says = broken(&entry.spec.preconditions, &scope);
    if says.is_empty() { Ok(()) } else { Err(not_eligible(entry, &says)) }
}

fn not_eligible(entry: &Entry, reasons: &[String]) -> FlowError {
    FlowError::Conflict {
        code: "action-not-eligible",
        message: format!("`{}` cannot be proposed now: {}", entry.spec.kind.name(), reasons.join("; ")),
        detail: json!({ "reasons": reasons }),
    }
}

fn invalid(member: &str, message: String) -> FlowError {
    FlowError::Invalid { code: "invalid-proposal", message, pointer: Some(format!("/{member}")) }
}

/// Asks policy, then records the denial or lets the proposal wait for its stages.
async fn submit(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    draft: Draft,
    case: Option<Case>,
) -> Result<(Proposal, Verdict), FlowError> {
    let (mut proposal, question, decision) = drafted(services, ctx, draft)?;
    let request = AuthzRequest { actor: ctx.actor.clone(), act: Act::Propose, on: Resource::of(&proposal) };
    let verdict = services.policy.authorize(&request);
    if let Verdict::Deny { reason, policies, code } = &verdict {
        let event = ProposalEvent::Deny { policies: policies.clone(), reason: reason.clone() };
        proposal.state = proposal.state.after(event)?;
        tx.insert_proposal(&proposal).await?;
        let detail = json!({ "code": code, "policies": policies, "action": proposal.action, "on": proposal.target });
        audit(tx, ctx, &proposal, "proposal.denied", detail).await?;
        return Ok((proposal, verdict));
    }
    let superseded = rivals(tx, &proposal).await?;
    let requirement = services.policy.requirement(&question)?;
    let rule = requirement.rule.clone();
    proposal.state = proposal.state.after(ProposalEvent::Submit { requirement, at: ctx.now })?;
    tx.insert_proposal(&proposal).await?;
    for rival in superseded {
        let over = step(tx, rival, ProposalEvent::Supersede { by: proposal.id, at: ctx.now }).await?;
        audit(tx, ctx, &over, "proposal.superseded", json!({ "by": proposal.id })).await?;
    }
    let detail = json!({
        "action": proposal.action, "on": proposal.target, "rule": rule, "digest": proposal.digest,
        "expires_at": proposal.expires_at, "decision_id": proposal.decision_id,
    });
    audit(tx, ctx, &proposal, "proposal.submitted", detail).await?;
    log::proposed(tx, ctx, &proposal, decision.as_ref()).await?;
    tell(tx, ctx, &proposal, "proposal.submitted.v1").await?;
    set_timer(tx, ctx, &proposal, proposal.expires_at).await?;
    if let ProposalState::AwaitingApproval(waiting) = &proposal.state {
        set_timer(tx, ctx, &proposal, waiting.escalates_at).await?;
    }
    if let Some(case) = case {
        kept::mark(tx, proposal.id, &case, ctx.now).await?;
        hold_case(tx, ctx, case, &proposal).await?;
    }
    Ok((approved(services, tx, ctx, proposal).await?, verdict))
}

/// The proposal, what governance is asked of it, and the decision that it follows.
fn drafted(
    services: &Services,
    ctx: &Ctx<'_>,
    draft: Draft,
) -> Result<(Proposal, Question, Option<Decision>), FlowError> {
    let spec = &services.catalogue.entry(draft.action.kind).spec;
    let mut proposal = Proposal {
        id: ProposalId::new(ctx.now, ctx.entropy),
        target: draft.target,
        action: draft.action,
        tier: spec.tier,
        proposer: ctx.actor.clone(),
        decision_id: draft.decision.as_ref().map(|decision| decision.id),
        explored: draft.explored,
        evidence: draft.evidence,
        preconditions: spec.preconditions.clone(),
        effect: spec.effect.clone(),
        policy_version: services.policy.version().to_owned(),
        digest: String::new(),
        created_at: ctx.now,
        expires_at: hours_after(ctx.now, services.settings.proposal_ttl_h),
        state: ProposalState::Drafted,
        version: 1,
    };
    proposal.digest = proposal.compute_digest()?;
    Ok((proposal, draft.question, draft.decision))
}

/// Waiting proposals of the same action that this one replaces.
async fn rivals(tx: &mut dyn Transaction, proposal: &Proposal) -> Result<Vec<Proposal>, FlowError> {
    let mut superseded = Vec::new();
    for other in on_same_target(tx, &proposal.target).await? {
        if other.action.kind != proposal.action.kind || !other.state.is_live() {
            continue;
        }
        let code = match &other.state {
            _ if other.action.parameters == proposal.action.parameters => "duplicate-proposal",
            ProposalState::Drafted | ProposalState::AwaitingApproval(_) => {
                superseded.push(other);
                continue;
            }
            _ => "proposal-under-way",
        };
        return Err(FlowError::Conflict {
            code,
            message: format!("{} proposes this action already and is {}", subject(other.id), other.state.name()),
            detail: json!({ "proposal_id": other.id, "link": format!("/v1/proposals/{}", other.id) }),
        });
    }
    Ok(superseded)
}
