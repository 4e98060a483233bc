//! The learned effect model: from a history in which effects differ by context, to evidence, abstention and replay.

use std::ops::ControlFlow;

use anyhow::{Context as _, ensure};
use holdfast::commands::train::effect::{self, Report};
use holdfast::domain::action::{ActionKind, ScoreBasis};
use holdfast::domain::case::Category;
use holdfast::domain::decision::{RankedCase, Withheld};
use holdfast::domain::ids::{AssessmentId, CaseId};
use holdfast::domain::model::ModelVersion;
use holdfast::domain::money::Money;
use holdfast::domain::order::Done;
use holdfast::domain::outcome::{Assessment, HistoryRow, Offer, Outcome, Stakes};
use holdfast::flow::assess::features::{self, FeatureKind, SCHEMA_VERSION};
use holdfast::flow::decide::nearest;
use holdfast::flow::decide::prioritize::{PrioritizeRequest, prioritize, replay};
use holdfast::flow::learn::resolved::{self, Resolved};
use holdfast::flow::learn::{archive, registry};
use holdfast::ports::tabular::EffectCase;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::decide::world::{ada, short};
use super::learn::{School, scatter};
use crate::store::samples;

/// What agents did, by lot.
const DONE: [Option<ActionKind>; 3] =
    [None, Some(ActionKind::ExpeditePurchaseOrder), Some(ActionKind::ReallocateFromWarehouse)];

fn stakes() -> Stakes {
    let offer = |action, quote| Offer { action, quote, effort_min: 8.0, standing: 5.0 };
    Stakes {
        currency: "EUR".to_owned(),
        penalty: 150.0,
        offers: vec![
            offer(ActionKind::ReallocateFromWarehouse, 25.0),
            offer(ActionKind::ExpeditePurchaseOrder, 25.0),
            offer(ActionKind::DoNothing, 0.0),
        ],
    }
}

/// Stock elsewhere decides: with it reallocating saves the date, without it expediting does.
fn miss(elsewhere: f64, action: Option<ActionKind>) -> f64 {
    match (action, elsewhere > 0.5) {
        (None, _) => 0.8,
        (Some(ActionKind::ReallocateFromWarehouse), true) | (Some(ActionKind::ExpeditePurchaseOrder), false) => 0.08,
        _ => 0.8,
    }
}

fn features(elsewhere: f64, number: u32) -> Vec<Value> {
    let value = |spec: features::FeatureSpec| match (spec.name, spec.kind) {
        ("alternate_ratio", _) => json!(elsewhere),
        ("slack_h", _) => json!((scatter(number, 5) * 480.0).round() / 10.0),
        (_, FeatureKind::Numeric) => json!((scatter(number, 11) * 1e4).round() / 1e4),
        ("carrier", _) => json!(["K-1", "K-2"][number as usize % 2]),
        (_, FeatureKind::Categorical) => Value::Null,
    };
    features::schema().into_iter().map(value).collect()
}

fn elsewhere(number: u32) -> f64 {
    (scatter(number, 29) * 1e4).round() / 1e4
}

fn resolved_case(number: u32) -> (Assessment, Outcome, Option<ActionKind>) {
    let elsewhere = elsewhere(number);
    let start: Timestamp = "2025-12-01T00:00:00Z".parse().unwrap();
    let as_of = start + SignedDuration::from_hours(i64::from(number));
    let action = DONE[(scatter(number, 31) * 3.0) as usize];
    let assessment = Assessment {
        id: AssessmentId(Uuid::from_u128(u128::from(number) + 1)),
        order_id: format!("OLD-{number}"),
        line_no: 1,
        case_id: Some(CaseId(Uuid::from_u128(u128::from(number) + 1))),
        category: Some(Category::InventoryShortage),
        as_of,
        schema_version: SCHEMA_VERSION.to_owned(),
        features: features(elsewhere, number),
        miss_probability: Some(0.8),
        model: None,
        ships: None,
        ships_basis: None,
        shadow: None,
        stakes: Some(stakes()),
    };
    let known_at = as_of + SignedDuration::from_hours(10);
    let outcome = Outcome {
        order_id: assessment.order_id.clone(),
        line_no: 1,
        shipped_at: Some(known_at),
        missed: scatter(number, 17) < miss(elsewhere, action),
        split: false,
        costs: std::collections::BTreeMap::new(),
        known_at,
    };
    (assessment, outcome, action)
}

async fn live_through(school: &School, count: u32) -> anyhow::Result<()> {
    live_through_as(school, count, &features).await
}

/// `row` gives the features of a case by its stock elsewhere and its number.
async fn live_through_as(school: &School, count: u32, row: &dyn Fn(f64, u32) -> Vec<Value>) -> anyhow::Result<()> {
    let mut tx = school.services().store.write().await?;
    for number in 0..count {
        let (mut assessment, outcome, action) = resolved_case(number);
        assessment.features = row(elsewhere(number), number);
        if let Some(action) = action {
            let mut order = samples::order(&assessment.order_id, assessment.as_of)?;
            order.actions.push(Done {
                action: action.name().to_owned(),
                line_no: Some(1),
                proposal_id: None,
                at: assessment.as_of + SignedDuration::from_hours(1),
                failed: false,
            });
            tx.put_order(&order, 0).await?;
        }
        tx.insert_assessment(&assessment).await?;
        tx.insert_outcome(&outcome).await?;
    }
    Ok(tx.commit().await?)
}

async fn train(school: &School) -> anyhow::Result<(ModelVersion, Report)> {
    effect::run(&school.trainer(), &mut |_, _| ControlFlow::Continue(())).await
}

async fn serve(school: &School, version: &ModelVersion) -> anyhow::Result<()> {
    registry::serve(school.services(), &school.ctx(), &version.name, &version.version, "proposal-1").await?;
    Ok(())
}

async fn ranked(school: &School, id: CaseId) -> anyhow::Result<RankedCase> {
    let request = PrioritizeRequest { ids: vec![id], ..PrioritizeRequest::default() };
    prioritize(school.services(), request, &ada()).await?.output.pop().context("nothing ranked")
}

#[tokio::test]
async fn what_differs_by_context_is_learned_and_beats_the_belief() -> anyhow::Result<()> {
    let school = School::open().await?;
    live_through(&school, 700).await?;
    let (version, report) = train(&school).await?;
    assert_eq!((report.cases, report.test_cases), (700, 140));
    assert!(report.beats_baseline && report.log_loss < report.baseline_log_loss, "{report}");
    assert!(report.categories[&Category::InventoryShortage].learned, "{report}");
    serve(&school, &version).await?;
    let model = school.services().models.effect.get().context("nothing serves")?;
    assert_eq!(model.digest(), version.digest);
    let stakes = stakes();
    let said = |elsewhere: f64| {
        let row = features(elsewhere, 9_999);
        let case = EffectCase { category: Category::InventoryShortage, features: &row, stakes: &stakes };
        model.effects(SCHEMA_VERSION, &case).unwrap()
    };
    let (with, without) = (said(0.9), said(0.1));
    assert!(with[0].miss + 0.3 < with[1].miss && without[1].miss + 0.3 < without[0].miss, "{with:?} {without:?}");
    assert!(with.iter().all(|effect| effect.support > 100 && effect.deviation > 0.0), "{with:?}");
    // Nothing but action and penalty was told, so the rest is what was believed to be left of the harm.
    assert!(with.iter().all(|effect| (effect.residual - 5.0).abs() < 2.0), "{with:?}");
    let row = features(0.9, 1);
    let elsewhere = EffectCase { category: Category::CreditHold, features: &row, stakes: &stakes };
    assert_eq!(model.effects(SCHEMA_VERSION, &elsewhere), None, "a category without cases stays with the belief");
    assert_eq!(model.effects("line-risk/0", &EffectCase { category: Category::InventoryShortage, ..elsewhere }), None);
    assert!(model.usual_distance(Category::InventoryShortage).is_some_and(|usual| usual > 0.0));
    Ok(())
}

#[tokio::test]
async fn too_few_cases_are_refused_and_no_effect_is_not_learned() -> anyhow::Result<()> {
    let school = School::open().await?;
    live_through(&school, 30).await?;
    let refused = train(&school).await.unwrap_err().to_string();
    assert!(refused.contains("30 resolved cases and 50 are needed"), "{refused}");
    live_through_after(&school, 30, 120).await?;
    let (_, report) = train(&school).await?;
    let of = &report.categories[&Category::InventoryShortage];
    assert!(!of.learned && of.test_cases < 30 && !report.beats_baseline, "{report}");
    assert_eq!(report.log_loss, report.baseline_log_loss, "the belief answers alone");
    Ok(())
}

async fn live_through_after(school: &School, from: u32, to: u32) -> anyhow::Result<()> {
    let mut tx = school.services().store.write().await?;
    for number in from..to {
        let (assessment, outcome, _) = resolved_case(number);
        tx.insert_assessment(&assessment).await?;
        tx.insert_outcome(&outcome).await?;
    }
    Ok(tx.commit().await?)
}

#[tokio::test]
async fn evidence_is_answered_recorded_and_replayed_whatever_is_resolved_later() -> anyhow::Result<()> {
    let school = School::open().await?;
    live_through(&school, 700).await?;
    let (version, _) = train(&school).await?;
    serve(&school, &version).await?;
    let case = short(&school.world).await?;
    let none = ranked(&school, case.id).await?.evidence.context("not asked")?;
    assert_eq!((none.cases, none.distance), (0, None), "the archive is empty");
    // Building that breaks off leaves some of them.
    let first: Vec<_> = resolved_cases(&school).await?.iter().take(100).map(nearest::point).collect();
    school.services().vectors.upsert(&nearest::collection(), first).await?;
    assert_eq!(archive::ensure(school.services()).await?, 700, "what is not whole is built from the store");
    assert_eq!(archive::ensure(school.services()).await?, 0);

    let request = PrioritizeRequest { ids: vec![case.id], explain: true, ..PrioritizeRequest::default() };
    let decision = prioritize(school.services(), request, &ada()).await?;
    let answer = &decision.output[0];
    let evidence = answer.evidence.as_ref().context("not asked")?;
    assert_eq!(evidence.cases, 20);
    assert_eq!(evidence.actions.iter().map(|said| said.cases).sum::<usize>(), 20);
    assert!(evidence.actions.iter().all(|said| {
        let [low, high] = said.on_time_interval;
        low <= said.on_time && said.on_time <= high && said.resolve_minutes_median == 600.0 && said.cost_mean > 0.0
    }));
    assert!(matches!(answer.withheld[..], [Withheld::Novel { .. }, ..]), "the history had other features");

    live_through_after(&school, 700, 740).await?;
    archive::rebuild(school.services()).await?;
    let again = replay(school.services(), decision.id).await?;
    assert!(again.identical, "{again:?}");
    school.services().models.effect.set(None);
    let other = replay(school.services(), decision.id).await?;
    assert!(other.differences[0].starts_with("`effect` was effect/"), "{other:?}");
    Ok(())
}

#[tokio::test]
async fn a_case_unlike_all_others_gets_evidence_and_the_playbook_but_no_recommendation() -> anyhow::Result<()> {
    let school = School::open().await?;
    let case = short(&school.world).await?;
    let first_day = explained(&school, case.id).await?;
    assert_eq!(first_day.withheld, [], "the playbook is recommended from the first day");
    live_through(&school, 700).await?;
    let (version, _) = train(&school).await?;
    serve(&school, &version).await?;
    archive::rebuild(school.services()).await?;
    // A real order has few of the features that the history had, so it is far from all of it.
    let answer = ranked(&school, case.id).await?;
    assert!(answer.withheld.iter().any(|why| matches!(why, Withheld::Novel { .. })), "{:?}", answer.withheld);
    assert!(!answer.actions.is_empty() && answer.evidence.is_some(), "the playbook and the evidence are there");
    assert!(answer.actions.iter().all(|candidate| candidate.score.is_none()), "and no figures");
    assert_eq!((answer.choice.as_ref(), answer.chosen()), (None, None));
    let explained = explained(&school, case.id).await?;
    assert!(explained.actions.iter().filter_map(|candidate| candidate.score).all(|s| s.basis == ScoreBasis::Believed));
    school.world.services.models.effect.set(None);
    let believed = self::explained(&school, case.id).await?;
    assert_eq!(
        (&explained.actions, explained.value),
        (&believed.actions, believed.value),
        "it is the playbook's order"
    );
    Ok(())
}

#[tokio::test]
async fn a_case_like_those_that_were_resolved_is_recommended_what_was_learned() -> anyhow::Result<()> {
    let school = School::open().await?;
    let case = short(&school.world).await?;
    let request = PrioritizeRequest { ids: vec![case.id], ..PrioritizeRequest::default() };
    let first_day = prioritize(school.services(), request, &ada()).await?;
    let row: Vec<Value> = serde_json::from_value(first_day.input[0]["features"]["row"].clone())?;
    let place = features::schema().iter().position(|spec| spec.name == "alternate_ratio").context("no such feature")?;
    let like_it = |elsewhere: f64, _: u32| {
        let mut row = row.clone();
        if elsewhere <= 0.5 {
            row[place] = json!(0.1);
        }
        row
    };
    live_through_as(&school, 700, &like_it).await?;
    let (version, report) = train(&school).await?;
    assert!(report.categories[&Category::InventoryShortage].learned, "{report}");
    serve(&school, &version).await?;
    archive::rebuild(school.services()).await?;
    let answer = ranked(&school, case.id).await?;
    assert_eq!(answer.withheld, []);
    let chosen = answer.chosen().context("nothing recommended")?;
    assert_eq!(chosen.score.map(|score| score.basis), Some(ScoreBasis::Learned));
    // There is stock elsewhere, and with it reallocating is what saved the date.
    let score = |kind| answer.actions.iter().find(|candidate| candidate.action == kind).and_then(|found| found.score);
    let moved = score(ActionKind::ReallocateFromWarehouse).context("not scored")?;
    assert!(moved.miss_probability < 0.3 && moved.support > 100, "{moved:?}");
    assert!(score(ActionKind::DoNothing).is_some_and(|idle| idle.miss_probability > 0.6), "{answer:?}");
    Ok(())
}

async fn explained(school: &School, id: CaseId) -> anyhow::Result<RankedCase> {
    let request = PrioritizeRequest { ids: vec![id], explain: true, ..PrioritizeRequest::default() };
    prioritize(school.services(), request, &ada()).await?.output.pop().context("nothing ranked")
}

#[tokio::test]
async fn a_line_with_an_outcome_becomes_evidence_and_survives_a_restart() -> anyhow::Result<()> {
    let school = School::open().await?;
    let world = &school.world;
    let first = short(world).await?;
    let worker = holdfast::flow::execute::worker::Worker::new(world.services.clone(), "w");
    worker.run_once(world.now()).await;
    world.pass_h(3);
    world.tell("order.status", "s", json!({ "order_id": "SO-1", "status": "shipped", "at": world.now() })).await?;
    worker.run_once(world.now()).await;
    // What it cost is known once it has shipped.
    let outcome = json!({
        "order_id": "SO-1", "line_no": 1, "shipped_at": world.now(), "missed": false,
        "costs": { "penalty": { "amount": "40.00", "currency": "EUR" }, "freight": { "amount": "2.50", "currency": "EUR" } },
    });
    world.tell("outcome.recorded", "done", outcome).await?;
    worker.run_once(world.now()).await;
    world.tell("order.placed", "o2", crate::support::services::plain_order("SO-2", "SKU")).await?;
    let second = world.open_cases("SO-2").await?.pop().context("no case")?;
    ensure!(second.key.category == first.key.category);
    let evidence = ranked(&school, second.id).await?.evidence.context("not asked")?;
    assert_eq!((evidence.cases, evidence.distance), (1, None));
    let said = evidence.actions[0];
    assert_eq!((said.action, said.cases, said.on_time, said.cost_mean), (ActionKind::DoNothing, 1, 1.0, 42.5));
    assert_eq!(said.resolve_minutes_median, 180.0);
    // The vector files are gone: the store has it all.
    let keys: Vec<Uuid> = resolved_cases(&school).await?.iter().map(|row| row.assessment_id.0).collect();
    school.services().vectors.delete(&nearest::collection(), &keys).await?;
    assert_eq!(archive::ensure(school.services()).await?, 1);
    assert_eq!(ranked(&school, second.id).await?.evidence, Some(evidence));
    Ok(())
}

async fn resolved_cases(school: &School) -> anyhow::Result<Vec<Resolved>> {
    Ok(resolved::of(&school.services().store.read().await?.history(SCHEMA_VERSION, None).await?))
}

#[test]
fn what_was_told_takes_the_place_of_what_was_assumed_term_by_term() {
    let cost = |action: Option<ActionKind>, missed: bool, costs: &[(&str, &str)]| {
        let (assessment, outcome, _) = resolved_case(1);
        let euro = |(name, amount): &(&str, &str)| ((*name).to_owned(), Money::new(amount.parse().unwrap(), "EUR"));
        let outcome = Outcome { missed, costs: costs.iter().map(euro).collect(), ..outcome };
        resolved::of(&[HistoryRow { assessment, outcome, action }])[0].cost
    };
    let moved = Some(ActionKind::ReallocateFromWarehouse);
    assert_eq!(cost(None, false, &[]), 5.0, "the harm that was believed to be left");
    assert_eq!(cost(moved, true, &[]), 25.0 + 150.0 + 5.0);
    assert_eq!(cost(moved, true, &[("penalty", "90")]), 25.0 + 90.0 + 5.0);
    assert_eq!(cost(moved, false, &[("action", "31"), ("freight", "2")]), 31.0 + 2.0);
    let unoffered = Some(ActionKind::SplitShipment);
    assert_eq!(cost(unoffered, false, &[("action", "12")]), 12.0 + 5.0);
}

#[test]
fn a_later_assessment_of_a_case_has_seen_the_action_and_is_no_evidence_of_it() {
    let (assessment, outcome, _) = resolved_case(3);
    let later = Assessment { id: AssessmentId(Uuid::from_u128(99)), ..assessment.clone() };
    let row = |assessment: &Assessment, action| HistoryRow {
        assessment: assessment.clone(),
        outcome: outcome.clone(),
        action,
    };
    let released = Some(ActionKind::ReleaseCreditHold);
    let rows = resolved::of(&[row(&assessment, released), row(&later, None)]);
    assert_eq!((rows.len(), rows[0].action), (1, ActionKind::ReleaseCreditHold));
    let hindsight = Outcome { known_at: assessment.as_of, ..outcome.clone() };
    assert_eq!(resolved::of(&[HistoryRow { assessment, outcome: hindsight, action: None }]), []);
}
