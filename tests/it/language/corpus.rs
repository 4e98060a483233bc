//! The authored messages keep what their data card promises.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use holdfast::commands::train::corpus::{Clue, Corpus, Labelled, read};
use holdfast::domain::message::{EntityType, Intent, SenderRole};
use serde_json::Value;

/// Messages whose words overlap more than this are one message written twice.
const JACCARD_MAX: f64 = 0.6;

/// Messages of each intent.
const MESSAGES_MIN: usize = 150;

const DIR: &str = "datasets/messages";

pub(crate) fn corpus() -> Corpus {
    read(Path::new(DIR)).unwrap()
}

#[test]
fn every_line_is_a_labelled_message_and_its_id_is_its_own() {
    let messages = corpus().messages;
    let ids: BTreeSet<&str> = messages.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(ids.len(), messages.len());
    for message in &messages {
        assert!(message.id.starts_with(&format!("{}-", message.batch)), "{} in `{}`", message.id, message.batch);
        assert!(!message.also.contains(&message.intent), "{}: its intent is in `also` too", message.id);
        assert!(message.from.role.is_some() && !message.body.trim().is_empty(), "{}", message.id);
        assert!(["en", "de", "es", "fr", "nl"].contains(&message.language.as_str()), "{}", message.id);
    }
}

#[test]
fn every_intent_has_enough_to_train_and_to_measure() {
    let messages = corpus().messages;
    let mut counts: BTreeMap<Intent, (usize, usize)> = BTreeMap::new();
    for message in &messages {
        let count = counts.entry(message.intent).or_default();
        *if message.held_out { &mut count.1 } else { &mut count.0 } += 1;
    }
    for intent in Intent::ALL {
        let (train, held_out) = counts.get(intent).copied().unwrap_or_default();
        assert!(train + held_out >= MESSAGES_MIN, "{}: {train} to train, {held_out} held out", intent.name());
        assert!(held_out >= 15, "{}: {held_out} held out", intent.name());
    }
    let share =
        |of: &dyn Fn(&Labelled) -> bool| messages.iter().filter(|m| of(m)).count() as f64 / messages.len() as f64;
    let (held_out, foreign) = (share(&|m| m.held_out), share(&|m| m.language != "en"));
    println!("{} messages, {held_out:.3} held out, {foreign:.3} not English", messages.len());
    for (intent, (train, held_out)) in &counts {
        println!("{:<20} {train} to train, {held_out} held out", intent.name());
    }
    let mut batches: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for message in &messages {
        let (all, foreign) = batches.entry(&message.batch).or_default();
        *all += 1;
        *foreign += usize::from(message.language != "en");
    }
    for (batch, (all, foreign)) in batches {
        println!("{batch:<12} {all} messages, {:.0} % not English", 100.0 * foreign as f64 / all as f64);
    }
    assert!((0.05..0.16).contains(&held_out), "{held_out}");
    assert!(foreign >= 0.15, "{foreign}");
}

/// What a label names in the world of its batch is there, and belongs together.
#[test]
fn every_link_leads_somewhere_in_its_world() {
    let mut worlds: BTreeMap<String, Value> = BTreeMap::new();
    for message in &corpus().messages {
        let Some(link) = &message.link else { continue };
        let world = worlds.entry(message.batch.clone()).or_insert_with(|| {
            let path = Path::new(DIR).join(&message.batch).join("world.json");
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
        });
        let find = |list: &str, member: &str, id: &Option<String>| -> Option<Value> {
            let id = id.as_ref()?;
            let found = world[list].as_array().unwrap().iter().find(|entry| entry[member] == id.as_str());
            Some(found.unwrap_or_else(|| panic!("{}: no {member} `{id}`", message.id)).clone())
        };
        let order = find("orders", "order_id", &link.order_id);
        find("purchase_orders", "po_id", &link.purchase_order_id);
        if let (Some(order), Some(exception)) = (&order, find("exceptions", "exception_id", &link.exception_id)) {
            assert_eq!(order["order_id"], exception["order_id"], "{}", message.id);
        }
        let open = matches!(link.clue, Clue::Ambiguous | Clue::Conflict | Clue::None);
        assert!(!(open && order.is_some()), "{}: {:?} with an order", message.id, link.clue);
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

/// Sets whose words overlap by a share `t` have a word in common among the rarest `|x| - ceil(t |x|) + 1` of each (prefix
/// filtering, Chaudhuri et al. 2006), so few pairs need a look.
#[test]
fn no_message_is_another_one_with_small_changes() {
    let messages = corpus().messages;
    let sets: Vec<BTreeSet<String>> = messages.iter().map(|message| word_set(&message.body)).collect();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    sets.iter().flatten().for_each(|word| *seen.entry(word).or_default() += 1);
    let mut holders: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (one, set) in sets.iter().enumerate() {
        let mut rare: Vec<&str> = set.iter().map(String::as_str).collect();
        rare.sort_by_key(|word| (seen[word], *word));
        rare.truncate(set.len() - (JACCARD_MAX * set.len() as f64).ceil() as usize + 1);
        let near: BTreeSet<usize> =
            rare.iter().flat_map(|word| holders.get(word).cloned().unwrap_or_default()).collect();
        for other in near {
            let shared = set.intersection(&sets[other]).count() as f64;
            let likeness = shared / set.union(&sets[other]).count().max(1) as f64;
            assert!(likeness <= JACCARD_MAX, "{} and {}: {likeness:.2}", messages[other].id, messages[one].id);
        }
        rare.into_iter().for_each(|word| holders.entry(word).or_default().push(one));
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

/// Where `needle` stands in `text` by itself: no letter or digit beside it, nor a mark that joins a
/// number to a digit.
pub(crate) fn places(text: &str, needle: &str) -> Vec<usize> {
    let number = !needle.chars().any(char::is_alphabetic);
    let free = |at: &usize| {
        let before: Vec<char> = text[..*at].chars().rev().take(2).collect();
        let after: Vec<char> = text[at + needle.len()..].chars().take(2).collect();
        let stands = |near: &[char]| match near {
            // A time stands behind its date: `2025-09-29T22:14:08Z`.
            ['T', next, ..] if next.is_ascii_digit() => true,
            // `x40` is forty times.
            ['x', next, ..] if next.is_whitespace() => true,
            [c, ..] if c.is_alphanumeric() => false,
            [c, next, ..] if number && ".,/-".contains(*c) && next.is_ascii_digit() => false,
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
