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
    /// What its manifest says of where it comes from; `None` for a version that was registered before that was kept.
    #[serde(default)]
    pub origin: Option<Provenance>,
}

/// Where a version comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Provenance {
    /// First and last time of the training data, RFC 3339.
    pub data_window: Option<[String; 2]>,
    /// SHA-256 of the training data.
    pub data_digest: String,
    /// Version of the feature schema or label set.
    pub schema_version: String,
    /// The seed of training.
    pub seed: u64,
    /// Version of the code that trained it.
    pub code_version: String,
    /// When it was trained, RFC 3339.
    pub created_at: String,
    /// Licence of the artefact.
    pub licence: String,
    /// Where data or weights come from.
    pub source: String,
}

/// What a version does while it serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServingRole {
    /// It answers.
    #[default]
    Champion,
    /// It answers for a share of the orders, by the hash of their id.
    Canary,
    /// It answers nobody; what it says of each row is kept beside the champion's answer.
    Shadow,
    /// It no longer does either.
    Retired,
}

impl ServingRole {
    /// Whether it stands beside the champion.
    #[must_use]
    pub fn is_challenger(self) -> bool {
        self != Self::Champion
    }
}

/// One span of serving history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
    /// As what it serves.
    #[serde(default)]
    pub role: ServingRole,
    /// Share of the orders that a canary answers for.
    #[serde(default)]
    pub share: Option<f64>,
    /// Who approved it, as subjects; empty for `bootstrap`.
    #[serde(default)]
    pub approved_by: Vec<String>,
}
