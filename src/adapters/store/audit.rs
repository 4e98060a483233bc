//! The audit chain: its end is one row, locked from the append until commit, so that the sequence has no gap.

use async_trait::async_trait;

use super::Tx;
use super::sql::{Sql, json};
use crate::domain::audit::{AuditDraft, AuditEntry};
use crate::ports::store::StoreError;
use crate::ports::store::audit::{Audit, AuditFilter};

#[async_trait]
impl Audit for Tx {
    async fn append_audit(&mut self, draft: AuditDraft) -> Result<AuditEntry, StoreError> {
        // Writing the row is what locks it: the next writer waits here and then reads this transaction's hash.
        let head = Sql::new("audit_head", "UPDATE audit_head SET seq = seq + 1 WHERE id = 1 RETURNING seq, hash");
        let head = head.row(self).await?.ok_or_else(|| missing_head("there is no head of the chain"))?;
        let entry = AuditEntry::chain(draft, head.integer(0)?, &head.text(1)?).map_err(missing_head)?;
        Sql::new("audit", "INSERT INTO audit (seq, action, subject, document) VALUES ($1, $2, $3, $4)")
            .bind(entry.seq)
            .bind(&entry.action)
            .bind(&entry.subject)
            .bind(json("audit", &entry)?)
            .run(self)
            .await?;
        Sql::new("audit_head", "UPDATE audit_head SET hash = $1 WHERE id = 1").bind(&entry.hash).run(self).await?;
        Ok(entry)
    }

    async fn audit_after(
        &mut self,
        after: i64,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let sql = Sql::new("audit", "SELECT seq, document FROM audit WHERE seq > $1").bind(after);
        filtered(sql, filter).with(" ORDER BY seq LIMIT ", limit).documents(self).await
    }

    async fn audit_before(
        &mut self,
        before: Option<i64>,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let sql = Sql::new("audit", "SELECT seq, document FROM audit WHERE seq < $1").bind(before.unwrap_or(i64::MAX));
        filtered(sql, filter).with(" ORDER BY seq DESC LIMIT ", limit).documents(self).await
    }
}

fn filtered(sql: Sql, filter: &AuditFilter) -> Sql {
    sql.when(" AND subject = ", filter.subject.as_deref()).when(" AND action = ", filter.action.as_deref())
}

fn missing_head(why: impl std::fmt::Display) -> StoreError {
    StoreError::Inconsistent { table: "audit_head", row: "1".to_owned(), message: why.to_string() }
}
