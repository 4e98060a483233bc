//! Ridge regression of an amount on a few columns.
//!
//! Purpose: the plain challenger of boosted trees where rows are thin: weights on standardised columns, shrunk towards
//! none (Hoerl and Kennard 1970).
//!
//! Guarantees: columns are standardised on the training rows and constant ones get no weight; the answer for a row of the
//! average is the mean of the targets; odd input gives no model, never a panic.
//!
//! Non-goals: choosing the penalty; more columns than a dense system can hold.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// Below this deviation a column counts as constant.
const DEVIATION_MIN: f64 = 1e-9;

/// Mean, deviation and weight of one column.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Weight {
    mean: f64,
    deviation: f64,
    coefficient: f64,
}

/// A fitted ridge regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ridge {
    intercept: f64,
    weights: Vec<Weight>,
}

impl Ridge {
    /// Fits on a matrix (rows × columns) and one target per row; `penalty` is counted in rows and applies to squared
    /// standardised weights. `None` without rows, with a number that is not finite, or when the lengths differ.
    pub fn fit(matrix: ArrayView2<f64>, targets: &[f64], penalty: f64) -> Option<Ridge> {
        let (rows, columns) = matrix.dim();
        let finite = matrix.iter().chain(targets).all(|value| value.is_finite()) && penalty.is_finite();
        if rows == 0 || rows != targets.len() || !finite || penalty <= 0.0 {
            return None;
        }
        let intercept = targets.iter().sum::<f64>() / rows as f64;
        let mut weights = Vec::with_capacity(columns);
        let mut scaled = matrix.to_owned();
        for mut column in scaled.columns_mut() {
            let mean = column.sum() / rows as f64;
            let square = column.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / rows as f64;
            let varies = square.sqrt() > DEVIATION_MIN * mean.abs().max(1.0);
            let deviation = if varies { square.sqrt() } else { 1.0 };
            column.mapv_inplace(|value| if varies { (value - mean) / deviation } else { 0.0 });
            weights.push(Weight { mean, deviation, coefficient: 0.0 });
        }
        let system = scaled.t().dot(&scaled);
        let centred: ndarray::Array1<f64> = targets.iter().map(|target| target - intercept).collect();
        let right = scaled.t().dot(&centred);
        let lines = system.rows().into_iter().map(|line| line.to_vec()).collect();
        let solution = solve(lines, right.to_vec(), penalty)?;
        for (weight, coefficient) in weights.iter_mut().zip(solution) {
            weight.coefficient = coefficient;
        }
        Some(Ridge { intercept, weights })
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        self.weights.len()
    }

    /// The answer for one row; a column that it lacks counts as average.
    pub fn predict(&self, row: impl IntoIterator<Item = f64>) -> f64 {
        let part = |(weight, value): (&Weight, f64)| weight.coefficient * (value - weight.mean) / weight.deviation;
        self.intercept + self.weights.iter().zip(row).map(part).sum::<f64>()
    }
}

/// Solves `(system + penalty · I) x = right` by Cholesky's decomposition; `None` when it is not positive definite.
fn solve(mut system: Vec<Vec<f64>>, mut right: Vec<f64>, penalty: f64) -> Option<Vec<f64>> {
    let size = right.len();
    for column in 0..size {
        for row in column..size {
            let (left, top) = (system.get(row)?, system.get(column)?);
            let known: f64 = left.iter().zip(top).take(column).map(|(a, b)| a * b).sum();
            let value = system.get(row)?.get(column)? - known;
            let value = if row == column {
                let square = value + penalty;
                if square <= 0.0 {
                    return None;
                }
                square.sqrt()
            } else {
                value / system.get(column)?.get(column)?
            };
            *system.get_mut(row)?.get_mut(column)? = value;
        }
    }
    for row in 0..size {
        let line = system.get(row)?;
        let known: f64 = line.iter().zip(&right).take(row).map(|(a, b)| a * b).sum();
        let value = (right.get(row)? - known) / line.get(row)?;
        *right.get_mut(row)? = value;
    }
    for row in (0..size).rev() {
        let mut value = *right.get(row)?;
        for below in row + 1..size {
            value -= system.get(below)?.get(row)? * right.get(below)?;
        }
        *right.get_mut(row)? = value / system.get(row)?.get(row)?;
    }
    Some(right)
}
