//! Long work.

use axum::Json;
use axum::extract::State;

use crate::domain::ids::OperationId;
use crate::ports::store::service::Operation;
use crate::web::error::Problem;
use crate::web::extract::{Allowed, Id, demand};
use crate::web::openapi::IdPath;
use crate::web::state::WebState;

/// One operation with its progress.
#[utoipa::path(get, path = "/v1/operations/{id}", tag = "operations", params(IdPath),
    responses((status = 200, body = Operation)), security(("bearer" = ["models:read"])))]
pub async fn read_operation(
    State(state): State<WebState>,
    _caller: Allowed<demand::ModelsRead>,
    Id(id): Id<OperationId>,
) -> Result<Json<Operation>, Problem> {
    let found = state.services.store.read().await?.operation(id).await?;
    found.map(Json).ok_or_else(|| Problem::not_found("operation", &id.to_string()))
}
