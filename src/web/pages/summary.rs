//! The summary on pages: facts, inferences and claims told apart, each sentence opening its evidence, and what to read again.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::shell::{Posted, Refused, done};
use super::words;
use crate::domain::actor::{Actor, Scope};
use crate::domain::ids::CaseId;
use crate::domain::proposal::{Proposal, Target};
use crate::flow::assess::summary::kept::{self, Age};
use crate::flow::assess::summary::{self, Basis, Reader, Summary};
use crate::ports::store::summaries::Opinion;
use crate::web::api::exceptions::view;
use crate::web::api::summaries;
use crate::web::extract::Id;
use crate::web::picture;
use crate::web::state::WebState;

/// A summary as a case shows it.
#[derive(Default)]
pub(super) struct SummaryCard {
    pub(super) headline: Vec<Sentence>,
    pub(super) sections: Vec<Section>,
    pub(super) sources: Vec<Source>,
    pub(super) since: Option<String>,
    pub(super) digest: String,
    pub(super) model: String,
    pub(super) made_at: String,
}

pub(super) struct Section {
    pub(super) name: String,
    pub(super) sentences: Vec<Sentence>,
}

pub(super) struct Sentence {
    pub(super) text: String,
    pub(super) basis: &'static str,
    pub(super) sources: Vec<Source>,
}

#[derive(Clone)]
pub(super) struct Source {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) value: String,
    pub(super) basis: &'static str,
    pub(super) formula: String,
    pub(super) from: String,
}

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Fact => "fact",
        Basis::Inference => "inference",
        Basis::Claim => "claim",
    }
}

fn source(fact: &summary::Fact) -> Source {
    let computed = || if fact.basis == Basis::Inference { "model or ranking" } else { "computed" }.to_owned();
    Source {
        id: fact.id.clone(),
        label: fact.label.clone(),
        value: fact.rendering.clone(),
        basis: basis(fact.basis),
        formula: fact.formula.as_ref().map(|formula| formula.says.clone()).unwrap_or_default(),
        from: fact.event.as_ref().map_or_else(computed, ToString::to_string),
    }
}

fn sentence(sentence: &summary::Sentence, facts: &[summary::Fact]) -> Sentence {
    let cited = facts.iter().filter(|fact| sentence.facts.contains(&fact.id));
    Sentence { text: sentence.text.clone(), basis: basis(sentence.basis), sources: cited.map(source).collect() }
}

/// `1 event`, `2 events`.
fn events(count: usize) -> String {
    format!("{count} event{}", if count == 1 { "" } else { "s" })
}

impl SummaryCard {
    pub(super) fn of(summary: &Summary, age: Age) -> Self {
        let all = |sentences: &[summary::Sentence]| sentences.iter().map(|s| sentence(s, &summary.facts)).collect();
        let said = summary.sections.iter().filter(|section| !section.sentences.is_empty());
        let sections: Vec<Section> =
            said.map(|s| Section { name: words::title(&s.name), sentences: all(&s.sentences) }).collect();
        let cited = |fact: &&summary::Fact| {
            let sections = summary.sections.iter().flat_map(|section| &section.sentences);
            summary.headline.iter().chain(sections).any(|sentence| sentence.facts.contains(&fact.id))
        };
        let since = format!("{} since this summary; none changed what it says.", events(age.events_since));
        Self {
            headline: all(&summary.headline),
            sections,
            sources: summary.facts.iter().filter(cited).map(source).collect(),
            since: (age.events_since > 0).then_some(since),
            digest: summary.digest.clone(),
            model: summary.model.clone(),
            made_at: words::minute(age.made_at),
        }
    }

    /// One with a sentence of each kind.
    pub(super) fn sample() -> Self {
        let source = Source {
            id: "F1".to_owned(),
            label: "Shortfall".to_owned(),
            value: "40".to_owned(),
            basis: "fact",
            formula: "quantity - available".to_owned(),
            from: "/wms#9".to_owned(),
        };
        let sentence = |text: &str, basis| Sentence { text: text.to_owned(), basis, sources: vec![source.clone()] };
        Self {
            headline: vec![
                sentence("Line 2 lacks 40 pieces.", "fact"),
                sentence("The customer writes “<b>hurry</b>”.", "claim"),
                sentence("Recommended: split the shipment.", "inference"),
            ],
            sections: vec![Section {
                name: "Situation".to_owned(),
                sentences: vec![sentence("Line 2 lacks 40 pieces.", "fact")],
            }],
            sources: vec![source],
            since: Some("2 events since this summary; none changed what it says.".to_owned()),
            digest: "ab".repeat(32),
            model: "deterministic/2".to_owned(),
            made_at: "2026-03-02 09:30".to_owned(),
        }
    }
}

/// What an approver reads before a vote.
#[derive(Default)]
pub(super) struct ToRead {
    pub(super) headline: Vec<Sentence>,
    pub(super) since: Option<String>,
    pub(super) changed: Vec<String>,
    pub(super) material: String,
}

impl ToRead {
    /// One in which something changed.
    pub(super) fn sample() -> Self {
        Self {
            headline: SummaryCard::sample().headline,
            since: Some("2 events since the summary that this was proposed on.".to_owned()),
            changed: vec!["available: 40, now 12".to_owned()],
            material: "ab".repeat(32),
        }
    }

    pub(super) async fn of(state: &WebState, proposal: &Proposal, reader: &Actor) -> Result<Self, Refused> {
        let Target::Order { case_id, .. } = proposal.target else { return Ok(Self::default()) };
        let view = view(state, case_id).await?;
        let Some(picture) = picture::of(&state.services, &view.case).await? else { return Ok(Self::default()) };
        let (summary, _) = picture.told(&state.services, &view, reader).await?;
        let headline = summary.headline.iter().map(|s| sentence(s, &summary.facts)).collect();
        let mut tx = state.services.store.read().await?;
        let now = state.services.clock.now();
        let since = kept::since(tx.as_mut(), proposal, Reader::of(reader), now).await?;
        let Some(since) = since else { return Ok(Self { headline, ..Self::default() }) };
        let came = events(since.age.events_since);
        let says = match since.changed.is_empty() {
            true => format!("{came} since the summary that this was proposed on; no material fact changed."),
            false => {
                format!("{came} since the summary that this was proposed on. Changed since, read before you vote:")
            }
        };
        let told = since.age.events_since > 0 || !since.changed.is_empty();
        Ok(Self { headline, since: told.then_some(says), changed: since.changed, material: since.material })
    }
}

#[derive(Deserialize)]
pub(super) struct Thumb {
    digest: String,
    useful: bool,
    #[serde(default)]
    reason: String,
}

pub(super) async fn give_opinion(
    State(state): State<WebState>,
    Id(case_id): Id<CaseId>,
    Posted { viewer, form }: Posted<Thumb>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::ExceptionsRead)?;
    let subject = viewer.actor().person().map(|person| person.subject.clone()).unwrap_or_default();
    let reason = (!form.reason.trim().is_empty()).then_some(form.reason);
    let at = state.services.clock.now();
    let opinion = Opinion { case_id, digest: form.digest, subject, useful: form.useful, reason, at };
    summaries::keep(&state, &opinion).await?;
    Ok(done(&format!("/exceptions/{case_id}"), "Thank you; your opinion is kept with this summary."))
}
