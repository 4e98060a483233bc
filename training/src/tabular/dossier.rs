//! The report page of a trained model: everything that [`super::html`] shows, gathered from model and table.
//!
//! Guarantees: measured on the test rows of the table, by the split that training would make of it; the same model, table
//! and settings give the same bytes.
//!
//! Non-goals: layout.

use super::chart::swarm::Effects;
use super::html::{self, Contents, Measured, Scored, Segments};
use super::metrics::{MetricError, Metrics};
use super::model::RiskModel;
use super::options::TrainOptions;
use super::quality;
use super::reliability::Reliability;
use super::report::Report;
use super::split::{Split, SplitError};
use super::table::{Kind, SchemaError, Table, Value};
use super::train::splits_of;

/// Rows whose effects are drawn.
const DRAWN_MAX: usize = 800;
/// Most values of a category that is shown by segment.
const SEGMENTS_MAX: usize = 40;
/// Features that are shown by segment.
const SEGMENTED_MAX: usize = 4;

/// What the page says beside the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Name and version of the model.
    pub title: String,
    /// What it predicts, in one sentence.
    pub summary: String,
    /// The name of the bad outcome, in the plural.
    pub bad: String,
    /// Window, digest, seed, versions and the like: name and value.
    pub provenance: Vec<(String, String)>,
}

/// A page cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DossierError {
    /// The table's split.
    #[error("the table cannot be split as it was for training")]
    Split(#[from] SplitError),
    /// A row that the model does not read.
    #[error("a row of the table does not fit the model")]
    Row(#[from] SchemaError),
    /// A measure.
    #[error("the model cannot be measured")]
    Metric(#[from] MetricError),
}

/// The page of `model`, trained on `table` with `options`, as HTML.
///
/// # Errors
/// [`DossierError`].
pub fn page(
    model: &RiskModel,
    report: &Report,
    table: &Table,
    options: &TrainOptions,
    about: About,
) -> Result<String, DossierError> {
    let splits = splits_of(table, options)?;
    let test: Vec<usize> = (0..splits.len()).filter(|&row| splits[row] == Split::Test).collect();
    let labels: Vec<bool> = test.iter().map(|&row| table.labels[row]).collect();
    let probabilities =
        test.iter().map(|&row| model.probability(&table.rows[row])).collect::<Result<Vec<f64>, SchemaError>>()?;
    let segments = segments(table, &test, &probabilities, &labels)?;
    let verdict = if report.beats_baseline {
        "beats every baseline on the test fold"
    } else {
        "does not beat every baseline and may not serve"
    };
    let measured = |(name, metrics): (&str, Metrics)| Measured { name: name.to_owned(), metrics };
    let baselines = report.baselines.iter().map(|baseline| (baseline.name.as_str(), baseline.test));
    let candidates = report.candidates.iter().map(|candidate| html::Candidate {
        name: candidate.learner.to_string(),
        valid_log_loss: candidate.valid_log_loss,
        seconds: None,
        chosen: candidate.weight > 0.0,
    });
    let contents = Contents {
        title: about.title.clone(),
        summary: about.summary,
        bad: about.bad,
        verdict: (report.beats_baseline, verdict.to_owned()),
        measured: [("model", report.test)].into_iter().chain(baselines).map(measured).collect(),
        scored: vec![Scored { name: about.title, probabilities }],
        effects: effects(model, table, &test)?,
        labels,
        segments,
        candidates: candidates.collect(),
        quality: quality::inspect(table),
        provenance: about.provenance,
        notes: vec![format!(
            "Chosen on {} rows that came after those that each candidate had learned from, fitted again on {}, measured \
             once on {}; {} were set aside because their outcome was not known in time.",
            report.rows.valid, report.rows.train, report.rows.test, report.rows.gap
        )],
    };
    Ok(html::page(&contents)?)
}

/// The effects in evenly spread test rows.
fn effects(model: &RiskModel, table: &Table, test: &[usize]) -> Result<Vec<Effects>, SchemaError> {
    let features = &table.schema.features;
    let mut all: Vec<Effects> = features
        .iter()
        .map(|feature| Effects {
            label: if feature.label.is_empty() { feature.name.clone() } else { feature.label.clone() },
            effects: Vec::new(),
            values: Vec::new(),
        })
        .collect();
    for &row in test.iter().step_by(test.len().div_ceil(DRAWN_MAX).max(1)) {
        let row = &table.rows[row];
        let effects = model.effects(row)?;
        for ((feature, effect), value) in all.iter_mut().zip(effects).zip(row) {
            feature.effects.push(effect);
            feature.values.push(if let Value::Number(number) = value { Some(*number) } else { None });
        }
    }
    Ok(all)
}

/// Reliability by the values of the categories that have few.
fn segments(
    table: &Table,
    test: &[usize],
    probabilities: &[f64],
    labels: &[bool],
) -> Result<Vec<Segments>, MetricError> {
    let mut found = Vec::new();
    for (at, feature) in table.schema.features.iter().enumerate().filter(|(_, f)| f.kind == Kind::Categorical) {
        let values: Vec<&Value> = test.iter().filter_map(|&row| table.rows[row].get(at)).collect();
        let rows = Reliability::by_segment(&values, probabilities, labels)?;
        if (2..=SEGMENTS_MAX).contains(&rows.len()) && found.len() < SEGMENTED_MAX {
            let label = if feature.label.is_empty() { &feature.name } else { &feature.label };
            found.push(Segments { label: label.clone(), rows });
        }
    }
    Ok(found)
}
