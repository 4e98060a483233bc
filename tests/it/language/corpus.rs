//! The authored messages keep what their data card promises.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use holdfast::commands::train::corpus::{Batch, Corpus, Labelled, read};
use holdfast::domain::message::{EntityType, Intent, SenderRole};

/// Messages whose words overlap more than this are one message written twice.
const JACCARD_MAX: f64 = 0.6;

pub(crate) fn corpus() -> Corpus {
    read(Path::new("datasets/messages")).unwrap()
}

#[test]
fn every_line_is_a_labelled_message_and_its_id_is_its_own() {
    let messages = corpus().messages;
    let ids: BTreeSet<&str> = messages.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(ids.len(), messages.len());
    for message in &messages {
        assert!(message.id.starts_with(message.intent.name()), "{}", message.id);
        assert!(!message.also.contains(&message.intent), "{}: its intent is in `also` too", message.id);
        assert!(message.from.role.is_some() && !message.body.trim().is_empty(), "{}", message.id);
        assert!(["en", "de", "es", "fr", "nl"].contains(&message.language.as_str()), "{}", message.id);
    }
}

#[test]
fn every_intent_has_enough_to_train_and_to_measure() {
    let mut counts: BTreeMap<Intent, (usize, usize)> = BTreeMap::new();
    for message in &corpus().messages {
        let count = counts.entry(message.intent).or_default();
        *if message.batch == Batch::H { &mut count.1 } else { &mut count.0 } += 1;
    }
    for intent in Intent::ALL {
        let (train, held_out) = counts.get(intent).copied().unwrap_or_default();
        assert!(train >= 20 && held_out >= 3, "{}: {train} to train, {held_out} held out", intent.name());
    }
}

#[test]
fn every_entity_stands_in_its_text_as_a_word() {
    for message in &corpus().messages {
        for entity in &message.entities {
            let text = texts(message).iter().any(|text| !places(text, &entity.text).is_empty());
            assert!(text, "{}: `{}` does not stand in the text by itself", message.id, entity.text);
            if let (EntityType::Date, Some(value)) = (entity.kind, &entity.value) {
                assert!(value.parse::<jiff::civil::Date>().is_ok(), "{}: `{value}` is no date", message.id);
            }
        }
    }
}

#[test]
fn no_message_is_another_one_with_small_changes() {
    let messages = corpus().messages;
    let words: Vec<BTreeSet<String>> = messages.iter().map(|message| word_set(&message.body)).collect();
    for (one, first) in words.iter().enumerate() {
        for (other, second) in words.iter().enumerate().skip(one + 1) {
            let shared = first.intersection(second).count() as f64;
            let likeness = shared / first.union(second).count().max(1) as f64;
            assert!(likeness <= JACCARD_MAX, "{} and {}: {likeness:.2}", messages[one].id, messages[other].id);
        }
    }
}

#[test]
fn every_mail_domain_is_reserved_for_examples() {
    for message in &corpus().messages {
        let address = message.from.email.iter().map(String::as_str);
        for text in texts(message).into_iter().chain(address) {
            for (at, _) in text.match_indices('@') {
                let domain = text[at + 1..].split(|c: char| !(c.is_alphanumeric() || ".-".contains(c))).next().unwrap();
                let domain = domain.trim_end_matches(['.', '-']);
                assert!(!domain.contains('.') || domain.ends_with(".example"), "{}: `{domain}`", message.id);
            }
        }
    }
    let internal = corpus().messages.iter().filter(|m| m.from.role == Some(SenderRole::Internal)).count();
    assert!(internal > 0);
}

pub(crate) fn texts(message: &Labelled) -> Vec<&str> {
    message.subject.as_deref().into_iter().chain([message.body.as_str()]).collect()
}

/// Where `needle` stands in `text` by itself: no letter or digit beside it, nor a mark that joins it to a digit.
pub(crate) fn places(text: &str, needle: &str) -> Vec<usize> {
    let free = |at: &usize| {
        let before: Vec<char> = text[..*at].chars().rev().take(2).collect();
        let after: Vec<char> = text[at + needle.len()..].chars().take(2).collect();
        let stands = |near: &[char]| match near {
            // A time stands behind its date: `2025-09-29T22:14:08Z`.
            ['T', next, ..] if next.is_ascii_digit() => true,
            // `x40` is forty times.
            ['x', next, ..] if next.is_whitespace() => true,
            [c, ..] if c.is_alphanumeric() => false,
            [c, next, ..] if ".,/-".contains(*c) && next.is_ascii_digit() => false,
            _ => true,
        };
        // Signs stand beside anything: `$61.75`.
        let sign = |c: Option<char>| c.is_some_and(|c| !c.is_alphanumeric());
        (sign(needle.chars().next()) || stands(&before)) && (sign(needle.chars().last()) || stands(&after))
    };
    text.match_indices(needle).map(|(at, _)| at).filter(free).collect()
}

fn word_set(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}
