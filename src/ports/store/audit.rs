//! The audit chain.

use async_trait::async_trait;

use super::StoreError;
use crate::domain::audit::{AuditDraft, AuditEntry};

/// Filter of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only this subject (`kind:id`).
    pub subject: Option<String>,
    /// Only this action.
    pub action: Option<String>,
}

/// Append-only audit log.
#[async_trait]
pub trait Audit {
    /// Appends an entry at the end of the chain; serialises with every other writer of the chain until commit.
    async fn append_audit(&mut self, draft: AuditDraft) -> Result<AuditEntry, StoreError>;

    /// Entries with `seq > after`, ascending.
    async fn audit_after(
        &mut self,
        after: i64,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError>;

    /// Entries with `seq < before` (or the newest), descending.
    async fn audit_before(
        &mut self,
        before: Option<i64>,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError>;
}
