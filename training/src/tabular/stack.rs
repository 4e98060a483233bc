//! Which learners to keep, and how much of each.
//!
//! Purpose: keep the best of each family that is about as good as the best of all, in equal parts. Members of different
//! families err differently, so their mean loses less than any of them; and weights fitted to a few folds do worse than
//! equal ones (the forecast combination puzzle, Stock and Watson 2004, Claeskens et al. 2016).
//!
//! Guarantees: weights are not negative and sum to 1; the mixture loses on the folds at most [`TOLERANCE`] more than the
//! best single learner (the loss is convex in the logit); the first of equals wins.
//!
//! Before they are compared, the logits of a learner are *aligned*: one slope, because a learner that follows its rows too
//! closely is too sure of itself, and one level for each forward fold, because how far the rate of bad outcomes moved
//! after a fold's last known row says nothing of the learner, nor of how far it will move next.
//!
//! Non-goals: calibration of the mixture.

use std::collections::BTreeMap;

use super::calibrate::{Calibration, PROBABILITY_MIN, sigmoid};

/// By which share of the least loss the best of a family may lose more and still take part.
const TOLERANCE: f64 = 0.01;
/// Newton steps of an alignment.
const STEPS: usize = 50;
/// Prior precision of a fold's level and of the slope's distance from 1, in pseudo rows.
const PRIOR: f64 = 1.0;

/// A learner's logits on all folds, made comparable.
pub(crate) struct Aligned {
    /// What the logits are multiplied with; not negative.
    pub(crate) slope: f64,
    /// `slope` times the logit plus the fold's level, for each row.
    pub(crate) logits: Vec<f64>,
}

/// Fits slope and levels by Newton steps on one of them after the other, which ends at the minimum of this convex loss.
/// `sizes` are the rows of each fold.
pub(crate) fn align(logits: &[f64], labels: &[bool], sizes: &[usize]) -> Aligned {
    let fold_of: Vec<usize> = sizes.iter().enumerate().flat_map(|(fold, size)| vec![fold; *size]).collect();
    let (mut slope, mut levels) = (1.0, vec![0.0; sizes.len()]);
    for _ in 0..STEPS {
        let before = slope;
        let mut of_levels = vec![(0.0, PRIOR); sizes.len()];
        for ((logit, label), fold) in logits.iter().zip(labels).zip(&fold_of) {
            let p = sigmoid(slope * logit + levels[*fold]);
            of_levels[*fold].0 += p - f64::from(u8::from(*label));
            of_levels[*fold].1 += p * (1.0 - p);
        }
        for (level, (gradient, curvature)) in levels.iter_mut().zip(of_levels) {
            *level -= ((gradient + PRIOR * *level) / curvature).clamp(-1.0, 1.0);
        }
        let (mut gradient, mut curvature) = (PRIOR * (slope - 1.0), PRIOR);
        for ((logit, label), fold) in logits.iter().zip(labels).zip(&fold_of) {
            let p = sigmoid(slope * logit + levels[*fold]);
            gradient += (p - f64::from(u8::from(*label))) * logit;
            curvature += p * (1.0 - p) * logit * logit;
        }
        slope = (slope - (gradient / curvature).clamp(-0.5, 0.5)).max(0.0);
        if (slope - before).abs() < 1e-9 {
            break;
        }
    }
    Aligned { slope, logits: logits.iter().zip(&fold_of).map(|(logit, fold)| slope * logit + levels[*fold]).collect() }
}

/// What must be added to `logits` so that their mean probability is `rate`.
pub(crate) fn level(logits: &[f64], rate: f64) -> f64 {
    let mut offset = 0.0;
    for _ in 0..STEPS {
        let (mut gap, mut curvature) = (-rate * logits.len() as f64, 1e-9);
        for logit in logits {
            let p = sigmoid(logit + offset);
            gap += p;
            curvature += p * (1.0 - p);
        }
        let step: f64 = gap / curvature;
        offset -= step.clamp(-1.0, 1.0);
        if step.abs() < 1e-12 {
            break;
        }
    }
    offset
}

/// The weight of each candidate, by what each of them lost ([`shaped_loss`], on the same rows) and the family of each.
pub(crate) fn select<F: Ord>(losses: &[f64], families: &[F]) -> Vec<f64> {
    let mut best: BTreeMap<&F, (f64, usize)> = BTreeMap::new();
    for (at, (&loss, family)) in losses.iter().zip(families).enumerate() {
        if best.get(family).is_none_or(|(least, _)| loss < *least) {
            best.insert(family, (loss, at));
        }
    }
    let least = best.values().map(|(loss, _)| *loss).fold(f64::INFINITY, f64::min);
    best.retain(|_, (loss, _)| *loss <= least * (1.0 + TOLERANCE));
    let mut weights = vec![0.0; losses.len()];
    best.values().for_each(|(_, at)| weights[*at] = 1.0 / best.len() as f64);
    weights
}

/// The mean log loss after the best rising map to probabilities: the shape is calibration's to mend.
pub(crate) fn shaped_loss(logits: &[f64], labels: &[bool]) -> f64 {
    match Calibration::isotonic(logits, labels) {
        Some(map) => mean_loss(logits.iter().map(|logit| map.apply(*logit)), labels),
        None => mean_loss(logits.iter().map(|logit| Calibration::Identity.apply(*logit)), labels),
    }
}

fn mean_loss(probabilities: impl Iterator<Item = f64>, labels: &[bool]) -> f64 {
    let loss = |(p, &label): (f64, &bool)| -(if label { p } else { 1.0 - p }).max(PROBABILITY_MIN).ln();
    probabilities.zip(labels).map(loss).sum::<f64>() / labels.len().max(1) as f64
}
