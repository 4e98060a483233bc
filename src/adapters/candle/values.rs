//! Weights that tell typed values by what the encoder makes of words, from a version directory.
//!
//! Guarantee: they serve only with the encoder that they were trained on. Non-goals: what they weigh, see
//! `flow::assess::extract`.

use std::path::Path;

use super::LoadError;
use super::heads::read_of_encoder;
use crate::domain::weights::Weights;

/// The manifest's kind.
pub const KIND: &str = "values";
/// The weights of hashed features.
pub const FEATURES: &str = "features.bin";
/// The weights of contexts.
pub const CONTEXTS: &str = "contexts.bin";

/// Loads a version directory after checking its digests; `encoder` is the version of the encoder that
/// will feed it.
///
/// # Errors
/// [`LoadError`], also when it was trained on another encoder.
pub fn load(dir: &Path, encoder: &str) -> Result<Weights, LoadError> {
    let (stored, version) = read_of_encoder(dir, KIND, encoder)?;
    let weights = Weights::read(&version, &stored.read(FEATURES)?, &stored.read(CONTEXTS)?);
    if weights.context_width() == 0 {
        return Err(LoadError::unfit(&version, format!("`{CONTEXTS}` holds no weights")));
    }
    Ok(weights)
}
