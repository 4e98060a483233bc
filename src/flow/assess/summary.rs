//! The evidence-locked summary of a case: a headline of three to five sentences and fixed sections, in which every sentence
//! cites the facts that it says.
//!
//! Facts are compiled into a [`Ledger`]; [`plan`] picks frames of a versioned file whose facts are there; a sentence is a
//! paraphrase with renderings of facts in its slots; [`verify`] reads the finished text back. Guarantees: an unsupported
//! number, date, identifier, name or status cannot occur; what others wrote stands between quotation marks, verbatim, and
//! nowhere else; facts that the reader may not see are absent before a word is chosen; a sentence that does not verify is
//! replaced by its default paraphrase, and a plan of another's words that does not by the deterministic one, with the reason
//! kept; equal facts
//! give equal bytes. Non-goals: judging, and wording by a language model: [`Wording`] is where one may pick among licensed
//! words (`docs/decisions/0018-summaries.md`).

mod compile;
mod conditions;
pub mod context;
pub mod frames;
pub mod kept;
mod ledger;
pub mod lexicon;
mod messages;
mod missing;
pub mod offer;
mod options;
pub mod plan;
mod render;
mod verify;
pub mod wording;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::domain::actor::{Actor, Person, Role};
use crate::domain::case::{Case, Category};
use crate::domain::decision::RankedCase;
use crate::domain::digest::{self, NotCanonical};
use crate::domain::message::Message;
use crate::domain::proposal::Proposal;
use crate::flow::facts::Facts;
use frames::{Frames, HEADLINE, SECTIONS, frames};

pub use ledger::{Basis, Fact, Formula, Kind, Ledger};
pub use plan::{Deterministic, Step, Wording};
pub use verify::{VerifyError, verify, verify_sentence};

/// What words it where nothing else does.
pub const MODEL: &str = "deterministic/2";

/// A sentence with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sentence {
    /// The words.
    pub text: String,
    /// Ids of the facts in it and of those that it rests on; at least one.
    pub facts: Vec<String>,
    /// The frame that licenses it.
    pub frame: String,
    /// The weakest of what it rests on: a claim, else an inference, else fact.
    pub basis: Basis,
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
    /// The headline as one text.
    pub text: String,
    /// Three to five sentences.
    pub headline: Vec<Sentence>,
    /// All that can be said, in parts.
    pub sections: Vec<Section>,
    /// Every fact that this reader may see.
    pub facts: Vec<Fact>,
    /// What was chosen to be said.
    pub plan: Vec<Step>,
    /// SHA-256 of the frame file.
    pub frames: String,
    /// SHA-256 over the facts whose change calls for another reading before a vote.
    pub material: String,
    /// SHA-256 over all of the above and `model`.
    pub digest: String,
    /// What worded it.
    pub model: String,
    /// What the check refused on the way, and what stands there instead.
    pub verdicts: Vec<String>,
}

impl Reader {
    /// What a person may see: credit, payments and invoices are for those who decide on them; a service never sees them.
    #[must_use]
    pub fn of(reader: &Actor) -> Self {
        const FINANCE: [Role; 5] =
            [Role::FinanceApprover, Role::PricingApprover, Role::OperationsManager, Role::Auditor, Role::Admin];
        let sees = |person: &Person| person.roles.iter().any(|role| FINANCE.contains(role));
        Self { sees_finance: reader.person().is_some_and(sees) }
    }
}

/// Who reads, as far as it changes what may be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// May see amounts of credit, exposure, payments and invoices.
    pub sees_finance: bool,
}

/// Why there is no summary.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// A fact has no canonical form.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// The frame file does not load.
    #[error(transparent)]
    Frames(#[from] frames::FramesError),
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
/// [`SummaryError`].
pub fn of(
    case: &Case,
    facts: &Facts,
    messages: &[Message],
    ranked: Option<&RankedCase>,
    proposals: &[Proposal],
    now: Timestamp,
    reader: Reader,
) -> Result<Summary, SummaryError> {
    let ledger = ledger_of(case, facts, messages, ranked, proposals, now, reader);
    worded(case.key.category, &ledger, &Deterministic)
}

/// Everything that can be said of a case to a reader.
#[must_use]
pub fn ledger_of(
    case: &Case,
    facts: &Facts,
    messages: &[Message],
    ranked: Option<&RankedCase>,
    proposals: &[Proposal],
    now: Timestamp,
    reader: Reader,
) -> Ledger {
    compile::ledger(&Evidence { case, facts, messages, ranked, proposals, now }, reader)
}

/// Words what a ledger holds, and checks it.
///
/// # Errors
/// [`SummaryError`].
pub fn worded(category: Category, ledger: &Ledger, wording: &dyn Wording) -> Result<Summary, SummaryError> {
    checked(category, ledger, plan::plan(frames()?, category, ledger, wording), wording.name())
}

/// The summary of a plan that `model` made: refused sentences in their default words, a refused plan deterministic.
fn checked(category: Category, ledger: &Ledger, mut steps: Vec<Step>, model: String) -> Result<Summary, SummaryError> {
    let frames = frames()?;
    let mut verdicts = Vec::new();
    for step in &mut steps {
        if step.variant > 0
            && let Some(sentence) = sentence_of(frames, step, ledger)
            && let Err(refused) = verify_sentence(&step.section, &sentence, ledger.facts())
        {
            tracing::warn!(frame = step.frame, %refused, "a sentence was refused, its default stands");
            verdicts.push(refused.to_string());
            step.variant = 0;
        }
    }
    let summary = sealed(frames, ledger, steps, (model, verdicts))?;
    if summary.model == MODEL {
        // There is nothing to fall back on: the default words are checked by tests and by `holdfast evaluate summaries`.
        return Ok(summary);
    }
    let Err(refused) = verify(&summary) else { return Ok(summary) };
    tracing::warn!(%refused, model = summary.model, "a plan was refused, the deterministic text stands");
    let steps = plan::plan(frames, category, ledger, &Deterministic);
    let verdicts = [summary.verdicts, vec![refused.to_string()]].concat();
    sealed(frames, ledger, steps, (MODEL.to_owned(), verdicts))
}

/// The sentence of a step; `None` where a fact is missing.
#[must_use]
pub fn sentence_of(frames: &Frames, step: &Step, ledger: &Ledger) -> Option<Sentence> {
    let filled = plan::fill(frames.get(&step.frame)?, step, ledger)?;
    let cited = ledger.facts().iter().filter(|fact| filled.cited.contains(&fact.id));
    let basis = cited.map(|fact| fact.basis).max().unwrap_or(Basis::Fact);
    Some(Sentence { text: filled.text, facts: filled.cited, frame: step.frame.clone(), basis })
}

fn sealed(
    frames: &Frames,
    ledger: &Ledger,
    plan: Vec<Step>,
    (model, verdicts): (String, Vec<String>),
) -> Result<Summary, SummaryError> {
    let of = |section: &str| -> Vec<Sentence> {
        plan.iter()
            .filter(|step| step.section == section)
            .filter_map(|step| sentence_of(frames, step, ledger))
            .collect()
    };
    let headline = of(HEADLINE);
    let sections = SECTIONS.iter().map(|name| Section { name: (*name).to_owned(), sentences: of(name) }).collect();
    let mut summary = Summary {
        text: text_of(&headline),
        headline,
        sections,
        facts: ledger.facts().to_vec(),
        plan,
        frames: frames.digest.clone(),
        material: kept::material_of(ledger.facts())?,
        digest: String::new(),
        model,
        verdicts,
    };
    summary.digest = digest_of(&summary)?;
    Ok(summary)
}

fn text_of(headline: &[Sentence]) -> String {
    headline.iter().map(|sentence| sentence.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn digest_of(summary: &Summary) -> Result<String, NotCanonical> {
    let Summary { text, headline, sections, facts, plan, frames, material, model, verdicts, .. } = summary;
    digest::hex_of(&json!({
        "text": text, "headline": headline, "sections": sections, "facts": facts, "plan": plan, "frames": frames,
        "material": material, "model": model, "verdicts": verdicts,
    }))
}
