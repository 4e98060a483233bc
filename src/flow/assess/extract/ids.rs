//! Identifiers in text: which tokens may be one, and what type each is.
//!
//! Guarantees: no number format is assumed. A token's type is what the store says it is; else what the words before it ask
//! for; else, for a token that mixes letters and digits, what the sender's role most often refers to.

use std::collections::BTreeMap;

use super::Known;
use super::lexicon::{self, has};
use super::words::Word;
use crate::domain::message::{EntityType, SenderRole};
use crate::domain::party::normalised;

/// Words of one identifier that is written with blanks (`GD 120 881`).
const JOINED_WORDS_MAX: usize = 4;
/// Letters and digits of an identifier that nothing but its shape speaks for.
const SHAPE_MIN: usize = 5;
/// Words before a token in which its cue is looked for.
const CUE_WORDS: usize = 4;

/// An identifier with the words it takes.
pub(super) struct Found {
    pub(super) kind: EntityType,
    pub(super) words: usize,
}

/// Ranges of words that may be one identifier, longest first at each place.
pub(super) fn ranges(text: &str, words: &[Word<'_>]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for at in 0..words.len() {
        for count in (1..=JOINED_WORDS_MAX).rev() {
            if joins(text, words, at, count) {
                found.push((at, count));
            }
        }
    }
    found
}

/// Whether `count` words from `at` can be one identifier: some digit, single blanks between, short and plain parts.
fn joins(text: &str, words: &[Word<'_>], at: usize, count: usize) -> bool {
    let Some(run) = words.get(at..at + count) else { return false };
    let blank = run.windows(2).all(|pair| &text[pair[0].end..pair[1].start] == " ");
    let parts = count == 1 || run.iter().all(|word| word.text.len() <= if word.has_digit() { 8 } else { 4 });
    let characters: usize = run.iter().map(|word| normalised(word.text).len()).sum();
    blank && parts && run.iter().any(Word::has_digit) && characters >= 3 && !run.iter().any(Word::is_address)
}

/// Capitals only, as the letters of a split identifier are.
fn is_code(text: &str) -> bool {
    text.len() <= 4 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// The identifier that begins at word `at`.
pub(super) fn at(text: &str, words: &[Word<'_>], at: usize, known: &Known) -> Option<Found> {
    let word = words.get(at)?;
    let cue = cue(text, words, at, known.role);
    for count in (1..=JOINED_WORDS_MAX).rev().filter(|&count| joins(text, words, at, count)) {
        let token = &text[word.start..words[at + count - 1].end];
        if let Some(kind) = of_store(token, known, cue) {
            return Some(Found { kind, words: count });
        }
    }
    let split = cue.is_some() && starts_split(text, words, at);
    if word.is_address() || !(word.has_digit() || split) {
        return None;
    }
    match cue {
        Some(kind) => cued(text, words, at, kind),
        None => shaped(text, words, at, known.role),
    }
}

/// What the store says of a token, in favour of what the words before it ask for.
fn of_store(token: &str, known: &Known, cue: Option<EntityType>) -> Option<EntityType> {
    let key = normalised(token);
    if key.len() < SHAPE_MIN && cue.is_none() {
        return None;
    }
    let kinds: Vec<EntityType> =
        known.references.get(&key).into_iter().flatten().filter_map(|hit| EntityType::parse(&hit.entity)).collect();
    let asked = cue.filter(|cue| kinds.contains(cue));
    asked.or(kinds.first().copied()).or(known.items.contains_key(&key).then_some(EntityType::Sku))
}

/// Whether a code word and a number stand together like one identifier.
fn starts_split(text: &str, words: &[Word<'_>], at: usize) -> bool {
    is_code(words[at].text) && joins(text, words, at, 2)
}

fn cued(text: &str, words: &[Word<'_>], at: usize, kind: EntityType) -> Option<Found> {
    let digits = |count: usize| {
        words[at..at + count].iter().all(|word| word.text.bytes().filter(u8::is_ascii_digit).count() > 0)
    };
    // A split number goes on as long as short words with digits follow; its first word may be letters.
    let longest = (2..=JOINED_WORDS_MAX).rev().find(|&count| {
        let first = usize::from(!words[at].has_digit());
        joins(text, words, at, count)
            && words[at + first..at + count].iter().all(|word| word.has_digit())
            && (first == 1 || (digits(count) && kind != EntityType::Sku))
    });
    let words_taken = longest.unwrap_or(1);
    let characters = normalised(&text[words[at].start..words[at + words_taken - 1].end]).len();
    let plain_number = words_taken == 1 && !words[at].has_letter() && characters < 3;
    (!plain_number && !is_measure(words[at].text)).then_some(Found { kind, words: words_taken })
}

/// A token without a cue: only one of letters and digits, or of groups of digits, long enough not to be a measure.
fn shaped(text: &str, words: &[Word<'_>], at: usize, role: SenderRole) -> Option<Found> {
    let word = &words[at];
    let digits = word.text.bytes().filter(u8::is_ascii_digit).count();
    let grouped = word.text.contains(['-', '/', '_']) || word.text.contains('.') && word.has_letter();
    let mixed = word.has_letter() && word.text.chars().any(char::is_uppercase);
    let long = normalised(word.text).len() >= SHAPE_MIN && digits >= 2;
    if !long || !(mixed || (grouped && digits >= 5) || digits >= 8) || is_measure(word.text) {
        return None;
    }
    let before = at.checked_sub(1).map_or("", |index| words[index].lower.as_str());
    let about = has(lexicon::ABOUT, before) || at == 0;
    let in_brackets = text[..word.start].ends_with('(');
    let letters = word.text.chars().filter(|c| c.is_alphabetic()).count();
    let names_item =
        letters >= 3 && !about || in_brackets || has("the of die der das los las les", before) && letters >= 2;
    let kind = match role {
        _ if names_item => EntityType::Sku,
        SenderRole::Carrier => EntityType::TrackingNumber,
        SenderRole::Supplier => EntityType::PurchaseOrderNo,
        _ => EntityType::OrderNo,
    };
    Some(Found { kind, words: 1 })
}

/// `30mm`, `4x10`, `1/2`: digits with a unit glued on.
fn is_measure(text: &str) -> bool {
    let tail = text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '/' | 'x'));
    let tail = tail.to_lowercase();
    tail.is_empty() && text.len() <= 5 && text.contains(['x', '/', '.', ','])
        || has("mm cm m kg g l ml kn kw kv v w a hp ah k th st nd rd lb lbs oz ft in pt day days week h hr x s", &tail)
            && tail.len() < text.len()
}

/// What the words before a token ask for.
fn cue(text: &str, words: &[Word<'_>], at: usize, role: SenderRole) -> Option<EntityType> {
    let line = words[at].line;
    let mut asked: Option<(usize, EntityType)> = None;
    for back in (at.saturating_sub(CUE_WORDS)..at).rev() {
        let word = &words[back];
        if word.line != line
            || text[word.end..words[back + 1].start].contains(['.', ';', '?', '!', '(', ')'])
                && !abbreviated(&word.lower)
        {
            break;
        }
        if let Some(kind) = asks_for(&word.lower, role) {
            asked = Some((back, kind));
            break;
        }
        if !has(lexicon::BETWEEN, &word.lower) && !word.has_digit() {
            break;
        }
    }
    let (back, kind) = asked?;
    let owner = back.checked_sub(1).map_or("", |index| words[index].lower.as_str());
    Some(match kind {
        EntityType::OrderNo if role == SenderRole::Customer && has(lexicon::OURS, owner) => EntityType::PoNumber,
        other => other,
    })
}

fn abbreviated(word: &str) -> bool {
    has("no nr num p.o po inv art ref order-nr bestell-nr cde", word)
}

/// The type that a cue word asks for; an order is ours to a customer and theirs to a supplier.
fn asks_for(word: &str, role: SenderRole) -> Option<EntityType> {
    let lists: BTreeMap<u8, (&str, EntityType)> = BTreeMap::from([
        (0, (lexicon::TRACKING, EntityType::TrackingNumber)),
        (1, (lexicon::INVOICE, EntityType::InvoiceNumber)),
        (2, (lexicon::PURCHASE, EntityType::PoNumber)),
        (3, (lexicon::ORDER, EntityType::OrderNo)),
        (4, (lexicon::ITEM, EntityType::Sku)),
    ]);
    let kind = lists.into_values().find(|(list, _)| has(list, word)).map(|(_, kind)| kind)?;
    Some(match (kind, role) {
        (EntityType::PoNumber | EntityType::OrderNo, SenderRole::Supplier) => EntityType::PurchaseOrderNo,
        (EntityType::PoNumber, SenderRole::Carrier) => EntityType::PoNumber,
        (kind, _) => kind,
    })
}
