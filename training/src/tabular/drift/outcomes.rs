//! Do the probabilities still come true, when outcomes arrive late?
//!
//! Purpose: compare what was promised with what happened, on the cases whose outcome is *due*. Early outcomes are not a
//! fair sample (an order that ships on time is known before one that does not), so a case counts only once the longest
//! wait is over, whichever way it went; an outcome that came earlier waits with the others.
//!
//! Guarantees: nothing that became known after the cut is used; the probability is that of independent outcomes with
//! the promised chances, at this number of rows. Deviations up to a stated tolerance are not drift: no model is exact,
//! and on many rows a plain test would find that out.
//!
//! Non-goals: waiting for stragglers. A due case without an outcome is counted, and many of them are a fault of the feed.

use serde::{Deserialize, Serialize};

use crate::tabular::calibrate::{logit, sigmoid};
use crate::tabular::statistics::saddlepoint;

/// Share of the level for the tests of the rate; the rest is for the spread.
const RATE_WEIGHT: f64 = 0.7;
/// Probabilities are kept this far from 0 and 1.
const CLIP: f64 = 1e-6;
/// Log odds that lie closer together than this have no spread to test.
const SPREAD_SEEN: f64 = 1e-6;

/// A prediction that was served.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// The promised probability of the bad outcome.
    pub probability: f64,
    /// When it was made.
    pub scored_at: i64,
    /// What happened, and when that was known.
    pub outcome: Option<(bool, i64)>,
}

/// Settings of [`calibration`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutcomeOptions {
    /// How long after its prediction every outcome is known, in the unit of the times.
    pub wait: i64,
    /// A shift of the log odds that is not worth an alarm.
    pub rate_tolerance: f64,
    /// A relative change of the spread of the log odds that is not worth an alarm.
    pub spread_tolerance: f64,
    /// Fewest due outcomes.
    pub rows_min: usize,
}

impl Default for OutcomeOptions {
    fn default() -> Self {
        OutcomeOptions { wait: 0, rate_tolerance: 0.1, spread_tolerance: 0.1, rows_min: 30 }
    }
}

/// In which way the probabilities fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// More bad outcomes than promised.
    TooLow,
    /// Fewer bad outcomes than promised.
    TooHigh,
    /// The high ones are not high enough and the low ones not low enough.
    TooTimid,
    /// The high ones are too high and the low ones too low.
    TooBold,
}

/// What the due outcomes say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationDrift {
    /// Due outcomes that are known.
    pub rows: usize,
    /// Due cases without an outcome by the cut.
    pub overdue: usize,
    /// Cases whose wait is not over.
    pub waiting: usize,
    /// Mean promised probability.
    pub promised: f64,
    /// Share of bad outcomes.
    pub happened: f64,
    /// The most unusual way.
    pub failure: Option<Failure>,
    /// The probability that promises within the tolerance give anything as unusual, at most.
    pub p: f64,
}

/// Compares promises and outcomes known by `cut`. With fewer due outcomes than asked for, `p` is 1.
pub fn calibration(served: &[Served], cut: i64, options: OutcomeOptions) -> CalibrationDrift {
    let mut result =
        CalibrationDrift { rows: 0, overdue: 0, waiting: 0, promised: 0.0, happened: 0.0, failure: None, p: 1.0 };
    let mut due = Vec::new();
    for case in served {
        if case.scored_at.saturating_add(options.wait) > cut {
            result.waiting += 1;
            continue;
        }
        match case.outcome {
            Some((label, known_at)) if known_at <= cut && case.probability.is_finite() => {
                due.push((logit(case.probability.clamp(CLIP, 1.0 - CLIP)), f64::from(u8::from(label))));
            }
            _ => result.overdue += 1,
        }
    }
    result.rows = due.len();
    let rows = due.len().max(1) as f64;
    result.promised = due.iter().map(|(z, _)| sigmoid(*z)).sum::<f64>() / rows;
    result.happened = due.iter().map(|(_, label)| label).sum::<f64>() / rows;
    if due.len() < options.rows_min {
        return result;
    }
    let [rate, spread] = [options.rate_tolerance.max(0.0), options.spread_tolerance.clamp(0.0, 0.9)];
    let tails = [
        (Failure::TooLow, RATE_WEIGHT, tail(&due, |z| z + rate, |_| 1.0, 1.0)),
        (Failure::TooHigh, RATE_WEIGHT, tail(&due, |z| z - rate, |_| -1.0, 1.0)),
    ];
    let centre = centre(&due);
    let spread_seen = due.iter().any(|(z, _)| (z - centre).abs() > SPREAD_SEEN);
    let spreads = [
        (Failure::TooTimid, tail(&due, |z| centre + (1.0 + spread) * (z - centre), |z| z - centre, 0.0)),
        (Failure::TooBold, tail(&due, |z| centre + (1.0 - spread) * (z - centre), |z| centre - z, 0.0)),
    ];
    let spreads = spreads.into_iter().filter(|_| spread_seen).map(|(failure, p)| (failure, 1.0 - RATE_WEIGHT, p));
    let all = tails.into_iter().chain(spreads);
    for (failure, weight, p) in all {
        // Two sides each.
        let p = 2.0 * p / weight;
        if p < result.p {
            (result.p, result.failure) = (p, Some(failure));
        }
    }
    result
}

/// The probability of a weighted sum of outcomes as large as happened, under promises moved to the edge of the
/// tolerance.
fn tail(due: &[(f64, f64)], moved: impl Fn(f64) -> f64, weight: impl Fn(f64) -> f64, step: f64) -> f64 {
    let law: Vec<(f64, f64)> = due.iter().map(|(z, _)| (sigmoid(moved(*z)), weight(*z))).collect();
    let excess = due.iter().zip(&law).map(|((_, label), (p, weight))| weight * (label - p)).sum();
    saddlepoint::outcomes_above(&law, excess, step)
}

/// The log odds about which a change of spread leaves the rate alone.
fn centre(due: &[(f64, f64)]) -> f64 {
    let (mut sum, mut mass) = (0.0, 0.0);
    for (z, _) in due {
        let p = sigmoid(*z);
        sum += z * p * (1.0 - p);
        mass += p * (1.0 - p);
    }
    if mass > 0.0 { sum / mass } else { 0.0 }
}

impl std::fmt::Display for CalibrationDrift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let CalibrationDrift { rows, overdue, waiting, promised, happened, failure, p } = self;
        let what = match failure {
            Some(Failure::TooLow) => "the probabilities are too low",
            Some(Failure::TooHigh) => "the probabilities are too high",
            Some(Failure::TooTimid) => "the probabilities are too timid: high ones should be higher, low ones lower",
            Some(Failure::TooBold) => "the probabilities are too bold: high ones should be lower, low ones higher",
            None => "the probabilities come true as far as can be told",
        };
        write!(
            f,
            "{what}: promised {:.1} %, happened {:.1} % of {rows} due cases (chance {p:.2e}; {overdue} due without an \
             outcome, {waiting} still open)",
            100.0 * promised,
            100.0 * happened,
        )
    }
}
