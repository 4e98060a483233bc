//! Idempotency keys, webhooks and operations.

use anyhow::ensure;
use holdfast::domain::ids::{OperationId, WebhookId};
use holdfast::in_transaction;
use holdfast::ports::store::StoreError;
use holdfast::ports::store::service::{FreeBefore, NextAction, Operation, OperationState, Webhook};
use serde_json::json;

use super::samples::{at, entropy};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(key_starts_once_and_replays, rivals_start_once, webhooks_are_guarded, operation_is_replaced);

/// A key is free when it was taken before this, answered or not.
fn free(before: i64) -> FreeBefore {
    FreeBefore { answered: at(before), unanswered: at(before) }
}

async fn key_starts_once_and_replays(db: &TestStore) -> anyhow::Result<()> {
    let mut tx = db.store.write().await?;
    ensure!(tx.take_key("eva", "k", "f", at(10), free(0)).await? == NextAction::Start);
    tx.commit().await?;
    let mut tx = db.store.write().await?;
    ensure!(tx.take_key("eva", "k", "f", at(11), free(0)).await? == NextAction::InProgress);
    ensure!(tx.take_key("eva", "k", "g", at(11), free(0)).await? == NextAction::Mismatch);
    ensure!(tx.take_key("bob", "k", "g", at(11), free(0)).await? == NextAction::Start, "keys are per principal");
    let headers = vec![("location".to_owned(), "/v1/x".to_owned())];
    tx.save_answer("eva", "k", 201, &headers, &[0, 255]).await?;
    let replay = NextAction::Replay { status: 201, headers, body: vec![0, 255] };
    ensure!(tx.take_key("eva", "k", "f", at(12), free(0)).await? == replay);
    ensure!(tx.take_key("eva", "k", "g", at(12), free(0)).await? == NextAction::Mismatch);
    ensure!(tx.take_key("eva", "k", "g", at(90), free(11)).await? == NextAction::Start, "it has expired");
    ensure!(tx.take_key("eva", "k", "g", at(91), free(11)).await? == NextAction::InProgress, "and lost its answer");
    tx.free_key("eva", "k").await?;
    ensure!(tx.take_key("eva", "k", "f", at(92), free(11)).await? == NextAction::Start);
    let lost = FreeBefore { answered: at(0), unanswered: at(93) };
    ensure!(tx.take_key("eva", "k", "f", at(95), lost).await? == NextAction::Start, "the first request was lost");
    tx.save_answer("eva", "k", 200, &[], &[]).await?;
    let answered = FreeBefore { answered: at(0), unanswered: at(97) };
    let again = tx.take_key("eva", "k", "f", at(98), answered).await?;
    ensure!(matches!(again, NextAction::Replay { .. }), "what was answered is not lost");
    ensure!(matches!(tx.save_answer("eva", "x", 200, &[], &[]).await, Err(StoreError::Conflict(_))), "not taken");
    Ok(())
}

async fn rivals_start_once(db: &TestStore) -> anyhow::Result<()> {
    let take = || async { in_transaction!(db.store, |tx| tx.take_key("eva", "k", "f", at(10), free(0)).await) };
    let (a, b, c): (Result<_, StoreError>, Result<_, StoreError>, Result<_, StoreError>) =
        tokio::join!(take(), take(), take());
    let all = [a?, b?, c?];
    ensure!(all.iter().filter(|next| **next == NextAction::Start).count() == 1, "{all:?}");
    ensure!(all.iter().filter(|next| **next == NextAction::InProgress).count() == 2, "{all:?}");
    Ok(())
}

async fn webhooks_are_guarded(db: &TestStore) -> anyhow::Result<()> {
    let bits = entropy();
    let webhook = |n| Webhook {
        id: WebhookId::new(at(n), &bits),
        url: "https://example.com/hook".to_owned(),
        secret: "whsec_x".to_owned(),
        types: vec!["case.opened".to_owned()],
        enabled: true,
        created_at: at(n),
        version: 1,
    };
    let (old, new) = (webhook(1), webhook(2));
    let mut tx = db.store.write().await?;
    tx.insert_webhook(&new).await?;
    tx.insert_webhook(&old).await?;
    let off = Webhook { enabled: false, ..old };
    let written = tx.update_webhook(&off).await?;
    ensure!(written == Webhook { version: 2, ..off.clone() });
    ensure!(matches!(tx.update_webhook(&off).await, Err(StoreError::Conflict(_))));
    ensure!(tx.webhooks().await? == [written, new]);
    Ok(())
}

async fn operation_is_replaced(db: &TestStore) -> anyhow::Result<()> {
    let running = Operation {
        id: OperationId::new(at(0), &entropy()),
        kind: "train".to_owned(),
        state: OperationState::Running,
        progress: 0.25,
        result: json!(null),
        created_at: at(0),
        updated_at: at(1),
    };
    let mut tx = db.store.write().await?;
    ensure!(tx.operation(running.id).await?.is_none());
    tx.put_operation(&running).await?;
    ensure!(tx.operation(running.id).await? == Some(running.clone()));
    let done = Operation { state: OperationState::Succeeded, progress: 1.0, result: json!({"auc": 0.8}), ..running };
    tx.put_operation(&done).await?;
    ensure!(tx.operation(done.id).await? == Some(done));
    Ok(())
}
