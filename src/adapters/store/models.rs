//! The model registry's records.

use async_trait::async_trait;

use super::Tx;
use super::sql::{Sql, json};
use crate::domain::model::{ModelVersion, Serving};
use crate::ports::store::StoreError;
use crate::ports::store::models::{ModelState, Models};

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

    async fn model_state(&mut self, model: &str) -> Result<Option<ModelState>, StoreError> {
        let sql = Sql::new("model_states", "SELECT model, document, revision FROM model_states WHERE model = $1");
        let Some(row) = sql.bind(model).row(self).await? else { return Ok(None) };
        Ok(Some(ModelState { model: row.text(0)?, document: row.text(1)?, revision: row.integer(2)? }))
    }

    async fn put_model_state(&mut self, state: &ModelState) -> Result<(), StoreError> {
        Sql::new(
            "model_states",
            "INSERT INTO model_states (model, document, revision) VALUES ($1, $2, 1) ON CONFLICT (model) DO UPDATE SET \
             document = excluded.document, revision = model_states.revision + 1 WHERE model_states.revision = $3",
        )
        .bind(&state.model)
        .bind(&state.document)
        .bind(state.revision)
        .run_or_conflict(self, &state.model)
        .await
    }
}
