//! What a person would prefer of what may be said, from texts that people wrote about other things.
//!
//! A text is worth more the more its pairs of words are those of written texts, the more it has in common with what was written
//! of the same facts (words, and the order in which facts come), the less it repeats itself, the shorter it is, and where no
//! quotation, which mostly ends in a full stop, stands before another one. Guarantees: equal texts give equal preferences; only
//! texts that the orders and wordings allow are preferred. Non-goals: taste; the weights below were set by hand, by looking at
//! lessons.

use std::collections::{BTreeMap, BTreeSet};

/// Texts that are looked at side by side.
const BEAM: usize = 16;
/// What a whole agreement in the order of facts is worth.
const ORDER: f64 = 2.0;
/// What a whole agreement in pairs of words is worth.
const COMMON: f64 = 6.0;
/// What a nat of likelihood of a word, in the mean of a sentence, is worth.
const LIKELY: f64 = 0.4;
/// What two sentences that begin alike cost.
const BEGINS: f64 = 1.2;
/// What a word costs that was said in another sentence.
const REPEATS: f64 = 0.12;
/// What a quotation before a full stop costs, and before a comma.
const STOPS: [f64; 2] = [0.5, 0.6];
/// What a label in the place of a sentence costs (`On record: …`).
const LABEL: f64 = 0.8;
/// What every word costs.
const LENGTH: f64 = 0.03;
/// Words of a sentence that is not too long yet; what is said several times counts as so many more.
const LONG: usize = 34;
const SEVERAL: usize = 25;
/// What every word more costs.
const LONGER: f64 = 0.06;
/// The likelihood of a word, in nats, at which a sentence is neither better nor worse for being one more.
const USUAL: f64 = 4.0;

/// Words that may stand in every sentence.
const SMALL: [&str; 30] = [
    "said", "says", "a", "an", "and", "as", "at", "by", "for", "from", "has", "in", "is", "it", "its", "of", "on",
    "or", "that", "the", "to", "was", "which", "with", ",", ";", ":", ".", "(", ")",
];

/// Pairs of words in texts that people wrote.
#[derive(Debug, Clone, Default)]
pub struct Teacher {
    pairs: BTreeMap<(String, String), f64>,
    words: BTreeMap<String, f64>,
    total: f64,
}

/// A sentence as it is compared.
struct Line {
    words: Vec<String>,
    /// What it is worth by itself.
    worth: f64,
}

impl Line {
    /// Its first word; all quotations begin alike.
    fn beginning(&self) -> &str {
        match self.words.first().map_or("", String::as_str) {
            word if word.ends_with("quote>") || word.ends_with("detail>") => "<quote>",
            word => word,
        }
    }
}

/// The beginning of a text.
#[derive(Clone)]
struct Begun {
    chosen: Vec<usize>,
    said: BTreeSet<String>,
    worth: f64,
}

impl Teacher {
    /// Learns from texts with slots in the place of values.
    #[must_use]
    pub fn new(texts: &[String]) -> Teacher {
        let mut teacher = Teacher::default();
        for text in texts {
            let words = words(text);
            for pair in words.windows(2) {
                *teacher.pairs.entry((pair[0].clone(), pair[1].clone())).or_default() += 1.0;
            }
            for word in words {
                *teacher.words.entry(word).or_default() += 1.0;
                teacher.total += 1.0;
            }
        }
        teacher
    }

    /// The preferred text as (sentence, wording): one of `orders` of `sentences`, each in one of its wordings; `by_hand` is what a
    /// person wrote of the same facts.
    #[must_use]
    pub fn prefers(
        &self,
        sentences: &[Vec<String>],
        orders: &[Vec<usize>],
        by_hand: Option<&str>,
    ) -> Vec<(usize, usize)> {
        let by_hand = words(by_hand.unwrap_or_default());
        let known: BTreeSet<[&str; 2]> = by_hand.windows(2).map(|pair| [pair[0].as_str(), &pair[1]]).collect();
        let lines: Vec<Vec<Line>> =
            sentences.iter().map(|wordings| wordings.iter().map(|text| self.line(text, &known)).collect()).collect();
        let mut best: (f64, Vec<(usize, usize)>) = (f64::NEG_INFINITY, Vec::new());
        for order in orders {
            for begun in begun(order, &lines) {
                let text: Vec<(usize, usize)> = order.iter().copied().zip(begun.chosen).collect();
                let said = text.iter().flat_map(|(sentence, wording)| &lines[*sentence][*wording].words);
                let worth = begun.worth + ORDER * agreement(said, &by_hand);
                if worth > best.0 {
                    best = (worth, text);
                }
            }
        }
        best.1
    }

    fn line(&self, text: &str, known: &BTreeSet<[&str; 2]>) -> Line {
        let words = words(text);
        let pairs = words.windows(2).count().max(1) as f64;
        let likely = words.windows(2).map(|pair| self.likelihood(&pair[0], &pair[1]).ln()).sum::<f64>() / pairs;
        let common = words.windows(2).filter(|pair| known.contains(&[pair[0].as_str(), &pair[1]])).count() as f64;
        let quoted = |mark: &str| ["quote>", "detail>"].iter().any(|slot| text.contains(&format!("{slot}{mark}")));
        let stops = if text.ends_with('.') && quoted(".") { STOPS[0] } else { 0.0 };
        let stops = stops + if quoted(", ") { STOPS[1] } else { 0.0 };
        let opening = text.split_once(':').map_or("", |(opening, _)| opening);
        let label = matches!(opening.split_whitespace().count(), 1 | 2) && !opening.contains('<');
        let stops = stops + if label { LABEL } else { 0.0 };
        let long = (words.len() + SEVERAL * text.matches('[').count()).saturating_sub(LONG) as f64;
        // In common by fifty words: sentences of any length are worth it.
        let worth =
            LIKELY * (likely + USUAL) + COMMON * common / 50.0 - LENGTH * words.len() as f64 - LONGER * long - stops;
        Line { words, worth }
    }

    fn likelihood(&self, before: &str, word: &str) -> f64 {
        let of = |word: &str| self.words.get(word).copied().unwrap_or(0.0);
        let single = (of(word) + 0.1) / (self.total + 0.1 * self.words.len().max(1) as f64);
        let pair = self.pairs.get(&(before.to_owned(), word.to_owned())).copied().unwrap_or(0.0);
        (pair + 2.0 * single) / (of(before) + 2.0)
    }
}

/// The best texts of one order.
fn begun(order: &[usize], lines: &[Vec<Line>]) -> Vec<Begun> {
    let mut kept = vec![Begun { chosen: Vec::new(), said: BTreeSet::new(), worth: 0.0 }];
    for (at, sentence) in order.iter().enumerate() {
        let mut longer = Vec::new();
        for begun in &kept {
            let last = at.checked_sub(1).and_then(|at| Some(&lines[order[at]][*begun.chosen.last()?]));
            for (wording, line) in lines[*sentence].iter().enumerate() {
                let begins = last.is_some_and(|last| last.beginning() == line.beginning());
                let fresh = line.words.iter().filter(|word| !SMALL.contains(&word.as_str()) && !word.starts_with('<'));
                let fresh: BTreeSet<&String> = fresh.collect();
                let repeated = fresh.iter().filter(|word| begun.said.contains(**word)).count();
                let cost = if begins { BEGINS } else { 0.0 } + REPEATS * repeated as f64;
                let mut next = begun.clone();
                next.chosen.push(wording);
                next.said.extend(fresh.into_iter().cloned());
                next.worth += line.worth - cost;
                longer.push(next);
            }
        }
        longer.sort_by(|a, b| b.worth.total_cmp(&a.worth).then_with(|| a.chosen.cmp(&b.chosen)));
        longer.truncate(BEAM);
        kept = longer;
    }
    kept
}

/// The share of pairs of slots that come in the same order in both texts; a half where none is in both.
fn agreement<'a>(said: impl Iterator<Item = &'a String>, by_hand: &[String]) -> f64 {
    let mut places: Vec<usize> = Vec::new();
    for word in said.filter(|word| word.starts_with('<')) {
        if let Some(place) = by_hand.iter().position(|other| other == word)
            && !places.contains(&place)
        {
            places.push(place);
        }
    }
    let pairs = places.iter().enumerate().flat_map(|(at, a)| places[at + 1..].iter().map(move |b| a < b));
    let (mut agreed, mut all) = (0.0, 0.0);
    for in_order in pairs {
        all += 1.0;
        agreed += if in_order { 1.0 } else { 0.0 };
    }
    if all == 0.0 { 0.5 } else { agreed / all }
}

/// Words, slots and marks; a slot's number is `*`.
fn words(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let slot = rest.strip_prefix('<').and_then(|tail| tail.find('>')).map(|end| end + 2);
        let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '-' || c == '\'')).unwrap_or(rest.len());
        let length = slot.unwrap_or(word.max(c.len_utf8()));
        let (token, after) = rest.split_at(length);
        match slot {
            Some(_) => found.push(token.split('.').map(number).collect::<Vec<_>>().join(".")),
            None if c.is_whitespace() || matches!(c, '[' | ']' | '|') => {}
            None => found.push(token.to_lowercase()),
        }
        rest = after;
    }
    found
}

fn number(part: &str) -> &str {
    if !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()) { "*" } else { part }
}
