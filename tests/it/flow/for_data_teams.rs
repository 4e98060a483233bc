//! What data teams get: trees in LightGBM's format, who trained, drift by day.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use holdfast::app::App;
use holdfast::commands::drift;
use holdfast::commands::export;
use holdfast::config::{Config, models};
use holdfast::domain::outcome::{Assessment, Outcome};
use holdfast_training::artifact::read_version;
use holdfast_training::tabular::encode::Recipe;
use holdfast_training::tabular::learner::Learner;
use holdfast_training::tabular::model::RiskModel;
use holdfast_training::tabular::options::TrainOptions;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::learn::{School, line};

/// A school with a version of trees alone.
async fn trees() -> anyhow::Result<(School, holdfast::domain::model::ModelVersion)> {
    let school = School::open().await?;
    school.live_through(900, false).await?;
    let trees = Learner::Trees { recipe: Recipe::Native, leaves: 4, learning_rate: 0.1, column_share: 0.5, trees: 20 };
    let options = TrainOptions { learners: vec![trees], ..TrainOptions::default() };
    let version = school.train_as(&school.trainer(), options).await?.version;
    Ok((school, version))
}

#[tokio::test]
async fn the_trees_of_a_version_are_written_for_lightgbm_and_the_manifest_says_who_trained_it() -> anyhow::Result<()> {
    let (school, version) = trees().await?;
    ensure!(version.trained_by == "person:trainer");
    let origin = version.origin.as_ref().context("no origin")?;
    ensure!(origin.data_window.is_some() && origin.code_version == env!("CARGO_PKG_VERSION"), "{origin:?}");
    let dir = school.models.path().join(&version.path);
    ensure!(read_version(&dir)?.manifest.trained_by.as_deref() == Some("person:trainer"));

    let shipped = school.models.path().to_owned();
    let config = Config { models: models::Models { shipped, ..models::Models::default() }, ..Config::default() };
    let app = App { config, services: Arc::clone(&school.world.services) };
    let out = school.models.path().join("out");
    let written = export::lightgbm(&app, Some(&version.version), &out).await?;
    let files = written["files"].as_array().context("no files")?;
    ensure!(files.len() == 3, "one for each fit of the learner: {written}");
    let text = std::fs::read_to_string(out.join("member-1.txt"))?;
    ensure!(text.starts_with("tree\nversion=v4") && text.contains("slack_h"), "{text}");
    let encoding: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("encoding.json"))?)?;
    ensure!(encoding["linear_members"] == 0 && encoding["columns"]["native"].is_array(), "{encoding}");
    Ok(())
}

#[tokio::test]
async fn drift_is_judged_by_day_against_rows_that_the_version_had_not_seen() -> anyhow::Result<()> {
    let (school, version) = trees().await?;
    let stored = read_version(&school.models.path().join(&version.path))?;
    let model = RiskModel::from_bytes(&stored.read("risk.json")?)?;
    let reference = serde_json::from_slice(&stored.read("drift.json")?)?;
    let now: Timestamp = "2026-02-20T00:00:00Z".parse()?;
    let wait = SignedDuration::from_hours(24);
    // Open lines are rows as well: every third has no outcome yet.
    let rows = |moved: bool| -> Vec<(Assessment, Option<Outcome>)> {
        let row = |number: u32| {
            let (mut assessment, outcome) = line(number, false);
            if moved {
                assessment.features.iter_mut().filter(|value| value.is_number()).for_each(|value| *value = json!(0.9));
            }
            (assessment, Some(outcome).filter(|_| !number.is_multiple_of(3)))
        };
        (1000..1300).map(row).collect()
    };
    let (days, promises) = drift::judge(&model, &reference, &rows(false), now, wait)?;
    ensure!(days.len() >= 6 && days.iter().all(|day| !day.alarm && day.rows >= 30), "{days:?}");
    ensure!(promises.overdue == 100 && promises.rows == 200, "{promises:?}");
    let (days, _) = drift::judge(&model, &reference, &rows(true), now, wait)?;
    ensure!(days[0].alarm && days[0].level < 0.005, "{days:?}");
    Ok(())
}
