//! The lifecycle of detected exceptions, for each of the nine categories.

use anyhow::{Context as _, ensure};
use holdfast::domain::actor::{Actor, Person, Role};
use holdfast::domain::case::{Case, CaseState, Category, Origin, Resolution};
use holdfast::flow::accept::detect;
use holdfast::flow::cases;
use serde_json::{Value, json};

use crate::support::services::{START, World, event, item, plain_order, position};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(every_category_lives, time_raises_and_news_clears, upstream_and_rules_share_a_case, a_person_closes);

/// What makes a category's condition true and false on an order.
struct Trouble {
    category: Category,
    line_no: Option<u32>,
    raise: (&'static str, Value),
    clear: (&'static str, Value),
}

fn troubles(order: &str, sku: &str) -> Vec<Trouble> {
    let full = "Am Kanal 55, 48147 Muenster, DE";
    let change = |more: Value| {
        let mut data = json!({ "order_id": order });
        if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
            data.extend(more);
        }
        data
    };
    let priced = |price: &str| change(json!({ "lines": [{ "line_no": 1, "unit_price": price }] }));
    let finance = |kind: &str| change(json!({ "kind": kind, "amount": { "amount": "100.00", "currency": "EUR" } }));
    let document = |resolved: bool| {
        change(json!({ "system": "edi", "interface": "orders-in", "document_type": "850", "resolved": resolved }))
    };
    let moved = |milestone: &str| {
        change(json!({ "shipment_id": format!("S-{order}"), "milestone": milestone, "at": "2026-03-02T09:00:00Z" }))
    };
    let wish = |requested: bool| change(json!({ "requested": requested, "ship_to": full }));
    let new = |category, line_no, kind, raise, clear| Trouble {
        category,
        line_no,
        raise: (kind, raise),
        clear: (kind, clear),
    };
    vec![
        new(Category::InventoryShortage, Some(1), "inventory.position", position(sku, "4"), position(sku, "100")),
        new(Category::AllocationConflict, Some(1), "inventory.position", position(sku, "65"), position(sku, "100")),
        new(
            Category::InvalidShipTo,
            None,
            "order.changed",
            change(json!({ "ship_to": "Muenster" })),
            change(json!({ "ship_to": full })),
        ),
        new(Category::PricingDiscrepancy, Some(1), "order.changed", priced("12.00"), priced("10.00")),
        new(Category::CreditHold, None, "finance.condition", finance("credit_held"), finance("credit_released")),
        new(Category::IntegrationFailure, None, "integration.failed", document(false), document(true)),
        new(Category::OrderChange, None, "order.changed", wish(true), wish(false)),
        new(Category::ShipmentStatusFailure, None, "shipment.milestone", moved("pickup_missed"), moved("picked_up")),
        new(
            Category::InvoiceReleaseDelay,
            None,
            "finance.condition",
            finance("invoice_blocked"),
            finance("invoice_released"),
        ),
    ]
}

async fn open_of(world: &World, order: &str, category: Category) -> anyhow::Result<Vec<Case>> {
    Ok(world.open_cases(order).await?.into_iter().filter(|case| case.key.category == category).collect())
}

/// An order with its own item, stock for all, and another order that comes first.
async fn set_up(world: &World, order: &str, sku: &str) -> anyhow::Result<()> {
    world.tell("item.upserted", &format!("{order}-i"), item(sku)).await?;
    world.tell("inventory.position", &format!("{order}-p"), position(sku, "100")).await?;
    let mut first = plain_order(&format!("{order}-first"), sku);
    first["lines"][0]["quantity"] = json!("60");
    first["lines"][0]["promised_ship_at"] = json!("2026-03-03T15:00:00Z");
    world.tell("order.placed", &format!("{order}-f"), first).await?;
    world.tell("order.placed", &format!("{order}-o"), plain_order(order, sku)).await?;
    ensure!(world.cases(order).await?.is_empty(), "a plain order has no case: {:?}", world.cases(order).await?);
    Ok(())
}

async fn every_category_lives(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    for (number, category) in Category::ALL.into_iter().enumerate() {
        world.clock.set(START.parse()?);
        let (order, sku) = (format!("SO-{number}"), format!("SKU-{number}"));
        set_up(&world, &order, &sku).await?;
        let status = match category {
            Category::OrderChange => Some("released"),
            Category::InvoiceReleaseDelay => Some("shipped"),
            _ => None,
        };
        if let Some(status) = status {
            let data = json!({ "order_id": order, "status": status, "at": world.now() });
            world.tell("order.status", &format!("{order}-s"), data).await?;
        }
        let trouble = troubles(&order, &sku).into_iter().find(|t| t.category == category).context("no trouble")?;
        lives(&world, &order, &trouble).await.with_context(|| category.name())?;
    }
    Ok(())
}

async fn lives(world: &World, order: &str, trouble: &Trouble) -> anyhow::Result<()> {
    let tell =
        async |id: &str, (kind, data): &(&str, Value)| world.tell(kind, &format!("{order}-{id}"), data.clone()).await;
    world.pass_h(1);
    tell("raise-1", &trouble.raise).await?;
    let open = open_of(world, order, trouble.category).await?;
    let [first] = open.as_slice() else { anyhow::bail!("one case opens, not {open:?}") };
    ensure!(first.state == CaseState::New && first.key.line_no == trouble.line_no, "{first:?}");
    ensure!(matches!(first.origin, Origin::Rule { .. }) && first.caused_by.id.ends_with("raise-1"), "{first:?}");
    ensure!(!first.owner.is_empty() && !first.detail.contains('{') && first.opened_at == world.now(), "{first:?}");

    world.pass_h(1);
    tell("raise-again", &trouble.raise).await?;
    let still = open_of(world, order, trouble.category).await?;
    ensure!(still.len() == 1 && still[0].id == first.id, "the same condition is the same case");

    world.pass_h(1);
    tell("clear-1", &trouble.clear).await?;
    ensure!(open_of(world, order, trouble.category).await?.is_empty(), "it resolves by itself");
    let closed = case(world, first).await?;
    let CaseState::Resolved { at, resolution: Resolution::ConditionCleared { by } } = &closed.state else {
        anyhow::bail!("{closed:?}")
    };
    ensure!(by.id.ends_with("clear-1") && *at == world.now(), "{closed:?}");

    world.pass_h(2);
    tell("raise-2", &trouble.raise).await?;
    let second = open_of(world, order, trouble.category).await?;
    ensure!(second.len() == 1 && second[0].id != first.id && second[0].reopens == Some(first.id), "{second:?}");
    ensure!(case(world, first).await? == closed, "a closed case is not written into");

    world.pass_h(1);
    tell("clear-2", &trouble.clear).await?;
    world.pass_h(100);
    tell("raise-3", &trouble.raise).await?;
    let third = open_of(world, order, trouble.category).await?;
    ensure!(third.len() == 1 && third[0].reopens.is_none(), "outside the window it is a case of its own: {third:?}");
    Ok(())
}

async fn case(world: &World, known: &Case) -> anyhow::Result<Case> {
    world.services.store.read().await?.case(known.id).await?.context("the case is gone")
}

async fn time_raises_and_news_clears(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    world.tell("order.placed", "o", plain_order("SO-T", "SKU-T")).await?;
    let moved = |milestone: &str| {
        json!({
            "shipment_id": "S-T", "order_id": "SO-T", "milestone": milestone, "at": world.now(),
            "estimated_at": "2026-03-02T19:00:00Z",
        })
    };
    world.tell("shipment.milestone", "m1", moved("in_transit")).await?;
    world.pass_h(15);
    ensure!(detect::sweep(&world.services, 10).await? == 0, "nothing is due before the tolerance has passed");
    world.pass_h(2);
    ensure!(detect::sweep(&world.services, 10).await? == 1, "the order is looked at when time may have changed it");
    let open = open_of(&world, "SO-T", Category::ShipmentStatusFailure).await?;
    ensure!(open.len() == 1 && open[0].key.location == "S-T", "{open:?}");
    ensure!(detect::sweep(&world.services, 10).await? == 0, "and not again and again");
    world.tell("shipment.milestone", "m2", moved("delivered")).await?;
    ensure!(open_of(&world, "SO-T", Category::ShipmentStatusFailure).await?.is_empty());
    Ok(())
}

async fn upstream_and_rules_share_a_case(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    world.tell("order.placed", "o", plain_order("SO-U", "SKU-U")).await?;
    let raised = json!({ "order_id": "SO-U", "line_no": 1, "category": "inventory_shortage", "detail": "WMS says so" });
    world.tell("exception.raised", "u1", raised.clone()).await?;
    let open = world.open_cases("SO-U").await?;
    ensure!(open.len() == 1 && open[0].origin == Origin::Upstream && open[0].detail == "WMS says so", "{open:?}");
    world.tell("inventory.position", "p1", position("SKU-U", "4")).await?;
    let same = world.open_cases("SO-U").await?;
    ensure!(same.len() == 1 && same[0].id == open[0].id, "our rule finds the same and opens no second case: {same:?}");
    world
        .tell("exception.cleared", "u2", json!({ "order_id": "SO-U", "line_no": 1, "category": "inventory_shortage" }))
        .await?;
    let ours = world.open_cases("SO-U").await?;
    ensure!(ours.len() == 1 && matches!(ours[0].origin, Origin::Rule { .. }), "the stock is still short: {ours:?}");
    world.tell("exception.raised", "u3", raised).await?;
    ensure!(world.open_cases("SO-U").await?.len() == 1, "upstream joins the case that is open");
    world.tell("inventory.position", "p2", position("SKU-U", "40")).await?;
    let theirs = world.open_cases("SO-U").await?;
    ensure!(theirs.len() == 1 && theirs[0].origin == Origin::Upstream, "only its own word clears it: {theirs:?}");
    world.tell("order.cancelled", "c", json!({ "order_id": "SO-U" })).await?;
    ensure!(world.open_cases("SO-U").await?.is_empty());
    let last = world.cases("SO-U").await?.into_iter().find(|case| case.id == theirs[0].id).context("gone")?;
    ensure!(matches!(last.state, CaseState::Cancelled { .. }), "{last:?}");
    Ok(())
}

async fn a_person_closes(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    world.tell("order.placed", "o", plain_order("SO-P", "SKU-P")).await?;
    world.tell("inventory.position", "p1", position("SKU-P", "4")).await?;
    let open = world.open_cases("SO-P").await?;
    let person = Actor::Person(Person { subject: "ann".into(), name: "Ann".into(), roles: vec![Role::SupplyPlanner] });
    let service = Actor::Service { subject: "bot".into() };
    let services = &world.services;
    ensure!(cases::close(services, service, open[0].id, 1, "because".into()).await.is_err(), "a service may not judge");
    ensure!(
        cases::close(services, person.clone(), open[0].id, 7, "because".into()).await.is_err(),
        "of an old version"
    );
    cases::close(services, person.clone(), open[0].id, open[0].version, "stock is on the truck".into()).await?;
    let again = |id: &str, available: &str| event("inventory.position", id, world.now(), position("SKU-P", available));
    world.pass_h(1);
    world.tell("order.status", "s", json!({ "order_id": "SO-P", "status": "validated", "at": world.now() })).await?;
    ensure!(world.open_cases("SO-P").await?.is_empty(), "the judged condition does not open again");
    world.post(again("p2", "3")).await?;
    let worse = world.open_cases("SO-P").await?;
    ensure!(worse.len() == 1 && worse[0].reopens == Some(open[0].id), "another shortage does: {worse:?}");
    cases::close(services, person, worse[0].id, worse[0].version, "also on the truck".into()).await?;
    world.pass_h(1);
    world.post(again("p3", "30")).await?;
    world.pass_h(1);
    world.post(again("p4", "3")).await?;
    let back = world.open_cases("SO-P").await?;
    ensure!(back.len() == 1 && back[0].reopens == Some(worse[0].id), "gone and back is a new case: {back:?}");
    Ok(())
}
