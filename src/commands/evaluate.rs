//! `holdfast evaluate` and `holdfast compare`: versions of the risk model on rows that none of them has learned from; policies
//! are in [`policy`].
//!
//! Guarantees: of a file only the test rows of its descriptor are used, of the history only what came after the versions
//! were made, unless asked for more; two versions are compared row by row on the same rows. `evaluate intents` and
//! `evaluate summaries` are in files of their own. Non-goals: promotion.

mod intents;

pub mod logs;
pub mod policy;
pub(super) mod summaries;

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use holdfast_training::artifact::{Version, read_version};
use holdfast_training::tabular::metrics::Metrics;
use holdfast_training::tabular::model::RiskModel;
use holdfast_training::tabular::options::TrainOptions;
use holdfast_training::tabular::split::Split;
use holdfast_training::tabular::table::Table;
use holdfast_training::tabular::train::splits_of;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::Refused;
use super::train::miss_risk::{self, NAME, Source};
use crate::adapters::linfa::risk::FILE;
use crate::app::App;
use crate::config::Config;
use crate::domain::model::ModelVersion;

/// Fewest rows on which anything is said.
const ROWS_MIN: usize = 20;
/// Standard errors beyond which a difference is one (95 %).
const ERRORS: f64 = 1.96;

/// What versions are measured on.
#[derive(clap::Args)]
pub struct On {
    /// Descriptor of a file's columns; the store's history where missing.
    #[arg(long, requires = "file")]
    descriptor: Option<PathBuf>,
    /// CSV file, plain or gzip; its test rows count.
    #[arg(long, requires = "descriptor")]
    file: Option<PathBuf>,
    /// History from here on, even where a version learned from it.
    #[arg(long, conflicts_with = "file")]
    since: Option<Timestamp>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// `holdfast evaluate`.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_precedence_over_arg = true)]
pub struct Evaluate {
    #[command(subcommand)]
    what: Option<What>,
    /// The version; the one that serves where missing.
    version: Option<String>,
    #[command(flatten)]
    on: On,
}

/// What else can be measured.
#[derive(clap::Subcommand)]
enum What {
    /// Train heads on a public set of labelled texts and measure them on its test split.
    Intents(intents::Args),
    /// Count what summaries guarantee, and measure what they cover. Exit code 3: a guarantee does not hold.
    Summaries(summaries::Args),
    /// What a ranking would have been worth, by decisions that another one took. Exit code 3: the log does not support it.
    Policy(policy::Args),
}

/// `holdfast compare`.
#[derive(clap::Args)]
pub struct Compare {
    /// The version that is in place.
    champion: String,
    /// The version that would replace it.
    challenger: String,
    #[command(flatten)]
    on: On,
}

/// How a version did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Version.
    pub version: String,
    /// Rows that it was measured on.
    pub rows: usize,
    /// Its measures.
    pub metrics: Metrics,
    /// Always answering the rate of bad outcomes among these rows, which no rule knows beforehand.
    pub base_rate: Metrics,
}

/// Two versions on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The version in place.
    pub champion: Evaluation,
    /// The other.
    pub challenger: Evaluation,
    /// How much less log loss the challenger has, per row.
    pub gain: f64,
    /// The standard error of that.
    pub gain_error: f64,
    /// `better`, `worse`, or `alike` within two standard errors.
    pub verdict: &'static str,
}

struct Judged {
    version: String,
    probabilities: Vec<f64>,
}

/// Reads a version of the risk model that is registered here; the serving one for `None`.
///
/// # Errors
/// When there is no such version, or its files do not check.
pub async fn stored(app: &App, version: Option<&str>) -> Result<(RiskModel, Version)> {
    let mut tx = app.services.store.read().await?;
    let version = match version {
        Some(version) => version.strip_prefix("miss-risk/").unwrap_or(version).to_owned(),
        None => tx.servings(Some(NAME)).await?.into_iter().next().context("no risk model has served yet")?.version,
    };
    let known = tx.model_version(NAME, &version).await?;
    drop(tx);
    let known = known.with_context(|| format!("`{NAME}/{version}` is not registered here; see `GET /v1/models`"))?;
    let stored = read_version(&directory(app, &known)?)?;
    Ok((RiskModel::from_bytes(&stored.read(FILE)?)?, stored))
}

/// Where the files of a registered version lie: those trained here before those shipped.
fn directory(app: &App, known: &ModelVersion) -> Result<PathBuf> {
    let roots = [app.config.data_dir.join("models"), app.config.models.shipped.clone()];
    let dir = roots.iter().map(|root| root.join(&known.path)).find(|dir| dir.is_dir());
    dir.with_context(|| format!("the files of `{}/{}` are gone", known.name, known.version))
}

/// Measures one version.
///
/// # Errors
/// When there is nothing to measure on; [`Refused`] when it does not beat the base rate.
pub async fn evaluate(config: Config, args: Evaluate) -> Result<()> {
    match args.what {
        Some(What::Intents(args)) => return intents::run(&config, &args),
        Some(What::Summaries(args)) => return summaries::run(&args),
        Some(What::Policy(args)) => return policy::run(config, args).await,
        None => {}
    }
    let app = App::open(config).await?;
    let (model, stored) = stored(&app, args.version.as_deref()).await?;
    let (table, rows) = rows(&app, &args.on, &[&stored]).await?;
    let judged = judge(&model, &stored, &table, &rows)?;
    let found = measure(&judged, &labels(&table, &rows))?;
    if args.on.json {
        println!("{}", json!(found));
    } else {
        print(&[&found]);
    }
    if found.metrics.log_loss < found.base_rate.log_loss {
        return Ok(());
    }
    Err(Refused(format!("`{NAME}/{}` does not beat the base rate on these rows", found.version)).into())
}

/// Measures two versions on the same rows.
///
/// # Errors
/// When there is nothing to measure on; [`Refused`] when the challenger is worse.
pub async fn compare(config: Config, args: Compare) -> Result<()> {
    let app = App::open(config).await?;
    let (old, old_stored) = stored(&app, Some(&args.champion)).await?;
    let (new, new_stored) = stored(&app, Some(&args.challenger)).await?;
    let (table, rows) = rows(&app, &args.on, &[&old_stored, &new_stored]).await?;
    let labels = labels(&table, &rows);
    let judged = [judge(&old, &old_stored, &table, &rows)?, judge(&new, &new_stored, &table, &rows)?];
    let found = comparison(&judged, &labels)?;
    if args.on.json {
        println!("{}", json!(found));
    } else {
        print(&[&found.champion, &found.challenger]);
        let Comparison { gain, gain_error, verdict, .. } = &found;
        println!("\nthe challenger is {verdict}: {gain:+.4} ± {gain_error:.4} log loss less per row");
    }
    match found.verdict {
        "worse" => Err(Refused(format!("`{NAME}/{}` is worse", found.challenger.version)).into()),
        _ => Ok(()),
    }
}

async fn rows(app: &App, on: &On, versions: &[&Version]) -> Result<(Table, Vec<usize>)> {
    let source = match (&on.descriptor, &on.file) {
        (Some(descriptor), Some(data)) => Source::File { descriptor: descriptor.clone(), data: data.clone() },
        _ => Source::History { since: None },
    };
    let table = miss_risk::rows(&app.services, &source).await?.table;
    let rows: Vec<usize> = match source {
        Source::File { .. } => {
            let splits = splits_of(&table, &TrainOptions::default())?;
            (0..splits.len()).filter(|&row| splits[row] == Split::Test).collect()
        }
        Source::History { .. } => {
            let made = versions.iter().filter_map(|version| version.manifest.created_at.parse::<Timestamp>().ok());
            let from = on.since.or(made.max()).map_or(i64::MIN, Timestamp::as_second);
            (0..table.times.len()).filter(|&row| table.times[row] >= from).collect()
        }
    };
    ensure!(
        rows.len() >= ROWS_MIN,
        "only {} rows have an outcome and are newer than what was learned from; wait for more than {ROWS_MIN}, or give \
         --since, which counts rows that a version may have learned from",
        rows.len()
    );
    Ok((table, rows))
}

fn labels(table: &Table, rows: &[usize]) -> Vec<bool> {
    rows.iter().map(|&row| table.labels[row]).collect()
}

fn judge(model: &RiskModel, stored: &Version, table: &Table, rows: &[usize]) -> Result<Judged> {
    let version = stored.manifest.version.clone();
    let expected = &model.schema().version;
    ensure!(
        *expected == table.schema.version,
        "`{NAME}/{version}` reads rows of schema `{expected}` and these are of `{}`: give data of its schema",
        table.schema.version
    );
    let probabilities = rows.iter().map(|&row| model.probability(&table.rows[row])).collect::<Result<_, _>>()?;
    Ok(Judged { version, probabilities })
}

fn measure(judged: &Judged, labels: &[bool]) -> Result<Evaluation> {
    #[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
    let rate = labels.iter().filter(|label| **label).count() as f64 / labels.len() as f64;
    Ok(Evaluation {
        version: judged.version.clone(),
        rows: labels.len(),
        metrics: Metrics::measure(&judged.probabilities, labels)?,
        base_rate: Metrics::of_base_rate(rate, labels)?,
    })
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
fn comparison([old, new]: &[Judged; 2], labels: &[bool]) -> Result<Comparison> {
    let loss = |p: f64, label: bool| -(if label { p } else { 1.0 - p }).ln();
    let pairs = old.probabilities.iter().zip(&new.probabilities).zip(labels);
    let gains: Vec<f64> = pairs.map(|((old, new), label)| loss(*old, *label) - loss(*new, *label)).collect();
    let rows = gains.len() as f64;
    let gain = gains.iter().sum::<f64>() / rows;
    let gain_error = (gains.iter().map(|one| (one - gain).powi(2)).sum::<f64>() / rows / rows).sqrt();
    let verdict = match gain {
        gain if gain > ERRORS * gain_error => "better",
        gain if gain < -ERRORS * gain_error => "worse",
        _ => "alike",
    };
    Ok(Comparison { champion: measure(old, labels)?, challenger: measure(new, labels)?, gain, gain_error, verdict })
}

fn print(all: &[&Evaluation]) {
    println!("{:<32} {:>9} {:>9} {:>9} {:>9} {:>9}", "", "log loss", "roc auc", "pr auc", "brier", "ece");
    let line = |name: &str, m: &Metrics| {
        let Metrics { roc_auc, pr_auc, log_loss, brier, ece } = m;
        println!("{name:<32} {log_loss:>9.4} {roc_auc:>9.4} {pr_auc:>9.4} {brier:>9.4} {ece:>9.4}");
    };
    all.iter().for_each(|one| line(&format!("{NAME}/{}", one.version), &one.metrics));
    if let Some(first) = all.first() {
        line(&format!("base rate of the {} rows", first.rows), &first.base_rate);
    }
}
