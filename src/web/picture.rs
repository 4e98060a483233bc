//! A case as it stands now, for readers: its facts, its ranking and its summary.
//!
//! Guarantee: only reads; the same functions as the assessment and the decision record, so a page shows what they would
//! say. Non-goals: recording, see `flow::decide::prioritize`.

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::actor::Actor;
use crate::domain::case::Case;
use crate::domain::decision::{Abstention, Evidence, RankedCase, Risk};
use crate::flow::assess::features;
use crate::flow::assess::risk::{self, Asked};
use crate::flow::assess::summary::kept::{self, Age};
use crate::flow::assess::summary::{self, Reader, Summary};
use crate::flow::decide::nearest;
use crate::flow::decide::rank::{Basis, Known, Subject, can_miss, rank};
use crate::flow::facts::{self, Facts};
use crate::flow::{FlowError, Services};
use crate::web::api::exceptions::ExceptionView;

/// Facts and ranking of a case.
pub struct Picture {
    /// What is known now.
    pub facts: Facts,
    /// Options by expected cost.
    pub ranked: RankedCase,
    /// What would bring the risk below a half, in words.
    pub ways_out: Vec<String>,
}

/// A case as it is seen now, before it is ranked.
struct Seen {
    subject: Subject,
    facts: Facts,
    row: Vec<Value>,
    said: Result<Risk, Abstention>,
    ways_out: Vec<String>,
}

/// The picture of a case; `None` when its order or line is not known.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn of(services: &Services, case: &Case) -> Result<Option<Picture>, FlowError> {
    let Some(seen) = seen(services, case).await? else { return Ok(None) };
    let asked = nearest::Asked {
        case_id: Some(case.id),
        category: case.key.category,
        currency: &seen.facts.order.currency,
        as_of: seen.facts.now,
        features: &seen.row,
    };
    let evidence = nearest::of(&*services.vectors, &asked).await;
    Ok(Some(seen.ranked(services, evidence.as_ref())))
}

/// The same without the evidence of resolved cases, which moves no risk.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn outlook(services: &Services, case: &Case) -> Result<Option<Picture>, FlowError> {
    Ok(seen(services, case).await?.map(|seen| seen.ranked(services, None)))
}

async fn seen(services: &Services, case: &Case) -> Result<Option<Seen>, FlowError> {
    let now = services.clock.now();
    let mut tx = services.store.read().await?;
    let facts = facts::of_line(tx.as_mut(), &case.key.order_id, case.key.line_no, now).await?;
    let Some(facts) = facts else { return Ok(None) };
    let rates = features::rates(tx.as_mut(), &facts).await?;
    let row = features::of(&facts, &rates, Some(case.key.category));
    let order_id = &case.key.order_id;
    let margins = risk::margins(&services.models, tx.as_mut(), order_id, &row).await?;
    let said = risk::of(&services.models, &Asked { order_id, as_of: now, margins }, &row);
    let ways_out = match services.models.risk_for(order_id).filter(|_| said.is_ok() && can_miss(&facts)) {
        Some(model) => model.ways_out(&row),
        None => Vec::new(),
    };
    let subject = Subject { case_id: Some(case.id), reference: None, category: case.key.category, due_at: case.due_at };
    Ok(Some(Seen { subject, facts, row, said, ways_out }))
}

impl Seen {
    fn ranked(self, services: &Services, evidence: Option<&Evidence>) -> Picture {
        let Self { subject, facts, row, said, ways_out } = self;
        let known = Known { features: Some(&row), evidence };
        let ranked = rank(&Basis::of(services), &subject, (&facts, known), said);
        Picture { facts, ranked, ways_out }
    }
}

impl Picture {
    /// The summary that a reader gets, and its age.
    ///
    /// # Errors
    /// [`FlowError`].
    pub async fn told(
        &self,
        services: &Services,
        view: &ExceptionView,
        reader: &Actor,
    ) -> Result<(Summary, Age), FlowError> {
        let now = services.clock.now();
        let fresh = self.summary(view, reader, now)?;
        let mut tx = services.store.read().await?;
        kept::current(tx.as_mut(), &view.case, fresh, Reader::of(reader), now).await
    }

    /// What there is to say now.
    fn summary(&self, view: &ExceptionView, reader: &Actor, now: Timestamp) -> Result<Summary, FlowError> {
        let reader = Reader::of(reader);
        let ranked = Some(&self.ranked);
        Ok(summary::of(&view.case, &self.facts, &view.messages, ranked, &view.proposals, now, reader)?)
    }
}
