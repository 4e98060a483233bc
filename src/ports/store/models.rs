//! The model registry's records.

use async_trait::async_trait;

use super::StoreError;
use crate::domain::model::{ModelVersion, Serving};

/// What a version has learned from outcomes since it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelState {
    /// `name/version`.
    pub model: String,
    /// The adapter's own document.
    pub document: String,
    /// How often it was written; 0 for a state that is not stored yet.
    pub revision: i64,
}

/// Registry records; the artefacts lie in the model directory.
#[async_trait]
pub trait Models {
    /// Registers a version; a second one with the same name and version is [`StoreError::Conflict`].
    async fn insert_model_version(&mut self, version: &ModelVersion) -> Result<(), StoreError>;

    /// One version.
    async fn model_version(&mut self, name: &str, version: &str) -> Result<Option<ModelVersion>, StoreError>;

    /// Every version, by name, newest first.
    async fn model_versions(&mut self) -> Result<Vec<ModelVersion>, StoreError>;

    /// Appends to the serving history.
    async fn insert_serving(&mut self, serving: &Serving) -> Result<(), StoreError>;

    /// Serving history, newest first; of one model where named.
    async fn servings(&mut self, name: Option<&str>) -> Result<Vec<Serving>, StoreError>;

    /// What a version (`name/version`) has learned since it serves.
    async fn model_state(&mut self, model: &str) -> Result<Option<ModelState>, StoreError>;

    /// Writes a state where its revision still is `state.revision`; else [`StoreError::Conflict`].
    async fn put_model_state(&mut self, state: &ModelState) -> Result<(), StoreError>;
}
