//! The model directory as the flow sees it: what versions there are, and how one is loaded.
//!
//! Guarantees asked of an adapter: every file of a version is checked against its manifest's digests before it is used;
//! a version that does not check is an error and never a partly loaded model.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::language::{Encoder, IntentClassifier};
use super::link::LinkRanker;
use super::tabular::{EffectModel, RiskModel};
use crate::domain::model::Provenance;
use crate::domain::weights::Weights;

/// What a version's manifest says.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// Model name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Digest of the manifest, which holds the digests of the files.
    pub digest: String,
    /// Where it lies, relative to the model directory.
    pub path: String,
    /// Held-out metrics by name.
    pub metrics: BTreeMap<String, f64>,
    /// Whether training found it better than its baselines.
    pub beats_baseline: bool,
    /// Who trained it, as an actor's label, where the manifest says.
    pub trained_by: Option<String>,
    /// Where it comes from.
    pub origin: Provenance,
}

/// A loaded model, by the place that it serves in.
#[expect(missing_docs, reason = "names say it")]
pub enum Loaded {
    Risk(Arc<dyn RiskModel>),
    Effect(Arc<dyn EffectModel>),
    Encoder(Arc<dyn Encoder>),
    Intents(Arc<dyn IntentClassifier>),
    Values(Arc<Weights>),
    Link(Arc<dyn LinkRanker>),
}

/// A version that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("model version `{path}` cannot be used: {message}")]
pub struct LoadError {
    /// Relative to the model directory.
    pub path: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// Finds and loads model versions.
pub trait ModelLoader: Send + Sync {
    /// The versions on disk by path (`<name>/<version>`); one that cannot be used stands as its error.
    fn versions(&self) -> Vec<Result<Described, LoadError>>;

    /// Reads and checks one version without loading it.
    ///
    /// # Errors
    /// [`LoadError`].
    fn describe(&self, path: &str) -> Result<Described, LoadError>;

    /// The page that training wrote about a version, where there is one.
    ///
    /// # Errors
    /// [`LoadError`].
    fn report(&self, path: &str) -> Result<Option<String>, LoadError>;

    /// The model card of a version (Markdown), where there is one.
    ///
    /// # Errors
    /// [`LoadError`].
    fn card(&self, path: &str) -> Result<Option<String>, LoadError>;

    /// Loads one version; `encoder` is the `name/version` of the encoder that serves, which what looks at its numbers must fit.
    ///
    /// # Errors
    /// [`LoadError`].
    fn load(&self, path: &str, encoder: Option<&str>) -> Result<Loaded, LoadError>;
}
