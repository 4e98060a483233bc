//! Ship-date intervals that hear of outcomes: when a line has shipped, the interval that was promised first learns from it.
//!
//! Guarantees: a line is heard once, when its outcome is first known, in the transaction that keeps it; the state is a
//! function of the outcomes in the order in which they were kept; two transactions cannot both write from one state.
//! Non-goals: lines that are still open beyond their interval; they are heard when they ship, which is late.

use super::history::hours;
use crate::domain::order::Order;
use crate::flow::FlowError;
use crate::flow::services::Services;
use crate::ports::store::Transaction;
use crate::ports::store::models::ModelState;

/// Lets the interval of a line hear when it shipped; `false` where none was promised or the version serves no more.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn hear(
    services: &Services,
    tx: &mut dyn Transaction,
    order: &Order,
    line_no: u32,
) -> Result<bool, FlowError> {
    let Some(model) = services.models.risk_for(&order.order_id) else { return Ok(false) };
    let shipped =
        |line: &crate::domain::order::Line| line.outcome.as_ref().and_then(|told| told.shipped_at).or(line.shipped_at);
    let Some(shipped_at) = order.line(line_no).and_then(shipped) else { return Ok(false) };
    let version = model.version();
    let promised = tx.assessments_of_line(&order.order_id, line_no).await?;
    // The first promise: later ones know more, and would make the hard lines count more often.
    let first = promised.iter().find(|row| row.model.as_deref() == Some(&version) && row.ships_basis.is_some());
    let Some((as_of, basis)) = first.and_then(|row| Some((row.as_of, row.ships_basis.as_ref()?))) else {
        return Ok(false);
    };
    let known = tx.model_state(&version).await?;
    let (document, revision) =
        known.as_ref().map_or((None, 0), |state| (Some(state.document.as_str()), state.revision));
    let Some(document) = model.heard(document, basis, hours(as_of, shipped_at)) else { return Ok(false) };
    tx.put_model_state(&ModelState { model: version, document, revision }).await?;
    Ok(true)
}
