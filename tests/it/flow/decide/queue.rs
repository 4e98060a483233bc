//! Whose turn it is: pins, the aging floor, worth; and what a shift can do.

use anyhow::{Context as _, ensure};
use holdfast::domain::case::{Case, Category};
use holdfast::domain::queue::{QueuePlace, QueueRank};
use holdfast::flow::assess::case::assess_order;
use holdfast::flow::decide::inline::InlineCase;
use holdfast::flow::decide::prioritize::{PrioritizeRequest, prioritize, replay};
use holdfast::flow::decide::queue::{BUILT_IN, QueueRules};
use holdfast::flow::execute::worker::Worker;
use holdfast::ports::store::cases::CaseFilter;
use holdfast_training::ranking::queue::{QueueOptions, Waiting, order};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::ada;
use crate::support::services::{World, item, plain_order, position};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(the_worklist_follows_the_queue, a_shift_is_planned_and_replayed, pins_come_first_and_say_why);

fn inline(reference: &str, value: f64, due_in_h: i64, attributes: Value) -> anyhow::Result<InlineCase> {
    let now: Timestamp = "2026-03-02T09:00:00Z".parse()?;
    Ok(InlineCase {
        reference: reference.to_owned(),
        category: Category::CreditHold,
        facts: json!({ "order": { "order_id": reference, "currency": "EUR", "value": value,
            "due_at": now + SignedDuration::from_hours(due_in_h) }, "credit": { "held": true } }),
        opened_at: None,
        attributes: attributes.as_object().cloned().unwrap_or_default(),
        features: None,
    })
}

fn names(cases: &[holdfast::domain::decision::RankedCase]) -> Vec<&str> {
    cases.iter().filter_map(|case| case.reference.as_deref()).collect()
}

async fn pins_come_first_and_say_why(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let mut old = inline("old", 100.0, 96, Value::Null)?;
    old.opened_at = Some("2026-02-01T09:00:00Z".parse()?);
    let request = PrioritizeRequest {
        inline: vec![
            inline("large", 90_000.0, 96, Value::Null)?,
            inline("small", 1000.0, 96, json!({ "safety": true }))?,
            inline("late", 90_000.0, -24, Value::Null)?,
            inline("not", 10.0, 96, json!({ "safety": "perhaps", "legal": false }))?,
            old,
        ],
        as_of: Some("2026-03-02T09:00:00Z".parse()?),
        ..PrioritizeRequest::default()
    };
    let decision = prioritize(&world.services, request, &ada()).await?;
    ensure!(names(&decision.output) == ["small", "old", "large", "late", "not"], "{:?}", names(&decision.output));
    let place = |at: usize| decision.output[at].queue.clone().context("no place");
    ensure!(place(0)?.rank == QueueRank::Pinned && place(0)?.why.starts_with("safety: "), "{:?}", place(0));
    ensure!(place(1)?.rank == QueueRank::Aged && place(1)?.waited_h > 690.0 && place(1)?.head_within_h == 240.0);
    let large = place(2)?;
    ensure!(large.rank == QueueRank::Worth && large.per_minute == large.value / large.minutes, "{large:?}");
    ensure!(large.useful_min.is_some() && place(3)?.useful_min.is_none(), "past its time it relieves nothing");
    ensure!(place(4)?.rank == QueueRank::Lost, "{:?}", place(4));
    let keys: Vec<f64> = decision.output.iter().filter_map(|c| c.queue.as_ref()).map(|p| p.key).collect();
    ensure!(keys.is_sorted_by(|a, b| a >= b), "the key orders as the queue does: {keys:?}");
    Ok(())
}

async fn worklist(world: &World) -> anyhow::Result<Vec<Case>> {
    let filter = CaseFilter { open: Some(true), ..CaseFilter::default() };
    Ok(world.services.store.read().await?.list_cases(&filter, None, 50).await?)
}

async fn the_worklist_follows_the_queue(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    world.tell("item.upserted", "i", item("SKU")).await?;
    world.tell("inventory.position", "p", position("SKU", "0")).await?;
    for (order_id, quantity) in [("SO-1", "10"), ("SO-2", "900"), ("SO-3", "20")] {
        let mut order = plain_order(order_id, "SKU");
        order["lines"][0]["quantity"] = json!(quantity);
        world.tell("order.placed", order_id, order).await?;
        assess_order(&world.services, order_id, world.now()).await?;
    }
    let of = |cases: &[Case]| cases.iter().map(|case| case.key.order_id.clone()).collect::<Vec<_>>();
    ensure!(of(&worklist(&world).await?) == ["SO-2", "SO-3", "SO-1"]);
    let raised = json!({ "order_id": "SO-1", "category": "invalid_ship_to", "detail": "Lithium cells go to a hospital.",
        "attributes": { "legal": true } });
    world.tell("exception.raised", "x", raised).await?;
    assess_order(&world.services, "SO-1", world.now()).await?;
    let cases = worklist(&world).await?;
    ensure!(of(&cases)[..2] == ["SO-1", "SO-2"] && cases[0].key.category == Category::InvalidShipTo);
    let place = cases[0].assessment.as_ref().and_then(|a| a.queue.clone()).context("no place")?;
    ensure!(place.why.starts_with("law: "), "{place:?}");
    // The clock alone brings the small ones to the head: the worker looks at them when their time has come.
    world.pass_h(241);
    Worker::new(world.services.clone(), "w").run_once(world.now()).await;
    let cases = worklist(&world).await?;
    let ranks: Vec<_> =
        cases.iter().filter_map(|c| c.assessment.as_ref()?.queue.as_ref()).map(|p: &QueuePlace| p.rank).collect();
    ensure!(ranks == [QueueRank::Pinned, QueueRank::Aged, QueueRank::Aged, QueueRank::Aged], "{ranks:?}");
    Ok(())
}

async fn a_shift_is_planned_and_replayed(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let mut cases = vec![inline("lost", 10.0, 96, Value::Null)?];
    for (name, value) in [("a", 50_000.0), ("b", 40_000.0), ("c", 30_000.0), ("d", 20_000.0)] {
        cases.push(inline(name, value, 96, Value::Null)?);
    }
    let request = PrioritizeRequest {
        inline: cases,
        as_of: Some("2026-03-02T09:00:00Z".parse()?),
        capacity_minutes: Some(20.0),
        max_results: Some(1),
        ..PrioritizeRequest::default()
    };
    let decision = prioritize(&world.services, request.clone(), &ada()).await?;
    let plan = decision.plan.clone().context("no plan")?;
    ensure!(decision.output.len() == 1, "the plan is of all that was asked for, the answer of what was wanted");
    ensure!(plan.handled.len() + plan.left.len() == 5 && !plan.handled.is_empty() && plan.minutes <= 20.0, "{plan:?}");
    ensure!(plan.handled[0].reference.as_deref() == Some("a") && plan.handled[0].begins_after_min == Some(0.0));
    let saves: f64 = plan.handled.iter().map(|case| case.saves).sum();
    ensure!((plan.saves - saves).abs() < 1e-9 && saves > 0.0 && plan.forgone > 0.0);
    let out = plan.left.iter().find(|case| case.reference.as_deref() == Some("d")).context("it does not fit")?;
    ensure!(out.latest_useful_at.is_some() && out.why.contains("minutes and"), "{out:?}");
    let lost = plan.left.iter().find(|case| case.reference.as_deref() == Some("lost")).context("not there")?;
    ensure!(lost.why.starts_with("no action saves"), "{lost:?}");
    ensure!(replay(&world.services, decision.id).await?.identical);
    let more = PrioritizeRequest { capacity_minutes: Some(500.0), ..request };
    let all = prioritize(&world.services, more, &ada()).await?.plan.context("no plan")?;
    ensure!(all.handled.len() == 4 && all.saves > plan.saves, "{all:?}");
    Ok(())
}

#[test]
fn queue_rules_say_what_is_wrong() {
    assert_eq!(QueueRules::load(BUILT_IN).unwrap().head_within_h(), 240);
    let error = |text: &str| QueueRules::load(text).unwrap_err().to_string();
    assert!(error("head_within_h = 0").contains("take from 1 to 8760 hours"));
    assert!(error("head_within_h = 5\npins = [{ reason = \"r\", when = \"1 +\" }]").contains("pin `r`"));
}

proptest! {
    /// However much worth comes in, a case of no worth is at the head once it is as old as the floor and those older than
    /// it are done; it is not there before worth has had its turn.
    #[test]
    fn any_case_reaches_the_head(
        older in 0_usize..6,
        arrivals in prop::collection::vec(1.0..1e6f64, 40..80),
        floor in 5_u32..20,
    ) {
        let options = QueueOptions { waited_minutes_max: f64::from(floor) };
        let mut queue: Vec<(f64, f64)> = (0..=older).map(|i| (0.0, i as f64 / 100.0)).collect();
        let ours = queue[older];
        let mut handled_at = None;
        // One case comes and one is handled every minute.
        for (minute, value) in arrivals.iter().enumerate() {
            let now = minute as f64 + 1.0;
            queue.push((*value, now));
            let waiting = |&(value, since): &(f64, f64)| Waiting {
                value, effort_minutes: 1.0, waited_minutes: now - since, useful_minutes: None, pinned: false,
            };
            let first = order(&queue.iter().map(waiting).collect::<Vec<_>>(), &options)[0];
            if queue.remove(first) == ours {
                handled_at = Some(now);
                break;
            }
        }
        let bound = f64::from(floor) + older as f64 + 2.0;
        prop_assert!(handled_at.is_some_and(|at| at <= bound && at > f64::from(floor)), "{handled_at:?} of {bound}");
    }
}
