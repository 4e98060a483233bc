//! The model registry: versions, what served when, promotion by proposal, training.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse as _, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::domain::model::{ModelVersion, Serving, ServingRole};
use crate::domain::proposal::Proposal;
use crate::flow::decide::propose;
use crate::flow::learn::{challenger, registry};
use crate::web::api::proposals::created;
use crate::web::error::Problem;
use crate::web::extract::{Allowed, MaybeBody, Params, Texts, demand};
use crate::web::idempotency::KeyRequired;
use crate::web::openapi::KeyHeader;
use crate::web::state::WebState;

/// The registry.
#[derive(Serialize, ToSchema)]
pub struct Registry {
    /// Every version, by name, newest first.
    pub versions: Vec<ModelVersion>,
    /// What serves now, or served at `serving_at`: the champion of each name, and the version beside it where there is one.
    pub serving: Vec<Serving>,
    /// What served when, newest first.
    pub servings: Vec<Serving>,
}

/// Which time the registry is asked about.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RegistryQuery {
    /// What served at this time; now where missing.
    #[param(value_type = Option<String>, format = DateTime)]
    serving_at: Option<Timestamp>,
}

/// Versions with where they come from, what serves, and the serving history.
#[utoipa::path(get, path = "/v1/models", tag = "models", params(RegistryQuery),
    responses((status = 200, body = Registry)), security(("bearer" = ["models:read"])))]
pub async fn list_models(
    State(state): State<WebState>,
    _caller: Allowed<demand::ModelsRead>,
    Params(query): Params<RegistryQuery>,
) -> Result<Json<Registry>, Problem> {
    let mut tx = state.services.store.read().await?;
    let versions = tx.model_versions().await?;
    let servings = tx.servings(None).await?;
    let at = query.serving_at.unwrap_or_else(|| state.services.clock.now());
    Ok(Json(Registry { versions, serving: challenger::serving_at(&servings, at), servings }))
}

/// As what a version is to serve.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"role": "canary", "share": 0.1}))]
pub struct Promotion {
    /// `champion` where missing. Only a risk version can be a canary or a shadow.
    #[serde(default)]
    pub role: ServingRole,
    /// Share of the orders that a canary answers for, by the hash of their ids; above 0 and at most 0.5.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 0.5)]
    pub share: Option<f64>,
    /// Proposes an effect version though the decisions on record cannot prove it; one that they prove wrong is refused all
    /// the same.
    #[serde(default)]
    pub unproven: bool,
}

impl Promotion {
    /// The parameters of the action.
    pub(in crate::web) fn parameters(&self) -> Map<String, Value> {
        let mut parameters = Map::from_iter([("role".to_owned(), json!(self.role))]);
        parameters.extend(self.share.map(|share| ("share".to_owned(), json!(share))));
        parameters.extend(self.unproven.then(|| ("unproven".to_owned(), json!(true))));
        parameters
    }
}

/// `{name}` in the path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "declares parameters for the document; `Texts` reads them")]
pub struct NamePath {
    /// The model's name.
    #[param(min_length = 1, max_length = 200, example = "miss-risk")]
    name: String,
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

/// Proposes that a version serves, or stands beside the one that does; it does once someone who did not train it approves.
#[utoipa::path(post, path = "/v1/models/{name}/versions/{version}/promotion", tag = "models",
    params(VersionPath, KeyHeader), request_body = Option<Promotion>, responses((status = 201, body = Proposal)),
    security(("bearer" = ["actions:propose"])))]
pub async fn promote_model(
    State(state): State<WebState>,
    caller: Allowed<demand::ActionsPropose>,
    path: Texts<2>,
    _key: KeyRequired,
    MaybeBody(promotion): MaybeBody<Promotion>,
) -> Result<Response, Problem> {
    let Texts([name, version]) = path;
    let (actor, parameters) = (caller.actor(), promotion.parameters());
    Ok(created(propose::propose_model_as(&state.services, actor, (&name, &version), &parameters).await?))
}

/// Proposes that the champion before this one serves again.
#[utoipa::path(post, path = "/v1/models/{name}/rollback", tag = "models",
    params(NamePath, KeyHeader), responses((status = 201, body = Proposal)),
    security(("bearer" = ["actions:propose"])))]
pub async fn roll_back_model(
    State(state): State<WebState>,
    caller: Allowed<demand::ActionsPropose>,
    path: Texts<1>,
    _key: KeyRequired,
) -> Result<Response, Problem> {
    let Texts([name]) = path;
    Ok(created(challenger::roll_back(&state.services, caller.actor(), &name).await?))
}

/// The model card of a version: what it is for, and what not.
#[utoipa::path(get, path = "/v1/models/{name}/versions/{version}/card", tag = "models", params(VersionPath),
    responses((status = 200, body = String, content_type = "text/markdown")), security(("bearer" = ["models:read"])))]
pub async fn read_card(
    State(state): State<WebState>,
    _caller: Allowed<demand::ModelsRead>,
    path: Texts<2>,
) -> Result<Response, Problem> {
    let Texts([name, version]) = path;
    let card = registry::card(&state.services, &name, &version).await?;
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], card).into_response())
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
