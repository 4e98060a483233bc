//! What a message offers for a parameter: a bounded value beside the words that it was read from, for a person to take or leave.
//!
//! Guarantees: only what [`MAY_BE_QUOTED`] lists is offered, a number within bounds for an action that is offered anyway; never
//! a name, an address, an amount or a text, and never which action, target, approver or threshold. A prefill is shown and no
//! more: it becomes a parameter when a person proposes with it (docs/decisions/0020-text-only-offers.md). Non-goals: judging
//! whether the sender is right.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use serde_json::{Map, Value};

use super::catalogue::Entry;
use crate::domain::action::{ActionKind, Candidate};
use crate::domain::ids::MessageId;
use crate::domain::message::{Entity, EntityType, Message, Part, Reading, Trust};
use crate::flow::assess::parts;
use crate::flow::facts::Facts;

/// Every parameter that may be offered out of a text, and the kind of value that it is read from.
pub const MAY_BE_QUOTED: [(ActionKind, &str, EntityType); 3] = [
    (ActionKind::AcceptChange, "quantity", EntityType::Quantity),
    (ActionKind::AcceptPartialChange, "quantity", EntityType::Quantity),
    (ActionKind::RepromiseDate, "delay_days", EntityType::Date),
];

/// A quantity of more than so many times the line's is not offered.
const QUANTITY_TIMES_MAX: u32 = 10;

/// A value for a parameter, with its quote.
#[derive(Clone, Debug, PartialEq)]
pub struct Prefill {
    /// The parameter of the candidate's action.
    pub parameter: &'static str,
    /// The value, which fits the parameter's schema.
    pub value: Value,
    /// Where it was read.
    pub quote: Quote,
}

impl Prefill {
    /// The parameters of a candidate with the value in its place.
    #[must_use]
    pub fn parameters(&self, candidate: &Candidate) -> Map<String, Value> {
        let mut parameters = candidate.parameters.clone();
        parameters.insert(self.parameter.to_owned(), self.value.clone());
        parameters
    }
}

/// The words that a value was read from, and whose they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Quote {
    /// The message.
    pub message_id: MessageId,
    /// When it came.
    pub received_at: Timestamp,
    /// Name or address of the sender, as the envelope says.
    pub who: String,
    /// How far the sender is known.
    pub trust: Trust,
    /// The words, as written.
    pub words: String,
}

/// What `messages` of a case offer for an action that is offered on these facts; the newest message first.
#[must_use]
pub fn of(entry: &Entry, candidate: &Candidate, facts: &Facts, messages: &[Message]) -> Vec<Prefill> {
    if !candidate.refused.is_empty() {
        return Vec::new();
    }
    let allowed = MAY_BE_QUOTED.iter().filter(|(action, ..)| *action == candidate.action);
    let offered = allowed.flat_map(|(_, parameter, kind)| {
        messages.iter().rev().filter_map(|message| offer(message, parameter, *kind, facts))
    });
    offered.filter(|prefill| fits(entry, candidate, prefill)).collect()
}

/// The value of a kind that a known sender says once in a message.
fn offer(message: &Message, parameter: &'static str, kind: EntityType, facts: &Facts) -> Option<Prefill> {
    let reading = message.reading.as_ref().filter(|reading| reading.trust != Trust::Unknown)?;
    let content = message.content.as_written();
    let said = only(reading, kind, &content.body)?;
    let written = said.value.as_deref()?;
    let value = match kind {
        EntityType::Quantity => quantity(written, facts)?,
        EntityType::Date => days_later(written, facts)?,
        _ => return None,
    };
    let quote = Quote {
        message_id: message.id,
        received_at: message.received_at,
        who: content.from.called().unwrap_or("an unnamed sender").to_owned(),
        trust: reading.trust,
        words: said.text.clone(),
    };
    Some(Prefill { parameter, value, quote })
}

/// The entity of a kind in what the sender wrote now, where all of that kind have one value.
fn only<'a>(reading: &'a Reading, kind: EntityType, body: &str) -> Option<&'a Entity> {
    let parts = parts::parts(body);
    let now = |entity: &&Entity| {
        let own = parts.iter().filter(|part| part.kind == parts::Kind::New);
        let mut within = own.map(|part| part.range.start <= entity.span.start && entity.span.end <= part.range.end);
        entity.span.part == Part::Subject || within.any(|within| within)
    };
    let mut said = reading.entities.as_written().iter().filter(|entity| entity.kind == kind).filter(now);
    let first = said.next()?;
    said.all(|other| other.value == first.value).then_some(first)
}

fn quantity(written: &str, facts: &Facts) -> Option<Value> {
    let quantity: Decimal = written.parse().ok()?;
    let most = Decimal::from_f64(facts.line.as_ref()?.quantity)? * Decimal::from(QUANTITY_TIMES_MAX);
    (quantity > Decimal::ZERO && quantity <= most).then(|| quantity.to_f64().map(Value::from)).flatten()
}

/// Days from the date that is promised now to the one that is written.
fn days_later(written: &str, facts: &Facts) -> Option<Value> {
    let day: jiff::civil::Date = written.parse().ok()?;
    let promised = facts.line.as_ref()?.promised_ship_at?.to_zoned(TimeZone::UTC).date();
    Some(Value::from((day - promised).get_days()))
}

/// Whether the action could be proposed with it, as far as the catalogue's schema says.
fn fits(entry: &Entry, candidate: &Candidate, prefill: &Prefill) -> bool {
    let parameters = prefill.parameters(candidate);
    parameters != candidate.parameters && entry.violations(&parameters).is_empty()
}
