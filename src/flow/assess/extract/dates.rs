//! Dates in text, in the forms that people write in English, German, Spanish, French and Dutch.
//!
//! Guarantees: what may be a date is found with the day it most probably means and, where people disagree (day or month
//! first, the weekday to come or the last one), the other day; which is meant, and whether it is a date at all, is weighed
//! by its company (`weigh`). A date without a year is the one nearest to the day the message was sent; a calendar week is its
//! Monday (ISO 8601); a part of a month has no day.

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};

use super::lexicon::has;
use super::words::Word;

/// A date with the bytes it was read from.
#[derive(Clone, Copy)]
pub(super) struct Found {
    /// Words it takes.
    pub(super) words: usize,
    /// One past its last byte.
    pub(super) end: usize,
    /// The day that it most probably means.
    pub(super) value: Option<Date>,
    /// The day that it may mean instead.
    pub(super) other: Option<Date>,
    /// How it is written.
    pub(super) form: &'static str,
}

const MONTHS: [&str; 12] = [
    "january jan januar jänner enero ene janvier janv januari",
    "february feb februar febrero février fevrier févr februari",
    "march mar märz maerz mrz marzo mars maart mrt",
    "april apr abril abr avril avr",
    "may mai mayo mei",
    "june jun juni junio juin",
    "july jul juli julio juillet juil",
    "august aug agosto ago août aout augustus",
    "september sept sep septiembre septembre set",
    "october oct oktober okt octubre octobre",
    "november nov noviembre novembre",
    "december dec dezember dez diciembre dic décembre decembre déc",
];

const WEEKDAYS: [(Weekday, &str); 7] = [
    (Weekday::Monday, "monday mondays mon montag montags lunes lundi maandag"),
    (Weekday::Tuesday, "tuesday tues tue dienstag martes mardi dinsdag"),
    (Weekday::Wednesday, "wednesday weds wed mittwoch miércoles miercoles mié mercredi woensdag"),
    (Weekday::Thursday, "thursday thurs thur thu donnerstag jueves jeudi donderdag"),
    (Weekday::Friday, "friday fri freitag viernes vendredi vrijdag"),
    (Weekday::Saturday, "saturday sat samstag sonnabend sábado sabado samedi zaterdag"),
    (Weekday::Sunday, "sunday sonntag domingo dimanche zondag"),
];

const ORDINALS: [&str; 12] = [
    "first 1er primero premier ersten eerste",
    "second zweiten tweede",
    "third dritten derde",
    "fourth vierten",
    "fifth fünften vijfde",
    "sixth sechsten",
    "seventh siebten",
    "eighth achten",
    "ninth neunten",
    "tenth zehnten tiende",
    "eleventh elften",
    "twelfth zwölften",
];

/// Words between a day and its month, or a month and its year.
const OF: &str = "of de del the le el van";
/// Words before a weekday of the next calendar week.
const NEXT: &str = "next nächsten nächster nächste volgende próximo proximo";
/// Words before, or behind, a weekday that is over.
const LAST: &str = "last past letzten vergangenen pasado dernier vorige afgelopen laatste";
const WEEK: &str = "week wk kw semaine semana sem woche";
const DAYS_AWAY: [(i8, &str); 5] = [
    (0, "today todays tonight heute hoy aujourd'hui aujourd’hui vandaag vanavond vanmorgen vanochtend vanmiddag"),
    (1, "tomorrow tomorrow's tmrw tmw tomorow tommorow tomo morgen mañana demain"),
    (-1, "yesterday yesterday's yesterdays yday gestern ayer anoche hier gisteren"),
    (2, "übermorgen overmorgen après-demain"),
    (-2, "vorgestern anteayer avant-hier eergisteren"),
];
/// Two words that say today or yesterday.
const PARTS_OF_TODAY: &str =
    "morning afternoon evening noon midday matin soir après-midi midi mañana tarde noche middag";
/// Words before a month that leave its day open.
const VAGUE: &str = "mid early late begin beginning start end ende anfang mitte début debut mi fin finales mediados principios begin half eind mid- middle";

/// The date that begins at word `at`, if one may; the longest.
pub(super) fn at(text: &str, words: &[Word<'_>], at: usize, sent: Option<Date>) -> Option<Found> {
    numeric(text, words, at, sent)
        .or_else(|| day_month(words, at, sent))
        .or_else(|| month_day(words, at, sent))
        .or_else(|| weekday(text, words, at, sent))
        .or_else(|| away(words, at, sent))
        .or_else(|| week(words, at, sent))
        .or_else(|| vague(words, at, sent))
        .or_else(|| bare(words, at, sent))
}

fn lower<'a>(words: &'a [Word<'_>], at: usize) -> &'a str {
    words.get(at).map_or("", |word| word.lower.as_str())
}

fn month(word: &str) -> Option<i8> {
    let index = MONTHS.iter().position(|names| has(names, word))?;
    i8::try_from(index + 1).ok()
}

fn day(word: &str) -> Option<i8> {
    if let Some(index) = ORDINALS.iter().position(|names| has(names, word)) {
        return i8::try_from(index + 1).ok();
    }
    let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
    let suffix = &word[digits.len()..];
    let plain =
        ["", "st", "nd", "rd", "th", "er", "º", "e", "ste", "de", "ten", "'s", "st's", "th's"].contains(&suffix);
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

fn found(words: &[Word<'_>], at: usize, count: usize, value: Option<Date>, form: &'static str) -> Option<Found> {
    let last = words.get(at + count - 1)?;
    Some(Found { words: count, end: last.end, value, other: None, form })
}

/// `2026-03-14`, `20260314`, `14.03.2026`, `3/14/26`, `14.3.`, `14-Mar-2026`.
fn numeric(text: &str, words: &[Word<'_>], at: usize, sent: Option<Date>) -> Option<Found> {
    let word = words.get(at)?;
    let lower = word.lower.as_str();
    if !lower.is_ascii() {
        return None;
    }
    if lower.len() > 10 && lower.as_bytes()[10] == b't' {
        let value = lower[..10].parse::<Date>().ok()?;
        return Some(Found { end: word.start + 10, ..found(words, at, 1, Some(value), "iso")? });
    }
    if lower.len() == 8 && lower.starts_with("20") && lower.bytes().all(|b| b.is_ascii_digit()) {
        let value = Date::new(lower[..4].parse().ok()?, lower[4..6].parse().ok()?, lower[6..].parse().ok()?).ok()?;
        return found(words, at, 1, Some(value), "digits");
    }
    let separator = ['-', '/', '.'].into_iter().find(|&c| lower.contains(c))?;
    let parts: Vec<&str> = lower.split(separator).collect();
    match parts[..] {
        [y, m, d] if y.len() == 4 => {
            found(words, at, 1, Some(Date::new(year(y)?, m.parse().ok()?, d.parse().ok()?).ok()?), "iso")
        }
        [d, m, y] if month(m).is_some() => {
            found(words, at, 1, complete(day(d)?, month(m)?, Some(year(y)?), sent), "dmy")
        }
        [d, m] if month(m).is_some() => found(words, at, 1, complete(day(d)?, month(m)?, None, sent), "dm"),
        [m, d] if month(m).is_some() => found(words, at, 1, complete(day(d)?, month(m)?, None, sent), "dm"),
        [a, b, y] if a.len() <= 2 && b.len() <= 2 => two_ways(text, words, at, [a, b], Some(year(y)?), separator, sent),
        [a, b] if a.len() <= 2 && b.len() <= 2 => two_ways(text, words, at, [a, b], None, separator, sent),
        _ => None,
    }
}

/// Day and month from two numbers, the day first unless that is no day.
fn two_ways(
    text: &str,
    words: &[Word<'_>],
    at: usize,
    [a, b]: [&str; 2],
    year: Option<i16>,
    separator: char,
    sent: Option<Date>,
) -> Option<Found> {
    let (a, b): (i8, i8) = (a.parse().ok()?, b.parse().ok()?);
    let (first, second) = (complete(a, b, year.or(Some(2024)), sent), complete(b, a, year.or(Some(2024)), sent));
    let (day_first, month_first) = (complete(a, b, year, sent), complete(b, a, year, sent));
    let word = &words[at];
    let dotted = separator == '.' && year.is_none() && text[word.end..].starts_with('.');
    let form = match (separator, year.is_some(), dotted) {
        ('.', true, _) => "d.m.y",
        ('.', false, true) => "d.m.",
        ('.', false, false) => "d.m",
        ('/', true, _) => "d/m/y",
        ('/', false, _) => "d/m",
        (_, true, _) => "d-m-y",
        _ => "d-m",
    };
    let (value, other) = match (first.is_some(), second.is_some()) {
        (false, false) => return None,
        (true, true) if a != b => (day_first, month_first),
        (true, _) => (day_first, None),
        (false, true) => (month_first, None),
    };
    let mut found = Found { other, ..found(words, at, 1, value, form)? };
    if dotted {
        found.end += 1;
    }
    Some(found)
}

/// `14 March 2026`, `14. März`, `14 de marzo de 2026`, `the 14th of March`.
fn day_month(words: &[Word<'_>], at: usize, sent: Option<Date>) -> Option<Found> {
    let day = day(lower(words, at))?;
    let mut next = at + 1;
    while has(OF, lower(words, next)) && next < at + 3 {
        next += 1;
    }
    with_year(words, at, next, day, month(lower(words, next))?, sent)
}

/// `March 14`, `March 14th, 2026`.
fn month_day(words: &[Word<'_>], at: usize, sent: Option<Date>) -> Option<Found> {
    let month = month(&words.get(at)?.lower)?;
    let mut next = at + 1;
    while has("the le el", lower(words, next)) && next < at + 2 {
        next += 1;
    }
    let day_word = words.get(next).filter(|word| word.line == words[at].line)?;
    with_year(words, at, next, day(&day_word.lower)?, month, sent)
}

fn with_year(words: &[Word<'_>], at: usize, last: usize, day: i8, month: i8, sent: Option<Date>) -> Option<Found> {
    let year_at = if has(OF, lower(words, last + 1)) { last + 2 } else { last + 1 };
    let given = Some(lower(words, year_at)).filter(|word| word.len() == 4).and_then(year);
    let end = if given.is_some() { year_at } else { last };
    let value = complete(day, month, given, sent);
    if given.is_some() && value.is_none() {
        return None;
    }
    found(words, at, end - at + 1, value, if given.is_some() { "day month year" } else { "day month" })
}

/// `Friday`, `mon 18`, `Friday 24 July`, `next Tuesday`, `martes próximo`, `Tuesday week`.
fn weekday(text: &str, words: &[Word<'_>], at: usize, sent: Option<Date>) -> Option<Found> {
    let name = |index: usize| {
        let word = lower(words, index).trim_end_matches("'s").trim_end_matches("’s");
        WEEKDAYS.iter().find(|(_, names)| has(names, word)).map(|(weekday, _)| *weekday)
    };
    let (lead, at_day) = if name(at).is_some() { ("", at) } else { (lower(words, at), at + 1) };
    let day_name = name(at_day)?;
    let is_next = has(NEXT, lead);
    if at_day > at && !is_next && !has(LAST, lead) {
        return None;
    }
    // The date that follows the name says more than the name.
    let mut next = at_day + 1;
    while has("the le el de den der dem am", lower(words, next)) && next < at_day + 2 {
        next += 1;
    }
    let close =
        words.get(next).is_some_and(|word| word.start - words[at_day].end <= 6 && word.line == words[at_day].line);
    let dated = numeric(text, words, next, sent)
        .or_else(|| day_month(words, next, sent))
        .or_else(|| month_day(words, next, sent))
        .or_else(|| bare_of(words, next, sent, Some(day_name)));
    if let Some(date) = dated.filter(|_| close && at_day == at) {
        let form = if date.form == "day" || date.form == "ordinal" { "weekday day" } else { "weekday date" };
        return Some(Found { words: next - at + date.words, form, ..date });
    }
    let coming = sent.and_then(|sent| sent.nth_weekday(1, day_name).ok());
    let gone = sent.and_then(|sent| sent.nth_weekday(-1, day_name).ok());
    let of_next_week = sent.and_then(|sent| {
        let monday = sent.nth_weekday(1, Weekday::Monday).ok()?;
        monday.checked_add(i64::from(day_name.to_monday_zero_offset()).days()).ok()
    });
    let behind = lower(words, at_day + 1);
    let weeks_on = has("week", behind) || (behind == "next" && has("week wk", lower(words, at_day + 2)));
    let (value, other, form, count) = match (is_next, at_day > at) {
        (true, _) => (of_next_week, coming, "next weekday", 2),
        (false, true) => (gone, None, "last weekday", 2),
        _ if weeks_on && behind == "week" => {
            (coming.and_then(|date| date.checked_add(7.days()).ok()), None, "weekday week", 2)
        }
        _ if weeks_on => (of_next_week, None, "weekday week", 3),
        _ if has("prochain próximo proximo", behind) => (coming, of_next_week, "next weekday", 2),
        _ if has(LAST, behind) && behind != "last" => (gone, None, "last weekday", 2),
        _ => (coming, gone, "weekday", 1),
    };
    Some(Found { other, ..found(words, at, count, value, form)? })
}

/// `tomorrow`, `heute`, `this morning`, `last night`, `pasado mañana`.
fn away(words: &[Word<'_>], at: usize, sent: Option<Date>) -> Option<Found> {
    let from = |days: i8| sent.and_then(|date| date.checked_add(i64::from(days).days()).ok());
    let (first, second) = (lower(words, at), lower(words, at + 1));
    let two = |days: i8, form: &'static str| found(words, at, 2, from(days), form);
    match (first, second) {
        ("this", "morning" | "afternoon" | "evening" | "am" | "pm")
        | ("ce", "matin" | "soir" | "midi")
        | ("cet", "après-midi") => two(0, "part of today"),
        ("esta", "mañana" | "tarde" | "noche") => two(0, "part of today"),
        ("last", "night") | ("hier", "soir" | "matin") => two(-1, "yesterday"),
        ("pasado", "mañana") => two(2, "days away"),
        ("ce", "jour") => two(0, "part of today"),
        _ => {
            let (days, _) = DAYS_AWAY.iter().find(|(_, names)| has(names, first))?;
            let form = match days {
                0 => "today",
                1 => "tomorrow",
                -1 => "yesterday",
                _ => "days away",
            };
            let part = has(PARTS_OF_TODAY, second) && first != "mañana" && first != second;
            found(words, at, 1 + usize::from(part && has("heute morgen", first) && *days == 0), from(*days), form)
        }
    }
}

/// `week 24`, `KW 14`: its Monday.
fn week(words: &[Word<'_>], at: usize, sent: Option<Date>) -> Option<Found> {
    let glued = lower(words, at).strip_prefix("kw").filter(|rest| !rest.is_empty());
    let (number, count) = match glued {
        Some(rest) => (rest.parse::<i8>().ok()?, 1),
        None if has(WEEK, lower(words, at)) => (lower(words, at + 1).parse::<i8>().ok()?, 2),
        None if lower(words, at + 1).starts_with("kalenderwoche") => (lower(words, at).parse::<i8>().ok()?, 2),
        None => return None,
    };
    (1..=53).contains(&number).then_some(())?;
    let of = |year: i16| jiff::civil::ISOWeekDate::new(year, number, Weekday::Monday).ok().map(|week| week.date());
    let value = sent.and_then(|sent| {
        let near = (-1..=1).filter_map(|shift| of(sent.year() + shift));
        near.min_by_key(|date| date.duration_since(sent).abs())
    });
    found(words, at, count, value, "week")
}

/// `mid June`, `Ende Mai`, `end of June`, `end of the month`: only an end is a day.
fn vague(words: &[Word<'_>], at: usize, sent: Option<Date>) -> Option<Found> {
    let first = lower(words, at);
    if let Some((part, name)) = first.split_once('-')
        && has(VAGUE, part)
        && month(name).is_some()
    {
        return found(words, at, 1, None, "part of month");
    }
    has(VAGUE, first).then_some(())?;
    let mut next = at + 1;
    while has("of de du des van the this deze der dieses", lower(words, next)) && next < at + 4 {
        next += 1;
    }
    let is_end = has("end eind", first);
    let month_of = month(lower(words, next));
    let this_month =
        has("month maand monats mois mes", lower(words, next)).then(|| sent.map(jiff::civil::Date::month)).flatten();
    let number = month_of.or(this_month)?;
    let last = sent.and_then(|sent| complete(1, number, None, Some(sent))).map(Date::last_of_month);
    found(words, at, next - at + 1, last.filter(|_| is_end), if is_end { "end of month" } else { "part of month" })
}

/// `the 22nd`, `le 10`, `18e`: a day without a month.
fn bare(words: &[Word<'_>], at: usize, sent: Option<Date>) -> Option<Found> {
    bare_of(words, at, sent, None)
}

/// The next such day, or the last one; with a weekday, the one of the two that is on it.
fn bare_of(words: &[Word<'_>], at: usize, sent: Option<Date>, on: Option<Weekday>) -> Option<Found> {
    let word = &words.get(at)?.lower;
    let day = day(word)?;
    let form = if word.bytes().all(|b| b.is_ascii_digit()) { "day" } else { "ordinal" };
    let near = |forth: bool| {
        let sent = sent?;
        let months = (0..=2).filter_map(|away: i64| {
            let month = if forth {
                sent.first_of_month().checked_add(away.months())
            } else {
                sent.first_of_month().checked_sub(away.months())
            };
            month.ok().and_then(|first| Date::new(first.year(), first.month(), day).ok())
        });
        let mut months = months.filter(|date| if forth { *date >= sent } else { *date < sent });
        months.next()
    };
    let (mut value, mut other) = (near(true), near(false));
    if let Some(on) = on
        && other.is_some_and(|date| date.weekday() == on)
        && value.is_none_or(|date| date.weekday() != on)
    {
        (value, other) = (other, value);
    }
    Some(Found { other, ..found(words, at, 1, value, form)? })
}
