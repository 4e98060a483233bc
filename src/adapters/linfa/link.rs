//! A trained link model behind [`LinkRanker`](crate::ports::link::LinkRanker).
//!
//! Guarantee: a model of other features than this program computes is refused when it is loaded.

use std::path::Path;

use holdfast_training::language::link::LinkModel;

use super::LinfaError;
use crate::ports::link::{FEATURES, LinkRanker, MESSAGE};

/// The manifest's kind.
pub const KIND: &str = "link";
/// The model's file.
pub const FILE: &str = "link.json";

/// A loaded link model.
pub struct LinfaLink {
    model: LinkModel,
    version: String,
}

impl LinfaLink {
    /// Loads a version directory.
    ///
    /// # Errors
    /// [`LinfaError`].
    pub fn load(dir: &Path) -> Result<Self, LinfaError> {
        let (stored, version) = super::read(dir, KIND)?;
        let unusable = |source| LinfaError::Content { version: version.clone(), expected: KIND, source };
        let model = LinkModel::from_bytes(&stored.read(FILE)?).map_err(|e| unusable(Box::new(e)))?;
        if model.features() != FEATURES || model.message() != MESSAGE {
            return Err(unusable("it was trained on other features than this program computes; train it again".into()));
        }
        Ok(Self { model, version })
    }
}

impl LinkRanker for LinfaLink {
    fn rank(&self, candidates: &[Vec<f64>], message: &[f64]) -> Vec<f64> {
        self.model.rank(candidates, message).probabilities
    }

    fn bound(&self) -> f64 {
        self.model.bound()
    }

    fn version(&self) -> String {
        self.version.clone()
    }
}
