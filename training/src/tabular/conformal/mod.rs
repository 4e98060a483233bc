//! Intervals that contain the outcome as often as they say.
//!
//! Purpose: turn two quantile predictions of any learner (days until shipped, say, at 5 % and 95 %) into an interval with
//! a stated coverage: conformalised quantile regression (Romano, Patterson and Candès 2019) with a margin for each end,
//! so that "not later than" holds by itself, in units of the predicted width, so that one margin serves quick and slow
//! lanes. A segment with enough rows has margins of its own (Mondrian; Vovk 2012). [`adaptive`] keeps the coverage when
//! the world changes.
//!
//! Guarantees: with `n` calibration rows that are exchangeable with the new one, each end fails with probability at most
//! half of `1 − coverage`, whatever the learner and the distribution; the rank is the one of `n + 1` rows, so it holds
//! for small `n` too. An interval never has its ends crossed.
//!
//! Non-goals: choosing the learner; coverage for one individual case, which no method can promise.

pub mod adaptive;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The narrowest width that margins are measured in, as a share of the median predicted width.
const WIDTH_SHARE_MIN: f64 = 0.05;

/// A lower and an upper end, in the unit of the target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `value` lies in it, ends included.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// From the lower to the upper end.
    pub fn width(&self) -> f64 {
        self.high - self.low
    }

    /// The same with its ends in order; quantile predictions may cross.
    fn in_order(self) -> Interval {
        Interval { low: self.low.min(self.high), high: self.low.max(self.high) }
    }
}

/// Settings of [`Conformal::fit`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConformalOptions {
    /// The share of outcomes that intervals shall contain.
    pub coverage: f64,
    /// Fewest calibration rows for a segment to have margins of its own.
    pub segment_rows_min: usize,
}

impl Default for ConformalOptions {
    fn default() -> Self {
        ConformalOptions { coverage: 0.9, segment_rows_min: 100 }
    }
}

/// Intervals cannot be calibrated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConformalError {
    /// A coverage that is none.
    #[error("the coverage {coverage} cannot be promised: give a share between 0.5 and 0.999")]
    Coverage {
        /// The coverage.
        coverage: f64,
    },
    /// Not one of each.
    #[error("{predictions} predictions, {outcomes} outcomes and {segments} segments: give one of each for every row")]
    Length {
        /// Predicted intervals.
        predictions: usize,
        /// Outcomes.
        outcomes: usize,
        /// Segments.
        segments: usize,
    },
    /// Too little to promise the coverage.
    #[error("{rows} calibration rows cannot promise the coverage {coverage}: give at least {needed}")]
    TooFewRows {
        /// Rows.
        rows: usize,
        /// The coverage.
        coverage: f64,
        /// Rows needed.
        needed: usize,
    },
    /// Not a number; `row` counts from 0.
    #[error("the prediction or the outcome of calibration row {row} is not finite: leave the row out")]
    NotFinite {
        /// Index of the row.
        row: usize,
    },
}

/// How far both ends are moved outwards, in predicted widths.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Margins {
    low: f64,
    high: f64,
    rows: usize,
}

/// Calibrated margins; serialisable beside the learner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conformal {
    coverage: f64,
    width_min: f64,
    pooled: Margins,
    segments: BTreeMap<String, Margins>,
}

impl Conformal {
    /// Calibrates on rows that the learner was not fitted on. `predictions` are its quantiles, `segments` one name for
    /// each row, or empty where there are none.
    ///
    /// # Errors
    /// [`ConformalError`].
    pub fn fit(
        predictions: &[Interval],
        outcomes: &[f64],
        segments: &[&str],
        options: ConformalOptions,
    ) -> Result<Conformal, ConformalError> {
        let ConformalOptions { coverage, segment_rows_min } = options;
        if !(0.5..=0.999).contains(&coverage) {
            return Err(ConformalError::Coverage { coverage });
        }
        let rows = predictions.len();
        if outcomes.len() != rows || !(segments.is_empty() || segments.len() == rows) {
            let (outcomes, segments) = (outcomes.len(), segments.len());
            return Err(ConformalError::Length { predictions: rows, outcomes, segments });
        }
        let finite = |(band, outcome): (&Interval, &f64)| (band.low + band.high + outcome).is_finite();
        if let Some(row) = predictions.iter().zip(outcomes).position(|pair| !finite(pair)) {
            return Err(ConformalError::NotFinite { row });
        }
        let width_min = width_min(predictions);
        let scores: Vec<[f64; 2]> =
            predictions.iter().zip(outcomes).map(|(band, outcome)| scores(*band, *outcome, width_min)).collect();
        let needed = (2.0 / (1.0 - coverage) - 1e-9).ceil() as usize - 1;
        let margins = |scores: &[[f64; 2]]| margins(scores, coverage);
        let pooled = margins(&scores).ok_or(ConformalError::TooFewRows { rows, coverage, needed })?;
        let mut by_segment: BTreeMap<&str, Vec<[f64; 2]>> = BTreeMap::new();
        for (segment, score) in segments.iter().zip(&scores) {
            by_segment.entry(segment).or_default().push(*score);
        }
        let own = |(segment, scores): (&str, Vec<[f64; 2]>)| {
            (scores.len() >= segment_rows_min).then(|| Some((segment.to_owned(), margins(&scores)?))).flatten()
        };
        let segments = by_segment.into_iter().filter_map(own).collect();
        Ok(Conformal { coverage, width_min, pooled, segments })
    }

    /// The interval for a case with the quantile prediction `prediction`, in `segment`.
    pub fn interval(&self, prediction: Interval, segment: &str) -> Interval {
        let Margins { low, high, .. } = self.margins(segment);
        self.widened(prediction, [low, high])
    }

    /// The share of outcomes that intervals shall contain.
    pub fn coverage(&self) -> f64 {
        self.coverage
    }

    /// Calibration rows behind the margins of `segment`: its own, or all when it has too few.
    pub fn rows(&self, segment: &str) -> usize {
        self.margins(segment).rows
    }

    fn margins(&self, segment: &str) -> Margins {
        self.segments.get(segment).copied().unwrap_or(self.pooled)
    }

    /// The prediction with its ends moved outwards, or to one point where margins below zero would cross them.
    pub fn widened(&self, prediction: Interval, [low, high]: [f64; 2]) -> Interval {
        let prediction = prediction.in_order();
        let width = prediction.width().max(self.width_min);
        let moved = Interval { low: prediction.low - low * width, high: prediction.high + high * width };
        if moved.low <= moved.high {
            return moved;
        }
        let middle = 0.5 * (moved.low + moved.high);
        Interval { low: middle, high: middle }
    }
}

/// How far the outcome lies below the lower and above the upper end, in predicted widths.
fn scores(prediction: Interval, outcome: f64, width_min: f64) -> [f64; 2] {
    let Interval { low, high } = prediction.in_order();
    let width = (high - low).max(width_min);
    [(low - outcome) / width, (outcome - high) / width]
}

fn width_min(predictions: &[Interval]) -> f64 {
    let mut widths: Vec<f64> = predictions.iter().map(|band| band.in_order().width()).collect();
    widths.sort_by(f64::total_cmp);
    let median = widths.get(widths.len() / 2).copied().unwrap_or(0.0);
    if median > 0.0 { WIDTH_SHARE_MIN * median } else { 1.0 }
}

/// The margins at the rank that counts the new row in; `None` with too few rows for it.
fn margins(scores: &[[f64; 2]], coverage: f64) -> Option<Margins> {
    let rank = ((scores.len() + 1) as f64 * 0.5 * (1.0 + coverage) - 1e-9).ceil() as usize;
    let at = |side: usize| {
        let mut sorted: Vec<f64> = scores.iter().filter_map(|pair| pair.get(side).copied()).collect();
        sorted.sort_by(f64::total_cmp);
        sorted.get(rank.checked_sub(1)?).copied()
    };
    Some(Margins { low: at(0)?, high: at(1)?, rows: scores.len() })
}
