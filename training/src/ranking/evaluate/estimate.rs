//! The estimators: what a policy would have been worth, from what another one did.
//!
//! Purpose: inverse propensity scores (Horvitz and Thompson 1952), their self-normalised form (Swaminathan and Joachims
//! 2015), the direct method, the doubly robust estimator (Dudík, Langford and Li 2011) and its self-normalised form, the
//! switch estimator (Wang, Agarwal and Dudík 2017) and optimistic shrinkage (Su et al. 2020). Written as in Open Bandit
//! Pipeline 0.5.7 (Saito et al. 2021), whose figures they equal.
//!
//! Guarantees: the scores of an estimator have its value as their mean, so that intervals and paired differences can be
//! built from them; nothing here draws a random number.
//!
//! Non-goals: choosing the limits of switch and shrinkage from the log; estimating propensities.

use serde::{Deserialize, Serialize};

use super::log::{Log, LogError};

/// How a policy's value is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "estimator", rename_all = "snake_case")]
pub enum Estimator {
    /// The mean of the estimated rewards. Biased by whatever the reward model gets wrong; the only one that needs no
    /// propensities.
    Direct,
    /// Rewards weighted with target over logging probability: unbiased under support, noisy.
    Ips,
    /// The same over the sum of the weights: a little bias for much less noise.
    Snips,
    /// The direct method, corrected by the weighted residuals of the reward model: right when either the propensities or
    /// the model are.
    DoublyRobust,
    /// The same with the weights' mean made 1.
    SelfNormalised,
    /// Doubly robust where the weight is at most this, the direct method alone beyond.
    Switch {
        /// The greatest weight that is used.
        weight_max: f64,
    },
    /// Doubly robust with the weights shrunk to `lambda · w / (w² + lambda)`.
    Shrinkage {
        /// 0 is the direct method, infinity doubly robust.
        lambda: f64,
    },
}

impl Estimator {
    /// Whether it needs the propensity of every decision.
    pub fn needs_propensities(self) -> bool {
        self != Estimator::Direct
    }

    /// A short name.
    pub fn name(self) -> &'static str {
        match self {
            Estimator::Direct => "DM",
            Estimator::Ips => "IPS",
            Estimator::Snips => "SNIPS",
            Estimator::DoublyRobust => "DR",
            Estimator::SelfNormalised => "SNDR",
            Estimator::Switch { .. } => "Switch-DR",
            Estimator::Shrinkage { .. } => "DRos",
        }
    }

    /// The parts of the estimate of each decision. `rewards` are estimated rewards (rows × candidates) that were not
    /// learned from the row that they are for; [`Estimator::Ips`] and [`Estimator::Snips`] read none of them.
    ///
    /// # Errors
    /// [`LogError`]; `None` when the log lacks propensities and they are needed.
    pub fn terms(self, log: &Log, rewards: &[Vec<f64>]) -> Result<Option<Terms>, LogError> {
        let uses_model = !matches!(self, Estimator::Ips | Estimator::Snips);
        if uses_model {
            log.check_estimates(rewards)?;
        }
        if self == Estimator::Direct {
            return Estimator::direct(log, rewards).map(Some);
        }
        let Some(weights) = log.weights() else { return Ok(None) };
        let mut terms = Terms::default();
        for (row, (logged, &weight)) in log.rows().iter().zip(weights).enumerate() {
            let estimates: &[f64] = if uses_model { rewards.get(row).map_or(&[], Vec::as_slice) } else { &[] };
            let residual = logged.reward - estimates.get(logged.taken).copied().unwrap_or_default();
            terms.base.push(mean_reward(log, row, estimates));
            terms.correction.push(self.kept(weight) * residual);
            if matches!(self, Estimator::Snips | Estimator::SelfNormalised) {
                terms.weight.push(weight);
            }
        }
        Ok(Some(terms))
    }

    /// The terms of [`Estimator::Direct`], which every log can give.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn direct(log: &Log, rewards: &[Vec<f64>]) -> Result<Terms, LogError> {
        log.check_estimates(rewards)?;
        let base = rewards.iter().enumerate().map(|(row, estimates)| mean_reward(log, row, estimates)).collect();
        Ok(Terms { base, correction: vec![0.0; log.len()], weight: Vec::new() })
    }

    /// What is left of a weight.
    fn kept(self, weight: f64) -> f64 {
        match self {
            Estimator::Switch { weight_max } if weight > weight_max => 0.0,
            Estimator::Shrinkage { lambda } if lambda.is_finite() => {
                let below = weight * weight + lambda;
                if below > 0.0 { lambda * weight / below } else { 0.0 }
            }
            _ => weight,
        }
    }
}

/// The estimated reward of the target policy in one decision; 0 without estimates.
fn mean_reward(log: &Log, row: usize, estimates: &[f64]) -> f64 {
    let target = log.target().get(row).map_or(&[][..], Vec::as_slice);
    let total: f64 = target.iter().sum();
    target.iter().zip(estimates).map(|(p, q)| p * q).sum::<f64>() / total
}

/// An estimate in parts: mean base plus mean correction, the latter over the mean weight where there are weights.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Terms {
    base: Vec<f64>,
    correction: Vec<f64>,
    /// Empty unless self-normalised.
    weight: Vec<f64>,
}

impl Terms {
    /// The estimate over the decisions at `rows`, repetitions counted; NaN of none.
    pub(crate) fn value_of(&self, rows: impl Iterator<Item = usize>) -> f64 {
        let (mut base, mut correction, mut weight, mut count) = (0.0, 0.0, 0.0, 0.0);
        for row in rows {
            base += self.base.get(row).copied().unwrap_or_default();
            correction += self.correction.get(row).copied().unwrap_or_default();
            weight += self.weight.get(row).copied().unwrap_or(1.0);
            count += 1.0;
        }
        let corrected = if weight > 0.0 { correction / weight } else { 0.0 };
        base / count + corrected
    }

    /// The estimate.
    pub fn value(&self) -> f64 {
        self.value_of(0..self.base.len())
    }

    /// One score per decision, with the estimate as their mean. For self-normalised estimators these are the value plus
    /// its influence function.
    pub fn scores(&self) -> Vec<f64> {
        if self.weight.is_empty() {
            return self.base.iter().zip(&self.correction).map(|(base, correction)| base + correction).collect();
        }
        let sum: f64 = self.weight.iter().sum();
        if sum <= 0.0 {
            return self.base.clone();
        }
        let mean = sum / self.weight.len() as f64;
        let ratio = self.correction.iter().sum::<f64>() / sum;
        let parts = self.base.iter().zip(&self.correction).zip(&self.weight);
        parts.map(|((base, correction), weight)| base + ratio + (correction - weight * ratio) / mean).collect()
    }

    /// The number of decisions.
    pub(crate) fn len(&self) -> usize {
        self.base.len()
    }
}
