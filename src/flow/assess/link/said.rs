//! What a message says that could point to an order: references, words, numbers, days.
//!
//! Guarantees: pure; a number that is part of a reference, a date or an amount is not counted as a quantity; what stands in
//! quoted or forwarded text is known to. Non-goals: what any of it means.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::domain::message::{Entity, EntityType, Part};
use crate::domain::party::normalised;
use crate::domain::payload::MessageReceived;
use crate::domain::words::stems;
use crate::flow::assess::extract::{self, Known};
use crate::flow::assess::parts::{self, Kind};
use crate::ports::store::objects::ReferenceHit;

/// Digits of a number that can be a quantity.
const QUANTITY_DIGITS_MAX: usize = 6;
/// Digits that a token needs to look like a reference.
const REFERENCE_DIGITS_MIN: usize = 4;
/// Words that say that more than one order is meant, in five languages, as stems.
const SEVERAL: &str = "all every each both either several many order whichever beide alle sammtlich bestellungen auftrage jede \
    toutes tous chaque plusieurs commandes todos todas ambos pedidos cada varios beiden alles bestellingen orders";

/// A reference in the text that the store knows.
#[derive(Clone, Debug)]
pub(super) struct Mention {
    pub(super) kind: EntityType,
    pub(super) value: String,
    pub(super) hits: Vec<ReferenceHit>,
    /// Stands in quoted or forwarded text only.
    pub(super) quoted: bool,
    /// Only the end of the number.
    pub(super) short: bool,
}

/// A message, as linking reads it.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) mentions: Vec<Mention>,
    /// Normalised tokens that look like references and that nothing is known of.
    pub(super) unknown: BTreeSet<String>,
    pub(super) stems: BTreeSet<String>,
    pub(super) numbers: BTreeSet<Decimal>,
    pub(super) amounts: BTreeSet<Decimal>,
    pub(super) dates: BTreeSet<Date>,
    pub(super) skus: BTreeSet<String>,
    /// Words that say that more than one order is meant.
    pub(super) several: usize,
    pub(super) words: usize,
}

impl Said {
    /// Reads the message with what was found in it; the declared name of its sender counts as text.
    pub(super) fn of(message: &MessageReceived, entities: &[Entity], known: &Known) -> Self {
        let subject = message.subject.as_deref().unwrap_or_default();
        let quoted: Vec<Range<usize>> = parts::parts(&message.body)
            .into_iter()
            .filter(|part| part.kind == Kind::Quoted)
            .map(|part| part.range)
            .collect();
        let mut said = Self { mentions: mentions(entities, known, &quoted, &hidden(&message.body)), ..Self::default() };
        let name = message.from.name.as_deref().unwrap_or_default();
        let all = [stems(subject), stems(&message.body), stems(name)].concat();
        let several: BTreeSet<String> = stems(SEVERAL).into_iter().collect();
        said.words = all.len();
        said.several = all.iter().filter(|stem| several.contains(*stem)).count();
        said.stems = all.into_iter().collect();
        for entity in entities {
            let Some(value) = &entity.value else { continue };
            match entity.kind {
                EntityType::Sku => drop(said.skus.insert(value.clone())),
                EntityType::Date => said.dates.extend(value.parse::<Date>()),
                EntityType::Amount => said.amounts.extend(value.parse::<Decimal>().map(|n| n.normalize())),
                EntityType::Quantity => said.numbers.extend(value.parse::<Decimal>().map(|n| n.normalize())),
                _ => {}
            }
        }
        for (part, text) in [(Part::Subject, subject), (Part::Body, message.body.as_str())] {
            said.count(part, text, entities);
        }
        let mentioned: BTreeSet<String> = said.mentions.iter().map(|mention| normalised(&mention.value)).collect();
        for token in [subject, &message.body].into_iter().flat_map(extract::candidates) {
            let digits = token.normalised.bytes().filter(u8::is_ascii_digit).count();
            let said_else = known.references.contains_key(&token.normalised)
                || known.items.contains_key(&token.normalised)
                || mentioned.iter().any(|known| known.contains(&token.normalised))
                || token.text.contains(' ');
            if digits >= REFERENCE_DIGITS_MIN && !said_else {
                said.unknown.insert(token.normalised);
            }
        }
        said
    }

    /// Adds the plain numbers of a text that belong to no reference and no date.
    fn count(&mut self, part: Part, text: &str, entities: &[Entity]) {
        let taken = |start: usize| {
            let of =
                |entity: &&Entity| entity.span.part == part && (entity.span.start..entity.span.end).contains(&start);
            entities.iter().find(of).is_some_and(|entity| entity.kind != EntityType::Quantity)
        };
        let mut start = 0;
        for word in text.split_inclusive(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | ',' | '-' | '/'))) {
            let plain = word.trim_matches(|c: char| !c.is_alphanumeric());
            if let (false, Some(number)) = (taken(start), number(plain)) {
                self.numbers.insert(number);
            }
            start += word.len();
        }
    }
}

/// The number that digits write; a comma or a point before three digits groups thousands, before others it divides.
fn number(word: &str) -> Option<Decimal> {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let plain = word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','));
    if digits == 0 || digits > QUANTITY_DIGITS_MAX || !plain {
        return None;
    }
    let grouped = word.rsplit_once(['.', ',']).is_some_and(|(_, rest)| rest.len() == 3);
    let text = if grouped { word.replace(['.', ','], "") } else { word.replace(',', ".") };
    text.parse::<Decimal>().ok().map(|number| number.normalize())
}

/// Bytes of HTML comments: people do not see them, so they name nothing.
fn hidden(body: &str) -> Vec<Range<usize>> {
    let opened = body.match_indices("<!--").map(|(start, _)| start);
    opened.map(|start| start..body[start..].find("-->").map_or(body.len(), |end| start + end)).collect()
}

/// Every reference once, the unquoted one where there are both.
fn mentions(entities: &[Entity], known: &Known, quotes: &[Range<usize>], hidden: &[Range<usize>]) -> Vec<Mention> {
    let mut found: BTreeMap<String, Mention> = BTreeMap::new();
    for entity in entities {
        let value = entity.value.as_deref().unwrap_or(&entity.text);
        let key = normalised(value);
        let Some(hits) = known.references.get(&key) else { continue };
        let within = |ranges: &[Range<usize>]| ranges.iter().any(|range| range.contains(&entity.span.start));
        if entity.span.part == Part::Body && within(hidden) {
            continue;
        }
        let quoted = entity.span.part == Part::Body && within(quotes);
        let short = known.short.contains(&key);
        let mention = Mention { kind: entity.kind, value: value.to_owned(), hits: hits.clone(), quoted, short };
        let first = found.entry(key).or_insert(mention);
        first.quoted &= quoted;
    }
    found.into_values().collect()
}
