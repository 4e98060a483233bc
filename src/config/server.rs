//! Where the service listens.

use serde::Deserialize;

use super::ConfigError;

/// `[server]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port.
    pub bind: String,
    /// Address that people reach it by, where a proxy stands before it. With `https://`, the session cookie travels on
    /// encrypted connections only.
    pub public_url: Option<String>,
    /// Internal workers beside the API in `holdfast serve`; 0 leaves all work to `holdfast work`.
    pub workers: u16,
    /// For rehearsals and tests: a file with seconds that are added to the system's clock, read whenever the time is asked.
    pub clock_offset_file: Option<std::path::PathBuf>,
}

impl Default for Server {
    fn default() -> Self {
        Self { bind: "127.0.0.1:8080".to_owned(), public_url: None, workers: 2, clock_offset_file: None }
    }
}

impl Server {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        self.bind.parse::<std::net::SocketAddr>().map_err(|e| {
            ConfigError::invalid("server.bind", format!("`{}` is no address with port: {e}", self.bind))
        })?;
        match self.public_url.as_deref() {
            Some(url) if !url.starts_with("https://") && !url.starts_with("http://") => {
                let message = format!("`{url}` begins with neither `https://` nor `http://`");
                Err(ConfigError::invalid("server.public_url", message))
            }
            _ => Ok(()),
        }
    }

    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.bind.parse::<std::net::SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
    }

    /// Whether people reach it by encrypted connections.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}
