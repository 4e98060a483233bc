//! Features: what is looked at to tell whether a candidate is a value, and of which type.
//!
//! Guarantees: a feature is a hash of what it says; no identifier is one by itself, only its shape, what the store knows of it
//! and its company, so that weights hold in worlds with other numbers. Training and serving share this code.

use std::ops::Range;

use jiff::civil::Date;

use super::candidates::{Candidate, Class};
use super::known::Known;
use super::lexicon;
use super::words::Word;
use crate::domain::message::{EntityType, Part};
use crate::flow::assess::parts::{self, Kind};

/// Words on each side in which classes of words are looked for.
const REACH: usize = 5;

/// What is the same for every candidate of a message.
pub(super) struct Message {
    language: &'static str,
    /// Capitals and codes rather than sentences.
    terse: bool,
    role: &'static str,
    /// Whether it names anything that the store knows.
    anchored: bool,
    filled: bool,
}

impl Message {
    pub(super) fn of(subject: Option<&str>, body: &str, known: &Known) -> Self {
        let lower = format!("{} {body}", subject.unwrap_or_default()).to_lowercase();
        let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
        let count = |list: &str| words.iter().filter(|word| lexicon::has(list, word)).count();
        let most = lexicon::FUNCTION_WORDS.iter().max_by_key(|(name, list)| (count(list), *name == "en"));
        let capitals = body.chars().filter(|c| c.is_uppercase()).count();
        let smalls = body.chars().filter(|c| c.is_lowercase()).count();
        Self {
            language: most.map_or("en", |(name, _)| name),
            terse: capitals > smalls,
            role: known.role.name(),
            anchored: !known.references.is_empty() || !known.items.is_empty(),
            filled: known.filled,
        }
    }
}

/// One of a message's texts.
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    pub(super) words: Vec<Word<'a>>,
    part: Part,
    /// What of a body is quoted or signature.
    parts: Vec<(Kind, Range<usize>)>,
    /// Whether a date of digits in it says that the day stands first, or the month.
    order: &'static str,
}

impl<'a> Text<'a> {
    pub(super) fn of(part: Part, text: &'a str, words: Vec<Word<'a>>) -> Self {
        let split = if part == Part::Body { parts::parts(text) } else { Vec::new() };
        let order = words.iter().find_map(|word| {
            let mut numbers = word.text.split('/').map(str::parse::<u8>);
            match (numbers.next()?, numbers.next()?) {
                (Ok(first), Ok(second)) if first > 12 && second <= 12 => Some("day first"),
                (Ok(first), Ok(second)) if second > 12 && first <= 12 && second <= 31 => Some("month first"),
                _ => None,
            }
        });
        Self {
            text,
            words,
            part,
            parts: split.into_iter().map(|part| (part.kind, part.range)).collect(),
            order: order.unwrap_or("unsaid"),
        }
    }

    fn place(&self, at: usize) -> &'static str {
        if self.part == Part::Subject {
            return "subject";
        }
        match self.parts.iter().find(|(_, range)| range.contains(&at)).map(|(kind, _)| kind) {
            Some(Kind::Quoted) => "quoted",
            Some(Kind::Signature) => "signature",
            _ => "new",
        }
    }
}

/// Hashes of what a candidate shows (FNV-1a, 32 bit).
struct Bag(Vec<u32>);

impl Bag {
    fn add(&mut self, parts: &[&str]) {
        let bytes = parts.iter().flat_map(|part| part.bytes().chain([0x1f]));
        let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        self.0.push(hash);
    }
}

/// What a candidate shows.
pub(super) struct Shown {
    /// Each has a weight of its own for every class.
    pub(super) features: Vec<u32>,
    /// What speaks for one class, with one weight whichever class it is: that the store knows such a number, that the words ask
    /// for one. What is learned of orders so holds for invoices.
    pub(super) tied: Vec<(usize, u32)>,
    /// What an encoder made of it where it stands, where that is looked at.
    pub(super) context: Option<Vec<f32>>,
}

/// The features of one candidate.
pub(super) fn of(
    message: &Message,
    text: &Text<'_>,
    known: &Known,
    candidate: &Candidate,
    sent: Option<Date>,
) -> Shown {
    let mut bag = Bag(Vec::with_capacity(96));
    let mask = mask(&text.text[candidate.start..candidate.end]);
    let form = if candidate.form.is_empty() { mask.as_str() } else { candidate.form };
    let group = group(candidate);
    let said = said(known, candidate, message.filled);
    let place = text.place(candidate.start);
    bag.add(&["bias"]);
    for (name, other) in [
        ("role", message.role),
        ("language", message.language),
        ("place", place),
        ("terse", if message.terse { "yes" } else { "no" }),
        ("anchored", if message.anchored { "yes" } else { "no" }),
    ] {
        bag.add(&[name, other, form]);
        bag.add(&[name, other, group, &said]);
    }
    bag.add(&["form", form]);
    bag.add(&["mask", &mask]);
    bag.add(&["said", &said, form]);
    bag.add(&["said", &said, message.role]);
    if candidate.key.is_none() || candidate.number.is_none() && candidate.date.is_some() {
        bag.add(&["self", &text.words[candidate.at].lower]);
    }
    around(&mut bag, text, candidate, form, &said, message.role);
    classes(&mut bag, text, candidate, form, &said, message.role);
    edges(&mut bag, text, candidate, form, &said);
    dates(&mut bag, text, candidate, form, message, sent);
    numbers(&mut bag, text, candidate, form);
    Shown { features: bag.0, tied: tied(text, known, candidate, message), context: None }
}

/// For each class of identifiers, whether store and words speak for it.
fn tied(text: &Text<'_>, known: &Known, candidate: &Candidate, message: &Message) -> Vec<(usize, u32)> {
    let Some(key) = candidate.key.as_deref().filter(|_| message.filled) else { return Vec::new() };
    let kinds = known.kinds(key);
    let near = known.near.get(key).map(|(kind, _)| *kind);
    let (how, kinds) = match (kinds.is_empty(), near, known.shapes.get(key)) {
        (false, _, _) if known.short.contains(key) => ("short", kinds),
        (false, _, _) => ("is", kinds),
        (true, Some(near), _) => ("near", [near].into()),
        (true, None, Some(kinds)) => ("like", kinds.clone()),
        (true, None, None) => ("new", kinds),
    };
    let asked = asked(text, candidate);
    let mask = mask(&text.text[candidate.start..candidate.end]);
    let mut found = Vec::new();
    for class in candidate.classes() {
        let Class::Type(kind) = class else { continue };
        let fits = match (kinds.contains(&kind), kinds.len()) {
            (true, 1) => "only it",
            (true, _) => "it too",
            (false, 0) => "nothing",
            (false, _) => "another",
        };
        let wanted = match asked {
            None => "unasked",
            Some(cue) if cues(kind).contains(&cue) => "asked",
            Some(_) => "not asked",
        };
        if !matches!(kind, EntityType::Quantity | EntityType::Amount | EntityType::Date) {
            for more in [wanted, message.role, &mask, text.place(candidate.start), ""] {
                let mut bag = Bag(Vec::new());
                bag.add(&["tied", how, fits, more]);
                found.extend(bag.0.into_iter().map(|hash| (class.index(), hash)));
            }
        }
    }
    found
}

/// Classes of words that ask for a type.
fn cues(kind: EntityType) -> &'static [&'static str] {
    match kind {
        EntityType::OrderNo => &["order", "document"],
        EntityType::PoNumber | EntityType::PurchaseOrderNo => &["order", "purchase"],
        EntityType::Sku => &["item"],
        EntityType::TrackingNumber => &["tracking"],
        EntityType::InvoiceNumber => &["invoice", "document"],
        _ => &[],
    }
}

/// The nearest class of words before it that asks for some identifier.
fn asked(text: &Text<'_>, candidate: &Candidate) -> Option<&'static str> {
    let line = text.words[candidate.at].line;
    let before = text.words[..candidate.at].iter().rev().take(REACH).take_while(|word| word.line == line);
    before
        .flat_map(|word| lexicon::classes(&word.lower))
        .find(|class| lexicon::has("order purchase tracking invoice document item", class))
}

fn group(candidate: &Candidate) -> &'static str {
    match (candidate.key.is_some(), candidate.number.is_some(), candidate.date.is_some()) {
        (true, false, false) => "id",
        (true, true, false) => "id number",
        (true, false, true) => "id date",
        (true, true, true) => "id number date",
        (false, true, false) => "number",
        (false, true, true) => "number date",
        (false, false, _) => "date",
    }
}

/// What the store says of a candidate: types of the number that it is, is short for, may be a misspelling of, is shaped like.
fn said(known: &Known, candidate: &Candidate, filled: bool) -> String {
    let Some(key) = candidate.key.as_deref().filter(|_| filled) else { return "-".to_owned() };
    let names = |kinds: &mut dyn Iterator<Item = &'static str>| kinds.collect::<Vec<_>>().join("+");
    let kinds = known.kinds(key);
    if !kinds.is_empty() {
        let how = if known.short.contains(key) { "short" } else { "is" };
        return format!("{how} {}", names(&mut kinds.iter().map(|kind| kind.name())));
    }
    if let Some((kind, _)) = known.near.get(key) {
        return format!("near {}", kind.name());
    }
    match known.shapes.get(key) {
        Some(kinds) => format!("like {}", names(&mut kinds.iter().map(|kind| kind.name()))),
        None => "new".to_owned(),
    }
}

/// Letters as `a` or `A`, digits as `9`, runs of letters and long runs of digits shortened.
fn mask(text: &str) -> String {
    let mut mask = String::new();
    let mut run = 0;
    for c in text.chars() {
        let sign = match c {
            c if c.is_ascii_digit() => '9',
            c if c.is_uppercase() => 'A',
            c if c.is_alphabetic() => 'a',
            c => c,
        };
        run = if mask.ends_with(sign) { run + 1 } else { 1 };
        if run <= if sign == '9' { 5 } else { 2 } {
            mask.push(sign);
        }
    }
    mask
}

fn word_of<'a>(text: &'a Text<'_>, index: Option<usize>, line: usize) -> std::borrow::Cow<'a, str> {
    let Some(word) = index.and_then(|index| text.words.get(index)) else { return "^".into() };
    match word.has_digit() {
        _ if word.line.abs_diff(line) > 1 => "^".into(),
        true => mask(word.text).into(),
        false => word.lower.as_str().into(),
    }
}

/// The words beside it.
fn around(bag: &mut Bag, text: &Text<'_>, candidate: &Candidate, form: &str, said: &str, role: &str) {
    let line = text.words[candidate.at].line;
    let before = |back: usize| word_of(text, candidate.at.checked_sub(back), line);
    let after = |on: usize| word_of(text, Some(candidate.at + candidate.count + on - 1), line);
    let (p1, p2, p3, n1, n2, n3) = (before(1), before(2), before(3), after(1), after(2), after(3));
    for (name, word) in [("p1", &p1), ("p2", &p2), ("p3", &p3), ("n1", &n1), ("n2", &n2), ("n3", &n3)] {
        bag.add(&[name, word]);
        bag.add(&[name, word, form]);
    }
    bag.add(&["p1 said", &p1, said]);
    bag.add(&["p1 role", &p1, role]);
    bag.add(&["p1 p2", &p1, &p2]);
    bag.add(&["n1 n2", &n1, &n2]);
    bag.add(&["p1 n1", &p1, &n1]);
    let ending: String = n1.chars().rev().take(2).collect();
    bag.add(&["ending", &ending, form]);
    let tall =
        text.words.get(candidate.at + candidate.count).is_some_and(|word| word.text.starts_with(char::is_uppercase));
    bag.add(&["tall", if tall { "yes" } else { "no" }, form]);
}

/// Classes of the words near it.
fn classes(bag: &mut Bag, text: &Text<'_>, candidate: &Candidate, form: &str, said: &str, role: &str) {
    let line = text.words[candidate.at].line;
    let mut nearest = "none";
    for back in 1..=REACH {
        let Some(index) = candidate.at.checked_sub(back) else { break };
        let word = &text.words[index];
        if word.line != line {
            break;
        }
        let distance = ["1", "2", "3", "4+", "4+"][back - 1];
        for class in lexicon::classes(&word.lower) {
            bag.add(&["left", class, distance]);
            bag.add(&["left", class, form]);
            bag.add(&["left", class, said]);
            bag.add(&["left", class, role]);
            if nearest == "none" && lexicon::has("order purchase tracking invoice document item named", class) {
                nearest = class;
            }
        }
    }
    bag.add(&["nearest", nearest, said]);
    bag.add(&["nearest", nearest, said, role]);
    bag.add(&["nearest", nearest, form]);
    for on in 0..REACH {
        let Some(word) = text.words.get(candidate.at + candidate.count + on).filter(|word| word.line == line) else {
            break;
        };
        let distance = ["1", "2", "3", "4+", "4+"][on];
        for class in lexicon::classes(&word.lower) {
            bag.add(&["right", class, distance]);
            bag.add(&["right", class, distance, form]);
        }
    }
}

/// The characters that touch it, and where it stands.
fn edges(bag: &mut Bag, text: &Text<'_>, candidate: &Candidate, form: &str, said: &str) {
    let (left, right) = (&text.text[..candidate.start], &text.text[candidate.end..]);
    let near = |c: Option<char>| c.map_or("^".to_owned(), |c| if c == '\n' { "^".to_owned() } else { c.to_string() });
    let (before, after) = (near(left.chars().next_back()), near(right.chars().next()));
    let further = near(right.chars().nth(1));
    bag.add(&["before", &before, form]);
    bag.add(&["after", &after, form]);
    bag.add(&["after two", &after, &further, form]);
    bag.add(&["edges", &before, &after, said]);
    let sign = near(left.trim_end_matches(' ').chars().next_back());
    bag.add(&["sign", &sign, form]);
    bag.add(&["sign", &sign, said]);
    let start = left.rfind('\n').map_or(0, |at| at + 1);
    let end = right.find('\n').map_or(text.text.len(), |at| candidate.end + at);
    let alone = text.text[start..candidate.start].trim().is_empty() as usize
        + text.text[candidate.end..end].trim().is_empty() as usize * 2;
    bag.add(&["alone", ["no", "first", "last", "whole"][alone], form]);
    bag.add(&["alone", ["no", "first", "last", "whole"][alone], said]);
}

/// How far a date is away, which of its readings fits, and the tense around it.
fn dates(bag: &mut Bag, text: &Text<'_>, candidate: &Candidate, form: &str, message: &Message, sent: Option<Date>) {
    let Some((value, other)) = candidate.date else { return };
    let far = |date: Option<Date>| {
        let days = date.zip(sent).map(|(date, sent)| (date - sent).get_days());
        match days {
            None => "open",
            Some(..-60) => "long ago",
            Some(-60..-14) => "weeks ago",
            Some(-14..-3) => "days ago",
            Some(-3..0) => "just now",
            Some(0) => "today",
            Some(1..4) => "soon",
            Some(4..15) => "in days",
            Some(15..45) => "in weeks",
            Some(45..) => "far off",
        }
    };
    let tense = |range: Range<usize>| {
        let words = text.words.get(range).unwrap_or_default();
        let is = |class: &str| words.iter().any(|word| lexicon::classes(&word.lower).any(|of| of == class));
        match (is("past"), is("future")) {
            (true, false) => "past",
            (false, true) => "future",
            (true, true) => "both",
            (false, false) => "neither",
        }
    };
    let after = candidate.at + candidate.count;
    let (left, right) = (
        tense(candidate.at.saturating_sub(6)..candidate.at),
        tense(after.min(text.words.len())..(after + 5).min(text.words.len())),
    );
    let (first, second) = (far(value), far(other));
    bag.add(&["far", first, form]);
    bag.add(&["far", first, second, form]);
    bag.add(&["tense", left, right, form]);
    bag.add(&["tense", left, form]);
    bag.add(&["tense", left, first]);
    bag.add(&["digits", message.language, form, text.order, first, second]);
    bag.add(&["digits", form, text.order]);
}

/// What kind of number it is.
fn numbers(bag: &mut Bag, text: &Text<'_>, candidate: &Candidate, form: &str) {
    let Some(number) = candidate.number else { return };
    let plain = number.normalize().to_string();
    let zeros = plain.bytes().rev().take_while(|b| *b == b'0').count().min(3);
    let zeros = ["no", "one", "two", "three"][zeros];
    bag.add(&["zeros", zeros, form]);
    let written = &text.text[candidate.start..candidate.end];
    let again = text.words.iter().filter(|word| word.text == written).count() > 1;
    bag.add(&["again", if again { "yes" } else { "no" }, form]);
    let size =
        ["small", "dozens", "hundreds", "thousands", "large"][plain.find('.').unwrap_or(plain.len()).clamp(1, 5) - 1];
    bag.add(&["size", size]);
    let decade = |class: &str| {
        text.words
            .get(candidate.at + candidate.count)
            .is_some_and(|word| lexicon::classes(&word.lower).any(|of| of == class))
    };
    bag.add(&["unit", if decade("unit") { "yes" } else { "no" }, size]);
}
