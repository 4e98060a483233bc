//! Into the ledger: what others say, and what is not known.
//!
//! Guarantees: of a message only a verbatim run between quotation marks is said, with who sent it as far as that is known
//! from our own records; nothing of its text reaches any other fact.

use serde_json::{Value, json};

use super::Evidence;
use super::compile::{Book, wire};
use super::render::{has_words, name, percent, quote, time};
use crate::domain::case::Category;
use crate::domain::message::Message;
use crate::flow::facts::Facts;

/// The newest messages that are quoted.
const MESSAGES_MAX: usize = 5;

pub(super) fn enter(book: &mut Book<'_>, evidence: &Evidence<'_>) {
    let all = evidence.messages;
    book.cited("messages.count", "messages", all.len(), all.len().to_string(), None);
    let mut unread = Vec::new();
    for (at, message) in all.iter().skip(all.len().saturating_sub(MESSAGES_MAX)).enumerate() {
        self::message(book, at + 1, message);
        unread.extend(message.reading.iter().flat_map(|reading| &reading.unknown));
    }
    unread.sort();
    unread.dedup();
    for (at, what) in unread.into_iter().enumerate() {
        book.cited(&format!("unread.{}", at + 1), "not known of a message", Value::Null, quote(what), None);
    }
    let missing: Vec<&str> = unknown(book.facts, evidence.case.key.category).collect();
    book.cited("unknown.count", "missing facts", missing.len(), missing.len().to_string(), None);
    for (at, what) in missing.into_iter().enumerate() {
        book.cited(&format!("unknown.{}", at + 1), what, Value::Null, what.to_owned(), None);
    }
}

fn message(book: &mut Book<'_>, number: usize, message: &Message) {
    let content = &message.content;
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
    let text = [Some(&content.body), content.subject.as_ref()].into_iter().flatten().find(|text| has_words(text));
    let said = text.map_or("no words".to_owned(), |text| quote(telling_line(text, reading_value(message))));
    book.cited(&path("at"), "received", message.received_at, time(message.received_at), event);
    book.cited(&path("sender"), "sender", json!(reading.map(|r| (&r.party, r.role, r.trust))), sender, event);
    book.cited(&path("channel"), "channel", content.channel, wire(&content.channel), event);
    book.cited(&path("intent"), "read as", intent.map(|i| i.intent), read_as, event);
    book.cited(&path("quote"), "verbatim", &said, said.clone(), event);
}

/// What a reading found in the body, as written: lines that hold it say more than a greeting.
fn reading_value(message: &Message) -> Vec<&str> {
    message.reading.iter().flat_map(|reading| &reading.entities).map(|entity| entity.text.as_str()).collect()
}

/// The first line that holds one of `values`, else the first with three words, else the text.
fn telling_line<'a>(text: &'a str, values: Vec<&str>) -> &'a str {
    let mut lines = text.lines().filter(|line| has_words(line));
    let holding = lines.clone().find(|line| values.iter().any(|value| line.contains(value)));
    holding.or_else(|| lines.find(|line| line.split_whitespace().count() > 2)).unwrap_or(text)
}

/// What the facts should tell of such a case and do not.
fn unknown(facts: &Facts, category: Category) -> impl Iterator<Item = &'static str> {
    let line = facts.line.as_ref();
    let stock = facts.stock.as_ref();
    let due = line.map_or(facts.order.due_at, |line| line.promised_ship_at);
    let about_stock = matches!(category, Category::InventoryShortage | Category::AllocationConflict);
    let about_price = category == Category::PricingDiscrepancy;
    let about_transport = category == Category::ShipmentStatusFailure;
    let shipment = facts.shipment.as_ref();
    let checks = [
        (due.is_none(), "a promised ship date"),
        (facts.customer.is_none(), "the customer's record"),
        (line.is_some_and(|line| line.unit_price.is_none()), "the price of the line"),
        (about_stock && stock.is_none(), "the stock of the item"),
        (about_stock && stock.is_none_or(|stock| stock.next_receipt_in_h.is_none()), "the date of the next receipt"),
        (about_stock && facts.purchase_order.is_none(), "a purchase order for the item"),
        (about_price && line.is_none_or(|line| line.expected_price.is_none()), "the agreed price"),
        (about_transport && shipment.is_none_or(|s| s.overdue_h.is_none()), "the estimated time of the shipment"),
        (about_transport && shipment.is_none_or(|s| s.detail.is_none()), "the carrier's reason"),
        (facts.order.carrier_id.is_none(), "the carrier of the order"),
    ];
    checks.into_iter().filter(|(missing, _)| *missing).map(|(_, what)| what)
}
