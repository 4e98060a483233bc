//! An authored world as canonical objects: what the upstream systems of its distributor would have told the service.
//!
//! Guarantee: each order is folded from the events that its rows mean, so that references and statuses come about as in the
//! service. Non-goals: detection rules; the world's open exceptions are taken as they stand.

use crate::domain::case::{Case, CaseKey, CaseState, Category, Origin, Severity};
use crate::domain::event::{Event, EventRef};
use crate::domain::ids::CaseId;
use crate::domain::order::Order;
use crate::domain::party::ObjectKind;
use crate::domain::payload::Payload;
use crate::ports::store::Store;
use crate::ports::store::objects::Object;
use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

const SOURCE: &str = "/sample-world";

fn text<'a>(row: &'a Value, member: &str) -> &'a str {
    row[member].as_str().unwrap_or_default()
}

/// A date or a time as an instant.
fn instant(text: &str) -> anyhow::Result<Timestamp> {
    let full = if text.len() == 10 { format!("{text}T12:00:00Z") } else { text.to_owned() };
    full.parse().with_context(|| format!("`{text}` is no date and no time"))
}

fn event(id: &str, at: &str, event_type: &str, data: Value) -> anyhow::Result<Event> {
    let payload: Payload =
        serde_json::from_value(json!({"type": format!("io.holdfast.{event_type}.v1"), "data": data}))
            .with_context(|| format!("`{id}` makes no {event_type}"))?;
    let time = instant(at)?;
    Ok(Event { reference: EventRef { source: SOURCE.to_owned(), id: id.to_owned() }, time, recorded: time, payload })
}

fn rows<'a>(world: &'a Value, name: &str) -> &'a [Value] {
    world[name].as_array().map_or(&[], Vec::as_slice)
}

fn rows_of<'a>(world: &'a Value, name: &str, order_id: &'a str) -> impl Iterator<Item = &'a Value> {
    rows(world, name).iter().filter(move |row| text(row, "order_id") == order_id)
}

/// The events of one order, oldest first.
fn order_events(world: &Value, order: &Value) -> anyhow::Result<Vec<Event>> {
    let id = text(order, "order_id");
    let placed_at = text(order, "placed_at");
    let carrier = rows_of(world, "shipments", id).next().map(|shipment| shipment["carrier_id"].clone());
    let promised = instant(text(order, "promised_ship_at"))?;
    let lines: Vec<Value> = rows(order, "lines")
        .iter()
        .map(|line| {
            json!({"line_no": line["line"], "sku": line["sku"], "quantity": line["quantity"].to_string(),
                "unit_price": line["unit_price"].to_string(), "promised_ship_at": promised})
        })
        .collect();
    let placed = json!({"order_id": id, "customer_id": order["customer_id"], "po_number": order["customer_po"],
        "channel": order["channel"], "placed_at": placed_at, "currency": order["currency"], "ship_to": order["ship_to"],
        "warehouse_id": order["warehouse"], "carrier_id": carrier, "lines": lines});
    let mut events = vec![event(&format!("{id}/placed"), placed_at, "order.placed", placed)?];
    let status = match text(order, "status") {
        status @ ("received" | "allocated" | "released" | "picked" | "packed" | "shipped" | "delivered"
        | "invoiced") => status,
        _ => "validated",
    };
    let data = json!({"order_id": id, "status": status, "at": placed_at});
    events.push(event(&format!("{id}/status"), placed_at, "order.status", data)?);
    if text(order, "status") == "cancelled" {
        events.push(event(&format!("{id}/cancelled"), placed_at, "order.cancelled", json!({"order_id": id}))?);
    }
    for shipment in rows_of(world, "shipments", id) {
        let milestone = match text(shipment, "status") {
            "delivered" => "delivered",
            "exception" => "delayed",
            "tendered" => "pickup_scheduled",
            _ => "in_transit",
        };
        let at = shipment["shipped_at"].as_str().unwrap_or(placed_at);
        let data = json!({"shipment_id": shipment["shipment_id"], "order_id": id, "carrier_id": shipment["carrier_id"],
            "tracking_number": shipment["tracking_number"], "milestone": milestone, "at": instant(at)?});
        events.push(event(text(shipment, "shipment_id"), at, "shipment.milestone", data)?);
    }
    for invoice in rows_of(world, "invoices", id) {
        let at = text(invoice, "issued_at");
        let money = json!({"amount": invoice["amount"].to_string(), "currency": invoice["currency"]});
        let data = json!({"order_id": id, "kind": "invoice_released", "amount": money, "invoice_number": invoice["invoice_id"]});
        events.push(event(text(invoice, "invoice_id"), at, "finance.condition", data)?);
    }
    Ok(events)
}

/// Master data: kind, key and document.
fn objects(world: &Value) -> anyhow::Result<Vec<(ObjectKind, String, Value)>> {
    let of = |name: &str, kind: ObjectKind, key: &str| -> Vec<(ObjectKind, String, Value)> {
        rows(world, name).iter().map(|row| (kind, text(row, key).to_owned(), row.clone())).collect()
    };
    let mut objects = of("customers", ObjectKind::Customer, "customer_id");
    objects.extend(of("suppliers", ObjectKind::Supplier, "supplier_id"));
    objects.extend(of("carriers", ObjectKind::Carrier, "carrier_id"));
    objects.extend(of("skus", ObjectKind::Item, "sku"));
    for row in rows(world, "purchase_orders") {
        let id = text(row, "po_id").to_owned();
        let document = json!({"purchase_order_id": id, "supplier_id": row["supplier_id"], "sku": row["sku"],
            "quantity": row["quantity"].to_string(), "due_at": instant(text(row, "due_at"))?, "affects_orders": row["pegged_orders"]});
        objects.push((ObjectKind::PurchaseOrder, id, document));
    }
    Ok(objects)
}

fn cases(world: &Value) -> anyhow::Result<Vec<Case>> {
    let case = |(index, row): (usize, &Value)| {
        let opened_at = instant(text(row, "raised_at"))?;
        let category = text(row, "category");
        Ok(Case {
            id: CaseId(Uuid::from_u128(index as u128 + 1)),
            key: CaseKey {
                category: Category::parse(category).with_context(|| format!("`{category}` is no category"))?,
                order_id: text(row, "order_id").to_owned(),
                line_no: None,
                location: text(row, "exception_id").to_owned(),
            },
            state: CaseState::New,
            origin: Origin::Upstream,
            severity: Severity::Medium,
            owner: "sample".to_owned(),
            assignee: None,
            detail: text(row, "detail").to_owned(),
            attributes: Default::default(),
            caused_by: EventRef { source: SOURCE.to_owned(), id: text(row, "exception_id").to_owned() },
            opened_at,
            updated_at: opened_at,
            due_at: None,
            at_stake: None,
            reopens: None,
            sla: None,
            assessment: None,
            version: 1,
        })
    };
    rows(world, "exceptions").iter().enumerate().map(case).collect()
}

/// Writes the world into an empty store.
///
/// # Errors
/// When a row is not what the data card says, or the store fails.
pub async fn load(store: &dyn Store, world: &Value) -> anyhow::Result<()> {
    let as_of = instant(text(world, "now"))?;
    let mut tx = store.write().await?;
    for (kind, key, document) in objects(world)? {
        tx.put_object(kind, &key, &Object { document, as_of, revision: 0 }).await?;
        if kind == ObjectKind::PurchaseOrder {
            let normalised = crate::domain::party::normalised(&key);
            tx.add_reference("purchase_order_no", &normalised, kind, &key).await?;
        }
    }
    for order in rows(world, "orders") {
        let order = Order::fold(&order_events(world, order)?).context("an order was never placed")?;
        tx.put_order(&order, 0).await?;
    }
    for case in cases(world)? {
        tx.insert_case(&case).await?;
    }
    Ok(tx.commit().await?)
}
