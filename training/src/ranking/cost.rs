//! What every open action is expected to cost: the effect model.
//!
//! Purpose: `C(a) = quote(a) + P(miss | x, a) · penalty(x) + residual(x, a)`. The quote and the penalty are known; learned
//! are the probability of a miss and the residual: all other cost, given whether the date was missed, so that
//! `residual = P · r(x, a, missed) + (1 − P) · r(x, a, on time)`.
//!
//! Method: P mixes, on the logit scale, boosted trees over context and action with linfa's logistic regression per pair;
//! the share of the latter is chosen on the latest fifth of the rows. The residual is the mean of boosted trees on
//! squared error and on Tweedie deviance, which sees that amounts are skewed and often nearly 0. The ensemble's members
//! differ in the seed of their trees and in row weights drawn as in the Bayesian bootstrap (Rubin 1981); their spread is
//! what the model does not know. Rank by cost plus half a deviation.
//!
//! Guarantees: the same rows, options and seed give the same bytes on any number of threads; the terms of a score sum to
//! its cost; rows too few for trees leave the regressions and the pairs' smoothed means.
//!
//! Non-goals: confounding (see [`super::evaluate`]); what is allowed; choosing, which is [`super::choose`].

use linfa::ParamGuard;
use linfa::traits::Fit;
use ndarray::{Array1, Array2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::case::{Candidate, Case, CaseError, Resolved, Schema};
use super::frame::Frame;
use super::pair::PairLogistic;
use super::stored::Stored;
use crate::tabular::boost::{BoostParams, Booster, Objective, Records};
use crate::tabular::calibrate::sigmoid;

/// Share of the costs above which residuals are cut: single disasters say nothing of an action.
const RESIDUAL_QUANTILE: f64 = 0.995;
/// Share of residuals that may be below 0 for Tweedie deviance to be used.
const NEGATIVE_SHARE_MAX: f64 = 0.01;
/// The regression's shares of the logit that compete.
const SHARES: [f64; 5] = [0.0, 0.15, 0.3, 0.5, 1.0];
/// The share taken unless another is better for sure.
const SHARE_USUAL: f64 = 0.3;

/// Settings of [`CostModel::fit`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostOptions {
    /// Members of the ensemble.
    pub members: usize,
    /// What a tree's values are multiplied with.
    pub learning_rate: f64,
    /// Most leaves of a tree.
    pub leaves: usize,
    /// Power of the Tweedie deviance, strictly between 1 and 2.
    pub tweedie_power: f64,
    /// L2 penalty of the regressions, against the sum of their log losses.
    pub alpha: f64,
    /// Fewest rows for trees.
    pub tree_rows_min: usize,
    /// The seed.
    pub seed: u64,
}

impl Default for CostOptions {
    /// Four members, trees of 15 leaves at rate 0.05 from 200 rows on, alpha 10. Chosen on the validation days of the
    /// simulated exceptions.
    fn default() -> CostOptions {
        CostOptions {
            members: 4,
            learning_rate: 0.05,
            leaves: 15,
            tweedie_power: 1.3,
            alpha: 10.0,
            tree_rows_min: 200,
            seed: 0,
        }
    }
}

/// What one action is expected to cost; money throughout.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The action.
    pub action: usize,
    /// Known cost of carrying it out.
    pub quote: f64,
    /// Probability of a miss.
    pub miss: f64,
    /// Known cost of a miss.
    pub penalty: f64,
    /// Every other cost expected.
    pub residual: f64,
    /// `quote + miss · penalty + residual`.
    pub cost: f64,
    /// Standard deviation of the cost over the ensemble.
    pub deviation: f64,
    /// Minutes of an approver.
    pub effort_minutes: f64,
    /// Resolved cases of this category in which it was taken.
    pub support: usize,
}

/// A model cannot be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CostError {
    /// The cases.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// The settings.
    #[error("the {name} is {value}: give {expected}")]
    Setting {
        /// Which.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What is taken, in words.
        expected: &'static str,
    },
}

/// One member of the ensemble.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Member {
    miss: Stored,
    squared: Stored,
    tweedie: Stored,
}

/// The fitted effect model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CostModel {
    frame: Frame,
    regressions: PairLogistic,
    /// The regressions' share of the logit.
    share: f64,
    members: Vec<Member>,
}

impl CostModel {
    /// Fits on resolved cases in time order.
    ///
    /// # Errors
    /// [`CostError`].
    pub fn fit(schema: &Schema, rows: &[Resolved], options: &CostOptions) -> Result<CostModel, CostError> {
        schema.check_resolved(rows)?;
        check(options)?;
        let share = choose_share(schema, rows, options);
        Ok(CostModel::fit_with(schema, rows, options, share))
    }

    fn fit_with(schema: &Schema, rows: &[Resolved], options: &CostOptions, share: f64) -> CostModel {
        let residuals = residuals(rows);
        let frame = Frame::fit(schema, rows, &residuals);
        let regressions = PairLogistic::fit(&frame, rows, options.alpha);
        let table = Table::new(&frame, rows, &residuals, options);
        let members = (0..options.members).into_par_iter().map(|number| table.member(number as u64)).collect();
        CostModel { frame, regressions, share, members }
    }

    /// The cases' schema.
    pub fn schema(&self) -> &Schema {
        &self.frame.schema
    }

    /// The regressions' share of the logit of a miss, 0 to 1.
    pub fn regression_share(&self) -> f64 {
        self.share
    }

    /// The expected cost of every candidate, in their order.
    ///
    /// # Errors
    /// [`CaseError`] when the case is not of the model's schema.
    pub fn score(&self, case: &Case) -> Result<Vec<Score>, CaseError> {
        self.frame.schema.check(0, case)?;
        let encoded = self.frame.linear(case);
        Ok(case.candidates.iter().map(|candidate| self.score_one(case, &encoded, candidate)).collect())
    }

    fn score_one(&self, case: &Case, encoded: &[f64], candidate: &Candidate) -> Score {
        let pair = self.frame.pair(case.category, candidate.action);
        let regression = self.regressions.logit(&self.frame, case, encoded, candidate.action);
        let row = self.frame.trees(case, candidate);
        let count = self.members.len().max(1) as f64;
        let (mut miss, mut residual, mut costs) = (0.0, 0.0, Vec::with_capacity(self.members.len()));
        for member in &self.members {
            let p = sigmoid(member.logit(&row, regression, self.share));
            let r = member.residual(&row, case.penalty, p, pair.residual);
            costs.push(candidate.quote + p * case.penalty + r);
            miss += p / count;
            residual += r / count;
        }
        let cost = candidate.quote + miss * case.penalty + residual;
        let squares: f64 = costs.iter().map(|other| (other - cost).powi(2)).sum();
        Score {
            action: candidate.action,
            quote: candidate.quote,
            miss,
            penalty: case.penalty,
            residual,
            cost,
            deviation: (squares / (count - 1.0).max(1.0)).sqrt(),
            effort_minutes: candidate.effort_minutes,
            support: pair.rows,
        }
    }
}

impl Member {
    fn logit(&self, row: &[f32], regression: f64, share: f64) -> f64 {
        match &self.miss.0 {
            Some(booster) => share * regression + (1.0 - share) * booster.raw(row),
            None => regression,
        }
    }

    /// The residual expected at a miss probability of `p`; `otherwise` without trees.
    fn residual(&self, row: &[f32], penalty: f64, p: f64, otherwise: f64) -> f64 {
        let at = |missed: bool| {
            let row = with_outcome(row, missed, penalty);
            let answers = [&self.squared, &self.tweedie].map(|stored| stored.0.as_ref().map(|b| b.response(&row)));
            match answers {
                [Some(squared), Some(tweedie)] => 0.5 * (squared + tweedie),
                [Some(one), None] | [None, Some(one)] => one,
                [None, None] => otherwise,
            }
        };
        p * at(true) + (1.0 - p) * at(false)
    }
}

fn with_outcome(row: &[f32], missed: bool, penalty: f64) -> Vec<f32> {
    let outcome = [f32::from(u8::from(missed)), penalty as f32];
    row.iter().copied().chain(outcome).collect()
}

/// What each case cost beyond its quote and penalty, cut at a high quantile of the costs.
fn residuals(rows: &[Resolved]) -> Vec<f64> {
    let mut costs: Vec<f64> = rows.iter().map(|row| row.cost).collect();
    costs.sort_by(f64::total_cmp);
    let most = costs.get((RESIDUAL_QUANTILE * rows.len() as f64) as usize).or(costs.last()).copied();
    let residual = |row: &Resolved| {
        let quote = row.chosen().map_or(0.0, |chosen| chosen.quote);
        let penalty = if row.missed { row.case.penalty } else { 0.0 };
        (row.cost - quote - penalty).min(most.unwrap_or(f64::INFINITY))
    };
    rows.iter().map(residual).collect()
}

/// What the trees of every member learn from.
struct Table<'a> {
    frame: &'a Frame,
    options: &'a CostOptions,
    /// Rows × columns, with the outcome as the last two columns, and without.
    with: Array2<f32>,
    without: Array2<f32>,
    misses: Array1<f32>,
    residuals: Array1<f32>,
    skewed: bool,
}

impl<'a> Table<'a> {
    fn new(frame: &'a Frame, rows: &[Resolved], residuals: &[f64], options: &'a CostOptions) -> Table<'a> {
        let encode = |row: &Resolved| row.chosen().map(|chosen| frame.trees(&row.case, chosen)).unwrap_or_default();
        let without: Vec<Vec<f32>> = rows.iter().map(encode).collect();
        let outcome = |(row, encoded): (&Resolved, &Vec<f32>)| with_outcome(encoded, row.missed, row.case.penalty);
        let with: Vec<Vec<f32>> = rows.iter().zip(&without).map(outcome).collect();
        let negative = residuals.iter().filter(|residual| **residual < 0.0).count();
        Table {
            frame,
            options,
            with: matrix(&with),
            without: matrix(&without),
            misses: rows.iter().map(|row| f32::from(u8::from(row.missed))).collect(),
            residuals: residuals.iter().map(|residual| *residual as f32).collect(),
            skewed: negative as f64 <= NEGATIVE_SHARE_MAX * rows.len() as f64,
        }
    }

    fn member(&self, number: u64) -> Member {
        let weights = self.weights(number);
        let power = self.options.tweedie_power;
        let fit = |objective, records: &Array2<f32>, targets: Array1<f32>| {
            Stored(self.trees(objective, records, targets, &weights, number))
        };
        let tweedie = Objective::Tweedie { power };
        let above = self.residuals.mapv(|residual| residual.max(0.0));
        Member {
            miss: fit(Objective::Logistic, &self.without, self.misses.clone()),
            squared: fit(Objective::Squared, &self.with, self.residuals.clone()),
            tweedie: if self.skewed { fit(tweedie, &self.with, above) } else { Stored(None) },
        }
    }

    /// Exponential weights of mean 1, one per row.
    fn weights(&self, number: u64) -> Array1<f32> {
        let mut dice = ChaCha8Rng::seed_from_u64(self.options.seed);
        dice.set_stream(number);
        let uniform = |bits: u64| ((bits >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        (0..self.misses.len()).map(|_| -(uniform(dice.next_u64()).ln()) as f32).collect()
    }

    /// `None` when rows are too few or have nothing to tell.
    fn trees(
        &self,
        objective: Objective,
        records: &Array2<f32>,
        targets: Array1<f32>,
        weights: &Array1<f32>,
        number: u64,
    ) -> Option<Booster> {
        let rows = targets.len();
        if rows < self.options.tree_rows_min {
            return None;
        }
        let mut columns = self.frame.tree_columns();
        columns.resize(records.ncols(), crate::tabular::boost::Column::Numeric { monotone: 0 });
        // More rows carry more trees, and larger leaves tell the same from less noise.
        let size = (rows as f64 / 1000.0).max(0.2);
        let params = BoostParams::new(objective)
            .columns(columns)
            .trees((150.0 + 40.0 * size.ln()).max(60.0) as usize)
            .learning_rate(self.options.learning_rate)
            .leaves_max(self.options.leaves)
            .leaf_rows_min((10.0 * size.powf(0.3)) as usize)
            .l2(5.0)
            .row_share(0.7)
            .column_share(0.5)
            .category_group_rows_min(20)
            .seed(self.options.seed.wrapping_mul(1000).wrapping_add(number));
        let records = Records::new(records.clone(), targets).with_weights(weights.clone());
        params.check().ok()?.fit(&records).ok()
    }
}

fn matrix(rows: &[Vec<f32>]) -> Array2<f32> {
    let width = rows.first().map_or(0, Vec::len);
    Array2::from_shape_fn((rows.len(), width), |(row, column)| {
        rows.get(row).and_then(|row| row.get(column)).copied().unwrap_or(f32::NAN)
    })
}

/// The regressions' share that loses least on the latest fifth of the rows, learned from those before; the usual one
/// unless another is better by more than a standard error.
fn choose_share(schema: &Schema, rows: &[Resolved], options: &CostOptions) -> f64 {
    let (earlier, later) = rows.split_at(rows.len() - rows.len() / 5);
    if earlier.len() < options.tree_rows_min {
        return 1.0;
    }
    let model = CostModel::fit_with(schema, earlier, &CostOptions { members: 1, ..*options }, SHARE_USUAL);
    let losses = |share: f64| -> Vec<f64> { later.iter().map(|row| model.loss(row, share)).collect() };
    let usual = losses(SHARE_USUAL);
    let gain = |share: f64| {
        let gains: Vec<f64> = usual.iter().zip(losses(share)).map(|(usual, loss)| usual - loss).collect();
        let mean = super::evaluate::interval::Mean::of(&gains);
        mean.value - mean.error
    };
    let best = SHARES.into_iter().map(|share| (gain(share), share)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(gain, _)| *gain > 0.0).map_or(SHARE_USUAL, |(_, share)| share)
}

impl CostModel {
    /// The log loss of one resolved case at a share, by the first member.
    fn loss(&self, row: &Resolved, share: f64) -> f64 {
        let (Some(chosen), Some(member)) = (row.chosen(), self.members.first()) else { return 0.0 };
        let encoded = self.frame.linear(&row.case);
        let regression = self.regressions.logit(&self.frame, &row.case, &encoded, chosen.action);
        let logit = member.logit(&self.frame.trees(&row.case, chosen), regression, share);
        Objective::Logistic.loss(logit, f32::from(u8::from(row.missed)))
    }
}

fn check(options: &CostOptions) -> Result<(), CostError> {
    let setting = |name, value: f64, ok: bool, expected| {
        if ok { Ok(()) } else { Err(CostError::Setting { name, value, expected }) }
    };
    let (rate, power) = (options.learning_rate, options.tweedie_power);
    setting("number of members", options.members as f64, (1..=100).contains(&options.members), "1 to 100")?;
    setting("number of leaves", options.leaves as f64, (2..=1024).contains(&options.leaves), "2 to 1024")?;
    setting("learning rate", rate, rate > 0.0 && rate <= 1.0, "a number above 0 and at most 1")?;
    setting("Tweedie power", power, power > 1.0 && power < 2.0, "a number between 1 and 2")?;
    setting("alpha", options.alpha, options.alpha > 0.0 && options.alpha.is_finite(), "a positive, finite number")
}
