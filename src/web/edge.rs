//! The outermost layer: names each request, refuses what the API cannot answer, and gives every refusal one form.
//!
//! Guarantees: every answer carries `x-request-id`; every error below `/v1` and of the fallbacks is a problem document,
//! whoever refused; a panic becomes a problem too; one log line and one metric per request.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use uuid::Uuid;

use super::error::{self, Problem};
use super::state::WebState;
use crate::domain::digest;

/// Header that names a request.
pub const REQUEST_ID: &str = "x-request-id";

/// The names of the request under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestName {
    /// The caller's, where it is fit, else ours.
    pub id: String,
    /// The caller's trace (`traceparent`), else one of our own.
    pub trace_id: String,
}

impl RequestName {
    fn of(headers: &HeaderMap, fresh: Uuid) -> Self {
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
        let fit = |id: &&str| (1..=128).contains(&id.len()) && id.bytes().all(is_plain);
        let id = text(REQUEST_ID).filter(fit).map_or_else(|| fresh.to_string(), str::to_owned);
        let trace_id = text("traceparent").and_then(trace_of).unwrap_or_else(|| fresh.simple().to_string());
        Self { id, trace_id }
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// The trace id of a W3C `traceparent`.
fn trace_of(traceparent: &str) -> Option<String> {
    let trace = traceparent.split('-').nth(1)?;
    let hex = trace.len() == 32 && trace.bytes().all(|b| b.is_ascii_hexdigit());
    (hex && trace.bytes().any(|b| b != b'0')).then(|| trace.to_ascii_lowercase())
}

/// Wraps every request; see the module.
pub async fn wrap(State(state): State<WebState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let fresh = fresh_uuid(&state);
    let name = RequestName::of(request.headers(), fresh);
    let method = request.method().clone();
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "unmatched".to_owned(), |p| p.as_str().to_owned());
    let span = tracing::info_span!("request", request_id = %name.id, trace_id = %name.trace_id, %method, route);
    request.extensions_mut().insert(name.clone());

    let refused = (request.uri().path().starts_with("/v1/") && !accepts_json(request.headers()))
        .then(|| error::of_status(StatusCode::NOT_ACCEPTABLE));
    let response = match refused {
        Some(problem) => axum::response::IntoResponse::into_response(problem),
        None => next.run(request).instrument(span.clone()).await,
    };
    let mut response = named(response, &name);
    response
        .headers_mut()
        .insert(REQUEST_ID, HeaderValue::from_str(&name.id).unwrap_or_else(|_| HeaderValue::from_static("unnamed")));
    measure(&span, &method, &route, response.status(), started);
    response
}

fn fresh_uuid(state: &WebState) -> Uuid {
    let millis = u64::try_from(state.services.clock.now().as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &state.services.entropy.bytes()).into_uuid()
}

/// Gives a refusal its form and the request's names; what handlers answered well passes untouched.
fn named(mut response: Response, name: &RequestName) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let problem = response.extensions_mut().remove::<Problem>();
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|v| v.as_bytes().starts_with(b"text/html") || v.as_bytes().starts_with(b"application/json"));
    if problem.is_none() && is_page {
        return response;
    }
    let mut answer = problem.unwrap_or_else(|| error::of_status(status)).respond(&name.id, &name.trace_id);
    for kept in [header::ALLOW, header::LINK, header::ETAG] {
        if let Some(value) = response.headers_mut().remove(&kept) {
            answer.headers_mut().insert(kept, value);
        }
    }
    answer
}

fn measure(span: &tracing::Span, method: &Method, route: &str, status: StatusCode, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    let labels = [("method", method.to_string()), ("route", route.to_owned()), ("status", status.as_str().to_owned())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_duration_seconds", &labels[..2]).record(seconds);
    span.in_scope(|| tracing::info!(status = status.as_u16(), duration_ms = seconds * 1000.0, "request answered"));
}

/// Whether the caller takes JSON; no `Accept` takes anything.
fn accepts_json(headers: &HeaderMap) -> bool {
    let mut any = false;
    for value in headers.get_all(header::ACCEPT) {
        any = true;
        let Ok(text) = value.to_str() else { continue };
        let fits = |range: &str| {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            let refused = parts.any(|p| matches!(p, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
            !refused && matches!(media.as_str(), "*/*" | "application/*" | "application/json" | error::CONTENT_TYPE)
        };
        if text.trim().is_empty() || text.split(',').any(fits) {
            return true;
        }
    }
    !any
}

/// What a panicking handler answers.
#[must_use]
pub fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response<Body> {
    tracing::error!("a handler panicked");
    axum::response::IntoResponse::into_response(error::of_status(StatusCode::INTERNAL_SERVER_ERROR))
}

/// Security headers of every answer; pages add their own policy.
pub async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: header::HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "same-origin");
    set(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    set(header::CACHE_CONTROL, "no-store");
    response
}

/// A short fingerprint of an embedded file, for its `ETag`.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> String {
    format!("\"{}\"", &digest::hex_of_bytes(bytes)[..16])
}
