//! How cases and candidates become columns.
//!
//! Purpose: two encodings learned from the same resolved cases. The linear one is standardised: numbers with their mean
//! where missing, one column per kind of a categorical feature. That of the trees keeps missing values and codes, and
//! adds what context-by-action interactions are made of: category, pair, the pair's smoothed miss rate and residual, quote
//! and effort.
//!
//! Guarantees: sees training rows only; every encoded number of a checked case is finite, or NaN where the trees take it.
//!
//! Non-goals: features themselves.

use serde::{Deserialize, Serialize};

use super::case::{Candidate, Case, KINDS_MAX, Resolved, Schema};
use crate::tabular::boost::Column;

/// Pseudo cases that draw a pair's rate towards that of all cases.
const PAIR_SMOOTHING: f64 = 10.0;
/// Below this deviation a column counts as constant.
const DEVIATION_MIN: f64 = 1e-9;

/// What is known of a pair of category and action.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Pair {
    /// Resolved cases.
    pub(crate) rows: usize,
    /// Smoothed share of misses.
    pub(crate) miss: f64,
    /// Smoothed mean residual; money.
    pub(crate) residual: f64,
}

/// Mean and deviation of a column over the training rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Scale {
    mean: f64,
    deviation: f64,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64>) -> Scale {
        let (mut sum, mut squares, mut rows) = (0.0, 0.0, 0.0);
        for value in values.filter(|value| value.is_finite()) {
            sum += value;
            squares += value * value;
            rows += 1.0;
        }
        let mean = if rows > 0.0 { sum / rows } else { 0.0 };
        let variance = if rows > 0.0 { (squares / rows - mean * mean).max(0.0) } else { 0.0 };
        let deviation = variance.sqrt();
        let varies = deviation > DEVIATION_MIN * mean.abs().max(1.0);
        Scale { mean, deviation: if varies { deviation } else { 0.0 } }
    }

    fn apply(self, value: f64) -> f64 {
        if value.is_nan() || self.deviation <= 0.0 { 0.0 } else { (value - self.mean) / self.deviation }
    }
}

/// The learned encodings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Frame {
    pub(crate) schema: Schema,
    scales: Vec<Scale>,
    penalty: Scale,
    pub(crate) pairs: Vec<Pair>,
}

impl Frame {
    /// Learns from checked rows, whose residuals are `residuals`.
    pub(crate) fn fit(schema: &Schema, rows: &[Resolved], residuals: &[f64]) -> Frame {
        let scale = |column: usize| {
            Scale::of(rows.iter().map(|row| row.case.features.get(column).copied().unwrap_or(f64::NAN)))
        };
        let all = rows.len().max(1) as f64;
        let miss = rows.iter().filter(|row| row.missed).count() as f64 / all;
        let residual = residuals.iter().sum::<f64>() / all;
        let mut sums = vec![(0usize, 0.0, 0.0); schema.pairs()];
        for (row, residual) in rows.iter().zip(residuals) {
            let Some(chosen) = row.chosen() else { continue };
            if let Some(sum) = sums.get_mut(schema.pair(row.case.category, chosen.action)) {
                sum.0 += 1;
                sum.1 += f64::from(u8::from(row.missed));
                sum.2 += residual;
            }
        }
        let smooth = |sum: f64, rows: usize, mean: f64| (sum + PAIR_SMOOTHING * mean) / (rows as f64 + PAIR_SMOOTHING);
        let pair = |(rows, missed, cost): (usize, f64, f64)| Pair {
            rows,
            miss: smooth(missed, rows, miss),
            residual: smooth(cost, rows, residual),
        };
        Frame {
            schema: schema.clone(),
            scales: (0..schema.features.len()).map(scale).collect(),
            penalty: Scale::of(rows.iter().map(|row| row.case.penalty.ln_1p())),
            pairs: sums.into_iter().map(pair).collect(),
        }
    }

    /// What is known of the pair of a case's category and an action.
    pub(crate) fn pair(&self, category: usize, action: usize) -> Pair {
        self.pairs.get(self.schema.pair(category, action)).copied().unwrap_or_default()
    }

    /// The standardised columns of a case.
    pub(crate) fn linear(&self, case: &Case) -> Vec<f64> {
        let mut row = Vec::with_capacity(self.schema.features.len() + 1);
        for ((feature, scale), &value) in self.schema.features.iter().zip(&self.scales).zip(&case.features) {
            row.push(scale.apply(value));
            if feature.categorical {
                // The last kinds share the zero row, as does a missing value.
                row.extend((0..KINDS_MAX.min(8)).map(|kind| f64::from(u8::from(value == kind as f64))));
            }
        }
        row.push(self.penalty.apply(case.penalty.ln_1p()));
        row
    }

    /// What the columns of [`Frame::trees`] hold.
    pub(crate) fn tree_columns(&self) -> Vec<Column> {
        let column = |categorical| if categorical { Column::Categorical } else { Column::Numeric { monotone: 0 } };
        let features = self.schema.features.iter().map(|feature| column(feature.categorical));
        features.chain([true, true, false, false, false, false, false].map(column)).collect()
    }

    /// The columns of one candidate of a case.
    pub(crate) fn trees(&self, case: &Case, candidate: &Candidate) -> Vec<f32> {
        let pair = self.pair(case.category, candidate.action);
        let interactions = [
            case.category as f64,
            self.schema.pair(case.category, candidate.action) as f64,
            pair.miss,
            pair.residual,
            candidate.quote.abs().ln_1p().copysign(candidate.quote),
            candidate.effort_minutes,
            case.penalty.ln_1p(),
        ];
        case.features.iter().chain(&interactions).map(|value| *value as f32).collect()
    }
}
