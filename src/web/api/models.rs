//! The model registry: versions, what served when, promotion by proposal, training.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse as _, Response};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::domain::model::{ModelVersion, Serving};
use crate::domain::proposal::Proposal;
use crate::flow::decide::propose;
use crate::flow::learn::registry;
use crate::web::api::proposals::created;
use crate::web::error::Problem;
use crate::web::extract::{Allowed, Texts, demand};
use crate::web::idempotency::KeyRequired;
use crate::web::openapi::KeyHeader;
use crate::web::state::WebState;

/// The registry.
#[derive(Serialize, ToSchema)]
pub struct Registry {
    /// Every version, by name, newest first.
    pub versions: Vec<ModelVersion>,
    /// What served when, newest first.
    pub servings: Vec<Serving>,
}

/// Versions and serving history.
#[utoipa::path(get, path = "/v1/models", tag = "models",
    responses((status = 200, body = Registry)), security(("bearer" = ["models:read"])))]
pub async fn list_models(
    State(state): State<WebState>,
    _caller: Allowed<demand::ModelsRead>,
) -> Result<Json<Registry>, Problem> {
    let mut tx = state.services.store.read().await?;
    let versions = tx.model_versions().await?;
    let servings = tx.servings(None).await?;
    Ok(Json(Registry { versions, servings }))
}

/// `{name}` and `{version}` in the path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "declares parameters for the document; `Texts` reads them")]
pub struct VersionPath {
    /// The model's name.
    #[param(min_length = 1, max_length = 200, example = "miss-risk")]
    name: String,
    /// The version.
    #[param(min_length = 1, max_length = 200)]
    version: String,
}

/// Proposes that a version serves; it does once someone who did not train it approves.
#[utoipa::path(post, path = "/v1/models/{name}/versions/{version}/promotion", tag = "models",
    params(VersionPath, KeyHeader), responses((status = 201, body = Proposal)),
    security(("bearer" = ["actions:propose"])))]
pub async fn promote_model(
    State(state): State<WebState>,
    caller: Allowed<demand::ActionsPropose>,
    path: Texts<2>,
    _key: KeyRequired,
) -> Result<Response, Problem> {
    let Texts([name, version]) = path;
    Ok(created(propose::propose_model(&state.services, caller.actor(), &name, &version).await?))
}

/// The page that training wrote about a version: curves, reliability, segments, what was tried, data quality, origin.
#[utoipa::path(get, path = "/v1/models/{name}/versions/{version}/report", tag = "models", params(VersionPath),
    responses((status = 200, body = String, content_type = "text/html")), security(("bearer" = ["models:read"])))]
pub async fn read_report(
    State(state): State<WebState>,
    _caller: Allowed<demand::ModelsRead>,
    path: Texts<2>,
) -> Result<Response, Problem> {
    let Texts([name, version]) = path;
    Ok(page(registry::report(&state.services, &name, &version).await?))
}

/// A report as a response: it brings its own style and nothing else, so nothing else may load.
pub(in crate::web) fn page(report: String) -> Response {
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(report)).into_response()
}
