//! Amounts and quantities.
//!
//! Guarantees: both notations of thousands and decimals are read (`1,448.00` and `1.448,00`); a number is a quantity only
//! when a unit, a counting word or a noun says so, and never when it is a measure of time or size or the name of a line.

use rust_decimal::Decimal;

use super::lexicon::{self, has};
use super::words::Word;

/// A number with the bytes it was read from.
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) value: Decimal,
}

/// Larger counts are identifiers.
const COUNT_DIGITS_MAX: usize = 7;

/// Number words from two to twelve (and twenty): English, German, Spanish, French, Dutch.
const NUMBER_WORDS: [(u32, &str); 12] = [
    (2, "two zwei dos deux twee"),
    (3, "three drei tres trois drie"),
    (4, "four vier cuatro quatre"),
    (5, "five fünf cinco cinq vijf"),
    (6, "six sechs seis zes"),
    (7, "seven sieben siete sept zeven"),
    (8, "eight acht ocho huit"),
    (9, "nine neun nueve neuf negen"),
    (10, "ten zehn diez dix tien"),
    (11, "eleven elf"),
    (12, "twelve zwölf doce douze twaalf"),
    (20, "twenty zwanzig veinte vingt twintig"),
];

/// The number that a word of digits writes, in either notation; `12k` is twelve thousand.
pub(super) fn number(text: &str) -> Option<Decimal> {
    let (digits, scale) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, Decimal::ONE_THOUSAND),
        None => (text, Decimal::ONE),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit() || b == b',' || b == b'.') {
        return None;
    }
    let plain = match (digits.rfind(','), digits.rfind('.')) {
        (Some(comma), Some(point)) if comma > point => digits.replace('.', "").replace(',', "."),
        (Some(_), Some(_)) => digits.replace(',', ""),
        (Some(_), None) => one_separator(digits, ','),
        (None, Some(_)) => one_separator(digits, '.'),
        (None, None) => digits.to_owned(),
    };
    plain.parse::<Decimal>().ok().and_then(|number| number.checked_mul(scale))
}

/// Groups of three after the separator are thousands, anything else is decimals.
fn one_separator(digits: &str, separator: char) -> String {
    let mut groups = digits.split(separator);
    let first = groups.next().unwrap_or_default();
    let thousands = (1..=3).contains(&first.len()) && first != "0" && groups.all(|group| group.len() == 3);
    if thousands { digits.replace(separator, "") } else { digits.replacen(separator, ".", 1) }
}

/// The amount of money at word `at`: beside a currency, after a price word, or written with two decimals and no unit.
pub(super) fn amount(words: &[Word<'_>], at: usize) -> Option<Found> {
    let word = words.get(at)?;
    let mut value = number(word.text)?;
    let before = at.checked_sub(1).and_then(|index| words.get(index));
    let (left, right) = (lower(before), lower(words.get(at + 1)));
    let unmeasured =
        !has(lexicon::UNITS, right) && (!has(lexicon::NOT_COUNTED, right) || has(lexicon::AFTER_AMOUNT, right));
    let cents = word.text.rfind([',', '.']).is_some_and(|point| word.text.len() - point == 3);
    let money = has(lexicon::CURRENCY, left) || has(lexicon::CURRENCY, right);
    if !money && !(unmeasured && (cents || has(lexicon::PRICE_BEFORE, left))) {
        return None;
    }
    if value.scale() < 2 {
        value.rescale(2);
    }
    let sign = before.filter(|sign| has(lexicon::CURRENCY_SIGNS, sign.text) && word.start - sign.end <= 1);
    Some(Found { start: sign.map_or(word.start, |sign| sign.start), end: word.end, value })
}

/// The count of goods at word `at`.
pub(super) fn quantity(words: &[Word<'_>], at: usize) -> Option<Found> {
    let word = words.get(at)?;
    let (left, right) = (lower(at.checked_sub(1).and_then(|i| words.get(i))), words.get(at + 1));
    let written =
        NUMBER_WORDS.iter().find(|(_, names)| has(names, &word.lower)).map(|(value, _)| Decimal::from(*value));
    let same_line = right.filter(|right| right.line == word.line);
    let unit = has(lexicon::UNITS, lower(same_line));
    let value = match written {
        Some(value) => value,
        None => {
            let digits = word.text.bytes().filter(u8::is_ascii_digit).count();
            number(word.text)
                .filter(|n| digits <= COUNT_DIGITS_MAX && (n.is_integer() || unit) && !word.text.ends_with('k'))?
        }
    };
    let counted = has(lexicon::COUNT_BEFORE, left) && !has(lexicon::NOT_COUNTED, lower(same_line));
    let named = has(lexicon::NAMED_BEFORE, left) || has(lexicon::CURRENCY, lower(same_line));
    if named || !(unit || counted || is_noun(same_line) || of_which(words, at)) {
        return None;
    }
    Some(Found { start: word.start, end: word.end, value: value.normalize() })
}

/// A word that can be what is counted: letters, two at least, and not the grammar of another sentence.
fn is_noun(word: Option<&Word<'_>>) -> bool {
    word.is_some_and(|word| {
        let letters = word.text.chars().filter(|c| c.is_alphabetic()).count();
        letters > 2 && !word.has_digit() && !has(lexicon::NOT_COUNTED, &word.lower) && !has(lexicon::ABOUT, &word.lower)
    })
}

/// `60 of the 100 covers`.
fn of_which(words: &[Word<'_>], at: usize) -> bool {
    let of = |word: &Word<'_>| has("of von de van des", &word.lower);
    words.get(at + 1).is_some_and(of)
        && words.get(at + 2).is_some_and(|next| has("the those these den die der las los", &next.lower))
}

fn lower<'a>(word: Option<&'a Word<'_>>) -> &'a str {
    word.map_or("", |word| word.lower.as_str())
}
