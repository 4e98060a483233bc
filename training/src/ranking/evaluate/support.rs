//! Whether a log can say anything about a policy at all.
//!
//! Purpose: refuse with the reason. A policy that acts where the log never did, or a log in which two decisions outweigh
//! all others, gives a number as readily as any; that number means nothing.
//!
//! Guarantees: a refusal carries what was found and what was needed.
//!
//! Non-goals: mending the log by dropping decisions or clipping weights silently.

use serde::{Deserialize, Serialize};

use super::interval::Mean;
use super::log::Log;

/// Standard errors by which the mean weight may fall short of 1.
const SHORTFALL_ERRORS: f64 = 4.0;

/// What a log must have.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SupportOptions {
    /// Fewest effective decisions.
    pub effective_rows_min: f64,
    /// Greatest share of the target's choices that the log can never have made.
    pub unsupported_mass_max: f64,
}

impl Default for SupportOptions {
    /// 50 effective decisions, 1 % of the choices.
    fn default() -> SupportOptions {
        SupportOptions { effective_rows_min: 50.0, unsupported_mass_max: 0.01 }
    }
}

/// How far a log covers a policy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Support {
    /// Decisions.
    pub rows: usize,
    /// Kish's effective sample size, (Σw)² / Σw²: so many decisions of the target itself would be as informative.
    pub effective_rows: f64,
    /// Mean weight; 1 in expectation when the log covers the policy.
    pub weight_mean: f64,
    /// Greatest weight.
    pub weight_max: f64,
    /// Share of the target's choices that the log never makes, where the log tells.
    pub unsupported_mass: f64,
}

/// Why no value is given.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Refusal {
    /// A few decisions outweigh the rest.
    #[error(
        "{rows} decisions count as {effective_rows:.1} and {needed:.0} are needed: the policy wants what was seldom \
         done, so log it with exploration first"
    )]
    EffectiveRows {
        /// Decisions.
        rows: usize,
        /// What they count as.
        effective_rows: f64,
        /// What is needed.
        needed: f64,
    },
    /// The policy acts where the log cannot.
    #[error(
        "{:.1} % of the policy's choices can never occur in the log and at most {:.1} % may: no weighting can make \
         up for them", 100.0 * mass, 100.0 * most
    )]
    NoSupport {
        /// Share of the choices.
        mass: f64,
        /// Share that is tolerated.
        most: f64,
    },
    /// The weights say that the policy acts where the log cannot, or that the propensities are wrong.
    #[error(
        "the weights average {mean:.3} (standard error {error:.3}) instead of 1: the policy chooses what the log \
         cannot hold, or the propensities are wrong"
    )]
    WeightMean {
        /// Mean weight.
        mean: f64,
        /// Its standard error.
        error: f64,
    },
}

impl Support {
    /// Of a log whose propensities are known; `None` otherwise.
    pub fn of(log: &Log) -> Option<Support> {
        let weights = log.weights()?;
        Some(Support {
            rows: log.len(),
            effective_rows: effective_rows(weights),
            weight_mean: Mean::of(weights).value,
            weight_max: weights.iter().copied().fold(0.0, f64::max),
            unsupported_mass: log.unsupported_mass(),
        })
    }

    /// Whether `log` can carry an estimate.
    ///
    /// # Errors
    /// The [`Refusal`].
    pub fn judge(&self, log: &Log, options: SupportOptions) -> Result<(), Refusal> {
        let (mass, most) = (self.unsupported_mass, options.unsupported_mass_max);
        if mass > most {
            return Err(Refusal::NoSupport { mass, most });
        }
        let (rows, effective_rows, needed) = (self.rows, self.effective_rows, options.effective_rows_min);
        // Written so that NaN is refused.
        if effective_rows.partial_cmp(&needed).is_none_or(std::cmp::Ordering::is_lt) {
            return Err(Refusal::EffectiveRows { rows, effective_rows, needed });
        }
        let Mean { value: mean, error, .. } = Mean::of(log.weights().unwrap_or_default());
        if 1.0 - mean > most.max(SHORTFALL_ERRORS * error) {
            return Err(Refusal::WeightMean { mean, error });
        }
        Ok(())
    }
}

/// Kish's effective sample size of weights; 0 when all are 0.
pub fn effective_rows(weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}
