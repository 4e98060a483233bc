//! Approved actions that nobody carries out: an expired proposal whose job no worker holds.
//!
//! Guarantee: such a proposal ends (failed where an attempt was begun, else expired) with an incident, so that a pull worker
//! which went away, or never came, is not silent.

use serde_json::{Value, json};

use super::case_of;
use super::finish::{self, Failure};
use super::incident::{self, NewIncident};
use crate::domain::actor::Actor;
use crate::domain::case::Case;
use crate::domain::ids::{JobId, ProposalId};
use crate::domain::job::JobStatus;
use crate::domain::proposal::{FailureCause, Proposal, ProposalState};
use crate::flow::FlowError;
use crate::flow::services::{Ctx, Services};
use crate::in_transaction;
use crate::ports::store::Transaction;
use crate::ports::store::proposals::ProposalFilter;

const PAGE: u32 = 100;

/// Ends every abandoned proposal; returns how many.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn reap(services: &Services) -> Result<usize, FlowError> {
    let mut reaped = 0;
    for state in ["queued", "executing"] {
        reaped += reap_state(services, state).await?;
    }
    Ok(reaped)
}

async fn reap_state(services: &Services, state: &str) -> Result<usize, FlowError> {
    let now = services.clock.now();
    let filter = ProposalFilter { state: Some(state.to_owned()), case_id: None };
    let (mut before, mut reaped) = (None, 0);
    loop {
        let page = services.store.read().await?.list_proposals(&filter, before, PAGE).await?;
        for proposal in page.iter().filter(|p| p.expires_at <= now) {
            reaped += usize::from(reap_one(services, proposal.id).await?);
        }
        before = match page.last() {
            Some(last) if page.len() == PAGE as usize => Some(last.id),
            _ => return Ok(reaped),
        };
    }
}

async fn reap_one(services: &Services, id: ProposalId) -> Result<bool, FlowError> {
    in_transaction!(services.store, |tx| reap_in(services, &mut *tx, id).await)
}

async fn reap_in(services: &Services, tx: &mut dyn Transaction, id: ProposalId) -> Result<bool, FlowError> {
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: Actor::System };
    let Some(proposal) = tx.proposal(id).await? else { return Ok(false) };
    let (ProposalState::Queued { job_id, .. } | ProposalState::Executing { job_id, .. }) = proposal.state else {
        return Ok(false);
    };
    if let Some((job, status)) = tx.job(job_id).await?
        && status == JobStatus::Leased
        && job.lease_until > ctx.now
    {
        return Ok(false);
    }
    let case = case_of(tx, &proposal).await?;
    let begun = matches!(proposal.state, ProposalState::Executing { .. });
    tracing::warn!(proposal_id = %id, %job_id, begun, "approved action was abandoned");
    tx.append_audit(ctx.audit("proposal.abandoned", format!("proposal:{id}"), json!({ "job_id": job_id }))).await?;
    if begun {
        let cause = FailureCause::Executor {
            code: "abandoned".to_owned(),
            message: "its time ran out and no worker holds it".to_owned(),
        };
        let failure = Failure { cause, visible: true, repeated: true, raise: true };
        finish::settle(services, tx, &ctx, job_id, proposal, case, failure).await?;
    } else {
        never_begun(tx, &ctx, job_id, proposal, case).await?;
    }
    Ok(true)
}

async fn never_begun(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    job_id: JobId,
    proposal: Proposal,
    case: Option<Case>,
) -> Result<(), FlowError> {
    let new = NewIncident {
        job_id: Some(job_id),
        interface: None,
        proposal_id: Some(proposal.id),
        case_id: case.as_ref().map(|case| case.id),
        owner: case.as_ref().map_or(incident::OWNER, |case| &case.owner).to_owned(),
        code: "never-started".to_owned(),
        message: format!("`{}` was approved and nobody carried it out in time", proposal.action.kind.name()),
        detail: Value::Null,
    };
    incident::open(tx, ctx, new).await?;
    finish::expired(tx, ctx, job_id, proposal, case).await
}
