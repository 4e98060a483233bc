//! Into the ledger: what is not known.

use serde_json::Value;

use super::compile::Book;
use super::render::{Said, quote};
use super::{Evidence, Kind};
use crate::domain::case::Category;
use crate::flow::facts::Facts;

pub(super) fn enter(book: &mut Book<'_>, evidence: &Evidence<'_>) {
    let readings = evidence.messages.iter().filter_map(|message| message.reading.as_ref());
    let mut unread: Vec<&String> = readings.flat_map(|reading| &reading.unknown).collect();
    unread.sort();
    unread.dedup();
    for (at, what) in unread.into_iter().enumerate() {
        book.cited(&format!("unread.{}", at + 1), "not known of a message", Value::Null, quote(what), None);
    }
    let missing: Vec<&str> = unknown(book.facts, evidence.case.key.category).collect();
    let count = Said::new(Kind::Number, missing.len().to_string());
    book.cited("unknown.count", "missing facts", missing.len(), count, None);
    for (at, what) in missing.into_iter().enumerate() {
        book.cited(&format!("unknown.{}", at + 1), what, Value::Null, Said::words(what), None);
    }
}

/// What the facts should tell of such a case and do not.
fn unknown(facts: &Facts, category: Category) -> impl Iterator<Item = &'static str> {
    let line = facts.line.as_ref();
    let stock = facts.stock.as_ref();
    let due = line.map_or(facts.order.due_at, |line| line.promised_ship_at);
    let about_stock = matches!(category, Category::InventoryShortage | Category::AllocationConflict);
    let about_price = category == Category::PricingDiscrepancy;
    let about_transport = category == Category::ShipmentStatusFailure;
    let shipment = facts.shipment.as_ref();
    let checks = [
        (due.is_none(), "a promised ship date"),
        (facts.customer.is_none(), "the customer's record"),
        (line.is_some_and(|line| line.unit_price.is_none()), "the price of the line"),
        (about_stock && stock.is_none(), "the stock of the item"),
        (about_stock && stock.is_none_or(|stock| stock.next_receipt_in_h.is_none()), "the date of the next receipt"),
        (about_stock && facts.purchase_order.is_none(), "a purchase order for the item"),
        (about_price && line.is_none_or(|line| line.expected_price.is_none()), "the agreed price"),
        (about_transport && shipment.is_none_or(|s| s.overdue_h.is_none()), "the estimated time of the shipment"),
        (about_transport && shipment.is_none_or(|s| s.detail.is_none()), "the carrier's reason"),
        (facts.order.carrier_id.is_none(), "the carrier of the order"),
    ];
    checks.into_iter().filter(|(missing, _)| *missing).map(|(_, what)| what)
}
