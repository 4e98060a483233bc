//! Tabular models as the flow sees them: features to risk, case and actions to what they cost.

use serde_json::Value;

use crate::domain::case::Category;
use crate::domain::decision::{Fallback, Risk, ShipsBasis};
use crate::domain::outcome::Stakes;

/// How a feature is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureKind {
    /// A quantity.
    Numeric,
    /// A name.
    Categorical,
}

/// What a feature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureSpec {
    /// Name in data, models and reasons.
    pub name: &'static str,
    /// How it is read.
    pub kind: FeatureKind,
    /// In business words.
    pub label: &'static str,
}

/// Why a tabular model gave no number: shown to people, so in their words.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TabularError {
    /// Features of another schema than the model's.
    #[error("model `{model}` was trained on feature schema {expected}, these features are of {actual}")]
    Schema {
        /// `name/version`.
        model: String,
        /// The model's.
        expected: String,
        /// The caller's.
        actual: String,
    },
    /// The row is like nothing that the model learned from.
    #[error("model `{model}` abstains: {why}")]
    Outside {
        /// `name/version`.
        model: String,
        /// In which way.
        why: String,
        /// The rule that stands in.
        fallback: Fallback,
    },
    /// Anything else that is wrong with the row.
    #[error("model `{model}` cannot score this row: {message}")]
    Row {
        /// `name/version`.
        model: String,
        /// What is wrong.
        message: String,
    },
}

/// Predicts the probability that a line misses its ship date.
pub trait RiskModel: Send + Sync {
    /// Risk of one row: `features` in the order of schema `schema_version`, each a number, a text or null.
    ///
    /// # Errors
    /// [`TabularError`].
    fn risk(&self, schema_version: &str, features: &[Value]) -> Result<Risk, TabularError>;

    /// When the line ships: hours from the time of the row, and what they were computed from. `margins` are those of
    /// [`RiskModel::margins`]; `None` where the version has not learned it.
    fn ships(&self, features: &[Value], margins: Option<[f64; 2]>) -> Option<([f64; 2], ShipsBasis)> {
        let _ = (features, margins);
        None
    }

    /// The margins in force for the row, after the outcomes that `state` has heard; `None` for a version without interval.
    fn margins(&self, state: Option<&str>, features: &[Value]) -> Option<[f64; 2]> {
        let _ = (state, features);
        None
    }

    /// The state after one more outcome: a line shipped `hours` after the row that `basis` is of.
    fn heard(&self, state: Option<&str>, basis: &ShipsBasis, hours: f64) -> Option<String> {
        let _ = (state, basis, hours);
        None
    }

    /// The smallest changes to what people can act on that would bring the probability below a half, in words.
    fn ways_out(&self, features: &[Value]) -> Vec<String> {
        let _ = features;
        Vec::new()
    }

    /// `name/version`.
    fn version(&self) -> String;

    /// Names and kinds of the model's features, for models that were trained on a file and not on our schema.
    fn feature_names(&self) -> Vec<String>;

    /// The schema that the model was trained on.
    fn schema_version(&self) -> String;
}

/// A case as an effect model is asked about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EffectCase<'a> {
    /// What is wrong.
    pub category: Category,
    /// Features in schema order: number, text or null.
    pub features: &'a [Value],
    /// What there is to lose, and the actions to estimate.
    pub stakes: &'a Stakes,
}

/// What is expected of one action on one case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// Probability that the date is missed with it, 0 to 1.
    pub miss: f64,
    /// Every cost beside its quote, the penalty and people's minutes, in the order's currency.
    pub residual: f64,
    /// Standard deviation of `quote + miss · penalty + residual`, in the order's currency.
    pub deviation: f64,
    /// Resolved cases of the category in which it was taken.
    pub support: usize,
}

/// Estimates effects of actions on single cases.
pub trait EffectModel: Send + Sync {
    /// One estimate for each offer of the case, in their order; `None` where the model has not learned the category (its
    /// cases are too few, or the catalogue's belief foretold them better) or knows other features than these.
    fn effects(&self, schema_version: &str, case: &EffectCase<'_>) -> Option<Vec<Effect>>;

    /// The distance within which a case of the category usually finds its fifth-nearest resolved one; `None` where too few
    /// were known.
    fn usual_distance(&self, category: Category) -> Option<f64>;

    /// `name/version`.
    fn version(&self) -> String;

    /// Digest of the version.
    fn digest(&self) -> String;
}
