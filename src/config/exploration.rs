//! How much may be recommended to learn from it.

use serde::Deserialize;

use super::ConfigError;
use crate::flow::decide::explore::ExplorationSettings;

/// Greatest share: most recommendations stay the best that is known.
const SHARE_MAX: f64 = 0.5;

/// `[exploration]`; off by default, see [`ExplorationSettings`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in flow::decide::explore")]
pub struct Exploration {
    pub share: f64,
    pub tie_cost: f64,
    pub per_day: u32,
}

impl Exploration {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if !(0.0..=SHARE_MAX).contains(&self.share) {
            return Err(ConfigError::invalid("exploration.share", format!("take a share from 0 to {SHARE_MAX}")));
        }
        if !(self.tie_cost.is_finite() && self.tie_cost >= 0.0) {
            return Err(ConfigError::invalid("exploration.tie_cost", "take an amount from 0"));
        }
        if self.share > 0.0 && self.per_day == 0 {
            let message = "nothing can be explored on no case a day: raise it, or leave `exploration.share` at 0";
            return Err(ConfigError::invalid("exploration.per_day", message));
        }
        Ok(())
    }

    /// For the flow.
    #[must_use]
    pub fn settings(&self) -> ExplorationSettings {
        ExplorationSettings { share: self.share, tie_cost: self.tie_cost, per_day: self.per_day }
    }
}
