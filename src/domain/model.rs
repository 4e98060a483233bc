//! Model versions and what served when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An immutable version in the registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelVersion {
    /// `miss-risk`, `effect`, `intents`, `message-encoder`.
    pub name: String,
    /// Version.
    pub version: String,
    /// Digest of its manifest, which holds the digests of its files.
    pub digest: String,
    /// Where it lies, relative to the model directory.
    pub path: String,
    /// Who trained it, as an actor's label: may not approve its promotion.
    pub trained_by: String,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// Held-out metrics by name.
    pub metrics: std::collections::BTreeMap<String, f64>,
    /// Whether it beat its baselines; only such a version can be promoted.
    pub beats_baseline: bool,
}

/// One span of serving history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Serving {
    /// Model name.
    pub name: String,
    /// Version that served.
    pub version: String,
    /// Manifest digest.
    pub digest: String,
    /// From when.
    pub from: Timestamp,
    /// The proposal that promoted it, or `bootstrap` for the first version.
    pub because: String,
}
