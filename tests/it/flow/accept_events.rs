//! Identity, order of arrival, and what becomes of inputs that cannot be understood.

use anyhow::{Context as _, ensure};
use holdfast::domain::actor::Actor;
use holdfast::domain::party::ObjectKind;
use holdfast::domain::payload::{Customer, OrderStatus};
use holdfast::flow::accept::dead_letters::{self, DeadLetterFilter};
use holdfast::flow::accept::events::ItemStatus;
use holdfast::flow::objects;
use holdfast::ports::store::audit::AuditFilter;
use holdfast::ports::store::events::DeadLetterStatus;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::services::{World, event, plain_order, position};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(
    an_identity_is_taken_once,
    arrival_order_does_not_matter,
    older_master_data_never_overwrites,
    what_is_not_understood_is_kept,
    forged_and_future_events_are_kept_aside,
    data_say_when_the_envelope_does_not,
    letters_are_fixed_replayed_and_discarded,
);

async fn an_identity_is_taken_once(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let placed = event("order.placed", "e1", world.now(), plain_order("SO-1", "SKU-1"));
    let first = world.post(placed.clone()).await?;
    let again = world.post(placed.clone()).await?;
    ensure!(first.status == ItemStatus::Accepted && again.status == ItemStatus::Replayed, "{first:?} {again:?}");
    let mut changed = placed;
    changed["data"]["po_number"] = json!("other");
    let conflict = world.post(changed).await?;
    ensure!(conflict.status == ItemStatus::Conflict && conflict.recorded_digest == first.digest, "{conflict:?}");
    ensure!(conflict.digest != first.digest && conflict.digest.is_some(), "{conflict:?}");
    let order = world.order("SO-1").await?.context("no order")?;
    ensure!(order.po_number.as_deref() == Some("PO-SO-1"), "a conflict changes nothing");
    ensure!(world.services.store.read().await?.count_events().await? == 1);
    Ok(())
}

/// What would hide later facts, or pass for the service's own, is kept aside.
async fn forged_and_future_events_are_kept_aside(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let ahead = |hours| world.now() + SignedDuration::from_hours(hours);
    let future = event("inventory.position", "f", ahead(2), position("SKU-1", "900"));
    let refused = world.post(future).await?;
    ensure!(refused.status == ItemStatus::DeadLettered && refused.pointer.as_deref() == Some("/time"), "{refused:?}");
    let slow_clock =
        event("inventory.position", "g", world.now() + SignedDuration::from_mins(5), position("SKU-1", "9"));
    ensure!(world.post(slow_clock).await?.status == ItemStatus::Accepted);
    let mut forged = event("order.placed", "h", world.now(), plain_order("SO-1", "SKU-1"));
    forged["source"] = json!("/holdfast/execute");
    let refused = world.post(forged).await?;
    ensure!(refused.status == ItemStatus::DeadLettered && refused.pointer.as_deref() == Some("/source"), "{refused:?}");
    Ok(())
}

/// An envelope without a time is placed by what its data says.
async fn data_say_when_the_envelope_does_not(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let placed = event("order.placed", "e0", world.now() - SignedDuration::from_hours(9), plain_order("SO-1", "SKU-1"));
    world.post(placed).await?;
    for (id, status, hours) in [("late", "picked", 1), ("early", "released", 5)] {
        let at = world.now() - SignedDuration::from_hours(hours);
        let mut status = event("order.status", id, at, json!({ "order_id": "SO-1", "status": status, "at": at }));
        status.as_object_mut().context("an object")?.remove("time");
        ensure!(world.post(status).await?.status == ItemStatus::Accepted);
    }
    let order = world.order("SO-1").await?.context("no order")?;
    ensure!(order.lines[0].status == OrderStatus::Picked, "{:?}", order.lines[0].status);
    Ok(())
}

fn story(start: Timestamp) -> anyhow::Result<Vec<Value>> {
    let at = |hours: i64| start.checked_add(SignedDuration::from_hours(hours));
    let status = |status: &str, at: Timestamp| json!({ "order_id": "SO-2", "status": status, "at": at });
    let price = |price: &str| json!({ "order_id": "SO-2", "lines": [{ "line_no": 1, "unit_price": price }] });
    let failed = |resolved: bool| json!({ "order_id": "SO-2", "system": "edi", "interface": "in", "document_type": "850", "resolved": resolved });
    let promised = json!({ "order_id": "SO-2", "line_no": 1, "promised_ship_at": at(90)? });
    Ok(vec![
        event("order.placed", "e0", at(0)?, plain_order("SO-2", "SKU-2")),
        event("order.status", "e1", at(1)?, status("validated", at(1)?)),
        event("integration.failed", "e2", at(2)?, failed(false)),
        event("order.changed", "e3", at(3)?, price("12.00")),
        event("order.promised", "e4", at(4)?, promised),
        event("integration.failed", "e5", at(5)?, failed(true)),
        event("order.status", "e6", at(6)?, status("released", at(6)?)),
    ])
}

async fn arrival_order_does_not_matter(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let item = crate::support::services::item("SKU-2");
    world.tell("item.upserted", "i", item).await?;
    let events = story(world.now())?;
    world.pass_h(10);
    for item in events.iter().rev() {
        let result = world.post(item.clone()).await?;
        ensure!(result.status == ItemStatus::Accepted, "{result:?}");
    }
    let order = world.order("SO-2").await?.context("events before the placement are kept")?;
    let recorded = world.services.store.read().await?.events_of(ObjectKind::Order, "SO-2").await?;
    ensure!(recorded.len() == events.len());
    ensure!(holdfast::domain::order::Order::fold(&recorded) == Some(order.clone()), "as if they had come in order");
    let line = &order.lines[0];
    ensure!(
        line.unit_price == Some("12.00".parse()?) && line.promises.len() == 2 && order.integration.is_empty(),
        "{order:?}"
    );
    let open = world.open_cases("SO-2").await?;
    ensure!(
        open.len() == 1 && open[0].key.category.name() == "pricing_discrepancy",
        "what had cleared is not raised: {open:?}"
    );
    Ok(())
}

async fn older_master_data_never_overwrites(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let customer = |name: &str| json!({ "customer_id": "C-9", "name": name, "invented_later": true });
    let (before, now) = (world.now().checked_sub(SignedDuration::from_hours(2))?, world.now());
    world.tell_at("customer.upserted", "new", now, customer("New name")).await?;
    world.tell_at("customer.upserted", "old", before, customer("Old name")).await?;
    let mut tx = world.services.store.read().await?;
    let known = objects::read::<Customer>(tx.as_mut(), ObjectKind::Customer, "C-9").await?.context("no customer")?;
    ensure!(known.data.name == "New name" && known.cite.id == "new", "{known:?}");
    ensure!(tx.events_of(ObjectKind::Customer, "C-9").await?.len() == 2, "the late event is recorded");
    Ok(())
}

/// Wrong inputs, each with the pointer that its refusal must have.
fn wrong(world: &World) -> Vec<(Value, &'static str)> {
    let good = |kind: &str, data: Value| event(kind, "x", world.now(), data);
    let placed = |path: &str, value: Value| {
        let mut item = good("order.placed", plain_order("SO-3", "SKU-3"));
        if let Some(member) = item.pointer_mut(path) {
            *member = value;
        }
        item
    };
    let mut twice = good("order.placed", plain_order("SO-3", "SKU-3"));
    let line = twice["data"]["lines"][0].clone();
    twice["data"]["lines"] = json!([line.clone(), line]);
    let mut named = good("item.upserted", json!({}));
    named["My_Attribute"] = json!(1);
    vec![
        (json!("no object"), ""),
        (json!({ "specversion": "0.3" }), "/specversion"),
        (json!({ "specversion": "1.0", "source": "/s", "type": "io.holdfast.item.upserted.v1" }), "/id"),
        (json!({ "specversion": "1.0", "id": "1", "source": "a b", "type": "t" }), "/source"),
        (placed("/type", json!("io.holdfast.nothing.v1")), "/type"),
        (placed("/time", json!("yesterday")), "/time"),
        (placed("/data", json!(null)), "/data"),
        (placed("/data/order_id", json!(" ")), "/data/order_id"),
        (placed("/data/order_id", json!(7)), "/data/order_id"),
        (placed("/data/currency", json!("euro")), "/data/currency"),
        (placed("/data/lines/0/quantity", json!("-1")), "/data/lines/0/quantity"),
        (placed("/data/lines/0/quantity", json!("many")), "/data/lines/0/quantity"),
        (placed("/data/lines/0/line_no", json!("one")), "/data/lines/0/line_no"),
        (placed("/data/po_number", json!("a\u{0}b")), "/data/po_number"),
        (placed("/data/ship_to", json!("x".repeat(300_000))), ""),
        (placed("/data/lines", json!([])), "/data/lines"),
        (twice, "/data/lines/1/line_no"),
        (named, "/My_Attribute"),
        (good("finance.condition", json!({ "kind": "credit_held" })), "/data"),
        (
            good("warehouse.upserted", json!({ "warehouse_id": "W", "name": "W", "cut_off_local_time": "late" })),
            "/data/cut_off_local_time",
        ),
    ]
}

async fn what_is_not_understood_is_kept(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    for (item, pointer) in wrong(&world) {
        let result = world.post(item.clone()).await?;
        let shown = item.to_string().chars().take(200).collect::<String>();
        ensure!(result.status == ItemStatus::DeadLettered, "{shown}: {result:?}");
        ensure!(result.pointer.as_deref() == Some(pointer), "{shown}: {:?} {:?}", result.pointer, result.detail);
        let letter = dead_letters::get(&world.services, result.dead_letter_id.context("no letter")?).await?;
        ensure!(letter.body == item && letter.status == DeadLetterStatus::Open && !letter.reason.is_empty());
    }
    ensure!(world.services.store.read().await?.count_events().await? == 0);
    Ok(())
}

async fn letters_are_fixed_replayed_and_discarded(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let services = &world.services;
    let operator = Actor::Service { subject: "operator".into() };
    let mut letters = Vec::new();
    for order in ["SO-4", "SO-5", "SO-6"] {
        let mut item = event("order.placed", order, world.now(), plain_order(order, "SKU-4"));
        item["data"]["lines"][0]["quantity"] = json!("0");
        world.pass_h(1);
        letters.push(world.post(item).await?.dead_letter_id.context("no letter")?);
    }
    let refused = dead_letters::replay(services, operator.clone(), letters[0]).await?;
    ensure!(refused.status == ItemStatus::DeadLettered, "unfixed it is refused again: {refused:?}");
    for (id, order) in letters.iter().zip(["SO-4", "SO-5"]) {
        let version = dead_letters::get(services, *id).await?.version;
        let fixed = event("order.placed", order, world.now(), plain_order(order, "SKU-4"));
        dead_letters::fix(services, operator.clone(), *id, fixed, version).await?;
    }
    let done = dead_letters::replay(services, operator.clone(), letters[0]).await?;
    ensure!(done.status == ItemStatus::Accepted && world.order("SO-4").await?.is_some(), "{done:?}");
    ensure!(dead_letters::replay(services, operator.clone(), letters[0]).await.is_err(), "once only");
    let filter = DeadLetterFilter { event_type: Some("io.holdfast.order.placed.v1".into()), source: None };
    let all = dead_letters::replay_all(services, operator.clone(), &filter).await?;
    let statuses: Vec<ItemStatus> = all.iter().map(|result| result.status).collect();
    ensure!(statuses == [ItemStatus::Accepted, ItemStatus::DeadLettered], "{all:?}");
    let last = dead_letters::get(services, letters[2]).await?;
    dead_letters::discard(services, operator, letters[2], last.version, "a test order").await?;
    ensure!(dead_letters::list(services, Some(DeadLetterStatus::Open), None, 10).await?.is_empty());
    let filter = AuditFilter { subject: Some(format!("dead_letter:{}", letters[0])), action: None };
    let trail = services.store.read().await?.audit_after(0, &filter, 50).await?;
    let actions: Vec<&str> = trail.iter().map(|entry| entry.action.as_str()).collect();
    ensure!(
        actions == ["dead_letter.filed", "dead_letter.refused", "dead_letter.fixed", "dead_letter.replayed"],
        "{actions:?}"
    );
    Ok(())
}
