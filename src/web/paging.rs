//! Pages of lists: opaque sealed cursors in the body and in `Link`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::error::Problem;
use super::extract::{PageSize, Text};
use super::state::WebState;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Page<T> {
    /// In the list's order.
    pub items: Vec<T>,
    /// Cursor of the next page; `null` on the last one.
    pub next: Option<String>,
}

/// Opens the cursor of a list of `kind`.
///
/// # Errors
/// 400 `invalid-cursor`.
pub fn after<C: DeserializeOwned>(state: &WebState, kind: &str, cursor: Option<&Cursor>) -> Result<Option<C>, Problem> {
    let Some(Cursor(sealed)) = cursor else { return Ok(None) };
    state.auth.unseal(kind, sealed).map(Some).map_err(|_| {
        let says = "the cursor is not one that this list gave; start without one";
        Problem::new(StatusCode::BAD_REQUEST, "invalid-cursor", says)
    })
}

/// Cuts what was read with one item too many to a page; `place` is where the next page goes on.
pub fn page<T, C: Serialize>(
    state: &WebState,
    kind: &str,
    size: PageSize,
    mut items: Vec<T>,
    place: impl Fn(&T) -> C,
) -> Page<T> {
    let size = size.0 as usize;
    let more = items.len() > size;
    items.truncate(size);
    let next = items.last().filter(|_| more).map(|last| state.auth.seal(kind, &place(last)));
    Page { items, next }
}

/// `body` with a `Link` to the next page of `uri`.
pub fn linked(uri: &axum::http::Uri, next: Option<&str>, body: impl Serialize) -> Response {
    let mut response = Json(body).into_response();
    let link = next.and_then(|next| {
        let kept = uri.query().unwrap_or_default().split('&').filter(|p| !p.is_empty() && !p.starts_with("cursor="));
        let query: Vec<String> = kept.map(str::to_owned).chain([format!("cursor={next}")]).collect();
        HeaderValue::from_str(&format!("<{}?{}>; rel=\"next\"", uri.path(), query.join("&"))).ok()
    });
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// A cursor as given: checked only for its length here.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Cursor(pub String);

impl TryFrom<String> for Cursor {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() || text.len() > 1000 { Err("a cursor has 1 to 1000 characters") } else { Ok(Self(text)) }
    }
}

/// `value` with its version as `ETag`.
pub fn tagged(status: StatusCode, version: i64, value: impl Serialize) -> Response {
    let mut response = (status, Json(value)).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The plain text of an optional parameter.
#[must_use]
pub fn plain(text: Option<Text>) -> Option<String> {
    text.map(|t| t.0)
}
