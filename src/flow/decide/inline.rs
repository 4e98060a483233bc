//! Facts that a caller gives with the request instead of naming a case.
//!
//! Guarantees: they are read as the service's own facts; a member that is not given is unknown, or the plain state of an
//! order that was just received; a wrong one is named by its pointer. Non-goals: looking anything up.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::domain::case::Category;
use crate::flow::FlowError;
use crate::flow::facts::{Facts, hours_until};

/// A case by its facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InlineCase {
    /// The caller's own name for it; comes back in the answer.
    pub reference: String,
    /// What is wrong.
    pub category: Category,
    /// At least `order` with `order_id`, `currency` and `value`; more as in the facts of a decision record.
    #[schema(value_type = Object)]
    pub facts: Value,
    /// Since when it waits; since the time that the facts are as of where missing.
    #[serde(default)]
    pub opened_at: Option<Timestamp>,
    /// Attributes that pins of the queue read.
    #[schema(value_type = Object)]
    #[serde(default)]
    pub attributes: Map<String, Value>,
    /// Features by name, for a model that was trained on a file.
    #[schema(value_type = Option<Object>)]
    #[serde(default)]
    pub features: Option<Map<String, Value>>,
}

/// The facts of inline case number `index`, as of `as_of` unless they say `now` themselves.
///
/// # Errors
/// [`FlowError::Invalid`] with a pointer into the request.
pub fn read(case: &InlineCase, index: usize, as_of: Timestamp) -> Result<Facts, FlowError> {
    let wrong = |message: String, place: &str| FlowError::Invalid {
        code: "invalid-facts",
        message: format!("facts of inline case `{}`: {message}", case.reference),
        pointer: Some(format!("/inline/{index}/facts{place}")),
    };
    let given = case.facts.as_object().ok_or_else(|| wrong("must be an object".to_owned(), ""))?;
    let order = given.get("order").and_then(Value::as_object);
    let order = order.ok_or_else(|| wrong("`order` is missing".to_owned(), "/order"))?;
    for name in ["order_id", "currency", "value"] {
        if order.get(name).is_none_or(Value::is_null) {
            return Err(wrong(format!("`order.{name}` is missing"), &format!("/order/{name}")));
        }
    }
    let mut facts = plain(as_of);
    overlay(&mut facts, &case.facts);
    if facts["line"].is_object() {
        let mut line = plain_line();
        overlay(&mut line, &facts["line"]);
        facts["line"] = line;
    }
    let mut facts = serde_json::from_value(facts).map_err(|error| wrong(error.to_string(), ""))?;
    count_hours(&mut facts);
    Ok(facts)
}

/// Whoever tells a date need not tell the hours until then; a line without a date of its own is due with its order.
fn count_hours(facts: &mut Facts) {
    let now = facts.now;
    let until = |at: Option<Timestamp>| Some(hours_until(at?, now));
    let order = &mut facts.order;
    order.due_in_h = order.due_in_h.or(until(order.due_at));
    if let Some(line) = &mut facts.line {
        line.promised_in_h = line.promised_in_h.or(until(line.promised_ship_at)).or(order.due_in_h);
    }
}

/// An order that was just received and of which nothing else is known.
fn plain(as_of: Timestamp) -> Value {
    json!({
        "now": as_of,
        "order": {
            "customer_id": "", "ship_to_complete": true, "revision": 1, "cancelled": false, "live": true,
            "line_count": 1, "open_lines": 1, "status": "received", "placed_at": as_of, "age_h": 0.0, "progress": 0
        },
        "credit": { "held": false },
        "invoice": { "blocked": false },
        "cites": {}
    })
}

fn plain_line() -> Value {
    json!({
        "line_no": 1, "sku": "", "quantity": 0.0, "status": "received", "progress": 0, "open": true,
        "allocated": false, "promises": 0, "status_age_h": 0.0, "price_accepted": false
    })
}

fn overlay(base: &mut Value, given: &Value) {
    match (base, given) {
        (Value::Object(base), Value::Object(given)) => {
            for (name, value) in given {
                overlay(base.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (base, given) => *base = given.clone(),
    }
}
