//! What the service did, as canonical events of its own on the order: executions are facts like any other.
//!
//! Guarantee: one event per job, under the job's id, so that recording it twice has no effect.

use serde_json::{Value, json};

use crate::domain::event::{CloudEvent, EventRef};
use crate::domain::ids::JobId;
use crate::domain::proposal::{Proposal, Target};
use crate::flow::FlowError;
use crate::flow::accept::envelope;
use crate::flow::accept::events::{self, Arrival, ItemStatus};
use crate::flow::services::{Ctx, Services};
use crate::ports::store::Transaction;

/// CloudEvents `source` of what this phase records.
pub const SOURCE: &str = "/holdfast/execute";

/// Identity of the event that tells what became of a job.
#[must_use]
pub fn reference(job_id: JobId) -> EventRef {
    EventRef { source: SOURCE.to_owned(), id: job_id.to_string() }
}

/// Records `action.executed.v1` on the order.
///
/// # Errors
/// [`FlowError`] of accepting it.
pub async fn executed(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: &Proposal,
    job_id: JobId,
    receipt: Value,
) -> Result<(), FlowError> {
    record(services, tx, ctx, proposal, job_id, ("io.holdfast.action.executed.v1", "receipt", receipt)).await
}

/// Records `action.failed.v1` on the order.
///
/// # Errors
/// [`FlowError`] of accepting it.
pub async fn failed(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: &Proposal,
    job_id: JobId,
    code: &str,
    message: &str,
) -> Result<(), FlowError> {
    let error = json!({ "code": code, "message": message });
    record(services, tx, ctx, proposal, job_id, ("io.holdfast.action.failed.v1", "error", error)).await
}

async fn record(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: &Proposal,
    job_id: JobId,
    (event_type, member, particulars): (&str, &str, Value),
) -> Result<(), FlowError> {
    let Target::Order { order_id, line_no, .. } = &proposal.target else { return Ok(()) };
    let event = CloudEvent {
        specversion: "1.0".to_owned(),
        id: job_id.to_string(),
        source: SOURCE.to_owned(),
        event_type: event_type.to_owned(),
        subject: Some(order_id.clone()),
        time: Some(ctx.now),
        datacontenttype: Some("application/json".to_owned()),
        dataschema: None,
        data: json!({
            "order_id": order_id,
            "line_no": line_no,
            "proposal_id": proposal.id,
            "action": proposal.action.kind,
            member: particulars,
        }),
        extensions: serde_json::Map::new(),
    };
    let malformed = |problem: String| FlowError::Invalid { code: "malformed-event", message: problem, pointer: None };
    let body = serde_json::to_value(&event).map_err(|e| malformed(e.to_string()))?;
    let understood = envelope::understand_own(&body, ctx.now).map_err(|problem| malformed(problem.reason))?;
    let taken = events::take(services, tx, &understood, Arrival::Live).await?;
    if taken.status == ItemStatus::Conflict {
        // Nobody else may write under this source, so what is recorded there is not ours: nothing of this commits.
        let message = format!("job `{job_id}` has an event already, with another body; look at who wrote it");
        return Err(FlowError::Conflict { code: "event-conflict", message, detail: json!({ "job_id": job_id }) });
    }
    Ok(())
}
