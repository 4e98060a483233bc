//! Ranking: prioritize, the record of a decision, and its replay.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::decision::{Decision, RankedCase};
use crate::domain::ids::DecisionId;
use crate::flow::decide::prioritize::{self, PrioritizeRequest, Replay};
use crate::web::error::Problem;
use crate::web::extract::{Allowed, Body, Id, demand};
use crate::web::openapi::IdPath;
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
    /// Most valuable approver minute first.
    pub output: Vec<RankedCase>,
}

/// Ranks exceptions by id or by inline facts, with next-best actions for each.
#[utoipa::path(post, path = "/v1/prioritize", tag = "decisions", request_body = PrioritizeRequest,
    responses((status = 200, body = Prioritized)), security(("bearer" = ["prioritize:run"])))]
pub async fn prioritize(
    State(state): State<WebState>,
    caller: Allowed<demand::PrioritizeRun>,
    Body(request): Body<PrioritizeRequest>,
) -> Result<Json<Prioritized>, Problem> {
    let Decision { id, as_of, versions, output, .. } =
        prioritize::prioritize(&state.services, request, caller.actor()).await?;
    Ok(Json(Prioritized { decision_id: id, as_of, versions, output }))
}

/// The full record of a decision.
#[utoipa::path(get, path = "/v1/decisions/{id}", tag = "decisions", params(IdPath),
    responses((status = 200, body = Decision)), security(("bearer" = ["prioritize:run"])))]
pub async fn read_decision(
    State(state): State<WebState>,
    _caller: Allowed<demand::PrioritizeRun>,
    Id(id): Id<DecisionId>,
) -> Result<Json<Decision>, Problem> {
    let found = state.services.store.read().await?.decision(id).await?;
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
