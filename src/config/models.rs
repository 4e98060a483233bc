//! Where model versions lie, and how the encoder computes.

use std::path::PathBuf;

use serde::Deserialize;

/// How the sentence encoder computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncoderPath {
    /// As fast as this processor can: eight-bit products where it has AVX-512 VNNI, else single precision.
    Auto,
    /// The single-precision reference, slowly, on every processor: what heads are trained on.
    #[default]
    F32,
}

/// `[models]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Models {
    /// Shipped versions (read only): the repository's `models` folder.
    pub shipped: PathBuf,
    /// Texts that may wait for the encoder before callers are refused with 429.
    pub queue: usize,
    /// `auto` or `f32`.
    pub encoder_path: EncoderPath,
    /// A directory with a decoder that words summaries; none where missing.
    pub writer: Option<PathBuf>,
    /// SHA-256 that the directory must have; loading without it names it.
    pub writer_digest: Option<String>,
    /// Seconds that one summary may take.
    pub writer_seconds: u32,
    /// Tokens that one summary may take.
    pub writer_tokens: u32,
}

impl Default for Models {
    fn default() -> Self {
        Self {
            shipped: PathBuf::from("models"),
            queue: 64,
            encoder_path: EncoderPath::F32,
            writer: None,
            writer_digest: None,
            writer_seconds: 30,
            writer_tokens: 600,
        }
    }
}
