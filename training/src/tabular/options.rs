//! Settings of risk training, with defaults that hold for the public data sets, checked before use.

use serde::{Deserialize, Serialize};

use super::encode::Recipe;
use super::learner::Learner;
use super::split::{self, SplitError};

/// Most trees of a model; forward folds say how many of them help.
const TREES_MAX: usize = 400;

/// Settings of [`super::model::RiskModel::train`]; a TOML file may give any of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainOptions {
    /// Where the sampling of rows and columns starts from; stored with the model.
    pub seed: u64,
    /// Fewest rows to train on.
    pub rows_min: usize,
    /// Train, validation and test shares of a table that brings no splits.
    pub fractions: [f64; 3],
    /// How long after its time a row's outcome is known, in the unit of the table's times: rows closer than this before
    /// a cut are set aside, and a row's as-of encoding ignores outcomes younger than this.
    pub outcome_delay: i64,
    /// What competes on the forward folds.
    pub learners: Vec<Learner>,
    /// The forward folds, in which every learner is scored on rows later than those that it learned from.
    pub folds: usize,
    /// Share of the rows before the test that only teach: forward folds begin after it.
    pub folds_from: f64,
    /// Rules that a model has to beat, beside the base rate.
    pub rules: Vec<Rule>,
    /// Most quantile bins of a numeric feature.
    pub bins_max: usize,
    /// Pseudo rows at the base rate that every bin and category starts from.
    pub smoothing: f64,
    /// Most solver steps.
    pub iterations_max: u64,
    /// A feature that alone reaches this ROC-AUC on the training fold is taken for a leak.
    pub leak_auc: f64,
}

/// A rule that people follow without a model: the rate of bad outcomes by one feature alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What it is called in reports.
    pub name: String,
    /// The feature.
    pub feature: String,
}

/// Linear learners from light to heavy penalties, and trees from stumps to deep ones.
fn every_learner() -> Vec<Learner> {
    let logistic = |recipe, alpha| Learner::Logistic { recipe, alpha };
    let trees = |recipe, (leaves, learning_rate, column_share)| Learner::Trees {
        recipe,
        leaves,
        learning_rate,
        column_share,
        trees: TREES_MAX,
    };
    let mut all = Vec::new();
    for recipe in [Recipe::WeightOfEvidence, Recipe::TargetRate] {
        all.extend([1.0, 10.0, 100.0, 1000.0].map(|alpha| logistic(recipe, alpha)));
    }
    all.extend([0.001, 0.01].map(|penalty| Learner::ElasticNet { recipe: Recipe::TargetRate, penalty, l1_ratio: 0.5 }));
    for recipe in [Recipe::AsOfRate, Recipe::Native] {
        let shapes = [(2, 0.1, 0.5), (4, 0.08, 0.5), (8, 0.05, 0.5), (16, 0.05, 0.5), (16, 0.05, 1.0), (32, 0.05, 0.5)];
        all.extend(shapes.map(|shape| trees(recipe, shape)));
    }
    all
}

impl Default for TrainOptions {
    fn default() -> Self {
        TrainOptions {
            seed: 0,
            rows_min: 200,
            fractions: [0.7, 0.1, 0.2],
            outcome_delay: 0,
            learners: every_learner(),
            folds: 4,
            folds_from: 0.7,
            rules: Vec::new(),
            bins_max: 20,
            smoothing: 20.0,
            iterations_max: 200,
            leak_auc: 0.995,
        }
    }
}

/// A setting that makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OptionsError {
    /// Out of its range.
    #[error("the training option `{name}` is {value}: give {allowed}")]
    Range {
        /// The option.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// The fractions.
    #[error("the training option `fractions` cannot be used")]
    Fractions(#[source] SplitError),
    /// A learner that cannot be fitted.
    #[error("a learner of the training option `learners` cannot be used: {fault}")]
    Learner {
        /// What is wrong.
        fault: String,
    },
}

impl TrainOptions {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`OptionsError`], naming the first that makes no sense.
    pub fn check(&self) -> Result<(), OptionsError> {
        split::check_fractions(self.fractions).map_err(OptionsError::Fractions)?;
        let positive = |value: f64| value.is_finite() && value > 0.0;
        if let Some(fault) = self.learners.iter().find_map(Learner::fault) {
            return Err(OptionsError::Learner { fault });
        }
        let share = self.folds_from;
        let checks: [(&'static str, bool, String, &'static str); 9] = [
            ("rows_min", self.rows_min >= 20, self.rows_min.to_string(), "at least 20"),
            ("outcome_delay", self.outcome_delay >= 0, self.outcome_delay.to_string(), "zero or more"),
            ("learners", !self.learners.is_empty(), "empty".into(), "at least one"),
            ("folds", (1..=20).contains(&self.folds), self.folds.to_string(), "1 to 20"),
            ("folds_from", share > 0.0 && share < 1.0, share.to_string(), "a share between 0 and 1"),
            ("bins_max", (2..=1000).contains(&self.bins_max), self.bins_max.to_string(), "2 to 1000"),
            ("smoothing", positive(self.smoothing), self.smoothing.to_string(), "a positive number"),
            ("iterations_max", self.iterations_max > 0, self.iterations_max.to_string(), "at least 1"),
            ("leak_auc", self.leak_auc > 0.5, self.leak_auc.to_string(), "more than 0.5 (above 1 switches it off)"),
        ];
        match checks.into_iter().find(|(_, holds, ..)| !holds) {
            Some((name, _, value, allowed)) => Err(OptionsError::Range { name, value, allowed }),
            None => Ok(()),
        }
    }
}
