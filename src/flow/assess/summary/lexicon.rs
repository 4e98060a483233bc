//! Words that only a fact may bring in, and why a text that no frame says is not ours.
//!
//! Guarantee: the lists are closed; they word the reason of a refusal and keep frames clean, and are no judge of truth.

use super::frames::Segment;

const NUMBER_WORDS: [&str; 34] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "thousand",
    "million",
    "dozen",
    "half",
    "twice",
];
const MONTHS: [&str; 19] = [
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "tomorrow",
];
const CURRENCIES: [&str; 14] =
    ["eur", "usd", "gbp", "chf", "pln", "cad", "euro", "euros", "dollar", "dollars", "pound", "pounds", "€", "$"];
const NEGATIONS: [&str; 9] = ["not", "no", "never", "none", "nothing", "without", "cannot", "neither", "nor"];
const STATUSES: [&str; 22] = [
    "approved",
    "rejected",
    "shipped",
    "delivered",
    "cancelled",
    "released",
    "confirmed",
    "paid",
    "resolved",
    "blocked",
    "allocated",
    "validated",
    "received",
    "invoiced",
    "refused",
    "accepted",
    "expired",
    "withdrawn",
    "executed",
    "booked",
    "reserved",
    "lost",
];

/// Why a text is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A number that no fact has.
    Digit,
    /// A number in words.
    NumberWord,
    /// A month or day in words.
    Month,
    /// A currency that no fact has.
    Currency,
    /// A name that no fact has.
    Capital,
    /// Quoted words that no fact has.
    Quote,
    /// A status outside of a slot.
    Status,
    /// A negation outside of a frame.
    Negation,
    /// Every value is a fact's, and no frame says it so.
    Wording,
}

/// What `token` may not be outside of a slot; `first` where a capital is only the sentence's.
fn fault(token: &str, first: bool) -> Option<Reason> {
    let low = token.to_lowercase();
    let in_list = |list: &[&str]| list.contains(&low.as_str());
    if token.chars().any(char::is_numeric) {
        return Some(Reason::Digit);
    }
    if in_list(&NUMBER_WORDS) {
        return Some(Reason::NumberWord);
    }
    if in_list(&MONTHS) {
        return Some(Reason::Month);
    }
    if in_list(&CURRENCIES) {
        return Some(Reason::Currency);
    }
    let capital = token.chars().next().is_some_and(char::is_uppercase) && !first;
    (capital || token.chars().skip(1).any(char::is_uppercase)).then_some(Reason::Capital)
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let edge = |c: char| !(c.is_alphanumeric() || matches!(c, '€' | '$'));
    text.split_whitespace().map(move |token| token.trim_matches(edge)).filter(|token| !token.is_empty())
}

/// Checks the words of a paraphrase.
pub(super) fn check_words(segments: &[Segment]) -> Result<(), String> {
    for (at, segment) in segments.iter().enumerate() {
        let (words, inner): (&str, &[Segment]) = match segment {
            Segment::Slot(_) => continue,
            Segment::Words(words) => (words, &[]),
            Segment::Repeat(inner, separator) => (separator, inner),
        };
        if words.contains(['“', '”', '"']) {
            return Err("only a fact brings quotation marks".to_owned());
        }
        for (index, token) in tokens(words).enumerate() {
            if let Some(reason) = fault(token, at == 0 && index == 0) {
                return Err(format!("`{token}` is a {reason:?} outside of a slot"));
            }
        }
        if !inner.is_empty() {
            // What is repeated never begins a sentence.
            let padded = [&[Segment::Words(String::new())], inner].concat();
            check_words(&padded)?;
        }
    }
    Ok(())
}

/// Why `text` is in none of the frames, as far as words tell: the first value that is in no rendering, else its wording.
#[must_use]
pub fn reason(text: &str, renderings: &[&str]) -> Reason {
    let mut rest = text.to_owned();
    let mut known: Vec<&str> = renderings.iter().copied().filter(|rendering| rendering.len() > 1).collect();
    known.sort_by_key(|rendering| std::cmp::Reverse(rendering.len()));
    for rendering in known {
        rest = rest.replace(rendering, " ");
    }
    if rest.contains(['“', '”', '"']) {
        return Reason::Quote;
    }
    let spare: Vec<&str> = renderings.iter().flat_map(|rendering| tokens(rendering)).collect();
    let first = tokens(text).next().unwrap_or_default();
    let faults = tokens(&rest).filter(|token| !spare.contains(token)).filter_map(|token| fault(token, token == first));
    faults.min().unwrap_or_else(|| {
        let has = |list: &[&str]| tokens(&rest).any(|token| list.contains(&token.to_lowercase().as_str()));
        match () {
            () if has(&STATUSES) => Reason::Status,
            () if has(&NEGATIONS) => Reason::Negation,
            () => Reason::Wording,
        }
    })
}
