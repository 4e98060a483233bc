//! Retraining by the clock.

use serde::Deserialize;

use super::ConfigError;
use crate::ports::training::Trainable;

/// `[training]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Training {
    /// Trains once in each period of so many hours, on one of the instances that serve; 0 never does. A version that comes
    /// of it serves only once its promotion was proposed and approved.
    pub every_h: u32,
    /// What is trained then.
    pub models: Vec<Trainable>,
}

impl Default for Training {
    fn default() -> Self {
        Self { every_h: 0, models: vec![Trainable::MissRisk, Trainable::Effect] }
    }
}

impl Training {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.every_h > 0 && self.models.is_empty() {
            return Err(ConfigError::invalid("training.models", "name what is trained, or leave `every_h` at 0"));
        }
        Ok(())
    }
}
