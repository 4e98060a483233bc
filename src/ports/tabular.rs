//! Tabular models as the flow sees them: features to risk, action to effect.

use serde_json::Value;

use crate::domain::action::ActionKind;
use crate::domain::case::Category;
use crate::domain::decision::Risk;

/// Why a tabular model gave no number: shown to people, so in their words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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

    /// `name/version`.
    fn version(&self) -> String;

    /// Names and kinds of the model's features, for models that were trained on a file and not on our schema.
    fn feature_names(&self) -> Vec<String>;

    /// The schema that the model was trained on.
    fn schema_version(&self) -> String;
}

/// How much of the miss risk an action removes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// Share of the predicted risk that is removed; negative when it makes things worse.
    pub relief: f64,
    /// Standard deviation of `relief`.
    pub sd: f64,
    /// Past cases behind it.
    pub cases: f64,
}

/// Estimates effects of actions.
pub trait EffectModel: Send + Sync {
    /// The effect of `action` on cases of `category`; `None` when the model has never heard of the pair.
    fn effect(&self, category: Category, action: ActionKind) -> Option<Effect>;

    /// `name/version`.
    fn version(&self) -> String;

    /// Digest of the version.
    fn digest(&self) -> String;
}
