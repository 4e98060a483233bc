//! What is chosen on logits of unseen rows: a temperature, below which confidence to abstain, and below which energy.
//!
//! Guarantees: none of them looks at held-out rows; a precision that no confidence reaches gives a threshold above 1, which
//! abstains always.

use super::fit::softmax;

/// The threshold that nothing reaches.
pub(crate) const ALWAYS_ABSTAIN: f32 = 2.0;
/// Log temperatures are searched between −this and +this.
const LOG_TEMPERATURE_MAX: f64 = 4.0;
/// Golden-section steps: the bracket shrinks to 8 · 0.618⁶⁰, far below what matters.
const SEARCH_STEPS: usize = 60;

/// Mean negative log likelihood of the true classes.
pub(crate) fn log_loss(logits: &[Vec<f64>], labels: &[usize]) -> f64 {
    let loss = |(row, &label): (&Vec<f64>, &usize)| {
        let probability = softmax(row).get(label).copied().unwrap_or(0.0);
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

/// The logarithm of the sum of powers: low for texts of no class (the energy of Liu et al. 2020, its sign turned).
#[must_use]
pub fn energy(logits: &[f64]) -> f64 {
    let max = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    max + logits.iter().map(|logit| (logit - max).exp()).sum::<f64>().ln()
}

/// The energy that a share of these is below.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
#[must_use]
pub fn fit_floor(energies: &[f64], share: f64) -> f64 {
    let mut sorted = energies.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((share * sorted.len() as f64) as usize).copied().unwrap_or(f64::MIN)
}

/// Answers of all classes that count beside a class's own, because one class has few.
const BORROWED: f64 = 8.0;

/// For each class the lowest confidence seen at which the answers that name it are right at least as often as `precision`,
/// the precision of all classes at that confidence counting as [`BORROWED`] answers more. Confidences below all that were
/// seen are not trusted, even when every answer was right; a class that was never named has the threshold of all together.
pub(crate) fn fit_thresholds(answers: &[(usize, f32, bool)], classes: usize, precision: f64) -> Vec<f32> {
    let mut sorted: Vec<(usize, f32, bool)> = answers.to_vec();
    sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (mut all, mut own) = ((0.0, 0.0), vec![(0.0, 0.0); classes]);
    let (mut pooled, mut thresholds) = (ALWAYS_ABSTAIN, vec![None; classes]);
    for group in sorted.chunk_by(|a, b| a.1 == b.1) {
        for &(class, _, right) in group {
            for (seen, hits) in [&mut all, &mut own[class]] {
                *seen += 1.0;
                *hits += f64::from(u8::from(right));
            }
        }
        let general = all.1 / all.0;
        if general >= precision {
            pooled = group[0].1;
        }
        for &(class, confidence, _) in group {
            let (seen, hits) = own[class];
            let holds = (hits + BORROWED * general) / (seen + BORROWED) >= precision;
            let threshold = thresholds[class].get_or_insert(ALWAYS_ABSTAIN);
            if holds {
                *threshold = confidence;
            }
        }
    }
    thresholds.into_iter().map(|own| own.unwrap_or(pooled)).collect()
}
