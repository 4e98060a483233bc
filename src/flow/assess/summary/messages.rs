//! Into the ledger: what others say, always as theirs.
//!
//! Guarantees: of a message's text only a verbatim run between quotation marks is said; who sent it is what our own records
//! say, never what the text says; what it wants is one of the closed intents with its probability, and below the
//! classifier's threshold nothing; values that were read are quoted with their type; where a claim and our records differ,
//! that is a fact of its own (`conflict.…`). Nothing of a text reaches any other fact. Non-goals: believing anybody.

use serde_json::{Value, json};

use super::compile::{Book, wire};
use super::render::{Said, has_words, name, percent, quote, time};
use super::{Evidence, Kind};
use crate::domain::message::{Intent, Message, SenderRole};
use crate::domain::payload::{Milestone, OrderStatus};
use crate::flow::assess::parts;
use crate::flow::facts::Facts;

/// The newest messages that are quoted.
const MESSAGES_MAX: usize = 5;
/// Earlier messages of the customer in the headline, and messages of others.
const HEADLINE_MAX: usize = 2;
/// Values of a message that are said.
const VALUES_MAX: usize = 4;

pub(super) fn enter(book: &mut Book<'_>, evidence: &Evidence<'_>) {
    let all = evidence.messages;
    let count = Said::new(Kind::Number, all.len().to_string());
    book.cited("messages.count", "messages", all.len(), count, None);
    let newest: Vec<&Message> = all.iter().skip(all.len().saturating_sub(MESSAGES_MAX)).collect();
    for (at, message) in newest.iter().enumerate() {
        self::message(book, at + 1, message);
    }
    let (theirs, others): (Vec<&Message>, Vec<&Message>) =
        newest.iter().rev().partition(|message| role(message) == SenderRole::Customer);
    match theirs.first() {
        Some(latest) => claim(book, "customer.latest", latest),
        None => book.cited("customer.silent", "messages of the customer", 0, Said::words("no message"), None),
    }
    for (at, message) in theirs.iter().skip(1).take(HEADLINE_MAX).enumerate() {
        claim(book, &format!("customer.earlier.{}", at + 1), message);
    }
    for (at, message) in others.iter().take(HEADLINE_MAX).enumerate() {
        claim(book, &format!("other.{}", at + 1), message);
    }
    conflicts(book, &newest);
}

fn role(message: &Message) -> SenderRole {
    message.reading.as_ref().map_or(SenderRole::Unknown, |reading| reading.role)
}

fn certain(message: &Message) -> Option<Intent> {
    message.reading.as_ref()?.intent.as_ref().map(|scored| scored.intent)
}

/// Who it is, by our records only.
pub(super) fn party(role: SenderRole) -> &'static str {
    match role {
        SenderRole::Customer => "the customer",
        SenderRole::Supplier => "the supplier",
        SenderRole::Carrier => "the carrier",
        SenderRole::Internal => "a colleague",
        SenderRole::Unknown => "an unidentified sender",
    }
}

/// What a message wants, as a predicate of who sent it.
fn act(intent: Intent) -> &'static str {
    match intent {
        Intent::OrderStatus => "asks where the order stands",
        Intent::ExpediteRequest => "asks for an earlier date",
        Intent::PostponeRequest => "asks for a later date",
        Intent::QuantityChange => "asks for another quantity",
        Intent::ItemChange => "asks for another item",
        Intent::CancelRequest => "asks to cancel",
        Intent::ShipToChange => "asks for another address",
        Intent::BackorderResponse => "answers about the backorder",
        Intent::PriceDispute => "disputes the price",
        Intent::PaymentNotice => "announces a payment",
        Intent::CreditRequest => "asks for credit",
        Intent::InvoiceQuery => "asks about an invoice",
        Intent::DeliveryClaim => "complains about a delivery",
        Intent::DocumentRequest => "asks for a document",
        Intent::SupplyDelay => "announces a later supply",
        Intent::SupplyShortage => "announces a short supply",
        Intent::SupplyConfirmation => "confirms the supply",
        Intent::CostChange => "announces another cost",
        Intent::PickupFailure => "reports a failed pick-up",
        Intent::TransitDelay => "reports a delay on the way",
        Intent::DeliveryFailure => "reports a failed delivery",
        Intent::IntegrationFailure => "reports a failed transaction",
        Intent::ApprovalReply => "speaks of an approval, which a message cannot give",
        Intent::Irrelevant => "writes of something else",
    }
}

fn message(book: &mut Book<'_>, number: usize, message: &Message) {
    let content = message.content.as_written();
    let reading = message.reading.as_ref();
    let path = |member: &str| format!("message.{number}.{member}");
    let event = Some(&message.event);
    let sender = match reading {
        Some(reading) => {
            let party = reading.party.as_deref().map(|party| format!(" of {}", name(party))).unwrap_or_default();
            format!("a sender in the role of {}{party} ({})", wire(&reading.role), wire(&reading.trust))
        }
        None => "a sender who has not been looked up".to_owned(),
    };
    let intent = reading.and_then(|r| r.intent.as_ref());
    let read_as = match (reading, intent) {
        (_, Some(scored)) => format!("{} with a probability of {}", wire(&scored.intent), percent(scored.probability)),
        (Some(_), None) => "nothing that is certain enough".to_owned(),
        (None, None) => "nothing yet".to_owned(),
    };
    let said = words_of(message);
    book.cited(&path("at"), "received", message.received_at, time(message.received_at), event);
    let who = json!(reading.map(|r| (&r.party, r.role, r.trust)));
    book.cited(&path("sender"), "sender", who, Said::words(sender), event);
    book.cited(&path("channel"), "channel", content.channel, wire(&content.channel), event);
    book.cited(&path("intent"), "read as", intent.map(|i| i.intent), Said::words(read_as), event);
    book.cited(&path("quote"), "verbatim", said.text.clone(), said, event);
}

/// A claim of the headline: who, when, what they want where that is certain, and their words.
fn claim(book: &mut Book<'_>, prefix: &str, message: &Message) {
    let path = |member: &str| format!("{prefix}.{member}");
    let event = Some(&message.event);
    let (who, said) = (party(role(message)), words_of(message));
    book.cited(&path("who"), "sender", who, Said::words(who), event);
    book.cited(&path("at"), "received", message.received_at, time(message.received_at), event);
    book.cited(&path("quote"), "verbatim", said.text.clone(), said, event);
    let Some(reading) = &message.reading else { return };
    if let Some(scored) = &reading.intent {
        book.cited(&path("act"), "what is wanted", scored.intent, Said::words(act(scored.intent)), event);
        let probability = percent(scored.probability);
        book.cited(&path("probability"), "probability of that", scored.probability, probability, event);
    }
    let known = reading.entities.as_written().iter().filter_map(|entity| Some((entity, entity.value.as_ref()?)));
    let values: Vec<String> =
        known.take(VALUES_MAX).map(|(entity, value)| format!("{} {}", wire(&entity.kind), quote(value))).collect();
    if !values.is_empty() {
        let spans: Vec<Value> = reading.entities.as_written().iter().map(|entity| json!(entity)).collect();
        book.cited(&path("values"), "values read", spans, Said::new(Kind::Quote, values.join(", ")), event);
    }
    for member in ["who", "at", "quote", "act", "probability", "values"] {
        book.ledger.stands(&path(member), format!("message.{}", message.id), Some(message.received_at));
    }
}

/// The run of a message that is quoted.
fn words_of(message: &Message) -> Said {
    let content = message.content.as_written();
    // What a reply repeats of another's mail is not its sender's word.
    let own = parts::own(&content.body);
    let text = [Some(&own), Some(&content.body), content.subject.as_ref()];
    let text = text.into_iter().flatten().find(|text| has_words(text));
    text.map_or(Said::words("no words"), |text| quote(telling_line(text, &reading_values(message))))
}

/// What a reading found in the body, as written: lines that hold it say more than a greeting.
fn reading_values(message: &Message) -> Vec<&str> {
    message
        .reading
        .iter()
        .flat_map(|reading| reading.entities.as_written())
        .map(|entity| entity.text.as_str())
        .collect()
}

/// The first line that holds one of `values`, else the first with three words, else the text.
fn telling_line<'a>(text: &'a str, values: &[&str]) -> &'a str {
    let mut lines = text.lines().filter(|line| has_words(line));
    let holding = lines.clone().find(|line| values.iter().any(|value| line.contains(value)));
    holding.or_else(|| lines.find(|line| line.split_whitespace().count() > 2)).unwrap_or(text)
}

/// Where what is said and what our records say differ.
fn conflicts(book: &mut Book<'_>, messages: &[&Message]) {
    let facts = book.facts;
    let shipped = facts.order.status >= OrderStatus::Shipped;
    let mut found = Vec::new();
    for message in messages.iter().rev() {
        let Some(intent) = certain(message) else { continue };
        let ours = match intent {
            Intent::PaymentNotice if facts.credit.payment_h.is_none() => "the ledger shows none",
            Intent::CancelRequest | Intent::QuantityChange | Intent::ItemChange if shipped => {
                "the goods are already on their way"
            }
            Intent::DeliveryClaim if delivered(facts) => "the carrier's record says delivered",
            Intent::SupplyConfirmation if facts.purchase_order.as_ref().is_some_and(|order| !order.confirmed) => {
                "the purchase order stands as unconfirmed"
            }
            Intent::ApprovalReply => "only a vote in this service approves",
            _ => continue,
        };
        found.push((*message, intent, ours));
    }
    for (at, (message, intent, ours)) in found.into_iter().enumerate() {
        let path = |member: &str| format!("conflict.{}.{member}", at + 1);
        let event = Some(&message.event);
        let who = party(role(message));
        book.cited(&path("who"), "sender", who, Said::words(who), event);
        book.cited(&path("at"), "received", message.received_at, time(message.received_at), event);
        book.cited(&path("act"), "what is wanted", intent, Said::words(act(intent)), event);
        book.cited(&path("ours"), "what our records say", ours, Said::words(ours), None);
    }
}

fn delivered(facts: &Facts) -> bool {
    facts.shipment.as_ref().is_some_and(|shipment| shipment.milestone == Milestone::Delivered)
}
