//! `holdfast train effect`: what each action leads to on a case, from what was done before and what came of it.
//!
//! One rule decides which categories are learned: fitted on the older four fifths of the resolved cases, the model foretells
//! the misses of the category's cases in the newest fifth with less log loss than the catalogue's belief does, by more than
//! the standard error of that difference, on [`TEST_MIN`] cases at least. The belief answers for all others. The model that
//! is kept is fitted on all cases. A version beats its baseline when it has learned a category.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use anyhow::{Context as _, ensure};
use holdfast_training::ranking::archive::usual_distance;
use holdfast_training::ranking::case::Resolved as Learned;
use holdfast_training::ranking::cost::{CostModel, CostOptions};
use holdfast_training::ranking::evaluate::interval::Mean;
use serde::Serialize;

use super::{About, Progress, Trainer, verdict};
use crate::adapters::linfa::effect::{Content, Encoding, FILE, KIND};
use crate::domain::case::Category;
use crate::domain::digest;
use crate::domain::model::ModelVersion;
use crate::flow::assess::features::{self, SCHEMA_VERSION};
use crate::flow::decide::catalogue::Catalogue;
use crate::flow::decide::nearest;
use crate::flow::decide::rank::{MISS_UNKNOWN, relief};
use crate::flow::learn::registry::EFFECT;
use crate::flow::learn::resolved::Resolved;
use crate::flow::learn::{history, resolved};
use crate::ports::tabular::{EffectCase, RiskModel};

/// Fewest cases of a category to measure on.
const TEST_MIN: usize = 30;
/// Fewest cases of a category from which its usual distance is measured.
const USUAL_MIN: usize = 30;
/// Fewest cases to learn from.
const CASES_MIN: usize = 50;
/// Probabilities are kept this far from 0 and 1 where their loss is taken.
const EDGE: f64 = 0.001;

/// How the model does on cases that it has not seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Report {
    pub cases: usize,
    pub test_cases: usize,
    /// Of what would serve: the model where a category is learned, the belief elsewhere.
    pub log_loss: f64,
    /// Of the catalogue's belief alone.
    pub baseline_log_loss: f64,
    pub beats_baseline: bool,
    /// The share of the regressions in the logit of a miss.
    pub regression_share: f64,
    pub categories: BTreeMap<Category, OfCategory>,
}

/// The same of one category.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct OfCategory {
    pub cases: usize,
    pub test_cases: usize,
    pub log_loss: f64,
    pub baseline_log_loss: f64,
    /// Standard error of the difference of the two.
    pub error: f64,
    pub learned: bool,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "cases        {} ({} of them to measure on)", self.cases, self.test_cases)?;
        writeln!(f, "log loss     {:.4}, catalogue alone {:.4}", self.log_loss, self.baseline_log_loss)?;
        for (category, of) in &self.categories {
            let answers = if of.learned { "learned" } else { "believed" };
            writeln!(
                f,
                "  {:<24} {:>5} cases, {:>4} to measure on: log loss {:.4}, catalogue {:.4}, error {:.4}: {answers}",
                category.name(),
                of.cases,
                of.test_cases,
                of.log_loss,
                of.baseline_log_loss,
                of.error
            )?;
        }
        write!(f, "\nbeats the catalogue's belief: {}", if self.beats_baseline { "yes" } else { "no" })
    }
}

/// Fits the model on this installation's history, writes a version and registers it.
///
/// # Errors
/// What is wrong with the history, the model directory or the store.
pub async fn run(trainer: &Trainer<'_>, progress: &mut Progress<'_>) -> anyhow::Result<(ModelVersion, Report)> {
    let mut say = |stage: &str, share: f64| match progress(stage, share) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(anyhow::anyhow!("training was cancelled; nothing was kept")),
    };
    say("read history", 0.0)?;
    let history = trainer.services.store.read().await?.history(SCHEMA_VERSION, None).await?;
    // The same guard as for risk: a row that knew its outcome is refused.
    let set = history::training_set(&history)?;
    let rows = resolved::of(&history);
    ensure!(
        rows.len() >= CASES_MIN,
        "there are {} resolved cases and {CASES_MIN} are needed: let outcomes come in, or import history",
        rows.len()
    );
    say("measure", 0.1)?;
    // Cases from before any model served are judged by the risk that serves now.
    let risk = trainer.services.models.risk.get();
    let options = CostOptions::default();
    let report = measure(&rows, &trainer.services.catalogue, risk.as_deref(), &options)?;
    say("fit", 0.5)?;
    let learned = report.categories.iter().filter(|(_, of)| of.learned).map(|(category, _)| *category);
    let content = content(&rows, &options, learned.collect(), usual(&rows))?;
    let report = Report { regression_share: content.model.regression_share(), ..report };
    let (bytes, measured) = (serde_json::to_vec(&content)?, serde_json::to_vec_pretty(&report)?);
    let about = About {
        name: EFFECT,
        kind: KIND,
        data_digest: digest::hex_of(&rows)?,
        data_window: set.window.map(|window| window.map(|at| at.to_string())),
        schema_version: SCHEMA_VERSION.to_owned(),
        seed: options.seed,
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

/// A model of `rows` that answers for the categories in `learned`, with what is usual in each.
///
/// # Errors
/// What is wrong with the rows.
fn content(
    rows: &[Resolved],
    options: &CostOptions,
    learned: BTreeSet<Category>,
    usual_distance: BTreeMap<Category, f64>,
) -> anyhow::Result<Content> {
    let features: Vec<&[serde_json::Value]> = rows.iter().map(|row| row.features.as_slice()).collect();
    let encoding = Encoding::of(SCHEMA_VERSION, &features::schema(), &features);
    let cases: Vec<Learned> = rows
        .iter()
        .map(|row| to_learned(&encoding, row))
        .collect::<Option<_>>()
        .context("a resolved case lacks the action that was taken: this is a fault of the service")?;
    let model = CostModel::fit(&encoding.schema(), &cases, options)?;
    Ok(Content { encoding, model, learned, usual_distance })
}

fn to_learned(encoding: &Encoding, row: &Resolved) -> Option<Learned> {
    Some(Learned {
        case: encoding.case(&case_of(row)),
        taken: row.stakes.offers.iter().position(|offer| offer.action == row.action)?,
        missed: row.missed,
        cost: row.cost,
        resolve_hours: row.resolve_minutes() / 60.0,
    })
}

fn case_of(row: &Resolved) -> EffectCase<'_> {
    EffectCase { category: row.category, features: &row.features, stakes: &row.stakes }
}

/// How far a case usually lies from its fifth-nearest, in the space that the service searches: among cases of the same
/// currency, as there, because amounts of two currencies are no distance.
fn usual(rows: &[Resolved]) -> BTreeMap<Category, f64> {
    let of = |category: Category| {
        let mut currencies: BTreeMap<&str, Vec<(usize, Vec<f64>)>> = BTreeMap::new();
        for (at, row) in rows.iter().enumerate().filter(|(_, row)| row.category == category) {
            let point = nearest::vector(&row.features).into_iter().map(f64::from).collect();
            currencies.entry(&row.stakes.currency).or_default().push((at, point));
        }
        let groups: Vec<_> = currencies.into_values().collect();
        (groups.iter().map(Vec::len).sum::<usize>() >= USUAL_MIN).then(|| (category, usual_distance(&groups)))
    };
    Category::ALL.into_iter().filter_map(of).collect()
}

/// Learns from the older cases whose outcome was known when the newest fifth begins, and measures on that.
fn measure(
    rows: &[Resolved],
    catalogue: &Catalogue,
    risk: Option<&dyn RiskModel>,
    options: &CostOptions,
) -> anyhow::Result<Report> {
    let (older, newer) = rows.split_at(rows.len() - rows.len() / 5);
    let begins = newer.first().map(|row| row.as_of);
    let known = older.iter().filter(|row| begins.is_none_or(|begins| row.known_at <= begins));
    let known: Vec<Resolved> = known.cloned().collect();
    let all: BTreeSet<Category> = Category::ALL.into_iter().collect();
    let model = if known.is_empty() { None } else { Some(content(&known, options, all, BTreeMap::new())?) };
    let loss = |row: &Resolved| {
        let believed = believed(catalogue, risk, row);
        let learned = model.as_ref().and_then(|model| {
            let taken = row.stakes.offers.iter().position(|offer| offer.action == row.action)?;
            Some(model.effects(SCHEMA_VERSION, &case_of(row))?.get(taken)?.miss)
        });
        (row.category, log_loss(learned.unwrap_or(believed), row.missed), log_loss(believed, row.missed))
    };
    let losses: Vec<(Category, f64, f64)> = newer.iter().map(loss).collect();
    let of = |category: Category| {
        let cases = rows.iter().filter(|row| row.category == category).count();
        let of: Vec<_> = losses.iter().filter(|(of, ..)| *of == category).collect();
        let gains = Mean::of(&of.iter().map(|(_, learned, believed)| believed - learned).collect::<Vec<f64>>());
        let report = OfCategory {
            cases,
            test_cases: of.len(),
            log_loss: mean(of.iter().map(|(_, learned, _)| *learned)),
            baseline_log_loss: mean(of.iter().map(|(_, _, believed)| *believed)),
            error: gains.error,
            learned: of.len() >= TEST_MIN && gains.value > gains.error,
        };
        (cases > 0).then_some((category, report))
    };
    let categories: BTreeMap<Category, OfCategory> = Category::ALL.into_iter().filter_map(of).collect();
    let serves = |category: &Category| categories.get(category).is_some_and(|of| of.learned);
    Ok(Report {
        cases: rows.len(),
        test_cases: newer.len(),
        log_loss: mean(losses.iter().map(|(of, learned, believed)| if serves(of) { *learned } else { *believed })),
        baseline_log_loss: mean(losses.iter().map(|(_, _, believed)| *believed)),
        beats_baseline: categories.values().any(|of| of.learned),
        regression_share: 0.0,
        categories,
    })
}

/// What ranking would have said without an effect model.
fn believed(catalogue: &Catalogue, risk: Option<&dyn RiskModel>, row: &Resolved) -> f64 {
    let hindsight = || Some(risk?.risk(SCHEMA_VERSION, &row.features).ok()?.miss_probability);
    let said = row.said.or_else(hindsight).unwrap_or(MISS_UNKNOWN);
    said * (1.0 - relief(row.action, catalogue.entry(row.action).spec.prior.relief))
}

fn log_loss(probability: f64, missed: bool) -> f64 {
    let left = probability.clamp(EDGE, 1.0 - EDGE);
    -(if missed { left } else { 1.0 - left }).ln()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    Mean::of(&values.collect::<Vec<f64>>()).value
}

#[expect(clippy::cast_precision_loss, reason = "numbers of cases")]
fn metrics(report: &Report) -> BTreeMap<String, f64> {
    let measures = [
        ("cases", report.cases as f64),
        ("test_cases", report.test_cases as f64),
        ("log_loss", report.log_loss),
        ("baseline_log_loss", report.baseline_log_loss),
        ("categories_learned", report.categories.values().filter(|of| of.learned).count() as f64),
    ];
    let named = measures.into_iter().map(|(name, value)| (name.to_owned(), value));
    named.chain([verdict(report.beats_baseline)]).collect()
}

fn card(report: &Report) -> String {
    format!(
        "# Effects of actions\n\n\
         For a case and each action that is allowed on it: the probability that the date is missed with the action, and \
         what the case costs beside quote, penalty and people's minutes. Boosted trees over features and action mixed with \
         a logistic regression per category and action; an ensemble of four says how sure it is.\n\n\
         ```text\n{report}\n```\n\n\
         Which categories are learned was decided on the cases that the log loss above is of, so that is a little \
         flattered.\n\n\
         ## Not for\n\n\
         Proof of cause: an action that is chosen for hard cases looks worse unless the features know why they are hard. \
         Several currencies: amounts count as they are. Cases from before any model served are judged by a risk model that was \
         trained on their outcomes too, which makes the belief look better than it was.\n"
    )
}
