//! Which database.

use serde::Deserialize;

use super::ConfigError;

/// `[store]`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// `sqlite:<file>` or `postgres://user:password@host/database`; SQLite in the data folder where missing.
    pub url: Option<String>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.url.as_deref().and_then(|url| url.split_once(':')).map(|(kind, _)| kind);
        f.debug_struct("Store").field("kind", &kind).field("url", &"redacted").finish()
    }
}

impl Store {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        match self.url.as_deref() {
            None => Ok(()),
            Some(url) if ["sqlite:", "postgres:", "postgresql:"].iter().any(|s| url.starts_with(s)) => Ok(()),
            Some(_) => Err(ConfigError::invalid("store.url", "begin it with `sqlite:` or `postgres://`")),
        }
    }
}
