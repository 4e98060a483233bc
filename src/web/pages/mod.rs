//! Pages for people: server-rendered, usable without script, and a typed context for each template.
//!
//! Guarantees: a `GET` never acts; every form carries its session's token; nothing is loaded from elsewhere.

mod approvals;
mod assets;
mod audit;
mod case;
mod login;
mod message;
mod messages;
mod models;
mod options;
mod shell;
mod summary;
mod text;
mod words;
mod worklist;

use askama::Template;
use axum::Router;
use axum::routing::{get, post};

use super::state::WebState;

pub use login::PERSONAS;

/// Every page.
pub fn router() -> Router<WebState> {
    Router::new()
        .route("/", get(worklist::show))
        .route("/exceptions/{id}", get(case::show))
        .route("/exceptions/{id}/assign", post(case::assign))
        .route("/exceptions/{id}/close", post(case::close))
        .route("/exceptions/{id}/propose", post(case::propose))
        .route("/exceptions/{id}/opinion", post(summary::give_opinion))
        .route("/approvals", get(approvals::show))
        .route("/approvals/{id}", post(approvals::decide))
        .route("/audit", get(audit::show))
        .route("/messages", get(messages::show))
        .route("/messages/{id}", get(message::show))
        .route("/messages/{id}/correct", post(message::correct))
        .route("/models", get(models::show))
        .route("/models/promote", post(models::promote))
        .route("/models/roll-back", post(models::roll_back))
        .route("/models/{name}/{version}/report", get(models::report))
        .route("/login", get(login::show).post(login::sign_in))
        .route("/logout", post(login::sign_out))
        .route("/docs", get(assets::docs))
        .route("/assets/holdfast.css", get(assets::style))
        .route("/assets/holdfast.svg", get(assets::icon))
        .route("/assets/docs.js", get(assets::script))
}

/// A page with examples of its context, so that one test renders every template.
trait Sampled: Template + Sized {
    fn samples() -> Vec<Self>;
}

fn rendered<T: Sampled>() -> Vec<String> {
    T::samples().iter().map(|page| page.render().unwrap_or_else(|e| format!("failed: {e}"))).collect()
}

/// Every template, rendered with its samples, by name.
#[must_use]
pub fn samples() -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("approvals", approvals::samples()),
        ("audit", audit::samples()),
        ("case", case::samples()),
        ("login", login::samples()),
        ("message", message::samples()),
        ("messages", messages::samples()),
        ("models", models::samples()),
        ("worklist", worklist::samples()),
    ]
}
