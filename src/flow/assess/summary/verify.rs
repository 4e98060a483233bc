//! A second look at a finished summary, which trusts nothing of how it was made.
//!
//! It reads each sentence from its last byte-equal rendering to the next: a sentence passes only when it is one paraphrase
//! of one frame of its section, whose preconditions hold of the facts, in which every slot is byte for byte the rendering
//! of the fact in that role, and when it cites exactly those facts. The headline must have its length and cite what its
//! category requires. Guarantees: a number, name, date, status, negation or quote that no frame and no fact brings is
//! refused, with a reason. Non-goals: whether the facts are true.

use std::collections::{BTreeMap, BTreeSet};

use super::frames::{Frame, Frames, HEADLINE, Segment, frames, numbered, repeats};
use super::ledger::Fact;
use super::lexicon::{self, Reason};
use super::plan::numbers;
use super::{Sentence, Summary};
use crate::domain::case::Category;

/// What a summary says without evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// No frame says the sentence of these facts.
    #[error("no frame of these facts says `{sentence}` ({reason:?})")]
    Unlicensed {
        /// The sentence.
        sentence: String,
        /// What is foreign in it.
        reason: Reason,
    },
    /// It cites more or less than it says.
    #[error("the sentence `{sentence}` cites {cited:?}, and says {said:?}")]
    Citation {
        /// The sentence.
        sentence: String,
        /// Its citations.
        cited: Vec<String>,
        /// The facts in it.
        said: Vec<String>,
    },
    /// A required fact is not in the headline.
    #[error("the headline does not say `{role}`")]
    Missing {
        /// Its role.
        role: String,
    },
    /// Too long or too short, or a sentence twice.
    #[error("the headline has {count} sentences, where {min} to {max} different ones are wanted")]
    Length {
        /// Different sentences.
        count: usize,
        /// Fewest.
        min: usize,
        /// Most.
        max: usize,
    },
    /// Text, sections, frames and digest do not belong together.
    #[error("the {what} of the summary is not that of its sections and facts")]
    Seal {
        /// Which.
        what: &'static str,
    },
}

/// Facts by role, as the summary carries them.
type Table<'a> = BTreeMap<&'a str, &'a Fact>;

/// Checks a summary sentence by sentence, then its headline, text and digest.
///
/// # Errors
/// [`VerifyError`], naming the first thing without evidence.
pub fn verify(summary: &Summary) -> Result<(), VerifyError> {
    let Ok(frames) = frames() else { return Err(VerifyError::Seal { what: "frames" }) };
    if summary.frames != frames.digest {
        return Err(VerifyError::Seal { what: "frames" });
    }
    let table: Table<'_> = summary.facts.iter().map(|fact| (fact.role.as_str(), fact)).collect();
    let category = category_of(&table)?;
    for sentence in &summary.headline {
        check(frames, category, HEADLINE, sentence, &table)?;
    }
    for section in &summary.sections {
        for sentence in &section.sentences {
            check(frames, category, &section.name, sentence, &table)?;
        }
    }
    headline(frames, category, summary, &table)?;
    if summary.text != super::text_of(&summary.headline) {
        return Err(VerifyError::Seal { what: "text" });
    }
    match super::digest_of(summary) {
        Ok(digest) if digest == summary.digest => Ok(()),
        _ => Err(VerifyError::Seal { what: "digest" }),
    }
}

/// Checks one sentence of a section against a table of facts.
///
/// # Errors
/// [`VerifyError::Unlicensed`] and [`VerifyError::Citation`].
pub fn verify_sentence(section: &str, sentence: &Sentence, facts: &[Fact]) -> Result<(), VerifyError> {
    let Ok(frames) = frames() else { return Err(VerifyError::Seal { what: "frames" }) };
    let table: Table<'_> = facts.iter().map(|fact| (fact.role.as_str(), fact)).collect();
    check(frames, category_of(&table)?, section, sentence, &table)
}

fn category_of(table: &Table<'_>) -> Result<Category, VerifyError> {
    let category = table.get("case.category").and_then(|fact| Category::parse(fact.value.as_str()?));
    category.ok_or(VerifyError::Seal { what: "category" })
}

fn check(
    frames: &Frames,
    category: Category,
    section: &str,
    sentence: &Sentence,
    table: &Table<'_>,
) -> Result<(), VerifyError> {
    let licensed: Vec<Vec<&str>> = frames
        .frames
        .iter()
        .filter(|frame| frame.section == section)
        .flat_map(|frame| readings(frame, category, &sentence.text, table))
        .collect();
    if licensed.is_empty() {
        let renderings: Vec<&str> = table.values().map(|fact| fact.rendering.as_str()).collect();
        let reason = lexicon::reason(&sentence.text, &renderings);
        return Err(VerifyError::Unlicensed { sentence: sentence.text.clone(), reason });
    }
    let cited: BTreeSet<&str> = sentence.facts.iter().map(String::as_str).collect();
    if licensed.iter().any(|said| said.iter().copied().collect::<BTreeSet<_>>() == cited) {
        return Ok(());
    }
    Err(VerifyError::Citation {
        sentence: sentence.text.clone(),
        cited: sentence.facts.clone(),
        said: licensed[0].iter().map(|&id| id.to_owned()).collect(),
    })
}

/// The ways in which a frame says a text, as the facts that are in it.
fn readings<'a>(frame: &Frame, category: Category, text: &str, table: &Table<'a>) -> Vec<Vec<&'a str>> {
    let has = |role: &str| table.contains_key(role);
    let mut found = Vec::new();
    for number in numbers(frame, category, has) {
        for says in &frame.says {
            let mut said = Vec::new();
            if read(says, text, number, table, &mut said) == Some("") {
                said.extend(
                    frame.needs.iter().filter_map(|role| Some(table.get(numbered(role, number).as_str())?.id.as_str())),
                );
                found.push(said);
            }
        }
    }
    found
}

/// Reads `segments` off the front of `text`; what is left, or `None` where it says something else.
fn read<'t, 'a>(
    segments: &[Segment],
    text: &'t str,
    number: Option<usize>,
    table: &Table<'a>,
    said: &mut Vec<&'a str>,
) -> Option<&'t str> {
    let mut rest = text;
    for segment in segments {
        match segment {
            Segment::Words(words) => rest = rest.strip_prefix(words.as_str())?,
            Segment::Slot(role) => {
                let fact = table.get(numbered(role, number).as_str())?;
                rest = rest.strip_prefix(fact.rendering.as_str())?;
                said.push(&fact.id);
            }
            Segment::Repeat(inner, separator) => {
                for (at, number) in repeats(inner, number, |role| table.contains_key(role)).into_iter().enumerate() {
                    if at > 0 {
                        rest = rest.strip_prefix(separator.as_str())?;
                    }
                    rest = read(inner, rest, number, table, said)?;
                }
            }
        }
    }
    Some(rest)
}

fn headline(frames: &Frames, category: Category, summary: &Summary, table: &Table<'_>) -> Result<(), VerifyError> {
    let [min, max] = frames.sentences;
    let count = summary.headline.iter().map(|sentence| &sentence.text).collect::<BTreeSet<_>>().len();
    if count < min || count > max || count != summary.headline.len() {
        return Err(VerifyError::Length { count, min, max });
    }
    let cited: BTreeSet<&String> = summary.headline.iter().flat_map(|sentence| &sentence.facts).collect();
    let required = frames.headline(category).into_iter().flat_map(|headline| &headline.required);
    for role in required {
        if table.get(role.as_str()).is_some_and(|fact| !cited.contains(&fact.id)) {
            return Err(VerifyError::Missing { role: role.clone() });
        }
    }
    Ok(())
}
