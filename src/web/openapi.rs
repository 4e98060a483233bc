//! The OpenAPI 3.1 document: what the handlers declare, and the refusals that they all share.
//!
//! Guarantees: one place says which refusals an operation can give, from what it takes (body, path, version, key, scope), so
//! none is undocumented; the served document is the one that bodies are checked against.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{IntoParams, Modify, OpenApi};

use super::api::exceptions::CaseStateName;
use super::api::proposals::ProposalStateName;
use super::error::{CONTENT_TYPE, Problem, ProblemDocument};
use crate::domain::event::CloudEvent;

/// `Idempotency-Key`, where it is demanded.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "declares a header for the document; `KeyRequired` reads it")]
pub struct KeyHeader {
    /// A text of the caller's own; a repeated request with it gets the first answer. Kept for 24 hours, per caller.
    #[param(
        rename = "Idempotency-Key",
        pattern = "^[!-~]+$",
        min_length = 1,
        max_length = 200,
        example = "order-7-vote-1"
    )]
    key: String,
}

/// `If-Match`, where it is demanded.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "declares a header for the document; `IfMatch` reads it")]
pub struct VersionHeader {
    /// The `ETag` of what is decided on.
    #[param(rename = "If-Match", pattern = "^\"[0-9]{1,18}\"$", example = "\"1\"")]
    version: String,
}

/// A `{id}` in the path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "declares a parameter for the document; `Id` reads it")]
pub struct IdPath {
    /// Identity.
    id: uuid::Uuid,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Holdfast",
        description = "Triage of order exceptions: events and messages in, ranked exceptions and explained next-best actions \
                       out, executed only after an approval by a person."
    ),
    components(schemas(ProblemDocument, CloudEvent, CaseStateName, ProposalStateName)),
    modifiers(&Bearer),
    tags(
        (name = "events", description = "CloudEvents in"),
        (name = "messages", description = "Classify, extract and link"),
        (name = "exceptions", description = "The worklist and its cases"),
        (name = "decisions", description = "Ranking, with replay"),
        (name = "proposals", description = "Propose, approve, reject"),
        (name = "jobs", description = "Pull workers"),
        (name = "operations", description = "Incidents, dead letters, long work, webhooks"),
        (name = "models", description = "Registry, promotion, training"),
        (name = "governance", description = "Policies, actions and the audit log"),
        (name = "service", description = "The service itself")
    )
)]
struct Base;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(
            Http::builder()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("JWT")
                .description(Some(
                    "`holdfast token` issues local tokens; each operation names the scope that it asks for.",
                ))
                .build(),
        );
        openapi.components.get_or_insert_default().add_security_scheme("bearer", scheme);
    }
}

/// The declared part, to which the routers add theirs.
#[must_use]
pub fn base() -> utoipa::openapi::OpenApi {
    Base::openapi()
}

/// The whole document.
#[must_use]
pub fn document() -> Value {
    let declared = super::api::router().into_openapi();
    let mut document = serde_json::to_value(declared).unwrap_or(Value::Null);
    if let Some(components) = document.pointer_mut("/components").and_then(Value::as_object_mut) {
        components.insert("responses".to_owned(), json!({ "Problem": problem_response() }));
    }
    let paths = document.pointer_mut("/paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut() {
                finish(path, method, operation);
                complete(operation);
            }
        }
    }
    document
}

fn problem_response() -> Value {
    json!({
        "description": "A problem document (RFC 9457); `code` says which.",
        "content": { CONTENT_TYPE: {
            "schema": { "$ref": "#/components/schemas/Problem" },
            "example": Problem::not_found("case", "0192f0c1-2345-7abc-8def-0123456789ab").0,
        }},
    })
}

/// Adds what follows from an operation's own declaration.
fn finish(path: &str, method: &str, operation: &mut Map<String, Value>) {
    if !path.starts_with("/v1/") || method == "options" {
        return;
    }
    let acts = matches!(method, "post" | "put");
    if acts && !takes(operation, "Idempotency-Key") {
        let key = json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Honoured where it is sent: a repeated request with it gets the first answer.",
            "schema": { "type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": 200 },
        });
        operation
            .entry("parameters")
            .or_insert_with(|| json!([]))
            .as_array_mut()
            .into_iter()
            .for_each(|p| p.push(key.clone()));
    }
    let mut refusals = vec!["400", "401", "403", "406", "500", "503"];
    if path.contains('{') {
        refusals.push("404");
    }
    if acts {
        refusals.extend(["404", "409", "413", "422"]);
    }
    if operation.contains_key("requestBody") {
        refusals.push("415");
    }
    if takes(operation, "If-Match") {
        refusals.extend(["410", "412", "428"]);
    }
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    if let Some(responses) = responses.as_object_mut() {
        for status in refusals {
            responses.entry(status).or_insert_with(|| json!({ "$ref": "#/components/responses/Problem" }));
        }
    }
}

/// What the specification wants said even where it goes without saying.
fn complete(operation: &mut Map<String, Value>) {
    if let Some(body) = operation.get_mut("requestBody").and_then(Value::as_object_mut) {
        body.insert("required".to_owned(), Value::Bool(true));
    }
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
    for (status, response) in responses.into_iter().flatten() {
        let Some(response) = response.as_object_mut().filter(|r| !r.contains_key("$ref")) else { continue };
        let code = status.parse::<u16>().ok().and_then(|code| StatusCode::from_u16(code).ok());
        let words = code.and_then(|code| code.canonical_reason()).unwrap_or_default();
        response.entry("description").or_insert_with(|| Value::from(words));
    }
}

fn takes(operation: &Map<String, Value>, header: &str) -> bool {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    parameters.into_iter().flatten().any(|p| p.get("name").and_then(Value::as_str) == Some(header))
}
