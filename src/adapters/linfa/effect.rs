//! A table of estimated effects behind [`EffectModel`](crate::ports::tabular::EffectModel).

use std::path::Path;

use holdfast_training::ranking::effect::EffectTable;

use super::LinfaError;
use crate::domain::action::ActionKind;
use crate::domain::case::Category;
use crate::ports::tabular::{Effect, EffectModel};

/// The manifest's kind.
pub const KIND: &str = "effect";
/// The table's file.
pub const FILE: &str = "effect.json";

/// A loaded effect table.
pub struct LinfaEffect {
    table: EffectTable,
    version: String,
    digest: String,
}

impl LinfaEffect {
    /// Loads a version directory.
    ///
    /// # Errors
    /// [`LinfaError`].
    pub fn load(dir: &Path) -> Result<Self, LinfaError> {
        let (stored, version) = super::read(dir, KIND)?;
        let table = serde_json::from_slice(&stored.read(FILE)?).map_err(|source| LinfaError::Content {
            version: version.clone(),
            expected: KIND,
            source: Box::new(source),
        })?;
        Ok(Self { table, version, digest: stored.digest })
    }
}

impl EffectModel for LinfaEffect {
    #[expect(clippy::cast_precision_loss, reason = "counts of cases")]
    fn effect(&self, category: Category, action: ActionKind) -> Option<Effect> {
        let learned = self.table.pair(category.name(), action.name())?;
        Some(Effect { relief: learned.relief, sd: learned.sd, cases: learned.cases as f64 })
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn digest(&self) -> String {
        self.digest.clone()
    }
}
