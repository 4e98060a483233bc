//! `holdfast drift`: do cases still look like those that a version of the risk model was measured on, and do its
//! probabilities still come true?
//!
//! Guarantees: thresholds come from the law of as many rows as there are, so that a small day is no alarm by itself; over
//! days the share of false alarms is held; the scores of the reference are of rows that the version had not seen; open
//! lines count as much as finished ones; an outcome that could not be known yet counts for nothing. The days since the
//! version was made are judged anew on each run, so nothing has to be kept. Non-goals: acting on an alarm; a person trains
//! and promotes.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use holdfast_training::artifact::Version;
use holdfast_training::tabular::drift::discovery::OnlineFdr;
use holdfast_training::tabular::drift::outcomes::{CalibrationDrift, OutcomeOptions, Served, calibration};
use holdfast_training::tabular::drift::{DriftOptions, Reference, Sample, Verdict};
use holdfast_training::tabular::model::RiskModel;
use holdfast_training::tabular::options::TrainOptions;
use holdfast_training::tabular::split::Split;
use holdfast_training::tabular::table::Value;
use holdfast_training::tabular::train::splits_of;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use super::Refused;
use super::evaluate::stored;
use super::train::miss_risk::{self, Source};
use crate::adapters::linfa::risk::DRIFT;
use crate::adapters::linfa::table::to_learned;
use crate::app::App;
use crate::config::Config;
use crate::domain::outcome::{Assessment, Outcome};
use crate::flow::assess::features::SCHEMA_VERSION;

/// Below this probability of promises that come true by chance as badly, they do not come true.
const CALIBRATION_LEVEL: f64 = 0.005;
/// Share of false alarms among the days that alarm.
const FALSE_SHARE: f64 = 0.1;
/// Fewest rows of a day; one with fewer is judged together with the next.
const DAY_ROWS_MIN: usize = 30;
/// After this an outcome is taken to be overdue, in days, where the version does not say.
const WAIT_DAYS: i64 = 14;

/// Options of `holdfast drift`.
#[derive(clap::Args)]
pub struct Args {
    /// The version; the one that serves where missing.
    version: Option<String>,
    /// Descriptor of a file's columns; the store's history where missing.
    #[arg(long, requires = "file")]
    descriptor: Option<PathBuf>,
    /// CSV file, plain or gzip: its test rows against its training rows, features alone.
    #[arg(long, requires = "descriptor")]
    file: Option<PathBuf>,
    /// How long after its assessment every outcome is known, in days.
    #[arg(long, default_value_t = WAIT_DAYS)]
    wait_days: i64,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// One day, or several with few rows, against the reference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Day {
    /// The last of its days, UTC.
    pub day: String,
    /// Rows.
    pub rows: usize,
    /// The level that holds the share of false alarms over all days.
    pub level: f64,
    /// Whether it alarms at that level.
    pub alarm: bool,
    /// What the comparison says.
    pub verdict: Verdict,
}

/// Judges and prints.
///
/// # Errors
/// When there is too little to judge; [`Refused`] on an alarm.
pub async fn run(config: Config, args: Args) -> Result<()> {
    let app = App::open(config).await?;
    let (model, version) = stored(&app, args.version.as_deref()).await?;
    if let (Some(descriptor), Some(data)) = (args.descriptor, args.file) {
        return of_file(&app, &model, &Source::File { descriptor, data }, args.json).await;
    }
    let made: Timestamp = version.manifest.created_at.parse().context("the manifest has no time")?;
    let seen = app.services.store.read().await?.assessed(SCHEMA_VERSION, made).await?;
    let wait = SignedDuration::from_hours(24 * args.wait_days.max(0));
    let (days, promises) = judge(&model, &reference(&version)?, &seen, app.services.clock.now(), wait)?;
    ensure!(
        !days.is_empty(),
        "{} lines were assessed since the version was made, and {DAY_ROWS_MIN} are needed",
        seen.len()
    );
    tell(&days, &promises, args.json);
    if promises.p < CALIBRATION_LEVEL || days.iter().any(|day| day.alarm) {
        return Err(Refused("drift: look at the findings, then train and compare".to_owned()).into());
    }
    Ok(())
}

fn reference(version: &Version) -> Result<Reference> {
    let name = format!("{}/{}", version.manifest.name, version.manifest.version);
    let bytes = version.read(DRIFT).with_context(|| format!("`{name}` keeps no reference: train a version anew"))?;
    serde_json::from_slice(&bytes).with_context(|| format!("the reference of `{name}` cannot be read"))
}

/// Each day of `seen` against the reference, and what was promised against what happened by `now`.
///
/// # Errors
/// When a row does not fit the model.
pub fn judge(
    model: &RiskModel,
    reference: &Reference,
    seen: &[(Assessment, Option<Outcome>)],
    now: Timestamp,
    wait: SignedDuration,
) -> Result<(Vec<Day>, CalibrationDrift)> {
    let names: Vec<String> = model.schema().features.iter().map(|feature| feature.name.clone()).collect();
    let mut served = Vec::with_capacity(seen.len());
    let mut stream = OnlineFdr::new(FALSE_SHARE, DriftOptions::default().level);
    let (mut days, mut rows, mut scores): (Vec<Day>, Vec<Vec<Value>>, Vec<f64>) = Default::default();
    for (at, (assessment, outcome)) in seen.iter().enumerate() {
        let row = to_learned(&names, &assessment.features)?;
        let probability = model.probability(&row)?;
        served.push(Served {
            probability,
            scored_at: assessment.as_of.as_second(),
            outcome: outcome.as_ref().map(|outcome| (outcome.missed, outcome.known_at.as_second())),
        });
        rows.push(row);
        scores.push(probability);
        let day = day_of(assessment.as_of);
        let ends = seen.get(at + 1).is_none_or(|(next, _)| day_of(next.as_of) != day);
        if ends && rows.len() >= DAY_ROWS_MIN {
            let verdict = reference.compare(Sample { rows: &rows, scores: &scores })?;
            let level = stream.level();
            days.push(Day { day, rows: rows.len(), level, alarm: stream.record(verdict.p), verdict });
            rows.clear();
            scores.clear();
        }
    }
    let options = OutcomeOptions { wait: wait.as_secs(), ..OutcomeOptions::default() };
    Ok((days, calibration(&served, now.as_second(), options)))
}

fn day_of(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).date().to_string()
}

/// The test rows of a file against its training rows; scores are left out, because the model has seen the latter.
async fn of_file(app: &App, model: &RiskModel, source: &Source, json: bool) -> Result<()> {
    let table = miss_risk::rows(&app.services, source).await?.table;
    let splits = splits_of(&table, &TrainOptions::default())?;
    let of = |wanted: Split| -> Vec<Vec<Value>> {
        (0..splits.len()).filter(|&row| splits[row] == wanted).map(|row| table.rows[row].clone()).collect()
    };
    let (before, now) = (of(Split::Train), of(Split::Test));
    ensure!(
        before.len() >= DAY_ROWS_MIN && now.len() >= DAY_ROWS_MIN,
        "{} training and {} test rows; {DAY_ROWS_MIN} are needed on either side",
        before.len(),
        now.len()
    );
    let before = Sample { rows: &before, scores: &[] };
    let reference = Reference::fit(model.schema(), before, &DriftOptions::default())?;
    let verdict = reference.compare(Sample { rows: &now, scores: &[] })?;
    if json {
        println!("{}", json!({ "inputs": verdict }));
    } else {
        println!("{verdict}");
    }
    if verdict.alarm {
        return Err(Refused("drift: look at the findings, then train and compare".to_owned()).into());
    }
    Ok(())
}

fn tell(days: &[Day], promises: &CalibrationDrift, json: bool) {
    if json {
        println!("{}", json!({ "days": days, "promises": promises }));
        return;
    }
    for Day { day, rows, level, alarm, verdict } in days {
        let says = if *alarm { "ALARM" } else { "as before" };
        println!("{day}  {rows:>6} rows  chance {:.1e}, level {level:.1e}  {says}", verdict.p);
        if *alarm {
            println!("{verdict}");
        }
    }
    println!("{promises}");
}
