//! Incidents: failures that wait for their owner.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::ids::IncidentId;
use crate::domain::job::Incident;
use crate::flow::execute::incident;
use crate::web::api::exceptions::Because;
use crate::web::error::Problem;
use crate::web::extract::{Allowed, Body, Id, IfMatch, PageSize, Params, demand};
use crate::web::openapi::{IdPath, VersionHeader};
use crate::web::paging::{Cursor, Page, after, linked, page, tagged};
use crate::web::state::WebState;

/// Which incidents.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
#[expect(missing_docs, reason = "names say it")]
pub struct IncidentQuery {
    /// Only open ones, or only closed ones.
    pub open: Option<bool>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<PageSize>,
    #[param(value_type = Option<String>, min_length = 1, max_length = 1000)]
    pub cursor: Option<Cursor>,
}

/// Incidents, newest first.
#[utoipa::path(get, path = "/v1/incidents", tag = "operations", params(IncidentQuery),
    responses((status = 200, body = Page<Incident>)), security(("bearer" = ["exceptions:read"])))]
pub async fn list_incidents(
    State(state): State<WebState>,
    _caller: Allowed<demand::ExceptionsRead>,
    Params(query): Params<IncidentQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let before: Option<IncidentId> = after(&state, "incidents", query.cursor.as_ref())?;
    let size = query.limit.unwrap_or_default();
    let incidents = incident::list(&state.services, query.open, before, size.0 + 1).await?;
    let page = page(&state, "incidents", size, incidents, |incident| incident.id);
    Ok(linked(&uri, page.next.clone().as_deref(), page))
}

/// One incident.
#[utoipa::path(get, path = "/v1/incidents/{id}", tag = "operations", params(IdPath),
    responses((status = 200, body = Incident)), security(("bearer" = ["exceptions:read"])))]
pub async fn read_incident(
    State(state): State<WebState>,
    _caller: Allowed<demand::ExceptionsRead>,
    Id(id): Id<IncidentId>,
) -> Result<Response, Problem> {
    let incident = incident::get(&state.services, id).await?;
    Ok(tagged(StatusCode::OK, incident.version, incident))
}

/// Closes an incident.
#[utoipa::path(post, path = "/v1/incidents/{id}/close", tag = "operations", params(IdPath, VersionHeader),
    request_body = Because, responses((status = 200, body = Incident)), security(("bearer" = ["exceptions:write"])))]
pub async fn close_incident(
    State(state): State<WebState>,
    caller: Allowed<demand::ExceptionsWrite>,
    Id(id): Id<IncidentId>,
    IfMatch(version): IfMatch,
    Body(because): Body<Because>,
) -> Result<Response, Problem> {
    let incident = incident::close(&state.services, caller.actor(), id, version, &because.reason).await?;
    Ok(tagged(StatusCode::OK, incident.version, incident))
}

/// Lets the failed job be tried again, where its approval still stands.
#[utoipa::path(post, path = "/v1/incidents/{id}/resume", tag = "operations", params(IdPath, VersionHeader),
    responses((status = 200, body = Incident)), security(("bearer" = ["exceptions:write"])))]
pub async fn resume_incident(
    State(state): State<WebState>,
    caller: Allowed<demand::ExceptionsWrite>,
    Id(id): Id<IncidentId>,
    IfMatch(version): IfMatch,
) -> Result<Response, Problem> {
    let incident = incident::resume(&state.services, caller.actor(), id, version).await?;
    Ok(tagged(StatusCode::OK, incident.version, incident))
}
