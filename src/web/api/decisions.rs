//! Ranking: prioritize, the record of a decision, and its replay.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::choice::Response;
use crate::domain::decision::{Decision, DecisionRecord, RankedCase};
use crate::domain::ids::DecisionId;
use crate::domain::queue::ShiftPlan;
use crate::flow::decide::log::{self, NewResponse};
use crate::flow::decide::prioritize::{self, PrioritizeRequest, Replay};
use crate::web::error::Problem;
use crate::web::extract::{Allowed, Body, Id, demand};
use crate::web::idempotency::KeyRequired;
use crate::web::openapi::{IdPath, KeyHeader};
use crate::web::state::WebState;

/// A ranking.
#[derive(Serialize, ToSchema)]
pub struct Prioritized {
    /// The record of this decision: same input, same versions, same id.
    pub decision_id: DecisionId,
    /// The time it was made for.
    pub as_of: Timestamp,
    /// Digests of models, catalogue and policy, by name.
    pub versions: BTreeMap<String, String>,
    /// In the order of the queue: pins, what waited too long, then the most valuable approver minute first.
    pub output: Vec<RankedCase>,
    /// What a shift of `capacity_minutes` can do.
    pub plan: Option<ShiftPlan>,
}

/// Ranks exceptions by id or by inline facts, with next-best actions for each.
#[utoipa::path(post, path = "/v1/prioritize", tag = "decisions", request_body = PrioritizeRequest,
    responses((status = 200, body = Prioritized)), security(("bearer" = ["prioritize:run"])))]
pub async fn prioritize(
    State(state): State<WebState>,
    caller: Allowed<demand::PrioritizeRun>,
    Body(request): Body<PrioritizeRequest>,
) -> Result<Json<Prioritized>, Problem> {
    let Decision { id, as_of, versions, output, plan, .. } =
        prioritize::prioritize(&state.services, request, caller.actor()).await?;
    Ok(Json(Prioritized { decision_id: id, as_of, versions, output, plan }))
}

/// The full record of a decision: what was recommended, what people made of it, and what came of it.
#[utoipa::path(get, path = "/v1/decisions/{id}", tag = "decisions", params(IdPath),
    responses((status = 200, body = DecisionRecord)), security(("bearer" = ["prioritize:run"])))]
pub async fn read_decision(
    State(state): State<WebState>,
    _caller: Allowed<demand::PrioritizeRun>,
    Id(id): Id<DecisionId>,
) -> Result<Json<DecisionRecord>, Problem> {
    let found = log::read(state.services.store.read().await?.as_mut(), id).await?;
    found.map(Json).ok_or_else(|| Problem::not_found("decision", &id.to_string()))
}

/// Computes a decision again from its record, and says whether it is the same byte for byte.
#[utoipa::path(post, path = "/v1/decisions/{id}/replay", tag = "decisions", params(IdPath),
    responses((status = 200, body = Replay)), security(("bearer" = ["prioritize:run"])))]
pub async fn replay_decision(
    State(state): State<WebState>,
    _caller: Allowed<demand::PrioritizeRun>,
    Id(id): Id<DecisionId>,
) -> Result<Json<Replay>, Problem> {
    Ok(Json(prioritize::replay(&state.services, id).await?))
}

/// The same, for whoever only reads: nothing is recorded by it.
#[utoipa::path(get, path = "/v1/decisions/{id}/replay", tag = "decisions", params(IdPath),
    responses((status = 200, body = Replay)), security(("bearer" = ["prioritize:run"])))]
pub async fn read_replay(
    State(state): State<WebState>,
    _caller: Allowed<demand::PrioritizeRun>,
    Id(id): Id<DecisionId>,
) -> Result<Json<Replay>, Problem> {
    Ok(Json(prioritize::replay(&state.services, id).await?))
}

/// Rejects or defers a recommendation; what is accepted or edited is proposed instead.
#[utoipa::path(post, path = "/v1/decisions/{id}/responses", tag = "decisions", params(IdPath, KeyHeader),
    request_body = NewResponse, responses((status = 201, body = Response)),
    security(("bearer" = ["actions:propose"])))]
pub async fn respond_to_decision(
    State(state): State<WebState>,
    caller: Allowed<demand::ActionsPropose>,
    Id(id): Id<DecisionId>,
    _key: KeyRequired,
    Body(response): Body<NewResponse>,
) -> Result<(StatusCode, Json<Response>), Problem> {
    let response = log::respond(&state.services, caller.actor(), id, response).await?;
    Ok((StatusCode::CREATED, Json(response)))
}
