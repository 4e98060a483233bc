//! The demonstration's order system: what an approved action changes there comes back as canonical events.
//!
//! Non-goals: being right about a real system; it does what each action says, a moment later.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::adapters::connectors::simulated::HandedOver;
use crate::domain::order::Order;
use crate::flow::accept::events::{Arrival, accept};
use crate::flow::services::Services;

/// CloudEvents `source` of the simulated system.
const SOURCE: &str = "/erp/demo";

/// Answers hand-overs until the connector is dropped.
pub async fn run(services: Arc<Services>, mut handed_over: UnboundedReceiver<HandedOver>) {
    while let Some(handed) = handed_over.recv().await {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let events = match order_of(&services, &handed.data).await {
            Some(order) => effects(&handed, &order, services.clock.now()),
            None => Vec::new(),
        };
        if let Err(error) = accept(&services, events, Arrival::Live).await {
            tracing::warn!(key = %handed.key, %error, "the simulated system's events were not accepted");
        }
    }
}

async fn order_of(services: &Services, data: &Value) -> Option<Order> {
    let mut tx = services.store.read().await.ok()?;
    let (order, _) = tx.order(data["order_id"].as_str()?).await.ok()??;
    Some(order)
}

/// The events by which the order system tells that it did what `handed` says.
fn effects(handed: &HandedOver, order: &Order, now: Timestamp) -> Vec<Value> {
    let (data, parameters) = (&handed.data, &handed.data["parameters"]);
    let order_id = order.order_id.as_str();
    let line_no = data["line_no"].clone();
    let line = |member: &str, value: &Value| {
        let change = json!({ "order_id": order_id, "by": "demo", "lines": [{ "line_no": line_no, member: value }] });
        vec![("order.changed.v1", change)]
    };
    let finance = |kind: &str| vec![("finance.condition.v1", json!({ "order_id": order_id, "kind": kind }))];
    let milestone = |milestone: &str, days: i64| {
        let shipment = order.shipments.last_key_value().map_or("SH-DEMO", |(id, _)| id.as_str());
        let estimated_at = now + SignedDuration::from_hours(24 * days);
        let moved = json!({ "shipment_id": shipment, "order_id": order_id, "milestone": milestone, "at": now,
            "estimated_at": estimated_at });
        vec![("shipment.milestone.v1", moved)]
    };
    let told: Vec<(&str, Value)> = match data["action"].as_str().unwrap_or("") {
        "reallocate_from_warehouse" => line("warehouse_id", &parameters["from_warehouse"]),
        "substitute_item" => line("sku", &parameters["sku"]),
        "split_shipment" => line("quantity", &parameters["quantity_now"]),
        "correct_price" => line("unit_price", &parameters["unit_price"]),
        "cancel_line" => {
            vec![("order.cancelled.v1", json!({ "order_id": order_id, "line_no": line_no, "by": "demo" }))]
        }
        "correct_address" => {
            vec![("order.changed.v1", json!({ "order_id": order_id, "by": "demo", "ship_to": parameters["ship_to"] }))]
        }
        "accept_change" | "accept_partial_change" | "reject_change" => settle_change(data, order),
        "repromise_date" => repromise(order, &line_no, parameters["delay_days"].as_i64().unwrap_or(2), now),
        "release_credit_hold" | "raise_credit_limit" => finance("credit_released"),
        "release_invoice" | "correct_invoice" => finance("invoice_released"),
        "retry_transaction" | "resend_document" => resolve_integration(order),
        "rebook_carrier" | "reschedule_pickup" => milestone("pickup_scheduled", 1),
        "upgrade_service" => milestone("in_transit", 1),
        "reschedule_delivery" => milestone("out_for_delivery", 1),
        _ => Vec::new(),
    };
    told.into_iter()
        .enumerate()
        .map(|(index, (kind, data))| {
            json!({ "specversion": "1.0", "id": format!("{}-{index}", handed.key), "source": SOURCE,
                "type": format!("io.holdfast.{kind}"), "subject": order_id, "time": now, "data": data })
        })
        .collect()
}

fn settle_change(data: &Value, order: &Order) -> Vec<(&'static str, Value)> {
    let wanted = order.requested_change.as_ref().filter(|_| data["action"] != "reject_change");
    let lines = wanted.map_or(json!([]), |w| json!(w.lines));
    let ship_to = wanted.and_then(|w| w.ship_to.clone());
    vec![("order.changed.v1", json!({ "order_id": order.order_id, "by": "demo", "lines": lines, "ship_to": ship_to }))]
}

fn repromise(order: &Order, line_no: &Value, days: i64, now: Timestamp) -> Vec<(&'static str, Value)> {
    let later = |promised: Timestamp| promised.max(now) + SignedDuration::from_hours(24 * days);
    order
        .lines
        .iter()
        .filter(|line| line.is_open() && (line_no.is_null() || *line_no == json!(line.line_no)))
        .filter_map(|line| Some((line.line_no, line.promised_ship_at()?)))
        .map(|(line_no, promised)| {
            let promise =
                json!({ "order_id": order.order_id, "line_no": line_no, "promised_ship_at": later(promised) });
            ("order.promised.v1", promise)
        })
        .collect()
}

fn resolve_integration(order: &Order) -> Vec<(&'static str, Value)> {
    order
        .integration
        .values()
        .map(|issue| {
            let resolved = json!({ "system": issue.system, "interface": issue.interface,
                "document_type": issue.document_type, "order_id": order.order_id, "resolved": true });
            ("integration.failed.v1", resolved)
        })
        .collect()
}
