//! Approved → queued: the job that carries an approved action out, in the transaction of the last vote.
//!
//! Guarantees: one job per proposal, ever; its id is the idempotency key of every attempt; who carries it out is fixed here.

use serde_json::json;

use crate::domain::action::{ActionSpec, Executor};
use crate::domain::ids::JobId;
use crate::domain::job::{JobKind, NewJob};
use crate::domain::proposal::{Proposal, ProposalEvent};
use crate::flow::FlowError;
use crate::flow::services::{Ctx, Settings};
use crate::ports::store::Transaction;

/// Queues an approved proposal and writes its job.
///
/// # Errors
/// [`FlowError::Conflict`] when the proposal is not approved, [`FlowError::Store`].
pub async fn enqueue(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    settings: &Settings,
    spec: &ActionSpec,
    proposal: Proposal,
) -> Result<Proposal, FlowError> {
    let job = NewJob {
        id: JobId::new(ctx.now, ctx.entropy),
        kind: JobKind::ExecuteAction,
        topic: proposal.action.kind.name().to_owned(),
        pull: spec.executor == Executor::Pull,
        payload: json!({ "executor": spec.executor }),
        run_at: ctx.now,
        dedupe: Some(format!("execute:{}", proposal.id)),
        proposal_id: Some(proposal.id),
        attempts_max: settings.attempts_max,
    };
    let queued = Proposal { state: proposal.state.clone().after(ProposalEvent::Queue { job_id: job.id })?, ..proposal };
    let queued = tx.update_proposal(&queued).await?;
    if !tx.enqueue(&job).await? {
        return Err(FlowError::Conflict {
            code: "invalid-transition",
            message: format!("proposal `{}` already has a job that is not finished", queued.id),
            detail: json!({ "proposal_id": queued.id }),
        });
    }
    let detail = json!({ "job_id": job.id, "executor": spec.executor, "digest": queued.digest });
    tx.append_audit(ctx.audit("proposal.queued", format!("proposal:{}", queued.id), detail)).await?;
    Ok(queued)
}
