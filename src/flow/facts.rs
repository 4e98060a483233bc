//! The facts of one order line at one moment: the single picture that rules, features, guards, quotes, preconditions and
//! summaries all read.
//!
//! Guarantees: built from canonical state only, so from what was known at `now`; an unknown value is null; times appear as
//! hours from `now` (negative: past), so that expressions need no clock; each object carries the event it comes from
//! (`cites`). Non-goals: judging; see `accept::rules` and `assess`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::event::EventRef;
use crate::domain::payload::{Milestone, OrderStatus, Tier};
use crate::domain::timetable::Timetable;

mod address;
mod build;
mod finance;
mod stock;
mod timetable;

pub(in crate::flow) use build::hours_until;
pub use build::{of_line, of_order};

/// Facts of a line with every member known: what an expression can be tried on when it is loaded.
///
/// # Errors
/// When the sample no longer fits [`Facts`].
pub fn sample() -> Result<Facts, serde_json::Error> {
    serde_json::from_str(include_str!("facts/sample.json"))
}

/// Facts of an order and, where `line` is there, of one of its lines. Amounts are in `order.currency`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Facts {
    pub now: Timestamp,
    pub order: OrderFacts,
    pub line: Option<LineFacts>,
    pub item: Option<ItemFacts>,
    /// Stock of the line's item; `None` when no position is known.
    pub stock: Option<StockFacts>,
    pub customer: Option<CustomerFacts>,
    pub credit: CreditFacts,
    pub invoice: InvoiceFacts,
    pub integration: Option<IntegrationFacts>,
    pub change: Option<ChangeFacts>,
    pub shipment: Option<ShipmentFacts>,
    pub purchase_order: Option<PurchaseOrderFacts>,
    /// When warehouse, carrier and supplier can work.
    #[serde(default, skip_serializing_if = "Timetable::is_empty")]
    pub timetable: Timetable,
    /// Which event says so, by member (`order`, `line`, `stock`, `credit`, …).
    pub cites: BTreeMap<String, EventRef>,
}

/// The order as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct OrderFacts {
    pub order_id: String,
    pub customer_id: String,
    pub po_number: Option<String>,
    pub channel: Option<String>,
    pub currency: String,
    pub ship_to: Option<String>,
    /// Whether the address has a street part, a postal code and at least three parts.
    pub ship_to_complete: bool,
    pub warehouse_id: Option<String>,
    pub carrier_id: Option<String>,
    pub revision: u32,
    pub cancelled: bool,
    pub live: bool,
    pub value: f64,
    pub line_count: u32,
    pub open_lines: u32,
    /// The status that every line has reached.
    pub status: OrderStatus,
    pub placed_at: Timestamp,
    pub due_at: Option<Timestamp>,
    pub age_h: f64,
    pub due_in_h: Option<f64>,
    /// The furthest status of any line, as a number from 0 (received) to 8 (invoiced).
    pub progress: u8,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct LineFacts {
    pub line_no: u32,
    pub sku: String,
    pub quantity: f64,
    pub unit_price: Option<f64>,
    pub value: Option<f64>,
    pub status: OrderStatus,
    /// From 0 (received) to 8 (invoiced).
    pub progress: u8,
    pub open: bool,
    pub allocated: bool,
    pub warehouse_id: Option<String>,
    pub requested_in_h: Option<f64>,
    pub promised_ship_at: Option<Timestamp>,
    pub promised_in_h: Option<f64>,
    /// How often a date was promised.
    pub promises: u32,
    pub status_age_h: f64,
    /// Contract price of the customer, else list price.
    pub expected_price: Option<f64>,
    /// Whether someone accepted the price as it is.
    pub price_accepted: bool,
    /// `(unit_price - expected) / expected`.
    pub price_gap: Option<f64>,
    /// `(unit_price - expected) * quantity`.
    pub price_gap_amount: Option<f64>,
}

/// The line's item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct ItemFacts {
    pub description: String,
    pub unit_of_measure: String,
    pub list_price: Option<f64>,
    /// The substitute with most stock in the line's warehouse.
    pub substitute: Option<SubstituteFacts>,
}

/// A substitute that is in stock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct SubstituteFacts {
    pub sku: String,
    pub available: f64,
}

/// Stock of the line's item in its warehouse and elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct StockFacts {
    pub warehouse_id: String,
    pub on_hand: Option<f64>,
    pub available: f64,
    pub next_receipt_in_h: Option<f64>,
    pub next_receipt_quantity: Option<f64>,
    /// What other unallocated open lines want that come first (earlier promise, then earlier placed, then order number).
    pub demand_ahead: f64,
    /// The orders of these lines.
    pub competitors: Vec<String>,
    /// What the line lacks if nobody else took anything: `max(0, quantity - available)`.
    pub shortfall: f64,
    /// What it lacks after those ahead: `max(0, min(quantity, quantity + demand_ahead - available))`.
    pub conflict: f64,
    /// The other warehouse with most stock of the item.
    pub alternate: Option<AlternateFacts>,
}

/// Stock of the same item elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct AlternateFacts {
    pub warehouse_id: String,
    pub available: f64,
}

/// The customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct CustomerFacts {
    pub name: String,
    pub tier: Option<Tier>,
    pub credit_limit: Option<f64>,
    pub credit_exposure: Option<f64>,
    pub payment_terms_days: Option<u32>,
}

/// Credit of the order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct CreditFacts {
    pub held: bool,
    pub held_h: Option<f64>,
    pub amount: Option<f64>,
    /// Exposure minus limit, where both are known.
    pub over_limit: Option<f64>,
    /// Age of the newest payment notice on the order.
    pub payment_h: Option<f64>,
    pub payment_amount: Option<f64>,
}

/// The order's invoice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct InvoiceFacts {
    pub blocked: bool,
    pub blocked_h: Option<f64>,
    pub amount: Option<f64>,
    pub number: Option<String>,
    /// Hours since every line shipped, where it did and no invoice went out.
    pub uninvoiced_h: Option<f64>,
}

/// The oldest open transaction failure of the order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct IntegrationFacts {
    pub system: String,
    pub interface: String,
    pub document_type: String,
    pub error_code: Option<String>,
    pub detail: Option<String>,
    pub attempt: u32,
    pub since_h: f64,
    /// How many are open.
    pub open: u32,
}

/// A change that the customer asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct ChangeFacts {
    pub since_h: f64,
    pub by: Option<String>,
    /// Whether a line that it touches (any line, for an address) was released already.
    pub after_release: bool,
    pub ship_to: Option<String>,
    pub line_no: Option<u32>,
    pub quantity: Option<f64>,
    pub requested_in_h: Option<f64>,
    pub cancels: bool,
}

/// The shipment that needs attention most: failed first, else the newest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct ShipmentFacts {
    pub shipment_id: String,
    pub carrier_id: Option<String>,
    pub tracking_number: Option<String>,
    pub milestone: Milestone,
    pub since_h: f64,
    /// Hours past its estimated time, negative before.
    pub overdue_h: Option<f64>,
    pub detail: Option<String>,
}

/// The next purchase order for the line's item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct PurchaseOrderFacts {
    pub purchase_order_id: String,
    pub supplier_id: String,
    pub quantity: f64,
    pub due_in_h: Option<f64>,
    pub confirmed: bool,
}
