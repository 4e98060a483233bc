//! Expected cost of each action on one case, and what intervening is worth.
//!
//! `C(a) = quote(a) + P(miss | x, a) · penalty(x) + residual(x, a)`, where
//! `P(miss | x, a) = P(miss | x) · (1 − relief(a))` with the relief of the effect model, else of the catalogue's prior;
//! `penalty(x)` is the value at stake times the share that the customer's tier loses on a missed date; and
//! `residual(x, a)` is the minutes that it takes and the harm of the condition itself while it stands:
//! `minute_cost · effort + standing(x) · (1 − relief(a))`. The last term is what drives categories in which the ship date
//! is not the point (a delayed invoice, a failed document): there `P(miss)` is 0 once the goods have shipped, and the
//! catalogue's `standing` says what a condition costs that nobody clears.
//!
//! Guarantees: pure and deterministic; ties fall in the order of kinds; `do_nothing` is scored like every other action and
//! relieves nothing; after its latest useful time an action relieves nothing of the miss risk; a poorly known effect is
//! held against an action by half a standard deviation. Non-goals: currencies are not converted between cases.

use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::prelude::ToPrimitive;

use super::candidates::{self, CaseView};
use super::catalogue::Catalogue;
use crate::domain::action::{ActionKind, Candidate, EffectPrior, Score};
use crate::domain::case::Category;
use crate::domain::decision::{Abstention, Fallback, RankedCase, Risk};
use crate::domain::ids::CaseId;
use crate::flow::Services;
use crate::flow::facts::Facts;
use crate::flow::services::Settings;
use crate::ports::tabular::{Effect, EffectModel};

/// Probability of a miss where no model could say; only the order of actions within one case rests on it.
pub const MISS_UNKNOWN: f64 = 0.25;

/// Share of a standard deviation that counts as cost.
const CAUTION: f64 = 0.5;

/// From this progress on (shipped) a ship date can no longer be missed.
const SHIPPED: u8 = 6;

/// What a ranking rests on beside the case.
#[derive(Clone)]
#[expect(missing_docs, reason = "names say it")]
pub struct Basis<'a> {
    pub catalogue: &'a Catalogue,
    pub effect: Option<Arc<dyn EffectModel>>,
    pub settings: &'a Settings,
}

impl<'a> Basis<'a> {
    /// What serves now.
    #[must_use]
    pub fn of(services: &'a Services) -> Self {
        Self { catalogue: &services.catalogue, effect: services.models.effect.get(), settings: &services.settings }
    }
}

/// Which case is ranked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "names say it")]
pub struct Subject {
    pub case_id: Option<CaseId>,
    pub reference: Option<String>,
    pub category: Category,
    pub due_at: Option<Timestamp>,
}

/// Whether the line, or any line of the order, can still miss its ship date.
#[must_use]
pub fn can_miss(facts: &Facts) -> bool {
    facts.line.as_ref().map_or(facts.order.open_lines > 0, |line| line.open && line.progress < SHIPPED)
}

/// Candidates of a case by expected cost; `risk` is the reason in words where no model could say.
#[must_use]
pub fn rank(basis: &Basis<'_>, subject: &Subject, facts: &Facts, risk: Result<Risk, Abstention>) -> RankedCase {
    let view = CaseView { category: subject.category, due_at: subject.due_at };
    let (risk, abstained) = match risk {
        Ok(risk) => (Some(still_to_ship(risk, facts)), None),
        Err(abstained) => (None, Some(abstained)),
    };
    let fallback = abstained.as_ref().and_then(|a| a.fallback.as_ref()).filter(|_| can_miss(facts));
    let stakes = Stakes::of(basis, subject.category, facts, (risk.as_ref(), fallback));
    let mut actions = candidates::of(basis.catalogue, facts, &view);
    for candidate in actions.iter_mut().filter(|c| c.refused.is_empty()) {
        candidate.score = Some(stakes.score(basis, candidate, facts.now));
    }
    actions
        .sort_by(|a, b| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal).then(a.action.cmp(&b.action)));
    let best = actions.first();
    let cost = |candidate: Option<&Candidate>| candidate.and_then(|c| c.score).map_or(0.0, |s| s.expected_cost);
    let idle = actions.iter().find(|c| c.action == ActionKind::DoNothing);
    let value = (cost(idle) - cost(best)).max(0.0);
    let effort_min = best.map_or(1.0, |c| basis.catalogue.entry(c.action).spec.effort_min).max(1.0);
    RankedCase {
        case_id: subject.case_id,
        reference: subject.reference.clone(),
        category: subject.category,
        order_id: Some(facts.order.order_id.clone()),
        line_no: facts.line.as_ref().map(|line| line.line_no),
        at_stake: candidates::at_stake(facts),
        latest_useful_at: best.and_then(|c| c.latest_useful_at),
        value,
        priority: value / effort_min,
        queue: None,
        fallback: fallback.cloned(),
        abstained: abstained.as_ref().map(|abstained| abstention(abstained, facts)),
        risk,
        actions,
        choice: None,
    }
}

fn abstention(Abstention { why, fallback }: &Abstention, facts: &Facts) -> String {
    match fallback {
        _ if !can_miss(facts) => "the goods have shipped: there is no ship date left to miss".to_owned(),
        Some(Fallback { rule, .. }) => format!("{why}; {rule}"),
        None => {
            format!("{why}; actions are ranked on an assumed risk of {MISS_UNKNOWN} and on what is believed of them")
        }
    }
}

/// A line that has shipped has no ship date to foretell.
fn still_to_ship(risk: Risk, facts: &Facts) -> Risk {
    if can_miss(facts) { risk } else { Risk { ships: None, ships_basis: None, ..risk } }
}

/// Allowed ones first, by cautious cost.
fn key(candidate: &Candidate) -> (bool, f64) {
    let cautious = |s: Score| s.expected_cost + CAUTION * s.effect_sd * s.penalty;
    (candidate.score.is_none(), candidate.score.map_or(0.0, cautious))
}

/// What the case can lose.
struct Stakes {
    category: Category,
    miss: f64,
    penalty: f64,
    standing: f64,
}

impl Stakes {
    fn of(
        basis: &Basis<'_>,
        category: Category,
        facts: &Facts,
        (risk, fallback): (Option<&Risk>, Option<&Fallback>),
    ) -> Self {
        let tier = facts.customer.as_ref().and_then(|c| c.tier).map_or(3, |tier| tier as usize);
        let said = risk.map(|risk| risk.miss_probability).or(fallback.map(|fallback| fallback.miss_probability));
        let miss = if can_miss(facts) { said.unwrap_or(MISS_UNKNOWN) } else { 0.0 };
        Self {
            category,
            miss,
            penalty: basis.settings.miss_penalty.get(tier).copied().unwrap_or(0.0) * candidates::value_of(facts),
            standing: basis.catalogue.standing(category, &candidates::scope(facts)),
        }
    }

    fn score(&self, basis: &Basis<'_>, candidate: &Candidate, now: Timestamp) -> Score {
        let spec = &basis.catalogue.entry(candidate.action).spec;
        let learned = basis.effect.as_ref().and_then(|model| model.effect(self.category, candidate.action));
        let effect = match candidate.action {
            ActionKind::DoNothing => NONE,
            _ => learned.unwrap_or_else(|| believed(spec.prior)),
        };
        let relief = effect.relief.clamp(-1.0, 1.0);
        let on_miss = if candidate.latest_useful_at.is_some_and(|latest| latest < now) { NONE } else { effect };
        let miss_probability = (self.miss * (1.0 - on_miss.relief.clamp(-1.0, 1.0))).clamp(0.0, 1.0);
        let quote = candidate.quote.as_ref().and_then(|q| q.amount.to_f64()).unwrap_or(0.0);
        let residual = basis.settings.minute_cost * spec.effort_min + self.standing * (1.0 - relief);
        Score {
            quote,
            miss_probability,
            penalty: self.penalty,
            residual,
            expected_cost: quote + miss_probability * self.penalty + residual,
            effect_sd: self.miss * on_miss.sd,
            effect_cases: effect.cases,
        }
    }
}

const NONE: Effect = Effect { relief: 0.0, sd: 0.0, cases: 0.0 };

/// A belief without evidence: a Beta distribution with the prior's mean, worth its weight in cases.
fn believed(prior: EffectPrior) -> Effect {
    let spread = prior.relief * (1.0 - prior.relief) / (prior.weight + 1.0);
    Effect { relief: prior.relief, sd: spread.max(0.0).sqrt(), cases: 0.0 }
}
