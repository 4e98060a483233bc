//! Turning a score into a probability that can be believed.
//!
//! Purpose: map the logits of a learner to probabilities by the identity, Platt scaling (Platt 1999, with his smoothed
//! targets) or isotonic regression (pool adjacent violators, Ayer et al. 1955), whichever loses least on rows held out.
//!
//! Guarantees: every map is non-decreasing and total, and stays strictly between 0 and 1; it serialises exactly.
//!
//! Non-goals: linfa's versions. Its isotonic regression gives wrong values (0.8.1) and its Platt scaling cannot be
//! stored.

use serde::{Deserialize, Serialize};

use super::metrics::{self, MetricError};

/// Fewest rows for Platt scaling to be tried.
const PLATT_ROWS_MIN: usize = 40;
/// Fewest rows for isotonic regression to be tried: it has many more degrees of freedom.
const ISOTONIC_ROWS_MIN: usize = 400;
/// A probability never comes closer to 0 or 1 than this.
const PROBABILITY_MIN: f64 = 1e-9;
/// Newton steps of Platt scaling; it needs about ten.
const NEWTON_STEPS: usize = 100;

/// A map from logit to probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "lowercase")]
pub enum Calibration {
    /// The logistic function alone.
    Identity,
    /// The logistic function of `slope · logit + offset`.
    Platt {
        /// Positive.
        slope: f64,
        /// In logits.
        offset: f64,
    },
    /// Linear between knots, constant beyond them.
    Isotonic {
        /// Rising logits.
        logits: Vec<f64>,
        /// The probability at each, rising.
        probabilities: Vec<f64>,
    },
}

impl Calibration {
    /// The probability of the bad outcome at `logit`.
    pub fn apply(&self, logit: f64) -> f64 {
        let probability = match self {
            Calibration::Identity => sigmoid(logit),
            Calibration::Platt { slope, offset } => sigmoid(slope * logit + offset),
            Calibration::Isotonic { logits, probabilities } => interpolate(logits, probabilities, logit),
        };
        probability.clamp(PROBABILITY_MIN, 1.0 - PROBABILITY_MIN)
    }

    /// The name of the method.
    pub fn name(&self) -> &'static str {
        match self {
            Calibration::Identity => "identity",
            Calibration::Platt { .. } => "platt",
            Calibration::Isotonic { .. } => "isotonic",
        }
    }

    /// Chooses among the methods: each is fitted on the first half of the rows and scored on the second, and the best
    /// is fitted again on all of them. Rows are logits in time order; the simpler method wins a tie.
    ///
    /// # Errors
    /// [`MetricError`] when there are no rows or not one label for each.
    pub fn choose(logits: &[f64], labels: &[bool]) -> Result<Calibration, MetricError> {
        if logits.is_empty() || logits.len() != labels.len() {
            return Err(MetricError::Length { scores: logits.len(), labels: labels.len() });
        }
        let half = logits.len() / 2;
        let (early, late) = (logits.split_at(half).0, logits.split_at(half).1);
        let (early_labels, late_labels) = labels.split_at(half);
        let mut best = (Calibration::Identity.loss(late, late_labels)?, None);
        for fit in [Calibration::platt, Calibration::isotonic] {
            if let Some(candidate) = fit(early, early_labels) {
                let loss = candidate.loss(late, late_labels)?;
                if loss < best.0 {
                    best = (loss, fit(logits, labels));
                }
            }
        }
        Ok(best.1.unwrap_or(Calibration::Identity))
    }

    /// Platt scaling by damped Newton steps; `None` with too few rows, one outcome only, or a slope that is not
    /// positive.
    pub fn platt(logits: &[f64], labels: &[bool]) -> Option<Calibration> {
        let bad = labels.iter().filter(|label| **label).count();
        if logits.len() < PLATT_ROWS_MIN || logits.len() != labels.len() || bad == 0 || bad == labels.len() {
            return None;
        }
        let (bad, good) = (bad as f64, (labels.len() - bad) as f64);
        let (high, low) = ((bad + 1.0) / (bad + 2.0), 1.0 / (good + 2.0));
        let rows: Vec<(f64, f64)> =
            logits.iter().zip(labels).map(|(&logit, &label)| (logit, if label { high } else { low })).collect();
        let (slope, offset) = newton(&rows)?;
        (slope > 0.0).then_some(Calibration::Platt { slope, offset })
    }

    /// Isotonic regression; `None` with too few rows. Blocks are clipped to `1 / (rows + 2)` from 0 and 1.
    pub fn isotonic(logits: &[f64], labels: &[bool]) -> Option<Calibration> {
        if logits.len() < ISOTONIC_ROWS_MIN || logits.len() != labels.len() {
            return None;
        }
        let mut rows: Vec<(f64, f64)> =
            logits.iter().zip(labels).map(|(&logit, &label)| (logit, f64::from(u8::from(label)))).collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut xs, mut means, mut weights): (Vec<f64>, Vec<f64>, Vec<f64>) = (vec![], vec![], vec![]);
        for group in rows.chunk_by(|a, b| a.0 == b.0) {
            let weight = group.len() as f64;
            xs.push(group.first()?.0);
            means.push(group.iter().map(|row| row.1).sum::<f64>() / weight);
            weights.push(weight);
        }
        let fitted = pool_adjacent_violators(&means, &weights);
        let clip = 1.0 / (logits.len() as f64 + 2.0);
        let (mut knots, mut probabilities) = (vec![], vec![]);
        let mut start = 0;
        for block in fitted.chunk_by(|a, b| a == b) {
            let (xs, weights) = (&xs[start..start + block.len()], &weights[start..start + block.len()]);
            let mass: f64 = weights.iter().sum();
            knots.push(xs.iter().zip(weights).map(|(x, weight)| x * weight).sum::<f64>() / mass);
            probabilities.push(block.first()?.clamp(clip, 1.0 - clip));
            start += block.len();
        }
        Some(Calibration::Isotonic { logits: knots, probabilities })
    }

    fn loss(&self, logits: &[f64], labels: &[bool]) -> Result<f64, MetricError> {
        let probabilities: Vec<f64> = logits.iter().map(|&logit| self.apply(logit)).collect();
        metrics::log_loss(&probabilities, labels)
    }

    /// Whether it is a non-decreasing map of finite numbers.
    pub(crate) fn is_sound(&self) -> bool {
        match self {
            Calibration::Identity => true,
            Calibration::Platt { slope, offset } => slope.is_finite() && *slope > 0.0 && offset.is_finite(),
            Calibration::Isotonic { logits, probabilities } => {
                !logits.is_empty()
                    && logits.len() == probabilities.len()
                    && logits.iter().chain(probabilities).all(|value| value.is_finite())
                    && logits.is_sorted()
                    && probabilities.is_sorted()
            }
        }
    }
}

/// The logistic function, without overflow.
pub fn sigmoid(logit: f64) -> f64 {
    if logit >= 0.0 {
        1.0 / (1.0 + (-logit).exp())
    } else {
        let e = logit.exp();
        e / (1.0 + e)
    }
}

/// The log odds of a probability strictly between 0 and 1.
pub fn logit(probability: f64) -> f64 {
    (probability / (1.0 - probability)).ln()
}

/// The non-decreasing sequence nearest to `values` in weighted squares: neighbours that fall are pooled into their
/// mean.
pub fn pool_adjacent_violators(values: &[f64], weights: &[f64]) -> Vec<f64> {
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for (&value, &weight) in values.iter().zip(weights) {
        let mut block = (value, weight, 1);
        while let Some(&(mean, mass, count)) = blocks.last()
            && mean >= block.0
        {
            let total = mass + block.1;
            block = ((mean * mass + block.0 * block.1) / total, total, count + block.2);
            blocks.pop();
        }
        blocks.push(block);
    }
    blocks.into_iter().flat_map(|(mean, _, count)| std::iter::repeat_n(mean, count)).collect()
}

/// Linear between the knots, constant beyond; the knots rise.
fn interpolate(xs: &[f64], ys: &[f64], x: f64) -> f64 {
    let after = xs.partition_point(|knot| *knot <= x);
    let at = |index: usize| xs.get(index).copied().zip(ys.get(index).copied());
    match (after.checked_sub(1).and_then(at), at(after)) {
        (Some((x0, y0)), Some((x1, y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
        (Some((_, y)), None) | (None, Some((_, y))) => y,
        (None, None) => 0.5,
    }
}

/// Slope and offset that minimise the log loss of `(score, target)` rows; `None` when the steps leave the finite
/// numbers.
fn newton(rows: &[(f64, f64)]) -> Option<(f64, f64)> {
    let loss = |slope: f64, offset: f64| -> f64 {
        let softplus = |z: f64| z.max(0.0) + (-z.abs()).exp().ln_1p();
        rows.iter().map(|&(x, t)| softplus(slope * x + offset) - t * (slope * x + offset)).sum()
    };
    let (mut slope, mut offset) = (1.0, 0.0);
    let mut current = loss(slope, offset);
    for _ in 0..NEWTON_STEPS {
        let (mut gs, mut go, mut hss, mut hso, mut hoo) = (0.0, 0.0, 1e-9, 0.0, 1e-9);
        for &(x, t) in rows {
            let p = sigmoid(slope * x + offset);
            let (error, curve) = (p - t, p * (1.0 - p));
            gs += error * x;
            go += error;
            hss += curve * x * x;
            hso += curve * x;
            hoo += curve;
        }
        let determinant: f64 = hss * hoo - hso * hso;
        let (ds, d_o) = ((hoo * gs - hso * go) / determinant, (hss * go - hso * gs) / determinant);
        let mut step = 1.0;
        let mut next = loss(slope - ds, offset - d_o);
        while (next > current || next.is_nan()) && step > 1e-6 {
            step *= 0.5;
            next = loss(slope - step * ds, offset - step * d_o);
        }
        if !next.is_finite() {
            return None;
        }
        (slope, offset) = (slope - step * ds, offset - step * d_o);
        if current - next < 1e-12 * rows.len() as f64 {
            break;
        }
        current = next;
    }
    (slope.is_finite() && offset.is_finite()).then_some((slope, offset))
}
