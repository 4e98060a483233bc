//! Learning from the store's own history: rows as served, versions, promotion, serving history.

use std::path::Path;
use std::sync::Arc;

use holdfast::adapters::models::ModelDirectory;
use holdfast::commands::train::{Trainer, miss_risk, open_orders};
use holdfast::domain::actor::{Actor, Person, Role};
use holdfast::domain::case::Category;
use holdfast::domain::decision::{Abstention, Risk};
use holdfast::domain::ids::{AssessmentId, CaseId};
use holdfast::domain::model::ModelVersion;
use holdfast::domain::outcome::{Assessment, HistoryRow, Outcome};
use holdfast::flow::FlowError;
use holdfast::flow::assess::features::{self, FeatureKind, SCHEMA_VERSION};
use holdfast::flow::assess::risk::{self, Asked};
use holdfast::flow::decide::propose;
use holdfast::flow::learn::history::{self, HistoryError};
use holdfast::flow::learn::registry;
use holdfast::flow::services::{Ctx, Models, Services};
use holdfast_training::tabular::options::TrainOptions;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::decide::world::person;
use crate::support::folder::Folder;
use crate::support::services::World;
use crate::support::stores;

/// A store, a model folder and services that look into it.
pub struct School {
    pub world: World,
    pub models: Folder,
    _store: stores::TestStore,
}

impl School {
    pub async fn open() -> anyhow::Result<Self> {
        let (store, models) = (stores::sqlite().await?, Folder::new()?);
        let mut world = World::over(&store.store)?;
        let services = Arc::get_mut(&mut world.services).unwrap();
        services.loader = Arc::new(ModelDirectory::new(models.path().join("none"), models.path().to_owned(), 4));
        Ok(Self { world, models, _store: store })
    }

    pub fn services(&self) -> &Services {
        &self.world.services
    }

    pub fn trainer(&self) -> Trainer<'_> {
        let actor = person("trainer", &[Role::DataScientist]);
        Trainer { services: self.services(), models: self.models.path(), actor, now: self.world.now(), operation: None }
    }

    pub fn ctx(&self) -> Ctx<'_> {
        Ctx { now: self.world.now(), entropy: &*self.services().entropy, actor: Actor::System }
    }

    /// The process starts again: nothing is loaded.
    pub fn restart(&mut self) {
        Arc::get_mut(&mut self.world.services).unwrap().models = Arc::new(Models::default());
    }

    pub async fn train(&self) -> anyhow::Result<miss_risk::Trained> {
        self.train_as(&self.trainer(), TrainOptions::default()).await
    }

    pub async fn train_as(&self, trainer: &Trainer<'_>, options: TrainOptions) -> anyhow::Result<miss_risk::Trained> {
        let source = miss_risk::Source::History { since: None };
        miss_risk::run(trainer, &source, options, &mut |_, _| std::ops::ControlFlow::Continue(())).await
    }

    /// Writes `count` assessed and finished lines: late more often the less slack they had and by carrier; where `turns`, the newest fifth
    /// the other way round.
    pub async fn live_through(&self, count: u32, turns: bool) -> anyhow::Result<()> {
        let mut tx = self.services().store.write().await?;
        for number in 0..count {
            let (assessment, outcome) = line(number, turns && number >= count / 5 * 4);
            tx.insert_assessment(&assessment).await?;
            tx.insert_outcome(&outcome).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// 0 to 1, scattered by the number (SplitMix64, Steele et al. 2014).
pub fn scatter(number: u32, salt: u32) -> f64 {
    let mut z = ((u64::from(number) << 8) | u64::from(salt)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    f64::from(u32::try_from(z >> 40).unwrap()) / f64::from(1_u32 << 24)
}

pub fn line(number: u32, turns: bool) -> (Assessment, Outcome) {
    let slack_h = (scatter(number, 5) * 960.0).round() / 10.0;
    let as_of =
        "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(i64::from(number) * 30);
    // The carrier counts as well, so that there is more to learn than the due-date rule knows.
    let of_carrier = [0.3, 0.0, -0.3][number as usize % 3];
    let late = of_carrier + if turns { 0.1 + slack_h / 120.0 } else { 0.9 - slack_h / 120.0 };
    let features = features::schema().into_iter().map(|spec| match (spec.name, spec.kind) {
        ("slack_h", _) => json!(slack_h),
        ("carrier", _) => json!(["K-1", "K-2", "K-3"][number as usize % 3]),
        (_, FeatureKind::Numeric) => json!((scatter(number, 11) * 1e4).round() / 1e4),
        (_, FeatureKind::Categorical) => Value::Null,
    });
    let assessment = Assessment {
        id: AssessmentId(Uuid::from_u128(u128::from(number) + 1)),
        order_id: format!("SO-{number}"),
        line_no: 1,
        case_id: Some(CaseId(Uuid::from_u128(u128::from(number) + 1))),
        category: Some(Category::CreditHold),
        as_of,
        schema_version: SCHEMA_VERSION.to_owned(),
        features: features.collect(),
        miss_probability: Some(0.6),
        model: None,
        ships: None,
        ships_basis: None,
        shadow: None,
        stakes: None,
    };
    // The more slack, the longer it takes, and the less that is certain.
    let minutes = 10.0 + slack_h * (1.0 + scatter(number, 23));
    let shipped_at = as_of + SignedDuration::from_mins(minutes as i64);
    let outcome = Outcome {
        order_id: assessment.order_id.clone(),
        line_no: 1,
        shipped_at: Some(shipped_at),
        missed: scatter(number, 17) < late,
        split: false,
        costs: std::collections::BTreeMap::new(),
        known_at: shipped_at,
    };
    (assessment, outcome)
}

fn slack(hours: f64) -> Vec<Value> {
    let (mut row, at) =
        (line(1, false).0.features, features::schema().iter().position(|s| s.name == "slack_h").unwrap());
    row[at] = json!(hours);
    row
}

#[tokio::test]
async fn a_model_is_trained_promoted_swapped_and_remembered() -> anyhow::Result<()> {
    let mut school = School::open().await?;
    assert!(risk_at(&school, 5.0).is_err(), "nothing serves yet");
    school.live_through(900, false).await?;
    let trained = school.train().await?;
    assert!(trained.report.risk.beats_baseline && trained.version.beats_baseline, "{}", trained.report);
    assert!(risk_at(&school, 5.0).is_err(), "training alone does not serve");

    let first = trained.version;
    let from = school.world.now();
    registry::serve(school.services(), &school.ctx(), &first.name, &first.version, "proposal-1").await?;
    let (tight, ample) = (risk_of(&school, 5.0), risk_of(&school, 90.0));
    assert!(tight.miss_probability > ample.miss_probability + 0.3, "{tight:?} {ample:?}");
    assert_eq!(tight.model, format!("miss-risk/{}", first.version));
    assert_eq!(tight.model_digest, first.digest);
    assert_eq!(tight.reasons.len(), 8);
    assert_eq!(tight.reasons[0].label, "hours to the promised ship date");

    school.world.pass_h(1);
    let second = school.train().await?.version;
    assert_ne!(first.version, second.version);
    registry::serve(school.services(), &school.ctx(), &second.name, &second.version, "proposal-2").await?;
    registry::serve(school.services(), &school.ctx(), &second.name, &second.version, "proposal-2").await?;
    assert_eq!(risk_of(&school, 5.0).model, format!("miss-risk/{}", second.version));

    let mut tx = school.services().store.read().await?;
    assert_eq!(registry::servings(tx.as_mut(), Some("miss-risk")).await?.len(), 2, "a repeated execution adds nothing");
    let then = registry::serving_at(tx.as_mut(), "miss-risk", from + SignedDuration::from_mins(5)).await?.unwrap();
    assert_eq!((then.version, then.because.as_str()), (first.version, "proposal-1"));
    let before = registry::serving_at(tx.as_mut(), "miss-risk", from - SignedDuration::from_mins(5)).await?;
    assert_eq!(before, None);
    drop(tx);

    school.restart();
    assert_eq!(registry::restore(school.services()).await?.problems, Vec::<String>::new());
    assert_eq!(risk_of(&school, 5.0).model, format!("miss-risk/{}", second.version), "what served last serves again");
    Ok(())
}

fn risk_of(school: &School, slack_h: f64) -> Risk {
    risk_at(school, slack_h).unwrap()
}

fn risk_at(school: &School, slack_h: f64) -> Result<Risk, Abstention> {
    risk::of(&school.services().models, &asked(school.world.now()), &slack(slack_h))
}

fn asked(as_of: Timestamp) -> Asked<'static> {
    Asked { order_id: "SO-1", as_of, margins: None }
}

#[tokio::test]
async fn only_what_beats_its_baseline_can_be_proposed() -> anyhow::Result<()> {
    let school = School::open().await?;
    school.live_through(900, true).await?;
    let trained = school.train().await?;
    let ModelVersion { name, version, beats_baseline, metrics, .. } = trained.version;
    assert_eq!(beats_baseline, metrics["log_loss"] < metrics["baseline_log_loss"]);
    assert!(!beats_baseline, "it learned what no longer holds:\n{}", trained.report);
    let person =
        Actor::Person(Person { subject: "u-1".to_owned(), name: "Ada".to_owned(), roles: vec![Role::DataScientist] });
    let refused = propose::propose_model(school.services(), &person, &name, &version).await.unwrap_err();
    assert!(refused.to_string().contains("baseline"), "{refused}");
    let absent = propose::propose_model(school.services(), &person, &name, "never").await.unwrap_err();
    assert!(matches!(absent, FlowError::NotFound { .. }));
    Ok(())
}

#[tokio::test]
async fn a_first_start_serves_what_is_shipped_and_a_damaged_version_never_serves() -> anyhow::Result<()> {
    let mut school = School::open().await?;
    school.live_through(900, false).await?;
    let version = school.train().await?.version;
    let restored = registry::restore(school.services()).await?;
    assert_eq!(restored.serving.len(), 1);
    assert_eq!(restored.serving[0].because, registry::BOOTSTRAP);

    let file = school.models.path().join(&version.path).join("risk.json");
    let mut bytes = std::fs::read(&file)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes)?;
    school.restart();
    let restored = registry::restore(school.services()).await?;
    assert!(restored.serving.is_empty());
    assert!(restored.problems.iter().any(|problem| problem.contains("risk.json")), "{:?}", restored.problems);
    assert!(school.services().models.risk.get().is_none(), "its place stays empty");
    Ok(())
}

#[test]
fn a_row_that_knew_its_outcome_is_refused_by_name() {
    let (assessment, mut outcome) = line(3, false);
    let rows =
        |outcome: &Outcome| [HistoryRow { assessment: assessment.clone(), outcome: outcome.clone(), action: None }];
    let set = history::training_set(&rows(&outcome)).unwrap();
    assert_eq!(set.rows, std::slice::from_ref(&assessment.features), "as it was served");
    assert_eq!(set.window, Some([assessment.as_of; 2]));
    outcome.known_at = assessment.as_of;
    assert!(
        history::training_set(&rows(&outcome)).unwrap().rows.is_empty(),
        "at that instant there is nothing to predict"
    );
    outcome.known_at = assessment.as_of - SignedDuration::from_micros(1);
    let refused = history::training_set(&rows(&outcome)).unwrap_err();
    assert!(matches!(&refused, HistoryError::PostDatesCut { order_id, .. } if order_id == "SO-3"), "{refused}");
    assert!(refused.to_string().starts_with("feature post-dates its cut"));
}

#[tokio::test]
async fn a_model_of_a_file_is_served_and_asked_by_feature_name() -> anyhow::Result<()> {
    let school = School::open().await?;
    let (descriptor, data) = file_of_orders(school.models.path())?;
    let source = miss_risk::Source::File { descriptor: descriptor.clone(), data: data.clone() };
    let trained = miss_risk::run(&school.trainer(), &source, TrainOptions::default(), &mut |_, _| {
        std::ops::ControlFlow::Continue(())
    })
    .await?;
    let version = trained.version;
    registry::serve(school.services(), &school.ctx(), &version.name, &version.version, "proposal-4").await?;
    let (models, now) = (&school.services().models, school.world.now());

    let request = open_orders::request(&descriptor, &data, 10)?;
    let inline = request["inline"].as_array().unwrap();
    assert_eq!(inline.len(), 10);
    let mut probabilities = Vec::new();
    for case in inline {
        let features = case["features"].as_object().unwrap();
        assert!(!features.contains_key("late"), "the outcome is hidden");
        probabilities.push(risk::of_named(models, &asked(now), features).unwrap().miss_probability);
    }
    assert!(probabilities.iter().all(|p| *p > 0.0 && *p < 1.0));
    let misspelt = json!({ "lode": 1.0 });
    let refused = risk::of_named(models, &asked(now), misspelt.as_object().unwrap()).unwrap_err().why;
    assert!(refused.contains("`lode`"), "{refused}");
    let ours = risk::of(models, &asked(now), &slack(5.0)).unwrap_err().why;
    assert!(ours.contains("orders-1") && ours.contains(SCHEMA_VERSION), "another schema abstains: {ours}");
    Ok(())
}

/// A small described file in which load makes orders late.
fn file_of_orders(folder: &Path) -> anyhow::Result<(std::path::PathBuf, std::path::PathBuf)> {
    let (descriptor, data) = (folder.join("orders.toml"), folder.join("orders.csv"));
    std::fs::write(
        &descriptor,
        r#"
        name = "orders"
        source = "made for this test"
        licence = "CC0-1.0"
        schema_version = "orders-1"
        label = { column = "late", positive = "1", negative = "0" }
        split = { time = { fractions = [0.7, 0.1, 0.2], gap = 0 } }
        features = [{ column = "load", kind = "numeric", label = "dock load" },
                    { column = "carrier", kind = "categorical", label = "carrier" }]
        "#,
    )?;
    let rows = (0..600).map(|number| {
        let load = scatter(number, 5);
        format!("{load:.3},K{},{}\n", number % 4, u8::from(scatter(number, 17) < load))
    });
    std::fs::write(&data, format!("load,carrier,late\n{}", rows.collect::<String>()))?;
    Ok((descriptor, data))
}
