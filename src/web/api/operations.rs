//! Long work.

use axum::Json;
use axum::extract::State;

use serde_json::json;

use crate::domain::ids::OperationId;
use crate::flow::FlowError;
use crate::flow::services::Ctx;
use crate::in_transaction;
use crate::ports::store::Transaction;
use crate::ports::store::service::{Operation, OperationState};
use crate::web::error::Problem;
use crate::web::extract::{Allowed, Id, demand};
use crate::web::idempotency::KeyRequired;
use crate::web::openapi::{IdPath, KeyHeader};
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

/// Cancels an operation that runs; the work stops at its next step and nothing of it is kept.
#[utoipa::path(post, path = "/v1/operations/{id}/cancel", tag = "operations", params(IdPath, KeyHeader),
    responses((status = 200, body = Operation)), security(("bearer" = ["models:train"])))]
pub async fn cancel_operation(
    State(state): State<WebState>,
    caller: Allowed<demand::ModelsTrain>,
    Id(id): Id<OperationId>,
    _key: KeyRequired,
) -> Result<Json<Operation>, Problem> {
    let services = &state.services;
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: caller.actor().clone() };
    let cancelled: Result<Operation, FlowError> =
        in_transaction!(services.store, |tx| cancel(&mut *tx, &ctx, id).await);
    Ok(Json(cancelled?))
}

async fn cancel(tx: &mut dyn Transaction, ctx: &Ctx<'_>, id: OperationId) -> Result<Operation, FlowError> {
    let missing = || FlowError::NotFound { kind: "operation", id: id.to_string() };
    let mut operation = tx.operation(id).await?.ok_or_else(missing)?;
    match operation.state {
        OperationState::Cancelled => return Ok(operation),
        OperationState::Running => {}
        OperationState::Succeeded | OperationState::Failed => {
            return Err(FlowError::Conflict {
                code: "operation-ended",
                message: "the operation has ended, so there is nothing to cancel".to_owned(),
                detail: json!({ "state": operation.state }),
            });
        }
    }
    operation.state = OperationState::Cancelled;
    operation.updated_at = ctx.now;
    tx.put_operation(&operation).await?;
    tx.append_audit(ctx.audit("operation.cancelled", format!("operation:{id}"), json!({ "kind": operation.kind })))
        .await?;
    Ok(operation)
}
