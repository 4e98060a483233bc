//! Vector search: nearest embeddings within a filter.
//!
//! Contract (one test for every adapter): upsert replaces by key; search is by cosine likeness, best first, ties by key; a
//! filter matches payload members exactly; deleting a missing key is no error; what was upserted survives a restart.

use std::collections::BTreeMap;

use async_trait::async_trait;
use uuid::Uuid;

/// A stored vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Identity within the collection.
    pub key: Uuid,
    /// Any length, the same within a collection; need not be normalised.
    pub vector: Vec<f32>,
    /// What filters match.
    pub payload: BTreeMap<String, String>,
}

/// A search result.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Identity.
    pub key: Uuid,
    /// Cosine likeness, -1 to 1.
    pub score: f32,
    /// The point's payload.
    pub payload: BTreeMap<String, String>,
}

/// A failure of the vector store.
#[derive(Debug, thiserror::Error)]
#[error("vector store: {message}")]
pub struct VectorError {
    /// What it said.
    pub message: String,
    /// Whether trying again can help.
    pub retryable: bool,
}

/// A vector store.
#[async_trait]
pub trait VectorStore: Send + Sync {
    /// Inserts or replaces points; the collection is made on first use with the vectors' width.
    ///
    /// # Errors
    /// [`VectorError`] when the store fails or the width differs.
    async fn upsert(&self, collection: &str, points: Vec<Point>) -> Result<(), VectorError>;

    /// The `limit` points nearest to `vector` whose payload has every member of `filter`. An unknown collection is empty.
    ///
    /// # Errors
    /// [`VectorError`].
    async fn search(
        &self,
        collection: &str,
        vector: &[f32],
        filter: &BTreeMap<String, String>,
        limit: usize,
    ) -> Result<Vec<Hit>, VectorError>;

    /// Removes points.
    ///
    /// # Errors
    /// [`VectorError`].
    async fn delete(&self, collection: &str, keys: &[Uuid]) -> Result<(), VectorError>;
}
