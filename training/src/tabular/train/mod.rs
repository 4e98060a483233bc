//! Training a [`RiskModel`]: check, split, guard, compare forward in time, mix, calibrate, fit again, measure.
//!
//! Guarantees: learners, their number of trees, their shares and the calibration are chosen on forward folds, in which a
//! row is scored only by models of earlier rows; what was chosen is then fitted on all rows before the test; the test
//! rows only reach the report. The same table and options give the same bytes, on any number of threads.
//!
//! Non-goals: searching settings; the learners that compete are given.

mod compare;
mod error;
mod guard;
mod rows;
mod splits;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use self::compare::Compared;
pub use self::error::TrainError;
use self::rows::{Rows, basis};
pub(crate) use self::splits::known_before_test;
pub use self::splits::splits_of;
use super::calibrate::Calibration;
use super::encode::{Context, FeatureEncoder, Recipe};
use super::leak;
use super::learner::{Family, Fitted, Learner, LearnerError};
use super::metrics::{self, ECE_BINS, Metrics};
use super::model::{Member, Parts, RiskModel};
use super::options::{Rule, TrainOptions};
use super::report::{Baseline, Candidate, Report, SplitRows};
use super::split::Split;
use super::stack::{self, Aligned};
use super::table::{Kind, Table, TableError, Value};

/// Hears the stage and the share done, 0 to 1, and says whether to go on.
pub type Progress<'a> = dyn FnMut(&str, f64) -> ControlFlow<()> + 'a;

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
        let mut compared = run.compare()?;
        let families: Vec<Family> = compared.learners.iter().map(Learner::family).collect();
        let weights = stack::select(&compared.aligned, &compared.losses, &families, &compared.labels);
        run.bag(&mut compared, &weights)?;
        let mixed = stack::mix(&compared.aligned, &weights);
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
            offset: stack::level(&logits, context.base_rate, &calibration),
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
            warnings: self.warnings(&compared.learners, weights),
            beats_baseline: baselines.iter().all(|baseline| measured.log_loss < baseline.test.log_loss),
            baselines,
            reliability: metrics::reliability(&probabilities, &test.labels, ECE_BINS).map_err(TrainError::Metric)?,
        })
    }

    /// What a reader of the report should do something about.
    fn warnings(&self, learners: &[Learner], weights: &[f64]) -> Vec<String> {
        let tried = self.options.learners.iter().zip(learners).zip(weights).filter(|(_, weight)| **weight > 0.0);
        let capped = tried.filter(|((given, settled), _)| settled.trees() > 0 && given.trees() == settled.trees());
        let words = |((_, settled), _): ((&Learner, &Learner), &f64)| {
            format!("{settled}: the forward loss still fell at the most trees allowed; allow more")
        };
        capped.map(words).collect()
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
    if table.schema.features.iter().all(|feature| feature.kind == Kind::Numeric) {
        // Without categories both recipes for trees are the same, and a learner would be tried and counted twice.
        let others = options.learners.clone();
        options.learners.retain(|learner| !others.iter().any(|other| learner.is_native_twin_of(other)));
    }
    if options.learners.is_empty() { Err(TrainError::Monotone) } else { Ok(options) }
}

fn failed(learner: &Learner, source: LearnerError) -> TrainError {
    TrainError::Learner { learner: learner.to_string(), source }
}
