//! Training on request, as a long operation.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::flow::FlowError;
use crate::flow::learn::runs;
use crate::ports::language::LanguageError;
use crate::ports::store::service::Operation;
use crate::ports::training::Trainable;
use crate::web::error::Problem;
use crate::web::extract::{Allowed, Body, demand};
use crate::web::idempotency::KeyRequired;
use crate::web::openapi::KeyHeader;
use crate::web::state::WebState;

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
    let (operation, run) = runs::begin(&state.services, caller.actor(), run.model).await?;
    let place = format!("/v1/operations/{}", operation.id);
    let (services, running) = (Arc::clone(&state.services), operation.clone());
    tokio::spawn(async move { runs::follow(&services, training, run, running).await });
    let mut response = (StatusCode::ACCEPTED, Json(operation)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    if let Ok(place) = HeaderValue::from_str(&place) {
        headers.insert(header::LOCATION, place);
    }
    Ok(response)
}
