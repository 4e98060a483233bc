//! Settings of risk training, with defaults that hold for the public data sets, checked before use.

use serde::{Deserialize, Serialize};

use super::encode::Recipe;
use super::split::{self, SplitError};

/// Settings of [`super::model::RiskModel::train`]; a TOML file may give any of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainOptions {
    /// Stored with the model. The linear learner draws no random numbers; learners that do start from it.
    pub seed: u64,
    /// Fewest rows to train on.
    pub rows_min: usize,
    /// Train, validation and test shares of a table that brings no splits.
    pub fractions: [f64; 3],
    /// How long after its time a row's outcome is known, in the unit of the table's times: rows closer than this before
    /// a cut are set aside, and a row's as-of encoding ignores outcomes younger than this.
    pub outcome_delay: i64,
    /// The encodings to compare on the validation fold.
    pub recipes: Vec<Recipe>,
    /// Most quantile bins of a numeric feature.
    pub bins_max: usize,
    /// Pseudo rows at the base rate that every bin and category starts from.
    pub smoothing: f64,
    /// L2 penalties to compare on the validation fold.
    pub alphas: Vec<f64>,
    /// Most solver steps.
    pub iterations_max: u64,
    /// A feature that alone reaches this ROC-AUC on the training fold is taken for a leak.
    pub leak_auc: f64,
}

impl Default for TrainOptions {
    fn default() -> Self {
        TrainOptions {
            seed: 0,
            rows_min: 200,
            fractions: [0.7, 0.1, 0.2],
            outcome_delay: 0,
            recipes: vec![Recipe::WeightOfEvidence, Recipe::TargetRate],
            bins_max: 20,
            smoothing: 20.0,
            alphas: vec![1.0, 10.0, 100.0, 1000.0],
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
}

impl TrainOptions {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`OptionsError`], naming the first that makes no sense.
    pub fn check(&self) -> Result<(), OptionsError> {
        split::check_fractions(self.fractions).map_err(OptionsError::Fractions)?;
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let checks: [(&'static str, bool, String, &'static str); 8] = [
            ("rows_min", self.rows_min >= 20, self.rows_min.to_string(), "at least 20"),
            ("outcome_delay", self.outcome_delay >= 0, self.outcome_delay.to_string(), "zero or more"),
            ("recipes", !self.recipes.is_empty(), "empty".into(), "at least one encoding"),
            ("bins_max", (2..=1000).contains(&self.bins_max), self.bins_max.to_string(), "2 to 1000"),
            ("smoothing", positive(self.smoothing), self.smoothing.to_string(), "a positive number"),
            (
                "alphas",
                !self.alphas.is_empty() && self.alphas.iter().all(|alpha| positive(*alpha)),
                format!("{:?}", self.alphas),
                "one or more positive numbers",
            ),
            ("iterations_max", self.iterations_max > 0, self.iterations_max.to_string(), "at least 1"),
            ("leak_auc", self.leak_auc > 0.5, self.leak_auc.to_string(), "more than 0.5 (above 1 switches it off)"),
        ];
        match checks.into_iter().find(|(_, holds, ..)| !holds) {
            Some((name, _, value, allowed)) => Err(OptionsError::Range { name, value, allowed }),
            None => Ok(()),
        }
    }
}
