//! From scores to a recommendation, or to a reason why there is none.
//!
//! Purpose: rank the open actions by expected cost plus half a deviation, say what the best one saves over the default
//! and per minute of an approver, and abstain where that number would be worth less than the evidence and the playbook.
//!
//! Guarantees: pure; every reason that applies is given, not only the first; the order is there even when abstaining, for
//! those who want to look.
//!
//! Non-goals: permissions and safety pins; the caller passes only what is allowed.

use serde::{Deserialize, Serialize};

use super::archive::Novelty;
use super::cost::Score;

/// When to trust a ranking.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChooseOptions {
    /// Deviations added to a cost before ranking: what is uncertain has to be cheaper.
    pub caution: f64,
    /// Fewest resolved cases of the best action in its category.
    pub support_min: usize,
    /// Deviations of the gain that the gain must exceed.
    pub gain_deviations: f64,
}

impl Default for ChooseOptions {
    /// Half a deviation of caution, 20 cases of support, a gain of one deviation.
    fn default() -> ChooseOptions {
        ChooseOptions { caution: 0.5, support_min: 20, gain_deviations: 1.0 }
    }
}

/// Why nothing is recommended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Abstention {
    /// Nothing may be done.
    #[error("no action is allowed")]
    NoAllowedAction,
    /// A feature that the ranking hangs on is not known.
    #[error("`{feature}` is not known")]
    MissingCritical {
        /// Its name.
        feature: String,
    },
    /// Nothing like it was resolved before.
    #[error("no resolved case is like it: the nearest lie {distance:.1} deviations off, usual are {usual:.1}")]
    Novel {
        /// Distance to the fifth-nearest.
        distance: f64,
        /// What is usual.
        usual: f64,
    },
    /// The best action was seldom tried.
    #[error("the best action was taken in {cases} resolved cases and {needed} are needed")]
    LittleSupport {
        /// Resolved cases.
        cases: usize,
        /// What is needed.
        needed: usize,
    },
    /// Too close to call.
    #[error("it would save {gain:.2}, which is within the noise of {noise:.2}")]
    GainInNoise {
        /// Expected saving over the default; money.
        gain: f64,
        /// Its deviation times what is asked for; money.
        noise: f64,
    },
}

/// A ranking of the open actions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Indices of the candidates, best first.
    pub order: Vec<usize>,
    /// What the best saves over the default, 0 or more; money.
    pub value: f64,
    /// The same per minute of an approver.
    pub value_per_minute: f64,
    /// Why it should not be followed; empty when it is a recommendation.
    pub abstentions: Vec<Abstention>,
}

impl Choice {
    /// The index of the recommended candidate; `None` when abstaining.
    pub fn recommended(&self) -> Option<usize> {
        self.order.first().copied().filter(|_| self.abstentions.is_empty())
    }
}

/// Ranks `scores`, one per candidate of a case. `default` is the index of the candidate that happens when nobody acts;
/// where it is not among the candidates, the dearest takes its place. `missing` are the names of critical features that
/// the case lacks, see [`super::case::Schema::missing_critical`].
pub fn choose(
    scores: &[Score],
    default: Option<usize>,
    novelty: Option<Novelty>,
    missing: Vec<String>,
    options: &ChooseOptions,
) -> Choice {
    let key = |score: &Score| score.cost + options.caution * score.deviation;
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].cost_order(&scores[b], key).then(a.cmp(&b)));
    let missing = missing.into_iter().map(|feature| Abstention::MissingCritical { feature });
    let mut abstentions: Vec<Abstention> = missing.collect();
    if let Some(Novelty { distance, usual }) = novelty.filter(|novelty| novelty.is_novel()) {
        abstentions.push(Abstention::Novel { distance, usual });
    }
    let Some(best) = order.first().and_then(|best| scores.get(*best)) else {
        abstentions.insert(0, Abstention::NoAllowedAction);
        return Choice { order, value: 0.0, value_per_minute: 0.0, abstentions };
    };
    if best.support < options.support_min {
        abstentions.push(Abstention::LittleSupport { cases: best.support, needed: options.support_min });
    }
    let base = default.and_then(|default| scores.get(default)).or(order.last().and_then(|last| scores.get(*last)));
    let gain = base.map_or(0.0, |base| base.cost - best.cost);
    let is_default = order.first().copied() == default;
    let noise = options.gain_deviations * base.map_or(0.0, |base| base.deviation.hypot(best.deviation));
    if !is_default && gain <= noise {
        abstentions.push(Abstention::GainInNoise { gain, noise });
    }
    let value = gain.max(0.0);
    Choice { order, value, value_per_minute: super::queue::per_minute(value, best.effort_minutes), abstentions }
}

impl Score {
    fn cost_order(&self, other: &Score, key: impl Fn(&Score) -> f64) -> std::cmp::Ordering {
        key(self).total_cmp(&key(other))
    }
}
