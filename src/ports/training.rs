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

/// What can be trained on request, from the store's own history and corrections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "names are the registry's")]
pub enum Trainable {
    MissRisk,
    Effect,
    Intents,
}

/// Trains.
#[async_trait]
pub trait Training: Send + Sync {
    /// Trains a version and registers it as `actor`'s; `progress` is told the share done, 0 to 1, and its last receiver
    /// that goes cancels the work. The answer names the version and its report.
    ///
    /// # Errors
    /// Why not, in words for the operation's result.
    async fn train(&self, what: Trainable, actor: Actor, progress: watch::Sender<f64>) -> Result<Value, String>;
}
