//! The archive of resolved cases in the vector store: written when an outcome is known, built again from the store.
//!
//! Guarantees: the job that writes a line's cases is enqueued in the transaction that keeps its outcome, so none is lost by
//! a crash; writing again changes nothing; [`rebuild`] gives the same points, and one that broke off is begun again at the next
//! start. Non-goals: forgetting; what an action that is told after the outcome would change before the next rebuild. Instances
//! that do not share a vector store have each what it wrote itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::ids::JobId;
use crate::domain::job::{JobKind, NewJob};
use crate::flow::FlowError;
use crate::flow::assess::features::{self, SCHEMA_VERSION};
use crate::flow::decide::nearest;
use crate::flow::learn::resolved;
use crate::flow::services::{Ctx, Services};
use crate::ports::store::Transaction;
use crate::ports::vectors::Point;

/// The key of the point that ends a whole archive.
const BUILT: Uuid = Uuid::nil();
/// Points that are written at once.
const CHUNK: usize = 500;

/// Lets the cases of a line be written, which now has an outcome; nothing where it never had a case.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn resolved(tx: &mut dyn Transaction, ctx: &Ctx<'_>, order_id: &str, line_no: u32) -> Result<(), FlowError> {
    let assessed = tx.assessments_of_line(order_id, line_no).await?;
    if assessed.iter().any(|row| row.case_id.is_some() && row.schema_version == SCHEMA_VERSION) {
        tx.enqueue(&NewJob {
            id: JobId::new(ctx.now, ctx.entropy),
            kind: JobKind::IndexCases,
            topic: String::new(),
            pull: false,
            payload: json!({ "order_id": order_id, "line_no": line_no.to_string() }),
            run_at: ctx.now,
            dedupe: Some(format!("index:{order_id}/{line_no}")),
            proposal_id: None,
            attempts_max: 5,
        })
        .await?;
    }
    Ok(())
}

/// Writes the resolved cases of a line.
///
/// # Errors
/// [`FlowError::Store`], [`FlowError::Vectors`].
pub async fn index(services: &Services, order_id: &str, line_no: u32) -> Result<(), FlowError> {
    let history = services.store.read().await?.history_of_line(SCHEMA_VERSION, order_id, line_no).await?;
    let points: Vec<_> = resolved::of(&history).iter().map(nearest::point).collect();
    if !points.is_empty() {
        services.vectors.upsert(&nearest::collection(), points).await?;
    }
    Ok(())
}

/// Writes every resolved case of the store; returns how many.
///
/// # Errors
/// [`FlowError::Store`], [`FlowError::Vectors`].
pub async fn rebuild(services: &Services) -> Result<usize, FlowError> {
    let history = services.store.read().await?.history(SCHEMA_VERSION, None).await?;
    let points: Vec<_> = resolved::of(&history).iter().map(nearest::point).collect();
    for chunk in points.chunks(CHUNK) {
        services.vectors.upsert(&nearest::collection(), chunk.to_vec()).await?;
    }
    services.vectors.upsert(&nearest::collection(), vec![built()]).await?;
    Ok(points.len())
}

/// Builds the archive where it was never built to its end: at the first start with a store that has a past, after a change
/// of the feature schema, where the vector files were lost, and where building broke off. Returns how many cases were
/// written.
///
/// # Errors
/// As [`rebuild`].
pub async fn ensure(services: &Services) -> Result<usize, FlowError> {
    let Point { vector, payload, .. } = built();
    let found = services.vectors.search(&nearest::collection(), &vector, &payload, 1).await?;
    if found.is_empty() { rebuild(services).await } else { Ok(0) }
}

/// The point that is written last: it says that all others are there. Without a category no search for cases finds it.
fn built() -> Point {
    let nothing = vec![Value::Null; features::schema().len()];
    let payload = BTreeMap::from([("built".to_owned(), "true".to_owned())]);
    Point { key: BUILT, vector: nearest::vector(&nothing), payload }
}
