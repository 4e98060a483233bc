//! Into the ledger: risk, options, the recommended action and proposals.
//!
//! Guarantee: the order of options is the ranking's; a parameter or reason that gives an amount of credit away is entered
//! only for a reader who may see it.

use serde_json::Value;

use super::compile::{Book, wire};
use super::render::{Said, amount, name, number, percent, quote, time, words};
use super::{Evidence, Kind};
use crate::domain::action::{ActionCall, Candidate, Score};
use crate::domain::actor::Actor;
use crate::domain::decision::{RankedCase, Reason};
use crate::domain::proposal::{Proposal, ProposalState};

/// Options and refusals that are compared.
const OPTIONS_MAX: usize = 4;
/// Reasons of the risk that are said.
const REASONS_MAX: usize = 3;
/// Features whose values are amounts of credit.
const FINANCE_FEATURES: [&str; 1] = ["over_limit_ratio"];

pub(super) fn enter(book: &mut Book<'_>, evidence: &Evidence<'_>) {
    let none = match evidence.ranked {
        Some(ranked) => {
            risk(book, ranked);
            options(book, ranked);
            match ranked.withheld.is_empty() {
                true => "every action is ruled out".to_owned(),
                false => ranked.withheld.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            }
        }
        None => "the options have not been ranked yet".to_owned(),
    };
    if !book.ledger.has("recommendation.title") {
        book.cited("recommendation.none", "why nothing is recommended", Value::Null, Said::words(none), None);
    }
    book.ledger.put("options.count", "options", 0, number(0.0), None);
    let live = evidence.proposals.iter().filter(|proposal| proposal.state.is_live());
    for (at, proposal) in live.enumerate() {
        self::proposal(book, at + 1, proposal);
    }
}

fn risk(book: &mut Book<'_>, ranked: &RankedCase) {
    if let Some(why) = &ranked.abstained {
        book.cited("risk.abstained", "why there is no probability", Value::Null, Said::words(why.clone()), None);
    }
    let Some(risk) = &ranked.risk else { return };
    let (probability, model) = (risk.miss_probability, &risk.model);
    book.cited("risk.probability", "miss probability", probability, percent(probability), None);
    book.cited("risk.model", "risk model", &risk.model_digest, name(model), None);
    let sees = book.reader.sees_finance;
    let visible = risk.reasons.iter().filter(|r| sees || !FINANCE_FEATURES.contains(&r.feature.as_str()));
    for (at, reason) in visible.take(REASONS_MAX).enumerate() {
        self::reason(book, at + 1, reason);
    }
}

fn reason(book: &mut Book<'_>, number: usize, reason: &Reason) {
    let path = |member: &str| format!("risk.{number}.{member}");
    let direction = if reason.effect > 0.0 { "raised" } else { "lowered" };
    book.cited(&path("direction"), "direction", reason.effect, Said::words(direction), None);
    book.cited(&path("label"), "reason", &reason.feature, Said::words(reason.label.clone()), None);
    book.cited(&path("value"), "present value", &reason.value, said(&reason.value), None);
    book.cited(&path("typical"), "usual value", &reason.typical, said(&reason.typical), None);
}

/// A JSON value in words.
fn said(value: &Value) -> Said {
    match value {
        Value::Null => Said::words("not known"),
        Value::Bool(true) => Said::words("yes"),
        Value::Bool(false) => Said::words("no"),
        Value::Number(value) => value.as_f64().map_or_else(|| Said::new(Kind::Number, value.to_string()), number),
        Value::String(text) => name(text),
        other => quote(&other.to_string()),
    }
}

fn options(book: &mut Book<'_>, ranked: &RankedCase) {
    let allowed: Vec<(&Candidate, Score)> = ranked.actions.iter().filter_map(|a| Some((a, a.score?))).collect();
    let currency = book.facts.order.currency.clone();
    let money = |value: f64| amount(value, &currency);
    book.cited("options.count", "options", allowed.len(), Said::new(Kind::Number, allowed.len().to_string()), None);
    for (at, (option, score)) in allowed.iter().take(OPTIONS_MAX).enumerate() {
        let path = |member: &str| format!("option.{}.{member}", at + 1);
        book.cited(&path("title"), "option", option.action, Said::words(option.title.clone()), None);
        book.cited(&path("cost"), "expected cost", score.expected_cost, money(score.expected_cost), None);
        book.cited(&path("quote"), "direct cost", score.quote, money(score.quote), None);
        book.cited(
            &path("miss"),
            "miss probability with it",
            score.miss_probability,
            percent(score.miss_probability),
            None,
        );
    }
    for (at, refused) in ranked.actions.iter().filter(|a| !a.refused.is_empty()).take(OPTIONS_MAX).enumerate() {
        let path = |member: &str| format!("refused.{}.{member}", at + 1);
        book.cited(&path("title"), "ruled out", refused.action, Said::words(refused.title.clone()), None);
        book.cited(&path("reason"), "why", &refused.refused, Said::words(refused.refused.join("; ")), None);
    }
    if let Some((best, _)) = allowed.first().filter(|_| ranked.withheld.is_empty()) {
        recommendation(book, best, ranked, money(ranked.value));
    }
}

fn recommendation(book: &mut Book<'_>, best: &Candidate, ranked: &RankedCase, value: Said) {
    book.cited("recommendation.title", "recommended action", best.action, Said::words(best.title.clone()), None);
    book.cited("recommendation.value", "expected saving", ranked.value, value, None);
    book.cited("recommendation.tier", "risk tier", best.tier, wire(&best.tier), None);
    if let Some(risk) = &ranked.risk {
        let before = risk.miss_probability;
        book.cited("recommendation.miss_before", "miss probability without it", before, percent(before), None);
    }
    if let Some(latest) = best.latest_useful_at {
        book.cited("recommendation.latest", "latest useful time", latest, time(latest), None);
    }
    let sees = book.reader.sees_finance;
    let visible = best.parameters.iter().filter(|(key, _)| sees || !(key.contains("amount") || key.contains("limit")));
    for (at, (key, value)) in visible.enumerate() {
        book.cited(&format!("parameter.{}.name", at + 1), "parameter", key, Said::words(words(key)), None);
        book.cited(&format!("parameter.{}.value", at + 1), key, value, said(value), None);
    }
}

fn proposal(book: &mut Book<'_>, number: usize, proposal: &Proposal) {
    let path = |member: &str| format!("proposal.{number}.{member}");
    let ActionCall { kind, .. } = &proposal.action;
    let by = match &proposal.proposer {
        Actor::Person(person) => name(&person.name),
        other => name(&other.label()),
    };
    let (id, state) = (Said::new(Kind::Name, proposal.id.to_string()), proposal.state.name());
    book.cited(&path("id"), "proposal", proposal.id, id.clone(), None);
    book.cited(&path("title"), "action", kind, Said::words(words(kind.name())), None);
    book.cited(&path("state"), "state", state, Said::words(words(state)), None);
    book.cited(&path("by"), "proposed by", &proposal.proposer, by, None);
    book.cited(&path("at"), "proposed", proposal.created_at, time(proposal.created_at), None);
    if !matches!(proposal.state, ProposalState::Executing { .. }) {
        book.cited(&format!("lapse.{number}.id"), "proposal", proposal.id, id, None);
        book.cited(&format!("lapse.{number}.at"), "lapses", proposal.expires_at, time(proposal.expires_at), None);
    }
}
