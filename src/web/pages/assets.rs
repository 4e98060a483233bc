//! Embedded files.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use crate::web::edge::fingerprint;

const STYLE: &str = include_str!("../templates/holdfast.css");
const ICON: &str = include_str!("../templates/holdfast.svg");
const SCRIPT: &str = include_str!("../templates/docs.js");
const DOCS: &str = include_str!("../templates/docs.html");

pub(super) async fn style(headers: HeaderMap) -> Response {
    asset(&headers, "text/css; charset=utf-8", STYLE)
}

pub(super) async fn icon(headers: HeaderMap) -> Response {
    asset(&headers, "image/svg+xml", ICON)
}

pub(super) async fn script(headers: HeaderMap) -> Response {
    asset(&headers, "text/javascript; charset=utf-8", SCRIPT)
}

pub(super) async fn docs() -> Html<&'static str> {
    Html(DOCS)
}

fn asset(headers: &HeaderMap, kind: &'static str, body: &'static str) -> Response {
    let tag = fingerprint(body.as_bytes());
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == tag.as_bytes());
    let cached = [(header::ETAG, tag), (header::CACHE_CONTROL, "public, max-age=300".to_owned())];
    if known {
        return (StatusCode::NOT_MODIFIED, cached).into_response();
    }
    (cached, [(header::CONTENT_TYPE, kind)], body).into_response()
}
