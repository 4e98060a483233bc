//! Linking: which of a message's candidates it belongs to, and whether to believe that.
//!
//! Purpose: boosted trees score each candidate by its features; further ones and a logistic regression (linfa's), in equal parts,
//! look at the best candidate, at its lead over the others and at the message; another regression turns what they say into the
//! probability that it is right. The bound
//! above which a link is made without a person is the lowest probability at which the upper limit of the wrong share of what is
//! linked is within the target, measured across groups: a group's messages are judged only by models of the other groups.
//!
//! Guarantees: pure numbers; the same rows give the same bytes on any number of threads; probability and bound are chosen on
//! out-of-group scores; the upper limit is exact (Clopper and Pearson, Biometrika 26, 1934). Non-goals: what a feature means,
//! and where candidates come from.

use linfa::ParamGuard;
use linfa::traits::Fit;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use crate::tabular::boost::{BoostError, BoostParams, Booster, Objective, Records};
use crate::tabular::learner::{from_text, to_text};
use crate::tabular::logistic::{Linear, LogisticError, LogisticParams};

/// The layout of the stored model; a reader refuses any other.
const FORMAT: u32 = 1;
/// A lead beyond this says no more.
const LEAD_MAX: f64 = 6.0;
/// Keeps a logarithm finite.
const PROBABILITY_MIN: f64 = 1e-9;
/// Fewer links than this say nothing of a bound.
const LINKED_MIN: usize = 30;
/// Most steps of a regression's solver.
const ITERATIONS_MAX: u64 = 500;

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Rows of one group are never judged by a model that saw another of them.
    pub group: usize,
    /// Features of each candidate.
    pub candidates: Vec<Vec<f64>>,
    /// Whether each candidate is right.
    pub right: Vec<bool>,
    /// Features of the message.
    pub message: Vec<f64>,
    /// Whether it belongs somewhere, be it to no candidate.
    pub belongs: bool,
    /// Whether a rule keeps it from being linked, whatever its probability.
    pub barred: bool,
}

/// Settings of [`LinkModel::train`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkOptions {
    /// Trees that score candidates.
    pub score: TreeOptions,
    /// Trees that judge the best candidate.
    pub belief: TreeOptions,
    /// L2 penalty of the regression that judges it too, on standardised features, against the sum of the log losses.
    pub alpha: f64,
    /// Greatest wrong share of what is linked.
    pub wrong_max: f64,
    /// Confidence of its upper limit (one-sided).
    pub confidence: f64,
}

/// Settings of boosted trees; the rest is the same for both, see `fit`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct TreeOptions {
    pub trees: usize,
    pub learning_rate: f64,
    pub leaves_max: usize,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            score: TreeOptions { trees: 200, learning_rate: 0.04, leaves_max: 10 },
            belief: TreeOptions { trees: 200, learning_rate: 0.03, leaves_max: 8 },
            alpha: 3.0,
            wrong_max: 0.01,
            confidence: 0.95,
        }
    }
}

/// A model cannot be trained, stored or used.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Rows or names that do not fit together.
    #[error("the link model cannot use its input ({what}): give every candidate and message the named features")]
    Input {
        /// What is wrong.
        what: String,
    },
    /// The trees could not be fitted.
    #[error("the link model's trees cannot be fitted")]
    Trees(#[from] BoostError),
    /// A regression could not be fitted.
    #[error("the link model's regressions cannot be fitted")]
    Line(#[from] LogisticError),
    /// Not the JSON of a model.
    #[error("the link model cannot be read: train it again, or restore the file")]
    Json(#[source] serde_json::Error),
    /// Of another layout.
    #[error("the link model has format {found} instead of {FORMAT}: train it again with this version")]
    Format {
        /// The file's.
        found: u32,
    },
}

/// A trained model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkModel {
    format: u32,
    features: Vec<String>,
    message: Vec<String>,
    #[serde(serialize_with = "to_text", deserialize_with = "from_text")]
    score: Booster,
    #[serde(serialize_with = "to_text", deserialize_with = "from_text")]
    belief: Booster,
    line: Linear,
    calibration: Linear,
    bound: f64,
}

/// The candidates of a message in the eyes of a model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ranking {
    /// The best candidate; `None` without any.
    pub best: Option<usize>,
    /// Probability of each candidate that the message belongs there. The best one's is calibrated; the others share what is
    /// left by their scores, and none has more than it.
    pub probabilities: Vec<f64>,
}

/// One message, judged by models of the other groups.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Probability of its best candidate; 0 without any, and where a rule keeps it from being linked.
    pub probability: f64,
    /// Whether that one is right.
    pub right: bool,
    /// Whether the message belongs somewhere.
    pub belongs: bool,
}

/// What linking above the bound does, across groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct LinkReport {
    pub messages: usize,
    pub belonging: usize,
    /// Messages whose best candidate is right, whatever its probability.
    pub best_right: usize,
    pub bound: f64,
    /// At or above the bound.
    pub linked: usize,
    /// Of these, wrong.
    pub wrong: usize,
    /// Exact upper limit of the wrong share, one-sided.
    pub wrong_upper: f64,
    /// Its confidence.
    pub confidence: f64,
    /// Mean log loss of the best candidates' probabilities, in nats.
    pub log_loss: f64,
    /// How the bound could be chosen otherwise: probability, linked, wrong.
    pub curve: Vec<(f64, usize, usize)>,
}

impl LinkModel {
    /// Trains on `rows`, whose candidates have `features` and whose messages have `message` features. Answers the model, what
    /// it does across groups, and how each row was judged.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn train(
        rows: &[Row],
        features: &[&str],
        message: &[&str],
        options: &LinkOptions,
    ) -> Result<(Self, LinkReport, Vec<Judged>), LinkError> {
        check(rows, features.len(), message.len())?;
        let groups = rows.iter().map(|row| row.group + 1).max().unwrap_or(0);
        if groups < 2 {
            return Err(LinkError::Input { what: "there are fewer than two groups".to_owned() });
        }
        let mut seen: Vec<Option<Best>> = vec![None; rows.len()];
        for group in 0..groups {
            let score = fit_score(rows.iter().filter(|row| row.group != group), options)?;
            for (row, best) in rows.iter().zip(&mut seen).filter(|(row, _)| row.group == group && !row.barred) {
                *best = Best::of(&score, &row.candidates, &row.message);
            }
        }
        let right = |(row, best): (&Row, &Option<Best>)| best.as_ref().is_some_and(|best| row.right[best.index]);
        let right: Vec<bool> = rows.iter().zip(&seen).map(right).collect();
        // The trees' scores of messages that they have not seen: on others they are too sure of themselves.
        let mut raw: Vec<Option<f64>> = vec![None; rows.len()];
        for group in 0..groups {
            let (belief, line) = fit_belief(&right, &seen, |index| rows[index].group != group, options)?;
            for (index, best) in seen.iter().enumerate().filter(|(index, _)| rows[*index].group == group) {
                raw[index] = best.as_ref().map(|best| best.believed(&belief, &line));
            }
        }
        let mut judged: Vec<Judged> = Vec::with_capacity(rows.len());
        for (row, right) in rows.iter().zip(&right) {
            judged.push(Judged { probability: 0.0, right: *right, belongs: row.belongs });
        }
        for group in 0..groups {
            let calibration = calibrate(&right, &raw, |index| rows[index].group != group)?;
            for (index, raw) in raw.iter().enumerate().filter(|(index, _)| rows[*index].group == group) {
                judged[index].probability = raw.map_or(0.0, |raw| probability(&calibration, raw));
            }
        }
        let score = fit_score(rows.iter(), options)?;
        let (belief, line) = fit_belief(&right, &seen, |_| true, options)?;
        let calibration = calibrate(&right, &raw, |_| true)?;
        let report = report(&judged, options);
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let model = Self {
            format: FORMAT,
            features: owned(features),
            message: owned(message),
            score,
            belief,
            line,
            calibration,
            bound: report.bound,
        };
        Ok((model, report, judged))
    }

    /// Ranks the candidates of a message.
    #[must_use]
    pub fn rank(&self, candidates: &[Vec<f64>], message: &[f64]) -> Ranking {
        let Some(best) = Best::of(&self.score, candidates, message) else { return Ranking::default() };
        let probability = probability(&self.calibration, best.believed(&self.belief, &self.line));
        let others: f64 = best.odds.iter().sum::<f64>() - best.odds[best.index];
        let share = |(index, odds): (usize, &f64)| {
            if index == best.index {
                probability
            } else {
                ((1.0 - probability) * odds / (others + 1.0)).min(probability)
            }
        };
        let probabilities = best.odds.iter().enumerate().map(share).collect();
        Ranking { best: Some(best.index), probabilities }
    }

    /// The probability from which a message is linked without a person; above 1 where none is safe.
    #[must_use]
    pub fn bound(&self) -> f64 {
        self.bound
    }

    /// Names of a candidate's features.
    #[must_use]
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// Names of a message's features.
    #[must_use]
    pub fn message(&self) -> &[String] {
        &self.message
    }

    /// The model as JSON; the same model gives the same bytes.
    ///
    /// # Errors
    /// [`LinkError::Json`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, LinkError> {
        serde_json::to_vec(self).map_err(LinkError::Json)
    }

    /// Reads what [`LinkModel::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`LinkError::Json`], [`LinkError::Format`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LinkError> {
        let model: Self = serde_json::from_slice(bytes).map_err(LinkError::Json)?;
        if model.format == FORMAT { Ok(model) } else { Err(LinkError::Format { found: model.format }) }
    }
}

/// The best candidate of a message and what the second model looks at.
#[derive(Debug, Clone)]
struct Best {
    index: usize,
    /// Odds of each candidate against none.
    odds: Vec<f64>,
    features: Vec<f32>,
}

impl Best {
    fn of(score: &Booster, candidates: &[Vec<f64>], message: &[f64]) -> Option<Self> {
        let scores: Vec<f64> = candidates.iter().map(|features| score.raw(&narrow(features))).collect();
        let first = |a: &usize, b: &usize| scores[*a].total_cmp(&scores[*b]).then(b.cmp(a));
        let index = (0..scores.len()).max_by(first)?;
        let best = scores[index];
        let others = || (0..scores.len()).filter(|other| *other != index).map(|other| scores[other]);
        let second = others().fold(best - LEAD_MAX, f64::max);
        let within = |lead: f64| others().filter(|other| *other > best - lead).count() as f64;
        let odds: Vec<f64> = scores.iter().map(|score| score.clamp(-30.0, 30.0).exp()).collect();
        let share = odds[index] / odds.iter().sum::<f64>();
        let leads = [best.clamp(-LEAD_MAX, LEAD_MAX), best - second, share, within(1.0), within(2.0)];
        let features = narrow(&[&leads[..], &candidates[index][..], message].concat());
        Some(Self { index, odds, features })
    }

    /// The logit that it is right: the mean of what trees and regression say.
    fn believed(&self, belief: &Booster, line: &Linear) -> f64 {
        0.5 * (belief.raw(&self.features) + line.score(self.features.iter().map(|value| f64::from(*value))))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "trees compare in single precision")]
fn narrow(features: &[f64]) -> Vec<f32> {
    features.iter().map(|value| *value as f32).collect()
}

fn probability(calibration: &Linear, raw: f64) -> f64 {
    1.0 / (1.0 + (-calibration.score([raw])).exp())
}

fn fit_score<'a>(rows: impl Iterator<Item = &'a Row>, options: &LinkOptions) -> Result<Booster, LinkError> {
    let pairs: Vec<(Vec<f32>, bool)> =
        rows.flat_map(|row| row.candidates.iter().map(|one| narrow(one)).zip(row.right.iter().copied())).collect();
    fit(&pairs, options.score)
}

fn fit_belief(
    right: &[bool],
    seen: &[Option<Best>],
    inside: impl Fn(usize) -> bool,
    options: &LinkOptions,
) -> Result<(Booster, Linear), LinkError> {
    let all = seen.iter().zip(right).enumerate().filter(|(index, _)| inside(*index));
    let pairs: Vec<(Vec<f32>, bool)> =
        all.filter_map(|(_, (best, right))| Some((best.as_ref()?.features.clone(), *right))).collect();
    let width = pairs.first().map_or(0, |(features, _)| features.len());
    let matrix = Array2::from_shape_fn((pairs.len(), width), |(row, column)| f64::from(pairs[row].0[column]));
    let labels: Vec<bool> = pairs.iter().map(|(_, right)| *right).collect();
    let line = Linear::fit(&matrix, &labels, LogisticParams { alpha: options.alpha, iterations_max: ITERATIONS_MAX })?;
    Ok((fit(&pairs, options.belief)?, line))
}

/// Few rows and many features: every tree sees a part of both, and leaves are drawn to nought.
fn fit(pairs: &[(Vec<f32>, bool)], options: TreeOptions) -> Result<Booster, LinkError> {
    let width = pairs.first().map_or(0, |(features, _)| features.len());
    let matrix = Array2::from_shape_fn((pairs.len(), width), |(row, column)| pairs[row].0[column]);
    let labels: Array1<f32> = pairs.iter().map(|(_, right)| f32::from(u8::from(*right))).collect();
    let params = BoostParams::new(Objective::Logistic)
        .trees(options.trees)
        .learning_rate(options.learning_rate)
        .leaves_max(options.leaves_max)
        .leaf_rows_min(10)
        .l2(10.0)
        .row_share(0.7)
        .column_share(0.7);
    Ok(params.check()?.fit(&Records::new(matrix, labels))?)
}

fn calibrate(right: &[bool], raw: &[Option<f64>], inside: impl Fn(usize) -> bool) -> Result<Linear, LinkError> {
    let pairs: Vec<(f64, bool)> =
        (0..raw.len()).filter(|index| inside(*index)).filter_map(|index| Some((raw[index]?, right[index]))).collect();
    let matrix = Array2::from_shape_fn((pairs.len(), 1), |(row, _)| pairs[row].0);
    let labels: Vec<bool> = pairs.iter().map(|(_, right)| *right).collect();
    // Two weights and thousands of rows: the penalty only has to be above nought.
    Ok(Linear::fit(&matrix, &labels, LogisticParams { alpha: 0.01, iterations_max: ITERATIONS_MAX })?)
}

fn check(rows: &[Row], features: usize, message: usize) -> Result<(), LinkError> {
    for (at, row) in rows.iter().enumerate() {
        let shaped = row.candidates.len() == row.right.len()
            && row.message.len() == message
            && row.candidates.iter().all(|candidate| candidate.len() == features);
        if !shaped {
            return Err(LinkError::Input { what: format!("row {at} has other numbers of features or labels") });
        }
    }
    Ok(())
}

/// Counts above each probability and picks the bound: the lowest probability at which the upper limit is within the target, or
/// where there is none, the one with the least upper limit.
fn report(judged: &[Judged], options: &LinkOptions) -> LinkReport {
    let mut sorted: Vec<&Judged> = judged.iter().filter(|one| one.probability > 0.0).collect();
    sorted.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    let (mut wrong, mut curve) = (0, Vec::new());
    for (index, one) in sorted.iter().enumerate() {
        wrong += usize::from(!one.right);
        let last = sorted.get(index + 1).is_none_or(|next| next.probability < one.probability);
        if last && index + 1 >= LINKED_MIN {
            curve.push((one.probability, index + 1, wrong));
        }
    }
    let upper = |point: &&(f64, usize, usize)| upper_limit(point.2, point.1, options.confidence);
    let within = curve.iter().rev().find(|point| upper(point) <= options.wrong_max);
    let chosen = within.or_else(|| curve.iter().min_by(|a, b| upper(a).total_cmp(&upper(b))));
    let &(bound, linked, wrong) = chosen.unwrap_or(&(2.0, 0, 0));
    let loss = |one: &Judged| {
        let said = if one.right { one.probability } else { 1.0 - one.probability };
        -said.max(PROBABILITY_MIN).ln()
    };
    LinkReport {
        messages: judged.len(),
        belonging: judged.iter().filter(|one| one.belongs).count(),
        best_right: judged.iter().filter(|one| one.right).count(),
        bound,
        linked,
        wrong,
        wrong_upper: upper_limit(wrong, linked, options.confidence),
        confidence: options.confidence,
        log_loss: judged.iter().map(loss).sum::<f64>() / judged.len().max(1) as f64,
        curve: thinned(&curve),
    }
}

/// The last point of each hundredth of a probability.
fn thinned(curve: &[(f64, usize, usize)]) -> Vec<(f64, usize, usize)> {
    let hundredth = |point: &(f64, usize, usize)| (point.0 * 100.0).floor();
    let last = |pair: &[(f64, usize, usize)]| (hundredth(&pair[0]) != hundredth(&pair[1])).then_some(pair[0]);
    curve.windows(2).filter_map(last).chain(curve.last().copied()).collect()
}

/// Upper limit of a share of which `hits` were seen among `trials`: the share at which so few are just as unlikely as
/// 1 − `confidence` (Clopper and Pearson 1934, one-sided); 1 without trials.
#[must_use]
pub fn upper_limit(hits: usize, trials: usize, confidence: f64) -> f64 {
    if hits >= trials {
        return 1.0;
    }
    let (mut low, mut high) = (hits as f64 / trials as f64, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if at_most(hits, trials, middle) > 1.0 - confidence { low = middle } else { high = middle }
    }
    high
}

/// Probability of at most `hits` among `trials` at a share.
fn at_most(hits: usize, trials: usize, share: f64) -> f64 {
    let n = trials as f64;
    let choose = |k: f64| libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
    let term = |k: usize| {
        let k = k as f64;
        (choose(k) + k * share.max(PROBABILITY_MIN).ln() + (n - k) * (-share).ln_1p()).exp()
    };
    (0..=hits).map(term).sum()
}
