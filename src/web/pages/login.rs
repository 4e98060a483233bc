//! Signing in: with a token, or on a demonstration as one of its personas.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::SignedDuration;
use serde::Deserialize;

use super::shell::{Posted, Shell, cookie, render, same_site};
use super::{Sampled, words};
use crate::domain::actor::Role;
use crate::web::auth::{Kind, TokenRequest};
use crate::web::state::WebState;

/// People of the demonstration: subject, name, roles.
pub const PERSONAS: [(&str, &str, &[Role]); 8] = [
    ("noor", "Noor Haddad", &[Role::CustomerService]),
    ("piotr", "Piotr Zielinski", &[Role::SupplyPlanner]),
    ("wanda", "Wanda Okafor", &[Role::WarehouseManager]),
    ("ines", "Ines Carvalho", &[Role::PricingApprover]),
    ("felix", "Felix Brandt", &[Role::FinanceApprover]),
    ("lena", "Lena Moreau", &[Role::LogisticsCoordinator, Role::IntegrationEngineer]),
    ("omar", "Omar Lindqvist", &[Role::OperationsManager, Role::ModelApprover]),
    ("ada", "Ada Ferrante", &[Role::DataScientist, Role::Auditor]),
];

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    shell: Shell,
    refusal: Option<String>,
    personas: Vec<Persona>,
    next: String,
}

struct Persona {
    subject: &'static str,
    name: &'static str,
    roles: String,
}

#[derive(Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Login {
    #[serde(default)]
    token: String,
    #[serde(default)]
    persona: String,
    #[serde(default)]
    next: String,
}

fn page(state: &WebState, refusal: Option<String>, next: String) -> LoginPage {
    let personas = if state.settings.demo_login { PERSONAS.iter().map(persona).collect() } else { Vec::new() };
    LoginPage { shell: Shell { title: "Sign in".to_owned(), ..Shell::default() }, refusal, personas, next }
}

fn persona((subject, name, roles): &(&'static str, &'static str, &[Role])) -> Persona {
    let roles = roles.iter().map(|r| words::title(r.name())).collect::<Vec<_>>().join(", ");
    Persona { subject, name, roles }
}

pub(super) async fn show(State(state): State<WebState>, Query(query): Query<Next>) -> Response {
    render(&page(&state, None, local(&query.next)))
}

pub(super) async fn sign_in(State(state): State<WebState>, headers: HeaderMap, Form(login): Form<Login>) -> Response {
    let next = local(&login.next);
    let refuse =
        |says: String| (StatusCode::UNAUTHORIZED, render(&page(&state, Some(says), next.clone()))).into_response();
    if !same_site(&headers) {
        return refuse("This form was sent from another site.".to_owned());
    }
    let now = state.services.clock.now();
    let token = if login.persona.is_empty() { Ok(login.token) } else { persona_token(&state, &login.persona) };
    let checked = token.and_then(|t| state.auth.verify(t.trim(), now).map(|p| (t, p)).map_err(|e| e.to_string()));
    match checked {
        Ok((token, principal)) if principal.actor.person().is_some() => {
            let left =
                (principal.expires_at.as_second() - now.as_second()).clamp(0, i64::from(state.settings.session_s));
            let left = u32::try_from(left).unwrap_or(0);
            (cookie(token.trim(), left, state.settings.secure_cookie), Redirect::to(&next)).into_response()
        }
        Ok(_) => refuse("Pages are for persons; this token speaks for a service.".to_owned()),
        Err(says) => refuse(says),
    }
}

fn persona_token(state: &WebState, subject: &str) -> Result<String, String> {
    let found = PERSONAS.iter().find(|(s, _, _)| *s == subject && state.settings.demo_login);
    let (subject, name, roles) = found.ok_or_else(|| "There is no such persona.".to_owned())?;
    let ttl = SignedDuration::from_secs(i64::from(state.settings.session_s));
    let request = TokenRequest { subject, name, kind: Kind::Person, roles, scopes: &[], ttl };
    state.auth.issue(&request, state.services.clock.now()).map_err(|e| e.to_string())
}

/// Only a path of this site; anything else leads to the start page.
fn local(next: &str) -> String {
    let local = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n', '\0']);
    if local { next.to_owned() } else { "/".to_owned() }
}

#[derive(Deserialize)]
pub(super) struct Nothing {}

pub(super) async fn sign_out(State(state): State<WebState>, _: Posted<Nothing>) -> Response {
    (cookie("", 0, state.settings.secure_cookie), Redirect::to("/login")).into_response()
}

impl Sampled for LoginPage {
    fn samples() -> Vec<Self> {
        let shell = Shell { title: "Sign in".to_owned(), ..Shell::default() };
        let plain = Self { shell: shell.clone(), refusal: None, personas: Vec::new(), next: "/".to_owned() };
        let refusal = Some("the token is not valid: it has expired".to_owned());
        vec![
            plain,
            Self { shell, refusal, personas: PERSONAS.iter().map(persona).collect(), next: "/audit".to_owned() },
        ]
    }
}

pub(super) fn samples() -> Vec<String> {
    super::rendered::<LoginPage>()
}
