//! The risk model: a row in, a probability and its reasons out.
//!
//! Guarantees: the reasons and the base sum to the logit; a stored model reads back to the same bytes and the same
//! answers; a row that does not fit the schema is refused; prediction never panics, whatever bytes the model was read
//! from.
//!
//! Non-goals: causes. A reason says what moved this score against the average training row, not what would happen if
//! the value were changed.

use serde::{Deserialize, Serialize};

use super::calibrate::Calibration;
use super::encode::{FeatureEncoder, Recipe};
use super::logistic::Linear;
use super::table::{Schema, SchemaError, Value};

/// The layout of the stored model; a reader refuses any other.
const FORMAT: u32 = 1;

/// What was learned on the encoded columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "learner", rename_all = "lowercase")]
pub(crate) enum Learner {
    /// Logistic regression.
    Linear(Linear),
}

/// A trained, calibrated model of the probability of the bad outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskModel {
    format: u32,
    seed: u64,
    schema: Schema,
    recipe: Recipe,
    encoders: Vec<FeatureEncoder>,
    learner: Learner,
    calibration: Calibration,
}

/// One feature's part in a prediction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The feature's name.
    pub feature: String,
    /// What it is called in front of people.
    pub label: String,
    /// Its value in this row.
    pub value: Value,
    /// Its median or most frequent value in training.
    pub typical: Value,
    /// What it adds to the logit, against the training mean; positive raises the risk.
    pub effect: f64,
}

/// The answer for one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Calibrated probability of the bad outcome, strictly between 0 and 1.
    pub probability: f64,
    /// The learner's score before calibration: [`RiskModel::base`] plus the effects of all reasons.
    pub logit: f64,
    /// One per feature, the strongest effect first.
    pub reasons: Vec<Reason>,
}

/// Stored bytes are not a model that this code can use.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Not the JSON of a model.
    #[error("the risk model cannot be read: train it again, or restore the file")]
    Json(#[source] serde_json::Error),
    /// Of another layout.
    #[error("the risk model has format {found} and this program reads {expected}: train it again with this version")]
    Format {
        /// Stored.
        found: u32,
        /// Readable.
        expected: u32,
    },
    /// Parts that do not fit each other.
    #[error("the risk model is damaged ({what}): train it again, or restore the file")]
    Damaged {
        /// Which part.
        what: &'static str,
    },
    /// A schema that cannot be used.
    #[error("the risk model's schema cannot be used: train it again, or restore the file")]
    Schema(#[source] SchemaError),
}

/// The fitted parts that [`super::train`] hands over.
pub(crate) struct Parts {
    pub(crate) seed: u64,
    pub(crate) schema: Schema,
    pub(crate) recipe: Recipe,
    pub(crate) encoders: Vec<FeatureEncoder>,
    pub(crate) linear: Linear,
    pub(crate) calibration: Calibration,
}

impl RiskModel {
    pub(crate) fn assemble(parts: Parts) -> RiskModel {
        let Parts { seed, schema, recipe, encoders, linear, calibration } = parts;
        RiskModel { format: FORMAT, seed, schema, recipe, encoders, learner: Learner::Linear(linear), calibration }
    }

    /// The features that a row must have, in order.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The logit of the average training row, from which the effects are counted.
    pub fn base(&self) -> f64 {
        let Learner::Linear(linear) = &self.learner;
        linear.intercept()
    }

    /// Probability, logit and reasons for one row.
    ///
    /// # Errors
    /// [`SchemaError`] when the row does not fit [`RiskModel::schema`].
    pub fn predict(&self, row: &[Value]) -> Result<Prediction, SchemaError> {
        let effects = self.effects(row)?;
        let logit = self.base() + effects.iter().sum::<f64>();
        let mut reasons: Vec<Reason> = self
            .schema
            .features
            .iter()
            .zip(&self.encoders)
            .zip(row.iter().zip(effects))
            .map(|((feature, encoder), (value, effect))| Reason {
                feature: feature.name.clone(),
                label: feature.label.clone(),
                value: value.clone(),
                typical: encoder.typical.clone(),
                effect,
            })
            .collect();
        reasons.sort_by(|a, b| b.effect.abs().total_cmp(&a.effect.abs()));
        Ok(Prediction { probability: self.calibration.apply(logit), logit, reasons })
    }

    /// The probability alone, without the cost of the reasons.
    ///
    /// # Errors
    /// [`SchemaError`] when the row does not fit [`RiskModel::schema`].
    pub fn probability(&self, row: &[Value]) -> Result<f64, SchemaError> {
        let logit = self.base() + self.effects(row)?.iter().sum::<f64>();
        Ok(self.calibration.apply(logit))
    }

    /// What each feature adds to the logit.
    fn effects(&self, row: &[Value]) -> Result<Vec<f64>, SchemaError> {
        self.schema.check_row(row)?;
        let Learner::Linear(linear) = &self.learner;
        let mut column = 0;
        let effect = |(encoder, value): (&FeatureEncoder, &Value)| {
            let mut sum = 0.0;
            for part in &encoder.columns {
                sum += linear.effect(column, part.encode(value));
                column += 1;
            }
            sum
        };
        Ok(self.encoders.iter().zip(row).map(effect).collect())
    }

    /// The model as JSON; the same model gives the same bytes.
    ///
    /// # Errors
    /// [`ModelError::Json`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        serde_json::to_vec(self).map_err(ModelError::Json)
    }

    /// Reads what [`RiskModel::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`ModelError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<RiskModel, ModelError> {
        let model: RiskModel = serde_json::from_slice(bytes).map_err(ModelError::Json)?;
        if model.format != FORMAT {
            return Err(ModelError::Format { found: model.format, expected: FORMAT });
        }
        model.schema.check().map_err(ModelError::Schema)?;
        let Learner::Linear(linear) = &model.learner;
        let columns: usize = model.encoders.iter().map(|encoder| encoder.columns.len()).sum();
        let checks = [
            ("one encoder per feature", model.encoders.len() == model.schema.features.len()),
            ("the encoders' values", model.encoders.iter().all(FeatureEncoder::is_sound)),
            ("one weight per column", linear.width() == columns),
            ("the weights", linear.is_sound()),
            ("the calibration", model.calibration.is_sound()),
        ];
        match checks.into_iter().find(|(_, holds)| !holds) {
            Some((what, _)) => Err(ModelError::Damaged { what }),
            None => Ok(model),
        }
    }
}
