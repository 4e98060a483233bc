//! What every page shares: the signed-in person, the frame, forms and refusals.
//!
//! Guarantees: a form is taken only from its own session (its token) and its own site (`Sec-Fetch-Site`); the cookie is
//! `HttpOnly` and `SameSite=Lax`; a refusal is a page too.

use askama::Template;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::domain::actor::Actor;
use crate::domain::actor::Scope;
use crate::web::auth::Principal;
use crate::web::error::Problem;
use crate::web::extract::{bytes_of, demand, session};
use crate::web::pages::words;
use crate::web::state::WebState;

/// The frame of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shell {
    pub title: String,
    /// Path of the section that is current.
    pub section: &'static str,
    pub who: Option<Who>,
    /// Proposals that wait for anyone.
    pub pending: i64,
    pub form_token: String,
    pub notice: Option<String>,
}

/// The signed-in person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    pub name: String,
    pub roles: String,
    pub scopes: Vec<Scope>,
}

/// One entry of the navigation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NavItem {
    pub href: &'static str,
    pub label: &'static str,
    pub current: bool,
    pub count: i64,
}

impl Shell {
    /// The sections that the person may see.
    #[must_use]
    pub fn nav(&self) -> Vec<NavItem> {
        const SECTIONS: [(&str, &str, Scope); 5] = [
            ("/", "Worklist", Scope::ExceptionsRead),
            ("/approvals", "Approvals", Scope::ApprovalsRead),
            ("/messages", "Messages", Scope::MessagesRead),
            ("/models", "Models", Scope::ModelsRead),
            ("/audit", "Audit", Scope::AuditRead),
        ];
        let seen = |scope: &Scope| self.who.as_ref().is_some_and(|w| w.scopes.contains(scope));
        SECTIONS
            .iter()
            .filter(|(_, _, scope)| seen(scope))
            .map(|(href, label, _)| NavItem {
                href,
                label,
                current: self.section == *href,
                count: if *href == "/approvals" { self.pending } else { 0 },
            })
            .collect()
    }

    /// A frame for samples.
    #[must_use]
    pub fn sample(section: &'static str) -> Self {
        Self {
            title: "Sample".to_owned(),
            section,
            who: Some(Who {
                name: "Ada Brandt".to_owned(),
                roles: "Finance approver".to_owned(),
                scopes: vec![Scope::ExceptionsRead, Scope::ApprovalsRead],
            }),
            pending: 3,
            form_token: "token".to_owned(),
            notice: Some("Saved.".to_owned()),
        }
    }
}

/// Whoever looks at a page, by session cookie.
pub struct Viewer {
    /// Who and what they may.
    pub principal: Principal,
    session: String,
}

impl Viewer {
    /// The frame for this viewer.
    ///
    /// # Errors
    /// What the store says.
    pub async fn shell(&self, state: &WebState, title: &str, section: &'static str) -> Result<Shell, Refused> {
        let pending = state.services.store.read().await.map_err(Problem::from)?;
        let pending = { pending }.count_proposals("awaiting_approval").await.map_err(Problem::from)?;
        let roles = self.principal.actor.person().map(|p| p.roles.iter().map(|r| words::title(r.name())).collect());
        Ok(Shell {
            title: title.to_owned(),
            section,
            who: Some(Who {
                name: words::actor(&self.principal.actor),
                roles: roles.map(|r: Vec<_>| r.join(", ")).unwrap_or_default(),
                scopes: self.principal.scopes.iter().copied().collect(),
            }),
            pending,
            form_token: state.auth.form_token(&self.session),
            notice: None,
        })
    }

    /// Refuses a viewer who lacks `scope`.
    ///
    /// # Errors
    /// A page that says so.
    pub fn needs(&self, scope: Scope) -> Result<(), Refused> {
        demand(&self.principal, scope).map_err(Refused::from)
    }

    /// Whether the viewer holds `scope`.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.principal.scopes.contains(&scope)
    }

    /// Who.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.principal.actor
    }
}

impl FromRequestParts<WebState> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Response> {
        let found = session(&parts.headers).and_then(|token| {
            let principal = state.auth.verify(&token, state.services.clock.now()).ok()?;
            Some(Self { principal, session: token })
        });
        found.ok_or_else(|| {
            let safe = parts.method == Method::GET;
            let next = if safe { parts.uri.path_and_query().map_or("/", |p| p.as_str()) } else { "/" };
            Redirect::to(&format!("/login?next={}", escape(next))).into_response()
        })
    }
}

/// Percent-encodes everything but unreserved characters.
#[must_use]
pub fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// A form of the viewer's own session.
pub struct Posted<T> {
    /// Who sent it.
    pub viewer: Viewer,
    /// What it says.
    pub form: T,
}

#[derive(serde::Deserialize)]
struct Seal {
    #[serde(default)]
    form_token: String,
}

impl<T: DeserializeOwned> FromRequest<WebState> for Posted<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &WebState) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let viewer = Viewer::from_request_parts(&mut parts, state).await?;
        let refused =
            |says: &str| Refused::from(Problem::new(StatusCode::FORBIDDEN, "foreign-form", says)).into_response();
        if !same_site(&parts.headers) {
            return Err(refused("this form was sent from another site"));
        }
        let invalid = |says: String| {
            Refused::from(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-form", says)).into_response()
        };
        let bytes = bytes_of(Request::from_parts(parts, body), state).await;
        let bytes = bytes.map_err(|problem| Refused::from(problem).into_response())?;
        let seal: Seal = form_of(&bytes).await.map_err(invalid)?;
        if !state.auth.is_form_token(&viewer.session, &seal.form_token) {
            return Err(refused("this form is of another session; open the page again"));
        }
        if bytes.windows(3).any(|w| w == b"%00") {
            return Err(invalid("a NUL character cannot be kept".to_owned()));
        }
        let form = form_of(&bytes).await.map_err(invalid)?;
        Ok(Self { viewer, form })
    }
}

async fn form_of<T: DeserializeOwned>(bytes: &axum::body::Bytes) -> Result<T, String> {
    let mut request = Request::new(axum::body::Body::from(bytes.clone()));
    *request.method_mut() = Method::POST;
    let kind = header::HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(header::CONTENT_TYPE, kind);
    axum::Form::<T>::from_request(request, &()).await.map(|form| form.0).map_err(|e| e.to_string())
}

/// Whether the browser says that a request comes from this site (or says nothing, as old ones do).
#[must_use]
pub fn same_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_none_or(|v| matches!(v.as_bytes(), b"same-origin" | b"none"))
}

/// A refusal as a page.
pub struct Refused(Problem);

#[derive(Template)]
#[template(path = "problem.html")]
pub(super) struct ProblemPage {
    pub(super) shell: Shell,
    pub(super) title: String,
    pub(super) status: u16,
    pub(super) detail: String,
    pub(super) back: &'static str,
}

impl<E: Into<Problem>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = self.0.status();
        let document = *self.0.0;
        let shell = Shell { title: document.title.clone(), ..Shell::default() };
        let page =
            ProblemPage { shell, title: document.title, status: document.status, detail: document.detail, back: "/" };
        (status, render(&page)).into_response()
    }
}

/// A page's markup. Typed templates cannot fail but for formatting itself.
pub fn render(page: &impl Template) -> Response {
    match page.render() {
        Ok(markup) => Html(markup).into_response(),
        Err(error) => {
            tracing::error!(%error, "a template failed");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page failed").into_response()
        }
    }
}

/// What a page is asked after something was done: the notice of [`done`].
#[derive(Deserialize)]
pub(super) struct After {
    pub(super) done: Option<String>,
}

/// A redirect that makes the browser `GET` the page, with a notice.
#[must_use]
pub fn done(path: &str, notice: &str) -> Response {
    let mark = if path.contains('?') { '&' } else { '?' };
    Redirect::to(&format!("{path}{mark}done={}", escape(notice))).into_response()
}

/// Sets or clears the session cookie.
#[must_use]
pub fn cookie(token: &str, seconds: u32, secure: bool) -> [(header::HeaderName, String); 1] {
    let name = crate::web::extract::SESSION_COOKIE;
    let secure = if secure { "; Secure" } else { "" };
    [(header::SET_COOKIE, format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}"))]
}
