//! Extract: typed values with the bytes they were read from.
//!
//! Guarantees: a pure function of the text, what the store knows and the day it was sent; every span is the text's own
//! bytes; spans of one text do not overlap; a value that has no certain reading is `None`. Non-goals: deciding what a value
//! is for; text never acts.

mod candidates;
mod dates;
mod features;
pub mod known;
mod lexicon;
mod numbers;
pub mod weigh;
mod words;

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::domain::message::{Entity, EntityType, Part, Span};
use crate::domain::party::normalised;
use crate::domain::weights::Weights;
use crate::ports::language::Contexts;
use candidates::{Candidate, Class};
use features::Shown;
pub use known::{Known, Token};

/// Tokens of one message that are looked up; a text with more is a listing, and its first ones stand for it.
pub const TOKENS_MAX: usize = 400;

/// Tokens of `text` that may be identifiers, for the caller to look up.
#[must_use]
pub fn candidates(text: &str) -> Vec<Token> {
    let words = words::words(text);
    let mut seen = BTreeSet::new();
    let token = |(at, count): (usize, usize)| {
        let text = &text[words[at].start..words[at + count - 1].end];
        Token { text: text.to_owned(), normalised: normalised(text) }
    };
    let tokens = candidates::ranges(text, &words).into_iter().map(token);
    tokens.filter(|token| seen.insert(token.normalised.clone())).take(TOKENS_MAX).collect()
}

/// What an encoder made of a message, and where its texts stand in what the encoder was given.
#[derive(Clone, Debug, PartialEq)]
pub struct InContext {
    /// Of the encoder's text.
    pub contexts: Contexts,
    /// First bytes of subject and body in it.
    pub at: [usize; 2],
}

impl InContext {
    fn of(&self, part: Part, candidate: &Candidate) -> Option<Vec<f32>> {
        let [subject, body] = self.at;
        let at = if part == Part::Subject { subject } else { body };
        self.contexts.mean(at + candidate.start..at + candidate.end)
    }
}

/// Every typed value of a message's subject and body, in the order of the text, by words alone.
#[must_use]
pub fn extract(subject: Option<&str>, body: &str, known: &Known, sent: Option<Date>) -> Vec<Entity> {
    extract_by((weigh::built_in(), None), subject, body, known, sent)
}

/// As [`extract`], by weights that look at contexts as well.
#[must_use]
pub fn extract_by(
    (weights, context): (&Weights, Option<&InContext>),
    subject: Option<&str>,
    body: &str,
    known: &Known,
    sent: Option<Date>,
) -> Vec<Entity> {
    let (texts, candidates) = seen(context, subject, body, known, sent);
    let mut found = Vec::new();
    for ((part, text), candidates) in texts.into_iter().zip(&candidates) {
        for (index, class) in weigh::choose(weights, candidates) {
            found.extend(entity(part, text, &candidates[index].0, class, known));
        }
    }
    found
}

/// A text of a message, and its candidates with their features.
type Seen<'a> = (Vec<(Part, &'a str)>, Vec<Vec<(Candidate, Shown)>>);

fn seen<'a>(
    context: Option<&InContext>,
    subject: Option<&'a str>,
    body: &'a str,
    known: &Known,
    sent: Option<Date>,
) -> Seen<'a> {
    let message = features::Message::of(subject, body, known);
    let texts: Vec<(Part, &str)> =
        subject.map(|text| (Part::Subject, text)).into_iter().chain([(Part::Body, body)]).collect();
    let of = |(part, text): &(Part, &'a str)| {
        let text = features::Text::of(*part, text, words::words(text));
        let found = candidates::of(text.text, &text.words, known, sent);
        let with = |candidate: Candidate| {
            let shown = features::of(&message, &text, known, &candidate, sent);
            // Which identifier a code is, the store and the words beside it say; contexts of its pieces mislead.
            let is_told = candidate.number.is_some() || candidate.date.is_some();
            let context = context.filter(|_| is_told).and_then(|context| context.of(*part, &candidate));
            (candidate, Shown { context, ..shown })
        };
        found.into_iter().map(with).collect()
    };
    let candidates = texts.iter().map(of).collect();
    (texts, candidates)
}

fn entity(part: Part, text: &str, candidate: &Candidate, class: Class, known: &Known) -> Option<Entity> {
    let kind = class.kind()?;
    let (mut start, mut end) = (candidate.start, candidate.end);
    let mut meant = None;
    let value = match (kind, candidate.date, candidate.number) {
        (EntityType::Date, Some((value, other)), _) => {
            let day = if class == Class::OtherDate { other } else { value };
            day.map(|day| day.to_string())
        }
        (EntityType::Quantity, _, Some(number)) => Some(number.normalize().to_string()),
        (EntityType::Amount, _, Some(mut number)) => {
            (start, end) = with_sign(text, start, end);
            if number.scale() < 2 {
                number.rescale(2);
            }
            Some(number.to_string())
        }
        _ => {
            let key = candidate.key.as_deref()?;
            meant = full(known, key, kind);
            let item = known.items.get(key).filter(|_| kind == EntityType::Sku && !known.short.contains(key));
            let plain: String =
                text[start..end].chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect();
            Some(item.cloned().unwrap_or(plain))
        }
    };
    Some(Entity { kind, text: text[start..end].to_owned(), value, span: Span { part, start, end }, meant })
}

/// The one known number that a token is short for, or misspells.
fn full(known: &Known, key: &str, kind: EntityType) -> Option<String> {
    if let Some((_, number)) = known.near.get(key).filter(|(near, _)| *near == kind) {
        return Some(number.clone());
    }
    if !known.short.contains(key) {
        return None;
    }
    if kind == EntityType::Sku {
        return known.items.get(key).cloned();
    }
    let hits = known.references.get(key)?;
    let own = hits
        .iter()
        .filter(|hit| hit.entity == kind.name() && [EntityType::OrderNo, EntityType::PurchaseOrderNo].contains(&kind));
    let mut keys: Vec<&String> = own.map(|hit| &hit.key).collect();
    keys.dedup();
    if let [only] = keys[..] { Some(only.clone()) } else { None }
}

/// An amount with the sign that touches it.
fn with_sign(text: &str, start: usize, end: usize) -> (usize, usize) {
    let signs = ['$', '€', '£', '¥'];
    let before = text[..start].trim_end_matches([' ', '\u{a0}', '\u{202f}']);
    if let Some(sign) = before.chars().next_back().filter(|sign| signs.contains(sign))
        && start - before.len() <= 1
    {
        return (before.len() - sign.len_utf8(), end);
    }
    let gap = text[end..].chars().next().filter(|c| [' ', '\u{a0}', '\u{202f}'].contains(c)).map_or(0, char::len_utf8);
    match text[end + gap..].chars().next().filter(|sign| signs.contains(sign)) {
        Some(sign) => (start, end + gap + sign.len_utf8()),
        None => (start, end),
    }
}

/// One candidate as training sees it.
pub struct Example {
    /// Hashes of its features.
    pub features: Vec<u32>,
    /// Features of one class each, whose weight stands at [`TIED`](crate::domain::weights::TIED) of their row.
    pub tied: Vec<(usize, u32)>,
    /// What an encoder made of it; `None` beyond its reach, and for what can only be an identifier.
    pub context: Option<Vec<f32>>,
    /// Indexes of the classes that it may be; 0 is none.
    pub classes: Vec<usize>,
    /// Type, text and value that each of the classes but none would say.
    pub says: Vec<(usize, Entity)>,
}

/// Every candidate of a message with what it would say as each class: what weights are learned from.
#[must_use]
pub fn examples(
    context: Option<&InContext>,
    subject: Option<&str>,
    body: &str,
    known: &Known,
    sent: Option<Date>,
) -> Vec<Example> {
    let (texts, candidates) = seen(context, subject, body, known, sent);
    let mut found = Vec::new();
    for ((part, text), candidates) in texts.into_iter().zip(candidates) {
        for (candidate, shown) in candidates {
            let classes = candidate.classes();
            let says = classes
                .iter()
                .filter_map(|class| Some((class.index(), entity(part, text, &candidate, *class, known)?)));
            let says = says.collect();
            let classes = classes.into_iter().map(Class::index).collect();
            let Shown { features, tied, context } = shown;
            found.push(Example { features, tied, context, classes, says });
        }
    }
    found
}
