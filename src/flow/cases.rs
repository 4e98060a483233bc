//! The lifecycle of exception cases: the only place that changes a case's state.
//!
//! Guarantees: a transition that the domain does not declare is refused; each change is audited and told to subscribers in
//! the same transaction; no proposal waits on a closed case. Non-goals: finding conditions; see `accept::detect`.

use serde_json::{Value, json};

use super::decide::lifecycle;
use super::error::FlowError;
use super::execute::emit::emit;
use super::services::{Ctx, Services};
use super::sla;
use crate::domain::actor::Actor;
use crate::domain::case::{Case, CaseState, Resolution};
use crate::domain::ids::CaseId;
use crate::in_transaction;
use crate::ports::store::Transaction;

/// Whether subscribers hear of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// As it happens.
    Told,
    /// It happened long ago and is only being loaded.
    Silent,
}

/// Moves a case to its next state; `why` goes to the audit log.
///
/// # Errors
/// [`FlowError::Conflict`] with code `invalid-transition`, or [`FlowError::Store`].
pub async fn transition(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    case: Case,
    next: CaseState,
    why: Value,
) -> Result<Case, FlowError> {
    change_state(tx, ctx, case, next, why, Telling::Told).await
}

/// As [`transition`], telling subscribers or not.
///
/// # Errors
/// As [`transition`].
pub(super) async fn change_state(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    mut case: Case,
    next: CaseState,
    why: Value,
    telling: Telling,
) -> Result<Case, FlowError> {
    let from = case.state.name();
    let (action, event_type) = match &next {
        CaseState::Resolved { .. } => ("case.resolved", "exception.resolved.v1"),
        CaseState::Cancelled { .. } => ("case.cancelled", "exception.resolved.v1"),
        _ => ("case.transitioned", "exception.updated.v1"),
    };
    let pace = case.state.pace();
    case.state = case.state.become_(next)?;
    if !case.state.is_open() {
        lifecycle::case_closed(tx, ctx, case.id).await?;
    }
    case.sla = case.sla.map(|timer| timer.after(case.state.pace(), ctx.now));
    let detail = json!({ "from": from, "to": case.state, "why": why });
    let case = write(tx, ctx, case, (action, event_type), detail, telling).await?;
    if case.sla.is_some() && case.state.pace() != pace {
        sla::look(tx, ctx, &case).await?;
    }
    Ok(case)
}

/// Opens a case.
///
/// # Errors
/// [`FlowError::Store`]; a conflict when its key has an open case.
pub(super) async fn open(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    case: &Case,
    telling: Telling,
) -> Result<(), FlowError> {
    tx.insert_case(case).await?;
    let detail = json!({
        "category": case.key.category,
        "order_id": case.key.order_id,
        "line_no": case.key.line_no,
        "origin": case.origin,
        "caused_by": case.caused_by,
        "reopens": case.reopens,
    });
    tx.append_audit(ctx.audit("case.opened", subject(case.id), detail)).await?;
    tell(tx, ctx, case, "exception.opened.v1", telling).await
}

/// Writes a case whose content changed but not its state.
///
/// # Errors
/// [`FlowError::Store`].
pub(super) async fn update(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    case: Case,
    why: Value,
    telling: Telling,
) -> Result<Case, FlowError> {
    write(tx, ctx, case, ("case.updated", "exception.updated.v1"), why, telling).await
}

/// Assigns a case to a person by subject, or to nobody.
///
/// # Errors
/// [`FlowError::NotFound`], [`FlowError::Stale`], [`FlowError::Conflict`] with code `case-closed`.
pub async fn assign(
    services: &Services,
    actor: Actor,
    id: CaseId,
    version: i64,
    assignee: Option<String>,
) -> Result<Case, FlowError> {
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor };
    in_transaction!(services.store, |tx| assign_in(&mut *tx, &ctx, id, version, assignee.clone()).await)
}

async fn assign_in(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    id: CaseId,
    version: i64,
    assignee: Option<String>,
) -> Result<Case, FlowError> {
    let mut case = open_at(tx, id, version).await?;
    let why = json!({ "assignee": assignee, "before": case.assignee });
    case.assignee = assignee;
    write(tx, ctx, case, ("case.assigned", "exception.updated.v1"), why, Telling::Told).await
}

/// Closes a case by a person's judgement. While the condition stays as it is, it does not open again.
///
/// # Errors
/// [`FlowError::Denied`] when no person asks, [`FlowError::Invalid`] without a reason, [`FlowError::NotFound`],
/// [`FlowError::Stale`], [`FlowError::Conflict`] with code `case-closed`.
pub async fn close(
    services: &Services,
    actor: Actor,
    id: CaseId,
    version: i64,
    reason: String,
) -> Result<Case, FlowError> {
    let Some(subject) = actor.person().map(|person| person.subject.clone()) else {
        return Err(FlowError::Denied {
            code: "not-a-person",
            reason: "only a person can close an exception by judgement".to_owned(),
            policies: Vec::new(),
        });
    };
    if reason.trim().is_empty() {
        return Err(FlowError::Invalid {
            code: "reason-missing",
            message: "closing an exception needs a reason; say in `reason` why it needs nobody any more".to_owned(),
            pointer: Some("/reason".to_owned()),
        });
    }
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor };
    let resolution = Resolution::ClosedByPerson { subject, reason };
    let next = CaseState::Resolved { at: ctx.now, resolution };
    in_transaction!(services.store, |tx| close_in(&mut *tx, &ctx, id, version, next.clone()).await)
}

async fn close_in(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    id: CaseId,
    version: i64,
    next: CaseState,
) -> Result<Case, FlowError> {
    let case = open_at(tx, id, version).await?;
    transition(tx, ctx, case, next, Value::Null).await
}

async fn open_at(tx: &mut dyn Transaction, id: CaseId, version: i64) -> Result<Case, FlowError> {
    let case = tx.case(id).await?.ok_or_else(|| FlowError::NotFound { kind: "exception", id: id.to_string() })?;
    if case.version != version {
        return Err(FlowError::Stale { kind: "exception", expected: version, actual: case.version });
    }
    if !case.state.is_open() {
        return Err(FlowError::Conflict {
            code: "case-closed",
            message: format!("exception `{id}` is {}; a closed one does not change", case.state.name()),
            detail: Value::Null,
        });
    }
    Ok(case)
}

async fn write(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    mut case: Case,
    (action, event_type): (&'static str, &'static str),
    detail: Value,
    telling: Telling,
) -> Result<Case, FlowError> {
    case.updated_at = ctx.now;
    let case = tx.update_case(&case).await?;
    tx.append_audit(ctx.audit(action, subject(case.id), detail)).await?;
    tell(tx, ctx, &case, event_type, telling).await?;
    Ok(case)
}

async fn tell(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    case: &Case,
    event_type: &'static str,
    telling: Telling,
) -> Result<(), FlowError> {
    if telling == Telling::Silent {
        return Ok(());
    }
    emit(tx, ctx, event_type, &subject(case.id), json!(case)).await
}

/// A case in audit entries and emitted events.
#[must_use]
pub fn subject(id: CaseId) -> String {
    format!("case:{id}")
}
