//! Training a [`RiskModel`]: check, split, guard, compare forward in time, mix, calibrate, fit again, measure.
//!
//! Guarantees: learners, their number of trees, their shares and the calibration are chosen on forward folds, in which a
//! row is scored only by models of earlier rows; what was chosen is then fitted on all rows before the test; the test
//! rows only reach the report. The same table and options give the same bytes, on any number of threads.
//!
//! Non-goals: searching settings; the learners that compete are given.

mod error;
mod guard;
mod splits;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use ndarray::Array2;

pub use self::error::TrainError;
pub(crate) use self::splits::known_before_test;
pub use self::splits::splits_of;
use super::calibrate::Calibration;
use super::encode::{Context, FeatureEncoder, Recipe};
use super::forward::{self, Fold};
use super::leak;
use super::learner::{Encoded, Family, Fitted, Learner, LearnerError, column_of, encode_row};
use super::metrics::{self, ECE_BINS, Metrics};
use super::model::{Member, Parts, RiskModel};
use super::options::{Rule, TrainOptions};
use super::report::{Baseline, Candidate, Report, SplitRows};
use super::split::Split;
use super::stack::{self, Aligned};
use super::table::{Kind, Table, TableError, Value};

/// Hears the stage and the share done, 0 to 1, and says whether to go on.
pub type Progress<'a> = dyn FnMut(&str, f64) -> ControlFlow<()> + 'a;

/// Fewest known rows that a forward fold learns from.
const FOLD_ROWS_MIN: usize = 30;

/// Some rows, oldest first.
struct Rows<'a> {
    rows: Vec<&'a [Value]>,
    labels: Vec<bool>,
    times: Vec<i64>,
}

impl<'a> Rows<'a> {
    fn take(table: &'a Table, wanted: impl Fn(usize) -> bool) -> Rows<'a> {
        let mut indices: Vec<usize> = (0..table.rows.len()).filter(|&row| wanted(row)).collect();
        indices.sort_by_key(|&row| table.times[row]);
        Rows {
            rows: indices.iter().map(|&row| table.rows[row].as_slice()).collect(),
            labels: indices.iter().map(|&row| table.labels[row]).collect(),
            times: indices.iter().map(|&row| table.times[row]).collect(),
        }
    }

    fn of_both_outcomes(self, split: Split) -> Result<Rows<'a>, TrainError> {
        match self.labels.first() {
            Some(&label) if self.labels.iter().all(|other| *other == label) => {
                Err(TrainError::OneClass { split, rows: self.labels.len(), label })
            }
            _ => Ok(self),
        }
    }

    fn feature(&self, index: usize, first: usize) -> Vec<&'a Value> {
        self.rows.iter().take(first).filter_map(|row| row.get(index)).collect()
    }

    /// What encoders of the first so many rows are fitted with.
    fn context(&self, first: usize, options: &TrainOptions) -> Context {
        let labels: Vec<bool> = self.labels.iter().take(first).copied().collect();
        let bad = labels.iter().filter(|label| **label).count();
        Context {
            times: self.times.iter().take(first).copied().collect(),
            base_rate: bad as f64 / labels.len().max(1) as f64,
            labels,
            outcome_delay: options.outcome_delay,
            bins_max: options.bins_max,
            smoothing: options.smoothing,
        }
    }
}

/// Encoders of one recipe, and the rows that they were fitted on.
struct Basis {
    encoders: Vec<FeatureEncoder>,
    encoded: Encoded,
}

/// Fits one encoder per feature on the first so many rows.
fn basis(table: &Table, rows: &Rows<'_>, first: usize, recipe: Recipe, context: &Context) -> Basis {
    let (mut encoders, mut columns, mut meanings) = (Vec::new(), Vec::new(), Vec::new());
    for (index, feature) in table.schema.features.iter().enumerate() {
        let fitted = FeatureEncoder::fit(feature.kind, &rows.feature(index, first), recipe, context);
        let meaning = column_of(feature.kind, recipe, table.facts.monotone.get(&feature.name).copied());
        meanings.extend(fitted.training.iter().map(|_| meaning));
        encoders.push(fitted.encoder);
        columns.extend(fitted.training);
    }
    Basis { encoders, encoded: Encoded::new(first, &columns, meanings) }
}

/// What one learner made of one fold.
struct Trial {
    fitted: Fitted,
    losses: Vec<f64>,
}

/// A fold's later block, encoded in each recipe.
type Blocks = BTreeMap<Recipe, Encoded>;

/// Everything that the forward folds say.
#[derive(Default)]
struct Compared {
    /// With the trees that lost least.
    learners: Vec<Learner>,
    /// One logit per row of all blocks, for each learner.
    aligned: Vec<Aligned>,
    /// What each learner lost, by which it is chosen and reported.
    losses: Vec<f64>,
    /// Their outcomes.
    labels: Vec<bool>,
}

struct Run<'t, 'p> {
    table: &'t Table,
    options: &'t TrainOptions,
    pool: Rows<'t>,
    progress: &'p mut Progress<'p>,
}

impl RiskModel {
    /// Trains on `table` and measures on its test rows.
    ///
    /// # Errors
    /// [`TrainError`].
    pub fn train(
        table: &Table,
        options: &TrainOptions,
        progress: &mut dyn FnMut(&str, f64) -> ControlFlow<()>,
    ) -> Result<(RiskModel, Report), TrainError> {
        options.check().map_err(TrainError::Options)?;
        table.check().map_err(TrainError::Table)?;
        if table.rows.len() < options.rows_min {
            return Err(TrainError::TooFewRows { found: table.rows.len(), needed: options.rows_min });
        }
        guard::refuse_late_features(table)?;
        let splits = splits_of(table, options).map_err(TrainError::Split)?;
        guard::refuse_split_groups(table, &splits)?;
        let options = &settled_options(table, options)?;
        let known = known_before_test(table, &splits, options);
        let pool = Rows::take(table, |row| known[row]).of_both_outcomes(Split::Train)?;
        let test = Rows::take(table, |row| splits[row] == Split::Test).of_both_outcomes(Split::Test)?;
        let mut run = Run { table, options, pool, progress };
        let context = run.pool.context(run.pool.rows.len(), options);
        run.say("leaks", 0.0)?;
        run.refuse_leaks(&context)?;
        let compared = run.compare()?;
        let families: Vec<Family> = compared.learners.iter().map(Learner::family).collect();
        let weights = stack::select(&compared.losses, &families);
        let mixed = mix(&compared.aligned, &weights);
        let calibration = Calibration::choose(&mixed, &compared.labels).map_err(TrainError::Metric)?;
        let model = run.fit_again(&compared, &weights, &context, calibration)?;
        run.say("measure", 0.98)?;
        let report = run.report(&model, &compared, &weights, &context, &test)?;
        run.say("done", 1.0)?;
        Ok((model, report))
    }
}

impl Run<'_, '_> {
    fn say(&mut self, stage: &str, share: f64) -> Result<(), TrainError> {
        match (self.progress)(stage, share) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(TrainError::Cancelled),
        }
    }

    fn refuse_leaks(&self, context: &Context) -> Result<(), TrainError> {
        let limit = self.options.leak_auc;
        for (index, feature) in self.table.schema.features.iter().enumerate() {
            let values = self.pool.feature(index, self.pool.rows.len());
            if let Some(auc) = leak::single_feature_auc(feature.kind, &values, context)
                && auc >= limit
            {
                return Err(TrainError::Leak { feature: feature.name.clone(), auc, limit });
            }
        }
        Ok(())
    }

    /// Fits every learner on every forward fold.
    fn compare(&mut self) -> Result<Compared, TrainError> {
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
        let sizes: Vec<usize> = folds.iter().map(|fold| fold.block.len()).collect();
        for (learner, trials) in self.options.learners.iter().zip(&trials) {
            let learner = settled(learner, trials, &sizes);
            let logits = trials.iter().zip(&blocks).flat_map(|(trial, block)| later_logits(&learner, trial, block));
            let aligned = stack::align(&logits.collect::<Vec<f64>>(), &compared.labels, &sizes);
            compared.losses.push(stack::shaped_loss(&aligned.logits, &compared.labels));
            compared.aligned.push(aligned);
            compared.learners.push(learner);
        }
        Ok(compared)
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
            self.say(&format!("forward fold {} of {folds}: {learner}", number + 1), 0.02 + 0.76 * done)?;
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

    /// Fits what was chosen on every row before the test. Slopes apply around the mean logit, and the level is that of the
    /// rows fitted on.
    fn fit_again(
        &mut self,
        compared: &Compared,
        weights: &[f64],
        context: &Context,
        calibration: Calibration,
    ) -> Result<RiskModel, TrainError> {
        let (mut bases, mut members) = (BTreeMap::new(), Vec::new());
        let rows = self.pool.rows.len();
        let mut logits = vec![0.0; rows];
        let kept = compared.learners.iter().zip(&compared.aligned).zip(weights).filter(|(_, weight)| **weight > 0.0);
        for ((learner, Aligned { slope, .. }), weight) in kept {
            self.say(&format!("fit: {learner}"), 0.8)?;
            let recipe = learner.recipe();
            let basis = bases.entry(recipe).or_insert_with(|| basis(self.table, &self.pool, rows, recipe, context));
            let bags = learner.bags();
            let weight = weight * slope / bags as f64;
            for bag in 0..bags {
                let seed = self.options.seed.wrapping_add(bag as u64);
                let fitted = Fitted::fit(learner, &basis.encoded, &context.labels, self.options.iterations_max, seed);
                let fitted = fitted.map_err(|source| failed(learner, source))?;
                let of_member = fitted.logits(basis.encoded.matrix.view());
                logits.iter_mut().zip(of_member).for_each(|(sum, logit)| *sum += weight * logit);
                members.push(Member { weight, learner: learner.clone(), fitted });
            }
        }
        Ok(RiskModel::assemble(Parts {
            seed: self.options.seed,
            schema: self.table.schema.clone(),
            encoders: bases.into_iter().map(|(recipe, basis)| (recipe, basis.encoders)).collect(),
            members,
            offset: stack::level(&logits, context.base_rate),
            calibration,
        }))
    }

    fn report(
        &self,
        model: &RiskModel,
        compared: &Compared,
        weights: &[f64],
        context: &Context,
        test: &Rows<'_>,
    ) -> Result<Report, TrainError> {
        let probabilities: Result<Vec<f64>, _> = test.rows.iter().map(|row| model.probability(row)).collect();
        let probabilities = probabilities.map_err(|error| TrainError::Table(TableError::Schema(error)))?;
        let measured = Metrics::measure(&probabilities, &test.labels).map_err(TrainError::Metric)?;
        let base_rate = Metrics::of_base_rate(context.base_rate, &test.labels).map_err(TrainError::Metric)?;
        let mut baselines = vec![Baseline { name: "base rate".to_owned(), test: base_rate }];
        for rule in &self.options.rules {
            baselines.push(self.measure_rule(rule, context, test)?);
        }
        let (train, valid) = (self.pool.rows.len(), compared.labels.len());
        let gap = self.table.rows.len() - train - test.rows.len();
        let candidates = compared.learners.iter().zip(&compared.losses).zip(weights);
        let candidate = |((learner, loss), weight): ((&Learner, &f64), &f64)| Candidate {
            learner: learner.clone(),
            valid_log_loss: *loss,
            weight: *weight,
        };
        Ok(Report {
            rows: SplitRows { train, valid, test: test.rows.len(), gap },
            base_rate: context.base_rate,
            calibration: model.calibration().name().to_owned(),
            candidates: candidates.map(candidate).collect(),
            test: measured,
            beats_baseline: baselines.iter().all(|baseline| measured.log_loss < baseline.test.log_loss),
            baselines,
            reliability: metrics::reliability(&probabilities, &test.labels, ECE_BINS).map_err(TrainError::Metric)?,
        })
    }

    /// The rate of bad outcomes by the rule's feature, learned where the model learned.
    fn measure_rule(&self, rule: &Rule, context: &Context, test: &Rows<'_>) -> Result<Baseline, TrainError> {
        let mut features = self.table.schema.features.iter().enumerate();
        let Some((index, feature)) = features.find(|(_, feature)| feature.name == rule.feature) else {
            return Err(TrainError::Rule { rule: rule.name.clone(), feature: rule.feature.clone() });
        };
        let recipe = match feature.kind {
            Kind::Numeric => Recipe::WeightOfEvidence,
            Kind::Categorical => Recipe::TargetRate,
        };
        let values = self.pool.feature(index, self.pool.rows.len());
        let encoder = FeatureEncoder::fit(feature.kind, &values, recipe, context).encoder;
        let probability = |value: &Value| {
            let encoded = encoder.columns.iter().map(|column| column.encode(value)).sum::<f64>();
            match feature.kind {
                Kind::Numeric => Calibration::Identity.apply(encoded + super::calibrate::logit(context.base_rate)),
                Kind::Categorical => encoded,
            }
        };
        let probabilities: Vec<f64> =
            test.rows.iter().map(|row| row.get(index).map_or(context.base_rate, probability)).collect();
        let test = Metrics::measure(&probabilities, &test.labels).map_err(TrainError::Metric)?;
        Ok(Baseline { name: rule.name.clone(), test })
    }
}

/// The options with what the table says: its delay, and without learners that would break its promises.
fn settled_options(table: &Table, options: &TrainOptions) -> Result<TrainOptions, TrainError> {
    let mut options = TrainOptions { outcome_delay: splits::delay(table, options), ..options.clone() };
    options.learners.retain(|learner| table.facts.monotone.is_empty() || learner.keeps_monotone());
    if options.learners.is_empty() { Err(TrainError::Monotone) } else { Ok(options) }
}

fn failed(learner: &Learner, source: LearnerError) -> TrainError {
    TrainError::Learner { learner: learner.to_string(), source }
}

/// The learner with the number of trees that lost least over all folds.
fn settled(learner: &Learner, trials: &[Trial], sizes: &[usize]) -> Learner {
    let mut learner = learner.clone();
    if let Learner::Trees { trees, .. } = &mut learner {
        let rounds = trials.iter().map(|trial| trial.losses.len()).min().unwrap_or(0);
        let loss = |round: usize| -> f64 {
            trials.iter().zip(sizes).map(|(trial, size)| trial.losses[round] * *size as f64).sum()
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

fn encode(basis: &Basis, rows: &[&[Value]]) -> Encoded {
    let width = basis.encoded.columns.len();
    let mut matrix = Array2::zeros((rows.len(), width));
    for (mut to, row) in matrix.rows_mut().into_iter().zip(rows) {
        to.iter_mut().zip(encode_row(&basis.encoders, row)).for_each(|(cell, value)| *cell = value);
    }
    Encoded { matrix, columns: basis.encoded.columns.clone() }
}

fn mix(aligned: &[Aligned], weights: &[f64]) -> Vec<f64> {
    let mut mixed = vec![0.0; aligned.first().map_or(0, |first| first.logits.len())];
    for (aligned, weight) in aligned.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
        mixed.iter_mut().zip(&aligned.logits).for_each(|(sum, logit)| *sum += weight * logit);
    }
    mixed
}
