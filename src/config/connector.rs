//! Where approved actions go.

use serde::Deserialize;

use super::ConfigError;

/// `[connector]`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Connector {
    /// Address that actions with the webhook executor are sent to; where missing, such an action becomes an incident.
    pub action_url: Option<String>,
    /// Its signing secret (`whsec_…`).
    pub action_secret: Option<String>,
    /// Allow webhooks to loopback and private addresses.
    pub allow_private: bool,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector")
            .field("action_url", &self.action_url)
            .field("action_secret", &self.action_secret.as_ref().map(|_| "redacted"))
            .field("allow_private", &self.allow_private)
            .finish()
    }
}

impl Connector {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        match (&self.action_url, &self.action_secret) {
            (None, None) => Ok(()),
            (Some(url), Some(secret)) => {
                if !url.starts_with("http://") && !url.starts_with("https://") {
                    return Err(ConfigError::invalid("connector.action_url", "begin it with `http://` or `https://`"));
                }
                if !secret.starts_with("whsec_") {
                    return Err(ConfigError::invalid("connector.action_secret", "begin it with `whsec_`"));
                }
                Ok(())
            }
            _ => Err(ConfigError::invalid("connector.action_url", "give it together with `connector.action_secret`")),
        }
    }
}
