//! Taking events in: identity, replay, conflict, dead letters.
//!
//! Guarantees: each item is understood, recorded and applied in one transaction, or kept as a dead letter; the same item
//! again changes nothing; the same identity with another body changes nothing and is told with both digests. A backfill
//! shares transactions between items and falls back to one each where that fails. Non-goals: transport; see `web`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::detect::Cause;
use super::envelope::{self, Problem, Understood};
use super::{apply, dead_letters, messages};
use crate::domain::actor::Actor;
use crate::domain::ids::{DeadLetterId, MessageId};
use crate::domain::payload::Payload;
use crate::flow::cases::Telling;
use crate::flow::error::FlowError;
use crate::flow::services::{Ctx, Services};
use crate::in_transaction;
use crate::ports::store::Transaction;
use crate::ports::store::events::Recorded;

/// Items of a backfill that share a transaction.
const BACKFILL_CHUNK: usize = 100;

/// How an event comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// As it happens: judged at the clock's time, told to subscribers.
    Live,
    /// From a file of the past: judged at its own time, told to nobody.
    Backfill,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// It is new and took effect.
    Accepted,
    /// It is known and changed nothing.
    Replayed,
    /// Its identity is known with another body; it changed nothing.
    Conflict,
    /// It could not be understood and is kept.
    DeadLettered,
}

/// The answer for one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "names say it")]
pub struct ItemResult {
    /// Its place in the request, from 0.
    pub index: usize,
    pub source: Option<String>,
    pub id: Option<String>,
    pub status: ItemStatus,
    /// What is wrong and how to mend it.
    pub detail: Option<String>,
    /// JSON pointer to the member at fault.
    pub pointer: Option<String>,
    /// Digest of the body that is recorded under this identity.
    pub recorded_digest: Option<String>,
    /// Digest of this body.
    pub digest: Option<String>,
    pub dead_letter_id: Option<DeadLetterId>,
    pub message_id: Option<MessageId>,
}

/// Takes items in, in their order.
///
/// # Errors
/// [`FlowError`] when the store fails; items before it are taken in, and sending all again is safe.
pub async fn accept(services: &Services, items: Vec<Value>, arrival: Arrival) -> Result<Vec<ItemResult>, FlowError> {
    let mut results = Vec::with_capacity(items.len());
    match arrival {
        Arrival::Live => {
            for item in &items {
                results.push(accept_one(services, item, arrival).await?);
            }
        }
        Arrival::Backfill => {
            for chunk in items.chunks(BACKFILL_CHUNK) {
                results.extend(accept_chunk(services, chunk).await?);
            }
        }
    }
    for (index, result) in results.iter_mut().enumerate() {
        result.index = index;
    }
    Ok(results)
}

async fn accept_chunk(services: &Services, items: &[Value]) -> Result<Vec<ItemResult>, FlowError> {
    let together: Result<Vec<ItemResult>, FlowError> =
        in_transaction!(services.store, |tx| take_all(services, &mut *tx, items).await);
    if let Ok(results) = together {
        return Ok(results);
    }
    let mut results = Vec::with_capacity(items.len());
    for item in items {
        results.push(accept_one(services, item, Arrival::Backfill).await?);
    }
    Ok(results)
}

async fn take_all(
    services: &Services,
    tx: &mut dyn Transaction,
    items: &[Value],
) -> Result<Vec<ItemResult>, FlowError> {
    let now = services.clock.now();
    let mut results = Vec::with_capacity(items.len());
    for item in items {
        results.push(match envelope::understand(item, now) {
            Ok(understood) => take(services, tx, &understood, Arrival::Backfill).await?,
            Err(problem) => dead_letters::file(tx, &system(services, now), item, problem).await?,
        });
    }
    Ok(results)
}

async fn accept_one(services: &Services, item: &Value, arrival: Arrival) -> Result<ItemResult, FlowError> {
    let now = services.clock.now();
    let problem = match envelope::understand(item, now) {
        Err(problem) => problem,
        Ok(understood) => {
            let taken: Result<ItemResult, FlowError> =
                in_transaction!(services.store, |tx| take(services, &mut *tx, &understood, arrival).await);
            match taken {
                Err(FlowError::Invalid { message, pointer, .. }) => Problem { pointer, reason: message },
                taken => return taken,
            }
        }
    };
    let ctx = system(services, now);
    in_transaction!(services.store, |tx| dead_letters::file(&mut *tx, &ctx, item, problem.clone()).await)
}

/// Records and applies one event that was understood.
pub(in crate::flow) async fn take(
    services: &Services,
    tx: &mut dyn Transaction,
    understood: &Understood,
    arrival: Arrival,
) -> Result<ItemResult, FlowError> {
    let Understood { event, digest } = understood;
    let (kind, key) = apply::object_of(event);
    let mut result = ItemResult {
        index: 0,
        source: Some(event.reference.source.clone()),
        id: Some(event.reference.id.clone()),
        status: ItemStatus::Accepted,
        detail: None,
        pointer: None,
        recorded_digest: None,
        digest: Some(digest.clone()),
        dead_letter_id: None,
        message_id: matches!(event.payload, Payload::MessageReceived(_)).then(|| messages::id_of(event)),
    };
    let now = match arrival {
        Arrival::Live => event.recorded,
        Arrival::Backfill => event.time,
    };
    let ctx = system(services, now);
    match tx.record_event(event, digest, (kind, &key)).await? {
        Recorded::New => {
            let telling = if arrival == Arrival::Live { Telling::Told } else { Telling::Silent };
            let cause = Cause { event: &event.reference, at: event.time.min(now), telling };
            apply::apply(services, tx, &ctx, event, cause).await?;
        }
        Recorded::Replay => {
            result.status = ItemStatus::Replayed;
            if result.message_id.is_some() {
                // An event without a time of its own got one when it was first recorded.
                result.message_id = tx.event(&event.reference).await?.map(|known| messages::id_of(&known));
            }
        }
        Recorded::Conflict { recorded } => {
            let detail = json!({ "recorded_digest": recorded, "digest": digest });
            tx.append_audit(ctx.audit("event.conflict", format!("event:{}", event.reference), detail)).await?;
            result.status = ItemStatus::Conflict;
            result.detail = Some(format!(
                "event `{}` is recorded with another body; send a changed event under an id of its own",
                event.reference
            ));
            result.recorded_digest = Some(recorded);
        }
    }
    Ok(result)
}

fn system(services: &Services, now: Timestamp) -> Ctx<'_> {
    Ctx { now, entropy: &*services.entropy, actor: Actor::System }
}
