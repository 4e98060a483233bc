//! The risk model: a row in, a probability and its reasons out.
//!
//! Guarantees: the reasons and the base sum to the logit; a stored model reads back to the same bytes and the same
//! answers; a row that does not fit the schema is refused; prediction never panics, whatever bytes the model was read
//! from.
//!
//! Non-goals: causes. A reason says what moved this score against the average training row, not what would happen if
//! the value were changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::calibrate::Calibration;
use super::encode::{FeatureEncoder, Recipe};
use super::learner::{Fitted, Learner, encode_row};
use super::table::{Schema, SchemaError, Value};

/// The layout of the stored model; a reader refuses any other.
const FORMAT: u32 = 2;

/// One learner of the mixture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Member {
    /// What its logit is multiplied with.
    pub(crate) weight: f64,
    /// What it is.
    pub(crate) learner: Learner,
    /// What it learned.
    pub(crate) fitted: Fitted,
}

/// A trained, calibrated model of the probability of the bad outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskModel {
    format: u32,
    seed: u64,
    schema: Schema,
    /// For each recipe in use, one encoder per feature.
    encoders: BTreeMap<Recipe, Vec<FeatureEncoder>>,
    members: Vec<Member>,
    /// Added to the members' logits.
    offset: f64,
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

/// One boosted member in LightGBM's text format.
#[derive(Debug, Clone, PartialEq)]
pub struct LightGbmMember {
    /// How its columns are made.
    pub recipe: Recipe,
    /// What its raw score is multiplied with.
    pub weight: f64,
    /// The model.
    pub text: String,
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
    pub(crate) encoders: BTreeMap<Recipe, Vec<FeatureEncoder>>,
    pub(crate) members: Vec<Member>,
    pub(crate) offset: f64,
    pub(crate) calibration: Calibration,
}

impl RiskModel {
    pub(crate) fn assemble(parts: Parts) -> RiskModel {
        let Parts { seed, schema, encoders, members, offset, calibration } = parts;
        RiskModel { format: FORMAT, seed, schema, encoders, members, offset, calibration }
    }

    /// The features that a row must have, in order.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The learners that it mixes, each with what its logit is multiplied with.
    pub fn learners(&self) -> impl Iterator<Item = (&Learner, f64)> {
        self.members.iter().map(|member| (&member.learner, member.weight))
    }

    /// How scores become probabilities.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// The mean logit of the training rows, from which the effects are counted.
    pub fn base(&self) -> f64 {
        self.offset + self.members.iter().map(|member| member.weight * member.fitted.base()).sum::<f64>()
    }

    /// Probability, logit and reasons for one row.
    ///
    /// # Errors
    /// [`SchemaError`] when the row does not fit [`RiskModel::schema`].
    pub fn predict(&self, row: &[Value]) -> Result<Prediction, SchemaError> {
        let effects = self.effects(row)?;
        let logit = self.logit(row)?;
        let mut reasons: Vec<Reason> = self
            .schema
            .features
            .iter()
            .zip(self.typical())
            .zip(row.iter().zip(effects))
            .map(|((feature, typical), (value, effect))| Reason {
                feature: feature.name.clone(),
                label: feature.label.clone(),
                value: value.clone(),
                typical: typical.clone(),
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
        Ok(self.calibration.apply(self.logit(row)?))
    }

    /// The score before calibration, without the reasons.
    fn logit(&self, row: &[Value]) -> Result<f64, SchemaError> {
        self.schema.check_row(row)?;
        let encoded = self.encode(row);
        let part = |member: &Member| {
            let row = encoded.get(&member.learner.recipe());
            row.map_or(0.0, |row| member.weight * member.fitted.logit(row))
        };
        Ok(self.offset + self.members.iter().map(part).sum::<f64>())
    }

    fn encode(&self, row: &[Value]) -> BTreeMap<Recipe, Vec<f64>> {
        self.encoders.iter().map(|(recipe, encoders)| (*recipe, encode_row(encoders, row))).collect()
    }

    /// The median or most frequent value of each feature.
    fn typical(&self) -> impl Iterator<Item = &Value> {
        self.encoders.values().take(1).flatten().map(|encoder| &encoder.typical)
    }

    /// What each feature adds to the logit, in schema order, against [`RiskModel::base`].
    ///
    /// # Errors
    /// [`SchemaError`] when the row does not fit [`RiskModel::schema`].
    pub fn effects(&self, row: &[Value]) -> Result<Vec<f64>, SchemaError> {
        self.schema.check_row(row)?;
        let encoded = self.encode(row);
        let mut effects = vec![0.0; row.len()];
        for member in &self.members {
            let recipe = member.learner.recipe();
            let (Some(row), Some(encoders)) = (encoded.get(&recipe), self.encoders.get(&recipe)) else { continue };
            let mut columns = member.fitted.effects(row).into_iter();
            for (effect, encoder) in effects.iter_mut().zip(encoders) {
                *effect += member.weight * columns.by_ref().take(encoder.columns.len()).sum::<f64>();
            }
        }
        Ok(effects)
    }

    /// The boosted members in LightGBM's text format, each with its weight in the mixture and the recipe of its columns.
    pub fn to_lightgbm(&self) -> Vec<LightGbmMember> {
        let text = |member: &Member| {
            let Fitted::Trees(booster) = &member.fitted else { return None };
            let recipe = member.learner.recipe();
            let names = self.column_names(recipe);
            Some(LightGbmMember { recipe, weight: member.weight, text: booster.to_lightgbm(&names) })
        };
        self.members.iter().filter_map(text).collect()
    }

    /// What a reader of [`RiskModel::to_lightgbm`] needs beside the trees: the encoders of each recipe, the offset, and the
    /// calibration, as JSON. The logit is the offset plus the weighted raw scores of all members, the linear ones as well.
    ///
    /// # Errors
    /// [`ModelError::Json`].
    pub fn encoding(&self) -> Result<Vec<u8>, ModelError> {
        #[derive(Serialize)]
        struct Encoding<'a> {
            schema: &'a Schema,
            columns: BTreeMap<Recipe, Vec<String>>,
            encoders: &'a BTreeMap<Recipe, Vec<FeatureEncoder>>,
            linear_members: usize,
            offset: f64,
            calibration: &'a Calibration,
        }
        let linear = self.members.iter().filter(|member| matches!(member.fitted, Fitted::Linear(_)));
        let encoding = Encoding {
            schema: &self.schema,
            columns: self.encoders.keys().map(|recipe| (*recipe, self.column_names(*recipe))).collect(),
            encoders: &self.encoders,
            linear_members: linear.count(),
            offset: self.offset,
            calibration: &self.calibration,
        };
        serde_json::to_vec_pretty(&encoding).map_err(ModelError::Json)
    }

    /// The columns of a recipe: the feature's name, numbered where it has several.
    fn column_names(&self, recipe: Recipe) -> Vec<String> {
        let encoders = self.encoders.get(&recipe).into_iter().flatten();
        let name = |(feature, encoder): (&super::table::Feature, &FeatureEncoder)| match encoder.columns.len() {
            1 => vec![feature.name.clone()],
            columns => (1..=columns).map(|column| format!("{}_{column}", feature.name)).collect(),
        };
        self.schema.features.iter().zip(encoders).flat_map(name).collect()
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
        let encoders_of = |member: &Member| model.encoders.get(&member.learner.recipe());
        let columns = |encoders: &Vec<FeatureEncoder>| encoders.iter().map(|encoder| encoder.columns.len()).sum();
        let fits = |member: &Member| encoders_of(member).is_some_and(|of| member.fitted.fits(columns(of)));
        let encoders = || model.encoders.values();
        let weights = || model.members.iter().map(|member| member.weight);
        let checks = [
            ("one encoder per feature", encoders().all(|of| of.len() == model.schema.features.len())),
            ("the encoders' values", encoders().flatten().all(FeatureEncoder::is_sound)),
            ("the learners", !model.members.is_empty() && model.members.iter().all(fits)),
            ("the learners' shares", weights().all(|weight| weight.is_finite() && weight >= 0.0)),
            ("the offset", model.offset.is_finite()),
            ("the calibration", model.calibration.is_sound()),
        ];
        match checks.into_iter().find(|(_, holds)| !holds) {
            Some((what, _)) => Err(ModelError::Damaged { what }),
            None => Ok(model),
        }
    }
}
