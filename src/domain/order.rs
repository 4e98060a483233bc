//! The canonical order: what its events say, folded in event-time order.
//!
//! Guarantees: [`Order::fold`] of the same events gives the same order whatever the order of arrival; every promise is
//! kept; each aspect cites the event that set it. Non-goals: detection, risk; see `flow`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::case::Category;
use super::event::{Event, EventRef};
use super::money::Money;
use super::payload::{FinanceKind, LineChange, Milestone, OrderStatus, Payload};

mod fold;

/// An order as its events describe it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct Order {
    pub order_id: String,
    pub customer_id: String,
    pub po_number: Option<String>,
    pub channel: Option<String>,
    pub placed_at: Timestamp,
    pub currency: String,
    pub ship_to: Option<String>,
    pub warehouse_id: Option<String>,
    pub carrier_id: Option<String>,
    pub revision: u32,
    pub cancelled: bool,
    pub lines: Vec<Line>,
    /// By shipment id.
    pub shipments: BTreeMap<String, Shipment>,
    pub finance: Finance,
    /// Open failures by (interface, document type).
    pub integration: BTreeMap<String, IntegrationIssue>,
    /// A wish of the customer that is not applied.
    pub requested_change: Option<RequestedChange>,
    /// Exceptions that upstream systems raised and have not cleared.
    pub raised: Vec<Raised>,
    /// What was done about it, oldest first.
    pub actions: Vec<Done>,
    /// The event that last set each aspect (`placed`, `line:1:promise`, `shipment:S1`, `credit`, …).
    pub cites: BTreeMap<String, EventRef>,
    /// The newest event that is folded in.
    pub last: (Timestamp, EventRef),
}

/// An order line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct Line {
    pub line_no: u32,
    pub sku: String,
    pub quantity: Decimal,
    pub unit_price: Option<Decimal>,
    /// Whether someone accepted this price since it was set (`approve_price` was executed, or upstream cleared the dispute).
    #[serde(default)]
    pub price_accepted: bool,
    pub requested_ship_at: Option<Timestamp>,
    /// Every promise in the order it was made; the last one holds.
    pub promises: Vec<Promise>,
    /// Where it ships from, when not the order's warehouse.
    pub warehouse_id: Option<String>,
    pub status: OrderStatus,
    pub status_at: Timestamp,
    pub shipped_at: Option<Timestamp>,
    pub cancelled: bool,
    pub outcome: Option<LineOutcome>,
}

/// A promised ship date and when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Promise {
    pub made_at: Timestamp,
    pub promised_ship_at: Timestamp,
}

/// What came of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct LineOutcome {
    pub missed: bool,
    pub split: bool,
    pub shipped_at: Option<Timestamp>,
    #[serde(default)]
    pub costs: BTreeMap<String, Money>,
}

/// A shipment by its latest milestone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct Shipment {
    pub carrier_id: Option<String>,
    pub tracking_number: Option<String>,
    pub milestone: Milestone,
    pub code: Option<String>,
    pub at: Timestamp,
    pub estimated_at: Option<Timestamp>,
    pub detail: Option<String>,
}

/// Credit and invoice conditions of the order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Finance {
    pub credit_held: Option<Condition>,
    pub invoice_blocked: Option<Condition>,
    pub payments: Vec<Condition>,
    /// Invoice numbers that were named.
    pub invoices: Vec<String>,
}

/// A finance condition with its time and amount.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Condition {
    pub since: Timestamp,
    pub amount: Option<Money>,
}

/// A failed transaction that has not gone through since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct IntegrationIssue {
    pub system: String,
    pub interface: String,
    pub document_type: String,
    pub error_code: Option<String>,
    pub detail: Option<String>,
    pub attempt: u32,
    pub since: Timestamp,
}

/// A change that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct RequestedChange {
    pub at: Timestamp,
    pub by: Option<String>,
    pub ship_to: Option<String>,
    pub lines: Vec<LineChange>,
}

/// An upstream exception.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct Raised {
    pub category: Category,
    pub line_no: Option<u32>,
    pub detail: Option<String>,
    pub attributes: Map<String, Value>,
    pub at: Timestamp,
}

/// An action that was carried out or failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct Done {
    pub action: String,
    pub line_no: Option<u32>,
    pub proposal_id: Option<String>,
    pub at: Timestamp,
    pub failed: bool,
}

impl Line {
    /// The ship date that holds now.
    #[must_use]
    pub fn promised_ship_at(&self) -> Option<Timestamp> {
        self.promises.last().map(|p| p.promised_ship_at)
    }

    /// Whether it can still ship or miss.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.cancelled && self.status < OrderStatus::Shipped
    }

    /// Whether stock was set aside for it.
    #[must_use]
    pub fn is_allocated(&self) -> bool {
        self.status >= OrderStatus::Allocated
    }

    /// Quantity times price, where the price is known.
    #[must_use]
    pub fn value(&self) -> Option<Decimal> {
        self.unit_price.map(|price| price * self.quantity)
    }
}

impl Order {
    /// The warehouse that `line` ships from.
    #[must_use]
    pub fn warehouse_of<'a>(&'a self, line: &'a Line) -> Option<&'a str> {
        line.warehouse_id.as_deref().or(self.warehouse_id.as_deref())
    }

    /// A line by number.
    #[must_use]
    pub fn line(&self, line_no: u32) -> Option<&Line> {
        self.lines.iter().find(|l| l.line_no == line_no)
    }

    /// Whether any line can still ship, be delivered or be invoiced.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !self.cancelled && self.lines.iter().any(|l| !l.cancelled && l.status < OrderStatus::Invoiced)
    }

    /// The earliest promise of an open line.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        self.lines.iter().filter(|l| l.is_open()).filter_map(Line::promised_ship_at).min()
    }

    /// The value of all lines that are not cancelled.
    #[must_use]
    pub fn value(&self) -> Money {
        let amount = self.lines.iter().filter(|l| !l.cancelled).filter_map(Line::value).sum();
        Money::new(amount, &self.currency)
    }
}
