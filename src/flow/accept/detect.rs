//! Detection: brings an order's cases in line with the conditions that hold on it.
//!
//! Guarantees: one open case per key; a condition that clears resolves its case, one that comes back opens a new case that
//! names the one before; a closed case is never written into, but for the note that its condition cleared. Conditions that
//! upstream systems raise clear only by their word. A case whose action is being executed is left to the execution.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::rules::{Condition, Found};
use crate::domain::actor::Actor;
use crate::domain::case::{Case, CaseKey, CaseState, Origin, Resolution, Severity};
use crate::domain::event::EventRef;
use crate::domain::ids::{CaseId, JobId};
use crate::domain::job::{JobKind, NewJob};
use crate::domain::money::Money;
use crate::domain::order::{Order, Raised};
use crate::flow::cases::{self, Telling};
use crate::flow::error::FlowError;
use crate::flow::facts;
use crate::flow::services::{Ctx, Services};
use crate::in_transaction;
use crate::ports::store::Transaction;

/// Attribute of a case that a person closed: since when its condition is gone, so that a return opens a new case.
const CLEARED: &str = "condition_cleared_at";

/// A case that waits for its execution is looked at again after this long.
const EXECUTING_WAIT: SignedDuration = SignedDuration::from_mins(15);

/// What made the rules run.
#[derive(Clone, Copy)]
pub(super) struct Cause<'a> {
    pub(super) event: &'a EventRef,
    /// When it happened.
    pub(super) at: Timestamp,
    pub(super) telling: Telling,
}

/// Brings the cases of an order in line with its facts at `ctx.now`; returns those that were opened, changed or closed.
///
/// # Errors
/// [`FlowError`].
pub async fn reconcile(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    order_id: &str,
    cause: &EventRef,
) -> Result<Vec<CaseId>, FlowError> {
    let cause = Cause { event: cause, at: ctx.now, telling: Telling::Told };
    match tx.order(order_id).await? {
        None => Ok(Vec::new()),
        Some((order, _)) => reconcile_order(services, tx, ctx, &order, cause).await,
    }
}

/// Looks again at orders whose conditions may have become true by time alone, or that an event put off; returns how many.
///
/// # Errors
/// [`FlowError`].
pub async fn sweep(services: &Services, limit: u32) -> Result<usize, FlowError> {
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: Actor::System };
    let due = services.store.read().await?.orders_due_for_check(ctx.now, limit).await?;
    for order_id in &due {
        let done: Result<(), FlowError> =
            in_transaction!(services.store, |tx| sweep_one(services, &mut *tx, &ctx, order_id).await);
        done?;
    }
    Ok(due.len())
}

async fn sweep_one(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    order_id: &str,
) -> Result<(), FlowError> {
    match tx.order(order_id).await? {
        None => tx.set_next_check(order_id, None).await?,
        Some((order, _)) => {
            let cause = Cause { event: &order.last.1, at: ctx.now, telling: Telling::Told };
            reconcile_order(services, tx, ctx, &order, cause).await?;
        }
    }
    Ok(())
}

pub(super) async fn reconcile_order(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    order: &Order,
    cause: Cause<'_>,
) -> Result<Vec<CaseId>, FlowError> {
    let known = tx.cases_of(&order.order_id).await?;
    let mut found = if order.is_live() {
        let facts = facts::of_order(tx, order, ctx.now).await?;
        services.rules.find(&facts).map_err(|failed| FlowError::Invalid {
            code: "rule-failed",
            message: failed.to_string(),
            pointer: None,
        })?
    } else {
        Found::default()
    };
    add_upstream(services, order, &known, &mut found.conditions);
    let mut touched = Vec::new();
    let mut open = 0;
    let mut waits = false;
    for case in known.iter().filter(|case| case.state.is_open()) {
        let id = case.id;
        let matching = found.conditions.iter().position(|condition| condition.key == case.key);
        let (changed, stays) = match matching.map(|at| found.conditions.remove(at)) {
            Some(condition) => (refresh(tx, ctx, order, case, condition, cause).await?, true),
            None if matches!(case.state, CaseState::Executing { .. }) || case.origin == Origin::Execution => {
                waits |= matches!(case.state, CaseState::Executing { .. });
                (false, true)
            }
            None => {
                settle(tx, ctx, order, case, cause).await?;
                (true, false)
            }
        };
        open += usize::from(stays);
        if changed {
            touched.push(id);
        }
    }
    note_cleared(tx, ctx, &known, &found.conditions).await?;
    for condition in found.conditions {
        if let Some(id) = open_case(services, tx, ctx, order, &known, condition, cause).await? {
            open += 1;
            touched.push(id);
        }
    }
    let wake = found.wake_h.map(wait).into_iter().chain(waits.then_some(EXECUTING_WAIT)).min();
    tx.set_next_check(&order.order_id, wake.and_then(|wait| ctx.now.checked_add(wait).ok())).await?;
    if open > 0 {
        tx.enqueue(&assessment(ctx, &order.order_id)).await?;
    }
    Ok(touched)
}

/// A little after the hours have passed, so that the condition is then true.
fn wait(hours: f64) -> SignedDuration {
    SignedDuration::try_from_secs_f64(hours * 3600.0 + 1.0).unwrap_or(SignedDuration::MAX)
}

/// Adds what upstream systems raised. Where a rule finds the same category on the same line, whichever case is open stands
/// for both, else the rule's.
fn add_upstream(services: &Services, order: &Order, known: &[Case], conditions: &mut Vec<Condition>) {
    if order.cancelled {
        return;
    }
    for raised in &order.raised {
        let condition = upstream(services, order, raised);
        let same = |key: &CaseKey| (key.category, key.line_no) == (raised.category, raised.line_no);
        let is_open = known.iter().any(|case| case.state.is_open() && case.key == condition.key);
        if is_open {
            conditions.retain(|c| !same(&c.key) || known.iter().any(|case| case.state.is_open() && case.key == c.key));
        }
        if is_open || !conditions.iter().any(|c| same(&c.key)) {
            conditions.retain(|c| c.key != condition.key);
            conditions.push(condition);
        }
    }
}

fn upstream(services: &Services, order: &Order, raised: &Raised) -> Condition {
    let line = raised.line_no.and_then(|number| order.line(number));
    Condition {
        key: CaseKey {
            category: raised.category,
            order_id: order.order_id.clone(),
            line_no: raised.line_no,
            location: String::new(),
        },
        origin: Origin::Upstream,
        severity: Severity::Medium,
        owner: services.rules.owner(raised.category).to_owned(),
        detail: raised.detail.clone().unwrap_or_else(|| "An upstream system raised it and gave no detail.".to_owned()),
        attributes: raised.attributes.clone(),
        due_at: line.map_or(order.due_at(), |l| l.promised_ship_at()),
    }
}

fn at_stake(order: &Order, key: &CaseKey) -> Option<Money> {
    match key.line_no {
        None => Some(order.value()),
        Some(number) => {
            let amount = order.line(number)?.value()?;
            Some(Money::new(amount, &order.currency))
        }
    }
}

/// Writes the condition's present particulars into its open case; whether they had changed.
async fn refresh(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    order: &Order,
    case: &Case,
    condition: Condition,
    cause: Cause<'_>,
) -> Result<bool, FlowError> {
    let mut next = case.clone();
    next.at_stake = at_stake(order, &case.key);
    next.origin = condition.origin;
    next.severity = condition.severity;
    next.detail = condition.detail;
    next.attributes = condition.attributes;
    next.due_at = condition.due_at;
    if next == *case {
        return Ok(false);
    }
    let why = json!({ "cause": cause.event, "detail": next.detail, "attributes": next.attributes });
    cases::update(tx, ctx, next, why, cause.telling).await?;
    Ok(true)
}

/// Closes a case whose condition is gone: resolved, or cancelled with its order or line.
async fn settle(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    order: &Order,
    case: &Case,
    cause: Cause<'_>,
) -> Result<(), FlowError> {
    let line_cancelled = case.key.line_no.and_then(|n| order.line(n)).is_some_and(|line| line.cancelled);
    let at = cause.at.max(case.opened_at);
    let next = if order.cancelled {
        CaseState::Cancelled { at, reason: "the order was cancelled".to_owned() }
    } else if line_cancelled {
        CaseState::Cancelled { at, reason: "the line was cancelled".to_owned() }
    } else {
        CaseState::Resolved { at, resolution: Resolution::ConditionCleared { by: cause.event.clone() } }
    };
    let why = json!({ "cause": cause.event });
    cases::change_state(tx, ctx, case.clone(), next, why, cause.telling).await?;
    Ok(())
}

/// Notes on cases that a person closed that their condition has gone since.
async fn note_cleared(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    known: &[Case],
    conditions: &[Condition],
) -> Result<(), FlowError> {
    for case in known.iter().filter(|case| stands_by_person(case)) {
        if conditions.iter().all(|condition| condition.key != case.key) {
            let mut noted = case.clone();
            noted.attributes.insert(CLEARED.to_owned(), json!(ctx.now));
            tx.update_case(&noted).await?;
            tx.append_audit(ctx.audit("case.condition_cleared", cases::subject(case.id), Value::Null)).await?;
        }
    }
    Ok(())
}

/// Closed by a person while its condition still held, as far as is known.
fn stands_by_person(case: &Case) -> bool {
    let by_person = matches!(&case.state, CaseState::Resolved { resolution: Resolution::ClosedByPerson { .. }, .. });
    by_person && !case.attributes.contains_key(CLEARED)
}

/// Opens a case for a condition that has none, unless a person closed exactly this one.
async fn open_case(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    order: &Order,
    known: &[Case],
    condition: Condition,
    cause: Cause<'_>,
) -> Result<Option<CaseId>, FlowError> {
    let last = known.iter().filter(|case| case.key == condition.key).max_by_key(|case| closed_at(case));
    if last.is_some_and(|case| stands_by_person(case) && case.attributes == condition.attributes) {
        return Ok(None);
    }
    let window = SignedDuration::from_hours(i64::from(services.settings.reopen_window_h));
    let reopens = last.filter(|case| closed_at(case).is_some_and(|at| cause.at.duration_since(at) <= window));
    let case = Case {
        id: CaseId::new(ctx.now, ctx.entropy),
        at_stake: at_stake(order, &condition.key),
        key: condition.key,
        state: CaseState::New,
        origin: condition.origin,
        severity: condition.severity,
        owner: condition.owner,
        assignee: None,
        detail: condition.detail,
        attributes: condition.attributes,
        caused_by: cause.event.clone(),
        opened_at: cause.at,
        updated_at: ctx.now,
        due_at: condition.due_at,
        reopens: reopens.map(|case| case.id),
        assessment: None,
        sla: None,
        version: 1,
    };
    cases::open(tx, ctx, &case, cause.telling).await?;
    Ok(Some(case.id))
}

fn closed_at(case: &Case) -> Option<Timestamp> {
    match &case.state {
        CaseState::Resolved { at, .. } | CaseState::Cancelled { at, .. } => Some(*at),
        _ => None,
    }
}

/// The job that assesses an order's open cases.
pub(in crate::flow) fn assessment(ctx: &Ctx<'_>, order_id: &str) -> NewJob {
    NewJob {
        id: JobId::new(ctx.now, ctx.entropy),
        kind: JobKind::AssessOrder,
        topic: String::new(),
        pull: false,
        payload: json!({ "order_id": order_id }),
        run_at: ctx.now,
        dedupe: Some(format!("assess:{order_id}")),
        proposal_id: None,
        attempts_max: 5,
    }
}
