//! What proposing and voting share: records, timers, and the case that follows its proposal.
//!
//! Guarantees: each step of a proposal is written with its audit entry, its outbox rows and its timers in the caller's
//! transaction; a case never waits for a proposal that is over.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::case::{Case, CaseState};
use crate::domain::ids::{CaseId, JobId, ProposalId};
use crate::domain::job::{JobKind, NewJob};
use crate::domain::proposal::{Proposal, ProposalEvent, ProposalState, Target};
use crate::flow::execute::emit::emit;
use crate::flow::execute::enqueue::enqueue;
use crate::flow::services::{Ctx, Services};
use crate::flow::{FlowError, cases};
use crate::ports::store::Transaction;
use crate::ports::store::proposals::ProposalFilter;

/// Attempts of a timer: it only reads and writes the store.
const TIMER_ATTEMPTS_MAX: u32 = 10;

/// Proposals of one case, or waiting ones of models, that are looked through.
const RIVALS_MAX: u32 = 200;

/// A proposal in audit entries and emitted events.
#[must_use]
pub fn subject(id: ProposalId) -> String {
    format!("proposal:{id}")
}

/// Takes one step and writes it.
pub(super) async fn step(
    tx: &mut dyn Transaction,
    proposal: Proposal,
    event: ProposalEvent,
) -> Result<Proposal, FlowError> {
    let next = Proposal { state: proposal.state.clone().after(event)?, ..proposal };
    Ok(tx.update_proposal(&next).await?)
}

/// Records what happened to a proposal.
pub(super) async fn audit(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: &Proposal,
    action: &'static str,
    detail: Value,
) -> Result<(), FlowError> {
    tx.append_audit(ctx.audit(action, subject(proposal.id), detail)).await?;
    Ok(())
}

/// Tells subscribers: enough to find the proposal, so that reading it is authorised.
pub(super) async fn tell(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: &Proposal,
    event_type: &'static str,
) -> Result<(), FlowError> {
    let data = json!({
        "proposal_id": proposal.id,
        "action": proposal.action.kind,
        "on": proposal.target,
        "state": proposal.state.name(),
        "version": proposal.version,
    });
    emit(tx, ctx, event_type, &subject(proposal.id), data).await
}

/// Looks at the proposal again at `at`.
pub(super) async fn set_timer(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: &Proposal,
    at: Timestamp,
) -> Result<(), FlowError> {
    let job = NewJob {
        id: JobId::new(ctx.now, ctx.entropy),
        kind: JobKind::ProposalTimer,
        topic: String::new(),
        pull: false,
        payload: json!({ "proposal_id": proposal.id }),
        run_at: at,
        dedupe: Some(format!("timer:{}:{at}", proposal.id)),
        proposal_id: Some(proposal.id),
        attempts_max: TIMER_ATTEMPTS_MAX,
    };
    tx.enqueue(&job).await?;
    Ok(())
}

/// Records an approval and queues the action, in the transaction that completed it.
pub(super) async fn approved(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: Proposal,
) -> Result<Proposal, FlowError> {
    let ProposalState::Approved { votes, .. } = &proposal.state else { return Ok(proposal) };
    let detail = json!({ "votes": votes, "digest": proposal.digest });
    audit(tx, ctx, &proposal, "proposal.approved", detail).await?;
    tell(tx, ctx, &proposal, "proposal.approved.v1").await?;
    let spec = &services.catalogue.entry(proposal.action.kind).spec;
    enqueue(tx, ctx, &services.settings, spec, proposal).await
}

/// Ends a proposal that is past its time, and gives its case back.
pub(super) async fn expire(tx: &mut dyn Transaction, ctx: &Ctx<'_>, proposal: Proposal) -> Result<Proposal, FlowError> {
    let expired = step(tx, proposal, ProposalEvent::Expire { at: ctx.now }).await?;
    audit(tx, ctx, &expired, "proposal.expired", json!({ "expires_at": expired.expires_at })).await?;
    tell(tx, ctx, &expired, "proposal.expired.v1").await?;
    release_case(tx, ctx, &expired).await?;
    Ok(expired)
}

/// Ends the proposals that still wait on a case that is closed now: nobody need decide on them any more. One that is
/// approved already meets the closed case when it starts.
pub(in crate::flow) async fn case_closed(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    case_id: CaseId,
) -> Result<(), FlowError> {
    let filter = ProposalFilter { case_id: Some(case_id), state: None };
    for proposal in tx.list_proposals(&filter, None, RIVALS_MAX).await? {
        if !matches!(proposal.state, ProposalState::Drafted | ProposalState::AwaitingApproval(_)) {
            continue;
        }
        let (by, reason) = (ctx.actor.label(), "its exception is closed".to_owned());
        let over = step(tx, proposal, ProposalEvent::Withdraw { by, reason: reason.clone(), at: ctx.now }).await?;
        audit(tx, ctx, &over, "proposal.withdrawn", json!({ "reason": reason })).await?;
    }
    Ok(())
}

/// Lets the case wait for `proposal`, unless an action on it is under way.
pub(super) async fn hold_case(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    case: Case,
    proposal: &Proposal,
) -> Result<(), FlowError> {
    let why = json!({ "proposal_id": proposal.id });
    let case = match case.state {
        CaseState::Executing { .. } => return Ok(()),
        CaseState::New => cases::transition(tx, ctx, case, CaseState::Triaged { at: ctx.now }, why.clone()).await?,
        _ => case,
    };
    let proposed = CaseState::Proposed { proposal_id: proposal.id };
    let case = match case.state.may_become(&proposed) {
        true => cases::transition(tx, ctx, case, proposed, why.clone()).await?,
        false => case,
    };
    let next = CaseState::AwaitingApproval { proposal_id: proposal.id };
    cases::transition(tx, ctx, case, next, why).await?;
    Ok(())
}

/// Gives the case back that waited for a proposal that is over: to another that waits, else to the worklist.
pub(super) async fn release_case(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: &Proposal,
) -> Result<(), FlowError> {
    let Target::Order { case_id, .. } = proposal.target else { return Ok(()) };
    let Some(case) = tx.case(case_id).await? else { return Ok(()) };
    if case.state != (CaseState::AwaitingApproval { proposal_id: proposal.id }) {
        return Ok(());
    }
    let waits = |p: &Proposal| p.id != proposal.id && matches!(p.state, ProposalState::AwaitingApproval(_));
    let next = match on_same_target(tx, &proposal.target).await?.into_iter().find(waits) {
        Some(other) => CaseState::AwaitingApproval { proposal_id: other.id },
        None => CaseState::Triaged { at: ctx.now },
    };
    let why = json!({ "proposal_id": proposal.id, "state": proposal.state.name() });
    cases::transition(tx, ctx, case, next, why).await?;
    Ok(())
}

/// The newest proposals on the same case or model version.
pub(super) async fn on_same_target(tx: &mut dyn Transaction, target: &Target) -> Result<Vec<Proposal>, FlowError> {
    let filter = match target {
        Target::Order { case_id, .. } => ProposalFilter { case_id: Some(*case_id), state: None },
        Target::Model { .. } => ProposalFilter { case_id: None, state: Some("awaiting_approval".to_owned()) },
    };
    let mut found = tx.list_proposals(&filter, None, RIVALS_MAX).await?;
    found.retain(|proposal| proposal.target == *target);
    Ok(found)
}
