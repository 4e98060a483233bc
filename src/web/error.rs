//! Problems (RFC 9457): the one form in which the service says no, and the one match from flow errors to it.
//!
//! Guarantees: `type` and `code` are stable and `title` follows from the code; what failed inside is logged once, here, and
//! never shown; the edge adds the request's id. Non-goals: choosing words for people, the flow's errors bring theirs.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::flow::FlowError;
use crate::ports::language::LanguageError;
use crate::ports::store::StoreError;

/// Where problem types are documented.
pub const TYPE_BASE: &str = "https://holdfast.example/problems/";

/// Content type of problems.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// One member of the request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fault {
    /// JSON pointer into the body, or the parameter's name.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

/// A refusal on its way out; boxed, because it travels in every `Result` of the edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem(pub Box<ProblemDocument>);

/// A problem document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// Stable URI of this kind of problem.
    #[serde(rename = "type")]
    #[schema(format = "uri", example = "https://holdfast.example/problems/not-found")]
    pub kind: String,
    /// The code in words; the same for every occurrence.
    pub title: String,
    /// HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What went wrong this time and how to mend it.
    pub detail: String,
    /// The request, as URN.
    #[schema(format = "uri")]
    pub instance: String,
    /// Stable code.
    #[schema(example = "not-found")]
    pub code: String,
    /// Members at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Seconds to wait before trying again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
    /// Trace id of the request.
    pub trace_id: String,
    /// Particulars: digests, policies, versions.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Option<Object>)]
    pub context: Value,
}

impl Problem {
    /// A problem with a stable code; `detail` is for the caller.
    #[must_use]
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(ProblemDocument {
            kind: format!("{TYPE_BASE}{code}"),
            title: in_words(code),
            status: status.as_u16(),
            detail: detail.into(),
            instance: String::new(),
            code: code.to_owned(),
            errors: Vec::new(),
            retryable: matches!(status.as_u16(), 429 | 503),
            retry_after_s: None,
            trace_id: String::new(),
            context: Value::Null,
        }))
    }

    /// Something failed inside: `cause` is logged and not shown.
    #[must_use]
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(error = %chain(cause), "request failed inside");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the service failed on this request; the log has the cause under this trace id",
        )
    }

    /// The body does not fit its schema.
    #[must_use]
    pub fn invalid(errors: Vec<Fault>) -> Self {
        let first = errors.first().map_or_else(String::new, |f| format!(": `{}` {}", f.pointer, f.detail));
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-body", format!("the body is not valid{first}")).at(errors)
    }

    /// Nothing has this id.
    #[must_use]
    pub fn not_found(kind: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", format!("there is no {kind} `{id}`"))
    }

    /// With a time to wait.
    #[must_use]
    pub fn after(self, seconds: u32) -> Self {
        Self(Box::new(ProblemDocument { retry_after_s: Some(seconds), retryable: true, ..*self.0 }))
    }

    /// With the members at fault.
    #[must_use]
    pub fn at(self, errors: Vec<Fault>) -> Self {
        Self(Box::new(ProblemDocument { errors, ..*self.0 }))
    }

    /// With particulars.
    #[must_use]
    pub fn with(self, context: Value) -> Self {
        Self(Box::new(ProblemDocument { context, ..*self.0 }))
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Bytes and headers, with the request named.
    #[must_use]
    pub fn respond(mut self, request_id: &str, trace_id: &str) -> Response {
        self.0.instance = format!("urn:holdfast:request:{request_id}");
        trace_id.clone_into(&mut self.0.trace_id);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.status == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"holdfast\""));
        }
        response
    }
}

/// The edge finds the problem in the extensions and gives it the request's ids.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.clone().respond("", "");
        response.extensions_mut().insert(self);
        response
    }
}

impl From<FlowError> for Problem {
    fn from(error: FlowError) -> Self {
        use StatusCode as S;
        let says = error.to_string();
        match error {
            FlowError::NotFound { .. } => Self::new(S::NOT_FOUND, "not-found", says),
            FlowError::Invalid { code, pointer, .. } => {
                let errors = pointer.map(|pointer| Fault { pointer, detail: says.clone() }).into_iter().collect();
                Self::new(S::UNPROCESSABLE_ENTITY, code, says).at(errors)
            }
            FlowError::Conflict { code, detail, .. } => Self::new(S::CONFLICT, code, says).with(detail),
            FlowError::Stale { expected, actual, .. } => Self::new(S::PRECONDITION_FAILED, "precondition-failed", says)
                .with(json!({"expected": expected, "actual": actual})),
            FlowError::Denied { code, policies, .. } => {
                Self::new(S::FORBIDDEN, code, says).with(json!({"policies": policies}))
            }
            FlowError::Expired { .. } => Self::new(S::GONE, "approval-expired", says),
            FlowError::Language(LanguageError::QueueFull { .. }) => {
                Self::new(S::TOO_MANY_REQUESTS, "queue-full", says).after(1)
            }
            FlowError::Language(LanguageError::Unavailable(_)) => {
                Self::new(S::SERVICE_UNAVAILABLE, "model-unavailable", says).after(30)
            }
            FlowError::Store(StoreError::Conflict(_)) => Self::new(S::SERVICE_UNAVAILABLE, "store-busy", says).after(1),
            FlowError::Vectors(ref e) if e.retryable => {
                Self::new(S::SERVICE_UNAVAILABLE, "vectors-unavailable", says).after(5)
            }
            FlowError::NotCanonical(_) => Self::new(S::UNPROCESSABLE_ENTITY, "not-canonical", says),
            FlowError::Language(LanguageError::Failed { .. })
            | FlowError::Store(_)
            | FlowError::Vectors(_)
            | FlowError::Expression(_)
            | FlowError::Frames(_) => Self::internal(&error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        FlowError::from(error).into()
    }
}

/// The problem that stands for a bare status (axum's own rejections and fallbacks).
#[must_use]
pub fn of_status(status: StatusCode) -> Problem {
    let (code, detail) = match status.as_u16() {
        404 => ("no-such-route", "nothing is served at this path; see /openapi.json"),
        405 => ("method-not-allowed", "this path does not take that method; `Allow` names those it takes"),
        406 => ("not-acceptable", "this path answers in application/json only"),
        408 => ("time-out", "the request took too long"),
        413 => ("too-large", "the body is larger than the service takes"),
        415 => ("unsupported-media-type", "send the body as application/json"),
        500 => ("internal", "the service failed on this request; the log has the cause under this trace id"),
        _ => ("refused", "the request was refused"),
    };
    Problem::new(status, code, detail)
}

fn in_words(code: &str) -> String {
    let words = code.replace(['-', '_'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
