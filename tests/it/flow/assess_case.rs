//! Assessing through the store: what is kept for training is what was seen, and nothing later changes it.

use holdfast::domain::case::{CaseState, Category};
use holdfast::flow::assess::case::assess_order;
use holdfast::flow::assess::features::{self, SCHEMA_VERSION};
use holdfast::flow::facts;
use holdfast::flow::learn::history;
use holdfast::ports::store::history::Rate;
use serde_json::{Value, json};

use crate::support::services::{World, item, plain_order, position};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(rows_are_kept_as_seen, a_case_gives_a_row_a_day);

/// The features of line 1 of an order, as of now.
async fn seen(world: &World, order_id: &str, category: Option<Category>) -> anyhow::Result<Vec<Value>> {
    let mut tx = world.services.store.read().await?;
    let facts = facts::of_line(tx.as_mut(), order_id, Some(1), world.now()).await?.unwrap();
    let rates = features::rates(tx.as_mut(), &facts).await?;
    Ok(features::of(&facts, &rates, category))
}

async fn short_order(world: &World) -> anyhow::Result<()> {
    world.tell("item.upserted", "i-1", item("SKU-1")).await?;
    world.tell("inventory.position", "p-1", position("SKU-1", "4")).await?;
    world.tell("order.placed", "o-1", plain_order("SO-1", "SKU-1")).await?;
    Ok(())
}

async fn rows_are_kept_as_seen(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    short_order(&world).await?;
    let placed = seen(&world, "SO-1", None).await?;
    world.pass_h(1);
    let case = world.open_cases("SO-1").await?.remove(0);
    assert_eq!((case.key.category, &case.state), (Category::InventoryShortage, &CaseState::New));
    let found = seen(&world, "SO-1", Some(case.key.category)).await?;
    assess_order(&world.services, "SO-1", world.now()).await?;
    let case = world.open_cases("SO-1").await?.remove(0);
    assert_eq!(case.state, CaseState::Triaged { at: world.now() });
    let assessment = case.assessment.unwrap();
    assert_eq!(assessment.miss_probability, None, "without a model it abstains");
    assert!(assessment.best_action.is_some() && assessment.value.is_some(), "and ranks all the same: {assessment:?}");

    // Everything that the features speak of changes, then the line ships late.
    world.pass_h(4);
    world.tell("inventory.position", "p-2", position("SKU-1", "400")).await?;
    let promise = json!({ "order_id": "SO-1", "line_no": 1, "promised_ship_at": "2026-03-20T09:00:00Z" });
    world.tell("order.promised", "o-2", promise).await?;
    world.pass_h(80);
    let shipped = json!({ "order_id": "SO-1", "line_no": 1, "status": "shipped", "at": world.now() });
    world.tell("order.status", "o-3", shipped).await?;
    world.pass_h(1);
    let told = json!({ "order_id": "SO-1", "line_no": 1, "shipped_at": world.now(), "missed": false });
    world.tell("outcome.recorded", "o-4", told).await?;

    let mut tx = world.services.store.read().await?;
    let history = tx.history(SCHEMA_VERSION, None).await?;
    let rows: Vec<&Vec<Value>> = history.iter().map(|row| &row.assessment.features).collect();
    assert_eq!(rows, [&placed, &found]);
    let set = history::training_set(&history)?;
    assert_eq!((set.rows, set.labels), (vec![placed, found], vec![true, true]), "the first known outcome stands");
    for (kind, key) in [("all", "all"), ("customer", "C-1"), ("carrier", "K-1"), ("warehouse", "W-1"), ("sku", "SKU-1")]
    {
        assert_eq!(tx.rate(kind, key).await?, Rate { cases: 1, missed: 1 }, "{kind}");
    }
    drop(tx);
    world.tell("order.placed", "o-5", plain_order("SO-2", "SKU-1")).await?;
    let at = features::schema().iter().position(|spec| spec.name == "late_rate_customer").unwrap();
    let rate = seen(&world, "SO-2", None).await?[at].as_f64().unwrap();
    assert!(rate > 0.5 && rate < 0.6, "one late line counts, and little: {rate}");
    Ok(())
}

async fn a_case_gives_a_row_a_day(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    short_order(&world).await?;
    let id = world.open_cases("SO-1").await?.remove(0).id;
    for (hours, rows) in [(0, 1), (1, 1), (22, 1), (1, 2)] {
        world.pass_h(hours);
        assess_order(&world.services, "SO-1", world.now()).await?;
        let kept = world.services.store.read().await?.assessments_of(id, 10).await?;
        assert_eq!(kept.len(), rows, "after {hours} h more");
        assert!(kept.iter().all(|row| row.case_id == Some(id) && row.line_no == 1));
    }
    Ok(())
}
