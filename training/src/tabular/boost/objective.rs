//! What is minimised: starting score, derivatives, loss and response of each objective.
//!
//! Guarantees: derivatives are computed row by row with arithmetic that does not depend on the platform's mathematical
//! library in the logistic and squared cases, so a model's bytes depend on data, settings and seed only.
//!
//! Non-goals: custom objectives.

use super::error::BoostError;

/// What the trees minimise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Objective {
    /// Log loss of targets from 0 to 1; the raw score is a logit.
    Logistic,
    /// Half the squared error; the raw score is the mean.
    Squared,
    /// Pinball loss at a level; the raw score is that quantile. Leaf values are quantiles of the residuals, as in
    /// Friedman 2001 for absolute error.
    Quantile {
        /// The share of targets that should lie below, strictly between 0 and 1.
        level: f64,
    },
    /// Tweedie deviance for targets of at least 0, many of them exactly 0; the raw score is the log of the mean.
    Tweedie {
        /// Power of the variance function, strictly between 1 (Poisson) and 2 (gamma).
        power: f64,
    },
}

/// First and second derivative of the loss at one row.
pub(crate) type Derivatives = [f32; 2];

/// Scores beyond this have probabilities that f32 cannot tell from 0 and 1.
const LOGIT_MAX: f32 = 87.0;

impl Objective {
    pub(crate) fn check(self) -> Result<(), BoostError> {
        let (name, value, ok, expected) = match self {
            Objective::Logistic | Objective::Squared => return Ok(()),
            Objective::Quantile { level } => ("level", level, level > 0.0 && level < 1.0, "a number between 0 and 1"),
            Objective::Tweedie { power } => ("power", power, power > 1.0 && power < 2.0, "a number between 1 and 2"),
        };
        if ok { Ok(()) } else { Err(BoostError::Setting { name, value, expected }) }
    }

    /// Whether a target can be used, and in words which can.
    pub(crate) fn accepts(self, target: f32) -> Result<(), &'static str> {
        let (ok, expected) = match self {
            Objective::Logistic => ((0.0..=1.0).contains(&target), "0 or 1, or a share between them"),
            Objective::Tweedie { .. } => (target.is_finite() && target >= 0.0, "a finite number of at least 0"),
            Objective::Squared | Objective::Quantile { .. } => (target.is_finite(), "a finite number"),
        };
        if ok { Ok(()) } else { Err(expected) }
    }

    /// The best constant score for weighted targets; the weights are not all 0.
    pub(crate) fn start(self, targets: &[f32], weights: Option<&[f32]>) -> f64 {
        if let Objective::Quantile { level } = self {
            let mut pairs: Vec<(f64, f64)> =
                targets.iter().enumerate().map(|(row, &y)| (f64::from(y), weight_of(weights, row))).collect();
            return quantile(&mut pairs, level);
        }
        let (mut sum, mut weight) = (0.0, 0.0);
        for (row, &target) in targets.iter().enumerate() {
            let w = weight_of(weights, row);
            sum += w * f64::from(target);
            weight += w;
        }
        let mean = sum / weight;
        match self {
            Objective::Logistic => (mean / (1.0 - mean)).ln(),
            // All targets 0: the lowest mean that still has a logarithm near the data.
            Objective::Tweedie { .. } => mean.max(1e-12).ln(),
            Objective::Squared | Objective::Quantile { .. } => mean,
        }
    }

    /// Fills `out` with the derivatives at `scores`; slices are of one length.
    pub(crate) fn derive(self, scores: &[f64], targets: &[f32], weights: Option<&[f32]>, out: &mut [Derivatives]) {
        let rows = out.iter_mut().zip(scores.iter().zip(targets));
        match self {
            Objective::Logistic => {
                for (d, (&score, &target)) in rows {
                    let p = 1.0 / (1.0 + exp(-score as f32));
                    *d = [p - target, p * (1.0 - p)];
                }
            }
            Objective::Squared => {
                for (d, (&score, &target)) in rows {
                    *d = [(score - f64::from(target)) as f32, 1.0];
                }
            }
            Objective::Quantile { level } => {
                for (d, (&score, &target)) in rows {
                    let above = if score >= f64::from(target) { 1.0 } else { 0.0 };
                    *d = [(above - level) as f32, 1.0];
                }
            }
            Objective::Tweedie { power } => {
                for (d, (&score, &target)) in rows {
                    let (a, b) = (1.0 - power, 2.0 - power);
                    let (low, high) = (f64::from(target) * (a * score).exp(), (b * score).exp());
                    *d = [(high - low) as f32, (b * high - a * low) as f32];
                }
            }
        }
        if let Some(weights) = weights {
            for (d, &w) in out.iter_mut().zip(weights) {
                *d = [d[0] * w, d[1] * w];
            }
        }
    }

    /// The loss of one row at its raw score.
    pub fn loss(self, raw: f64, target: f32) -> f64 {
        let y = f64::from(target);
        match self {
            // log(1 + e^raw) - y raw, without overflow.
            Objective::Logistic => raw.max(0.0) + (-raw.abs()).exp().ln_1p() - y * raw,
            Objective::Squared => 0.5 * (raw - y).powi(2),
            Objective::Quantile { level } => (y - raw) * if y >= raw { level } else { level - 1.0 },
            Objective::Tweedie { power } => {
                let (a, b) = (1.0 - power, 2.0 - power);
                (b * raw).exp() / b - y * (a * raw).exp() / a
            }
        }
    }

    /// The answer on the scale of the targets: a probability, a mean or a quantile.
    pub fn response(self, raw: f64) -> f64 {
        match self {
            Objective::Logistic => 1.0 / (1.0 + (-raw).exp()),
            Objective::Squared | Objective::Quantile { .. } => raw,
            Objective::Tweedie { .. } => raw.exp(),
        }
    }

    /// The level at which leaf values are quantiles of the residuals, for objectives whose second derivative is 0.
    pub(crate) fn leaf_level(self) -> Option<f64> {
        match self {
            Objective::Quantile { level } => Some(level),
            _ => None,
        }
    }
}

fn weight_of(weights: Option<&[f32]>, row: usize) -> f64 {
    weights.and_then(|w| w.get(row)).map_or(1.0, |w| f64::from(*w))
}

/// The lowest value below or at which at least `level` of the weight lies, of (value, weight) pairs; 0 of none.
pub(crate) fn quantile(pairs: &mut [(f64, f64)], level: f64) -> f64 {
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let wanted = level * pairs.iter().map(|pair| pair.1).sum::<f64>();
    let mut seen = 0.0;
    for &(value, weight) in pairs.iter() {
        seen += weight;
        if seen >= wanted && weight > 0.0 {
            return value;
        }
    }
    pairs.last().map_or(0.0, |pair| pair.0)
}

/// e^x to two units in the last place, clamped to the range of normal f32. Written out because the compiler can
/// vectorise it, and because its bits are the same everywhere.
fn exp(x: f32) -> f32 {
    // Adding 1.5 · 2^23 rounds to a whole number and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-LOGIT_MAX, LOGIT_MAX);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let r = (x - whole * LN_2_HIGH) - whole * LN_2_LOW;
    let p = 1.0 / 720.0;
    let p = p * r + 1.0 / 120.0;
    let p = p * r + 1.0 / 24.0;
    let p = p * r + 1.0 / 6.0;
    let p = p * r + 0.5;
    let p = p * r + 1.0;
    let p = p * r + 1.0;
    p * f32::from_bits((shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127)) << 23)
}
