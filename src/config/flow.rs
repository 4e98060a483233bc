//! Settings of the flow that an operator may change.

use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;
use crate::flow::services::Settings;

/// `[flow]`; defaults are those of [`Settings`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in flow::services::Settings")]
pub struct Flow {
    /// Detection rules that replace the built-in file.
    pub rules: Option<PathBuf>,
    /// Pins and the aging floor of the queue that replace the built-in file.
    pub queue: Option<PathBuf>,
    /// Service targets and calendars of teams that replace the built-in file.
    pub service_levels: Option<PathBuf>,
    /// Folder with policies that replace the built-in ones.
    pub policies: Option<PathBuf>,
    pub reopen_window_h: u32,
    pub auto_attach_min: f64,
    pub proposal_ttl_h: u32,
    pub lease_s: u32,
    pub attempts_max: u32,
    pub minute_cost: f64,
    pub miss_penalty: [f64; 4],
}

impl Default for Flow {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            rules: None,
            queue: None,
            service_levels: None,
            policies: None,
            reopen_window_h: settings.reopen_window_h,
            auto_attach_min: settings.auto_attach_min,
            proposal_ttl_h: settings.proposal_ttl_h,
            lease_s: settings.lease_s,
            attempts_max: settings.attempts_max,
            minute_cost: settings.minute_cost,
            miss_penalty: settings.miss_penalty,
        }
    }
}

impl Flow {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if !(0.5..=1.0).contains(&self.auto_attach_min) {
            return Err(ConfigError::invalid("flow.auto_attach_min", "take a probability from 0.5 to 1"));
        }
        if self.proposal_ttl_h == 0 || self.lease_s == 0 || self.attempts_max == 0 {
            return Err(ConfigError::invalid("flow", "`proposal_ttl_h`, `lease_s` and `attempts_max` are at least 1"));
        }
        if self.minute_cost < 0.0 || self.miss_penalty.iter().any(|share| !(0.0..=10.0).contains(share)) {
            return Err(ConfigError::invalid("flow.miss_penalty", "take shares of the order value from 0 to 10"));
        }
        Ok(())
    }
}
