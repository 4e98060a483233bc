//! A connector into this process: for the demonstration, where no outside system exists.
//!
//! Guarantees: one hand-over per idempotency key, however often a job is tried; the receipt is the same each time.
//! Non-goals: surviving a restart; the real one is [`super::webhook`].

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use crate::domain::job::JobError;
use crate::ports::connector::{Call, Connector};

/// What was handed over.
#[derive(Clone, Debug, PartialEq)]
pub struct HandedOver {
    /// The job's key.
    pub key: String,
    /// `data` of the call.
    pub data: Value,
}

/// Hands every call to whoever holds the other end.
pub struct SimulatedConnector {
    to: UnboundedSender<HandedOver>,
    seen: Mutex<BTreeSet<String>>,
}

impl SimulatedConnector {
    /// Hands calls to `to`.
    #[must_use]
    pub fn new(to: UnboundedSender<HandedOver>) -> Self {
        Self { to, seen: Mutex::default() }
    }
}

#[async_trait]
impl Connector for SimulatedConnector {
    async fn deliver(&self, call: Call<'_>) -> Result<Value, JobError> {
        let fresh = self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(call.idempotency_key.to_owned());
        if fresh {
            let handed = HandedOver { key: call.idempotency_key.to_owned(), data: call.data.clone() };
            self.to.send(handed).map_err(|_| JobError::Retry {
                code: "receiver-gone".to_owned(),
                message: "the simulated system has ended".to_owned(),
                after: None,
            })?;
        }
        Ok(json!({ "accepted_by": "simulated order system", "key": call.idempotency_key }))
    }
}
