//! The model registry's records.

use async_trait::async_trait;

use super::Tx;
use super::sql::{Sql, json};
use crate::domain::model::{ModelVersion, Serving};
use crate::ports::store::StoreError;
use crate::ports::store::models::Models;

#[async_trait]
impl Models for Tx {
    async fn insert_model_version(&mut self, version: &ModelVersion) -> Result<(), StoreError> {
        Sql::new(
            "model_versions",
            "INSERT INTO model_versions (name, version, registered_at, document) VALUES ($1, $2, $3, $4)",
        )
        .bind(&version.name)
        .bind(&version.version)
        .bind(version.registered_at)
        .bind(json("model_versions", version)?)
        .run(self)
        .await?;
        Ok(())
    }

    async fn model_version(&mut self, name: &str, version: &str) -> Result<Option<ModelVersion>, StoreError> {
        Sql::new("model_versions", "SELECT version, document FROM model_versions WHERE name = $1 AND version = $2")
            .bind(name)
            .bind(version)
            .document(self)
            .await
    }

    async fn model_versions(&mut self) -> Result<Vec<ModelVersion>, StoreError> {
        Sql::new(
            "model_versions",
            "SELECT version, document FROM model_versions ORDER BY name, registered_at DESC, version DESC",
        )
        .documents(self)
        .await
    }

    async fn insert_serving(&mut self, serving: &Serving) -> Result<(), StoreError> {
        Sql::new(
            "servings",
            "INSERT INTO servings (seq, name, document) SELECT COALESCE(MAX(seq), 0) + 1, $1, $2 FROM servings",
        )
        .bind(&serving.name)
        .bind(json("servings", serving)?)
        .run(self)
        .await?;
        Ok(())
    }

    async fn servings(&mut self, name: Option<&str>) -> Result<Vec<Serving>, StoreError> {
        Sql::new("servings", "SELECT seq, document FROM servings WHERE 1 = 1")
            .when(" AND name = ", name)
            .push(" ORDER BY seq DESC")
            .documents(self)
            .await
    }
}
