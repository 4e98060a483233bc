//! Many tests, few false alarms.
//!
//! Purpose: [`weighted`] decides one batch: is anything in it unusual, and which findings are worth listing.
//! [`OnlineFdr`] decides a stream of batches: the level of each day, so that false alarms stay a small share of all.
//!
//! Guarantees: the batch decision holds whatever the dependence between features and segments (Bonferroni for the
//! alarm; for the list Benjamini and Yekutieli 2001, with weights as Genovese et al. 2006). The stream is LORD++
//! (Ramdas et al. 2017; Javanmard and Montanari 2018): its false-discovery rate is at most the target when each day's
//! probability is valid given the alarms before it. Days that are compared with one reference share its luck; a
//! reference much larger than a day's batch keeps that dependence small.
//!
//! Non-goals: changing a decision after later days.

use serde::{Deserialize, Serialize};

/// The decision over one family of tests.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// The probability that identical distributions give anything as unusual, at most.
    pub p: f64,
    /// The indices of the findings to list at the rate asked for, the most unusual first.
    pub listed: Vec<usize>,
}

/// Decides over `(probability, weight)` pairs, whose weights sum to at most 1. `rate` is the share of false findings
/// among the listed ones that is accepted on average; the first finding is always listed when there is any.
pub fn weighted(tests: &[(f64, f64)], rate: f64) -> Family {
    let mut order: Vec<(usize, f64)> = tests
        .iter()
        .enumerate()
        .filter(|(_, test)| test.1 > 0.0)
        .map(|(index, test)| (index, test.0 / test.1))
        .collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    let harmonic: f64 = (1..=order.len()).map(|rank| 1.0 / rank as f64).sum();
    let passes = |rank: usize, ratio: f64| ratio * harmonic <= rate * rank as f64;
    let last = (0..order.len()).rev().find(|&at| order.get(at).is_some_and(|(_, ratio)| passes(at + 1, *ratio)));
    let count = last.map_or(1, |at| at + 1);
    Family {
        p: order.first().map_or(1.0, |(_, ratio)| ratio.min(1.0)),
        listed: order.into_iter().take(count).map(|(index, _)| index).collect(),
    }
}

/// The levels of a stream of tests under LORD++. Small, and serialisable between days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OnlineFdr {
    target: f64,
    level_max: f64,
    tests: u64,
    alarms: Vec<u64>,
}

impl OnlineFdr {
    /// A stream whose share of false alarms is at most `target`, and in which no day has a level above `level_max`.
    /// Values outside 0 to 1 are clamped.
    pub fn new(target: f64, level_max: f64) -> OnlineFdr {
        OnlineFdr { target: target.clamp(0.0, 1.0), level_max: level_max.clamp(0.0, 1.0), tests: 0, alarms: Vec::new() }
    }

    /// The level of the next test.
    pub fn level(&self) -> f64 {
        let now = self.tests + 1;
        let first_budget = self.target / 2.0;
        let mut level = discount(now) * first_budget;
        for (index, alarm) in self.alarms.iter().enumerate() {
            let budget = if index == 0 { self.target - first_budget } else { self.target };
            level += discount(now.saturating_sub(*alarm)) * budget;
        }
        level.min(self.level_max)
    }

    /// Records the next test's probability; true when it is an alarm at [`OnlineFdr::level`].
    pub fn record(&mut self, p: f64) -> bool {
        let alarm = p <= self.level();
        self.tests += 1;
        if alarm {
            self.alarms.push(self.tests);
        }
        alarm
    }

    /// Tests so far.
    pub fn tests(&self) -> u64 {
        self.tests
    }

    /// The numbers, from 1, of the tests that raised an alarm.
    pub fn alarms(&self) -> &[u64] {
        &self.alarms
    }
}

/// The share of a budget that the `after`-th test from now on may spend; all shares sum to 1.
fn discount(after: u64) -> f64 {
    const SUM: f64 = 0.0722;
    if after == 0 {
        return 0.0;
    }
    let n = after as f64;
    SUM * n.max(2.0).ln() / (n * n.ln().sqrt().exp())
}
