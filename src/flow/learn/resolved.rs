//! Resolved cases: what was known, what could be done, what was done, what came of it and what it cost in all.
//!
//! Method: what a case cost is known term by term, and a term that was told takes the place of the one that was assumed.
//! `action` stands for the quote, `penalty` for the contracted one; the sum of all others is the rest. Where nothing else was
//! told, the rest is the harm that the catalogue believed to be left with the action, so that an installation which tells no
//! further costs learns what it believes already. People's minutes are in none of these: they are known, and ranking adds
//! them.
//!
//! Guarantees: one row for a case and line, its first assessment, because later ones have seen the action; a row whose
//! outcome was known when its features were taken is left out. Non-goals: fitting.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::domain::action::ActionKind;
use crate::domain::case::Category;
use crate::domain::ids::{AssessmentId, CaseId};
use crate::domain::money::Money;
use crate::domain::outcome::{HistoryRow, Offer, Outcome, Stakes};

/// A case in which something was done, or nothing, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Resolved {
    pub assessment_id: AssessmentId,
    pub case_id: CaseId,
    pub category: Category,
    /// When the features were taken.
    pub as_of: Timestamp,
    /// When the outcome was known.
    pub known_at: Timestamp,
    /// In schema order, as they were seen.
    pub features: Vec<Value>,
    /// What was said of the risk then, where anything was.
    pub said: Option<f64>,
    /// What there was to lose, with the action taken among the offers.
    pub stakes: Stakes,
    /// The first action taken after the assessment, or `do_nothing`.
    pub action: ActionKind,
    pub missed: bool,
    /// All that it cost, in the currency of the stakes, people's minutes left out.
    pub cost: f64,
}

impl Resolved {
    /// Minutes from the assessment until the outcome was known.
    #[must_use]
    pub fn resolve_minutes(&self) -> f64 {
        self.known_at.duration_since(self.as_of).as_secs_f64() / 60.0
    }
}

/// The resolved cases of a history, in its order. Assessments without stakes (a line without a case) are none.
#[must_use]
pub fn of(history: &[HistoryRow]) -> Vec<Resolved> {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for HistoryRow { assessment, outcome, action } in history {
        let (Some(case_id), Some(category)) = (assessment.case_id, assessment.category) else { continue };
        if assessment.as_of >= outcome.known_at || !seen.insert((case_id, assessment.line_no)) {
            continue;
        }
        // Without its first stakes a case teaches nothing: later ones have seen the action.
        let Some(stakes) = &assessment.stakes else { continue };
        let action = action.unwrap_or(ActionKind::DoNothing);
        let (stakes, cost) = settled(stakes, action, outcome);
        rows.push(Resolved {
            assessment_id: assessment.id,
            case_id,
            category,
            as_of: assessment.as_of,
            known_at: outcome.known_at,
            features: assessment.features.clone(),
            said: assessment.miss_probability,
            stakes,
            action,
            missed: outcome.missed,
            cost,
        });
    }
    rows
}

/// The stakes with the action taken among the offers, and what the case cost. An action that was not offered (somebody
/// knew more) is taken at what it cost, and its minutes are not known.
fn settled(stakes: &Stakes, action: ActionKind, outcome: &Outcome) -> (Stakes, f64) {
    let mut stakes = stakes.clone();
    let mut told = told(&outcome.costs, &stakes.currency);
    let (paid, fined) = (told.remove("action"), told.remove("penalty"));
    let taken = stakes.offer(action).copied().unwrap_or_else(|| {
        let standing = stakes.offer(ActionKind::DoNothing).map_or(0.0, |idle| idle.standing);
        let offer = Offer { action, quote: paid.unwrap_or(0.0), effort_min: 0.0, standing };
        stakes.offers.push(offer);
        offer
    });
    let quote = paid.unwrap_or(taken.quote);
    let penalty = fined.unwrap_or(if outcome.missed { stakes.penalty } else { 0.0 });
    let rest = if told.is_empty() { taken.standing } else { told.values().sum() };
    (stakes, quote + penalty + rest)
}

/// Amounts by name, those of another currency left out: they are not converted.
fn told<'a>(costs: &'a BTreeMap<String, Money>, currency: &str) -> BTreeMap<&'a str, f64> {
    let same = costs.iter().filter(|(_, money)| money.currency == currency);
    same.map(|(name, money)| (name.as_str(), money.to_f64())).collect()
}
