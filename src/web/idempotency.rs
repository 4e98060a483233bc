//! `Idempotency-Key` (IETF draft 07): a repeated request gets the first one's answer.
//!
//! Guarantees: a key belongs to one caller and one request (method, path, canonical body); another request under it is
//! refused with 422, one that still runs with 409. Only answers of success are kept: a refused request changed nothing, so
//! its key is free again. Keys are kept for 24 hours; one whose request was lost without an answer (a crash) is free again
//! after two minutes. A caller who hangs up does not stop what was begun: the answer is kept for when it asks again. A method that the path does not have takes no key: its answer is 405.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use jiff::SignedDuration;
use serde_json::json;
use tracing::Instrument as _;

use super::error::Problem;
use super::extract::{bytes_of, caller, media_type};
use super::state::WebState;
use crate::domain::digest;
use crate::flow::FlowError;
use crate::in_transaction;
use crate::ports::store::service::{FreeBefore, NextAction};

/// The header.
pub const KEY: &str = "idempotency-key";

/// Header of an answer that was kept.
const REPLAYED: &str = "idempotency-replayed";

/// How long an answer is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// After this a request without an answer is taken for lost; far longer than any request runs.
const ABANDONED: SignedDuration = SignedDuration::from_mins(2);

/// Largest answer that is kept; all answers to acting requests are far smaller.
const ANSWER_MAX: usize = 16 << 20;

/// Refuses a request without a key.
pub struct KeyRequired;

impl FromRequestParts<WebState> for KeyRequired {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &WebState) -> Result<Self, Problem> {
        if key_of(&parts.headers)?.is_some() {
            return Ok(Self);
        }
        let says = "send `Idempotency-Key` with a text of your own, and the same one when you try again";
        Err(Problem::new(StatusCode::BAD_REQUEST, "idempotency-key-missing", says))
    }
}

/// Answers from the kept answers, or runs the request and keeps its answer.
pub async fn layer(State(state): State<WebState>, request: Request, next: Next) -> Response {
    if !request.headers().contains_key(KEY) || !acts(&state, &request) {
        return next.run(request).await;
    }
    run(&state, request, next).await.unwrap_or_else(|problem| problem.into_response())
}

/// Whether the document has an operation for the request that changes something.
fn acts(state: &WebState, request: &Request) -> bool {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let method = request.method();
    matches!(*method, Method::POST | Method::PUT)
        && state.document["paths"][path][method.as_str().to_lowercase()].is_object()
}

async fn run(state: &WebState, request: Request, next: Next) -> Result<Response, Problem> {
    let principal = caller(request.headers(), request.method(), state)?.actor.label();
    let Some(key) = key_of(request.headers())? else { return Ok(next.run(request).await) };
    let (parts, body) = request.into_parts();
    let body = bytes_of(Request::from_parts(parts.clone(), body), state).await?;
    let fingerprint = fingerprint(&parts, &body)?;
    match take(state, &principal, &key, &fingerprint).await? {
        NextAction::Start => {}
        NextAction::Replay { status, headers, body } => return Ok(replay(status, headers, body)),
        NextAction::InProgress => {
            let says = "a request with this key is still running; try again when it has answered";
            return Err(Problem::new(StatusCode::CONFLICT, "request-in-progress", says).after(1));
        }
        NextAction::Mismatch => {
            let says = "this key was used for another request; use a new key for a new request";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", says));
        }
    }
    let request = Request::from_parts(parts, Body::from(body));
    let (state, span) = (state.clone(), tracing::Span::current());
    // In a task of its own, which a caller who hangs up does not end.
    let running = async move { keep(&state, &principal, &key, next.run(request).await).await };
    let ended = tokio::spawn(running.instrument(span)).await;
    ended.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the request broke off"))?
}

/// The key, quoted (a structured-field string) or bare.
fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    let fits = (1..=200).contains(&inner.len()) && inner.bytes().all(|b| (0x21..0x7f).contains(&b));
    fits.then(|| Some(inner.to_owned())).ok_or_else(|| {
        let says = "`Idempotency-Key` must have 1 to 200 visible ASCII characters";
        Problem::new(StatusCode::BAD_REQUEST, "invalid-parameter", says)
    })
}

/// What makes two requests the same: equal JSON is equal however it is written.
fn fingerprint(parts: &Parts, body: &[u8]) -> Result<String, Problem> {
    let content = serde_json::from_slice::<serde_json::Value>(body)
        .ok()
        .and_then(|v| digest::hex_of(&v).ok())
        .unwrap_or_else(|| digest::hex_of_bytes(body));
    let says = |name: &HeaderName| *name == header::IF_MATCH || name.as_str().starts_with("ce-");
    let headers: BTreeMap<&str, &[u8]> =
        parts.headers.iter().filter(|(name, _)| says(name)).map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
    let whole = json!([parts.method.as_str(), parts.uri.to_string(), content, media_type(&parts.headers), headers]);
    digest::hex_of(&whole).map_err(|e| FlowError::from(e).into())
}

async fn take(state: &WebState, principal: &str, key: &str, fingerprint: &str) -> Result<NextAction, FlowError> {
    let now = state.services.clock.now();
    let before = |span| now.checked_sub(span).unwrap_or(jiff::Timestamp::MIN);
    let free = FreeBefore { answered: before(KEPT), unanswered: before(ABANDONED) };
    in_transaction!(state.services.store, |tx| tx
        .take_key(principal, key, fingerprint, now, free)
        .await
        .map_err(FlowError::from))
}

async fn keep(state: &WebState, principal: &str, key: &str, response: Response) -> Result<Response, Problem> {
    if !response.status().is_success() {
        free(state, principal, key).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, ANSWER_MAX)
        .await
        .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the answer broke off"))?;
    let kept: Vec<(String, String)> = [header::CONTENT_TYPE, header::LOCATION, header::ETAG, header::RETRY_AFTER]
        .iter()
        .filter_map(|n| Some((n.to_string(), parts.headers.get(n)?.to_str().ok()?.to_owned())))
        .collect();
    save(state, principal, key, parts.status.as_u16(), &kept, &body).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

async fn save(
    state: &WebState,
    principal: &str,
    key: &str,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> Result<(), FlowError> {
    in_transaction!(state.services.store, |tx| tx
        .save_answer(principal, key, status, headers, body)
        .await
        .map_err(FlowError::from))
}

async fn free(state: &WebState, principal: &str, key: &str) -> Result<(), FlowError> {
    in_transaction!(state.services.store, |tx| tx.free_key(principal, key).await.map_err(FlowError::from))
}

fn replay(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
