//! Inputs that could not be understood: seen, mended, replayed or discarded.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::domain::ids::DeadLetterId;
use crate::flow::accept::dead_letters::{self, DeadLetterFilter};
use crate::flow::accept::events::ItemResult;
use crate::ports::store::events::{DeadLetter, DeadLetterStatus};
use crate::web::api::events::Accepted;
use crate::web::api::exceptions::Because;
use crate::web::error::Problem;
use crate::web::extract::{Allowed, Body, Id, IfMatch, PageSize, Params, demand};
use crate::web::openapi::{IdPath, VersionHeader};
use crate::web::paging::{Cursor, Page, after, linked, page, tagged};
use crate::web::state::WebState;

/// Which dead letters.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
#[expect(missing_docs, reason = "names say it")]
pub struct DeadLetterQuery {
    pub status: Option<DeadLetterStatus>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<PageSize>,
    #[param(value_type = Option<String>, min_length = 1, max_length = 1000)]
    pub cursor: Option<Cursor>,
}

/// The mended input, whole.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub struct MendedInput(pub Map<String, Value>);

/// Which open dead letters to replay; nothing said means all.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "names say it")]
pub struct ReplayFilter {
    #[schema(min_length = 1, max_length = 200)]
    pub event_type: Option<String>,
    #[schema(min_length = 1, max_length = 500)]
    pub source: Option<String>,
}

/// Dead letters, newest first.
#[utoipa::path(get, path = "/v1/dead-letters", tag = "operations", params(DeadLetterQuery),
    responses((status = 200, body = Page<DeadLetter>)), security(("bearer" = ["events:write"])))]
pub async fn list_dead_letters(
    State(state): State<WebState>,
    _caller: Allowed<demand::EventsWrite>,
    Params(query): Params<DeadLetterQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let before: Option<DeadLetterId> = after(&state, "dead-letters", query.cursor.as_ref())?;
    let size = query.limit.unwrap_or_default();
    let letters = dead_letters::list(&state.services, query.status, before, size.0 + 1).await?;
    let page = page(&state, "dead-letters", size, letters, |letter| letter.id);
    Ok(linked(&uri, page.next.clone().as_deref(), page))
}

/// One dead letter.
#[utoipa::path(get, path = "/v1/dead-letters/{id}", tag = "operations", params(IdPath),
    responses((status = 200, body = DeadLetter)), security(("bearer" = ["events:write"])))]
pub async fn read_dead_letter(
    State(state): State<WebState>,
    _caller: Allowed<demand::EventsWrite>,
    Id(id): Id<DeadLetterId>,
) -> Result<Response, Problem> {
    let letter = dead_letters::get(&state.services, id).await?;
    Ok(tagged(StatusCode::OK, letter.version, letter))
}

/// Replaces an open dead letter's body.
#[utoipa::path(put, path = "/v1/dead-letters/{id}", tag = "operations", params(IdPath, VersionHeader),
    request_body = MendedInput, responses((status = 200, body = DeadLetter)), security(("bearer" = ["events:write"])))]
pub async fn fix_dead_letter(
    State(state): State<WebState>,
    caller: Allowed<demand::EventsWrite>,
    Id(id): Id<DeadLetterId>,
    IfMatch(version): IfMatch,
    Body(MendedInput(body)): Body<MendedInput>,
) -> Result<Response, Problem> {
    let actor = caller.actor().clone();
    let letter = dead_letters::fix(&state.services, actor, id, Value::Object(body), version).await?;
    Ok(tagged(StatusCode::OK, letter.version, letter))
}

/// Takes a dead letter in again.
#[utoipa::path(post, path = "/v1/dead-letters/{id}/replay", tag = "operations", params(IdPath),
    responses((status = 200, body = ItemResult)), security(("bearer" = ["events:write"])))]
pub async fn replay_dead_letter(
    State(state): State<WebState>,
    caller: Allowed<demand::EventsWrite>,
    Id(id): Id<DeadLetterId>,
) -> Result<Json<ItemResult>, Problem> {
    Ok(Json(dead_letters::replay(&state.services, caller.actor().clone(), id).await?))
}

/// Closes an open dead letter without taking it in.
#[utoipa::path(post, path = "/v1/dead-letters/{id}/discard", tag = "operations", params(IdPath, VersionHeader),
    request_body = Because, responses((status = 200, body = DeadLetter)), security(("bearer" = ["events:write"])))]
pub async fn discard_dead_letter(
    State(state): State<WebState>,
    caller: Allowed<demand::EventsWrite>,
    Id(id): Id<DeadLetterId>,
    IfMatch(version): IfMatch,
    Body(because): Body<Because>,
) -> Result<Response, Problem> {
    let actor = caller.actor().clone();
    let letter = dead_letters::discard(&state.services, actor, id, version, &because.reason).await?;
    Ok(tagged(StatusCode::OK, letter.version, letter))
}

/// Takes every matching open dead letter in again.
#[utoipa::path(post, path = "/v1/dead-letters/replay", tag = "operations", request_body = ReplayFilter,
    responses((status = 200, body = Accepted)), security(("bearer" = ["events:write"])))]
pub async fn replay_dead_letters(
    State(state): State<WebState>,
    caller: Allowed<demand::EventsWrite>,
    Body(filter): Body<ReplayFilter>,
) -> Result<Json<Accepted>, Problem> {
    let filter = DeadLetterFilter { event_type: filter.event_type, source: filter.source };
    let items = dead_letters::replay_all(&state.services, caller.actor().clone(), &filter).await?;
    Ok(Json(Accepted { items }))
}
