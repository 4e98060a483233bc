//! Logistic regression and elastic net: linfa's, behind the checks that they lack.
//!
//! Purpose: fit a linear score on encoded columns.
//!
//! Guarantees: the score is always that of the *bad* outcome (linfa answers for the majority class); columns are
//! standardised on the training rows, so a column's effect is measured against the training mean; constant columns get
//! no weight; empty, one-class, non-finite or fully constant input is an error of its own.
//!
//! Non-goals: encoding, calibration, choosing the penalty.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_elasticnet::ElasticNet;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};

use super::calibrate::logit;

/// Below this deviation a column counts as constant.
const DEVIATION_MIN: f64 = 1e-12;

/// The gradient at which the solver stops, per training row (linfa's own tolerance is on the sum).
const GRADIENT_TOLERANCE_PER_ROW: f64 = 1e-6;

/// A logistic regression cannot be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LogisticError {
    /// A setting that makes no sense.
    #[error("the {name} of the logistic regression is {value}: give a positive, finite number")]
    Setting {
        /// Which.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// Not one label per row.
    #[error("the matrix has {rows} rows and there are {labels} labels: give one for each row, and at least one row")]
    Length {
        /// Rows of the matrix.
        rows: usize,
        /// Labels.
        labels: usize,
    },
    /// Only one outcome.
    #[error("all {rows} training labels are {label}: collect rows of both outcomes before training")]
    OneClass {
        /// Labels.
        rows: usize,
        /// The only outcome.
        label: bool,
    },
    /// NaN or infinity.
    #[error("column {column} of row {row} is not finite: encode missing values first")]
    NotFinite {
        /// Row index.
        row: usize,
        /// Column index.
        column: usize,
    },
    /// Nothing varies.
    #[error("every one of the {columns} columns is constant over the training rows: add features that vary")]
    Constant {
        /// Number of columns.
        columns: usize,
    },
    /// The solver gave up.
    #[error("the solver failed at alpha {alpha} ({message}): try a larger alpha")]
    Solver {
        /// The penalty.
        alpha: f64,
        /// What linfa said.
        message: String,
    },
}

/// Settings of [`Linear::fit`], checked on use.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LogisticParams {
    /// L2 penalty on the standardised weights, against the *sum* of the log losses.
    pub alpha: f64,
    /// Most solver steps.
    pub iterations_max: u64,
}

/// Settings of [`Linear::fit_elastic_net`], checked on use.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ElasticNetParams {
    /// Penalty on the standardised weights, against half the mean squared error.
    pub penalty: f64,
    /// Share of the penalty on the weights' size rather than their square, 0 to 1.
    pub l1_ratio: f64,
    /// Most sweeps over the columns.
    pub iterations_max: u64,
}

/// One column's part in the score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Weight {
    mean: f64,
    deviation: f64,
    coefficient: f64,
}

/// A fitted linear score (a logit): intercept plus one effect per column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    intercept: f64,
    weights: Vec<Weight>,
}

impl Linear {
    /// Fits on a matrix (rows × columns) and one label per row.
    ///
    /// # Errors
    /// [`LogisticError`].
    pub fn fit(matrix: &Array2<f64>, labels: &[bool], params: LogisticParams) -> Result<Linear, LogisticError> {
        check(matrix, labels, &[("alpha", params.alpha), ("iterations_max", params.iterations_max as f64)])?;
        let (mut weights, kept) = standardise(matrix)?;
        let scaled = scale(matrix, &weights, &kept);
        let solver = |message: String| LogisticError::Solver { alpha: params.alpha, message };
        let fitted = LogisticRegression::default()
            .alpha(params.alpha)
            .max_iterations(params.iterations_max)
            .gradient_tolerance(GRADIENT_TOLERANCE_PER_ROW * labels.len() as f64)
            .fit(&DatasetBase::new(scaled, Array1::from_iter(labels.iter().copied())))
            .map_err(|error| solver(error.to_string()))?;
        // linfa's positive class is the majority, whichever that is.
        let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
        for (&index, coefficient) in kept.iter().zip(fitted.params()) {
            weights[index].coefficient = sign * coefficient;
        }
        let linear = Linear { intercept: sign * fitted.intercept(), weights };
        if linear.is_sound() { Ok(linear) } else { Err(solver("the weights are not finite".into())) }
    }

    /// Fits the outcomes as 0 and 1 by an elastic net, and takes the line to logits at the base rate, where a change of the
    /// probability by `d` is one of the logit by `d / (rate · (1 − rate))`.
    ///
    /// # Errors
    /// [`LogisticError`].
    pub fn fit_elastic_net(
        matrix: &Array2<f64>,
        labels: &[bool],
        params: ElasticNetParams,
    ) -> Result<Linear, LogisticError> {
        let ElasticNetParams { penalty, l1_ratio, iterations_max } = params;
        check(matrix, labels, &[("penalty", penalty), ("iterations_max", iterations_max as f64)])?;
        let (mut weights, kept) = standardise(matrix)?;
        // Columns are swept one by one, so they lie together.
        let scaled = scale(matrix, &weights, &kept).reversed_axes().as_standard_layout().into_owned().reversed_axes();
        let outcomes: Array1<f64> = labels.iter().map(|label| f64::from(u8::from(*label))).collect();
        let rate = outcomes.sum() / labels.len() as f64;
        let fitted = ElasticNet::params()
            .penalty(penalty)
            .l1_ratio(l1_ratio)
            .max_iterations(u32::try_from(iterations_max).unwrap_or(u32::MAX))
            .fit(&DatasetBase::new(scaled, outcomes))
            .map_err(|error| LogisticError::Solver { alpha: penalty, message: error.to_string() })?;
        for (&index, coefficient) in kept.iter().zip(fitted.hyperplane()) {
            weights[index].coefficient = coefficient / (rate * (1.0 - rate));
        }
        let linear = Linear { intercept: logit(rate), weights };
        let message = "the weights are not finite".to_owned();
        if linear.is_sound() { Ok(linear) } else { Err(LogisticError::Solver { alpha: penalty, message }) }
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        self.weights.len()
    }

    /// The score of the average training row.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// What `value` in `column` adds to the score, against the training mean of that column; 0 beyond the last column.
    pub fn effect(&self, column: usize, value: f64) -> f64 {
        self.weights.get(column).map_or(0.0, |w| w.coefficient * (value - w.mean) / w.deviation)
    }

    /// The score of one row of columns.
    pub fn score(&self, row: impl IntoIterator<Item = f64>) -> f64 {
        self.intercept + row.into_iter().enumerate().map(|(column, value)| self.effect(column, value)).sum::<f64>()
    }

    /// Whether every number in it can be computed with.
    pub(crate) fn is_sound(&self) -> bool {
        let finite = |w: &Weight| w.mean.is_finite() && w.deviation > 0.0 && w.coefficient.is_finite();
        self.intercept.is_finite() && self.weights.iter().all(finite)
    }
}

fn check(matrix: &Array2<f64>, labels: &[bool], settings: &[(&'static str, f64)]) -> Result<(), LogisticError> {
    for &(name, value) in settings {
        if !(value.is_finite() && value > 0.0) {
            return Err(LogisticError::Setting { name, value });
        }
    }
    let rows = matrix.nrows();
    if rows == 0 || rows != labels.len() {
        return Err(LogisticError::Length { rows, labels: labels.len() });
    }
    if let Some(&label) = labels.first()
        && labels.iter().all(|other| *other == label)
    {
        return Err(LogisticError::OneClass { rows, label });
    }
    match matrix.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), _)) => Err(LogisticError::NotFinite { row, column }),
        None => Ok(()),
    }
}

/// The kept columns, standardised.
fn scale(matrix: &Array2<f64>, weights: &[Weight], kept: &[usize]) -> Array2<f64> {
    let mut scaled = matrix.select(Axis(1), kept);
    for (mut column, &index) in scaled.columns_mut().into_iter().zip(kept) {
        let Weight { mean, deviation, .. } = weights[index];
        column.mapv_inplace(|value| (value - mean) / deviation);
    }
    scaled
}

/// Mean and deviation of each column, and the indices of those that vary.
fn standardise(matrix: &Array2<f64>) -> Result<(Vec<Weight>, Vec<usize>), LogisticError> {
    let rows = matrix.nrows() as f64;
    let mut kept = Vec::new();
    let mut weights = Vec::with_capacity(matrix.ncols());
    for (index, column) in matrix.columns().into_iter().enumerate() {
        let mean = column.sum() / rows;
        let deviation = (column.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / rows).sqrt();
        let varies = deviation > DEVIATION_MIN * mean.abs().max(1.0);
        if varies {
            kept.push(index);
        }
        weights.push(Weight { mean, deviation: if varies { deviation } else { 1.0 }, coefficient: 0.0 });
    }
    if kept.is_empty() {
        return Err(LogisticError::Constant { columns: matrix.ncols() });
    }
    Ok((weights, kept))
}
