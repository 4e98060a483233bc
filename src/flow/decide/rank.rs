//! Expected cost of each action on one case, and what intervening is worth.
//!
//! `C(a) = quote(a) + P(miss | x, a) · penalty(x) + residual(x, a)`. The quote is the catalogue's, `penalty(x)` is the value
//! at stake times the share that the customer's tier loses on a missed date. `residual(x, a)` is every other cost: people's
//! minutes (`minute_cost · effort`), which are known, and what is left of the condition's own harm. That harm and
//! `P(miss | x, a)` come from the effect model where it has learned the category, else from what the catalogue believes:
//! `P(miss | x) · (1 − relief(a))` and `standing(x) · (1 − relief(a))`. What the nearest resolved cases say moves the
//! probability while data is thin. Once the goods have shipped there is no date to miss: `P(miss)` is 0, and the harm of
//! the standing condition alone ranks.
//!
//! Guarantees: pure and deterministic; ties fall in the order of kinds; `do_nothing` is scored like every other action and
//! relieves nothing; after its latest useful time an action changes nothing of the miss risk; a poorly known effect is
//! held against an action by half a standard deviation; the terms of a score sum to its cost. Non-goals: currencies are not
//! converted between cases.

use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

use super::candidates::{self, CaseView};
use super::catalogue::Catalogue;
use super::outlook::Outlooks;
use super::recommend::{self, Choice};
use crate::domain::action::{ActionKind, Candidate};
use crate::domain::case::Category;
use crate::domain::decision::{Abstention, Evidence, Fallback, RankedCase, Risk};
use crate::domain::ids::CaseId;
use crate::domain::outcome::{Offer, Stakes};
use crate::flow::Services;
use crate::flow::facts::Facts;
use crate::flow::services::Settings;
use crate::ports::tabular::EffectModel;

/// Probability of a miss where no model could say; only the order of actions within one case rests on it.
pub const MISS_UNKNOWN: f64 = 0.25;

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

/// What is known of a case beside its facts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Known<'a> {
    /// Its features in the order of our own schema; `None` where it has others.
    pub features: Option<&'a [Value]>,
    /// What the nearest resolved cases say; `None` where they were not asked.
    pub evidence: Option<&'a Evidence>,
}

/// Candidates of a case by expected cost; `risk` is the reason in words where no model could say.
#[must_use]
pub fn rank(
    basis: &Basis<'_>,
    subject: &Subject,
    (facts, known): (&Facts, Known<'_>),
    risk: Result<Risk, Abstention>,
) -> RankedCase {
    let view = CaseView { category: subject.category, due_at: subject.due_at };
    let (risk, abstained) = match risk {
        Ok(risk) => (Some(still_to_ship(risk, facts)), None),
        Err(abstained) => (None, Some(abstained)),
    };
    let fallback = abstained.as_ref().and_then(|a| a.fallback.as_ref()).filter(|_| can_miss(facts));
    let candidates = candidates::of(basis.catalogue, facts, &view);
    let stakes = stakes(basis, subject.category, facts, &candidates);
    let (allowed, refused): (Vec<Candidate>, Vec<Candidate>) =
        candidates.into_iter().partition(|candidate| candidate.refused.is_empty());
    let said = said(facts, risk.as_ref(), fallback);
    let choice = ordered(basis, (subject.category, &stakes), &allowed, (facts, known), said);
    let best = choice.actions.first();
    RankedCase {
        case_id: subject.case_id,
        reference: subject.reference.clone(),
        category: subject.category,
        order_id: Some(facts.order.order_id.clone()),
        line_no: facts.line.as_ref().map(|line| line.line_no),
        at_stake: candidates::at_stake(facts),
        latest_useful_at: best.and_then(|c| c.latest_useful_at),
        withheld: choice.withheld,
        evidence: known.evidence.cloned(),
        value: choice.value,
        priority: choice.priority,
        queue: None,
        fallback: fallback.cloned(),
        abstained: abstained.as_ref().map(|abstained| abstention(abstained, facts)),
        risk,
        actions: choice.actions.into_iter().chain(refused).collect(),
        choice: None,
    }
}

/// Scored and ordered; where what was learned is not recommended, by what is believed.
fn ordered(
    basis: &Basis<'_>,
    (category, stakes): (Category, &Stakes),
    allowed: &[Candidate],
    (facts, known): (&Facts, Known<'_>),
    said: f64,
) -> Choice {
    let outlooks = Outlooks::of(basis, category, stakes, (facts, known), said);
    let mut scored = allowed.to_vec();
    for candidate in &mut scored {
        candidate.score = stakes.offer(candidate.action).map(|offer| outlooks.score(basis, candidate, offer));
    }
    let choice = recommend::choose(basis, (category, scored), (facts, known), outlooks.learned);
    if choice.withheld.is_empty() || !outlooks.learned {
        return choice;
    }
    let playbook = Basis { effect: None, ..basis.clone() };
    let believed = ordered(&playbook, (category, stakes), allowed, (facts, known), said);
    Choice { withheld: choice.withheld, ..believed }
}

/// What a case has to lose and what may be done: what ranking weighs, and what is kept to learn from.
#[must_use]
pub fn stakes(basis: &Basis<'_>, category: Category, facts: &Facts, candidates: &[Candidate]) -> Stakes {
    let tier = facts.customer.as_ref().and_then(|c| c.tier).map_or(3, |tier| tier as usize);
    let standing = basis.catalogue.standing(category, &candidates::scope(facts));
    let offer = |candidate: &Candidate| {
        let spec = &basis.catalogue.entry(candidate.action).spec;
        Offer {
            action: candidate.action,
            quote: candidate.quote.as_ref().and_then(|quote| quote.amount.to_f64()).unwrap_or(0.0),
            effort_min: spec.effort_min,
            standing: standing * (1.0 - relief(candidate.action, spec.prior.relief)),
        }
    };
    Stakes {
        currency: facts.order.currency.clone(),
        penalty: basis.settings.miss_penalty.get(tier).copied().unwrap_or(0.0) * candidates::value_of(facts),
        offers: candidates.iter().filter(|candidate| candidate.refused.is_empty()).map(offer).collect(),
    }
}

/// The share of the miss risk that an action is believed to remove: nothing is done by doing nothing.
pub(crate) fn relief(action: ActionKind, believed: f64) -> f64 {
    if action == ActionKind::DoNothing { 0.0 } else { believed.clamp(-1.0, 1.0) }
}

/// The probability of a miss that was said of the case as it stands; none once the goods have shipped.
fn said(facts: &Facts, risk: Option<&Risk>, fallback: Option<&Fallback>) -> f64 {
    let said = risk.map(|risk| risk.miss_probability).or(fallback.map(|fallback| fallback.miss_probability));
    if can_miss(facts) { said.unwrap_or(MISS_UNKNOWN) } else { 0.0 }
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
