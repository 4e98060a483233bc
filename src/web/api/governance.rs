//! What governs: the policies in force and the catalogue of actions.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::action::ActionSpec;
use crate::web::error::Problem;
use crate::web::extract::{Allowed, demand};
use crate::web::state::WebState;

/// The policies in force.
#[derive(Serialize, ToSchema)]
pub struct Policies {
    /// Digest of all texts; proposals are bound to it.
    pub version: String,
    /// Ids of the Cedar policies.
    pub policies: Vec<String>,
}

/// Every action that can be proposed.
#[derive(Serialize, ToSchema)]
pub struct Actions {
    /// Digest of the catalogue's text.
    pub version: String,
    /// One for each kind.
    pub actions: Vec<ActionSpec>,
}

/// The policies in force.
#[utoipa::path(get, path = "/v1/policies", tag = "governance",
    responses((status = 200, body = Policies)), security(("bearer" = ["approvals:read"])))]
pub async fn read_policies(
    State(state): State<WebState>,
    _caller: Allowed<demand::ApprovalsRead>,
) -> Result<Json<Policies>, Problem> {
    let policy = &state.services.policy;
    let policies = policy.ids().into_iter().map(str::to_owned).collect();
    Ok(Json(Policies { version: policy.version().to_owned(), policies }))
}

/// The catalogue of actions.
#[utoipa::path(get, path = "/v1/actions", tag = "governance",
    responses((status = 200, body = Actions)), security(("bearer" = ["exceptions:read"])))]
pub async fn list_actions(
    State(state): State<WebState>,
    _caller: Allowed<demand::ExceptionsRead>,
) -> Result<Json<Actions>, Problem> {
    let catalogue = &state.services.catalogue;
    let actions = catalogue.entries().iter().map(|entry| entry.spec.clone()).collect();
    Ok(Json(Actions { version: catalogue.digest().to_owned(), actions }))
}
