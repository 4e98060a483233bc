//! An execution that was given up becomes an exception of its own: an `integration_failure` case of the order.
//!
//! Guarantee: at most one open case per order and action, as for every other condition.

use serde_json::{Map, Value, json};

use super::{incident, record};
use crate::domain::case::{Case, CaseKey, CaseState, Category, Origin, Severity};
use crate::domain::ids::{CaseId, JobId};
use crate::domain::proposal::{Proposal, Target};
use crate::flow::FlowError;
use crate::flow::cases::{self, Telling};
use crate::flow::services::Ctx;
use crate::ports::store::Transaction;

/// Opens the case, unless it is open.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn integration_failure(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: &Proposal,
    job_id: JobId,
    code: &str,
    message: &str,
) -> Result<(), FlowError> {
    let Target::Order { case_id, order_id, line_no } = &proposal.target else { return Ok(()) };
    let action = proposal.action.kind.name();
    let key = CaseKey {
        category: Category::IntegrationFailure,
        order_id: order_id.clone(),
        line_no: *line_no,
        location: format!("execute:{action}"),
    };
    if tx.open_case(&key).await?.is_some() {
        return Ok(());
    }
    let stricken = tx.case(*case_id).await?;
    let case = Case {
        id: CaseId::new(ctx.now, ctx.entropy),
        key,
        state: CaseState::New,
        origin: Origin::Execution,
        severity: stricken.as_ref().map_or(Severity::High, |case| case.severity.max(Severity::High)),
        owner: incident::OWNER.to_owned(),
        assignee: None,
        detail: format!("The approved action `{action}` could not be carried out: {message}"),
        attributes: attributes(proposal, code),
        caused_by: record::reference(job_id),
        opened_at: ctx.now,
        updated_at: ctx.now,
        due_at: stricken.as_ref().and_then(|case| case.due_at),
        at_stake: stricken.and_then(|case| case.at_stake),
        reopens: None,
        assessment: None,
        sla: None,
        version: 1,
    };
    // The event of the failed action, which is recorded next, lets the order be assessed again.
    cases::open(tx, ctx, &case, Telling::Told).await
}

fn attributes(proposal: &Proposal, code: &str) -> Map<String, Value> {
    let mut attributes = Map::new();
    attributes.insert("proposal_id".to_owned(), json!(proposal.id));
    attributes.insert("action".to_owned(), json!(proposal.action.kind));
    attributes.insert("code".to_owned(), json!(code));
    attributes
}
