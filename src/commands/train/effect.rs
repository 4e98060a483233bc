//! `holdfast train effect`: what each action takes off the risk, from what was done before and what came of it.
//!
//! Its baseline is the catalogue's belief alone: a table beats it when, fitted on the older four fifths of the cases, it
//! predicts the misses of the newest fifth better. The table that is kept is fitted on all cases.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use holdfast_training::ranking::effect::{EffectRow, EffectTable, Prior};
use serde::Serialize;

use super::{About, Progress, Trainer, verdict};
use crate::adapters::linfa::effect::{FILE, KIND};
use crate::domain::case::Category;
use crate::domain::digest;
use crate::domain::model::ModelVersion;
use crate::flow::assess::features::SCHEMA_VERSION;
use crate::flow::decide::catalogue::Catalogue;
use crate::flow::learn::history;

/// The registry's name of effect tables.
pub const NAME: &str = "effect";

/// Fewest cases to measure on.
const TEST_MIN: usize = 30;

/// How the table does on cases that it has not seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Report {
    pub cases: usize,
    pub test_cases: usize,
    pub log_loss: f64,
    /// Of the catalogue's belief alone.
    pub baseline_log_loss: f64,
    pub beats_baseline: bool,
    /// Relief by `category/action`, where there are cases.
    pub relief: BTreeMap<String, f64>,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "cases        {} ({} of them to measure on)", self.cases, self.test_cases)?;
        writeln!(f, "log loss     {:.4}, catalogue alone {:.4}", self.log_loss, self.baseline_log_loss)?;
        for (pair, relief) in &self.relief {
            writeln!(f, "  {relief:>+7.3}  {pair}")?;
        }
        write!(f, "\nbeats the catalogue's belief: {}", if self.beats_baseline { "yes" } else { "no" })
    }
}

/// Fits the table on this installation's history, writes a version and registers it.
///
/// # Errors
/// What is wrong with the history, the catalogue's beliefs, the model directory or the store.
pub async fn run(trainer: &Trainer<'_>, progress: &mut Progress<'_>) -> anyhow::Result<(ModelVersion, Report)> {
    let mut say = |stage: &str, share: f64| match progress(stage, share) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(anyhow::anyhow!("training was cancelled; nothing was kept")),
    };
    say("read history", 0.0)?;
    let history = trainer.services.store.read().await?.history(SCHEMA_VERSION, None).await?;
    // The same guard as for risk: a row that knew its outcome is refused.
    let set = history::training_set(&history)?;
    say("judge cases", 0.3)?;
    // Cases from before any model served are judged by the risk that serves now.
    let risk = trainer.services.models.risk.get();
    let rows: Vec<EffectRow> = history::treated(&history, risk.as_deref()).into_iter().map(row).collect();
    let priors = priors(&trainer.services.catalogue);
    say("fit", 0.8)?;
    let table = EffectTable::fit(&rows, &priors)?;
    let report = report(&rows, &priors, &table)?;
    let (bytes, measured) = (serde_json::to_vec(&table)?, serde_json::to_vec_pretty(&report)?);
    let about = About {
        name: NAME,
        kind: KIND,
        data_digest: digest::hex_of(&(&rows, &priors))?,
        data_window: set.window.map(|window| window.map(|at| at.to_string())),
        schema_version: SCHEMA_VERSION.to_owned(),
        seed: 0,
        licence: "the installation's own".to_owned(),
        source: "assessments, actions and outcomes of this installation".to_owned(),
        metrics: metrics(&report),
    };
    let card = card(&report);
    let files: [(&str, &[u8]); 3] = [(FILE, &bytes), ("metrics.json", &measured), ("CARD.md", card.as_bytes())];
    say("keep", 0.9)?;
    let version = trainer.keep(about, &files).await?;
    progress("done", 1.0).is_continue();
    Ok((version, report))
}

fn row(treated: history::Treated) -> EffectRow {
    EffectRow {
        category: treated.category.name().to_owned(),
        action: treated.action.name().to_owned(),
        predicted_miss: treated.predicted_miss,
        missed: treated.missed,
    }
}

/// The catalogue's beliefs, one for each category that an action answers.
fn priors(catalogue: &Catalogue) -> Vec<Prior> {
    let pairs = catalogue.entries().iter().flat_map(|entry| {
        let answered = Category::ALL.into_iter().filter(|category| entry.answers(*category));
        answered.map(move |category| (category, &entry.spec))
    });
    let believed = pairs.filter(|(_, spec)| spec.prior.weight > 0.0);
    believed
        .map(|(category, spec)| Prior {
            category: category.name().to_owned(),
            action: spec.kind.name().to_owned(),
            relief: spec.prior.relief,
            weight: spec.prior.weight,
        })
        .collect()
}

fn report(rows: &[EffectRow], priors: &[Prior], table: &EffectTable) -> anyhow::Result<Report> {
    let (older, newer) = rows.split_at(rows.len() - rows.len() / 5);
    let log_loss = log_loss(&EffectTable::fit(older, priors)?, newer);
    let baseline_log_loss = self::log_loss(&EffectTable::fit(&[], priors)?, newer);
    let seen = |row: &EffectRow| format!("{}/{}", row.category, row.action);
    Ok(Report {
        cases: rows.len(),
        test_cases: newer.len(),
        log_loss,
        baseline_log_loss,
        beats_baseline: newer.len() >= TEST_MIN && log_loss < baseline_log_loss,
        relief: rows.iter().map(|row| (seen(row), table.effect(&row.category, &row.action).relief)).collect(),
    })
}

/// Mean log loss of the risk that is left after the action; 0 without rows.
#[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
fn log_loss(table: &EffectTable, rows: &[EffectRow]) -> f64 {
    let loss = |row: &EffectRow| {
        let relief = table.effect(&row.category, &row.action).relief;
        let left = (row.predicted_miss * (1.0 - relief)).clamp(0.001, 0.999);
        -(if row.missed { left } else { 1.0 - left }).ln()
    };
    rows.iter().map(loss).sum::<f64>() / rows.len().max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "numbers of cases")]
fn metrics(report: &Report) -> BTreeMap<String, f64> {
    let measures = [
        ("cases", report.cases as f64),
        ("test_cases", report.test_cases as f64),
        ("log_loss", report.log_loss),
        ("baseline_log_loss", report.baseline_log_loss),
    ];
    let named = measures.into_iter().map(|(name, value)| (name.to_owned(), value));
    named.chain([verdict(report.beats_baseline)]).collect()
}

fn card(report: &Report) -> String {
    format!(
        "# Effects of actions\n\n\
         For each category and action the share of the predicted miss risk that the action removes: observed against \
         predicted misses, drawn towards the catalogue's belief while cases are few.\n\n\
         ```text\n{report}\n```\n\n\
         ## Not for\n\n\
         Proof of cause: actions that are chosen for hard cases look worse unless the predicted risk knows why. Cases from \
         before any model served are judged by a risk model that was trained on their outcomes too, which makes their \
         predicted risk look better than it was.\n"
    )
}
