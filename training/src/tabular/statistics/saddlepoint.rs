//! Tails of sums by the saddlepoint method: nearly as good as counting, at any sample size.
//!
//! Purpose: [`sampled_sum`] is the permutation test of a linear rank statistic (the sum of the scores of the rows that a
//! batch happened to draw from the pool), [`outcomes_above`] the law of a weighted sum of independent outcomes with
//! given probabilities.
//!
//! Guarantees: relative error of a few per cent far beyond the reach of the normal law, with ties and skewed scores
//! (Lugannani and Rice 1980; Skovgaard 1987 and Booth and Butler 1990 for sampling without replacement); where the
//! equations cannot be solved, an exponential bound, which is too large and never too small.
//!
//! Non-goals: simulation.

use super::normal;

/// Newton steps; ten are usual.
const STEPS_MAX: usize = 80;
/// Deviations below which the normal law is as good and cheaper.
const NORMAL_BELOW: f64 = 1.5;

/// The two-sided probability that `drawn` rows, taken at random from the pool, have scores that sum at least as far
/// from expectation as `sum`. The pool is given as `(score, rows with it)`; the tail is doubled. Sums move in steps of
/// no less than the smallest difference of scores, and half of that is given away as a continuity correction.
pub fn sampled_sum(pool: &[(f64, usize)], drawn: usize, sum: f64) -> f64 {
    let rows: usize = pool.iter().map(|group| group.1).sum();
    if drawn == 0 || drawn >= rows {
        return 1.0;
    }
    let (total, taken) = (rows as f64, drawn as f64);
    let mean = pool.iter().map(|(score, count)| score * *count as f64).sum::<f64>() / total;
    let square = |score: f64| (score - mean) * (score - mean);
    let spread = (pool.iter().map(|(score, count)| square(*score) * *count as f64).sum::<f64>() / total).sqrt();
    if spread <= 0.0 || spread.is_nan() {
        return 1.0;
    }
    let off = (sum - taken * mean) / spread;
    let sign = if off < 0.0 { -1.0 } else { 1.0 };
    let groups: Vec<(f64, f64)> =
        pool.iter().map(|(score, count)| (sign * (score - mean) / spread, *count as f64)).collect();
    let reached = off.abs() - 0.5 * smallest_gap(&groups);
    let deviation = (taken * (total - taken) / (total - 1.0)).sqrt();
    if reached < NORMAL_BELOW * deviation {
        return normal::two_sided((reached / deviation).max(0.0));
    }
    let law = Drawn { groups: &groups, share: taken / total, taken };
    (2.0 * law.above(reached, total)).clamp(0.0, 1.0)
}

fn smallest_gap(groups: &[(f64, f64)]) -> f64 {
    let mut scores: Vec<f64> = groups.iter().map(|group| group.0).collect();
    scores.sort_by(f64::total_cmp);
    let gaps = scores.windows(2).filter_map(|pair| Some(pair.get(1)? - pair.first()?));
    gaps.filter(|gap| *gap > 1e-12).reduce(f64::min).unwrap_or(0.0)
}

/// Rows drawn without replacement, as independent draws given their number.
struct Drawn<'a> {
    groups: &'a [(f64, f64)],
    share: f64,
    taken: f64,
}

/// The cumulant function less its linear part, its gradient and its curvature at one point.
struct Cumulant {
    value: f64,
    gradient: [f64; 2],
    curvature: [f64; 3],
}

impl Drawn<'_> {
    fn at(&self, t: f64, u: f64, reached: f64) -> Cumulant {
        let (mut value, mut sum, mut count) = (-t * reached - u * self.taken, -reached, -self.taken);
        let mut curvature = [0.0; 3];
        let odds = (self.share / (1.0 - self.share)).ln();
        for &(score, rows) in self.groups {
            let z = odds + t * score + u;
            // ln(1 − share + share·eᶻ'), with the logistic function that does not overflow.
            value += rows * (z.max(0.0) + (-z.abs()).exp().ln_1p() + (1.0 - self.share).ln());
            let q = super::super::calibrate::sigmoid(z);
            let v = rows * q * (1.0 - q);
            sum += rows * q * score;
            count += rows * q;
            curvature[0] += v * score * score;
            curvature[1] += v * score;
            curvature[2] += v;
        }
        Cumulant { value, gradient: [sum, count], curvature }
    }

    /// The probability of a sum of `reached` or more.
    fn above(&self, reached: f64, total: f64) -> f64 {
        let spread = total * self.share * (1.0 - self.share);
        let (mut t, mut u) = (reached / spread, 0.0);
        let mut here = self.at(t, u, reached);
        for _ in 0..STEPS_MAX {
            let [tt, tu, uu] = here.curvature;
            let determinant = tt * uu - tu * tu;
            let [gt, gu] = here.gradient;
            if gt.abs() + gu.abs() < 1e-7 * self.taken && determinant > 0.0 {
                let w = (-2.0 * here.value).max(0.0).sqrt();
                let v = t * (determinant / spread).sqrt();
                return lugannani_rice(w, v);
            }
            let (dt, du) = ((uu * gt - tu * gu) / determinant, (tt * gu - tu * gt) / determinant);
            if !(dt.is_finite() && du.is_finite()) {
                break;
            }
            let mut step = 1.0;
            let mut next = self.at(t - dt, u - du, reached);
            while (next.value > here.value + 1e-10 || next.value.is_nan()) && step > 1e-9 {
                step *= 0.5;
                next = self.at(t - step * dt, u - step * du, reached);
            }
            (t, u, here) = (t - step * dt, u - step * du, next);
        }
        // Markov's inequality on the exponential, given the number drawn.
        let number = (std::f64::consts::TAU * spread).sqrt() * 1.1;
        (here.value.exp() * number).clamp(0.0, 1.0)
    }
}

/// The upper tail from the signed root `w` and the scaled saddlepoint `v`.
fn lugannani_rice(w: f64, v: f64) -> f64 {
    if w < 1e-4 || v <= 0.0 || v.is_nan() {
        return normal::tail(w);
    }
    (normal::tail(w) - normal::density(w) * (1.0 / w - 1.0 / v)).clamp(0.0, 1.0)
}

/// The probability that the weighted outcomes exceed their expectation by `excess` or more. Each outcome is
/// `(probability, weight)`; `step` is the distance between possible sums, zero where they lie close.
pub fn outcomes_above(outcomes: &[(f64, f64)], excess: f64, step: f64) -> f64 {
    let variance: f64 = outcomes.iter().map(|(p, weight)| p * (1.0 - p) * weight * weight).sum();
    let reached = excess - 0.5 * step;
    if variance <= 0.0 || variance.is_nan() {
        return if reached > 0.0 { 0.0 } else { 1.0 };
    }
    let deviation = variance.sqrt();
    if reached < NORMAL_BELOW * deviation {
        return normal::tail(reached / deviation);
    }
    let mut t = reached / variance;
    let mut here = cumulant(outcomes, t, reached);
    for _ in 0..STEPS_MAX {
        let [value, slope, curve] = here;
        if slope.abs() < 1e-7 * deviation && curve > 0.0 {
            // Daniels' (1987) second continuity correction.
            let scaled = if step > 0.0 { 2.0 * (0.5 * t * step).sinh() / step } else { t };
            return lugannani_rice((-2.0 * value).max(0.0).sqrt(), scaled * curve.sqrt());
        }
        let newton = slope / curve;
        if !newton.is_finite() {
            break;
        }
        let mut scale = 1.0;
        let mut next = cumulant(outcomes, t - newton, reached);
        while (next[0] > value + 1e-10 || next[0].is_nan()) && scale > 1e-9 {
            scale *= 0.5;
            next = cumulant(outcomes, t - scale * newton, reached);
        }
        (t, here) = (t - scale * newton, next);
    }
    here[0].exp().clamp(0.0, 1.0)
}

/// The cumulant function of the excess less `t · reached`, with its first two derivatives.
fn cumulant(outcomes: &[(f64, f64)], t: f64, reached: f64) -> [f64; 3] {
    let mut result = [-t * reached, -reached, 0.0];
    for &(p, weight) in outcomes {
        if !(p > 0.0 && p < 1.0) {
            continue;
        }
        let odds = (p / (1.0 - p)).ln() + t * weight;
        let q = super::super::calibrate::sigmoid(odds);
        result[0] += odds.max(0.0) + (-odds.abs()).exp().ln_1p() + (-p).ln_1p() - t * weight * p;
        result[1] += weight * (q - p);
        result[2] += weight * weight * q * (1.0 - q);
    }
    result
}
