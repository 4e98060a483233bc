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

/// What is searched for.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// As long as the collection's vectors.
    pub vector: Vec<f32>,
    /// Members that a payload must have.
    pub filter: BTreeMap<String, String>,
    /// Most hits.
    pub limit: usize,
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

    /// For each query the `limit` points nearest to its vector whose payload has every member of its filter. As many
    /// answers as queries, in their order; an unknown collection is empty.
    ///
    /// # Errors
    /// [`VectorError`].
    async fn search_each(&self, collection: &str, queries: Vec<Query>) -> Result<Vec<Vec<Hit>>, VectorError>;

    /// As [`VectorStore::search_each`], for one query.
    ///
    /// # Errors
    /// [`VectorError`].
    async fn search(
        &self,
        collection: &str,
        vector: &[f32],
        filter: &BTreeMap<String, String>,
        limit: usize,
    ) -> Result<Vec<Hit>, VectorError> {
        let query = Query { vector: vector.to_vec(), filter: filter.clone(), limit };
        Ok(self.search_each(collection, vec![query]).await?.pop().unwrap_or_default())
    }

    /// Removes points.
    ///
    /// # Errors
    /// [`VectorError`].
    async fn delete(&self, collection: &str, keys: &[Uuid]) -> Result<(), VectorError>;
}
