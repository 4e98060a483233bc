//! Which vector store.

use serde::Deserialize;

use super::ConfigError;

/// `[vectors]`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vectors {
    /// Address of a Qdrant server (gRPC, `http://host:6334`); exact search in the data folder where missing.
    pub qdrant_url: Option<String>,
    /// Its API key.
    pub qdrant_api_key: Option<String>,
}

impl std::fmt::Debug for Vectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = self.qdrant_api_key.as_ref().map(|_| "redacted");
        f.debug_struct("Vectors").field("qdrant_url", &self.qdrant_url).field("qdrant_api_key", &key).finish()
    }
}

impl Vectors {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        match self.qdrant_url.as_deref() {
            Some(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
                Err(ConfigError::invalid("vectors.qdrant_url", "begin it with `http://` or `https://`"))
            }
            _ => Ok(()),
        }
    }
}
