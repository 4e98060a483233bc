//! Multinomial logistic regression on embeddings, and the folds to choose its penalty by.
//!
//! Guarantees: folds are stratified and depend on the seed only; every fold's training part holds every class that has
//! two rows or more.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::MultiLogisticRegression;
use ndarray::{Array1, Array2};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// The gradient at which the solver stops, per row (linfa's own tolerance is on the sum).
const GRADIENT_TOLERANCE_PER_ROW: f64 = 1e-5;

/// Weights (width × classes) and one intercept per class.
#[derive(Debug, Clone)]
pub(crate) struct Fitted {
    pub(crate) weights: Array2<f64>,
    pub(crate) intercept: Array1<f64>,
}

impl Fitted {
    /// Fits on all of `matrix`; the error is linfa's message.
    pub(crate) fn fit(matrix: Array2<f64>, labels: &[usize], alpha: f64, iterations: u64) -> Result<Fitted, String> {
        let tolerance = GRADIENT_TOLERANCE_PER_ROW * labels.len() as f64;
        let dataset = DatasetBase::new(matrix, Array1::from(labels.to_vec()));
        let fitted = MultiLogisticRegression::default()
            .alpha(alpha)
            .max_iterations(iterations)
            .gradient_tolerance(tolerance)
            .fit(&dataset)
            .map_err(|error| error.to_string())?;
        let result = Fitted { weights: fitted.params().clone(), intercept: fitted.intercept().clone() };
        if result.weights.iter().chain(&result.intercept).all(|weight| weight.is_finite()) {
            Ok(result)
        } else {
            Err("the weights are not finite".to_owned())
        }
    }

    /// One row of logits per row of `matrix`.
    pub(crate) fn logits(&self, matrix: &Array2<f64>) -> Vec<Vec<f64>> {
        (matrix.dot(&self.weights) + &self.intercept).rows().into_iter().map(|row| row.to_vec()).collect()
    }
}

/// The fold of each row: within each class, rows are shuffled and dealt in turn.
#[must_use]
pub fn folds(labels: &[usize], classes: usize, folds: usize, seed: u64) -> Vec<usize> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut result = vec![0; labels.len()];
    let mut next = 0;
    for class in 0..classes {
        let mut rows: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] == class).collect();
        rows.shuffle(&mut generator);
        for row in rows {
            result[row] = next % folds;
            next += 1;
        }
    }
    result
}

/// Probabilities of logits, without overflow.
pub(crate) fn softmax(logits: &[f64]) -> Vec<f64> {
    let max = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| (logit - max).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}
