//! `holdfast drift`: do cases still look like those that a version of the risk model learned from, and do its
//! probabilities still come true?
//!
//! Guarantees: thresholds come from the law of as many rows as there are, so that a small week is no alarm by itself; an
//! outcome that could not be known yet counts for nothing. Non-goals: acting on an alarm; a person trains and promotes.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use holdfast_training::tabular::drift::outcomes::{CalibrationDrift, OutcomeOptions, Served, calibration};
use holdfast_training::tabular::drift::{DriftOptions, Reference, Sample, Verdict};
use holdfast_training::tabular::options::TrainOptions;
use holdfast_training::tabular::split::Split;
use holdfast_training::tabular::table::{Table, Value};
use holdfast_training::tabular::train::splits_of;
use jiff::Timestamp;
use serde_json::json;

use super::Refused;
use super::evaluate::stored;
use super::train::miss_risk::{self, Source};
use crate::app::App;
use crate::config::Config;

/// Below this probability of promises that come true by chance as badly, they do not come true.
const CALIBRATION_LEVEL: f64 = 0.005;
/// Fewest rows on either side.
const ROWS_MIN: usize = 30;

/// Options of `holdfast drift`.
#[derive(clap::Args)]
pub struct Args {
    /// The version; the one that serves where missing.
    version: Option<String>,
    /// Descriptor of a file's columns; the store's history where missing.
    #[arg(long, requires = "file")]
    descriptor: Option<PathBuf>,
    /// CSV file, plain or gzip: its test rows against its training rows.
    #[arg(long, requires = "descriptor")]
    file: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Rows by side.
struct Sides {
    before: Vec<usize>,
    now: Vec<usize>,
}

/// Judges and prints.
///
/// # Errors
/// When there is too little to judge; [`Refused`] on an alarm.
pub async fn run(config: Config, args: Args) -> Result<()> {
    let app = App::open(config).await?;
    let (model, version) = stored(&app, args.version.as_deref()).await?;
    let source = match (args.descriptor, args.file) {
        (Some(descriptor), Some(data)) => Source::File { descriptor, data },
        _ => Source::History { since: None },
    };
    let rows = miss_risk::rows(&app.services, &source).await?;
    let (table, wait) = (&rows.table, rows.delay_s);
    let sides = match source {
        Source::File { .. } => of_splits(table)?,
        Source::History { .. } => since(table, version.manifest.created_at.parse()?),
    };
    let Sides { before, now } = &sides;
    ensure!(
        before.len() >= ROWS_MIN && now.len() >= ROWS_MIN,
        "{} rows from before the version and {} since have outcomes; {ROWS_MIN} are needed on either side",
        before.len(),
        now.len()
    );
    let take = |side: &[usize]| side.iter().map(|&row| table.rows[row].clone()).collect::<Vec<Vec<Value>>>();
    let score = |rows: &[Vec<Value>]| rows.iter().map(|row| model.probability(row)).collect::<Result<Vec<f64>, _>>();
    let (old, new) = (take(before), take(now));
    let (old_scores, new_scores) = (score(&old)?, score(&new)?);
    let reference =
        Reference::fit(model.schema(), Sample { rows: &old, scores: &old_scores }, &DriftOptions::default())?;
    let verdict = reference.compare(Sample { rows: &new, scores: &new_scores })?;
    let promises = promises(table, now, &new_scores, wait);
    tell(&verdict, &promises, args.json);
    let broken = promises.p < CALIBRATION_LEVEL;
    if verdict.alarm || broken {
        return Err(Refused("drift: look at the findings, then train and compare".to_owned()).into());
    }
    Ok(())
}

fn of_splits(table: &Table) -> Result<Sides> {
    let splits = splits_of(table, &TrainOptions::default())?;
    let of = |wanted: Split| (0..splits.len()).filter(|&row| splits[row] == wanted).collect();
    Ok(Sides { before: of(Split::Train), now: of(Split::Test) })
}

fn since(table: &Table, made: Timestamp) -> Sides {
    let (now, before) = (0..table.times.len()).partition(|&row| table.times[row] >= made.as_second());
    Sides { before, now }
}

/// What was promised on the newer rows and what happened; all of these have an outcome.
fn promises(table: &Table, now: &[usize], scores: &[f64], wait: i64) -> CalibrationDrift {
    let newest = now.iter().map(|&row| table.times[row]).max().unwrap_or(0);
    let served = now.iter().zip(scores).map(|(&row, probability)| Served {
        probability: *probability,
        scored_at: table.times[row],
        outcome: Some((table.labels[row], table.times[row].saturating_add(wait))),
    });
    calibration(&served.collect::<Vec<_>>(), newest, OutcomeOptions { wait, ..OutcomeOptions::default() })
}

fn tell(verdict: &Verdict, promises: &CalibrationDrift, json: bool) {
    if json {
        println!("{}", json!({ "inputs": verdict, "promises": promises }));
        return;
    }
    println!("{verdict}");
    let CalibrationDrift { rows, waiting, promised, happened, p, .. } = promises;
    println!(
        "promises: {:.1} % late promised, {:.1} % happened on {rows} rows ({waiting} too young to count), chance {p:.1e}",
        100.0 * promised,
        100.0 * happened
    );
}
