//! What stands beside a risk model in its version: the interval of the ship date, when to abstain, and what later rows
//! are compared with.
//!
//! Guarantees: fitted on rows before the test alone; what cannot be had is left out and said, and never stops a training.

use holdfast_training::tabular::drift::{DriftOptions, Reference, Sample};
use holdfast_training::tabular::guard::{Guard, GuardOptions, Novel};
use holdfast_training::tabular::model::RiskModel;
use holdfast_training::tabular::options::TrainOptions;
use holdfast_training::tabular::ship_date::{Coverage, ShipDate};
use holdfast_training::tabular::split::Split;
use holdfast_training::tabular::table::Value;
use holdfast_training::tabular::train::splits_of;

use super::miss_risk::Rows;
use crate::adapters::linfa::risk::{DRIFT, GUARD, SHIP_DATE};
use crate::flow::assess::features::NO_HISTORY;

/// The feature whose values have margins of their own.
const SEGMENT: &str = "warehouse";

/// Most rows that a version keeps to compare later ones with, overall and in each segment.
const REFERENCE_ROWS_MAX: usize = 2000;

/// Files, and what is to be said of them.
#[derive(Default)]
pub struct Beside {
    /// Name and bytes.
    pub files: Vec<(&'static str, Vec<u8>)>,
    /// How often the interval contained the ship date.
    pub coverage: Option<Coverage>,
    /// What could not be had, in words.
    pub notes: Vec<String>,
}

/// Fits all on `rows`; `ours` are rows of the service's own features.
#[must_use]
pub fn fit(model: &RiskModel, rows: &Rows, options: &TrainOptions, ours: bool) -> Beside {
    let mut beside = Beside::default();
    if let Err(why) = ship_date(rows, options, &mut beside) {
        beside.notes.push(format!("no interval of the ship date: {why:#}"));
    }
    if let Err(why) = guard(rows, options, ours, &mut beside) {
        beside.notes.push(format!("it never abstains: {why:#}"));
    }
    if let Err(why) = drift(model, rows, options, ours, &mut beside) {
        beside.notes.push(format!("no reference for `holdfast drift`: {why:#}"));
    }
    beside
}

/// What later rows are compared with: the test rows, on which the model's scores are those of rows that it did not see.
fn drift(
    model: &RiskModel,
    rows: &Rows,
    options: &TrainOptions,
    ours: bool,
    beside: &mut Beside,
) -> anyhow::Result<()> {
    let splits = splits_of(&rows.table, options)?;
    let test: Vec<Vec<Value>> =
        (0..splits.len()).filter(|&row| splits[row] == Split::Test).map(|row| rows.table.rows[row].clone()).collect();
    let scores = test.iter().map(|row| model.probability(row)).collect::<Result<Vec<f64>, _>>()?;
    let segments = if ours { vec![SEGMENT.to_owned()] } else { Vec::new() };
    let wanted = DriftOptions { reference_rows_max: REFERENCE_ROWS_MAX, segments, ..DriftOptions::default() };
    let reference = Reference::fit(&rows.table.schema, Sample { rows: &test, scores: &scores }, &wanted)?;
    beside.files.push((DRIFT, serde_json::to_vec(&reference)?));
    Ok(())
}

fn ship_date(rows: &Rows, options: &TrainOptions, beside: &mut Beside) -> anyhow::Result<()> {
    anyhow::ensure!(!rows.hours.is_empty(), "the file does not say when an order shipped");
    let (model, coverage) = ShipDate::train(&rows.table, &rows.hours, Some(SEGMENT), options)?;
    beside.files.push((SHIP_DATE, model.to_bytes()?));
    beside.coverage = Some(coverage);
    Ok(())
}

fn guard(rows: &Rows, options: &TrainOptions, ours: bool, beside: &mut Beside) -> anyhow::Result<()> {
    let wanted = if ours { of_our_features(rows, options) } else { GuardOptions::default() };
    beside.files.push((GUARD, Guard::train(&rows.table, &wanted, options)?.to_bytes()?));
    Ok(())
}

/// An item that nothing is known of is novel. What runs by the clock leaves its range whenever a case stays open for long,
/// and late rates and exposures move with the business: that is age and drift, and not novelty.
fn of_our_features(rows: &Rows, options: &TrainOptions) -> GuardOptions {
    let features = rows.table.schema.features.iter().map(|feature| &feature.name);
    GuardOptions {
        novel: vec![Novel {
            feature: "item_history".to_owned(),
            value: NO_HISTORY.to_owned(),
            words: "no line of this item has shipped yet".to_owned(),
        }],
        ignored: features.filter(|name| runs_by_nature(name)).cloned().collect(),
        rule: options.rules.first().cloned(),
    }
}

fn runs_by_nature(feature: &str) -> bool {
    feature.starts_with("late_rate") || feature.ends_with("_h") || feature == "over_limit_ratio"
}
