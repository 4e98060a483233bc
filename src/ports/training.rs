//! Training on request: long work that makes a new model version.
//!
//! Guarantees asked of an adapter: a version is written and registered whole or not at all; nothing serves by being
//! trained. Non-goals: promotion, which is a proposal.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::domain::actor::Actor;
use crate::domain::ids::OperationId;

/// What can be trained on request, from the store's own history and corrections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "names are the registry's")]
pub enum Trainable {
    MissRisk,
    Effect,
    Intents,
}

/// One training.
#[derive(Clone, Debug)]
pub struct Run {
    /// What is trained.
    pub what: Trainable,
    /// Who asked for it.
    pub actor: Actor,
    /// The operation that tells of it.
    pub operation: OperationId,
}

/// Trains.
#[async_trait]
pub trait Training: Send + Sync {
    /// Trains a version and registers it as its actor's, unless its operation was cancelled by then; `progress` is told the share done, 0 to 1, and its last receiver
    /// that goes cancels the work. The answer names the version and its report.
    ///
    /// # Errors
    /// Why not, in words for the operation's result.
    async fn train(&self, run: Run, progress: watch::Sender<f64>) -> Result<Value, String>;
}
