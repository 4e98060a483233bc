//! What really was the case, for evaluation only.
//!
//! Guarantees: nothing here is in the events; identifiers point into them. Non-goals: what would have come of
//! another action, which `counterfactual` has.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

/// The contract's exception categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names are the contract's")]
pub enum Category {
    InventoryShortage,
    AllocationConflict,
    InvalidShipTo,
    PricingDiscrepancy,
    CreditHold,
    IntegrationFailure,
    OrderChange,
    ShipmentStatusFailure,
    InvoiceReleaseDelay,
}

impl Category {
    /// Every category, in the contract's order.
    pub const ALL: [Self; 9] = [
        Self::InventoryShortage,
        Self::AllocationConflict,
        Self::InvalidShipTo,
        Self::PricingDiscrepancy,
        Self::CreditHold,
        Self::IntegrationFailure,
        Self::OrderChange,
        Self::ShipmentStatusFailure,
        Self::InvoiceReleaseDelay,
    ];

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InventoryShortage => "inventory_shortage",
            Self::AllocationConflict => "allocation_conflict",
            Self::InvalidShipTo => "invalid_ship_to",
            Self::PricingDiscrepancy => "pricing_discrepancy",
            Self::CreditHold => "credit_hold",
            Self::IntegrationFailure => "integration_failure",
            Self::OrderChange => "order_change",
            Self::ShipmentStatusFailure => "shipment_status_failure",
            Self::InvoiceReleaseDelay => "invoice_release_delay",
        }
    }
}

/// What an agent could have done, with which probability, and did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    /// When it was decided; the `action.executed` event has the same time.
    pub at: Timestamp,
    /// Who decided.
    pub agent: &'static str,
    /// What was done.
    pub action: &'static str,
    /// Probability of each possible action under this agent in this situation; they add up to 1.
    pub propensities: BTreeMap<&'static str, f64>,
    /// Whether it took effect; `None` while it is under way.
    pub worked: Option<bool>,
}

/// An exception-like condition from its appearance to its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Condition {
    /// What kind.
    pub category: Category,
    /// The order.
    pub order_id: String,
    /// The line; `None` when the whole order is affected.
    pub line_no: Option<u32>,
    /// What really was wrong.
    pub cause: &'static str,
    /// How hard it was, from 0 to 1: agents sensed it, no event tells it.
    pub severity: f64,
    /// When the events first showed it.
    pub opened_at: Timestamp,
    /// When it ended; `None` when it was open at the horizon.
    pub closed_at: Option<Timestamp>,
    /// How it ended: an action, or what made it go away by itself.
    pub closed_by: Option<&'static str>,
    /// What agents did.
    pub decisions: Vec<Decision>,
}

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MessageTruth {
    /// The contract's intent.
    pub intent: &'static str,
    /// The sender's role.
    pub role: &'static str,
    /// The sales order that it belongs to.
    pub order_id: Option<String>,
    /// The line, where it is about one.
    pub line_no: Option<u32>,
    /// The purchase order that it belongs to.
    pub purchase_order_id: Option<String>,
}

/// Everything the events do not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Truth {
    /// Conditions in the order of their appearance.
    pub conditions: Vec<Condition>,
    /// Messages by the id of their event.
    pub messages: BTreeMap<String, MessageTruth>,
}
