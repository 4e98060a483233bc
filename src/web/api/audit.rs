//! The audit log, read only.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::audit::{AuditEntry, GENESIS};
use crate::flow::FlowError;
use crate::ports::store::audit::AuditFilter;
use crate::web::error::Problem;
use crate::web::extract::{Allowed, PageSize, Params, Text, demand};
use crate::web::paging::{Cursor, Page, after, linked, page, plain};
use crate::web::state::WebState;

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
#[expect(missing_docs, reason = "names say it")]
pub struct AuditQuery {
    /// Only this subject, as `kind:id`.
    #[param(value_type = Option<String>, min_length = 1, max_length = 200, example = "case:0192f0c1-2345-7abc-8def-0123456789ab")]
    pub subject: Option<Text>,
    /// Only this action, such as `proposal.approved`.
    #[param(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub action: Option<Text>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<PageSize>,
    #[param(value_type = Option<String>, min_length = 1, max_length = 1000)]
    pub cursor: Option<Cursor>,
}

/// Whether the chain holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChainStatus {
    /// Whether every entry follows from the one before.
    pub intact: bool,
    /// Entries that were checked.
    pub entries: i64,
    /// Hash of the last entry that is right: keep it to prove later that nothing before it changed.
    pub head: String,
    /// The first entry that is wrong.
    pub broken_at: Option<i64>,
}

/// Entries, newest first.
#[utoipa::path(get, path = "/v1/audit", tag = "governance", params(AuditQuery),
    responses((status = 200, body = Page<AuditEntry>)), security(("bearer" = ["audit:read"])))]
pub async fn list_audit(
    State(state): State<WebState>,
    _caller: Allowed<demand::AuditRead>,
    Params(query): Params<AuditQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let before: Option<i64> = after(&state, "audit", query.cursor.as_ref())?;
    let size = query.limit.unwrap_or_default();
    let filter = AuditFilter { subject: plain(query.subject), action: plain(query.action) };
    let entries = state.services.store.read().await?.audit_before(before, &filter, size.0 + 1).await?;
    let page = page(&state, "audit", size, entries, |entry| entry.seq);
    Ok(linked(&uri, page.next.clone().as_deref(), page))
}

/// Checks the whole chain.
#[utoipa::path(get, path = "/v1/audit/verify", tag = "governance",
    responses((status = 200, body = ChainStatus)), security(("bearer" = ["audit:read"])))]
pub async fn verify_audit(
    State(state): State<WebState>,
    _caller: Allowed<demand::AuditRead>,
) -> Result<Json<ChainStatus>, Problem> {
    Ok(Json(chain_status(&state).await?))
}

/// Walks the chain from its first entry.
///
/// # Errors
/// [`FlowError`] when the store fails.
pub async fn chain_status(state: &WebState) -> Result<ChainStatus, FlowError> {
    let mut tx = state.services.store.read().await?;
    let mut status = ChainStatus { intact: true, entries: 0, head: GENESIS.to_owned(), broken_at: None };
    loop {
        let entries = tx.audit_after(status.entries, &AuditFilter::default(), 1000).await?;
        if entries.is_empty() {
            return Ok(status);
        }
        for entry in entries {
            let right = entry.seq == status.entries + 1
                && entry.prev == status.head
                && entry.compute_hash().is_ok_and(|hash| hash == entry.hash);
            if !right {
                return Ok(ChainStatus { intact: false, broken_at: Some(entry.seq), ..status });
            }
            status.entries = entry.seq;
            status.head = entry.hash;
        }
    }
}
