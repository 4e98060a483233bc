//! The edge: HTTP API, OpenAPI document and server-rendered pages.
//!
//! Guarantees: handlers parse, call one flow function and render; a `GET` never acts; every route below `/v1` demands a
//! scope; every refusal is a problem document. Non-goals: business decisions, those are the flow's.

pub mod api;
pub mod auth;
pub mod edge;
pub mod error;
pub mod extract;
pub mod idempotency;
pub mod openapi;
pub mod pages;
pub mod paging;
pub mod picture;
pub mod schema;
pub mod state;
pub mod timeline;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

pub use state::{WebSettings, WebState};

/// The whole service over HTTP.
pub fn router(state: WebState) -> Router {
    let (api, _) = api::router().split_for_parts();
    api.layer(from_fn_with_state(state.clone(), idempotency::layer))
        .merge(pages::router())
        .fallback(nothing_here)
        .layer(CatchPanicLayer::custom(edge::panicked))
        .layer(from_fn_with_state(state.clone(), edge::wrap))
        .layer(from_fn(edge::harden))
        .layer(CompressionLayer::new())
        .with_state(state)
}

async fn nothing_here() -> error::Problem {
    error::of_status(StatusCode::NOT_FOUND)
}
