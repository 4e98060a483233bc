//! Extract: typed values with the bytes they were read from.
//!
//! Guarantees: pure functions of the text, what the store knows and the day it was sent; every span is the text's own
//! bytes; spans of one text do not overlap; a value that could be read two ways is `None`. Non-goals: deciding what a value
//! is for; text never acts.

mod dates;
mod ids;
mod lexicon;
mod numbers;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::domain::message::{Entity, EntityType, Part, SenderRole, Span};
use crate::domain::party::normalised;
use crate::ports::store::objects::ReferenceHit;
use words::Word;

/// Tokens of one message that are looked up; a text with more is a listing, and its first ones stand for it.
pub const TOKENS_MAX: usize = 400;

/// A part of a text that may be an identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// As written.
    pub text: String,
    /// Upper case, only letters and digits: the form in which the store keeps references.
    pub normalised: String,
}

/// What the store knows of a message's tokens, and who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Orders, purchase orders, shipments and invoices by normalised token.
    pub references: BTreeMap<String, Vec<ReferenceHit>>,
    /// Item numbers by normalised token.
    pub items: BTreeMap<String, String>,
    /// The sender's role: a customer's order is ours, a supplier's order is our purchase order.
    pub role: SenderRole,
}

/// Tokens of `text` that may be identifiers, for the caller to look up.
#[must_use]
pub fn candidates(text: &str) -> Vec<Token> {
    let words = words::words(text);
    let mut seen = BTreeSet::new();
    let token = |(at, count): (usize, usize)| {
        let text = &text[words[at].start..words[at + count - 1].end];
        Token { text: text.to_owned(), normalised: normalised(text) }
    };
    let tokens = ids::ranges(text, &words).into_iter().map(token);
    tokens.filter(|token| seen.insert(token.normalised.clone())).take(TOKENS_MAX).collect()
}

/// Every typed value of a message's subject and body, in the order of the text.
#[must_use]
pub fn extract(subject: Option<&str>, body: &str, known: &Known, sent: Option<Date>) -> Vec<Entity> {
    let subject = subject.map(|text| of_part(Part::Subject, text, known, sent));
    subject.into_iter().flatten().chain(of_part(Part::Body, body, known, sent)).collect()
}

fn of_part(part: Part, text: &str, known: &Known, sent: Option<Date>) -> Vec<Entity> {
    let words = words::words(text);
    let (mut found, mut at) = (Vec::new(), 0);
    while at < words.len() {
        let (count, entity) = next(text, &words, at, known, sent);
        if let Some((kind, start, end, value)) = entity {
            let text = text[start..end].to_owned();
            found.push(Entity { kind, text, value, span: Span { part, start, end } });
        }
        at += count;
    }
    found
}

type Value = (EntityType, usize, usize, Option<String>);

/// What begins at word `at`, and how many words it takes. What the store knows comes first, then dates, because a date in
/// digits also has the shape of an identifier.
fn next(text: &str, words: &[Word<'_>], at: usize, known: &Known, sent: Option<Date>) -> (usize, Option<Value>) {
    let word = &words[at];
    let date = dates::at(text, words, at, sent);
    let id = ids::at(text, words, at, known);
    let stored = |found: &ids::Found| {
        let token = normalised(&text[word.start..words[at + found.words - 1].end]);
        known.references.contains_key(&token) || known.items.contains_key(&token)
    };
    if let Some(id) = id.filter(|id| date.is_none() || stored(id)) {
        let end = words[at + id.words - 1].end;
        let written = &text[word.start..end];
        let key = normalised(written);
        let item = known.items.get(&key).filter(|_| id.kind == EntityType::Sku);
        let plain: String = written.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect();
        return (id.words, Some((id.kind, word.start, end, Some(item.cloned().unwrap_or(plain)))));
    }
    if let Some(date) = date {
        return (date.words, Some((EntityType::Date, word.start, date.end, date.value.map(|date| date.to_string()))));
    }
    if let Some(amount) = numbers::amount(words, at) {
        return (1, Some((EntityType::Amount, amount.start, amount.end, Some(amount.value.to_string()))));
    }
    if let Some(count) = numbers::quantity(words, at) {
        return (1, Some((EntityType::Quantity, count.start, count.end, Some(count.value.to_string()))));
    }
    (1, None)
}
