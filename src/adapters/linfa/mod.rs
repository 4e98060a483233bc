//! The learning library's tabular artefacts behind the flow's ports: risk, effect and link.
//!
//! Guarantees: a version is loaded only after every file checked against its manifest's digests; an artefact of another
//! kind is refused by name. Non-goals: training, see `commands::train`.

pub mod effect;
pub mod link;
pub mod policy_value;
pub mod risk;
pub mod table;

use std::path::Path;

use holdfast_training::artifact::{ArtifactError, Version, read_version};

/// A version that cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum LinfaError {
    /// The version itself.
    #[error("the model version cannot be read")]
    Artifact(#[from] ArtifactError),
    /// A model of another kind.
    #[error("`{version}` is of kind `{found}`, its place needs `{expected}`: name a version of that kind")]
    Kind {
        /// `name/version`.
        version: String,
        /// Needed.
        expected: &'static str,
        /// In the manifest.
        found: String,
    },
    /// A file that is no model.
    #[error("`{version}` holds no usable {expected} model")]
    Content {
        /// `name/version`.
        version: String,
        /// Needed.
        expected: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Reads the version in `dir`, which must be of `kind`.
fn read(dir: &Path, kind: &'static str) -> Result<(Version, String), LinfaError> {
    let stored = read_version(dir)?;
    let version = format!("{}/{}", stored.manifest.name, stored.manifest.version);
    if stored.manifest.kind != kind {
        return Err(LinfaError::Kind { version, expected: kind, found: stored.manifest.kind });
    }
    Ok((stored, version))
}
