//! Where the service listens.

use serde::Deserialize;

use super::ConfigError;

/// `[server]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port.
    pub bind: String,
    /// Address that people and machines reach it by, for links and token issuer; `http://<bind>` where missing.
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
        Ok(())
    }
}
