//! What the demonstration prints once it serves: address, personas and calls to paste.

use anyhow::Result;
use jiff::SignedDuration;

use crate::app::App;
use crate::commands::serve::auth;
use crate::domain::actor::Scope;
use crate::ports::store::cases::CaseFilter;
use crate::web::auth::{Kind, TokenRequest};

/// The greeting, with `{address}` where the address goes.
///
/// # Errors
/// When the store or the token key cannot be read.
pub async fn compose(app: &App) -> Result<String> {
    let now = app.services.clock.now();
    let scopes = [
        Scope::EventsWrite,
        Scope::MessagesWrite,
        Scope::MessagesRead,
        Scope::ExceptionsRead,
        Scope::PrioritizeRun,
        Scope::ModelsRead,
        Scope::AuditRead,
    ];
    let request = TokenRequest {
        subject: "workflow-engine",
        name: "Workflow engine",
        kind: Kind::Service,
        roles: &[],
        scopes: &scopes,
        ttl: SignedDuration::from_hours(12),
    };
    let token = auth(&app.config)?.issue(&request, now)?;
    let mut tx = app.services.store.read().await?;
    let open = CaseFilter { open: Some(true), ..CaseFilter::default() };
    let top: Vec<String> = tx.list_cases(&open, None, 3).await?.iter().map(|case| format!("\"{}\"", case.id)).collect();
    let total = tx.case_facets(&open).await?.total;
    Ok(format!(
        "
{total} open exceptions, ranked by what can still be saved

  worklist         {{address}}/            sign in as a persona with one click; any two make proposer and approver
  approvals        {{address}}/approvals
  API reference    {{address}}/docs

Ask what to do first (the token is a workflow engine's and holds for 12 hours):

  export TOKEN={token}
  curl -s {{address}}/v1/prioritize -H \"authorization: Bearer $TOKEN\" -H 'content-type: application/json' \\
    -d '{{\"ids\": [{ids}]}}'

Let it read a message:

  curl -s {{address}}/v1/messages -H \"authorization: Bearer $TOKEN\" -H 'content-type: application/json' \\
    -H 'idempotency-key: \"mail-1\"' \\
    -d '{{\"channel\": \"email\", \"from\": {{\"email\": \"someone@customer.example\"}}, \"subject\": \"Order\", \"body\": \"Where is our order? We need it by Friday.\"}}'

The worklist over the API:

  curl -s '{{address}}/v1/exceptions?limit=5' -H \"authorization: Bearer $TOKEN\"

Stop with Ctrl-C; start again to go on where it stopped.
",
        ids = top.join(", ")
    ))
}
