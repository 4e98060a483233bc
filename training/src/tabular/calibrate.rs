//! Turning a score into a probability that can be believed.
//!
//! Purpose: map the logits of a learner to probabilities by the identity, Platt scaling (Platt 1999, with his smoothed
//! targets), beta calibration (Kull et al. 2017: another slope for the low than for the high probabilities) or isotonic
//! regression (pool adjacent violators, Ayer et al. 1955), whichever loses least on rows that it was not fitted on.
//!
//! Guarantees: every map is non-decreasing and total, and stays strictly between 0 and 1; it serialises exactly.
//!
//! Non-goals: linfa's versions. Its isotonic regression gives wrong values (0.8.1) and its Platt scaling cannot be
//! stored.

use serde::{Deserialize, Serialize};

use super::metrics::MetricError;

/// Fewest rows for Platt scaling to be tried.
const PLATT_ROWS_MIN: usize = 40;
/// Fewest rows for isotonic regression to be tried: it has many more degrees of freedom.
const ISOTONIC_ROWS_MIN: usize = 400;
/// By which share of the way to its neighbours a block of isotonic regression rises from end to end.
const TILT: f64 = 0.05;
/// A probability never comes closer to 0 or 1 than this.
pub(crate) const PROBABILITY_MIN: f64 = 1e-9;
/// Newton steps of Platt scaling; it needs about ten.
const NEWTON_STEPS: usize = 100;
/// Parts of the calibration rows, in time order; each in turn is held out.
const PARTS: usize = 5;

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
    /// The logistic function of `low · ln s − high · ln(1 − s) + offset`, where `s` is that of the logit.
    Beta {
        /// The slope where the bad outcome is unlikely; not negative.
        low: f64,
        /// The slope where it is likely; not negative.
        high: f64,
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
            Calibration::Beta { low, high, offset } => {
                let [below, above] = sides(logit);
                sigmoid(low * below + high * above + offset)
            }
            Calibration::Isotonic { logits, probabilities } => interpolate(logits, probabilities, logit),
        };
        probability.clamp(PROBABILITY_MIN, 1.0 - PROBABILITY_MIN)
    }

    /// The name of the method.
    pub fn name(&self) -> &'static str {
        match self {
            Calibration::Identity => "identity",
            Calibration::Platt { .. } => "platt",
            Calibration::Beta { .. } => "beta",
            Calibration::Isotonic { .. } => "isotonic",
        }
    }

    /// The method that [`Calibration::compare`] chooses.
    ///
    /// # Errors
    /// [`MetricError`] when there are no rows or not one label for each.
    pub fn choose(logits: &[f64], labels: &[bool]) -> Result<Calibration, MetricError> {
        Ok(Calibration::compare(logits, labels)?.calibration)
    }

    /// Chooses among the methods. The rows, in time order, are cut into five parts; each part is scored by maps fitted on
    /// the other four, so that a method with many degrees of freedom gains nothing by following its own rows, and the
    /// best is fitted again on all. The simpler method wins a tie, and isotonic regression, whose steps are noise where
    /// rows are few, has to win by more than a standard error.
    ///
    /// # Errors
    /// [`MetricError`] when there are no rows or not one label for each.
    pub fn compare(logits: &[f64], labels: &[bool]) -> Result<Choice, MetricError> {
        if logits.is_empty() || logits.len() != labels.len() {
            return Err(MetricError::Length { scores: logits.len(), labels: labels.len() });
        }
        type Fit = fn(&[f64], &[bool]) -> Option<Calibration>;
        let methods: [(&str, Fit, f64); 4] = [
            ("identity", |_, _| Some(Calibration::Identity), 0.0),
            ("platt", Calibration::platt, 0.0),
            ("beta", Calibration::beta, 0.0),
            ("isotonic", Calibration::isotonic, 1.0),
        ];
        let mut best = Choice { calibration: Calibration::Identity, losses: Vec::new() };
        let mut best_rows: Option<Vec<f64>> = None;
        for (name, fit, errors) in methods {
            let Some(rows) = losses_held_out(logits, labels, fit) else { continue };
            best.losses.push((name.to_owned(), mean(rows.iter().copied())));
            let wins = best_rows.as_ref().is_none_or(|best| gain(best, &rows) > errors * gain_error(best, &rows));
            if wins && let Some(calibration) = fit(logits, labels) {
                best.calibration = calibration;
                best_rows = Some(rows);
            }
        }
        Ok(best)
    }

    /// Platt scaling by damped Newton steps; `None` with too few rows, one outcome only, or a slope that is not
    /// positive.
    pub fn platt(logits: &[f64], labels: &[bool]) -> Option<Calibration> {
        let targets = targets(logits, labels)?;
        let rows: Vec<([f64; 2], f64)> = logits.iter().zip(targets).map(|(&x, target)| ([x, 1.0], target)).collect();
        let [slope, offset] = newton(&rows, [1.0, 0.0])?;
        (slope > 0.0).then_some(Calibration::Platt { slope, offset })
    }

    /// Beta calibration by damped Newton steps; a slope that would be negative is zero. `None` with too few rows, one
    /// outcome only, or no positive slope.
    pub fn beta(logits: &[f64], labels: &[bool]) -> Option<Calibration> {
        let targets = targets(logits, labels)?;
        let sides: Vec<([f64; 2], f64)> = logits.iter().map(|&x| sides(x)).zip(targets).collect();
        let rows: Vec<([f64; 3], f64)> = sides.iter().map(|([low, high], t)| ([*low, *high, 1.0], *t)).collect();
        let [low, high, offset] = newton(&rows, [1.0, 1.0, 0.0])?;
        if low >= 0.0 && high >= 0.0 {
            return (low + high > 0.0).then_some(Calibration::Beta { low, high, offset });
        }
        let kept = usize::from(low < 0.0);
        let rows: Vec<([f64; 2], f64)> = sides.iter().map(|(sides, t)| ([sides[kept], 1.0], *t)).collect();
        let [slope, offset] = newton(&rows, [1.0, 0.0])?;
        let [low, high] = if kept == 0 { [slope, 0.0] } else { [0.0, slope] };
        (slope > 0.0).then_some(Calibration::Beta { low, high, offset })
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
        let mut blocks: Vec<[f64; 3]> = Vec::new();
        let mut start = 0;
        for block in fitted.chunk_by(|a, b| a == b) {
            let end = start + block.len();
            blocks.push([*xs.get(start)?, *xs.get(end - 1)?, block.first()?.clamp(clip, 1.0 - clip)]);
            start = end;
        }
        let (mut knots, mut probabilities) = (vec![], vec![]);
        for (at, [first, last, p]) in blocks.iter().enumerate() {
            let of = |at: Option<usize>| at.and_then(|at| blocks.get(at)).map_or(*p, |block| block[2]);
            let (below, above) = (of(at.checked_sub(1)), of(Some(at + 1)));
            // All but level within a block, and a line only over the gap to the next: lines between the blocks' middles
            // would smear the steps of cases that are all but certain. The tilt keeps the learner's order.
            let sides = [(first, p - TILT * (p - below)), (last, p + TILT * (above - p))];
            for (x, p) in if first < last { sides.to_vec() } else { vec![(first, *p)] } {
                knots.push(*x);
                probabilities.push(p);
            }
        }
        Some(Calibration::Isotonic { logits: knots, probabilities })
    }

    /// Whether it is a non-decreasing map of finite numbers.
    pub(crate) fn is_sound(&self) -> bool {
        match self {
            Calibration::Identity => true,
            Calibration::Platt { slope, offset } => slope.is_finite() && *slope > 0.0 && offset.is_finite(),
            Calibration::Beta { low, high, offset } => {
                [low, high, offset].iter().all(|number| number.is_finite())
                    && *low >= 0.0
                    && *high >= 0.0
                    && low + high > 0.0
            }
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

/// What was chosen, and what each method that could be fitted lost on rows held out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The map, fitted on all rows.
    pub calibration: Calibration,
    /// Name and mean log loss, the simplest method first.
    pub losses: Vec<(String, f64)>,
}

/// The log loss of every row under a map fitted on the other parts; `None` when it cannot be fitted on some.
fn losses_held_out(
    logits: &[f64],
    labels: &[bool],
    fit: fn(&[f64], &[bool]) -> Option<Calibration>,
) -> Option<Vec<f64>> {
    let mut losses = Vec::with_capacity(logits.len());
    for part in 0..PARTS {
        let [from, to] = [part, part + 1].map(|part| part * logits.len() / PARTS);
        let map = fit(
            &[logits.get(..from)?, logits.get(to..)?].concat(),
            &[labels.get(..from)?, labels.get(to..)?].concat(),
        )?;
        losses.extend(logits.get(from..to)?.iter().zip(labels.get(from..to)?).map(|(&logit, &label)| {
            let p = map.apply(logit);
            if label { -p.ln() } else { -(-p).ln_1p() }
        }));
    }
    Some(losses)
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let rows = values.len() as f64;
    values.sum::<f64>() / rows
}

/// How much less `other` loses than `best`, per row.
fn gain(best: &[f64], other: &[f64]) -> f64 {
    mean(best.iter().zip(other).map(|(best, other)| best - other))
}

/// The standard error of [`gain`].
fn gain_error(best: &[f64], other: &[f64]) -> f64 {
    let gain = gain(best, other);
    let spread = mean(best.iter().zip(other).map(|(best, other)| (best - other - gain).powi(2)));
    (spread / best.len() as f64).sqrt()
}

/// Platt's smoothed targets; `None` with too few rows, not one label for each, or one outcome only.
fn targets(logits: &[f64], labels: &[bool]) -> Option<Vec<f64>> {
    let bad = labels.iter().filter(|label| **label).count();
    if logits.len() < PLATT_ROWS_MIN || logits.len() != labels.len() || bad == 0 || bad == labels.len() {
        return None;
    }
    let (bad, good) = (bad as f64, (labels.len() - bad) as f64);
    let (high, low) = ((bad + 1.0) / (bad + 2.0), 1.0 / (good + 2.0));
    Some(labels.iter().map(|&label| if label { high } else { low }).collect())
}

/// `ln s` and `−ln(1 − s)` of the logistic function `s` of a logit; both rise with it and sum to it.
fn sides(logit: f64) -> [f64; 2] {
    [-softplus(-logit), softplus(logit)]
}

fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
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

/// The weights that minimise the log loss of `(columns, target)` rows; `None` when the steps leave the finite numbers.
fn newton<const K: usize>(rows: &[([f64; K], f64)], start: [f64; K]) -> Option<[f64; K]> {
    let dot = |weights: &[f64; K], x: &[f64; K]| weights.iter().zip(x).map(|(weight, x)| weight * x).sum::<f64>();
    let loss = |weights: &[f64; K]| -> f64 {
        rows.iter().map(|(x, t)| (dot(weights, x), t)).map(|(z, t)| softplus(z) - t * z).sum()
    };
    let mut weights = start;
    let mut current = loss(&weights);
    for _ in 0..NEWTON_STEPS {
        // The curvature with the gradient as its last column.
        let mut system = vec![vec![0.0; K + 1]; K];
        for (x, t) in rows {
            let p = sigmoid(dot(&weights, x));
            for (line, xi) in system.iter_mut().zip(x) {
                let right = x.iter().map(|xj| p * (1.0 - p) * xi * xj).chain([(p - t) * xi]);
                line.iter_mut().zip(right).for_each(|(cell, value)| *cell += value);
            }
        }
        let step: [f64; K] = solve(system)?.try_into().ok()?;
        let at = |scale: f64| std::array::from_fn(|i| weights[i] - scale * step[i]);
        let mut scale = 1.0;
        let mut next = loss(&at(scale));
        while (next > current || next.is_nan()) && scale > 1e-6 {
            scale *= 0.5;
            next = loss(&at(scale));
        }
        if !next.is_finite() {
            return None;
        }
        weights = at(scale);
        if current - next < 1e-12 * rows.len() as f64 {
            break;
        }
        current = next;
    }
    weights.iter().all(|weight| weight.is_finite()).then_some(weights)
}

/// Solves a positive definite system, right-hand side last in each line, by elimination; a ridge keeps the pivots from
/// zero.
fn solve(mut system: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let size = system.len();
    for pivot in 0..size {
        let line = {
            let line = system.get_mut(pivot)?;
            *line.get_mut(pivot)? += 1e-9;
            line.clone()
        };
        for (index, other) in system.iter_mut().enumerate() {
            if index != pivot {
                let factor = other.get(pivot)? / line.get(pivot)?;
                other.iter_mut().zip(&line).for_each(|(cell, value)| *cell -= factor * value);
            }
        }
    }
    system.iter().enumerate().map(|(index, line)| Some(line.get(size)? / line.get(index)?)).collect()
}
