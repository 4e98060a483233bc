//! Where model versions lie.

use std::path::PathBuf;

use serde::Deserialize;

/// `[models]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Models {
    /// Shipped versions (read only): the repository's `models` folder.
    pub shipped: PathBuf,
    /// Texts that may wait for the encoder before callers are refused with 429.
    pub queue: usize,
}

impl Default for Models {
    fn default() -> Self {
        Self { shipped: PathBuf::from("models"), queue: 64 }
    }
}
