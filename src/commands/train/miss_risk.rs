//! `holdfast train miss-risk`: the risk of missing a ship date, from the store's history or from a described file.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use holdfast_training::artifact::sha256_hex;
use holdfast_training::tabular::descriptor::Descriptor;
use holdfast_training::tabular::dossier;
use holdfast_training::tabular::model::RiskModel;
use holdfast_training::tabular::options::{Rule, TrainOptions};
use holdfast_training::tabular::report::Report;
use holdfast_training::tabular::ship_date::Coverage;
use holdfast_training::tabular::table::{Facts, Table};
use jiff::Timestamp;
use serde::Serialize;

use super::{About, Trainer, beside, verdict};
use crate::adapters::linfa::risk::{FILE, KIND};
use crate::adapters::linfa::table;
use crate::adapters::models::REPORT;
use crate::domain::model::ModelVersion;
use crate::flow::assess::features::{self, SCHEMA_VERSION};
use crate::flow::learn::history;
use crate::flow::services::Services;

/// The registry's name of risk models.
pub const NAME: &str = "miss-risk";

/// Shares of a history: in a young one, a fold must be longer than an outcome takes to become known.
const FRACTIONS: [f64; 3] = [0.6, 0.2, 0.2];

/// Where the rows come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Assessments and outcomes of this installation, from `since` on.
    History {
        /// Only rows taken at or after this.
        since: Option<Timestamp>,
    },
    /// A CSV file and what its columns mean.
    File {
        /// The descriptor (TOML).
        descriptor: PathBuf,
        /// The data (CSV, gzip-compressed where it ends in `.gz`).
        data: PathBuf,
    },
}

/// What came of it.
#[derive(Debug)]
pub struct Trained {
    /// The registered version.
    pub version: ModelVersion,
    /// How it does on rows that it has not seen.
    pub report: Findings,
}

/// Rows with what the manifest says of them.
pub struct Rows {
    /// The rows.
    pub table: Table,
    /// Hours until each row's line shipped, where that is known; empty for a file, which does not say.
    pub hours: Vec<Option<f64>>,
    /// How long an outcome takes to be known, in seconds.
    pub delay_s: i64,
    /// SHA-256 of the data.
    pub data_digest: String,
    /// First and last time of it.
    pub data_window: Option<[String; 2]>,
    licence: String,
    source: String,
}

/// What training found: of the risk, of the ship date where there is an interval, and what is missing and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Findings {
    /// The risk model.
    #[serde(flatten)]
    pub risk: Report,
    /// The interval of the ship date.
    pub ship_date: Option<Coverage>,
    /// What this version does not have, in words.
    pub notes: Vec<String>,
}

impl std::fmt::Display for Findings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.risk)?;
        if let Some(coverage) = &self.ship_date {
            write!(f, "\n\n{coverage}")?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "\n{note}"))
    }
}

/// What people go by without a model, and every model of our own features has to beat.
fn rules() -> Vec<Rule> {
    let rule = |name: &str, feature: &str| Rule { name: name.to_owned(), feature: feature.to_owned() };
    vec![rule("due-date rule", "slack_h"), rule("the carrier's record", "late_rate_carrier")]
}

/// Trains on `source`, writes an immutable version with report and card, and registers it.
///
/// # Errors
/// What is wrong with the data, the options, the model directory or the store.
pub async fn run(
    trainer: &Trainer<'_>,
    source: &Source,
    mut options: TrainOptions,
    progress: &mut dyn FnMut(&str, f64) -> ControlFlow<()>,
) -> anyhow::Result<Trained> {
    let rows = rows(trainer.services, source).await?;
    options.outcome_delay = options.outcome_delay.max(rows.delay_s);
    if matches!(source, Source::History { .. }) {
        options.rules = rules();
        if options.fractions == TrainOptions::default().fractions {
            options.fractions = FRACTIONS;
        }
    }
    let (model, risk) = RiskModel::train(&rows.table, &options, progress)?;
    let beside = beside::fit(&model, &rows, &options, matches!(source, Source::History { .. }));
    let report = Findings { risk, ship_date: beside.coverage, notes: beside.notes };
    // A cancelled training leaves nothing: this is its last chance to be.
    ensure!(progress("keep", 0.99).is_continue(), "training was cancelled; nothing was kept");
    let (bytes, measured) = (model.to_bytes()?, serde_json::to_vec_pretty(&report)?);
    let about = About {
        name: NAME,
        kind: KIND,
        schema_version: rows.table.schema.version.clone(),
        seed: options.seed,
        metrics: metrics(&report),
        data_digest: rows.data_digest,
        data_window: rows.data_window,
        licence: rows.licence,
        source: rows.source,
    };
    let card = card(&about, &report);
    let page = dossier::page(&model, &report.risk, &rows.table, &options, words(&about, &report))?;
    let mut files: Vec<(&str, &[u8])> =
        vec![(FILE, &bytes), ("metrics.json", &measured), ("CARD.md", card.as_bytes()), (REPORT, page.as_bytes())];
    files.extend(beside.files.iter().map(|(name, bytes)| (*name, bytes.as_slice())));
    let version = trainer.keep(about, &files).await?;
    progress("done", 1.0).is_continue();
    Ok(Trained { version, report })
}

/// The rows of a source.
///
/// # Errors
/// What is wrong with the data or the store.
pub async fn rows(services: &Services, source: &Source) -> anyhow::Result<Rows> {
    match source {
        Source::History { since } => from_history(services, *since).await,
        Source::File { descriptor, data } => from_file(descriptor, data),
    }
}

async fn from_history(services: &Services, since: Option<Timestamp>) -> anyhow::Result<Rows> {
    let history = services.store.read().await?.history(SCHEMA_VERSION, since).await?;
    let set = history::training_set(&history)?;
    let schema = table::schema(SCHEMA_VERSION, &features::schema());
    let names: Vec<String> = schema.features.iter().map(|feature| feature.name.clone()).collect();
    let rows: Result<Vec<_>, _> = set.rows.iter().map(|row| table::to_learned(&names, row)).collect();
    Ok(Rows {
        delay_s: set.delay_s,
        table: Table {
            schema,
            rows: rows?,
            labels: set.labels,
            times: set.times,
            splits: None,
            facts: Facts::default(),
        },
        hours: set.hours,
        data_digest: set.digest,
        data_window: set.window.map(|window| window.map(|at| at.to_string())),
        licence: "the installation's own".to_owned(),
        source: "assessments and outcomes of this installation".to_owned(),
    })
}

fn from_file(descriptor: &Path, data: &Path) -> anyhow::Result<Rows> {
    let described = Descriptor::load(descriptor)?;
    let table = described.read(data)?;
    let bytes = std::fs::read(data).with_context(|| format!("`{}` cannot be read", data.display()))?;
    let window = || {
        let (first, last) = (table.times.iter().min()?, table.times.iter().max()?);
        let text = |seconds: i64| Timestamp::from_second(seconds).ok().map(|at| at.to_string());
        Some([text(*first)?, text(*last)?])
    };
    // Without a time column the times are row numbers.
    let data_window = described.time_column.as_ref().and_then(|_| window());
    Ok(Rows {
        hours: Vec::new(),
        delay_s: table.facts.outcome_delay,
        data_digest: sha256_hex(&bytes),
        data_window,
        licence: described.licence,
        source: described.source,
        table,
    })
}

/// What the report's page says beside the numbers.
fn words(about: &About, report: &Findings) -> dossier::About {
    let window = about.data_window.as_ref().map_or("in file order".to_owned(), |[a, b]| format!("{a} to {b}"));
    let provenance = [
        ("data", about.source.clone()),
        ("data window", window),
        ("data digest", format!("sha256 {}", about.data_digest)),
        ("licence", about.licence.clone()),
        ("schema", about.schema_version.clone()),
        ("seed", about.seed.to_string()),
        ("code version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    dossier::About {
        title: about.name.to_owned(),
        summary: "Probability that an order line misses its promised ship date.".to_owned(),
        bad: "late lines".to_owned(),
        provenance: provenance
            .into_iter()
            .chain(measured(report))
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}

/// What the report's page says of the ship date and of abstaining.
fn measured(report: &Findings) -> Vec<(&'static str, String)> {
    let covered = report.ship_date.iter().flat_map(|coverage| {
        coverage
            .to_string()
            .lines()
            .map(|line| ("ship date", line.trim_start_matches("ship date").trim().to_owned()))
            .collect::<Vec<_>>()
    });
    covered.chain(report.notes.iter().map(|note| ("note", note.clone()))).collect()
}

fn metrics(Findings { risk: report, ship_date, .. }: &Findings) -> BTreeMap<String, f64> {
    #[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
    let rows = [("rows_train", report.rows.train as f64), ("rows_test", report.rows.test as f64)];
    let test = &report.test;
    // The hardest baseline to beat.
    let least = report.baselines.iter().map(|b| &b.test).min_by(|a, b| a.log_loss.total_cmp(&b.log_loss));
    let baseline = least.unwrap_or(test);
    let measures = [
        ("base_rate", report.base_rate),
        ("roc_auc", test.roc_auc),
        ("pr_auc", test.pr_auc),
        ("log_loss", test.log_loss),
        ("brier", test.brier),
        ("ece", test.ece),
        ("baseline_pr_auc", baseline.pr_auc),
        ("baseline_log_loss", baseline.log_loss),
        ("baseline_brier", baseline.brier),
    ];
    let ships = ship_date.iter().flat_map(|coverage| {
        [
            ("ship_date_coverage", coverage.adaptive),
            ("ship_date_coverage_calibrated", coverage.calibrated),
            ("ship_date_width_h", coverage.width_h),
        ]
    });
    let named = rows.into_iter().chain(measures).chain(ships).map(|(name, value)| (name.to_owned(), value));
    named.chain([verdict(report.beats_baseline)]).collect()
}

fn card(about: &About, report: &Findings) -> String {
    let About { schema_version, source, licence, data_digest, seed, .. } = about;
    let window = about.data_window.as_ref().map_or("in file order".to_owned(), |[a, b]| format!("{a} to {b}"));
    format!(
        "# Risk of missing a ship date\n\n\
         A calibrated mixture of learners for the probability that an order line misses its date, with the reasons for each \
         answer.\n\n\
         - Data: {source}; licence: {licence}; time: {window}; SHA-256 `{data_digest}`\n\
         - Feature schema: `{schema_version}`; seed: {seed}\n\
         - Split in time order: chosen and calibrated on rows later than those that the competing learners had, fitted again \
         on all of them, measured once on the newest\n\n\
         ```text\n{report}\n```\n\n\
         ## Not for\n\n\
         Other data than that of its schema; causes (a reason says what moved the score, not what would help); decisions \
         about persons.\n"
    )
}
