//! Summaries of exceptions: the text with its evidence and age, what readers think of it, and what changed since a proposal.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::ids::{CaseId, ProposalId};
use crate::flow::FlowError;
use crate::flow::assess::summary::kept::{self, Age, Since};
use crate::flow::assess::summary::{Reader, Summary};
use crate::in_transaction;
use crate::ports::store::Transaction;
use crate::ports::store::summaries::Opinion;
use crate::web::api::exceptions::view;
use crate::web::error::Problem;
use crate::web::extract::{Allowed, Body, Id, demand};
use crate::web::openapi::IdPath;
use crate::web::picture;
use crate::web::state::WebState;

/// A summary with its age and what readers think of it.
#[derive(Serialize, ToSchema)]
pub struct SummaryView {
    /// Headline, sections, sentences with citations, facts, plan, and what worded it.
    #[serde(flatten)]
    pub summary: Summary,
    /// When it was made, and what came since.
    pub age: Age,
    /// Opinions of this case's summaries, newest first.
    pub opinions: Vec<Opinion>,
}

/// What a reader thinks of a summary.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOpinion {
    /// Digest of the summary that was read.
    #[schema(min_length = 64, max_length = 64)]
    pub digest: String,
    /// Whether it helped.
    pub useful: bool,
    /// Why.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: Option<String>,
}

/// An evidence-locked summary: every sentence cites the facts that it says.
#[utoipa::path(get, path = "/v1/exceptions/{id}/summary", tag = "exceptions", params(IdPath),
    responses((status = 200, body = SummaryView)), security(("bearer" = ["exceptions:read"])))]
pub async fn read_summary(
    State(state): State<WebState>,
    caller: Allowed<demand::ExceptionsRead>,
    Id(id): Id<CaseId>,
) -> Result<Json<SummaryView>, Problem> {
    let view = view(&state, id).await?;
    let picture = picture::of(&state.services, &view.case)
        .await?
        .ok_or_else(|| Problem::not_found("order", &view.case.key.order_id))?;
    let (summary, age) = picture.told(&state.services, &view, caller.actor()).await?;
    let opinions = state.services.store.read().await?.opinions_of(id).await?;
    Ok(Json(SummaryView { summary, age, opinions }))
}

/// Keeps what a person thinks of a summary; a second opinion of the same person takes the place of the first.
#[utoipa::path(post, path = "/v1/exceptions/{id}/summary/opinions", tag = "exceptions", params(IdPath),
    request_body = NewOpinion, responses((status = 200, body = Opinion)), security(("bearer" = ["exceptions:read"])))]
pub async fn give_opinion(
    State(state): State<WebState>,
    caller: Allowed<demand::ExceptionsRead>,
    Id(id): Id<CaseId>,
    Body(opinion): Body<NewOpinion>,
) -> Result<Json<Opinion>, Problem> {
    let Some(person) = caller.actor().person() else {
        let reason = "only a person has an opinion of a summary".to_owned();
        return Err(FlowError::Denied { code: "not-a-person", reason, policies: vec![] }.into());
    };
    let NewOpinion { digest, useful, reason } = opinion;
    let (at, subject) = (state.services.clock.now(), person.subject.clone());
    let opinion = Opinion { case_id: id, digest, subject, useful, reason, at };
    keep(&state, &opinion).await?;
    Ok(Json(opinion))
}

/// Keeps an opinion of a case that is there.
///
/// # Errors
/// 404, or what the store says.
pub async fn keep(state: &WebState, opinion: &Opinion) -> Result<(), Problem> {
    let kept: Result<bool, FlowError> = in_transaction!(state.services.store, |tx| put(tx.as_mut(), opinion).await);
    if kept? { Ok(()) } else { Err(Problem::not_found("exception", &opinion.case_id.to_string())) }
}

/// Whether there was a case to keep it for.
async fn put(tx: &mut dyn Transaction, opinion: &Opinion) -> Result<bool, FlowError> {
    if tx.case(opinion.case_id).await?.is_none() {
        return Ok(false);
    }
    tx.put_opinion(opinion).await?;
    Ok(true)
}

/// What became of the facts that a proposal was made on; `null` where it is not about an order.
#[utoipa::path(get, path = "/v1/proposals/{id}/since", tag = "proposals", params(IdPath),
    responses((status = 200, body = Option<Since>)), security(("bearer" = ["approvals:read"])))]
pub async fn read_since(
    State(state): State<WebState>,
    caller: Allowed<demand::ApprovalsRead>,
    Id(id): Id<ProposalId>,
) -> Result<Json<Option<Since>>, Problem> {
    let mut tx = state.services.store.read().await?;
    let proposal = tx.proposal(id).await?.ok_or_else(|| Problem::not_found("proposal", &id.to_string()))?;
    let now = state.services.clock.now();
    Ok(Json(kept::since(tx.as_mut(), &proposal, Reader::of(caller.actor()), now).await?))
}
