//! Approving: votes of persons on a proposal, and what can be done to it while it waits.
//!
//! Guarantees: a vote is on the version that the person saw (`If-Match`), allowed by policy, and on something that is still
//! true: preconditions are looked at again, and what no longer holds is told. A denied vote is recorded. The last vote
//! queues the action in its own transaction; a proposal past its time only expires. The same vote sent twice is one.

use jiff::Timestamp;
use serde_json::json;

use super::lifecycle::{approved, audit, expire, release_case, set_timer, step, tell};
use super::policy::{self, Act, AuthzRequest, Resource};
use super::{evidence, log};
use crate::domain::actor::{Actor, Role};
use crate::domain::approval::{Verdict, Vote};
use crate::domain::choice::ReasonCode;
use crate::domain::ids::ProposalId;
use crate::domain::proposal::{Awaiting, Proposal, ProposalEvent, ProposalState, Target};
use crate::flow::FlowError;
use crate::flow::assess::summary::{Reader, kept};
use crate::flow::execute::emit::emit;
use crate::flow::services::{Ctx, Services};
use crate::in_transaction;
use crate::ports::store::Transaction;

/// A refusal that is recorded too: the transaction commits, and the caller is told.
type Recorded<T> = Result<T, FlowError>;

/// Votes on a proposal at the version that the person saw.
///
/// # Errors
/// [`FlowError::NotFound`], [`FlowError::Stale`], [`FlowError::Denied`] (recorded), [`FlowError::Expired`] (recorded),
/// [`FlowError::Invalid`] for a rejection without reason, [`FlowError::Conflict`] with code `approval-stale` and what no
/// longer holds, `summary-stale` for an approval where material facts changed since it was proposed and `why.read` is not
/// the digest of what holds now, or `invalid-transition` when it waits for nobody.
pub async fn vote(
    services: &Services,
    person: &Actor,
    id: ProposalId,
    version: i64,
    verdict: Verdict,
    why: Why,
) -> Result<Proposal, FlowError> {
    let why = Why { words: why.words.filter(|text| !text.trim().is_empty()), ..why };
    if verdict == Verdict::Reject && why.words.is_none() {
        return Err(FlowError::Invalid {
            code: "reason-missing",
            message: "a rejection needs a reason; say in `reason` what should be different".to_owned(),
            pointer: Some("/reason".to_owned()),
        });
    }
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: person.clone() };
    let ballot = Ballot { version, verdict, why };
    let told: Result<Recorded<Proposal>, FlowError> =
        in_transaction!(services.store, |tx| vote_in(services, &mut *tx, &ctx, id, &ballot).await);
    told?
}

/// Why a person votes as they do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Why {
    /// In words; needed to reject.
    pub words: Option<String>,
    /// In a word that can be counted.
    pub code: Option<ReasonCode>,
    /// Digest of the material facts that the person read (`material` of a summary).
    pub read: Option<String>,
}

struct Ballot {
    version: i64,
    verdict: Verdict,
    why: Why,
}

impl Ballot {
    /// Whether this is `vote` sent again: same person, same words, from before that vote was counted.
    fn repeats(&self, vote: &Vote, actor: &Actor, proposal: &Proposal) -> bool {
        self.version < proposal.version
            && actor.person().is_some_and(|person| person.subject == vote.subject)
            && vote.verdict == self.verdict
            && vote.reason == self.why.words
            && vote.reason_code == self.why.code
    }
}

async fn vote_in(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    id: ProposalId,
    ballot: &Ballot,
) -> Result<Recorded<Proposal>, FlowError> {
    let proposal = read(tx, id).await?;
    if proposal.state.votes().iter().any(|vote| ballot.repeats(vote, &ctx.actor, &proposal)) {
        return Ok(Ok(proposal));
    }
    let proposal = match waiting_at(tx, ctx, proposal, ballot.version).await? {
        Ok(proposal) => proposal,
        Err(told) => return Ok(Err(told)),
    };
    let act = match ballot.verdict {
        Verdict::Approve => Act::Approve,
        Verdict::Reject => Act::Reject,
    };
    let policies = match allowed(services, tx, ctx, act, &proposal).await? {
        Ok(policies) => policies,
        Err(denied) => return Ok(Err(denied)),
    };
    if ballot.verdict == Verdict::Approve {
        still_true(services, tx, ctx, &proposal).await?;
        kept::read_again(tx, &proposal, Reader::of(&ctx.actor), ballot.why.read.as_deref(), ctx.now).await?;
    }
    let (Some(person), ProposalState::AwaitingApproval(waiting)) = (ctx.actor.person(), &proposal.state) else {
        return Ok(Err(waits_for_nobody(&proposal)));
    };
    let stage = waiting.stage;
    let vote = Vote {
        stage,
        subject: person.subject.clone(),
        name: person.name.clone(),
        verdict: ballot.verdict,
        reason: ballot.why.words.clone(),
        reason_code: ballot.why.code,
        at: ctx.now,
        policies,
    };
    let detail = json!({ "vote": vote, "digest": proposal.digest });
    log::voted(tx, ctx, &proposal, &vote).await?;
    let voted = step(tx, proposal, ProposalEvent::Vote { vote }).await?;
    audit(tx, ctx, &voted, "proposal.voted", detail).await?;
    counted(services, tx, ctx, voted, stage).await.map(Ok)
}

/// What follows from a vote that was counted in `stage`.
async fn counted(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    voted: Proposal,
    stage: usize,
) -> Result<Proposal, FlowError> {
    match &voted.state {
        ProposalState::Approved { .. } => approved(services, tx, ctx, voted).await,
        ProposalState::AwaitingApproval(waiting) if waiting.stage != stage => {
            set_timer(tx, ctx, &voted, waiting.escalates_at).await?;
            Ok(voted)
        }
        ProposalState::Rejected { votes, .. } => {
            audit(tx, ctx, &voted, "proposal.rejected", json!({ "votes": votes })).await?;
            tell(tx, ctx, &voted, "proposal.rejected.v1").await?;
            release_case(tx, ctx, &voted).await?;
            Ok(voted)
        }
        _ => Ok(voted),
    }
}

/// Refuses a vote on what is no longer as it was when it was proposed.
async fn still_true(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: &Proposal,
) -> Result<(), FlowError> {
    let mut says = evidence::broken_now(tx, proposal, ctx.now).await?;
    if proposal.compute_digest()? != proposal.digest {
        says.push("it is what was proposed, by its digest".to_owned());
    }
    if proposal.policy_version != services.policy.version() {
        says.push("the policies and governance rules are those that it was proposed under".to_owned());
    }
    if let Target::Order { case_id, .. } = proposal.target
        && tx.case(case_id).await?.is_none_or(|case| !case.state.is_open())
    {
        says.push("the exception is still open".to_owned());
    }
    if says.is_empty() {
        return Ok(());
    }
    Err(FlowError::Conflict {
        code: "approval-stale",
        message: format!("this no longer holds: {}; withdraw or reject it, and propose again", says.join("; ")),
        detail: json!({ "broken": says }),
    })
}

/// Takes a proposal back before it is decided.
///
/// # Errors
/// As [`vote`].
pub async fn withdraw(
    services: &Services,
    actor: &Actor,
    id: ProposalId,
    version: i64,
    reason: String,
) -> Result<Proposal, FlowError> {
    manage(services, actor, id, version, &Manage::Withdraw { reason }).await
}

/// Asks the proposer a question; the proposal keeps waiting.
///
/// # Errors
/// As [`vote`].
pub async fn request_information(
    services: &Services,
    actor: &Actor,
    id: ProposalId,
    version: i64,
    question: String,
) -> Result<Proposal, FlowError> {
    manage(services, actor, id, version, &Manage::Ask { question }).await
}

/// Answers the question that was asked; the answer stands in the audit log.
///
/// # Errors
/// As [`vote`].
pub async fn provide_information(
    services: &Services,
    actor: &Actor,
    id: ProposalId,
    version: i64,
    answer: String,
) -> Result<Proposal, FlowError> {
    manage(services, actor, id, version, &Manage::Answer { answer }).await
}

/// Hands the waiting stage to one of its other roles: recorded, and told to subscribers.
///
/// # Errors
/// As [`vote`]; [`FlowError::Invalid`] when the role may not vote on the stage.
pub async fn reassign(
    services: &Services,
    actor: &Actor,
    id: ProposalId,
    version: i64,
    role: Role,
    reason: String,
) -> Result<Proposal, FlowError> {
    manage(services, actor, id, version, &Manage::Reassign { role, reason }).await
}

enum Manage {
    Withdraw { reason: String },
    Ask { question: String },
    Answer { answer: String },
    Reassign { role: Role, reason: String },
}

async fn manage(
    services: &Services,
    actor: &Actor,
    id: ProposalId,
    version: i64,
    what: &Manage,
) -> Result<Proposal, FlowError> {
    let (Manage::Withdraw { reason: text }
    | Manage::Ask { question: text }
    | Manage::Answer { answer: text }
    | Manage::Reassign { reason: text, .. }) = what;
    if text.trim().is_empty() {
        return Err(FlowError::Invalid {
            code: "reason-missing",
            message: "say why, or what is asked or answered, in words".to_owned(),
            pointer: None,
        });
    }
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: actor.clone() };
    let told: Result<Recorded<Proposal>, FlowError> =
        in_transaction!(services.store, |tx| manage_in(services, &mut *tx, &ctx, id, version, what).await);
    told?
}

async fn manage_in(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    id: ProposalId,
    version: i64,
    what: &Manage,
) -> Result<Recorded<Proposal>, FlowError> {
    let proposal = read(tx, id).await?;
    let proposal = match waiting_at(tx, ctx, proposal, version).await? {
        Ok(proposal) => proposal,
        Err(told) => return Ok(Err(told)),
    };
    let act = match what {
        Manage::Withdraw { .. } => Act::Withdraw,
        Manage::Ask { .. } => Act::RequestInformation,
        Manage::Answer { .. } => Act::ProvideInformation,
        Manage::Reassign { .. } => Act::Reassign,
    };
    if let Err(denied) = allowed(services, tx, ctx, act, &proposal).await? {
        return Ok(Err(denied));
    }
    managed(tx, ctx, proposal, what).await.map(Ok)
}

async fn managed(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: Proposal,
    what: &Manage,
) -> Result<Proposal, FlowError> {
    match what {
        Manage::Withdraw { reason } => {
            let by = ctx.actor.label();
            let event = ProposalEvent::Withdraw { by, reason: reason.clone(), at: ctx.now };
            let over = step(tx, proposal, event).await?;
            audit(tx, ctx, &over, "proposal.withdrawn", json!({ "reason": reason })).await?;
            release_case(tx, ctx, &over).await?;
            Ok(over)
        }
        Manage::Ask { question } => {
            let asked = step(tx, proposal, ProposalEvent::RequestInformation { question: question.clone() }).await?;
            audit(tx, ctx, &asked, "proposal.information_requested", json!({ "question": question })).await?;
            Ok(asked)
        }
        Manage::Answer { answer } => {
            let answered = step(tx, proposal, ProposalEvent::ProvideInformation).await?;
            audit(tx, ctx, &answered, "proposal.information_provided", json!({ "answer": answer })).await?;
            Ok(answered)
        }
        Manage::Reassign { role, reason } => {
            if !Resource::of(&proposal).stage_roles.contains(role) {
                return Err(FlowError::Invalid {
                    code: "role-not-in-stage",
                    message: format!(
                        "`{}` may not vote on the stage that waits; hand it to one of its roles",
                        role.name()
                    ),
                    pointer: Some("/role".to_owned()),
                });
            }
            let detail = json!({ "proposal_id": proposal.id, "role": role, "reason": reason });
            audit(tx, ctx, &proposal, "proposal.reassigned", detail.clone()).await?;
            if let Target::Order { case_id, .. } = proposal.target {
                emit(tx, ctx, "exception.updated.v1", &format!("case:{case_id}"), detail).await?;
            }
            Ok(proposal)
        }
    }
}

/// Does what is due on a proposal: escalates the stage that waits too long, expires what is past its time. Nothing is due
/// on one that waits for nobody, so a late or repeated timer changes nothing.
///
/// # Errors
/// [`FlowError::NotFound`], [`FlowError::Store`].
pub async fn timer(services: &Services, id: ProposalId, now: Timestamp) -> Result<(), FlowError> {
    let ctx = Ctx { now, entropy: &*services.entropy, actor: Actor::System };
    in_transaction!(services.store, |tx| timer_in(services, &mut *tx, &ctx, id).await)
}

async fn timer_in(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    id: ProposalId,
) -> Result<(), FlowError> {
    let proposal = read(tx, id).await?;
    let ProposalState::AwaitingApproval(waiting) = proposal.state.clone() else { return Ok(()) };
    let act = if ctx.now >= proposal.expires_at { Act::Expire } else { Act::Escalate };
    let due = act == Act::Expire || !waiting.escalated && ctx.now >= waiting.escalates_at;
    if !due {
        return Ok(());
    }
    if let Err(denied) = allowed(services, tx, ctx, act, &proposal).await? {
        tracing::error!(proposal_id = %id, error = %denied, "policy does not let the timer act");
        return Ok(());
    }
    match act {
        Act::Expire => expire(tx, ctx, proposal).await.map(drop),
        _ => escalate(tx, ctx, proposal, &waiting).await,
    }
}

async fn escalate(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: Proposal,
    waiting: &Awaiting,
) -> Result<(), FlowError> {
    let stage = waiting.requirement.stages.get(waiting.stage);
    let escalated = step(tx, proposal, ProposalEvent::Escalate).await?;
    let detail = json!({
        "proposal_id": escalated.id,
        "on": escalated.target,
        "stage": stage.map(|s| &s.name),
        "since": waiting.since,
        "roles": stage.map(|s| &s.roles),
        "escalated_to": stage.map(|s| &s.escalate_to),
    });
    audit(tx, ctx, &escalated, "proposal.escalated", detail.clone()).await?;
    emit(tx, ctx, "sla.breached.v1", &super::lifecycle::subject(escalated.id), detail).await
}

async fn read(tx: &mut dyn Transaction, id: ProposalId) -> Result<Proposal, FlowError> {
    tx.proposal(id).await?.ok_or_else(|| FlowError::NotFound { kind: "proposal", id: id.to_string() })
}

/// The proposal if it waits for persons, in time, at the version that the caller saw.
async fn waiting_at(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: Proposal,
    version: i64,
) -> Result<Recorded<Proposal>, FlowError> {
    if let ProposalState::Expired { at } = proposal.state {
        return Ok(Err(too_late(&proposal, at)));
    }
    if proposal.version != version {
        return Err(FlowError::Stale { kind: "proposal", expected: version, actual: proposal.version });
    }
    if !matches!(proposal.state, ProposalState::AwaitingApproval(_)) {
        return Err(waits_for_nobody(&proposal));
    }
    if ctx.now >= proposal.expires_at {
        let system = Ctx { now: ctx.now, entropy: ctx.entropy, actor: Actor::System };
        let expired = expire(tx, &system, proposal).await?;
        return Ok(Err(too_late(&expired, expired.expires_at)));
    }
    Ok(Ok(proposal))
}

/// The policies that allow it; a denial is recorded.
async fn allowed(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    act: Act,
    proposal: &Proposal,
) -> Result<Recorded<Vec<String>>, FlowError> {
    let request = AuthzRequest { actor: ctx.actor.clone(), act, on: Resource::of(proposal) };
    let verdict = services.policy.authorize(&request);
    if let policy::Verdict::Deny { code, reason, policies } = &verdict {
        let detail = json!({ "act": act, "code": code, "reason": reason, "policies": policies });
        audit(tx, ctx, proposal, "proposal.act_denied", detail).await?;
    }
    Ok(verdict.allowed())
}

fn too_late(proposal: &Proposal, at: Timestamp) -> FlowError {
    FlowError::Expired { message: format!("proposal `{}` expired at {at}; propose again", proposal.id) }
}

fn waits_for_nobody(proposal: &Proposal) -> FlowError {
    FlowError::Conflict {
        code: "invalid-transition",
        message: format!("proposal `{}` is {} and waits for nobody", proposal.id, proposal.state.name()),
        detail: json!({ "state": proposal.state.name() }),
    }
}
