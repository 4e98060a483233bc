//! Miss risk by linfa's logistic regression, one per pair of category and action.
//!
//! Purpose: the challenger of boosted trees, and what is left where rows are too few for them. A pair with too few rows
//! or one outcome answers its smoothed rate.
//!
//! Guarantees: every answer is finite.
//!
//! Non-goals: borrowing between pairs, which is what the trees are for.

use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::case::{Case, Resolved};
use super::frame::Frame;
use crate::tabular::logistic::{Linear, LogisticParams};

/// Fewest rows of a pair for a regression.
const ROWS_MIN: usize = 8;
const ITERATIONS_MAX: u64 = 200;
/// Rates are kept this far from 0 and 1.
const RATE_MIN: f64 = 1e-3;

/// One regression, or none, per pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PairLogistic {
    models: Vec<Option<Linear>>,
}

impl PairLogistic {
    /// Fits on checked rows; `alpha` is the L2 penalty against the sum of the log losses.
    pub(crate) fn fit(frame: &Frame, rows: &[Resolved], alpha: f64) -> PairLogistic {
        let mut members: Vec<Vec<&Resolved>> = vec![Vec::new(); frame.schema.pairs()];
        for row in rows {
            let pair = row.chosen().map(|chosen| frame.schema.pair(row.case.category, chosen.action));
            if let Some(members) = pair.and_then(|pair| members.get_mut(pair)) {
                members.push(row);
            }
        }
        let fit = |rows: &Vec<&Resolved>| {
            if rows.len() < ROWS_MIN {
                return None;
            }
            let encoded: Vec<Vec<f64>> = rows.iter().map(|row| frame.linear(&row.case)).collect();
            let width = encoded.first()?.len();
            let matrix = Array2::from_shape_vec((rows.len(), width), encoded.concat()).ok()?;
            let labels: Vec<bool> = rows.iter().map(|row| row.missed).collect();
            Linear::fit(&matrix, &labels, LogisticParams { alpha, iterations_max: ITERATIONS_MAX }).ok()
        };
        PairLogistic { models: members.par_iter().map(fit).collect() }
    }

    /// The logit of a miss; `encoded` is the case's linear encoding.
    pub(crate) fn logit(&self, frame: &Frame, case: &Case, encoded: &[f64], action: usize) -> f64 {
        let pair = frame.schema.pair(case.category, action);
        match self.models.get(pair).and_then(Option::as_ref) {
            Some(linear) => linear.score(encoded.iter().copied()),
            None => {
                let rate = frame.pair(case.category, action).miss.clamp(RATE_MIN, 1.0 - RATE_MIN);
                (rate / (1.0 - rate)).ln()
            }
        }
    }
}
