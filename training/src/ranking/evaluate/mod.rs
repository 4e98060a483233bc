//! Off-policy evaluation: what a policy would be worth, from decisions that another one took.
//!
//! Purpose: prove a ranking offline before it serves. [`evaluate()`] estimates a policy's value from a [`Log`] with
//! several estimators at once and says how sure each is, or refuses with the reason; [`gate::gate`] turns such estimates
//! into a promotion that passed or did not, check by check; [`reward`] learns the rewards that the doubly robust
//! estimators lean on, never from the row that they are for.
//!
//! Guarantees: the same log, options and seed give the same figures on any number of threads; without propensities only
//! the direct method answers, and says that it is biased; without support nothing answers.
//!
//! Non-goals: learning a policy; confounding that the log does not hold. Where the logging agent knew something that
//! the propensity does not reflect, every estimator here is wrong together.

pub mod estimate;
pub mod gate;
pub mod interval;
pub mod log;
pub mod pool;
pub mod reward;
pub mod support;
pub mod tune;

use serde::{Deserialize, Serialize};

use estimate::{Estimator, Terms};
use interval::{Interval, Mean, Sequence, bootstrap};
use log::{Log, LogError};
use support::{Refusal, Support, SupportOptions};

/// How [`evaluate()`] works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluateOptions {
    /// What the log must have.
    pub support: SupportOptions,
    /// The estimators, in the order of the answer.
    pub estimators: Vec<Estimator>,
    /// Coverage of the intervals, such as 0.95.
    pub level: f64,
    /// Resamplings of the bootstrap.
    pub replicates: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
}

impl Default for EvaluateOptions {
    /// All estimators, switch at weight 10, shrinkage at 100, 95 %, 1,000 resamplings.
    fn default() -> EvaluateOptions {
        EvaluateOptions {
            support: SupportOptions::default(),
            estimators: vec![
                Estimator::Direct,
                Estimator::Ips,
                Estimator::Snips,
                Estimator::DoublyRobust,
                Estimator::SelfNormalised,
                Estimator::Switch { weight_max: 10.0 },
                Estimator::Shrinkage { lambda: 100.0 },
            ],
            level: 0.95,
            replicates: 1000,
            seed: 0,
        }
    }
}

/// One estimator's answer, on the scale of the rewards.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Which estimator.
    #[serde(flatten)]
    pub estimator: Estimator,
    /// Mean reward per decision.
    pub value: f64,
    /// Standard error.
    pub error: f64,
    /// Normal interval.
    pub normal: Interval,
    /// Percentile bootstrap interval.
    pub bootstrap: Interval,
}

/// What can be said of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Evaluation {
    /// The log covers the policy.
    Estimated {
        /// How far.
        support: Support,
        /// One per estimator.
        estimates: Vec<Estimate>,
        /// The doubly robust interval that holds at every look; none with fewer than 50 decisions.
        any_time: Option<Interval>,
    },
    /// Propensities are missing: the direct method alone, biased by whatever its reward model gets wrong. The interval
    /// knows nothing of that bias.
    Biased {
        /// The direct method.
        estimate: Estimate,
        /// Decisions without a propensity.
        without_propensity: usize,
    },
    /// Nothing can be said.
    Refused {
        /// Why.
        refusal: Refusal,
        /// What the log has; its estimates are withheld.
        support: Support,
    },
}

/// Estimates the value of the log's target policy. `rewards` are estimated rewards (rows × candidates), not learned from
/// the row that they are for, see [`reward::cross_fit`].
///
/// # Errors
/// [`LogError`] when `rewards` do not fit the log.
pub fn evaluate(log: &Log, rewards: &[Vec<f64>], options: &EvaluateOptions) -> Result<Evaluation, LogError> {
    log.check_estimates(rewards)?;
    let Some(support) = Support::of(log) else {
        let estimate = answer(Estimator::Direct, &Estimator::direct(log, rewards)?, options);
        return Ok(Evaluation::Biased { estimate, without_propensity: log.without_propensity() });
    };
    if let Err(refusal) = support.judge(log, options.support) {
        return Ok(Evaluation::Refused { refusal, support });
    }
    let mut estimates = Vec::new();
    for &estimator in &options.estimators {
        let terms = estimator.terms(log, rewards)?;
        estimates.extend(terms.map(|terms| answer(estimator, &terms, options)));
    }
    let mut sequence = Sequence::new(options.level, log.len());
    let terms = Estimator::DoublyRobust.terms(log, rewards)?;
    terms.iter().flat_map(Terms::scores).for_each(|score| sequence.push(score));
    Ok(Evaluation::Estimated { support, estimates, any_time: sequence.interval() })
}

fn answer(estimator: Estimator, terms: &Terms, options: &EvaluateOptions) -> Estimate {
    let mean = Mean::of(&terms.scores());
    Estimate {
        estimator,
        value: terms.value(),
        error: mean.error,
        normal: mean.interval(options.level),
        bootstrap: bootstrap(terms, options.level, options.replicates, options.seed),
    }
}
