//! The evidence-locked summary of a case: fixed sections, in which every sentence cites the facts that it says.
//!
//! Guarantees: a sentence is one of our own templates, and the only way for a value into it is a fact of the ledger, so an
//! unsupported number, date, identifier or name cannot occur; what others wrote stands between quotation marks, verbatim,
//! and nowhere else; facts that the reader may not see are absent before a word is chosen; equal facts give equal bytes;
//! [`verify`] proves the above on the finished text. Non-goals: judging, and wording by a language model (it may only ever
//! re-word what stands here).

mod compile;
mod conditions;
mod ledger;
mod missing;
mod options;
mod render;
mod templates;
mod verify;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::case::Case;
use crate::domain::decision::RankedCase;
use crate::domain::digest;
use crate::domain::event::EventRef;
use crate::domain::message::Message;
use crate::domain::proposal::Proposal;
use crate::flow::facts::Facts;
use ledger::Ledger;

pub use verify::{VerifyError, verify};

/// What words it.
pub const MODEL: &str = "deterministic/1";

/// A fact that the text cites.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Fact {
    /// `F1`, `F2`, … in the order of first use.
    pub id: String,
    /// What it is.
    pub label: String,
    /// The value; null where it is not known.
    pub value: Value,
    /// The value as the text says it.
    pub rendering: String,
    /// The event that says so; `None` for what was computed.
    pub event: Option<EventRef>,
    /// Where it stands among the facts.
    pub path: String,
}

/// A sentence with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sentence {
    /// The words.
    pub text: String,
    /// Ids of the facts in it; at least one.
    pub facts: Vec<String>,
}

/// A part of the summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Section {
    /// `situation`, `impact`, `cause`, `messages`, `options`, `recommendation`, `unknown`, `deadline`.
    pub name: String,
    /// Its sentences.
    pub sentences: Vec<Sentence>,
}

/// A summary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Summary {
    /// All of it, a line a section.
    pub text: String,
    /// The same in parts.
    pub sections: Vec<Section>,
    /// What the sentences cite.
    pub facts: Vec<Fact>,
    /// SHA-256 over all of the above and `model`.
    pub digest: String,
    /// What worded it.
    pub model: String,
}

/// Who reads, as far as it changes what may be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// May see amounts of credit, exposure, payments and invoices.
    pub sees_finance: bool,
}

/// What a summary is made from.
#[derive(Clone, Copy)]
struct Evidence<'a> {
    case: &'a Case,
    facts: &'a Facts,
    messages: &'a [Message],
    ranked: Option<&'a RankedCase>,
    proposals: &'a [Proposal],
    now: Timestamp,
}

/// The summary of a case for a reader, as of `now`.
///
/// # Errors
/// [`digest::NotCanonical`] when a fact has no canonical form.
pub fn of(
    case: &Case,
    facts: &Facts,
    messages: &[Message],
    ranked: Option<&RankedCase>,
    proposals: &[Proposal],
    now: Timestamp,
    reader: Reader,
) -> Result<Summary, digest::NotCanonical> {
    let evidence = Evidence { case, facts, messages, ranked, proposals, now };
    let ledger = compile::ledger(&evidence, reader);
    let drafts: Vec<(&str, Vec<ledger::Draft>)> = templates::SECTIONS
        .iter()
        .map(|(name, templates)| (*name, templates(case.key.category).iter().flat_map(|t| ledger.say(t)).collect()))
        .collect();
    finish(&ledger, drafts)
}

/// Numbers the cited facts by first use and seals the text.
fn finish(ledger: &Ledger, drafts: Vec<(&str, Vec<ledger::Draft>)>) -> Result<Summary, digest::NotCanonical> {
    let mut used: Vec<usize> = Vec::new();
    for at in drafts.iter().flat_map(|(_, drafts)| drafts).flat_map(|draft| &draft.cited) {
        if !used.contains(at) {
            used.push(*at);
        }
    }
    let id = |at: &usize| format!("F{}", used.iter().position(|u| u == at).map_or(0, |i| i + 1));
    let sentence = |draft: ledger::Draft| Sentence { facts: draft.cited.iter().map(id).collect(), text: draft.text };
    let sections: Vec<Section> = drafts
        .into_iter()
        .map(|(name, drafts)| Section { name: name.to_owned(), sentences: drafts.into_iter().map(sentence).collect() })
        .collect();
    let facts: Vec<Fact> = used.iter().map(|at| ledger.fact(*at, id(at))).collect();
    let text = text_of(&sections);
    let digest = digest_of(&text, &sections, &facts)?;
    Ok(Summary { text, sections, facts, digest, model: MODEL.to_owned() })
}

/// One line a section, its name first.
fn text_of(sections: &[Section]) -> String {
    let line = |section: &Section| {
        let sentences: Vec<&str> = section.sentences.iter().map(|s| s.text.as_str()).collect();
        format!("{}: {}\n", section.name, sentences.join(" "))
    };
    sections.iter().map(line).collect()
}

fn digest_of(text: &str, sections: &[Section], facts: &[Fact]) -> Result<String, digest::NotCanonical> {
    digest::hex_of(&json!({ "text": text, "sections": sections, "facts": facts, "model": MODEL }))
}
