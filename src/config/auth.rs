//! Who may issue tokens.

use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;

/// `[auth]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// `iss` of the local issuer, whose key lies in the data folder.
    pub issuer: String,
    /// `aud` that every token must carry.
    pub audience: String,
    /// An outside issuer: its `iss`.
    pub external_issuer: Option<String>,
    /// File with the outside issuer's JWKS.
    pub external_jwks: Option<PathBuf>,
    /// Personas with one-click login; only for demonstrations.
    pub demo_login: bool,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            issuer: "holdfast".to_owned(),
            audience: "holdfast".to_owned(),
            external_issuer: None,
            external_jwks: None,
            demo_login: false,
        }
    }
}

impl Auth {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.external_issuer.is_some() != self.external_jwks.is_some() {
            return Err(ConfigError::invalid("auth.external_issuer", "give it together with `auth.external_jwks`"));
        }
        Ok(())
    }
}
