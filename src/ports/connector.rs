//! Connectors: where approved actions and emitted events leave the service.
//!
//! A connector is called at least once per job, outside any transaction, with the job's id as idempotency key.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use crate::domain::job::JobError;

/// A call to the outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Call<'a> {
    /// Same for every attempt of one job (`webhook-id`, `Idempotency-Key`).
    pub idempotency_key: &'a str,
    /// Where to.
    pub endpoint: &'a Endpoint,
    /// `type` of the body.
    pub event_type: &'a str,
    /// When it is sent.
    pub at: Timestamp,
    /// `data` of the body.
    pub data: &'a Value,
}

/// A destination with its signing secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `http` or `https` address.
    pub url: String,
    /// `whsec_…` (Standard Webhooks): base64 of 24 to 64 bytes.
    pub secret: String,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.url).field("secret", &"redacted").finish()
    }
}

/// Delivers calls.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Delivers one call; the receiver's JSON answer (or null) is the receipt.
    ///
    /// # Errors
    /// [`JobError::Retry`] for time-outs, 408, 425, 429 and 5xx; [`JobError::Fail`] for every other answer that is not 2xx.
    async fn deliver(&self, call: Call<'_>) -> Result<Value, JobError>;
}
