//! Candidates: every part of a text that may be a typed value, with what it would say as each.
//!
//! Guarantees: nothing is decided here; a text has few candidates beside its numbers, dates and codes.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::known::Known;
use super::words::Word;
use super::{dates, lexicon, numbers};
use crate::domain::message::EntityType;
use crate::domain::party::normalised;
use crate::domain::weights::CLASSES;

/// Words of one identifier that is written with blanks (`GD 120 881`).
const JOINED_WORDS_MAX: usize = 4;

/// What a candidate may be read as; the types of [`EntityType`], and a date that means the other of its two days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// No value.
    Nothing,
    /// A value of a type.
    Type(EntityType),
    /// A date, by its other reading.
    OtherDate,
}

impl Class {
    /// Its place in a row of weights.
    pub(super) fn index(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Type(kind) => 1 + EntityType::ALL.iter().position(|other| *other == kind).unwrap_or(0),
            Self::OtherDate => CLASSES - 1,
        }
    }

    /// The type that it says.
    pub(super) fn kind(self) -> Option<EntityType> {
        match self {
            Self::Nothing => None,
            Self::Type(kind) => Some(kind),
            Self::OtherDate => Some(EntityType::Date),
        }
    }
}

/// A part of a text that may be a typed value.
pub(super) struct Candidate {
    /// First word.
    pub(super) at: usize,
    /// Words.
    pub(super) count: usize,
    /// Bytes.
    pub(super) start: usize,
    /// One past the last byte.
    pub(super) end: usize,
    /// How it is written, for a date or a number.
    pub(super) form: &'static str,
    /// What a date would say, and what it would say otherwise.
    pub(super) date: Option<(Option<Date>, Option<Date>)>,
    /// What a number would say.
    pub(super) number: Option<Decimal>,
    /// Its letters and digits, where it may be an identifier.
    pub(super) key: Option<String>,
}

impl Candidate {
    /// What it may be.
    pub(super) fn classes(&self) -> Vec<Class> {
        use EntityType as T;
        let mut classes = vec![Class::Nothing];
        if self.key.is_some() {
            let ids = [T::OrderNo, T::PoNumber, T::PurchaseOrderNo, T::Sku, T::TrackingNumber, T::InvoiceNumber];
            classes.extend(ids.map(Class::Type));
        }
        if self.number.is_some() {
            classes.extend([T::Quantity, T::Amount].map(Class::Type));
        }
        if let Some((_, other)) = self.date {
            classes.push(Class::Type(T::Date));
            classes.extend(other.map(|_| Class::OtherDate));
        }
        classes
    }
}

/// The candidates of a text, by their first word.
pub(super) fn of(text: &str, words: &[Word<'_>], known: &Known, sent: Option<Date>) -> Vec<Candidate> {
    (0..words.len()).flat_map(|at| at_word(text, words, at, known, sent)).collect()
}

fn at_word(text: &str, words: &[Word<'_>], at: usize, known: &Known, sent: Option<Date>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    let mut add = |count: usize, end: usize, change: &dyn Fn(&mut Candidate)| {
        let same = found.iter().position(|candidate| candidate.count == count);
        let index = same.unwrap_or_else(|| {
            let start = words[at].start;
            found.push(Candidate { at, count, start, end, form: "", date: None, number: None, key: None });
            found.len() - 1
        });
        change(&mut found[index]);
    };
    if words[at].is_address() {
        return found;
    }
    for (count, key) in identifiers(text, words, at, known) {
        add(count, words[at + count - 1].end, &|candidate| candidate.key = Some(key.clone()));
    }
    for number in numbers::at(text, words, at) {
        add(number.words, words[at + number.words - 1].end, &|candidate| {
            candidate.number = Some(number.value);
            candidate.form = number.form;
        });
    }
    if let Some(date) = dates::at(text, words, at, sent) {
        add(date.words, date.end, &|candidate| {
            candidate.date = Some((date.value, date.other));
            candidate.end = date.end;
            candidate.form = date.form;
        });
    }
    found
}

/// Ranges of words that may be one identifier, with their letters and digits, as tokens to look up.
pub(super) fn ranges(text: &str, words: &[Word<'_>]) -> Vec<(usize, usize)> {
    let places = (0..words.len()).flat_map(|at| (1..=JOINED_WORDS_MAX).rev().map(move |count| (at, count)));
    places.filter(|&(at, count)| joins(text, words, at, count)).collect()
}

/// Whether `count` words from `at` can be one identifier: some digit, single blanks between, short and plain parts.
fn joins(text: &str, words: &[Word<'_>], at: usize, count: usize) -> bool {
    let Some(run) = words.get(at..at + count) else { return false };
    let blank =
        run.windows(2).all(|pair| [" ", ". ", ".", " - ", ": ", ":"].contains(&&text[pair[0].end..pair[1].start]));
    let parts = count == 1 || run.iter().all(|word| word.text.len() <= if word.has_digit() { 11 } else { 6 });
    let characters: usize = run.iter().map(|word| word.text.chars().filter(|c| c.is_alphanumeric()).count()).sum();
    let coded = run.iter().any(Word::has_digit) || (count == 1 && is_capitals(run[0].text));
    blank && parts && coded && characters >= 2 && !run.iter().any(Word::is_address)
}

/// `STO-MP-TUE`: capitals in parts, as some numbers without digits are.
fn is_capitals(text: &str) -> bool {
    text.len() >= 5 && text.contains(['-', '/', '.']) && !text.chars().any(char::is_lowercase)
}

fn identifiers(text: &str, words: &[Word<'_>], at: usize, known: &Known) -> Vec<(usize, String)> {
    let of = |count: usize| {
        let key = normalised(&text[words[at].start..words[at + count - 1].end]);
        let is_known = !known.kinds(&key).is_empty() || known.near.contains_key(&key);
        (is_known || count == 1 || is_split(text, words, at, count, known, &key)).then_some((count, key))
    };
    (1..=JOINED_WORDS_MAX).filter(|&count| joins(text, words, at, count)).filter_map(of).collect()
}

/// Whether words look like one number with blanks: a code before digits, or groups of digits.
fn is_split(text: &str, words: &[Word<'_>], at: usize, count: usize, known: &Known, key: &str) -> bool {
    let run = &words[at..at + count];
    let blank = run.windows(2).all(|pair| &text[pair[0].end..pair[1].start] == " ");
    let code =
        |word: &Word<'_>| !word.has_digit() && word.text.len() <= 5 && !word.text.chars().any(char::is_lowercase);
    let digits = run.iter().map(|word| word.text.bytes().filter(u8::is_ascii_digit).count()).sum::<usize>();
    let named = lexicon::names_a_type(&run[0].lower) || lexicon::has(lexicon::CURRENCY, &run[0].lower);
    let shaped = known.shapes.contains_key(key);
    let tail = run[1..].iter().all(|word| word.has_digit() || code(word) && word.text.len() <= 2);
    blank && tail && ((code(&run[0]) && (!named || shaped)) || (run[0].has_digit() && (digits >= 9 || shaped)))
}
