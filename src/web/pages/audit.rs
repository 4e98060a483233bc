//! The audit log, with the state of its chain.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::shell::{Refused, Shell, Viewer, escape, render};
use super::{Sampled, words};
use crate::domain::actor::Scope;
use crate::domain::audit::AuditEntry;
use crate::ports::store::audit::AuditFilter;
use crate::web::api::audit::chain_status;
use crate::web::extract::{PageSize, Params, Text};
use crate::web::paging::{Cursor, after, page, plain};
use crate::web::state::WebState;

const ROWS: PageSize = PageSize(100);

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    intact: bool,
    entries: i64,
    chain_head: String,
    broken_at: i64,
    subject: String,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    seq: i64,
    iso: String,
    at: String,
    actor: String,
    action: String,
    subject: String,
    detail: String,
    hash: String,
}

#[derive(Deserialize)]
pub(super) struct Query {
    subject: Option<Text>,
    cursor: Option<Cursor>,
}

pub(super) async fn show(
    State(state): State<WebState>,
    viewer: Viewer,
    Params(query): Params<Query>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::AuditRead)?;
    let before: Option<i64> = after(&state, "audit", query.cursor.as_ref())?;
    let shell = viewer.shell(&state, "Audit", "/audit").await?;
    let chain = chain_status(&state).await?;
    let subject = plain(query.subject);
    let filter = AuditFilter { subject: subject.clone(), action: None };
    let entries = state.services.store.read().await?.audit_before(before, &filter, ROWS.0 + 1).await?;
    let page = page(&state, "audit", ROWS, entries, |entry| entry.seq);
    let only = subject.as_deref().map_or_else(String::new, |s| format!("subject={}&", escape(s)));
    Ok(render(&AuditPage {
        shell,
        intact: chain.intact,
        entries: chain.entries,
        chain_head: words::short(&chain.head),
        broken_at: chain.broken_at.unwrap_or(0),
        subject: subject.unwrap_or_default(),
        rows: page.items.iter().map(row).collect(),
        next: page.next.map(|cursor| format!("/audit?{only}cursor={cursor}")),
    }))
}

fn row(entry: &AuditEntry) -> Row {
    Row {
        seq: entry.seq,
        iso: entry.at.to_string(),
        at: words::minute(entry.at),
        actor: words::actor(&entry.actor),
        action: entry.action.clone(),
        subject: entry.subject.clone(),
        detail: serde_json::to_string_pretty(&entry.detail).unwrap_or_default(),
        hash: words::short(&entry.hash),
    }
}

impl Sampled for AuditPage {
    fn samples() -> Vec<Self> {
        let row = || Row {
            seq: 7,
            iso: "2026-03-02T09:30:00Z".to_owned(),
            at: "2026-03-02 09:30".to_owned(),
            actor: "Ada Brandt".to_owned(),
            action: "proposal.voted".to_owned(),
            subject: "proposal:0192f0c1".to_owned(),
            detail: "{\"verdict\": \"<approve>\"}".to_owned(),
            hash: "ab12cd34ef56".to_owned(),
        };
        let of = |intact, subject: &str, rows| Self {
            shell: Shell::sample("/audit"),
            intact,
            entries: 7,
            chain_head: "ab12cd34ef56".to_owned(),
            broken_at: 3,
            subject: subject.to_owned(),
            rows,
            next: Some("/audit?cursor=abc".to_owned()),
        };
        vec![of(true, "", vec![row()]), of(false, "case:1", Vec::new())]
    }
}

pub(super) fn samples() -> Vec<String> {
    super::rendered::<AuditPage>()
}
