//! Small valid values to store.

use anyhow::Context as _;
use holdfast::adapters::clock::SeededEntropy;
use holdfast::domain::actor::Actor;
use holdfast::domain::audit::AuditDraft;
use holdfast::domain::case::{Case, CaseAssessment, CaseKey, CaseState, Category, Origin, Severity};
use holdfast::domain::event::{Event, EventRef};
use holdfast::domain::ids::{CaseId, Entropy};
use holdfast::domain::order::Order;
use holdfast::domain::payload::Payload;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// `seconds` after a fixed start.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_780_000_000 + seconds)
}

/// Random bits of a test.
pub fn entropy() -> impl Entropy {
    SeededEntropy::new(7)
}

/// The reference of event `id`.
pub fn reference(id: &str) -> EventRef {
    EventRef { source: "/erp".to_owned(), id: id.to_owned() }
}

/// An event of a contract type (without its prefix and version).
pub fn event(id: &str, event_type: &str, time: Timestamp, data: Value) -> anyhow::Result<Event> {
    let payload: Payload =
        serde_json::from_value(json!({"type": format!("io.holdfast.{event_type}.v1"), "data": data}))?;
    Ok(Event { reference: reference(id), time, recorded: time, payload })
}

/// An order of customer `K1` with two lines of `SKU-1` and `SKU-2` from `W1`.
pub fn order(order_id: &str, placed_at: Timestamp) -> anyhow::Result<Order> {
    order_after(order_id, placed_at, Vec::new())
}

/// That order after further events (type, data).
pub fn order_after(order_id: &str, placed_at: Timestamp, then: Vec<(&str, Value)>) -> anyhow::Result<Order> {
    let placed = json!({
        "order_id": order_id, "customer_id": "K1", "po_number": format!("po {order_id}/9"), "placed_at": placed_at,
        "currency": "EUR", "warehouse_id": "W1", "carrier_id": "C1",
        "lines": [
            {"line_no": 1, "sku": "SKU-1", "quantity": "10", "unit_price": "2.50", "promised_ship_at": at(86_400)},
            {"line_no": 2, "sku": "SKU-2", "quantity": "0.5", "unit_price": "8", "promised_ship_at": null},
        ],
    });
    let mut events = vec![event("e0", "order.placed", placed_at, placed)?];
    for (number, (event_type, data)) in (1_i64..).zip(then) {
        events.push(event(&format!("e{number}"), event_type, placed_at + SignedDuration::from_secs(number), data)?);
    }
    Order::fold(&events).context("no placement")
}

/// A new open case of `category` on `order_id`, ranked by `priority`.
pub fn case(id: CaseId, category: Category, order_id: &str, priority: Option<f64>) -> Case {
    Case {
        id,
        key: CaseKey { category, order_id: order_id.to_owned(), line_no: None, location: "W1".to_owned() },
        state: CaseState::New,
        origin: Origin::Upstream,
        severity: Severity::High,
        owner: "supply".to_owned(),
        assignee: None,
        detail: "short by 4".to_owned(),
        attributes: serde_json::Map::from_iter([("gap".to_owned(), json!("4"))]),
        caused_by: reference("e0"),
        opened_at: at(0),
        updated_at: at(0),
        due_at: Some(at(86_400)),
        at_stake: None,
        reopens: None,
        sla: None,
        assessment: priority.map(assessment),
        version: 1,
    }
}

/// What a model said, down to the last bit of `priority`.
pub fn assessment(priority: f64) -> CaseAssessment {
    CaseAssessment {
        miss_probability: Some(0.1 + 0.2),
        value: Some(priority),
        priority,
        best_action: None,
        decision_id: None,
        at: at(1),
        queue: None,
    }
}

/// An audit entry to be.
pub fn draft(action: &'static str, subject: &str) -> AuditDraft {
    let detail = json!({"b": 0.1 + 0.2, "a": [1, null]});
    AuditDraft { at: at(0), actor: Actor::System, action, subject: subject.to_owned(), detail }
}
