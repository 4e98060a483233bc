//! Dates in text, in the forms that people write in English, German, Spanish, French and Dutch.
//!
//! Guarantees: a value is given only when day, month and year are certain: a numeric date that could be read two ways has
//! none, and a date without a year is the one nearest to the day the message was sent, or has none when that is unknown.

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};

use super::words::Word;

/// A date with the bytes it was read from.
pub(super) struct Found {
    /// Words it takes.
    pub(super) words: usize,
    /// Bytes after its first word's start.
    pub(super) end: usize,
    /// ISO 8601.
    pub(super) value: Option<Date>,
}

/// Names of months by number, each language's full names and usual short forms.
const MONTHS: [&[&str]; 12] = [
    &["january", "jan", "januar", "jänner", "enero", "ene", "janvier", "janv", "januari"],
    &["february", "feb", "februar", "febrero", "février", "fevrier", "févr", "februari"],
    &["march", "mar", "märz", "maerz", "mrz", "marzo", "mars", "maart", "mrt"],
    &["april", "apr", "abril", "abr", "avril", "avr"],
    &["may", "mai", "mayo", "mei"],
    &["june", "jun", "juni", "junio", "juin"],
    &["july", "jul", "juli", "julio", "juillet", "juil"],
    &["august", "aug", "agosto", "ago", "août", "aout", "augustus"],
    &["september", "sept", "sep", "septiembre", "septembre"],
    &["october", "oct", "oktober", "okt", "octubre", "octobre"],
    &["november", "nov", "noviembre", "novembre"],
    &["december", "dec", "dezember", "dez", "diciembre", "dic", "décembre", "decembre", "déc"],
];

const WEEKDAYS: [(Weekday, &[&str]); 7] = [
    (Weekday::Monday, &["monday", "montag", "lunes", "lundi", "maandag"]),
    (Weekday::Tuesday, &["tuesday", "dienstag", "martes", "mardi", "dinsdag"]),
    (Weekday::Wednesday, &["wednesday", "mittwoch", "miércoles", "miercoles", "mercredi", "woensdag"]),
    (Weekday::Thursday, &["thursday", "donnerstag", "jueves", "jeudi", "donderdag"]),
    (Weekday::Friday, &["friday", "freitag", "viernes", "vendredi", "vrijdag"]),
    (Weekday::Saturday, &["saturday", "samstag", "sábado", "sabado", "samedi", "zaterdag"]),
    (Weekday::Sunday, &["sunday", "sonntag", "domingo", "dimanche", "zondag"]),
];

const ORDINALS: [&str; 12] = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth",
];

/// Words between a day and its month, or a month and its year.
const OF: [&str; 4] = ["of", "de", "del", "the"];
/// Words that mark the weekday after them (or before, in Spanish and French) as the one to come.
const COMING: [&str; 12] = [
    "this",
    "coming",
    "diesen",
    "kommenden",
    "nächsten",
    "este",
    "próximo",
    "proximo",
    "prochain",
    "ce",
    "komende",
    "aanstaande",
];
/// English speakers disagree on these, so they have no value.
const DISPUTED: [&str; 2] = ["next", "volgende"];
/// Words after which a bare `d/m` or `d.m` is a date.
const BEFORE_SHORT: [&str; 40] = [
    "on", "by", "from", "to", "until", "til", "till", "before", "after", "since", "for", "of", "was", "is", "now",
    "eta", "etd", "due", "date", "dated", "ship", "am", "bis", "vom", "zum", "ab", "le", "el", "al", "del", "op",
    "tot", "van", "at", "mon", "tues", "wed", "thurs", "fri", "sat",
];
/// Words before a number of a calendar week.
const WEEK: [&str; 7] = ["week", "wk", "kw", "semaine", "semana", "sem", "woche"];

/// The date that begins at word `at`, if one does.
pub(super) fn at(text: &str, words: &[Word<'_>], at: usize, sent: Option<Date>) -> Option<Found> {
    numeric(text, words, at, sent)
        .or_else(|| day_month(words, at, sent))
        .or_else(|| month_day(words, at, sent))
        .or_else(|| relative(words, at, sent))
        .or_else(|| week(words, at))
}

fn month(word: &str) -> Option<i8> {
    let index = MONTHS.iter().position(|names| names.contains(&word))?;
    i8::try_from(index + 1).ok()
}

fn day(word: &str) -> Option<i8> {
    if let Some(index) = ORDINALS.iter().position(|ordinal| *ordinal == word) {
        return i8::try_from(index + 1).ok();
    }
    let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
    let suffix = &word[digits.len()..];
    let plain = ["", "st", "nd", "rd", "th", "er", "º", "e"].contains(&suffix);
    digits.parse().ok().filter(|day| plain && digits.len() <= 2 && (1..=31).contains(day))
}

fn year(word: &str) -> Option<i16> {
    let number: i16 = word.parse().ok()?;
    match word.len() {
        4 if (2000..2100).contains(&number) => Some(number),
        2 => Some(2000 + number),
        _ => None,
    }
}

/// The year that is given, else the one that brings the date nearest to `sent`.
fn complete(day: i8, month: i8, year: Option<i16>, sent: Option<Date>) -> Option<Date> {
    if let Some(year) = year {
        return Date::new(year, month, day).ok();
    }
    let sent = sent?;
    let candidates = (-1..=1).filter_map(|shift| Date::new(sent.year() + shift, month, day).ok());
    candidates.min_by_key(|date| date.duration_since(sent).abs())
}

fn found(words: &[Word<'_>], at: usize, count: usize, value: Option<Date>) -> Option<Found> {
    let last = words.get(at + count - 1)?;
    Some(Found { words: count, end: last.end, value })
}

/// `2026-03-14`, `20260314`, `14.03.2026`, `3/14/26`, `14.3.`, `14-Mar-2026`.
fn numeric(text: &str, words: &[Word<'_>], at: usize, sent: Option<Date>) -> Option<Found> {
    let word = words.get(at)?;
    let ascii = word.lower.is_ascii();
    if ascii && word.lower.len() > 10 && word.lower.as_bytes()[10] == b't' {
        let value = word.lower[..10].parse::<Date>().ok()?;
        return Some(Found { words: 1, end: word.start + 10, value: Some(value) });
    }
    if ascii && word.lower.len() == 8 && word.lower.starts_with("20") && word.lower.bytes().all(|b| b.is_ascii_digit())
    {
        let (year, month, day) = (&word.lower[..4], &word.lower[4..6], &word.lower[6..]);
        return found(words, at, 1, Some(Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?));
    }
    let separator = ['-', '/', '.'].into_iter().find(|&c| word.lower.contains(c))?;
    let parts: Vec<&str> = word.lower.split(separator).collect();
    match parts[..] {
        [y, m, d] if y.len() == 4 => {
            found(words, at, 1, Some(Date::new(year(y)?, m.parse().ok()?, d.parse().ok()?).ok()?))
        }
        [d, m, y] if month(m).is_some() => {
            found(words, at, 1, Some(complete(day(d)?, month(m)?, Some(year(y)?), sent)?))
        }
        [d, m] if month(m).is_some() => found(words, at, 1, complete(day(d)?, month(m)?, None, sent)),
        [a, b, y] => {
            let value = two_ways(a, b, Some(year(y)?), separator, sent)?;
            found(words, at, 1, value)
        }
        [a, b] => short(text, words, at, [a, b], separator, sent),
        _ => None,
    }
}

/// `14.3.` and, after a word that asks for a date, `3/14`.
fn short(
    text: &str,
    words: &[Word<'_>],
    at: usize,
    parts: [&str; 2],
    separator: char,
    sent: Option<Date>,
) -> Option<Found> {
    let word = &words[at];
    let dotted = separator == '.' && text[word.end..].starts_with('.') && parts[1].len() <= 2;
    let asked = at.checked_sub(1).is_some_and(|before| BEFORE_SHORT.contains(&words[before].lower.as_str()));
    let plain = !text[word.end..].starts_with(['"', '”']) && !text[..word.start].ends_with(['$', '€', '£']);
    if !(dotted || (separator == '/' && asked && plain)) {
        return None;
    }
    let value = two_ways(parts[0], parts[1], None, separator, sent)?;
    Some(Found { words: 1, end: word.end + usize::from(dotted), value })
}

/// Day and month from two numbers: `None` when they are none, `Some(None)` when either could be the day.
fn two_ways(a: &str, b: &str, year: Option<i16>, separator: char, sent: Option<Date>) -> Option<Option<Date>> {
    let (a, b): (i8, i8) = (a.parse().ok()?, b.parse().ok()?);
    let known_year = year.or(sent.map(|date| date.year())).unwrap_or(2000);
    let (day_first, month_first) = (Date::new(known_year, b, a).is_ok(), Date::new(known_year, a, b).is_ok());
    match (day_first, month_first) {
        (false, false) => None,
        (true, _) if separator == '.' || a == b => Some(complete(a, b, year, sent)),
        (true, false) => Some(complete(a, b, year, sent)),
        (false, true) if separator == '.' => None,
        (false, true) => Some(complete(b, a, year, sent)),
        (true, true) => Some(None),
    }
}

/// `14 March 2026`, `14. März`, `14 de marzo de 2026`, `the 14th of March`.
fn day_month(words: &[Word<'_>], at: usize, sent: Option<Date>) -> Option<Found> {
    let lower = |index: usize| words.get(index).map_or("", |word| word.lower.as_str());
    let day = day(lower(at))?;
    let mut next = at + 1;
    while OF.contains(&lower(next)) && next < at + 3 {
        next += 1;
    }
    let month = month(lower(next))?;
    with_year(words, at, next, day, month, sent)
}

/// `March 14`, `March 14th, 2026`.
fn month_day(words: &[Word<'_>], at: usize, sent: Option<Date>) -> Option<Found> {
    let month = month(&words.get(at)?.lower)?;
    let next = words.get(at + 1).filter(|word| word.line == words[at].line)?;
    with_year(words, at, at + 1, day(&next.lower)?, month, sent)
}

fn with_year(words: &[Word<'_>], at: usize, last: usize, day: i8, month: i8, sent: Option<Date>) -> Option<Found> {
    let lower = |index: usize| words.get(index).map_or("", |word| word.lower.as_str());
    let year_at = if OF.contains(&lower(last + 1)) { last + 2 } else { last + 1 };
    let given = Some(lower(year_at)).filter(|word| word.len() == 4).and_then(year);
    let end = if given.is_some() { year_at } else { last };
    let value = complete(day, month, given, sent);
    if given.is_some() && value.is_none() {
        return None;
    }
    found(words, at, end - at + 1, value)
}

/// `tomorrow`, `this Friday`, `viernes próximo`.
fn relative(words: &[Word<'_>], at: usize, sent: Option<Date>) -> Option<Found> {
    let lower = |index: usize| words.get(index).map_or("", |word| word.lower.as_str());
    if ["tomorrow", "mañana", "demain"].contains(&lower(at)) {
        return found(words, at, 1, sent.and_then(|date| date.checked_add(1.day()).ok()));
    }
    let weekday = |word: &str| WEEKDAYS.iter().find(|(_, names)| names.contains(&word)).map(|(weekday, _)| *weekday);
    let (first, second) = (lower(at), lower(at + 1));
    let day = match (weekday(first), weekday(second)) {
        (None, Some(day)) if COMING.contains(&first) => Some(day),
        (None, Some(_)) if DISPUTED.contains(&first) => None,
        (Some(day), None) if ["próximo", "proximo", "prochain"].contains(&second) => Some(day),
        _ => return None,
    };
    let value = day.zip(sent).and_then(|(day, sent)| sent.nth_weekday(1, day).ok());
    found(words, at, 2, value)
}

/// `week 24`, `KW 14`: a date, but not a day.
fn week(words: &[Word<'_>], at: usize) -> Option<Found> {
    let next = words.get(at + 1)?;
    let number: u8 = next.lower.parse().ok()?;
    (WEEK.contains(&words[at].lower.as_str()) && (1..=53).contains(&number)).then_some(())?;
    found(words, at, 2, None)
}
