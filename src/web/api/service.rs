//! The service itself: its document, its health, its metrics.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::web::state::WebState;

/// Whether the service can take work.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    /// Whether the store answers; without it nothing works.
    pub ready: bool,
    /// `sqlite` or `postgres`.
    pub store: &'static str,
    /// Models that serve, `null` where none is loaded (the service works on without it and says so).
    pub models: ServingModels,
    /// Jobs that wait or are leased.
    pub jobs_open: i64,
}

/// `name/version` of each model that serves.
#[derive(Serialize, ToSchema)]
#[expect(missing_docs, reason = "names say it")]
pub struct ServingModels {
    pub risk: Option<String>,
    pub effect: Option<String>,
    pub encoder: Option<String>,
    pub intents: Option<String>,
}

/// Life sign.
#[derive(Serialize, ToSchema)]
pub struct Life {
    /// Always true.
    pub live: bool,
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "service", responses((status = 200, body = Value)))]
pub async fn openapi_json(State(state): State<WebState>) -> Json<Value> {
    Json(Value::clone(&state.document))
}

/// Whether the process lives.
#[utoipa::path(get, path = "/livez", tag = "service", responses((status = 200, body = Life)))]
pub async fn livez() -> Json<Life> {
    Json(Life { live: true })
}

/// Whether the service can take work.
#[utoipa::path(get, path = "/readyz", tag = "service",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub async fn readyz(State(state): State<WebState>) -> (StatusCode, Json<Readiness>) {
    let services = &state.services;
    let jobs = open_jobs(&state).await;
    let models = ServingModels {
        risk: services.models.risk.get().map(|m| m.version()),
        effect: services.models.effect.get().map(|m| m.version()),
        encoder: services.models.encoder.get().map(|m| m.version()),
        intents: services.models.intents.get().map(|m| m.version()),
    };
    let ready = jobs.is_some();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, store: services.store.kind(), models, jobs_open: jobs.unwrap_or(0) }))
}

async fn open_jobs(state: &WebState) -> Option<i64> {
    let counted = async { state.services.store.read().await?.count_jobs().await }.await;
    match counted {
        Ok(counts) => Some(counts.iter().map(|(_, _, n)| n).sum()),
        Err(error) => {
            tracing::error!(%error, "the store does not answer");
            None
        }
    }
}

/// Metrics in Prometheus' text form.
#[utoipa::path(get, path = "/metrics", tag = "service",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub async fn metrics(State(state): State<WebState>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (state.metrics)()).into_response()
}
