//! A trained risk model behind [`RiskModel`](crate::ports::tabular::RiskModel).

use std::path::Path;

use holdfast_training::tabular::model::{Prediction, Reason as LearnedReason, RiskModel as Learned};
use serde_json::Value;

use super::LinfaError;
use super::table::{from_learned, to_learned};
use crate::domain::decision::{Reason, Risk};
use crate::ports::tabular::{RiskModel, TabularError};

/// The manifest's kind.
pub const KIND: &str = "risk";
/// The model's file.
pub const FILE: &str = "risk.json";
/// Reasons that a prediction carries.
const REASONS_MAX: usize = 8;

/// A loaded risk model.
pub struct LinfaRisk {
    model: Learned,
    version: String,
    digest: String,
}

impl LinfaRisk {
    /// Loads a version directory.
    ///
    /// # Errors
    /// [`LinfaError`].
    pub fn load(dir: &Path) -> Result<Self, LinfaError> {
        let (stored, version) = super::read(dir, KIND)?;
        let model = Learned::from_bytes(&stored.read(FILE)?).map_err(|source| LinfaError::Content {
            version: version.clone(),
            expected: KIND,
            source: Box::new(source),
        })?;
        Ok(Self { model, version, digest: stored.digest })
    }

    fn refused(&self, message: String) -> TabularError {
        TabularError::Row { model: self.version.clone(), message }
    }
}

impl RiskModel for LinfaRisk {
    fn risk(&self, schema_version: &str, features: &[Value]) -> Result<Risk, TabularError> {
        let expected = &self.model.schema().version;
        if expected != schema_version {
            return Err(TabularError::Schema {
                model: self.version.clone(),
                expected: expected.clone(),
                actual: schema_version.to_owned(),
            });
        }
        let row = to_learned(&self.feature_names(), features).map_err(|e| self.refused(e.to_string()))?;
        let Prediction { probability, reasons, .. } =
            self.model.predict(&row).map_err(|e| self.refused(e.to_string()))?;
        Ok(Risk {
            miss_probability: probability,
            reasons: reasons.into_iter().take(REASONS_MAX).map(reason).collect(),
            model: self.version.clone(),
            model_digest: self.digest.clone(),
        })
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn feature_names(&self) -> Vec<String> {
        self.model.schema().features.iter().map(|feature| feature.name.clone()).collect()
    }

    fn schema_version(&self) -> String {
        self.model.schema().version.clone()
    }
}

fn reason(learned: LearnedReason) -> Reason {
    let LearnedReason { feature, label, value, typical, effect } = learned;
    Reason { feature, label, value: from_learned(&value), typical: from_learned(&typical), effect }
}
