//! Facts of an order in a scene where every number can be worked out by hand.

use anyhow::{Context as _, ensure};
use holdfast::flow::facts::{self, Facts};
use serde_json::json;

use crate::support::services::{World, item, plain_order, position};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(facts_are_what_is_known, unknown_stays_unknown, credit_follows_the_newest_word);

async fn line(world: &World, order: &str) -> anyhow::Result<Facts> {
    let mut tx = world.services.store.read().await?;
    facts::of_line(tx.as_mut(), order, Some(1), world.now()).await?.context("no facts")
}

async fn scene(world: &World) -> anyhow::Result<()> {
    let customer = json!({
        "customer_id": "C-1", "name": "Alder Pumps", "tier": "A",
        "credit_limit": { "amount": "1000", "currency": "EUR" }, "credit_exposure": { "amount": "900", "currency": "EUR" },
    });
    world.tell("customer.upserted", "c", customer).await?;
    let mut bolt = item("SKU-F");
    bolt["substitutes"] = json!(["SKU-G", "SKU-K"]);
    bolt["contract_prices"] = json!({ "C-1": { "amount": "8.00", "currency": "EUR" } });
    world.tell("item.upserted", "i", bolt).await?;
    world.tell("inventory.position", "p1", position("SKU-F", "12")).await?;
    for (id, sku, warehouse, available) in [
        ("p2", "SKU-F", "W-2", "30"),
        ("p3", "SKU-F", "W-3", "80"),
        ("p4", "SKU-G", "W-1", "5"),
        ("p5", "SKU-K", "W-1", "6"),
    ] {
        let data = json!({ "sku": sku, "warehouse_id": warehouse, "available": available });
        world.tell("inventory.position", id, data).await?;
    }
    let incoming = json!({
        "purchase_order_id": "B-1", "supplier_id": "V-1", "sku": "SKU-F", "quantity": "200",
        "due_at": "2026-03-03T15:00:00Z", "affects_orders": ["SO-F"],
    });
    world.tell("purchase_order.upserted", "b", incoming).await?;
    let mut first = plain_order("SO-E", "SKU-F");
    first["lines"][0]["promised_ship_at"] = json!("2026-03-03T15:00:00Z");
    world.tell("order.placed", "o1", first).await?;
    world.tell("order.placed", "o2", plain_order("SO-F", "SKU-F")).await?;
    Ok(())
}

async fn facts_are_what_is_known(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    scene(&world).await?;
    world.pass_h(2);
    let facts = line(&world, "SO-F").await?;
    let stock = facts.stock.as_ref().context("stock")?;
    ensure!(
        (stock.available, stock.demand_ahead, stock.shortfall, stock.conflict) == (12.0, 10.0, 0.0, 8.0),
        "{stock:?}"
    );
    ensure!(stock.competitors == ["SO-E"], "{stock:?}");
    ensure!(stock.alternate.as_ref().is_some_and(|a| a.warehouse_id == "W-3" && a.available == 80.0), "{stock:?}");
    let bolt = facts.item.as_ref().context("item")?;
    ensure!(bolt.substitute.as_ref().is_some_and(|s| s.sku == "SKU-K" && s.available == 6.0), "{bolt:?}");
    let own = facts.line.as_ref().context("line")?;
    ensure!(
        own.expected_price == Some(8.0) && own.price_gap == Some(0.25) && own.price_gap_amount == Some(20.0),
        "{own:?}"
    );
    ensure!(own.promised_in_h == Some(52.0) && own.open && !own.allocated && own.value == Some(100.0), "{own:?}");
    ensure!(facts.order.age_h == 2.0 && facts.order.due_in_h == Some(52.0) && facts.order.ship_to_complete);
    ensure!(facts.credit.over_limit == Some(-100.0), "{:?}", facts.credit);
    let supply = facts.purchase_order.as_ref().context("purchase order")?;
    ensure!(supply.purchase_order_id == "B-1" && supply.due_in_h == Some(28.0) && !supply.confirmed, "{supply:?}");
    let cited = |member: &str| facts.cites.get(member).map(|event| event.id.as_str());
    let cites = ["order", "line", "stock", "stock.alternate", "item", "item.substitute", "customer", "purchase_order"];
    ensure!(cites.map(cited) == ["o2", "o2", "p1", "p3", "i", "p5", "c", "b"].map(Some), "{:?}", facts.cites);
    let open = world.open_cases("SO-F").await?;
    ensure!(open.iter().any(|c| c.key.category.name() == "allocation_conflict"), "{open:?}");
    world.tell("order.cancelled", "x", json!({ "order_id": "SO-E" })).await?;
    let open = world.open_cases("SO-F").await?;
    ensure!(open.iter().all(|c| c.key.category.name() != "allocation_conflict"), "the competitor is gone: {open:?}");
    Ok(())
}

async fn unknown_stays_unknown(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let mut order = plain_order("SO-N", "SKU-N");
    order["currency"] = json!("USD");
    order["lines"][0]["unit_price"] = json!(null);
    order["lines"][0]["promised_ship_at"] = json!(null);
    world.tell("order.placed", "o", order).await?;
    world.tell("item.upserted", "i", item("SKU-N")).await?;
    let facts = line(&world, "SO-N").await?;
    ensure!(
        facts.stock.is_none() && facts.customer.is_none() && facts.purchase_order.is_none() && facts.shipment.is_none()
    );
    let own = facts.line.context("line")?;
    ensure!(
        own.expected_price.is_none() && own.price_gap.is_none() && own.value.is_none() && own.promised_in_h.is_none()
    );
    ensure!(facts.item.context("item")?.list_price.is_none(), "another currency is not converted");
    ensure!(facts.order.due_at.is_none() && facts.credit.over_limit.is_none());
    Ok(())
}

async fn credit_follows_the_newest_word(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    world.tell("order.placed", "o", plain_order("SO-C", "SKU-C")).await?;
    let condition = |about: &str, key: &str, kind: &str| json!({ about: key, "kind": kind });
    let steps = [
        ("customer_id", "C-1", "credit_held", true),
        ("order_id", "SO-C", "credit_released", false),
        ("order_id", "SO-C", "credit_held", true),
        ("customer_id", "C-1", "credit_released", false),
    ];
    for (number, (about, key, kind, held)) in steps.into_iter().enumerate() {
        world.pass_h(1);
        world.tell("finance.condition", &format!("f{number}"), condition(about, key, kind)).await?;
        let facts = line(&world, "SO-C").await?;
        ensure!(
            facts.credit.held == held && facts.cites["credit"].id == format!("f{number}"),
            "step {number}: {facts:?}"
        );
        ensure!(world.open_cases("SO-C").await?.len() == usize::from(held), "step {number}");
    }
    Ok(())
}
