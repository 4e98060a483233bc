//! Every learner on every forward fold, and what was kept once more, as often as it will be fitted.

use std::collections::BTreeMap;

use super::rows::{basis, encode};
use super::{Run, TrainError, failed};
use crate::tabular::encode::Recipe;
use crate::tabular::forward::{self, Fold};
use crate::tabular::learner::{Encoded, Fitted, Learner};
use crate::tabular::options::TrainOptions;
use crate::tabular::stack::{self, Aligned};

/// Fewest known rows that a forward fold learns from.
const FOLD_ROWS_MIN: usize = 30;

/// What one learner made of one fold.
struct Trial {
    fitted: Fitted,
    losses: Vec<f64>,
}

/// A fold's later block, encoded in each recipe.
type Blocks = BTreeMap<Recipe, Encoded>;

/// Everything that the forward folds say.
#[derive(Default)]
pub(super) struct Compared {
    /// With the trees that lost least.
    pub(super) learners: Vec<Learner>,
    folds: Vec<Fold>,
    /// One logit per row of all blocks, for each learner.
    logits: Vec<Vec<f64>>,
    /// The same, made comparable.
    pub(super) aligned: Vec<Aligned>,
    /// What each learner lost, by which it is chosen and reported.
    pub(super) losses: Vec<f64>,
    /// Their outcomes.
    pub(super) labels: Vec<bool>,
}

impl Compared {
    /// Rows of each fold.
    fn sizes(&self) -> Vec<usize> {
        self.folds.iter().map(|fold| fold.block.len()).collect()
    }
}

impl Run<'_, '_> {
    /// Fits every learner on every forward fold.
    pub(super) fn compare(&mut self) -> Result<Compared, TrainError> {
        let TrainOptions { folds, folds_from, outcome_delay, .. } = *self.options;
        let (times, labels) = (&self.pool.times, &self.pool.labels);
        let folds = forward::folds(times, labels, outcome_delay, folds_from, folds, FOLD_ROWS_MIN);
        if folds.is_empty() {
            return Err(TrainError::NoFold { rows: self.pool.rows.len(), needed: FOLD_ROWS_MIN });
        }
        let mut trials: Vec<Vec<Trial>> = self.options.learners.iter().map(|_| Vec::new()).collect();
        let mut blocks = Vec::new();
        for (number, fold) in folds.iter().enumerate() {
            blocks.push(self.try_fold(number, folds.len(), fold, &mut trials)?);
        }
        let mut compared = Compared::default();
        for fold in &folds {
            compared.labels.extend_from_slice(&self.pool.labels[fold.block.clone()]);
        }
        compared.folds = folds;
        let sizes = compared.sizes();
        for (learner, trials) in self.options.learners.iter().zip(&trials) {
            let learner = settled(learner, trials, &sizes);
            let logits = trials.iter().zip(&blocks).flat_map(|(trial, block)| later_logits(&learner, trial, block));
            let logits: Vec<f64> = logits.collect();
            let aligned = stack::align(&logits, &compared.labels, &sizes);
            compared.losses.push(stack::shaped_loss(&aligned.logits, &compared.labels));
            compared.aligned.push(aligned);
            compared.logits.push(logits);
            compared.learners.push(learner);
        }
        Ok(compared)
    }

    /// Fits what was kept on the forward folds as often as it will be fitted in the end, and aligns the means: one fit alone
    /// is too sure of itself, and calibration would take off more than the mean of several deserves.
    pub(super) fn bag(&mut self, compared: &mut Compared, weights: &[f64]) -> Result<(), TrainError> {
        let kept = |at: &usize| weights[*at] > 0.0 && compared.learners[*at].bags() > 1;
        let kept: Vec<usize> = (0..weights.len()).filter(kept).collect();
        let mut sums = vec![Vec::new(); weights.len()];
        for (number, fold) in compared.folds.iter().enumerate() {
            let context = self.pool.context(fold.known, self.options);
            let (mut bases, mut blocks) = (BTreeMap::new(), Blocks::new());
            for &at in &kept {
                let learner = &compared.learners[at];
                let share = number as f64 / compared.folds.len() as f64;
                self.say(&format!("forward fold {}, again: {learner}", number + 1), 0.64 + 0.14 * share)?;
                let recipe = learner.recipe();
                let basis =
                    bases.entry(recipe).or_insert_with(|| basis(self.table, &self.pool, fold.known, recipe, &context));
                let block = blocks.entry(recipe).or_insert_with(|| encode(basis, &self.pool.rows[fold.block.clone()]));
                let mut sum = vec![0.0; fold.block.len()];
                for bag in 1..learner.bags() {
                    let seed = self.options.seed.wrapping_add(bag as u64);
                    let fitted =
                        Fitted::fit(learner, &basis.encoded, &context.labels, self.options.iterations_max, seed);
                    let logits = fitted.map_err(|source| failed(learner, source))?.logits(block.matrix.view());
                    sum.iter_mut().zip(logits).for_each(|(sum, logit)| *sum += logit);
                }
                sums[at].extend(sum);
            }
        }
        let sizes = compared.sizes();
        for at in kept {
            let bags = compared.learners[at].bags() as f64;
            let mean = compared.logits[at].iter().zip(&sums[at]).map(|(first, others)| (first + others) / bags);
            compared.aligned[at] = stack::align(&mean.collect::<Vec<f64>>(), &compared.labels, &sizes);
        }
        Ok(())
    }

    fn try_fold(
        &mut self,
        number: usize,
        folds: usize,
        fold: &Fold,
        trials: &mut [Vec<Trial>],
    ) -> Result<Blocks, TrainError> {
        let context = self.pool.context(fold.known, self.options);
        let later = &self.pool.labels[fold.block.clone()];
        let later: Vec<bool> = later.to_vec();
        let (mut bases, mut blocks) = (BTreeMap::new(), Blocks::new());
        for (at, learner) in self.options.learners.iter().enumerate() {
            let done = (number * trials.len() + at) as f64 / (folds * trials.len()) as f64;
            self.say(&format!("forward fold {} of {folds}: {learner}", number + 1), 0.02 + 0.62 * done)?;
            let recipe = learner.recipe();
            let basis =
                bases.entry(recipe).or_insert_with(|| basis(self.table, &self.pool, fold.known, recipe, &context));
            let block = blocks.entry(recipe).or_insert_with(|| encode(basis, &self.pool.rows[fold.block.clone()]));
            let (iterations_max, seed) = (self.options.iterations_max, self.options.seed);
            let known = (&basis.encoded, context.labels.as_slice());
            let fitted = Fitted::fit_watched(learner, known, (block, &later), iterations_max, seed);
            let (fitted, losses) = fitted.map_err(|source| failed(learner, source))?;
            trials[at].push(Trial { fitted, losses });
        }
        Ok(blocks)
    }
}

/// The learner with the number of trees that lost least over all folds.
fn settled(learner: &Learner, trials: &[Trial], sizes: &[usize]) -> Learner {
    let mut learner = learner.clone();
    if let Learner::Trees { trees, .. } = &mut learner {
        // A fold that stopped early would hardly have moved any more.
        let rounds = trials.iter().map(|trial| trial.losses.len()).max().unwrap_or(0);
        let of_fold = |trial: &Trial, round: usize| trial.losses.get(round).or(trial.losses.last()).copied();
        let loss = |round: usize| -> f64 {
            let weighted = |(trial, size): (&Trial, &usize)| of_fold(trial, round).unwrap_or_default() * *size as f64;
            trials.iter().zip(sizes).map(weighted).sum()
        };
        let least = (0..rounds).map(loss).enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
        *trees = least.map_or(1, |(round, _)| round + 1);
    }
    learner
}

/// The logits of a fold's block under what was settled.
fn later_logits(learner: &Learner, trial: &Trial, block: &Blocks) -> Vec<f64> {
    let Some(encoded) = block.get(&learner.recipe()) else { return Vec::new() };
    match (&trial.fitted, learner) {
        (Fitted::Trees(booster), Learner::Trees { trees, .. }) => {
            Fitted::Trees(booster.truncated(*trees)).logits(encoded.matrix.view())
        }
        (fitted, _) => fitted.logits(encoded.matrix.view()),
    }
}
