//! The service as its own executor: actions without an outside effect.
//!
//! Guarantee: carried out in the transaction that finishes them, so exactly once.

use serde_json::{Value, json};

use super::{case_of, emit};
use crate::domain::action::ActionKind;
use crate::domain::job::JobError;
use crate::domain::proposal::Proposal;
use crate::flow::FlowError;
use crate::flow::cases::subject;
use crate::flow::services::Ctx;
use crate::ports::store::Transaction;

/// Carries an action out; the inner error is the action's own.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn carry_out(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: &Proposal,
) -> Result<Result<Value, JobError>, FlowError> {
    match proposal.action.kind {
        ActionKind::DoNothing => Ok(Ok(json!({ "done": "nothing, as approved" }))),
        ActionKind::EscalateToOwner => escalate(tx, ctx, proposal).await.map(Ok),
        other => {
            let message = format!("the service itself cannot carry out `{}`; give it another executor", other.name());
            Ok(Err(JobError::fail("no-executor", message)))
        }
    }
}

async fn escalate(tx: &mut dyn Transaction, ctx: &Ctx<'_>, proposal: &Proposal) -> Result<Value, FlowError> {
    let Some(case) = case_of(tx, proposal).await? else { return Ok(Value::Null) };
    let note = proposal.action.parameters.get("note");
    let detail = json!({ "owner": case.owner, "note": note, "proposal_id": proposal.id });
    tx.append_audit(ctx.audit("case.escalated", subject(case.id), detail.clone())).await?;
    let mut data = json!(case);
    data["escalated"] = detail.clone();
    emit::emit(tx, ctx, "exception.updated.v1", &subject(case.id), data).await?;
    Ok(detail)
}
