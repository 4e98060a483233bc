//! Idempotency keys, webhook subscriptions and long operations.

use async_trait::async_trait;
use jiff::Timestamp;

use super::Tx;
use super::sql::{Row, Sql, json};
use crate::domain::ids::OperationId;
use crate::ports::store::StoreError;
use crate::ports::store::service::{FreeBefore, NextAction, Operation, OperationState, Service, Webhook};

#[async_trait]
impl Service for Tx {
    async fn take_key(
        &mut self,
        principal: &str,
        key: &str,
        fingerprint: &str,
        now: Timestamp,
        free: FreeBefore,
    ) -> Result<NextAction, StoreError> {
        // A free or expired key is taken in one statement, so of two requests at once only one can start.
        let taken = Sql::new(
            "idempotency_keys",
            "INSERT INTO idempotency_keys (principal, key, fingerprint, taken_at, status, headers, body) \
             VALUES ($1, $2, $3, $4, NULL, '[]', $5) ON CONFLICT (principal, key) DO UPDATE SET \
             fingerprint = excluded.fingerprint, taken_at = excluded.taken_at, status = NULL, headers = '[]', \
             body = excluded.body WHERE idempotency_keys.taken_at < \
             CASE WHEN idempotency_keys.status IS NULL THEN $6 ELSE $7 END",
        )
        .bind(principal)
        .bind(key)
        .bind(fingerprint)
        .bind(now)
        .bind(Vec::new())
        .bind(free.unanswered)
        .bind(free.answered)
        .run(self)
        .await?;
        if taken == 1 {
            return Ok(NextAction::Start);
        }
        let sql = Sql::new(
            "idempotency_keys",
            "SELECT key, fingerprint, status, headers, body FROM idempotency_keys WHERE principal = $1 AND key = $2",
        );
        match sql.bind(principal).bind(key).row(self).await? {
            Some(row) => known(&row, fingerprint),
            None => Err(StoreError::Conflict(format!("idempotency key `{key}`"))),
        }
    }

    async fn save_answer(
        &mut self,
        principal: &str,
        key: &str,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<(), StoreError> {
        Sql::new(
            "idempotency_keys",
            "UPDATE idempotency_keys SET status = $1, headers = $2, body = $3 WHERE principal = $4 AND key = $5",
        )
        .bind(i64::from(status))
        .bind(json("idempotency_keys", &headers)?)
        .bind(body.to_vec())
        .bind(principal)
        .bind(key)
        .run_or_conflict(self, key)
        .await
    }

    async fn free_key(&mut self, principal: &str, key: &str) -> Result<(), StoreError> {
        Sql::new("idempotency_keys", "DELETE FROM idempotency_keys WHERE principal = $1 AND key = $2")
            .bind(principal)
            .bind(key)
            .run(self)
            .await?;
        Ok(())
    }

    async fn insert_webhook(&mut self, webhook: &Webhook) -> Result<(), StoreError> {
        Sql::new("webhooks", "INSERT INTO webhooks (id, version, document) VALUES ($1, $2, $3)")
            .bind(webhook.id.to_string())
            .bind(webhook.version)
            .bind(json("webhooks", webhook)?)
            .run(self)
            .await?;
        Ok(())
    }

    async fn update_webhook(&mut self, webhook: &Webhook) -> Result<Webhook, StoreError> {
        let next = Webhook { version: webhook.version + 1, ..webhook.clone() };
        Sql::new("webhooks", "UPDATE webhooks SET version = $1, document = $2 WHERE id = $3 AND version = $4")
            .bind(next.version)
            .bind(json("webhooks", &next)?)
            .bind(webhook.id.to_string())
            .bind(webhook.version)
            .run_or_conflict(self, &webhook.id.to_string())
            .await?;
        Ok(next)
    }

    async fn webhooks(&mut self) -> Result<Vec<Webhook>, StoreError> {
        Sql::new("webhooks", "SELECT id, document FROM webhooks ORDER BY id").documents(self).await
    }

    async fn operation(&mut self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        let sql = Sql::new("operations", "SELECT id, document FROM operations WHERE id = $1");
        sql.bind(id.to_string()).document(self).await
    }

    async fn put_operation(&mut self, operation: &Operation) -> Result<(), StoreError> {
        Sql::new(
            "operations",
            "INSERT INTO operations (id, document) VALUES ($1, $2) \
             ON CONFLICT (id) DO UPDATE SET document = excluded.document",
        )
        .bind(operation.id.to_string())
        .bind(json("operations", operation)?)
        .run(self)
        .await?;
        Ok(())
    }

    async fn insert_operation(&mut self, operation: &Operation) -> Result<bool, StoreError> {
        let inserted =
            Sql::new("operations", "INSERT INTO operations (id, document) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
                .bind(operation.id.to_string())
                .bind(json("operations", operation)?)
                .run(self)
                .await?;
        Ok(inserted == 1)
    }

    async fn operations_running(&mut self) -> Result<Vec<Operation>, StoreError> {
        // The text only narrows the search; the document decides.
        let sql = Sql::new("operations", "SELECT id, document FROM operations WHERE document LIKE $1 ORDER BY id");
        let found: Vec<Operation> = sql.bind("%\"state\":\"running\"%").documents(self).await?;
        Ok(found.into_iter().filter(|operation| operation.state == OperationState::Running).collect())
    }
}

/// What became of a key that is taken. Selects (key, fingerprint, status, headers, body).
fn known(row: &Row, fingerprint: &str) -> Result<NextAction, StoreError> {
    if row.text(1)? != fingerprint {
        return Ok(NextAction::Mismatch);
    }
    match row.optional_integer(2)? {
        None => Ok(NextAction::InProgress),
        Some(_) => Ok(NextAction::Replay { status: row.number(2)?, headers: row.document(3)?, body: row.bytes(4)? }),
    }
}
