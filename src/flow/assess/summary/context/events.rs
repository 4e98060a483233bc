//! Of a context: what its timeline and messages say.
//!
//! Guarantee: words of others and of the log are quotes with who and when; the entries that only tell that the order came in
//! and that the exception was raised are left to the facts that say so.

use serde_json::Value;

use super::{Page, day, text, time_of};
use crate::domain::message::SenderRole;
use crate::flow::assess::summary::ledger::Kind;
use crate::flow::assess::summary::messages::party;
use crate::flow::assess::summary::render::{Said, name, quote};

/// Seconds around the placing and the raising within which an entry only tells of these.
const AROUND_S: i64 = 300;

/// Digits from which on a value in a message is worth its own quote.
const DIGITS_MIN: usize = 3;

struct Entry<'a> {
    at: usize,
    value: &'a Value,
}

pub(super) fn enter(page: &mut Page<'_>) {
    let told: Vec<Entry<'_>> = page
        .list("/timeline")
        .iter()
        .enumerate()
        .map(|(at, value)| Entry { at, value })
        .filter(|entry| text(&entry.value["event"]).is_some() && !is_bookkeeping(page, entry.value))
        .collect();
    let actor = |entry: &Entry<'_>| entry.value["actor"].as_str().unwrap_or("unknown").to_owned();
    let customer: Vec<&Entry<'_>> = told.iter().filter(|entry| actor(entry) == "customer").collect();
    match customer.split_last() {
        Some((latest, earlier)) => {
            said(page, "customer.latest", latest);
            for (number, entry) in earlier.iter().rev().enumerate() {
                said(page, &format!("customer.earlier.{}", number + 1), entry);
            }
        }
        None => {
            let words = Some(Said::words("no message"));
            page.put("customer.silent", "messages of the customer", "/timeline", &Value::from(0), words);
        }
    }
    let logged = told.iter().filter(|entry| actor(entry) == "system");
    for (number, entry) in logged.enumerate() {
        said(page, &format!("log.{}", number + 1), entry);
    }
    let others = told.iter().filter(|entry| !matches!(actor(entry).as_str(), "customer" | "system"));
    for (number, entry) in others.enumerate() {
        said(page, &format!("other.{}", number + 1), entry);
    }
    messages(page);
}

fn said(page: &mut Page<'_>, prefix: &str, entry: &Entry<'_>) {
    let Entry { at, value } = entry;
    let pointer = format!("/timeline/{at}");
    let role = |member: &str| format!("{prefix}.{member}");
    let actor = value["actor"].as_str().unwrap_or("unknown");
    page.put(&role("who"), "who", &pointer, &value["actor"], Some(who(actor)));
    let when = day(&value["at"]).unwrap_or(Said::words("an unknown day"));
    page.put(&role("at"), "when", &pointer, &value["at"], Some(when));
    page.put(&role("quote"), "verbatim", &pointer, &value["event"], text(&value["event"]).map(quote));
    for member in ["who", "at", "quote"] {
        page.ledger.stands(&role(member), format!("/facts{pointer}"), time_of(&value["at"]));
    }
}

/// Who acted, by the timeline's own record.
fn who(actor: &str) -> Said {
    match SenderRole::parse(actor) {
        Some(role) => Said::words(party(role)),
        None => Said::new(Kind::Name, name(actor).text),
    }
}

/// Whether an entry of the system only tells that the order came in or that the exception was raised.
fn is_bookkeeping(page: &Page<'_>, entry: &Value) -> bool {
    let event = entry["event"].as_str().unwrap_or_default();
    let names = |pointer: &str| page.at(pointer).as_str().is_some_and(|id| event.contains(id));
    let near = |pointer: &str| {
        let pair = time_of(&entry["at"]).zip(time_of(page.at(pointer)));
        pair.is_some_and(|(at, other)| (at.as_second() - other.as_second()).abs() <= AROUND_S)
    };
    let raised = names("/exception/exception_id") && near("/exception/raised_at");
    entry["actor"] == "system" && (raised || (names("/order/order_id") && near("/order/placed_at")))
}

fn messages(page: &mut Page<'_>) {
    let messages = page.context["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let count = Said::new(Kind::Number, messages.len().to_string());
    page.ledger.put("messages.count", "messages", messages.len(), count, None);
    let written = messages.iter().filter_map(|message| text(message).or_else(|| text(&message["body"])));
    let mut new = 0;
    for (at, message) in written.enumerate() {
        let role = format!("note.{}.quote", at + 1);
        page.ledger.put(&role, "verbatim", message, quote(message), None);
        page.ledger.stands(&role, format!("/messages/{at}"), None);
        if let Some(adds) = adds(page, message) {
            new += 1;
            let role = format!("note.new.{new}.quote");
            page.ledger.put(&role, "verbatim", message, quote(adds), None);
            page.ledger.stands(&role, format!("/messages/{at}"), None);
        }
    }
}

/// The part of a message with a value that no other fact has: a telephone number, a street.
fn adds<'a>(page: &Page<'_>, message: &'a str) -> Option<&'a str> {
    let known = |token: &str| {
        let facts = page.ledger.facts().iter();
        facts.filter(|fact| !fact.role.starts_with("note.")).any(|fact| fact.rendering.contains(token))
    };
    let edge = |c: char| !c.is_alphanumeric();
    let is_new = |token: &str| token.chars().filter(char::is_ascii_digit).count() >= DIGITS_MIN && !known(token);
    message.split_inclusive(". ").find(|part| part.split_whitespace().any(|token| is_new(token.trim_matches(edge))))
}
