//! When a line ships, with what certainty, and when the model abstains: as trained, as served, as heard of outcomes.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use holdfast::domain::decision::{Risk, ShipsBasis};
use holdfast::domain::outcome::Assessment;
use holdfast::flow::assess::features::{self, SCHEMA_VERSION};
use holdfast::flow::assess::risk::{self, Asked};
use holdfast::flow::decide::prioritize::{PrioritizeRequest, prioritize, replay};
use holdfast::flow::learn::registry;
use holdfast::ports::tabular::{RiskModel, TabularError};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::decide::world::{ada, short};
use super::learn::{School, line};
use crate::support::services::World;
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(an_outcome_moves_the_interval_and_no_decision_that_was_made);

/// A school with a serving version and the row of a line that it knows.
async fn serving() -> anyhow::Result<(School, Vec<Value>)> {
    let school = School::open().await?;
    school.live_through(900, false).await?;
    let trained = school.train().await?;
    let coverage = trained.report.ship_date.context("no interval")?;
    ensure!((0.8..=1.0).contains(&coverage.adaptive), "{coverage}");
    ensure!(trained.version.metrics["ship_date_coverage"] == coverage.adaptive);
    ensure!(trained.report.notes.is_empty(), "{:?}", trained.report.notes);
    registry::serve(school.services(), &school.ctx(), "miss-risk", &trained.version.version, "proposal-1").await?;
    Ok((school, line(1, false).0.features))
}

#[tokio::test]
async fn a_line_is_told_when_it_ships_and_an_unknown_item_makes_the_model_abstain() -> anyhow::Result<()> {
    let (school, mut row) = serving().await?;
    let models = &school.services().models;
    let as_of = school.world.now();
    let asked = Asked { order_id: "SO-1", as_of, margins: None };
    let risk = risk::of(models, &asked, &row).map_err(|abstained| anyhow::anyhow!(abstained.why))?;
    let ([low, high], basis) = (risk.ships.context("no interval")?, risk.ships_basis.context("no basis")?);
    ensure!(as_of <= low && low < high && high < as_of + SignedDuration::from_hours(12), "{low} {high}");
    ensure!(basis.coverage == 0.9);

    let at = features::schema().iter().position(|spec| spec.name == "item_history").context("no such feature")?;
    row[at] = json!(features::NO_HISTORY);
    let abstained = risk::of(models, &asked, &row).err().context("it answers for an item without history")?;
    ensure!(abstained.why.contains("no line of this item has shipped yet"), "{abstained:?}");
    let fallback = abstained.fallback.context("no rule")?;
    ensure!(fallback.rule.starts_with("the due-date rule stands in: "), "{fallback:?}");
    ensure!(fallback.miss_probability > 0.0 && fallback.miss_probability < 1.0);
    Ok(())
}

#[tokio::test]
async fn a_row_unlike_training_is_ranked_by_the_rule() -> anyhow::Result<()> {
    let (school, _) = serving().await?;
    let case = short(&school.world).await?;
    let request = PrioritizeRequest { ids: vec![case.id], explain: true, ..PrioritizeRequest::default() };
    let decision = prioritize(school.services(), request, &ada()).await?;
    let ranked = &decision.output[0];
    let fallback = ranked.fallback.as_ref().context("no rule stands in")?;
    let why = ranked.abstained.as_deref().context("it does not abstain")?;
    ensure!(ranked.risk.is_none() && why.contains("abstains") && why.contains(&fallback.rule), "{why}");
    let idle = ranked.actions.iter().filter_map(|candidate| candidate.score).map(|score| score.miss_probability);
    ensure!(idle.fold(0.0, f64::max) == fallback.miss_probability, "the rule's risk is what actions lower");
    ensure!(replay(school.services(), decision.id).await?.identical);
    Ok(())
}

#[tokio::test]
async fn what_ships_is_heard_by_the_interval_that_was_promised_first() -> anyhow::Result<()> {
    let (school, row) = serving().await?;
    let services = school.services();
    let model = services.models.risk.get().context("nothing serves")?;
    let before = model.margins(None, &row).context("no margins")?;
    let world = &school.world;
    world.tell("order.placed", "placed", crate::support::services::plain_order("SO-9000", "SKU-1")).await?;
    let (_, basis) = model.ships(&row, Some(before)).context("no interval")?;
    let promised = Assessment {
        order_id: "SO-9000".to_owned(),
        as_of: world.now(),
        model: Some(model.version()),
        ships_basis: Some(basis),
        ..line(1000, false).0
    };
    let mut tx = services.store.write().await?;
    tx.insert_assessment(&promised).await?;
    tx.commit().await?;
    world.pass_h(200);
    let shipped = json!({ "order_id": "SO-9000", "line_no": 1, "status": "shipped", "at": world.now() });
    world.tell("order.status", "shipped", shipped).await?;
    let mut tx = services.store.read().await?;
    let state = tx.model_state(&model.version()).await?.context("nothing was heard")?;
    ensure!(state.revision == 1);
    let after = model.margins(Some(&state.document), &row).context("no margins")?;
    ensure!(after[1] > before[1], "later than promised, so the upper end moves out: {before:?} {after:?}");
    let asked = risk::margins(&services.models, tx.as_mut(), "SO-9000", &row).await?;
    ensure!(asked == Some(after), "what is served is what was heard");
    Ok(())
}

/// A model whose interval is as wide as the number of outcomes that it has heard.
struct Counting;

impl RiskModel for Counting {
    fn risk(&self, _: &str, _: &[Value]) -> Result<Risk, TabularError> {
        Ok(Risk {
            miss_probability: 0.5,
            reasons: vec![],
            model: self.version(),
            model_digest: "d".into(),
            ships: None,
            ships_basis: None,
        })
    }

    fn ships(&self, _: &[Value], margins: Option<[f64; 2]>) -> Option<([f64; 2], ShipsBasis)> {
        let margins = margins?;
        let basis = ShipsBasis { coverage: 0.9, segment: String::new(), predicted_h: [1.0, 2.0], margins };
        Some(([1.0 - margins[0], 2.0 + margins[1]], basis))
    }

    fn margins(&self, state: Option<&str>, _: &[Value]) -> Option<[f64; 2]> {
        Some([0.0, state.and_then(|state| state.parse().ok()).unwrap_or(0.0)])
    }

    fn heard(&self, state: Option<&str>, _: &ShipsBasis, _: f64) -> Option<String> {
        Some((self.margins(state, &[])?[1] + 1.0).to_string())
    }

    fn version(&self) -> String {
        "miss-risk/counting".to_owned()
    }

    fn feature_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn schema_version(&self) -> String {
        SCHEMA_VERSION.to_owned()
    }
}

async fn an_outcome_moves_the_interval_and_no_decision_that_was_made(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    world.services.models.risk.set(Some(Arc::new(Counting)));
    let case = short(&world).await?;
    let request = PrioritizeRequest { ids: vec![case.id], ..PrioritizeRequest::default() };
    let decision = prioritize(&world.services, request.clone(), &ada()).await?;
    let basis = |decision: &holdfast::domain::decision::Decision| {
        decision.output[0].risk.clone().and_then(|risk| risk.ships_basis).context("no interval")
    };
    ensure!(basis(&decision)?.margins == [0.0, 0.0] && decision.input[0]["margins"] == json!([0.0, 0.0]));

    world.tell("order.placed", "o-9", crate::support::services::plain_order("SO-9", "SKU-9")).await?;
    world.pass_h(1);
    let shipped = json!({ "order_id": "SO-9", "line_no": 1, "status": "shipped", "at": world.now() });
    world.tell("order.status", "s-9", shipped.clone()).await?;
    world.tell("order.status", "s-10", shipped).await?;
    let state = world.services.store.read().await?.model_state("miss-risk/counting").await?.context("nothing heard")?;
    ensure!(state.document == "1", "a line is heard once: {state:?}");
    let later = prioritize(&world.services, request, &ada()).await?;
    ensure!(basis(&later)?.margins == [0.0, 1.0]);
    ensure!(replay(&world.services, decision.id).await?.identical, "computed with the margins of its time");
    ensure!(replay(&world.services, later.id).await?.identical);
    Ok(())
}
