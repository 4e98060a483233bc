//! The envelope that the world speaks, and small helpers for payload values.
//!
//! Guarantees: structured CloudEvents 1.0; times in RFC 3339 with `Z`, decimals as strings, money with its currency.
//! Non-goals: parsing; the service has its own typed reading of the same payloads.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The only currency of the simulated company.
pub(super) const CURRENCY: &str = "EUR";

/// A structured CloudEvent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudEvent {
    /// Always `1.0`.
    pub specversion: String,
    /// Unique within the source.
    pub id: String,
    /// The system that tells it, such as `/erp/main`.
    pub source: String,
    /// Canonical type, such as `io.holdfast.order.placed.v1`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about: an order, an item in a warehouse, a purchase order.
    pub subject: String,
    /// When it happened.
    pub time: Timestamp,
    /// The payload of the type.
    pub data: Value,
}

/// Seconds since 1970 as a timestamp; the checked configuration keeps them in range.
pub(super) fn timestamp(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or_default()
}

/// Seconds since 1970 as RFC 3339 text.
pub(super) fn time(second: i64) -> String {
    timestamp(second).to_string()
}

/// Cents as a decimal string.
pub(super) fn decimal(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents.rem_euclid(100))
}

/// Cents as a money object.
pub(super) fn money(cents: i64) -> Value {
    json!({ "amount": decimal(cents), "currency": CURRENCY })
}
