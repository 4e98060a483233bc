//! Language models on candle: the sentence encoder, its host thread, and what looks at its numbers: the intent
//! head over embeddings, the weights of values over contexts.
//!
//! Guarantees: weights are loaded from a version directory whose digests were checked; arithmetic is on the CPU, in single
//! precision or, where the configuration and the processor allow, in eight bits; nothing is downloaded. Non-goals: training, choosing which version serves.

mod bert;
mod encoder;
mod fast;
pub mod heads;
mod host;
pub mod values;
pub mod writer;

pub use encoder::BertEncoder;
pub use heads::IntentHeadClassifier;
pub use host::HostedEncoder;

use holdfast_training::artifact::ArtifactError;

/// A model directory that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The version is incomplete or not what its manifest says.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// It is whole, but not a model of this kind, or not one that fits.
    #[error("model `{model}` cannot be loaded: {message}; use a version of the form that models/README.md describes")]
    Unfit {
        /// `name/version`.
        model: String,
        /// What is wrong.
        message: String,
    },
}

impl LoadError {
    fn unfit(model: &str, message: impl std::fmt::Display) -> Self {
        Self::Unfit { model: model.to_owned(), message: message.to_string() }
    }
}
