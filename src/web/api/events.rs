//! CloudEvents 1.0 in: structured, binary and batch mode, and the webhook validation handshake.
//!
//! Guarantees: one result per item, in order; what is JSON but no event is kept as a dead letter and not refused, so that
//! nothing that a system reported is lost. Non-goals: `data_base64`, other encodings than JSON.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::flow::accept::events::{Arrival, ItemResult, ItemStatus, accept};
use crate::web::error::{self, Fault, Problem};
use crate::web::extract::{Allowed, bytes_of, demand, json_of, media_type};
use crate::web::state::WebState;

/// What became of the items.
#[derive(Serialize, ToSchema)]
pub struct Accepted {
    /// One for each item, in the order sent.
    pub items: Vec<ItemResult>,
}

/// A CloudEvent (schema `CloudEvent`); whatever object comes is kept, if need be as a dead letter.
#[derive(Serialize, ToSchema)]
#[schema(value_type = Object, example = json!({
    "specversion": "1.0", "id": "erp-1", "source": "/erp", "type": "io.holdfast.order.status.v1",
    "time": "2026-03-02T09:30:00Z",
    "data": {"order_id": "SO-10231", "line_no": 1, "status": "allocated", "at": "2026-03-02T09:30:00Z"}
}))]
pub struct AnyEvent(Map<String, Value>);

/// Up to 1000 events.
#[derive(Serialize, ToSchema)]
#[schema(min_items = 1, max_items = 1000)]
pub struct EventBatch(Vec<AnyEvent>);

/// One event or a batch.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum EventOrBatch {
    /// One.
    One(AnyEvent),
    /// Several.
    Many(EventBatch),
}

/// Takes events in: structured, batch, or binary (attributes in `ce-` headers, the body is `data`).
#[utoipa::path(post, path = "/v1/events", tag = "events",
    request_body(content(
        (AnyEvent = "application/cloudevents+json"),
        (EventBatch = "application/cloudevents-batch+json"),
        (EventOrBatch = "application/json"),
    )),
    responses(
        (status = 200, description = "One event that was taken in before", body = Accepted),
        (status = 202, description = "Taken in, with a result for each item", body = Accepted),
    ),
    security(("bearer" = ["events:write"])))]
pub async fn post_events(
    State(state): State<WebState>,
    _caller: Allowed<demand::EventsWrite>,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let mode = mode(&headers)?;
    let body = json_of(&bytes_of(request, &state).await?)?;
    let items = match (mode, body) {
        (Mode::Binary, data) => return one(&state, binary(&headers, data)?).await,
        (Mode::Structured | Mode::Plain, event @ Value::Object(_)) => return one(&state, event).await,
        (Mode::Batch | Mode::Plain, Value::Array(items)) => items,
        (Mode::Structured | Mode::Plain, _) => return Err(invalid("", "must be a JSON object: one CloudEvent")),
        (Mode::Batch, _) => return Err(invalid("", "must be a JSON array of CloudEvents")),
    };
    if items.is_empty() || items.len() > state.settings.batch_max {
        return Err(invalid("", &format!("must have 1 to {} events", state.settings.batch_max)));
    }
    if let Some(index) = items.iter().position(|item| !item.is_object()) {
        return Err(invalid(&format!("/{index}"), "must be a JSON object: one CloudEvent"));
    }
    let items = accept(&state.services, items, Arrival::Live).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { items })).into_response())
}

async fn one(state: &WebState, event: Value) -> Result<Response, Problem> {
    let items = accept(&state.services, vec![event], Arrival::Live).await?;
    let status = match items.first() {
        Some(result) if result.status == ItemStatus::Conflict => return Err(conflict(result)),
        Some(result) if result.status == ItemStatus::Replayed => StatusCode::OK,
        _ => StatusCode::ACCEPTED,
    };
    Ok((status, Json(Accepted { items })).into_response())
}

fn conflict(result: &ItemResult) -> Problem {
    let says = "this `source` and `id` are taken by another body; send a new fact under a new `id`";
    Problem::new(StatusCode::CONFLICT, "event-conflict", says).with(json!({
        "source": result.source,
        "id": result.id,
        "recorded_digest": result.recorded_digest,
        "digest": result.digest,
    }))
}

fn invalid(pointer: &str, detail: &str) -> Problem {
    Problem::invalid(vec![Fault { pointer: pointer.to_owned(), detail: detail.to_owned() }])
}

enum Mode {
    Structured,
    Batch,
    Binary,
    Plain,
}

fn mode(headers: &HeaderMap) -> Result<Mode, Problem> {
    match media_type(headers).as_deref() {
        Some("application/cloudevents+json") => Ok(Mode::Structured),
        Some("application/cloudevents-batch+json") => Ok(Mode::Batch),
        Some("application/json") if headers.contains_key("ce-specversion") => Ok(Mode::Binary),
        Some("application/json") => Ok(Mode::Plain),
        _ => Err(error::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
    }
}

/// The structured form of a binary event. The media type is JSON, which is what no `datacontenttype` means.
fn binary(headers: &HeaderMap, data: Value) -> Result<Value, Problem> {
    let mut event = Map::new();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix("ce-") else { continue };
        let text = value.to_str().ok().and_then(decoded).filter(|text| !text.contains('\0'));
        let text = text.ok_or_else(|| {
            let says = format!("header `{name}` is not percent-encoded UTF-8");
            Problem::new(StatusCode::BAD_REQUEST, "invalid-parameter", says)
        })?;
        event.insert(attribute.to_owned(), Value::String(text));
    }
    event.remove("datacontenttype");
    event.insert("data".to_owned(), data);
    Ok(Value::Object(event))
}

/// Percent-decodes a header value (CloudEvents HTTP binding, section 3.1.3.2).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let (pair, tail) = tail.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Webhook validation handshake: a sender asks whether it may deliver here.
#[utoipa::path(options, path = "/v1/events", tag = "events",
    params(("WebHook-Request-Origin" = Option<String>, Header, description = "Who wants to deliver")),
    responses((status = 200, description = "It may; deliveries still need a token")))]
pub async fn validate_webhook(headers: HeaderMap) -> Response {
    let mut response = StatusCode::OK.into_response();
    let answer = response.headers_mut();
    answer.insert(header::ALLOW, HeaderValue::from_static("OPTIONS, POST"));
    if let Some(origin) = headers.get("webhook-request-origin") {
        answer.insert("webhook-allowed-origin", origin.clone());
        answer.insert("webhook-allowed-rate", HeaderValue::from_static("*"));
    }
    response
}
