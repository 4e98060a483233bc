//! The envelope of everything that comes in: CloudEvents 1.0 (JSON event format, section 3 of that specification).
//!
//! Guarantees: identity is (`source`, `id`); equal bodies have equal digests. Non-goals: transport modes, see `flow::accept`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::payload::Payload;

/// A CloudEvent as received; `extensions` holds every further attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CloudEvent {
    /// Always `1.0`.
    #[schema(example = "1.0")]
    pub specversion: String,
    /// Identity within `source`.
    #[schema(min_length = 1)]
    pub id: String,
    /// URI reference of the sending system.
    #[schema(min_length = 1)]
    pub source: String,
    /// One of the contract's event types.
    #[serde(rename = "type")]
    #[schema(min_length = 1)]
    pub event_type: String,
    /// What it is about: an order or line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened; the recording time where missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// `application/json` where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacontenttype: Option<String>,
    /// URI of the payload's schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataschema: Option<String>,
    /// The payload.
    #[serde(default)]
    pub data: Value,
    /// Extension attributes (`correlationid`, `traceparent`, …).
    #[serde(flatten)]
    #[schema(ignore)]
    pub extensions: Map<String, Value>,
}

/// (`source`, `id`): what makes two deliveries the same event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct EventRef {
    /// CloudEvents `source`.
    pub source: String,
    /// CloudEvents `id`.
    pub id: String,
}

impl std::fmt::Display for EventRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.source, self.id)
    }
}

/// An event that was understood: what the canonical state is folded from.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Identity.
    pub reference: EventRef,
    /// When it happened.
    pub time: Timestamp,
    /// When the service recorded it.
    pub recorded: Timestamp,
    /// What happened.
    pub payload: Payload,
}

impl Event {
    /// The key by which events of one object are folded in order: event time, then identity.
    #[must_use]
    pub fn order_key(&self) -> (Timestamp, &EventRef) {
        (self.time, &self.reference)
    }
}
