//! Training runs as operations: begun by a person or by the schedule, followed to their end, never left running.
//!
//! Guarantees: a run is one operation from its first second on; a scheduled one is begun by one instance only, because its
//! id is that of its period; a cancelled one registers nothing; one whose instance died is marked failed by any other, or
//! by the same at its next start. Non-goals: fitting, see [`Training`]; resuming.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::domain::actor::Actor;
use crate::domain::ids::OperationId;
use crate::flow::FlowError;
use crate::flow::services::{Ctx, Services};
use crate::in_transaction;
use crate::ports::store::Transaction;
use crate::ports::store::service::{Operation, OperationState};
use crate::ports::training::{Run, Trainable, Training};

/// How often progress is written down.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// A run that has written nothing for so long has nobody who follows it.
const ABANDONED_AFTER: SignedDuration = SignedDuration::from_secs(120);
/// The operation's kind.
const KIND: &str = "training-run";

/// Begins a run for `actor`.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn begin(services: &Services, actor: &Actor, what: Trainable) -> Result<(Operation, Run), FlowError> {
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: actor.clone() };
    let id = OperationId::new(ctx.now, ctx.entropy);
    let operation = operation(id, what, ctx.now, false);
    let begun: Result<bool, FlowError> =
        in_transaction!(services.store, |tx| write_begun(&mut *tx, &ctx, &operation, what).await);
    begun?;
    Ok((operation, Run { what, actor: actor.clone(), operation: id }))
}

/// Begins the run of the present period of `every_h` hours; `None` where an instance has begun it already.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn begin_scheduled(
    services: &Services,
    what: Trainable,
    every_h: u32,
) -> Result<Option<(Operation, Run)>, FlowError> {
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: Actor::System };
    let period = ctx.now.as_second().div_euclid(i64::from(every_h.max(1)) * 3600);
    let id = OperationId::of_text(&format!("{KIND}/{}/{every_h}/{period}", json!(what)));
    let operation = operation(id, what, ctx.now, true);
    let begun: Result<bool, FlowError> =
        in_transaction!(services.store, |tx| write_begun(&mut *tx, &ctx, &operation, what).await);
    Ok(begun?.then_some((operation, Run { what, actor: Actor::System, operation: id })))
}

fn operation(id: OperationId, what: Trainable, now: Timestamp, scheduled: bool) -> Operation {
    Operation {
        id,
        kind: KIND.to_owned(),
        state: OperationState::Running,
        progress: 0.0,
        result: json!({ "model": what, "scheduled": scheduled }),
        created_at: now,
        updated_at: now,
    }
}

async fn write_begun(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    operation: &Operation,
    what: Trainable,
) -> Result<bool, FlowError> {
    if !tx.insert_operation(operation).await? {
        return Ok(false);
    }
    let subject = format!("operation:{}", operation.id);
    tx.append_audit(ctx.audit("training.started", subject, json!({ "model": what }))).await?;
    Ok(true)
}

/// Runs a training to its end and writes down how far it is, and what came of it.
pub async fn follow(services: &Services, training: Arc<dyn Training>, run: Run, mut operation: Operation) {
    let what = run.what;
    let (told, progress) = watch::channel(0.0);
    let mut progress = Some(progress);
    let mut work = training.train(run, told);
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            () = tokio::time::sleep(WRITE_EVERY) => {
                let Some(heard) = &mut progress else { continue };
                operation.progress = heard.borrow_and_update().clamp(0.0, 1.0);
                if !write(services, &mut operation).await {
                    // Without a receiver the training stops at its next step.
                    progress = None;
                }
            }
        }
    };
    (operation.state, operation.progress, operation.result) = match done {
        Ok(result) => (OperationState::Succeeded, 1.0, result),
        Err(message) => (OperationState::Failed, operation.progress, failure(json!(what), message)),
    };
    write(services, &mut operation).await;
}

fn failure(model: Value, message: String) -> Value {
    json!({ "model": model, "error": message })
}

/// Marks runs failed that nobody follows any more; returns how many.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn end_abandoned(services: &Services) -> Result<usize, FlowError> {
    let now = services.clock.now();
    let running = services.store.read().await?.operations_running().await?;
    let mut ended = 0;
    for mut operation in running.into_iter().filter(|run| now.duration_since(run.updated_at) >= ABANDONED_AFTER) {
        operation.state = OperationState::Failed;
        let says = "its instance ended before it did; nothing was kept unless a version is registered".to_owned();
        operation.result = failure(operation.result["model"].clone(), says);
        ended += usize::from(write(services, &mut operation).await);
    }
    Ok(ended)
}

/// Writes the operation down, unless it was cancelled; whether it goes on.
async fn write(services: &Services, operation: &mut Operation) -> bool {
    operation.updated_at = services.clock.now();
    put(services, operation).await.unwrap_or_else(|error| {
        tracing::error!(operation_id = %operation.id, %error, "the operation's state cannot be written");
        true
    })
}

async fn put(services: &Services, operation: &Operation) -> Result<bool, FlowError> {
    in_transaction!(services.store, |tx| async {
        let known = tx.operation(operation.id).await?;
        let goes_on = known.is_none_or(|known| known.state == OperationState::Running);
        if goes_on {
            tx.put_operation(operation).await?;
        }
        Ok::<bool, FlowError>(goes_on)
    }
    .await)
}
