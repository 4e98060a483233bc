//! Which actions a case could be answered with: parameters filled from the facts, guards with their reasons, quotes.
//!
//! Guarantees: pure; every action that answers the category appears, refused ones with every reason. Non-goals: order, see
//! `rank`.

use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use super::catalogue::{Catalogue, Entry};
use super::deadline::Deadlines;
use crate::domain::action::Candidate;
use crate::domain::case::Category;
use crate::domain::money::Money;
use crate::flow::expression::{Recorded, Scope};
use crate::flow::facts::Facts;

/// The part of a case that decisions read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseView {
    /// What is wrong.
    pub category: Category,
    /// The ship date at risk.
    pub due_at: Option<Timestamp>,
}

/// What the line, else the order, is worth, in the order's currency.
#[must_use]
pub fn value_of(facts: &Facts) -> f64 {
    facts.line.as_ref().and_then(|line| line.value).unwrap_or(facts.order.value)
}

/// [`value_of`] as money.
#[must_use]
pub fn at_stake(facts: &Facts) -> Option<Money> {
    let amount = Decimal::from_f64(value_of(facts))?;
    Some(Money::new(amount.round_dp(2), &facts.order.currency))
}

/// What quotes, guards and fills see before there are parameters.
#[must_use]
pub fn scope(facts: &Facts) -> Scope {
    Scope::new().with("facts", facts).with("value", &value_of(facts))
}

/// Every action that answers the case, in the order of kinds; none is scored yet.
#[must_use]
pub fn of(catalogue: &Catalogue, facts: &Facts, case: &CaseView) -> Vec<Candidate> {
    let scope = scope(facts);
    let answering = catalogue.entries().iter().filter(|entry| entry.answers(case.category));
    let deadlines = Deadlines::of(&facts.timetable, case.due_at);
    answering.map(|entry| candidate(entry, &scope, facts, &deadlines)).collect()
}

fn candidate(entry: &Entry, scope: &Scope, facts: &Facts, deadlines: &Deadlines<'_>) -> Candidate {
    let parameters = entry.fill(scope);
    let scope = scope.clone().with("parameters", &Recorded(&parameters));
    let mut refused = entry.refusals(&scope);
    let quote = entry.quote(&scope);
    if refused.is_empty()
        && let Err(error) = &quote
    {
        refused.push(format!("its cost cannot be computed: {error}"));
    }
    Candidate {
        action: entry.spec.kind,
        title: entry.spec.title.clone(),
        parameters,
        quote: quote.ok().filter(|_| refused.is_empty()).map(|amount| Money::new(amount, &facts.order.currency)),
        refused,
        tier: entry.spec.tier,
        latest_useful_at: deadlines.latest_useful(&entry.spec),
        score: None,
    }
}
