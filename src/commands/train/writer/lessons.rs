//! What the writer learns from: what may be said of a context, and which of it the teacher prefers.
//!
//! Guarantees: prompts and offers are those of run time; a lesson holds slots in the place of values, and a sentence by hand in
//! which a value or name is left is left out; held-out contexts are in no lesson; equal contexts and seed give equal lessons.
//! Non-goals: a taste of its own, see `holdfast_training::language::write::teacher`.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use holdfast_training::language::write::Lesson;
use holdfast_training::language::write::teacher::Teacher;
use serde_json::Value;

use super::TEMPLATE;
use crate::adapters::candle::writer;
use crate::commands::evaluate::summaries::guarantees::ledger;
use crate::commands::evaluate::summaries::random::{Dice, scene};
use crate::domain::case::Category;
use crate::flow::assess::summary::frames::{Frames, HEADLINE, frames};
use crate::flow::assess::summary::offer::{self, Offer};
use crate::flow::assess::summary::{self, Deterministic, Kind, Ledger, Reader, Summary, context};
use crate::flow::decide::catalogue::{self, Catalogue};

/// Summaries of made-up cases beside the contexts: these have the frames that only the service's own facts bring.
const CASES: usize = 90;

/// Lessons, and who gave them.
pub struct Lessons {
    /// Prompts with texts, and texts by hand without a prompt.
    pub lessons: Vec<Lesson>,
    /// How many of them were written by hand.
    pub by_hand: usize,
    /// The names that stand for values.
    pub slots: Vec<String>,
}

/// A context with what people wrote of it, in slots.
struct Authored {
    offer: Offer,
    written: String,
}

/// The teacher that the summaries by hand of `contexts` make.
///
/// # Errors
/// A context that is none.
pub fn teacher(contexts: &[Value]) -> Result<Teacher> {
    let written = contexts.iter().map(|context| Ok(authored(frames()?, context)?.written));
    Ok(Teacher::new(&written.collect::<Result<Vec<_>>>()?))
}

/// What `teacher` would choose of an authored context, with its offer.
///
/// # Errors
/// A context that is none.
pub fn preferred(teacher: &Teacher, context: &Value) -> Result<(Offer, Vec<(usize, usize)>)> {
    let Authored { offer, written } = authored(frames()?, context)?;
    let preferred = teacher.prefers(&offer.brief.sentences, &offer.brief.orders, Some(&written));
    Ok((offer, preferred))
}

/// The lessons of `contexts`, and of made-up cases of a seed.
///
/// # Errors
/// A context that is none, or a template that does not compile.
pub fn of(contexts: &[Value], seed: u64) -> Result<Lessons> {
    let (frames, teacher) = (frames()?, teacher(contexts)?);
    let mut lessons = Vec::new();
    for context in contexts {
        let (offer, preferred) = preferred(&teacher, context)?;
        lessons.push(lesson(&offer, &preferred)?);
    }
    let (mut dice, catalogue) = (Dice::new(seed), Catalogue::load(catalogue::BUILT_IN)?);
    for number in 0..CASES {
        let category = Category::ALL[number % Category::ALL.len()];
        let scene = scene(&mut dice, category)?;
        let ledger = ledger(&scene, &catalogue, number % 2 == 0);
        let offer = offered(frames, &summary::worded(category, &ledger, &Deterministic)?)?;
        let preferred = teacher.prefers(&offer.brief.sentences, &offer.brief.orders, None);
        lessons.push(lesson(&offer, &preferred)?);
    }
    // Contexts of which the same can be said alike are one lesson.
    let mut known = BTreeSet::new();
    lessons.retain(|lesson: &Lesson| known.insert((lesson.prompt.clone(), lesson.text.clone())));
    let before = lessons.len();
    for context in contexts {
        let written = authored(frames, context)?.written;
        let text: Vec<&str> = sentences(&written).filter(|sentence| holds_no_value(sentence)).collect();
        if !text.is_empty() {
            lessons.push(Lesson { prompt: String::new(), text: text.join("\n") });
        }
    }
    Ok(Lessons { by_hand: lessons.len() - before, lessons, slots: slots(frames) })
}

fn authored(frames: &Frames, context: &Value) -> Result<Authored> {
    let reader = Reader { sees_finance: true };
    let summary = context::summary(context, reader)?;
    let written = in_slots(&context::compile(context, reader)?.ledger, context["summary"].as_str().unwrap_or_default());
    Ok(Authored { offer: offered(frames, &summary)?, written })
}

fn offered(frames: &Frames, summary: &Summary) -> Result<Offer> {
    Ok(offer::of(frames, summary).context("a summary has no headline to word")?.1)
}

fn lesson(offer: &Offer, preferred: &[(usize, usize)]) -> Result<Lesson> {
    let prompt = writer::prompt(TEMPLATE, &offer.brief).map_err(anyhow::Error::msg)?;
    let lines: Vec<&str> =
        preferred.iter().map(|(at, wording)| offer.brief.sentences[*at][*wording].as_str()).collect();
    Ok(Lesson { prompt, text: lines.join("\n") })
}

/// A text by hand with the roles of facts in the place of their renderings, the longest first.
fn in_slots(ledger: &Ledger, text: &str) -> String {
    let facts = ledger.facts().iter().filter(|fact| fact.kind != Kind::Quote && fact.rendering.chars().count() > 1);
    let mut known: Vec<(&str, String)> = Vec::new();
    for fact in facts {
        let parts = fact.role.split('.').map(|part| if part.parse::<u32>().is_ok() { "*" } else { part });
        let slot = format!("<{}>", parts.collect::<Vec<_>>().join("."));
        if let (Kind::Amount, Some((number, _))) = (fact.kind, fact.rendering.split_once(' ')) {
            known.push((number, slot.clone()));
        }
        known.push((&fact.rendering, slot));
    }
    known.sort_by_key(|(rendering, _)| std::cmp::Reverse(rendering.len()));
    let mut slotted = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let fresh = !slotted.chars().last().is_some_and(char::is_alphanumeric);
        let ends = |after: &str| !after.chars().next().is_some_and(char::is_alphanumeric);
        let found = known.iter().find_map(|(rendering, slot)| {
            let after = rest.strip_prefix(rendering)?;
            (fresh && ends(after)).then_some((slot, after))
        });
        match found {
            Some((slot, after)) => {
                slotted.push_str(slot);
                rest = after;
            }
            None => {
                slotted.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    slotted
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(". ").map(str::trim).filter(|sentence| !sentence.is_empty())
}

/// Whether a sentence by hand has neither a digit nor a name outside of its slots.
fn holds_no_value(sentence: &str) -> bool {
    let outside: String =
        sentence.split('<').map(|part| part.rsplit_once('>').map_or(part, |(_, after)| after)).collect();
    let capital = |(at, c): (usize, char)| c.is_uppercase() && (at > 0 || sentence.starts_with('<'));
    !outside.chars().any(char::is_numeric) && !outside.char_indices().any(capital)
}

/// Every slot that a headline may have.
fn slots(frames: &Frames) -> Vec<String> {
    let headline = frames.frames.iter().filter(|frame| frame.section == HEADLINE);
    let roles =
        headline.flat_map(|frame| frame.written[0].split('{').skip(1).filter_map(|part| part.split('}').next()));
    roles.map(|role| format!("<{role}>")).collect()
}
