//! The decision log: what was recommended with which chance, what people then chose and why, and what came of it.
//!
//! Guarantees: a decision is kept once, with its audit entry, in the transaction that counts what it explored; the same
//! content has the same id; a response is kept with the proposal or vote that it is of. Non-goals: judging, see
//! `flow::learn::policy_value`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::explore;
use crate::domain::action::ActionCall;
use crate::domain::actor::Actor;
use crate::domain::approval::Vote;
use crate::domain::choice::{Exploration, Followed, ProposalStands, ReasonCode, Response, ResponseKind, ResponsePart};
use crate::domain::decision::{Decision, DecisionRecord, RankedCase};
use crate::domain::digest;
use crate::domain::ids::{CaseId, DecisionId, ResponseId};
use crate::domain::outcome::Outcome;
use crate::domain::proposal::{Proposal, Target};
use crate::domain::queue::ShiftPlan;
use crate::flow::services::{Ctx, Services};
use crate::flow::{FlowError, cases};
use crate::in_transaction;
use crate::ports::store::Transaction;
use crate::ports::store::proposals::ProposalFilter;

/// Proposals of one case that are looked through.
const PROPOSALS_MAX: u32 = 200;

/// A ranking on which was chosen, before it is a decision.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The time that it is for.
    pub as_of: Timestamp,
    /// Facts and features of each case, as scored.
    pub input: Vec<Value>,
    /// Digests of what it depends on beside its input, by name.
    pub versions: BTreeMap<String, String>,
    /// The ranking.
    pub output: Vec<RankedCase>,
    /// What a shift can do of it, where its minutes were given.
    pub plan: Option<ShiftPlan>,
}

/// What the choices on a ranking hung on, and the cases that they newly explore with the place of the day that each takes.
#[derive(Clone, Debug)]
pub struct Chosen {
    exploration: Option<Exploration>,
    explored: Vec<(u32, String)>,
}

impl Chosen {
    /// Whether it recommends anything to learn from it for the first time.
    #[must_use]
    pub fn explores(&self) -> bool {
        !self.explored.is_empty()
    }
}

/// Chooses on every case of a ranking, without keeping anything. A place of the day that another takes meanwhile makes
/// keeping it a conflict.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn choose(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    services: &Services,
    output: &mut [RankedCase],
) -> Result<Chosen, FlowError> {
    let exploration = explore::basis(tx, ctx, &services.settings, output).await?;
    let explored = explore::choose(output, exploration.as_ref(), &services.catalogue);
    let left = exploration.as_ref().map_or(0, |basis| basis.left);
    let first = services.settings.exploration.per_day.saturating_sub(left);
    Ok(Chosen { exploration, explored: (first..).zip(explored).collect() })
}

/// What a decision's id is the digest of: all of it but the id, also what is not there.
#[derive(Serialize)]
struct Content<'a> {
    as_of: &'a Timestamp,
    input: &'a [Value],
    versions: &'a BTreeMap<String, String>,
    output: &'a [RankedCase],
    exploration: &'a Option<Exploration>,
    plan: &'a Option<ShiftPlan>,
}

/// The decision that a ranking is with what was chosen on it, under the id of its content.
fn decision(draft: Draft, exploration: Option<Exploration>) -> Result<Decision, FlowError> {
    let Draft { as_of, input, versions, output, plan } = draft;
    let id = DecisionId::of_digest(&[0; 32]);
    let mut decision = Decision { id, as_of, input, versions, output, exploration, plan };
    let Decision { as_of, input, versions, output, exploration, plan, .. } = &decision;
    let content = Content { as_of, input, versions, output, exploration, plan };
    decision.id = DecisionId::of_digest(&digest::of(&content)?);
    Ok(decision)
}

/// Keeps a ranking as a decision and counts what it newly explores; one that is kept already changes nothing.
///
/// # Errors
/// [`FlowError::Store`], [`FlowError::NotCanonical`].
pub async fn keep(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    draft: Draft,
    Chosen { exploration, explored }: Chosen,
) -> Result<Decision, FlowError> {
    let decision = decision(draft, exploration)?;
    if tx.decision(decision.id).await?.is_some() {
        return Ok(decision);
    }
    tx.insert_decision(&decision).await?;
    if let Some(basis) = &decision.exploration {
        for (place, subject) in &explored {
            tx.insert_exploration(&basis.day, *place, subject).await?;
        }
    }
    let cases: Vec<String> = decision.output.iter().filter_map(|c| c.case_id).map(cases::subject).collect();
    let mut detail = json!({ "asked": decision.input.len(), "answered": decision.output.len(), "cases": cases });
    if !explored.is_empty() {
        detail["explored"] = json!(explored);
    }
    tx.append_audit(ctx.audit("decision.made", subject(decision.id), detail)).await?;
    Ok(decision)
}

/// A decision in audit entries.
#[must_use]
pub fn subject(id: DecisionId) -> String {
    format!("decision:{id}")
}

/// A decision with what followed, as far as it is known now.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn read(tx: &mut dyn Transaction, id: DecisionId) -> Result<Option<DecisionRecord>, FlowError> {
    let Some(decision) = tx.decision(id).await? else { return Ok(None) };
    let responses = tx.responses_to(id).await?;
    let mut followed = Vec::new();
    for ranked in &decision.output {
        if let Some(case_id) = ranked.case_id {
            let responses = responses.iter().filter(|response| response.case_id == case_id).cloned().collect();
            followed.push(of_case(tx, &decision, (case_id, ranked), responses).await?);
        }
    }
    Ok(Some(DecisionRecord { decision, followed }))
}

async fn of_case(
    tx: &mut dyn Transaction,
    decision: &Decision,
    (case_id, ranked): (CaseId, &RankedCase),
    responses: Vec<Response>,
) -> Result<Followed, FlowError> {
    let filter = ProposalFilter { case_id: Some(case_id), state: None };
    let mut proposals = tx.list_proposals(&filter, None, PROPOSALS_MAX).await?;
    proposals.retain(|proposal| proposal.decision_id == Some(decision.id));
    let stands = |proposal: Proposal| ProposalStands {
        proposal_id: proposal.id,
        action: proposal.action.kind,
        state: proposal.state.name().to_owned(),
    };
    Ok(Followed {
        case_id,
        category: ranked.category,
        responses,
        proposals: proposals.into_iter().rev().map(stands).collect(),
        outcomes: outcomes(tx, decision.as_of, ranked).await?,
    })
}

/// The outcomes of a case's line, or of every line of its order, that became known after `as_of`.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn outcomes(
    tx: &mut dyn Transaction,
    as_of: Timestamp,
    ranked: &RankedCase,
) -> Result<Vec<Outcome>, FlowError> {
    let Some(order_id) = &ranked.order_id else { return Ok(Vec::new()) };
    let mut known = tx.outcomes_of(order_id).await?;
    known.retain(|outcome| outcome.known_at > as_of && ranked.line_no.is_none_or(|line_no| outcome.line_no == line_no));
    Ok(known)
}

/// What somebody makes of a recommendation without proposing anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"case_id": "0192f0c1-2345-7abc-8def-0123456789ab", "kind": "defer", "reason_code": "needs_information"}))]
pub struct NewResponse {
    /// Which case of the decision.
    pub case_id: CaseId,
    /// Reject it, or defer it; what is accepted or edited is proposed.
    pub kind: Without,
    /// Why, in a word.
    pub reason_code: ReasonCode,
    /// Why, in words.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 2000, pattern = "\\S")]
    pub reason: Option<String>,
}

/// Responses that come without a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names say it")]
pub enum Without {
    Reject,
    Defer,
}

/// Records that somebody rejects or defers the recommendation of a case.
///
/// # Errors
/// [`FlowError::NotFound`] for the decision; [`FlowError::Invalid`] for a case that it is not about.
pub async fn respond(
    services: &Services,
    actor: &Actor,
    id: DecisionId,
    new: NewResponse,
) -> Result<Response, FlowError> {
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: actor.clone() };
    in_transaction!(services.store, |tx| respond_in(&mut *tx, &ctx, id, &new).await)
}

async fn respond_in(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    id: DecisionId,
    new: &NewResponse,
) -> Result<Response, FlowError> {
    let missing = || FlowError::NotFound { kind: "decision", id: id.to_string() };
    let decision = tx.decision(id).await?.ok_or_else(missing)?;
    if !decision.output.iter().any(|ranked| ranked.case_id == Some(new.case_id)) {
        return Err(FlowError::Invalid {
            code: "invalid-request",
            message: format!("decision `{id}` does not answer exception `{}`", new.case_id),
            pointer: Some("/case_id".to_owned()),
        });
    }
    let kind = match new.kind {
        Without::Reject => ResponseKind::Reject,
        Without::Defer => ResponseKind::Defer,
    };
    let response = Response {
        kind,
        reason_code: Some(new.reason_code),
        reason: new.reason.clone(),
        ..empty(ctx, id, new.case_id, ResponsePart::Reader)
    };
    append(tx, ctx, &response).await?;
    Ok(response)
}

fn empty(ctx: &Ctx<'_>, decision_id: DecisionId, case_id: CaseId, part: ResponsePart) -> Response {
    Response {
        id: ResponseId::new(ctx.now, ctx.entropy),
        decision_id,
        case_id,
        by: ctx.actor.label(),
        part,
        kind: ResponseKind::Accept,
        action: None,
        parameters: Map::new(),
        reason_code: None,
        reason: None,
        proposal_id: None,
        at: ctx.now,
    }
}

async fn append(tx: &mut dyn Transaction, ctx: &Ctx<'_>, response: &Response) -> Result<(), FlowError> {
    tx.insert_response(response).await?;
    let detail = json!({ "case_id": response.case_id, "kind": response.kind, "reason_code": response.reason_code });
    tx.append_audit(ctx.audit("decision.answered", subject(response.decision_id), detail)).await?;
    Ok(())
}

/// The decision and case that a proposal follows.
fn follows(proposal: &Proposal) -> Option<(DecisionId, CaseId)> {
    match proposal.target {
        Target::Order { case_id, .. } => Some((proposal.decision_id?, case_id)),
        Target::Model { .. } => None,
    }
}

/// Records that a proposal takes the recommendation of the decision that it follows, or another action than that.
pub(super) async fn proposed(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: &Proposal,
    decision: Option<&Decision>,
) -> Result<(), FlowError> {
    let (Some((decision_id, case_id)), Some(decision)) = (follows(proposal), decision) else { return Ok(()) };
    let Some(ranked) = decision.output.iter().find(|ranked| ranked.case_id == Some(case_id)) else { return Ok(()) };
    if ranked.chosen().is_none() {
        // Nothing was recommended, so nothing was followed or edited.
        return Ok(());
    }
    let given = edited(ranked, &proposal.action);
    let kind = if given.is_some() { ResponseKind::Edit } else { ResponseKind::Accept };
    let response = Response {
        kind,
        action: Some(proposal.action.kind),
        parameters: given.unwrap_or_default(),
        proposal_id: Some(proposal.id),
        ..empty(ctx, decision_id, case_id, ResponsePart::Reader)
    };
    tx.insert_response(&response).await?;
    Ok(())
}

/// What differs from the recommendation: nothing, or the parameters that were changed or added (none for another action).
fn edited(ranked: &RankedCase, action: &ActionCall) -> Option<Map<String, Value>> {
    let Some(recommended) = ranked.chosen().filter(|best| best.action == action.kind) else {
        return Some(Map::new());
    };
    let changed = action.parameters.iter().filter(|(name, value)| recommended.parameters.get(*name) != Some(value));
    let changed: Map<String, Value> = changed.map(|(name, value)| (name.clone(), value.clone())).collect();
    // A parameter that nothing could fill was left for whoever proposes.
    let left_open = changed.keys().all(|name| !recommended.parameters.contains_key(name));
    (!changed.is_empty() && !left_open).then_some(changed)
}

/// Records what a vote says of the recommendation that the proposal follows.
pub(super) async fn voted(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: &Proposal,
    vote: &Vote,
) -> Result<(), FlowError> {
    let Some((decision_id, case_id)) = follows(proposal) else { return Ok(()) };
    let response = Response {
        kind: ResponseKind::of_vote(vote.verdict),
        action: Some(proposal.action.kind),
        reason_code: vote.reason_code,
        reason: vote.reason.clone(),
        proposal_id: Some(proposal.id),
        ..empty(ctx, decision_id, case_id, ResponsePart::Approver)
    };
    tx.insert_response(&response).await?;
    Ok(())
}

/// Whether a proposal is of the very action that a decision explored on its case.
pub(super) fn explores(decision: &Decision, case_id: CaseId, action: &ActionCall) -> bool {
    let of_case = decision.output.iter().find(|ranked| ranked.case_id == Some(case_id));
    let choice = of_case.and_then(|ranked| ranked.choice.as_ref());
    choice.is_some_and(|choice| choice.explored && choice.action == action.kind)
}
