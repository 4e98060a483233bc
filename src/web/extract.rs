//! What handlers take from a request: the caller with the scope the route asks for, bodies checked against the document,
//! bounded parameters, versions.
//!
//! Guarantees: every refusal is a [`Problem`]; a body is refused exactly where the OpenAPI document does not allow it; no
//! text with a NUL reaches the flow (PostgreSQL cannot hold it).

use std::marker::PhantomData;
use std::str::FromStr;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::auth::{Principal, scope_name};
use super::error::{Fault, Problem};
use super::schema;
use super::state::WebState;
use crate::domain::actor::{Actor, Scope};

/// Name of the session cookie.
pub const SESSION_COOKIE: &str = "holdfast_session";

/// A scope as a type, so that a route's handler names what it demands.
pub trait Demand: Send + Sync {
    /// The scope.
    const SCOPE: Scope;
}

macro_rules! demands {
    ($($name:ident)*) => {
        /// One type per scope, for [`Allowed`](super::Allowed).
        pub mod demand {
            $(
                #[doc = concat!("Demands [`Scope::", stringify!($name), "`](crate::domain::actor::Scope).")]
                pub struct $name;
                impl super::Demand for $name {
                    const SCOPE: crate::domain::actor::Scope = crate::domain::actor::Scope::$name;
                }
            )*
        }
    };
}

demands! {
    EventsWrite MessagesRead MessagesWrite ExceptionsRead ExceptionsWrite PrioritizeRun ActionsPropose ActionsExecute
    ApprovalsRead ApprovalsDecide ModelsRead ModelsTrain AuditRead Admin
}

/// A caller who holds scope `S`.
pub struct Allowed<S>(pub Principal, PhantomData<S>);

impl<S> Allowed<S> {
    /// Who it is.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.0.actor
    }
}

impl<S: Demand> FromRequestParts<WebState> for Allowed<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        let principal = caller(&parts.headers, &parts.method, state)?;
        demand(&principal, S::SCOPE)?;
        Ok(Self(principal, PhantomData))
    }
}

/// Refuses a caller who lacks `scope`.
///
/// # Errors
/// 403 `scope-missing`.
pub fn demand(principal: &Principal, scope: Scope) -> Result<(), Problem> {
    if principal.scopes.contains(&scope) {
        return Ok(());
    }
    let says = format!("this needs the scope `{}`, which the token does not hold", scope_name(scope));
    Err(Problem::new(StatusCode::FORBIDDEN, "scope-missing", says))
}

/// The caller: by bearer token, or by session cookie where the method cannot change anything.
///
/// # Errors
/// 401 `unauthenticated`.
pub fn caller(headers: &HeaderMap, method: &Method, state: &WebState) -> Result<Principal, Problem> {
    let unauthenticated = |says: &str| Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", says);
    let token = match headers.get(header::AUTHORIZATION) {
        Some(value) => value
            .to_str()
            .ok()
            .and_then(|v| v.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim().to_owned())
            .ok_or_else(|| unauthenticated("`Authorization` must be `Bearer <token>`"))?,
        None if method.is_safe() => {
            session(headers).ok_or_else(|| unauthenticated("send a token: `Authorization: Bearer <token>`"))?
        }
        None => return Err(unauthenticated("send a token: `Authorization: Bearer <token>`")),
    };
    state.auth.verify(&token, state.services.clock.now()).map_err(|e| unauthenticated(&e.to_string()))
}

/// The session cookie's value.
#[must_use]
pub fn session(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == SESSION_COOKIE)
        .map(|(_, value)| value.to_owned())
}

/// A JSON body that fits the schema of `T` in the document.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + ToSchema> FromRequest<WebState> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &WebState) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(super::error::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let bytes = bytes_of(request, state).await?;
        let value = json_of(&bytes)?;
        let faults = schema::check(&state.document, &T::name(), &value);
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        let parsed = serde_json::from_value(value);
        parsed.map(Self).map_err(|e| Problem::invalid(vec![Fault { pointer: String::new(), detail: e.to_string() }]))
    }
}

/// A JSON body that may be left out; then it is the default.
pub struct MaybeBody<T>(pub T);

impl<T: DeserializeOwned + ToSchema + Default> FromRequest<WebState> for MaybeBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &WebState) -> Result<Self, Problem> {
        let empty = request.headers().get(header::CONTENT_LENGTH).is_none_or(|length| length == "0");
        if empty && !request.headers().contains_key(header::CONTENT_TYPE) {
            return Ok(Self(T::default()));
        }
        Body::from_request(request, state).await.map(|Body(body)| Self(body))
    }
}

/// The whole body, within the service's limit.
///
/// # Errors
/// 413 when it is larger, 400 when it breaks off.
pub async fn bytes_of(request: Request, state: &WebState) -> Result<axum::body::Bytes, Problem> {
    axum::body::to_bytes(request.into_body(), state.settings.body_max).await.map_err(|e| {
        if std::error::Error::source(&e).is_some_and(|s| s.to_string().contains("length limit")) {
            super::error::of_status(StatusCode::PAYLOAD_TOO_LARGE)
        } else {
            Problem::new(StatusCode::BAD_REQUEST, "broken-body", "the body broke off before its end")
        }
    })
}

/// JSON without NUL characters.
///
/// # Errors
/// 400 `invalid-json`, 422 for a NUL.
pub fn json_of(bytes: &[u8]) -> Result<Value, Problem> {
    let value = serde_json::from_slice(bytes)
        .map_err(|e| Problem::new(StatusCode::BAD_REQUEST, "invalid-json", format!("the body is no JSON: {e}")))?;
    match schema::nul_in(&value, String::new()) {
        None => Ok(value),
        Some(pointer) => {
            let detail = "holds a NUL character, which the store cannot keep".to_owned();
            Err(Problem::invalid(vec![Fault { pointer, detail }]))
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|media| media == "application/json" || media.ends_with("+json"))
}

/// The media type of the body, in lower case and without parameters.
#[must_use]
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Query parameters; unknown ones are refused by the types' `deny_unknown_fields`.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<WebState> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &WebState) -> Result<Self, Problem> {
        let parsed = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        parsed.map(|q| Self(q.0)).map_err(|e| Problem::new(StatusCode::BAD_REQUEST, "invalid-parameter", says(&e)))
    }
}

fn says(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|s| s.to_string());
    cause.unwrap_or_else(|| error.to_string()).to_lowercase()
}

/// A UUID in the path; anything else names nothing, so it is not found.
pub struct Id<T>(pub T);

impl<T: FromStr + Send> FromRequestParts<WebState> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        let Texts([text]) = Texts::<1>::from_request_parts(parts, state).await?;
        // Only the hyphenated form, as documented (`format: uuid`).
        let parsed = if text.len() == 36 { text.parse().ok() } else { None };
        parsed.map(Self).ok_or_else(|| Problem::not_found("thing with the id", &text))
    }
}

/// `N` texts in the path, each of 1 to 200 characters and without NUL.
pub struct Texts<const N: usize>(pub [String; N]);

impl<const N: usize> FromRequestParts<WebState> for Texts<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        let nothing = || super::error::of_status(StatusCode::NOT_FOUND);
        let Path(pairs) =
            Path::<Vec<(String, String)>>::from_request_parts(parts, state).await.map_err(|_| nothing())?;
        let texts: Vec<String> =
            pairs.into_iter().map(|(_, v)| v).filter(|v| Text::try_from(v.clone()).is_ok()).collect();
        texts.try_into().map(Self).map_err(|_| nothing())
    }
}

/// A text of 1 to 200 characters without NUL, for parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Text(pub String);

impl TryFrom<String> for Text {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() || text.chars().count() > 200 || text.contains('\0') {
            return Err("a text must have 1 to 200 characters and no NUL");
        }
        Ok(Self(text))
    }
}

/// How many items a page holds: 1 to 200, 50 when not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct PageSize(pub u32);

impl Default for PageSize {
    fn default() -> Self {
        Self(50)
    }
}

impl TryFrom<u32> for PageSize {
    type Error = &'static str;

    fn try_from(size: u32) -> Result<Self, Self::Error> {
        if (1..=200).contains(&size) { Ok(Self(size)) } else { Err("a page holds 1 to 200 items") }
    }
}

/// The version that the caller decided on, from `If-Match`.
pub struct IfMatch(pub i64);

impl FromRequestParts<WebState> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &WebState) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            let says =
                "send `If-Match` with the `ETag` of what you decide on, so that a decision on an old state is refused";
            return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, "precondition-required", says));
        };
        let version = value.to_str().ok().and_then(version_of);
        version.map(Self).ok_or_else(|| {
            let says = "`If-Match` must be one strong tag as `ETag` gave it, such as `\"3\"`";
            Problem::new(StatusCode::BAD_REQUEST, "invalid-parameter", says)
        })
    }
}

/// The version in a tag, quoted or bare.
fn version_of(tag: &str) -> Option<i64> {
    let tag = tag.trim();
    let inner = tag.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(tag);
    let digits = (1..=18).contains(&inner.len()) && inner.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| inner.parse().ok()).flatten()
}
