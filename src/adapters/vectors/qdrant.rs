//! A Qdrant server: for more vectors than one machine holds in memory, or several instances of the service.
//!
//! Guarantees: an upsert or delete that returned is durable and seen by the next search; a collection is made on first use,
//! with cosine likeness. Search goes through the server's index, which is approximate on large collections. Non-goals:
//! running or sizing the server.

use std::collections::HashMap;

use async_trait::async_trait;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::{
    BatchResult, Condition, CreateCollectionBuilder, DeletePointsBuilder, Distance, Filter, PointId, PointStruct,
    PointsIdsList, ScoredPoint, SearchBatchPointsBuilder, SearchPoints, SearchPointsBuilder, UpsertPointsBuilder,
    Value, VectorParamsBuilder,
};
use qdrant_client::{Qdrant, QdrantError};
use uuid::Uuid;

use crate::ports::vectors::{Hit, Point, Query, VectorError, VectorStore};

/// gRPC codes after which trying again can help: deadline exceeded, resource exhausted, aborted, unavailable.
const RETRYABLE_CODES: [i32; 4] = [4, 8, 10, 14];

/// A client of one server.
pub struct QdrantVectors {
    client: Qdrant,
}

impl QdrantVectors {
    /// A client of the server at `url` (its gRPC port); connects on first use.
    ///
    /// # Errors
    /// When `url` is no address.
    pub fn new(url: &str, api_key: Option<&str>) -> Result<Self, VectorError> {
        let mut builder = Qdrant::from_url(url).skip_compatibility_check();
        if let Some(key) = api_key {
            builder = builder.api_key(key);
        }
        Ok(Self { client: builder.build().map_err(failed)? })
    }

    async fn exists(&self, collection: &str) -> Result<bool, VectorError> {
        self.client.collection_exists(collection).await.map_err(failed)
    }

    async fn ensure(&self, collection: &str, width: usize) -> Result<(), VectorError> {
        if self.exists(collection).await? {
            return Ok(());
        }
        let vectors = VectorParamsBuilder::new(width as u64, Distance::Cosine);
        let created =
            self.client.create_collection(CreateCollectionBuilder::new(collection).vectors_config(vectors)).await;
        match created {
            Ok(_) => Ok(()),
            // Another instance may have been first.
            Err(error) => match self.exists(collection).await? {
                true => Ok(()),
                false => Err(failed(error)),
            },
        }
    }
}

#[async_trait]
impl VectorStore for QdrantVectors {
    async fn upsert(&self, collection: &str, points: Vec<Point>) -> Result<(), VectorError> {
        let Some(first) = points.first() else { return Ok(()) };
        self.ensure(collection, first.vector.len()).await?;
        let points: Vec<PointStruct> = points
            .into_iter()
            .map(|point| {
                let payload: HashMap<String, Value> =
                    point.payload.into_iter().map(|(member, value)| (member, Value::from(value))).collect();
                PointStruct::new(point.key.to_string(), point.vector, payload)
            })
            .collect();
        let request = UpsertPointsBuilder::new(collection, points).wait(true);
        self.client.upsert_points(request).await.map(drop).map_err(failed)
    }

    async fn search_each(&self, collection: &str, queries: Vec<Query>) -> Result<Vec<Vec<Hit>>, VectorError> {
        if queries.is_empty() || !self.exists(collection).await? {
            return Ok(vec![Vec::new(); queries.len()]);
        }
        let request = |query: &Query| {
            let conditions =
                query.filter.iter().map(|(member, value)| Condition::matches(member.as_str(), value.clone()));
            // The server refuses a limit of 0.
            SearchPointsBuilder::new(collection, query.vector.clone(), query.limit.max(1) as u64)
                .filter(Filter::must(conditions))
                .with_payload(true)
                .build()
        };
        let batch: Vec<SearchPoints> = queries.iter().map(request).collect();
        let found = self.client.search_batch_points(SearchBatchPointsBuilder::new(collection, batch)).await;
        let found = found.map_err(failed)?.result;
        if found.len() != queries.len() {
            let message = format!("it answered {} of {} queries", found.len(), queries.len());
            return Err(VectorError { message, retryable: true });
        }
        let hits = |(query, batch): (&Query, BatchResult)| {
            let mut hits = batch.result.into_iter().map(hit).collect::<Result<Vec<Hit>, VectorError>>()?;
            hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.key.cmp(&b.key)));
            hits.truncate(query.limit);
            Ok(hits)
        };
        queries.iter().zip(found).map(hits).collect()
    }

    async fn delete(&self, collection: &str, keys: &[Uuid]) -> Result<(), VectorError> {
        if keys.is_empty() || !self.exists(collection).await? {
            return Ok(());
        }
        let ids: Vec<PointId> = keys.iter().map(|key| PointId::from(key.to_string())).collect();
        let request = DeletePointsBuilder::new(collection).points(PointsIdsList { ids }).wait(true);
        self.client.delete_points(request).await.map(drop).map_err(failed)
    }
}

fn hit(point: ScoredPoint) -> Result<Hit, VectorError> {
    let key = match point.id.and_then(|id| id.point_id_options) {
        Some(PointIdOptions::Uuid(text)) => text.parse().ok(),
        _ => None,
    };
    let key = key.ok_or_else(|| VectorError {
        message: "a point of the collection has no UUID: it was not written by this service".to_owned(),
        retryable: false,
    })?;
    let text = |(member, value): (String, Value)| value.as_str().map(|text| (member, text.to_owned()));
    Ok(Hit { key, score: point.score, payload: point.payload.into_iter().filter_map(text).collect() })
}

fn failed(error: QdrantError) -> VectorError {
    let retryable = match &error {
        QdrantError::ResponseError { status } => RETRYABLE_CODES.contains(&(status.code() as i32)),
        QdrantError::ResourceExhaustedError { .. } | QdrantError::Io(_) => true,
        _ => false,
    };
    VectorError { message: error.to_string(), retryable }
}
