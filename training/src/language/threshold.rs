//! What is chosen on out-of-fold logits: a temperature, and below which confidence to abstain.
//!
//! Guarantees: neither looks at held-out rows; a precision that no confidence reaches gives a threshold above 1, which
//! abstains always.

use super::fit::softmax;

/// The threshold that nothing reaches.
pub(crate) const ALWAYS_ABSTAIN: f32 = 2.0;
/// Log temperatures are searched between −this and +this.
const LOG_TEMPERATURE_MAX: f64 = 4.0;
/// Golden-section steps: the bracket shrinks to 8 · 0.618⁶⁰, far below what matters.
const SEARCH_STEPS: usize = 60;

/// Mean negative log likelihood of the true classes at a temperature.
pub(crate) fn log_loss(logits: &[Vec<f64>], labels: &[usize], temperature: f64) -> f64 {
    let loss = |(row, &label): (&Vec<f64>, &usize)| {
        let probability = softmax(row, temperature).get(label).copied().unwrap_or(0.0);
        -probability.max(1e-15).ln()
    };
    logits.iter().zip(labels).map(loss).sum::<f64>() / labels.len().max(1) as f64
}

/// The temperature with the least log loss (Guo et al. 2017), by golden section over its logarithm.
///
/// The targets are smoothed by `1 / (rows + 2)`, as Platt (1999) did: when every row is right the plain loss has no
/// least temperature, and the head would claim a certainty that so many rows cannot show.
pub(crate) fn fit_temperature(logits: &[Vec<f64>], labels: &[usize]) -> f64 {
    let loss = |temperature: f64| smoothed_loss(logits, labels, temperature);
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (-LOG_TEMPERATURE_MAX, LOG_TEMPERATURE_MAX);
    for _ in 0..SEARCH_STEPS {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if loss(left.exp()) <= loss(right.exp()) {
            high = right;
        } else {
            low = left;
        }
    }
    f64::midpoint(low, high).exp()
}

fn smoothed_loss(logits: &[Vec<f64>], labels: &[usize], temperature: f64) -> f64 {
    let doubt = 1.0 / (labels.len() as f64 + 2.0);
    let loss = |(row, &label): (&Vec<f64>, &usize)| {
        // In logarithms, where no probability underflows.
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = row.iter().map(|logit| ((logit - max) / temperature).exp()).sum();
        let cost = |logit: &f64| sum.ln() - (logit - max) / temperature;
        let all: f64 = row.iter().map(cost).sum();
        let own = row.get(label).map_or(0.0, cost);
        (1.0 - doubt) * own + doubt * (all - own) / (row.len().max(2) - 1) as f64
    };
    logits.iter().zip(labels).map(loss).sum()
}

/// The lowest confidence seen at which the answers given are right at least as often as `precision`. Confidences below
/// all that were seen are not trusted, even when every answer was right.
pub(crate) fn fit_threshold(confident: &[(f32, bool)], precision: f64) -> f32 {
    let mut sorted = confident.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut threshold, mut seen, mut right) = (ALWAYS_ABSTAIN, 0.0, 0.0);
    for group in sorted.chunk_by(|a, b| a.0 == b.0) {
        seen += group.len() as f64;
        right += group.iter().filter(|(_, correct)| *correct).count() as f64;
        if right / seen >= precision {
            threshold = group[0].0;
        }
    }
    threshold
}
