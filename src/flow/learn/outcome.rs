//! Outcomes: what came of a line, kept once and counted for the late rates.
//!
//! Guarantees: the first known outcome of a line stands, and only it is counted; a rate never counts what was not known
//! yet; costs are kept as they were told last, which is often after the line shipped. Non-goals: what a case cost in all, see `resolved`.

use serde_json::json;

use crate::domain::order::{Line, Order};
use crate::domain::outcome::Outcome;
use crate::flow::FlowError;
use crate::flow::assess::features;
use crate::flow::facts;
use crate::flow::services::Ctx;
use crate::ports::store::Transaction;

/// Keeps the outcome of a line, where it is known, and counts it under the line's keys. `false`: nothing is known yet, or
/// an outcome was kept before.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn record(tx: &mut dyn Transaction, ctx: &Ctx<'_>, order: &Order, line_no: u32) -> Result<bool, FlowError> {
    let Some(line) = order.line(line_no) else { return Ok(false) };
    let Some(outcome) = of_line(order, line, ctx) else { return Ok(false) };
    if !tx.insert_outcome(&outcome).await? {
        return Ok(false);
    }
    let facts = facts::of_line(tx, &order.order_id, Some(line_no), ctx.now).await?;
    let supplier = facts.and_then(|facts| facts.purchase_order).map(|purchase| purchase.supplier_id);
    for (kind, key) in features::line_keys(order, line, supplier.as_ref()) {
        tx.add_to_rate(kind, &key, outcome.missed).await?;
    }
    let detail = json!({ "missed": outcome.missed, "shipped_at": outcome.shipped_at });
    tx.append_audit(ctx.audit("outcome.recorded", format!("line:{}/{line_no}", order.order_id), detail)).await?;
    Ok(true)
}

/// Adds the costs that were told of a line to its outcome. `false`: none were told, or they are kept already.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn tell_costs(tx: &mut dyn Transaction, order_id: &str, line: &Line) -> Result<bool, FlowError> {
    match &line.outcome {
        Some(told) if !told.costs.is_empty() => Ok(tx.put_costs(order_id, line.line_no, &told.costs).await?),
        _ => Ok(false),
    }
}

/// What was told of the line, else what its shipping says. A line is late when it ships after both its first promise and
/// the date that the customer asked for: a later promise does not mend the first, a customer's own postponement does.
fn of_line(order: &Order, line: &Line, ctx: &Ctx<'_>) -> Option<Outcome> {
    let (missed, split, shipped_at) = match &line.outcome {
        Some(told) => (told.missed, told.split, told.shipped_at),
        None => {
            let shipped_at = line.shipped_at?;
            let promised = line.promises.first()?.promised_ship_at;
            let due = line.requested_ship_at.map_or(promised, |requested| requested.max(promised));
            (shipped_at > due, false, Some(shipped_at))
        }
    };
    Some(Outcome {
        order_id: order.order_id.clone(),
        line_no: line.line_no,
        shipped_at,
        missed,
        split,
        costs: line.outcome.as_ref().map(|told| told.costs.clone()).unwrap_or_default(),
        known_at: ctx.now,
    })
}
