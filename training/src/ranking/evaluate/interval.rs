//! How sure an estimate is.
//!
//! Purpose: the normal interval of a mean of scores; the percentile bootstrap (Efron 1979) over decisions, which also
//! shows skew; and an anytime-valid confidence sequence for whoever looks every day and stops when pleased.
//!
//! Guarantees: a bootstrap of one seed is the same on any number of threads, because every replicate has a generator of
//! its own.
//!
//! Non-goals: dependence between decisions. Cases that share a cause (one carrier's outage) make all three too narrow.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::estimate::Terms;
use crate::tabular::statistics::normal;

/// An interval on the scale of the rewards.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `value` lies inside, ends included.
    pub fn contains(self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// Half of its width.
    pub fn half(self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

/// A mean and the standard error of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// The mean.
    pub value: f64,
    /// Its standard error; 0 of fewer than two values.
    pub error: f64,
    /// How many values.
    pub rows: usize,
}

impl Mean {
    /// Of `scores`; 0 of none.
    pub fn of(scores: &[f64]) -> Mean {
        let rows = scores.len();
        if rows == 0 {
            return Mean { value: 0.0, error: 0.0, rows };
        }
        let value = scores.iter().sum::<f64>() / rows as f64;
        let squares: f64 = scores.iter().map(|score| (score - value).powi(2)).sum();
        let error = if rows > 1 { (squares / (rows - 1) as f64 / rows as f64).sqrt() } else { 0.0 };
        Mean { value, error, rows }
    }

    /// The two-sided normal interval; `level` such as 0.95.
    pub fn interval(self, level: f64) -> Interval {
        let half = normal::quantile(0.5 + level / 2.0) * self.error;
        Interval { low: self.value - half, high: self.value + half }
    }

    /// The value that the truth exceeds with probability `level`, one-sided.
    pub fn lower(self, level: f64) -> f64 {
        self.value - normal::quantile(level) * self.error
    }
}

/// The percentile interval over `replicates` resamplings of the decisions.
pub fn bootstrap(terms: &Terms, level: f64, replicates: usize, seed: u64) -> Interval {
    let rows = terms.len();
    let draw = |replicate: usize| {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        dice.set_stream(replicate as u64);
        // The high bits of a product of a 64-bit draw with the number of rows: uniform to 2^-40 for any log.
        terms.value_of((0..rows).map(|_| ((u128::from(dice.next_u64()) * rows as u128) >> 64) as usize))
    };
    let mut values: Vec<f64> = (0..replicates.max(1)).into_par_iter().map(draw).collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let (below, part) = (place.floor() as usize, place.fract());
        let low = values.get(below).copied().unwrap_or_default();
        let high = values.get(below + 1).copied().unwrap_or(low);
        low + part * (high - low)
    };
    Interval { low: at(0.5 - level / 2.0), high: at(0.5 + level / 2.0) }
}

/// Fewest scores before the sequence says anything: its law is a limit law.
const SEQUENCE_ROWS_MIN: usize = 50;

/// An interval that may be looked at after every decision: with probability `level` the truth lies in all of them at
/// once, in the limit of many decisions.
///
/// The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit
/// theory and asymptotic confidence sequences" (Annals of Statistics 52(6), 2024), theorem 2.2, fed with the scores of a
/// doubly robust estimate as in Waudby-Smith, Wu, Ramdas, Karampatziakis and Mineiro, "Anytime-valid off-policy
/// inference for contextual bandits" (2022). About twice as wide as the normal interval: the price of looking.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    alpha: f64,
    rho_squared: f64,
    rows: usize,
    mean: f64,
    squares: f64,
}

impl Sequence {
    /// A sequence that holds with probability `level`, narrowest at about `rows_expected` decisions.
    pub fn new(level: f64, rows_expected: usize) -> Sequence {
        let alpha = (1.0 - level).clamp(1e-12, 0.999);
        let twice = -2.0 * alpha.ln();
        // Waudby-Smith et al. 2024, equation (24).
        let rho_squared = (twice + twice.max(f64::MIN_POSITIVE).ln() + 1.0) / rows_expected.max(1) as f64;
        Sequence { alpha, rho_squared: rho_squared.max(1e-12), rows: 0, mean: 0.0, squares: 0.0 }
    }

    /// Takes the score of one more decision.
    pub fn push(&mut self, score: f64) {
        self.rows += 1;
        let off = score - self.mean;
        self.mean += off / self.rows as f64;
        self.squares += off * (score - self.mean);
    }

    /// The interval after the scores so far; none before 50 of them.
    pub fn interval(&self) -> Option<Interval> {
        if self.rows < SEQUENCE_ROWS_MIN {
            return None;
        }
        let rows = self.rows as f64;
        let variance = self.squares / rows;
        let grown = rows * self.rho_squared + 1.0;
        let half =
            (variance * 2.0 * grown / (rows * rows * self.rho_squared) * (grown.sqrt() / self.alpha).ln()).sqrt();
        Some(Interval { low: self.mean - half, high: self.mean + half })
    }
}
