//! Intervals that find their coverage again when the world changes.
//!
//! Purpose: after each outcome, move each end of the next interval a little: outwards when it failed, inwards when it
//! held (adaptive conformal inference, Gibbs and Candès 2021, on the margins themselves as the quantile tracker of
//! Angelopoulos, Candès and Tibshirani 2023). Two layers: one for all segments, which hears of a shift first and mixes
//! several step sizes by how well each has done lately (Gibbs and Candès 2024), and one for each segment on top, which
//! corrects what is special to it.
//!
//! Guarantees: no assumption on the data. A segment's layer has one fixed step and judges the interval as it is, so the
//! share of failures of each end in a segment tends to what was promised, with an error of at most
//! `(B + step) / (step · T)` after `T` outcomes whose scores stay within `B` widths. The state is small (a few numbers
//! for each segment), serialisable, and a function of the outcomes in their order.
//!
//! Non-goals: knowing when an outcome belongs to which interval. Outcomes that arrive late are judged by the margins in
//! force when they arrive, so nothing has to be kept for open cases. (A case that is still open beyond its upper end has
//! failed it already: observe the time so far at once, and not again when it closes. That way the late ones are not heard
//! of last.)

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Conformal, Interval, scores};

/// Step sizes of the layer for all segments, in predicted widths.
const STEPS: [f64; 4] = [0.003, 0.01, 0.03, 0.1];
/// The step of a segment's layer.
const SEGMENT_STEP: f64 = 0.03;
/// How fast the mixture follows the better step size.
const RATE: f64 = 3.0;
/// Share of the mixture that is dealt out evenly after each outcome, so that no step size is ever out of reach.
const EVEN_SHARE: f64 = 0.01;

/// One end's correction for all segments: a mixture of trackers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Mixture {
    offsets: [f64; 4],
    weights: [f64; 4],
}

impl Mixture {
    fn new() -> Mixture {
        Mixture { offsets: [0.0; 4], weights: [0.25; 4] }
    }

    fn offset(&self) -> f64 {
        self.offsets.iter().zip(&self.weights).map(|(offset, weight)| offset * weight).sum()
    }

    /// Learns from how far the outcome lay beyond the margin without correction.
    fn update(&mut self, beyond: f64, failures: f64) {
        for (offset, (weight, step)) in self.offsets.iter_mut().zip(self.weights.iter_mut().zip(STEPS)) {
            let error = beyond - *offset;
            let pinball = if error > 0.0 { (1.0 - failures) * error } else { -failures * error };
            // Bounded, so that one wild outcome does not decide the mixture.
            *weight *= (-RATE * pinball.min(1.0)).exp();
            *offset += tracked(error, failures, step);
        }
        let sum: f64 = self.weights.iter().sum();
        for weight in &mut self.weights {
            *weight = (1.0 - EVEN_SHARE) * *weight / sum + EVEN_SHARE / 4.0;
        }
    }
}

/// The step of a quantile tracker after an outcome `error` beyond its margin.
fn tracked(error: f64, failures: f64, step: f64) -> f64 {
    if error > 0.0 { step * (1.0 - failures) } else { -step * failures }
}

/// Calibrated margins and what was learned since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adaptive {
    conformal: Conformal,
    everywhere: [Mixture; 2],
    segments: BTreeMap<String, [f64; 2]>,
}

impl Adaptive {
    /// Starts from split-conformal margins.
    pub fn new(conformal: Conformal) -> Adaptive {
        Adaptive { conformal, everywhere: [Mixture::new(), Mixture::new()], segments: BTreeMap::new() }
    }

    /// The interval for a case with the quantile prediction `prediction`, in `segment`, as of the outcomes so far.
    pub fn interval(&self, prediction: Interval, segment: &str) -> Interval {
        self.conformal.widened(prediction, self.margins(segment))
    }

    /// Learns from an outcome. A prediction or outcome that is not finite is passed over.
    pub fn observe(&mut self, prediction: Interval, segment: &str, outcome: f64) {
        if !(prediction.low + prediction.high + outcome).is_finite() {
            return;
        }
        let failures = 0.5 * (1.0 - self.conformal.coverage);
        let scores = scores(prediction, outcome, self.conformal.width_min);
        let margins = self.margins(segment);
        let calibrated = self.conformal.margins(segment);
        if !self.segments.contains_key(segment) {
            self.segments.insert(segment.to_owned(), [0.0; 2]);
        }
        let own = self.segments.get_mut(segment).into_iter().flatten();
        let sides = self.everywhere.iter_mut().zip(own).zip(scores.into_iter().zip(margins));
        for (((mixture, own), (score, margin)), calibrated) in sides.zip([calibrated.low, calibrated.high]) {
            mixture.update(score - calibrated, failures);
            *own += tracked(score - margin, failures, SEGMENT_STEP);
        }
    }

    /// The split-conformal margins that this began with.
    pub fn conformal(&self) -> &Conformal {
        &self.conformal
    }

    /// The margins in force for `segment`, in predicted widths: what [`Conformal::widened`] takes.
    pub fn margins(&self, segment: &str) -> [f64; 2] {
        let calibrated = self.conformal.margins(segment);
        let [low, high] = self.segments.get(segment).copied().unwrap_or_default();
        let [below, above] = [0, 1].map(|side| self.everywhere.get(side).map_or(0.0, Mixture::offset));
        [calibrated.low + below + low, calibrated.high + above + high]
    }
}
