//! Training on request, as a long operation.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::domain::actor::Actor;
use crate::domain::ids::OperationId;
use crate::flow::services::Ctx;
use crate::flow::{FlowError, Services};
use crate::in_transaction;
use crate::ports::language::LanguageError;
use crate::ports::store::service::{Operation, OperationState};
use crate::ports::training::{Trainable, Training};
use crate::web::error::Problem;
use crate::web::extract::{Allowed, Body, demand};
use crate::web::idempotency::KeyRequired;
use crate::web::openapi::KeyHeader;
use crate::web::state::WebState;

/// How often progress is written down.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// What to train.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"model": "miss-risk"}))]
pub struct TrainingRun {
    /// The model.
    pub model: Trainable,
}

/// Trains a new version from the service's own history; follow the operation in `Location`.
#[utoipa::path(post, path = "/v1/training-runs", tag = "models", params(KeyHeader), request_body = TrainingRun,
    responses((status = 202, body = Operation)), security(("bearer" = ["models:train"])))]
pub async fn start_training(
    State(state): State<WebState>,
    caller: Allowed<demand::ModelsTrain>,
    _key: KeyRequired,
    Body(run): Body<TrainingRun>,
) -> Result<Response, Problem> {
    let training = state.training.clone().ok_or(FlowError::Language(LanguageError::Unavailable("training")))?;
    let operation = begin(&state.services, caller.actor(), run.model).await?;
    let place = format!("/v1/operations/{}", operation.id);
    let (services, actor, running) = (Arc::clone(&state.services), caller.actor().clone(), operation.clone());
    tokio::spawn(async move { follow(&services, training, actor, run.model, running).await });
    let mut response = (StatusCode::ACCEPTED, Json(operation)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    if let Ok(place) = HeaderValue::from_str(&place) {
        headers.insert(header::LOCATION, place);
    }
    Ok(response)
}

async fn begin(services: &Services, actor: &Actor, model: Trainable) -> Result<Operation, FlowError> {
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: actor.clone() };
    let operation = Operation {
        id: OperationId::new(ctx.now, ctx.entropy),
        kind: "training-run".to_owned(),
        state: OperationState::Running,
        progress: 0.0,
        result: json!({ "model": model }),
        created_at: ctx.now,
        updated_at: ctx.now,
    };
    in_transaction!(services.store, |tx| async {
        tx.put_operation(&operation).await?;
        let subject = format!("operation:{}", operation.id);
        tx.append_audit(ctx.audit("training.started", subject, json!({ "model": model }))).await?;
        Ok::<Operation, FlowError>(operation.clone())
    }
    .await)
}

/// Runs the training to its end and writes down how far it is, and what came of it.
async fn follow(
    services: &Services,
    training: Arc<dyn Training>,
    actor: Actor,
    model: Trainable,
    mut operation: Operation,
) {
    let (told, progress) = watch::channel(0.0);
    let mut progress = Some(progress);
    let mut work = training.train(model, actor, told);
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            () = tokio::time::sleep(WRITE_EVERY) => {
                let Some(heard) = &mut progress else { continue };
                operation.progress = heard.borrow_and_update().clamp(0.0, 1.0);
                if !write(services, &mut operation).await {
                    // Without a receiver the training stops at its next step.
                    progress = None;
                }
            }
        }
    };
    (operation.state, operation.progress, operation.result) = match done {
        Ok(result) => (OperationState::Succeeded, 1.0, result),
        Err(message) => (OperationState::Failed, operation.progress, json!({ "model": model, "error": message })),
    };
    write(services, &mut operation).await;
}

/// Writes the operation down, unless it was cancelled; whether it goes on.
async fn write(services: &Services, operation: &mut Operation) -> bool {
    operation.updated_at = services.clock.now();
    put(services, operation).await.unwrap_or_else(|error| {
        tracing::error!(operation_id = %operation.id, %error, "the operation's state cannot be written");
        true
    })
}

async fn put(services: &Services, operation: &Operation) -> Result<bool, FlowError> {
    in_transaction!(services.store, |tx| async {
        let known = tx.operation(operation.id).await?;
        let goes_on = known.is_none_or(|known| known.state == OperationState::Running);
        if goes_on {
            tx.put_operation(operation).await?;
        }
        Ok::<bool, FlowError>(goes_on)
    }
    .await)
}
