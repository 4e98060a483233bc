//! Values in words, for pages: one place, so that a date or an amount looks the same everywhere.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::domain::actor::Actor;
use crate::domain::approval::{Verdict, Vote};
use crate::domain::case::CaseState;
use crate::domain::decision::RankedCase;
use crate::domain::money::Money;
use crate::domain::proposal::{FailureCause, ProposalState};
use crate::flow::sla::SlaStatus;

/// A text with the class that colours it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levelled {
    pub says: String,
    /// `good`, `warn`, `bad`, `late`, `soon` or nothing.
    pub level: &'static str,
}

impl Levelled {
    /// `says` in the colour of `level`.
    #[must_use]
    pub fn new(says: impl Into<String>, level: &'static str) -> Self {
        Self { says: says.into(), level }
    }
}

/// A wire name as words, first letter large.
#[must_use]
pub fn title(name: &str) -> String {
    let words = name.replace(['_', '.'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A time to the minute, UTC.
#[must_use]
pub fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// An amount with thousands apart: `12 345.60 EUR`.
#[must_use]
pub fn money(money: &Money) -> String {
    format!("{} {}", grouped(&format!("{:.2}", money.amount)), money.currency)
}

/// A float amount with thousands apart and no decimals above a hundred.
#[must_use]
pub fn amount(value: f64) -> String {
    if value.abs() >= 100.0 { grouped(&format!("{value:.0}")) } else { format!("{value:.2}") }
}

fn grouped(plain: &str) -> String {
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain), |d| ("-", d));
    let (whole, rest) = digits.split_once('.').map_or((digits, String::new()), |(w, r)| (w, format!(".{r}")));
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    format!("{sign}{text}{rest}")
}

/// A probability as a whole percentage.
#[must_use]
pub fn percent(probability: f64) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=100")]
    let whole = (probability * 100.0).round().clamp(0.0, 100.0) as u8;
    whole
}

/// How long between two times, in its largest unit: `5 min`, `7 h`, `3 d`.
#[must_use]
pub fn span(from: Timestamp, to: Timestamp) -> String {
    let minutes = (to.as_second() - from.as_second()).abs() / 60;
    match minutes {
        0..90 => format!("{minutes} min"),
        90..2880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1440),
    }
}

/// How far a due date is away, and how worrying that is.
#[must_use]
pub fn countdown(due: Option<Timestamp>, now: Timestamp) -> Levelled {
    match due {
        None => Levelled::new("no date", "soft"),
        Some(due) if due <= now => Levelled::new(format!("{} late", span(due, now)), "late"),
        Some(due) => {
            let near = due.as_second() - now.as_second() < 24 * 3600;
            Levelled::new(format!("in {}", span(now, due)), if near { "soon" } else { "" })
        }
    }
}

/// How a case stands against its service target.
#[must_use]
pub fn sla(status: Option<&SlaStatus>) -> Levelled {
    let Some(status) = status else { return Levelled::new("", "") };
    let minutes = status.left_min.abs();
    let time = if minutes < 90 { format!("{minutes} min") } else { format!("{} h", minutes / 60) };
    match status.breached_at {
        Some(_) => Levelled::new(format!("breached, {time} over"), "late"),
        None if status.paused => Levelled::new(format!("paused, {time} left"), "soft"),
        None if status.left_min * 4 <= status.target_min => Levelled::new(format!("{time} left"), "soon"),
        None => Levelled::new(format!("{time} left"), ""),
    }
}

/// A case's state.
#[must_use]
pub fn case_state(state: &CaseState) -> Levelled {
    let level = match state {
        CaseState::Resolved { .. } => "good",
        CaseState::AwaitingApproval { .. } | CaseState::AwaitingInformation { .. } => "warn",
        _ => "",
    };
    Levelled::new(title(state.name()), level)
}

/// A proposal's state.
#[must_use]
pub fn proposal_state(state: &ProposalState) -> Levelled {
    let level = match state {
        ProposalState::Succeeded { .. } | ProposalState::Approved { .. } => "good",
        ProposalState::AwaitingApproval(_) => "warn",
        ProposalState::Denied { .. } | ProposalState::Failed { .. } | ProposalState::Rejected { .. } => "bad",
        _ => "",
    };
    Levelled::new(title(state.name()), level)
}

/// What is to be said of a state beyond its name.
#[must_use]
pub fn proposal_says(state: &ProposalState) -> String {
    match state {
        ProposalState::Denied { reason, policies } => format!("{reason} ({})", policies.join(", ")),
        ProposalState::Failed { cause: FailureCause::PreconditionBroken { says }, .. } => {
            format!("Not executed, because this no longer held: {}", says.join("; "))
        }
        ProposalState::Failed { cause: FailureCause::Executor { code, message }, .. } => format!("{message} ({code})"),
        ProposalState::Withdrawn { by, reason, .. } => format!("Withdrawn by {by}: {reason}"),
        ProposalState::Succeeded { effect_seen: Some(at), .. } => {
            format!("The expected effect was seen {}", minute(*at))
        }
        ProposalState::Succeeded { .. } => "Executed; the expected effect has not been seen yet".to_owned(),
        ProposalState::AwaitingApproval(a) if a.escalated => "Escalated".to_owned(),
        _ => String::new(),
    }
}

/// The votes that a state carries.
#[must_use]
pub fn votes(state: &ProposalState) -> Vec<String> {
    let votes: &[Vote] = match state {
        ProposalState::AwaitingApproval(a) => &a.votes,
        ProposalState::Approved { votes, .. }
        | ProposalState::Queued { votes, .. }
        | ProposalState::Executing { votes, .. }
        | ProposalState::Succeeded { votes, .. }
        | ProposalState::Failed { votes, .. }
        | ProposalState::Rejected { votes, .. } => votes,
        _ => &[],
    };
    votes.iter().map(vote).collect()
}

fn vote(vote: &Vote) -> String {
    let verb = if vote.verdict == Verdict::Approve { "approved" } else { "rejected" };
    let because = vote.reason.as_deref().filter(|r| !r.is_empty()).map_or_else(String::new, |r| format!(": {r}"));
    format!("{} {verb} {}{because}", vote.name, minute(vote.at))
}

/// Who, for people.
#[must_use]
pub fn actor(actor: &Actor) -> String {
    match actor {
        Actor::Person(person) => person.name.clone(),
        Actor::Service { subject } => format!("service {subject}"),
        Actor::Model { version } => format!("model {version}"),
        Actor::System => "Holdfast".to_owned(),
    }
}

/// A JSON value in one line; a money object as an amount.
#[must_use]
pub fn value(json: &Value) -> String {
    match json {
        Value::Null => "unknown".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(truth) => if *truth { "yes" } else { "no" }.to_owned(),
        Value::Array(items) => items.iter().map(value).collect::<Vec<_>>().join(", "),
        Value::Object(members) => match (members.get("amount"), members.get("currency")) {
            (Some(Value::String(number)), Some(Value::String(currency))) => {
                number.parse::<Decimal>().map_or_else(|_| json.to_string(), |n| money(&Money::new(n, currency)))
            }
            _ => members.iter().map(|(k, v)| format!("{k} {}", value(v))).collect::<Vec<_>>().join(", "),
        },
        Value::Number(number) => number.to_string(),
    }
}

/// The first characters of a digest: enough to compare by eye.
#[must_use]
pub fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

/// The first `max` characters, with an ellipsis where something was cut.
#[must_use]
pub fn start(text: &str, max: usize) -> String {
    let cut: String = text.chars().take(max).collect();
    if cut.len() < text.len() { format!("{}…", cut.trim_end()) } else { cut }
}

/// Why there is no risk and why nothing is recommended; none where both are there.
pub fn caveat(ranked: &RankedCase) -> Option<String> {
    let withheld: Vec<String> = ranked.withheld.iter().map(ToString::to_string).collect();
    let playbook = (!withheld.is_empty())
        .then(|| format!("Nothing is recommended: {}. The order below is the playbook's.", withheld.join("; ")));
    let said: Vec<String> = ranked.abstained.clone().into_iter().chain(playbook).collect();
    (!said.is_empty()).then(|| said.join(". "))
}
