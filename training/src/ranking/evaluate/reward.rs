//! Rewards estimated for every candidate of every decision, for the estimators that lean on a model.
//!
//! Purpose: cross-fitting (Chernozhukov et al. 2018). The decisions are dealt to folds; each fold's rewards come from a
//! model of the other folds, so that no estimate has seen the reward that corrects it. Four models compete: the mean,
//! a linear one (logistic for rewards of 0 and 1, else ridge; the best of [`PENALTIES`]), boosted trees, and the average of
//! the latter two. Kept is the one whose squared residuals, held out and weighted with `w²` as in the variance of the doubly
//! robust estimator, are smallest: that is the one with the least variance (More Robust Doubly Robust, Farajtabar, Chow and
//! Ghavamzadeh 2018, as a choice among models).
//!
//! Guarantees: seeded; the same on any number of threads; a learner that cannot be fitted leaves the field to the others.
//!
//! Non-goals: features. What describes a decision and a candidate is the caller's `describe`.

use linfa::ParamGuard;
use linfa::traits::Fit;
use ndarray::{Array1, Array2, ArrayView2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::log::{Log, LogError};
use crate::ranking::linear::Ridge;
use crate::tabular::boost::{BoostParams, Booster, Objective, Records};
use crate::tabular::logistic::{Linear, LogisticParams};

/// Estimated shares are kept this far from 0 and 1 where they are moved.
const SHARE_MIN: f64 = 1e-4;
/// Greatest shift of a logit.
const SHIFT_MAX: f64 = 8.0;

/// Penalties of the linear model on standardised weights, in decisions, of which the log chooses.
pub const PENALTIES: [f64; 3] = [1.0, 10.0, 100.0];

/// Settings of [`cross_fit`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RewardOptions {
    /// Folds; at least 2.
    pub folds: usize,
    /// How often the decisions are dealt anew; the estimates are averaged, so that they hang less on one deal.
    pub repeats: usize,
    /// Trees of the boosted model.
    pub trees: usize,
    /// What a tree's values are multiplied with.
    pub learning_rate: f64,
    /// Most leaves of a tree.
    pub leaves: usize,
    /// Fewest decisions in a leaf.
    pub leaf_rows_min: usize,
    /// Whether the estimates are shifted until what is left of the weighted rewards is 0, see [`cross_fit`].
    pub aim: bool,
    /// Seed of the folds and of the trees.
    pub seed: u64,
}

impl Default for RewardOptions {
    /// Five folds dealt three times, 120 trees of 8 leaves at rate 0.05.
    fn default() -> RewardOptions {
        RewardOptions {
            folds: 5,
            repeats: 3,
            trees: 120,
            learning_rate: 0.05,
            leaves: 8,
            leaf_rows_min: 10,
            aim: true,
            seed: 0,
        }
    }
}

/// The models that compete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RewardModel {
    /// The mean reward.
    Mean,
    /// Logistic or ridge regression.
    Linear,
    /// Boosted trees.
    Trees,
    /// The average of linear and trees.
    Both,
}

/// Estimated rewards and the model that they come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Rewards {
    /// Rows × candidates.
    pub estimates: Vec<Vec<f64>>,
    /// Which model was kept.
    pub model: RewardModel,
    /// Mean weighted squared residual of each that could be fitted.
    pub losses: Vec<(RewardModel, f64)>,
}

/// Estimates the reward of every candidate of every decision. `describe(row, candidate)` gives the columns of a
/// candidate, always as many, all finite.
///
/// # Errors
/// [`LogError::Length`] with fewer decisions than two folds need, or fewer than 2 folds.
pub fn cross_fit(
    log: &Log,
    describe: &(dyn Fn(usize, usize) -> Vec<f32> + Sync),
    options: &RewardOptions,
) -> Result<Rewards, LogError> {
    let rows = log.len();
    if options.folds < 2 || rows < options.folds {
        return Err(LogError::Length { rows, what: "folds", found: options.folds });
    }
    let binary = log.rows().iter().all(|row| row.reward == 0.0 || row.reward == 1.0);
    let deals: Vec<Deal> =
        (0..options.repeats.max(1)).map(|repeat| Deal::new(log, describe, options, repeat)).collect();
    let fitted = |learner: Learner| {
        let estimates = deals.iter().map(|deal| deal.estimate(log, learner, binary, options));
        Some(average(&estimates.collect::<Option<Vec<_>>>()?))
    };
    let linear = PENALTIES.iter().filter_map(|penalty| fitted(Learner::Linear { penalty: *penalty }));
    let linear = linear.min_by(|a, b| loss(log, a).total_cmp(&loss(log, b)));
    let trees = fitted(Learner::Trees);
    let both = linear.as_ref().zip(trees.as_ref()).map(|(linear, trees)| average([linear, trees]));
    let mut candidates: Vec<(RewardModel, Vec<Vec<f64>>)> = [
        (RewardModel::Mean, fitted(Learner::Mean)),
        (RewardModel::Linear, linear),
        (RewardModel::Trees, trees),
        (RewardModel::Both, both),
    ]
    .into_iter()
    .filter_map(|(model, estimates)| Some((model, estimates?)))
    .collect();
    if options.aim {
        candidates.iter_mut().for_each(|(_, estimates)| aim(log, estimates, binary));
    }
    let losses: Vec<(RewardModel, f64)> =
        candidates.iter().map(|(model, estimates)| (*model, loss(log, estimates))).collect();
    let best = losses.iter().enumerate().min_by(|a, b| a.1.1.total_cmp(&b.1.1)).map_or(0, |(at, _)| at);
    let (model, estimates) = candidates.swap_remove(best);
    Ok(Rewards { estimates, model, losses })
}

/// The fold of each row: a seeded shuffle dealt in turn.
fn deal(rows: usize, folds: usize, seed: u64, repeat: usize) -> Vec<usize> {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    dice.set_stream(repeat as u64);
    let mut keyed: Vec<(u64, usize)> = (0..rows).map(|row| (dice.next_u64(), row)).collect();
    keyed.sort_unstable();
    let mut result = vec![0; rows];
    for (place, (_, row)) in keyed.into_iter().enumerate() {
        if let Some(fold) = result.get_mut(row) {
            *fold = place % folds;
        }
    }
    result
}

/// The mean, cell by cell, of estimates of one shape.
fn average<'a>(estimates: impl IntoIterator<Item = &'a Vec<Vec<f64>>>) -> Vec<Vec<f64>> {
    let mut estimates = estimates.into_iter();
    let mut sum = estimates.next().cloned().unwrap_or_default();
    let mut count = 1.0;
    for other in estimates {
        count += 1.0;
        sum.iter_mut().flatten().zip(other.iter().flatten()).for_each(|(sum, value)| *sum += value);
    }
    sum.iter_mut().flatten().for_each(|value| *value /= count);
    sum
}

/// Shifts all estimates, on the logit scale for rewards of 0 and 1, until the weighted residuals sum to 0: targeted
/// maximum likelihood (van der Laan and Rubin 2006) with a single number, fitted to the policy that is judged. What is
/// left to correct is then 0 on average, so that even the direct method is right about it.
fn aim(log: &Log, estimates: &mut [Vec<f64>], binary: bool) {
    let Some(weights) = log.weights() else { return };
    let rows = log.rows().iter().zip(weights).zip(estimates.iter());
    let rows: Vec<(f64, f64, f64)> = rows
        .filter(|((_, weight), _)| **weight > 0.0)
        .filter_map(|((logged, weight), row)| Some((*weight, logged.reward, *row.get(logged.taken)?)))
        .collect();
    let total: f64 = rows.iter().map(|row| row.0).sum();
    if total <= 0.0 {
        return;
    }
    let moved = |estimate: f64, by: f64| {
        if !binary {
            return estimate + by;
        }
        let kept = estimate.clamp(SHARE_MIN, 1.0 - SHARE_MIN);
        Objective::Logistic.response((kept / (1.0 - kept)).ln() + by)
    };
    let left = |by: f64| rows.iter().map(|(weight, reward, q)| weight * (reward - moved(*q, by))).sum::<f64>() / total;
    // What is left falls with the shift; on the logit scale it reaches 0 within these bounds, or not at all.
    let by = if binary { root(left, -SHIFT_MAX, SHIFT_MAX) } else { left(0.0) };
    estimates.iter_mut().flatten().for_each(|estimate| *estimate = moved(*estimate, by));
}

/// Where a falling function crosses 0, by bisection; the nearer end when it does not.
fn root(function: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if function(middle) > 0.0 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// Mean squared residual, weighted with `w²` as in the variance of the doubly robust estimator.
fn loss(log: &Log, estimates: &[Vec<f64>]) -> f64 {
    let squared = |(row, logged): (usize, &super::log::Logged)| {
        let estimate = estimates.get(row).and_then(|row| row.get(logged.taken)).copied().unwrap_or_default();
        let weight = log.weights().and_then(|weights| weights.get(row)).copied().unwrap_or(1.0);
        (weight * (logged.reward - estimate)).powi(2)
    };
    log.rows().iter().enumerate().map(squared).sum::<f64>() / log.len() as f64
}

/// What a fold's estimates come from.
#[derive(Clone, Copy)]
enum Learner {
    Mean,
    Linear { penalty: f64 },
    Trees,
}

/// One way to deal the decisions to folds.
struct Deal {
    folds: Vec<usize>,
    parts: Vec<Columns>,
    repeat: usize,
}

impl Deal {
    fn new(
        log: &Log,
        describe: &(dyn Fn(usize, usize) -> Vec<f32> + Sync),
        options: &RewardOptions,
        repeat: usize,
    ) -> Deal {
        let folds = deal(log.len(), options.folds, options.seed, repeat);
        let parts = (0..options.folds).map(|fold| Columns::of(log, describe, &folds, fold)).collect();
        Deal { folds, parts, repeat }
    }

    fn estimate(&self, log: &Log, learner: Learner, binary: bool, options: &RewardOptions) -> Option<Vec<Vec<f64>>> {
        let number = |fold: usize| (self.repeat * options.folds + fold) as u64;
        let parts = self.parts.iter().enumerate();
        let fitted = parts.map(|(fold, part)| part.estimate(learner, binary, number(fold), options));
        Some(gather(log, &self.folds, fitted.collect::<Option<Vec<_>>>()?))
    }
}

/// One fold: what it is learned from, and what is asked.
struct Columns {
    known: Array2<f32>,
    rewards: Vec<f64>,
    asked: Array2<f32>,
}

impl Columns {
    fn of(log: &Log, describe: &(dyn Fn(usize, usize) -> Vec<f32> + Sync), folds: &[usize], fold: usize) -> Columns {
        let (mut known, mut asked, mut rewards) = (Vec::new(), Vec::new(), Vec::new());
        for (row, (logged, part)) in log.rows().iter().zip(folds).enumerate() {
            if *part == fold {
                let candidates = log.target().get(row).map_or(0, Vec::len);
                asked.extend((0..candidates).map(|candidate| describe(row, candidate)));
            } else {
                known.push(describe(row, logged.taken));
                rewards.push(logged.reward);
            }
        }
        let width = known.first().map_or(0, Vec::len);
        Columns { known: matrix(&known, width), rewards, asked: matrix(&asked, width) }
    }

    /// The estimates of what is asked, in order; `None` when the model cannot be fitted.
    fn estimate(&self, learner: Learner, binary: bool, number: u64, options: &RewardOptions) -> Option<Vec<f64>> {
        match learner {
            Learner::Mean => {
                let mean = self.rewards.iter().sum::<f64>() / self.rewards.len().max(1) as f64;
                Some(vec![mean; self.asked.nrows()])
            }
            Learner::Linear { penalty } => self.linear(binary, penalty),
            Learner::Trees => {
                let booster = self.trees(binary, number, options)?;
                let objective = booster.objective();
                Some(booster.raw_batch(self.asked.view()).into_iter().map(|raw| objective.response(raw)).collect())
            }
        }
    }

    fn linear(&self, binary: bool, penalty: f64) -> Option<Vec<f64>> {
        let known = self.known.mapv(f64::from);
        let asked = self.asked.mapv(f64::from);
        if binary {
            let labels: Vec<bool> = self.rewards.iter().map(|reward| *reward > 0.5).collect();
            let params = LogisticParams { alpha: penalty, iterations_max: 200 };
            let linear = Linear::fit(&known, &labels, params).ok()?;
            return Some(each(asked.view(), |row| Objective::Logistic.response(linear.score(row))));
        }
        let ridge = Ridge::fit(known.view(), &self.rewards, penalty)?;
        Some(each(asked.view(), |row| ridge.predict(row)))
    }

    fn trees(&self, binary: bool, number: u64, options: &RewardOptions) -> Option<Booster> {
        let params = BoostParams::new(if binary { Objective::Logistic } else { Objective::Squared })
            .trees(options.trees)
            .learning_rate(options.learning_rate)
            .leaves_max(options.leaves)
            .leaf_rows_min(options.leaf_rows_min)
            .l2(1.0)
            .row_share(0.7)
            .seed(options.seed.wrapping_add(number))
            .check()
            .ok()?;
        let targets: Array1<f32> = self.rewards.iter().map(|reward| *reward as f32).collect();
        params.fit(&Records::new(self.known.clone(), targets)).ok()
    }
}

fn each(matrix: ArrayView2<f64>, answer: impl Fn(Vec<f64>) -> f64) -> Vec<f64> {
    matrix.rows().into_iter().map(|row| answer(row.to_vec())).collect()
}

/// Rows of `width` columns; a column that a row lacks is missing.
fn matrix(rows: &[Vec<f32>], width: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows.len(), width), |(row, column)| {
        rows.get(row).and_then(|row| row.get(column)).copied().unwrap_or(f32::NAN)
    })
}

/// From the answers of each fold, in order, to rows × candidates.
fn gather(log: &Log, folds: &[usize], answers: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let mut answers: Vec<_> = answers.into_iter().map(Vec::into_iter).collect();
    let mut row = |(fold, target): (&usize, &Vec<f64>)| match answers.get_mut(*fold) {
        Some(answers) => answers.by_ref().take(target.len()).collect(),
        None => Vec::new(),
    };
    folds.iter().zip(log.target()).map(&mut row).collect()
}
