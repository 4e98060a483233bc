//! The intent head as the flow sees it: an embedding to calibrated probabilities over the contract's intents.
//!
//! Guarantees: a head is served only with the encoder it was trained on, and only when its classes are intents of the
//! contract; the label set is closed by construction.

use std::path::Path;

use holdfast_training::artifact::{Version, read_version};
use holdfast_training::language::heads::{IntentHead, probabilities};

use super::LoadError;
use crate::domain::message::{Intent, ScoredIntent};
use crate::ports::language::{Classified, IntentClassifier, LanguageError};

/// The manifest's kind of intent heads.
pub const KIND: &str = "intent-head";
/// The head's file in its version directory.
pub const FILE: &str = "head.json";

/// Reads a version of `kind` that was trained on the encoder `encoder_version`, and its name.
pub(super) fn read_of_encoder(dir: &Path, kind: &str, encoder_version: &str) -> Result<(Version, String), LoadError> {
    let stored = read_version(dir)?;
    let manifest = &stored.manifest;
    let version = format!("{}/{}", manifest.name, manifest.version);
    if manifest.kind != kind {
        return Err(LoadError::unfit(&version, format!("its kind is `{}`, not `{kind}`", manifest.kind)));
    }
    if manifest.schema_version != encoder_version {
        let trained = &manifest.schema_version;
        let message = format!("it was trained on the encoder `{trained}`, the one that serves is `{encoder_version}`");
        return Err(LoadError::unfit(&version, message));
    }
    Ok((stored, version))
}

/// A loaded intent head.
pub struct IntentHeadClassifier {
    head: IntentHead,
    intents: Vec<Intent>,
    version: String,
    digest: String,
}

impl IntentHeadClassifier {
    /// Loads a version directory after checking its digests; `encoder_version` is the encoder that will feed it.
    ///
    /// # Errors
    /// [`LoadError`], also when the head was trained on another encoder.
    pub fn load(dir: &Path, encoder_version: &str) -> Result<Self, LoadError> {
        let (stored, version) = read_of_encoder(dir, KIND, encoder_version)?;
        let head = IntentHead::from_bytes(&stored.read(FILE)?).map_err(|error| LoadError::unfit(&version, error))?;
        let known = |class: &String| {
            Intent::parse(class).ok_or_else(|| LoadError::unfit(&version, format!("`{class}` is no intent")))
        };
        let intents = head.classes().iter().map(known).collect::<Result<_, _>>()?;
        Ok(Self { head, intents, version, digest: stored.digest })
    }

    /// Digest of the version's manifest.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

impl IntentClassifier for IntentHeadClassifier {
    fn classify(&self, text: &str, embedding: &[f32]) -> Result<Classified, LanguageError> {
        let failed = |error: holdfast_training::language::heads::HeadError| LanguageError::Failed {
            model: "intents",
            message: error.to_string(),
        };
        let logits = self.head.logits(text, embedding).map_err(failed)?;
        let scored =
            |(&intent, probability): (&Intent, f32)| ScoredIntent { intent, probability: f64::from(probability) };
        let mut intents: Vec<ScoredIntent> = self.intents.iter().zip(probabilities(&logits)).map(scored).collect();
        // Stable: equals stay in the contract's order.
        intents.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        let first = intents.first().and_then(|first| self.intents.iter().position(|intent| *intent == first.intent));
        let threshold = self.head.threshold(first.unwrap_or(self.intents.len()));
        Ok(Classified { intents, threshold: f64::from(threshold), is_strange: self.head.is_strange(&logits) })
    }

    fn version(&self) -> String {
        self.version.clone()
    }
}
