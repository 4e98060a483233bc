//! How much to shrink, judged by the log itself.
//!
//! Purpose: optimistic shrinkage trades variance for bias by one number. Two rules choose it without the truth. [`by_error`]
//! takes the least estimated mean squared error: the variance of the estimate plus the square of the bias, which is the mean
//! of `(ŵ − w) · (r − q̂)` (Su, Dimakopoulou, Krishnamurthy and Dudík 2020, section 5), less what its own noise adds to the
//! square. [`by_overlap`] goes from the least biased towards the most shrunk and stops at the first whose interval misses
//! that of one before (SLOPE: Su, Srinath and Krishnamurthy 2020, after Lepski).
//!
//! Guarantees: both look at rewards, weights and estimates of the log only.
//!
//! Non-goals: choosing the reward model.

use super::estimate::Estimator;
use super::interval::{Interval, Mean};
use super::log::{Log, LogError};

/// The strengths that compete, least shrunk first. Infinity is the doubly robust estimator, 0 the direct method.
pub const LAMBDAS: [f64; 10] = [f64::INFINITY, 10_000.0, 3_000.0, 1_000.0, 300.0, 100.0, 30.0, 10.0, 1.0, 0.0];
/// Half width of the intervals of [`by_overlap`], in standard errors.
const OVERLAP_ERRORS: f64 = 2.0;

/// The shrinkage of the least estimated mean squared error; `None` without propensities.
///
/// # Errors
/// [`LogError`] when `rewards` do not fit the log.
pub fn by_error(log: &Log, rewards: &[Vec<f64>]) -> Result<Option<Estimator>, LogError> {
    let Some(candidates) = candidates(log, rewards)? else { return Ok(None) };
    let plain = candidates.first().map(|(_, scores)| scores.clone()).unwrap_or_default();
    let error = |scores: &[f64]| {
        let bias: Vec<f64> = scores.iter().zip(&plain).map(|(shrunk, plain)| shrunk - plain).collect();
        let bias = Mean::of(&bias);
        Mean::of(scores).error.powi(2) + (bias.value.powi(2) - bias.error.powi(2)).max(0.0)
    };
    let errors = candidates.iter().map(|(estimator, scores)| (*estimator, error(scores)));
    Ok(errors.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(estimator, _)| estimator))
}

/// The most shrunk whose interval overlaps those of all that are shrunk less; `None` without propensities.
///
/// # Errors
/// [`LogError`] when `rewards` do not fit the log.
pub fn by_overlap(log: &Log, rewards: &[Vec<f64>]) -> Result<Option<Estimator>, LogError> {
    let Some(candidates) = candidates(log, rewards)? else { return Ok(None) };
    let mut common = Interval { low: f64::NEG_INFINITY, high: f64::INFINITY };
    let mut chosen = None;
    for (estimator, scores) in candidates {
        let Mean { value, error, .. } = Mean::of(&scores);
        let half = OVERLAP_ERRORS * error;
        common = Interval { low: common.low.max(value - half), high: common.high.min(value + half) };
        if common.low > common.high {
            break;
        }
        chosen = Some(estimator);
    }
    Ok(chosen)
}

/// The scores at every strength.
type Candidates = Vec<(Estimator, Vec<f64>)>;

fn candidates(log: &Log, rewards: &[Vec<f64>]) -> Result<Option<Candidates>, LogError> {
    let scores = |lambda: f64| {
        let estimator = Estimator::Shrinkage { lambda };
        Ok(estimator.terms(log, rewards)?.map(|terms| (estimator, terms.scores())))
    };
    LAMBDAS.into_iter().map(scores).collect()
}
