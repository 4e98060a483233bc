//! What is expected of each action on a case: learned, else believed, and moved by the nearest resolved cases.
//!
//! Method: a probability of a miss counts as [`BELIEF_CASES`] cases, and as the resolved cases of its pair of category and
//! action where it was learned from them; the nearest cases with the same action count one each. So evidence counts while
//! data is thin and fades as the model learns. Rates carry over between cases of different size, amounts do not: the mean
//! cost of the nearest cases is shown and moves nothing.
//!
//! Guarantees: pure; a score's terms sum to its cost. Non-goals: order, see `rank`; whether to recommend, see `recommend`.

use jiff::Timestamp;

use super::rank::{Basis, Known, can_miss, relief};
use crate::domain::action::{ActionKind, Candidate, EffectPrior, Score, ScoreBasis};
use crate::domain::case::Category;
use crate::domain::decision::Evidence;
use crate::domain::outcome::{Offer, Stakes};
use crate::flow::assess::features::SCHEMA_VERSION;
use crate::flow::facts::Facts;
use crate::ports::tabular::{Effect, EffectCase};

/// What a probability is worth in resolved cases before any.
const BELIEF_CASES: f64 = 20.0;

/// What is expected of one action.
#[derive(Clone, Copy)]
struct Outlook {
    miss: f64,
    /// Beside people's minutes.
    residual: f64,
    deviation: f64,
    support: usize,
    basis: ScoreBasis,
}

/// What is expected of each offer of a case.
pub(super) struct Outlooks {
    /// Whether the effect model said it, or the catalogue.
    pub(super) learned: bool,
    all: Vec<(ActionKind, Outlook)>,
    penalty: f64,
    now: Timestamp,
}

impl Outlooks {
    /// `said` is the probability of a miss as the case stands.
    pub(super) fn of(
        basis: &Basis<'_>,
        category: Category,
        stakes: &Stakes,
        (facts, known): (&Facts, Known<'_>),
        said: f64,
    ) -> Self {
        let evidence = known.evidence.filter(|_| can_miss(facts));
        let learned = known.features.filter(|_| can_miss(facts)).and_then(|features| {
            let case = EffectCase { category, features, stakes };
            basis.effect.as_ref()?.effects(SCHEMA_VERSION, &case)
        });
        let outlook = |(at, offer): (usize, &Offer)| {
            let outlook = match learned.as_ref().and_then(|effects| effects.get(at)) {
                Some(effect) => self::learned(*effect),
                None => believed(basis.catalogue.entry(offer.action).spec.prior, offer, said, stakes.penalty),
            };
            (offer.action, outlook.moved(offer.action, evidence))
        };
        let all = stakes.offers.iter().enumerate().map(outlook).collect();
        Self { learned: learned.is_some(), all, penalty: stakes.penalty, now: facts.now }
    }

    fn get(&self, action: ActionKind) -> Option<Outlook> {
        self.all.iter().find(|(known, _)| *known == action).map(|(_, outlook)| *outlook)
    }

    /// The terms of an allowed candidate.
    pub(super) fn score(&self, basis: &Basis<'_>, candidate: &Candidate, offer: &Offer) -> Score {
        let nothing = Outlook { miss: 0.0, residual: 0.0, deviation: 0.0, support: 0, basis: ScoreBasis::Believed };
        let mut outlook = self.get(candidate.action).unwrap_or(nothing);
        let late = candidate.latest_useful_at.is_some_and(|latest| latest < self.now);
        if let Some(idle) = self.get(ActionKind::DoNothing).filter(|_| late) {
            (outlook.miss, outlook.deviation) = (idle.miss, idle.deviation);
        }
        let residual = basis.settings.minute_cost * offer.effort_min + outlook.residual;
        Score {
            quote: offer.quote,
            miss_probability: outlook.miss,
            penalty: self.penalty,
            residual,
            expected_cost: offer.quote + outlook.miss * self.penalty + residual,
            deviation: outlook.deviation,
            support: outlook.support as u64,
            basis: outlook.basis,
        }
    }
}

impl Outlook {
    #[expect(clippy::cast_precision_loss, reason = "counts of cases")]
    fn moved(self, action: ActionKind, evidence: Option<&Evidence>) -> Self {
        let Some(found) = evidence.and_then(|evidence| evidence.of(action)) else { return self };
        let (weight, count) = (BELIEF_CASES + self.support as f64, found.cases as f64);
        let miss = (weight * self.miss + count * (1.0 - found.on_time)) / (weight + count);
        Self { miss: miss.clamp(0.0, 1.0), ..self }
    }
}

fn learned(Effect { miss, residual, deviation, support }: Effect) -> Outlook {
    Outlook { miss: miss.clamp(0.0, 1.0), residual, deviation, support, basis: ScoreBasis::Learned }
}

/// A belief without cases: a Beta distribution with the prior's mean, worth its weight in cases.
fn believed(prior: EffectPrior, offer: &Offer, said: f64, penalty: f64) -> Outlook {
    let relief = relief(offer.action, prior.relief);
    let variance = (relief * (1.0 - relief) / (prior.weight + 1.0)).max(0.0);
    Outlook {
        miss: (said * (1.0 - relief)).clamp(0.0, 1.0),
        residual: offer.standing,
        deviation: said * variance.sqrt() * penalty,
        support: 0,
        basis: ScoreBasis::Believed,
    }
}
