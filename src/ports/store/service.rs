//! What the service itself needs: idempotency of requests, webhook subscriptions, long operations.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::StoreError;
use crate::domain::ids::{OperationId, WebhookId};

/// What to do with a request that carries an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextAction {
    /// First time: the key is now taken.
    Start,
    /// Done before with the same fingerprint: answer this again.
    Replay {
        /// Status code.
        status: u16,
        /// Saved headers that matter (`location`, `etag`).
        headers: Vec<(String, String)>,
        /// Saved body.
        body: Vec<u8>,
    },
    /// Still running.
    InProgress,
    /// The key was used for another request.
    Mismatch,
}

/// Keys taken before these times are free again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeBefore {
    /// Where an answer is kept.
    pub answered: Timestamp,
    /// Where none came: the request was lost.
    pub unanswered: Timestamp,
}

/// A webhook subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "names say it")]
pub struct Webhook {
    pub id: WebhookId,
    pub url: String,
    /// `whsec_…`; shown once, when made.
    pub secret: String,
    /// Event types, empty for all.
    pub types: Vec<String>,
    pub enabled: bool,
    pub created_at: Timestamp,
    pub version: i64,
}

/// Long work with its progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Operation {
    /// Identity.
    pub id: OperationId,
    /// What it does.
    pub kind: String,
    /// `running`, `succeeded`, `failed` or `cancelled`.
    pub state: OperationState,
    /// 0 to 1.
    pub progress: f64,
    /// Result or error.
    pub result: Value,
    /// When it began.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names say it")]
pub enum OperationState {
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

/// The service's own records.
#[async_trait]
pub trait Service {
    /// Takes an idempotency key for a principal, or says what became of it.
    async fn take_key(
        &mut self,
        principal: &str,
        key: &str,
        fingerprint: &str,
        now: Timestamp,
        free: FreeBefore,
    ) -> Result<NextAction, StoreError>;

    /// Saves the answer under a taken key.
    async fn save_answer(
        &mut self,
        principal: &str,
        key: &str,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<(), StoreError>;

    /// Frees a key whose request failed in a way that may be tried again.
    async fn free_key(&mut self, principal: &str, key: &str) -> Result<(), StoreError>;

    /// Adds a webhook.
    async fn insert_webhook(&mut self, webhook: &Webhook) -> Result<(), StoreError>;

    /// Writes a webhook where the version still is `webhook.version`.
    async fn update_webhook(&mut self, webhook: &Webhook) -> Result<Webhook, StoreError>;

    /// Every webhook, oldest first.
    async fn webhooks(&mut self) -> Result<Vec<Webhook>, StoreError>;

    /// One operation.
    async fn operation(&mut self, id: OperationId) -> Result<Option<Operation>, StoreError>;

    /// Inserts or replaces an operation.
    async fn put_operation(&mut self, operation: &Operation) -> Result<(), StoreError>;

    /// Inserts an operation; `false` where its id is taken.
    async fn insert_operation(&mut self, operation: &Operation) -> Result<bool, StoreError>;

    /// Operations that run, oldest first.
    async fn operations_running(&mut self) -> Result<Vec<Operation>, StoreError>;
}
