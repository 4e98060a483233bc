//! Configuration: one file per section, each with its defaults and its `validate`.
//!
//! Read from a TOML file (`--config`, default `holdfast.toml` where it exists), then from the environment
//! (`HOLDFAST_SERVER__BIND=…`). An unknown key is an error, so that a typing mistake cannot pass for a setting. Secrets are
//! shown as `redacted`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

pub mod auth;
pub mod connector;
pub mod exploration;
pub mod flow;
pub mod models;
pub mod server;
pub mod store;
pub mod training;
pub mod vectors;

/// Everything that can be configured; every member has a default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "each section documents itself")]
pub struct Config {
    /// Folder for everything the service keeps: database, vectors, keys, trained models.
    pub data_dir: DataDir,
    pub server: server::Server,
    pub store: store::Store,
    pub models: models::Models,
    pub vectors: vectors::Vectors,
    pub auth: auth::Auth,
    pub connector: connector::Connector,
    pub flow: flow::Flow,
    pub exploration: exploration::Exploration,
    pub training: training::Training,
}

/// The data folder, `data` below the working folder by default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DataDir(pub PathBuf);

impl Default for DataDir {
    fn default() -> Self {
        Self(PathBuf::from("data"))
    }
}

impl DataDir {
    /// A path below the data folder.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// Configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file or variable that does not parse.
    #[error("configuration cannot be read: {0}")]
    Unreadable(String),
    /// A value outside its bounds.
    #[error("configuration `{key}`: {message}")]
    Invalid {
        /// Dotted key.
        key: &'static str,
        /// What is wrong and how to mend it.
        message: String,
    },
}

impl ConfigError {
    pub(crate) fn invalid(key: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { key, message: message.into() }
    }
}

impl Config {
    /// Reads `file` (where given it must exist; else `holdfast.toml` when present) and the environment.
    ///
    /// # Errors
    /// [`ConfigError`] naming the key at fault.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let default = Path::new("holdfast.toml");
        let mut builder = config::Config::builder();
        builder = match file {
            Some(path) => builder.add_source(config::File::from(path)),
            None => builder.add_source(config::File::from(default).required(false)),
        };
        let environment =
            config::Environment::with_prefix("HOLDFAST").prefix_separator("_").separator("__").try_parsing(true);
        let loaded: Self = builder
            .add_source(environment.source(Some(nested_variables())))
            .build()
            .and_then(config::Config::try_deserialize)
            .map_err(|e| ConfigError::Unreadable(e.to_string()))?;
        loaded.validate()?;
        Ok(loaded)
    }

    /// Checks every section.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for the first value outside its bounds.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.server.validate()?;
        self.store.validate()?;
        self.vectors.validate()?;
        self.auth.validate()?;
        if self.auth.demo_login && !self.server.is_local() {
            let message = "personas log in without a password: bind to 127.0.0.1, or leave it out";
            return Err(ConfigError::invalid("auth.demo_login", message));
        }
        self.connector.validate()?;
        self.flow.validate()?;
        self.exploration.validate()?;
        self.training.validate()
    }

    /// The database's address: as configured, else SQLite in the data folder.
    #[must_use]
    pub fn store_url(&self) -> String {
        self.store.url.clone().unwrap_or_else(|| format!("sqlite:{}", self.data_dir.join("holdfast.db").display()))
    }
}

/// Variables that name a section (`HOLDFAST_SERVER__BIND`), and the one that names the data folder; others with our prefix
/// (of tests or of the command line) are no configuration.
fn nested_variables() -> std::collections::HashMap<String, String> {
    std::env::vars()
        .filter(|(key, _)| key.starts_with("HOLDFAST_") && (key.contains("__") || key == "HOLDFAST_DATA_DIR"))
        .collect()
}
