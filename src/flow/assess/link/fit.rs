//! Which exception categories a message of an intent can be about.
//!
//! The table was held against the training worlds: where an order has one open case, most messages of a pair in it are filed
//! under that case, and fewer than half of the others. Pairs that hardly occur there are a judgement. An answer to a request
//! for approval names no category: it belongs to the order's one case, whatever that is.
//!
//! Guarantees: `irrelevant` fits none; being filed under a case gives a text no say in it.

use std::collections::BTreeSet;

use crate::domain::case::{Case, Category};
use crate::domain::message::{Intent, ScoredIntent};
use crate::domain::order::Order;

/// Categories that a message of `intent` is usually about.
fn categories(intent: Intent) -> &'static [Category] {
    use Category as C;
    use Intent as I;
    match intent {
        I::OrderStatus | I::ExpediteRequest => {
            &[C::ShipmentStatusFailure, C::InventoryShortage, C::AllocationConflict, C::CreditHold]
        }
        I::DocumentRequest => &[C::InvoiceReleaseDelay, C::ShipmentStatusFailure],
        I::PostponeRequest | I::ItemChange => &[C::OrderChange],
        I::QuantityChange => &[C::OrderChange, C::InventoryShortage],
        I::CancelRequest => &[C::OrderChange, C::InventoryShortage, C::CreditHold, C::PricingDiscrepancy],
        I::ShipToChange => &[C::InvalidShipTo, C::OrderChange, C::ShipmentStatusFailure],
        I::BackorderResponse | I::SupplyDelay | I::SupplyShortage | I::SupplyConfirmation => {
            &[C::InventoryShortage, C::AllocationConflict]
        }
        I::PriceDispute => &[C::PricingDiscrepancy, C::InvoiceReleaseDelay],
        I::CostChange => &[C::PricingDiscrepancy],
        I::PaymentNotice | I::CreditRequest => &[C::CreditHold],
        I::InvoiceQuery => &[C::InvoiceReleaseDelay, C::PricingDiscrepancy],
        I::DeliveryClaim | I::PickupFailure | I::TransitDelay | I::DeliveryFailure => &[C::ShipmentStatusFailure],
        I::IntegrationFailure => &[C::IntegrationFailure],
        I::ApprovalReply | I::Irrelevant => &[],
    }
}

/// The probability that a message of these intents is about the kind of `case`.
pub(super) fn of(case: &Case, intents: &[ScoredIntent]) -> f64 {
    let about = intents.iter().filter(|scored| categories(scored.intent).contains(&case.key.category));
    about.map(|scored| scored.probability).sum()
}

/// The open case that a message fits best: of the category for which its intents together are likeliest, then the one whose
/// line is of an item that the message names. `None` where no category fits, or where that leaves a choice.
pub(super) fn choose<'a>(
    cases: &'a [Case],
    order: &Order,
    intents: &[ScoredIntent],
    skus: &BTreeSet<String>,
) -> Option<&'a Case> {
    if let ([only], Some(Intent::ApprovalReply)) = (cases, intents.first().map(|likeliest| likeliest.intent)) {
        return Some(only);
    }
    let best = cases.iter().map(|case| of(case, intents)).fold(0.0, f64::max);
    let fitting: Vec<&Case> = cases.iter().filter(|case| best > 0.0 && of(case, intents) >= best).collect();
    if let [only] = fitting[..] {
        return Some(only);
    }
    let named = |case: &&&Case| {
        let line = case.key.line_no.and_then(|line_no| order.line(line_no));
        line.is_some_and(|line| skus.contains(&line.sku))
    };
    let named: Vec<&&Case> = fitting.iter().filter(named).collect();
    if let [only] = named[..] { Some(only) } else { None }
}
