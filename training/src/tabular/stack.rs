//! Which learners to keep, and how much of each.
//!
//! Purpose: keep the best of each family that is about as good as the best of all, in equal parts, and then the best of
//! any further family with which the mixture loses less (Caruana et al. 2004). Members of different families err
//! differently, so their mean loses less than any of them; and weights fitted to a few folds do worse than equal ones (the
//! forecast combination puzzle, Stock and Watson 2004, Claeskens et al. 2016).
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
/// How far a level is looked for, in logits.
const LEVEL_MAX: f64 = 20.0;
/// Newton steps of an alignment, and halvings of a level's range.
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

/// What must be added to `logits` so that their mean probability under `calibration` is `rate`. Before the map it would not
/// do: what the map takes from the surer half it does not give to the other.
pub(crate) fn level(logits: &[f64], rate: f64, calibration: &Calibration) -> f64 {
    let mean = |offset: f64| {
        logits.iter().map(|logit| calibration.apply(logit + offset)).sum::<f64>() / logits.len().max(1) as f64
    };
    let (mut low, mut high) = (-LEVEL_MAX, LEVEL_MAX);
    for _ in 0..STEPS {
        let middle = 0.5 * (low + high);
        if mean(middle) < rate { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The weight of each candidate, by what each of them lost ([`shaped_loss`] on `labels`) and the family of each.
pub(crate) fn select<F: Ord>(candidates: &[Aligned], losses: &[f64], families: &[F], labels: &[bool]) -> Vec<f64> {
    let mut best: BTreeMap<&F, (f64, usize)> = BTreeMap::new();
    for (at, (&loss, family)) in losses.iter().zip(families).enumerate() {
        if best.get(family).is_none_or(|(least, _)| loss < *least) {
            best.insert(family, (loss, at));
        }
    }
    let mut by_loss: Vec<(f64, usize)> = best.into_values().collect();
    by_loss.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let least = by_loss.first().map_or(f64::INFINITY, |(loss, _)| *loss);
    let mut weights = vec![0.0; candidates.len()];
    let mut kept: Vec<usize> = Vec::new();
    for (loss, at) in by_loss {
        let with: Vec<usize> = kept.iter().copied().chain([at]).collect();
        let about_as_good = loss <= least * (1.0 + TOLERANCE);
        if about_as_good || mixed_loss(candidates, &with, labels) < mixed_loss(candidates, &kept, labels) {
            kept = with;
        }
    }
    kept.iter().for_each(|at| weights[*at] = 1.0 / kept.len() as f64);
    weights
}

/// What equal parts of some candidates lose together.
fn mixed_loss(candidates: &[Aligned], of: &[usize], labels: &[bool]) -> f64 {
    let mut weights = vec![0.0; candidates.len()];
    of.iter().for_each(|at| weights[*at] = 1.0 / of.len() as f64);
    shaped_loss(&mix(candidates, &weights), labels)
}

/// The logits of a mixture on all folds.
pub(crate) fn mix(candidates: &[Aligned], weights: &[f64]) -> Vec<f64> {
    let mut mixed = vec![0.0; candidates.first().map_or(0, |first| first.logits.len())];
    for (aligned, weight) in candidates.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
        mixed.iter_mut().zip(&aligned.logits).for_each(|(sum, logit)| *sum += weight * logit);
    }
    mixed
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
