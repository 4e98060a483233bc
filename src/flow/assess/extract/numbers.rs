//! Numbers, in digits and in words of five languages.
//!
//! Guarantees: both notations of thousands and decimals are read (`1,448.00`, `1.448,00`, `1 448,00`), `12k` is twelve
//! thousand, and words up to a few thousand (`forty-eight`, `zweihundert`, `treinta y seis`). Non-goals: what is counted.

use rust_decimal::Decimal;

use super::lexicon::has;
use super::words::Word;

/// A number with the words it takes.
pub(super) struct Found {
    pub(super) words: usize,
    pub(super) value: Decimal,
    /// How it is written.
    pub(super) form: &'static str,
}

/// Numbers below a hundred, and a hundred, by name: English, German, Spanish, French, Dutch.
const NAMES: [(u32, &str); 32] = [
    (1, "one ein eine einen uno una un une een single"),
    (2, "two zwei dos deux twee both pair couple"),
    (3, "three drei tres trois drie"),
    (4, "four vier cuatro quatre"),
    (5, "five fünf cinco cinq vijf"),
    (6, "six sechs seis zes"),
    (7, "seven sieben siete sept zeven"),
    (8, "eight acht ocho huit"),
    (9, "nine neun nueve neuf negen"),
    (10, "ten zehn diez dix tien"),
    (11, "eleven elf once onze"),
    (12, "twelve zwölf doce douze twaalf dozen dutzend docena douzaine dozijn"),
    (13, "thirteen dreizehn trece treize dertien"),
    (14, "fourteen vierzehn catorce quatorze veertien"),
    (15, "fifteen fünfzehn quince quinze vijftien"),
    (16, "sixteen sechzehn dieciséis seize zestien"),
    (17, "seventeen siebzehn diecisiete zeventien"),
    (18, "eighteen achtzehn dieciocho achttien"),
    (19, "nineteen neunzehn diecinueve negentien"),
    (20, "twenty zwanzig veinte vingt twintig"),
    (25, "veinticinco"),
    (24, "veinticuatro"),
    (30, "thirty dreißig dreissig treinta trente dertig"),
    (40, "forty fourty vierzig cuarenta quarante veertig quarantaine"),
    (50, "fifty fünfzig cincuenta cinquante vijftig"),
    (60, "sixty sechzig sesenta soixante zestig"),
    (70, "seventy siebzig setenta zeventig"),
    (80, "eighty achtzig ochenta tachtig quatre-vingts quatre-vingt"),
    (90, "ninety neunzig noventa negentig quatre-vingt-dix"),
    (100, "hundred hundert cien ciento cent cents honderd"),
    (200, "doscientos doscientas"),
    (300, "trescientos trescientas"),
];
const THOUSAND: &str = "thousand tausend mil mille duizend grand k";

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

/// Numbers that begin at word `at`: as one word, with blanks between thousands, or in words.
pub(super) fn at(text: &str, words: &[Word<'_>], at: usize) -> Vec<Found> {
    let Some(word) = words.get(at) else { return Vec::new() };
    let plain = number(word.text)
        .or_else(|| number(word.lower.strip_prefix('x')?))
        .or_else(|| number(word.lower.strip_suffix('x')?));
    let thousand = words.get(at + 1).is_some_and(|next| has(THOUSAND, &next.lower) && next.lower != "k");
    let plain = plain.map(|value| match thousand {
        true => Found { words: 2, value: value * Decimal::ONE_THOUSAND, form: "thousands" },
        false => Found { words: 1, value, form: form(word.text) },
    });
    [spaced(text, words, at), plain, spoken(words, at)].into_iter().flatten().collect()
}

fn form(text: &str) -> &'static str {
    let decimals = text.rfind([',', '.']).map(|point| text.len() - point - 1);
    match (decimals, text.len()) {
        (Some(2), _) => "cents",
        (Some(3), _) => "thousand",
        (Some(_), _) => "decimal",
        (None, 1) => "digit",
        (None, 2) => "2 digits",
        (None, 3) => "3 digits",
        (None, 4) => "4 digits",
        (None, 5) => "5 digits",
        (None, _) => "long",
    }
}

/// `3 004`, `8 000`, `5 624,64`.
fn spaced(text: &str, words: &[Word<'_>], at: usize) -> Option<Found> {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let first = words.get(at).filter(|word| word.text.len() <= 3 && digits(word.text))?;
    let next = words.get(at + 1)?;
    let gap = &text[first.end..next.start];
    let (whole, rest) = next.text.split_at_checked(3)?;
    let cents = rest.is_empty() || (rest.len() == 3 && rest.starts_with([',', '.']) && digits(&rest[1..]));
    if gap.chars().count() != 1 || !gap.chars().all(char::is_whitespace) || gap == "\n" || !digits(whole) || !cents {
        return None;
    }
    let value = format!("{}{}", first.text, next.text.replace(',', ".")).parse().ok()?;
    Some(Found { words: 2, value, form: if rest.is_empty() { "spaced" } else { "spaced cents" } })
}

/// A number in words.
fn spoken(words: &[Word<'_>], at: usize) -> Option<Found> {
    let (mut total, mut last, mut count) = (0_u32, 0_u32, 0_usize);
    let mut and = 0;
    while let Some(word) = words.get(at + count + and) {
        let lower = word.lower.as_str();
        if count > 0 && and == 0 && has("and y et und en", lower) && last >= 20 {
            and = 1;
            continue;
        }
        let scaled = has(THOUSAND, lower) && lower != "k" && total > 0;
        let Some(value) = (if scaled { Some(1000) } else { named(lower) }) else { break };
        let fits = match value {
            _ if count == 0 => true,
            1000 | 100 => total < value && and == 0,
            _ => value < last && (last >= 20 && value < 20 && last % 10 == 0 || last % 100 == 0),
        };
        if !fits {
            break;
        }
        total = if count > 0 && (value == 100 || value == 1000) { total * value } else { total + value };
        last = if value == 100 || value == 1000 { 100 } else { value };
        count += 1 + and;
        and = 0;
    }
    let form = match (count, total) {
        (0, _) => return None,
        (_, 1) => "word one",
        (1, _) if words.get(at).is_some_and(|word| has("both pair couple dozen single", &word.lower)) => "word few",
        _ => "word",
    };
    Some(Found { words: count, value: Decimal::from(total), form })
}

/// The number of one word: a name, names with hyphens, or a German or Dutch compound (`achtundvierzig`).
fn named(word: &str) -> Option<u32> {
    let plain = |word: &str| NAMES.iter().find(|(_, names)| has(names, word)).map(|(value, _)| *value);
    if let Some(value) = plain(word) {
        return Some(value);
    }
    if word.contains('-') {
        let parts: Option<Vec<u32>> = word.split('-').map(plain).collect();
        let parts =
            parts.filter(|parts| parts.windows(2).all(|pair| pair[0] > pair[1] || (pair[0] == 4 && pair[1] == 20)))?;
        let score = parts.first() == Some(&4) && parts.get(1) == Some(&20);
        return Some(if score { 80 + parts[2..].iter().sum::<u32>() } else { parts.iter().sum() });
    }
    for hundred in ["hundert", "honderd", "cientos", "cientas"] {
        if let Some((units, rest)) = word.split_once(hundred) {
            let units = if units.is_empty() { Some(1) } else { plain(units) }?;
            return Some(units * 100 + if rest.is_empty() { 0 } else { named(rest)? });
        }
    }
    ["und", "en", "ën"].into_iter().find_map(|and| {
        word.match_indices(and)
            .find_map(|(at, _)| Some(plain(&word[..at])? + plain(&word[at + and.len()..]).filter(|tens| *tens >= 20)?))
    })
}
