//! The event log and the dead letters.

use anyhow::{Context as _, ensure};
use holdfast::domain::event::Event;
use holdfast::domain::ids::DeadLetterId;
use holdfast::domain::party::ObjectKind;
use holdfast::in_transaction;
use holdfast::ports::store::StoreError;
use holdfast::ports::store::events::{DeadLetter, DeadLetterStatus, Recorded};
use jiff::SignedDuration;
use serde_json::json;

use super::samples::{at, entropy, event, reference};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(identity_is_recorded_once, rivals_record_one_event, dead_letters_are_listed_and_guarded);

fn status(id: &str) -> anyhow::Result<Event> {
    // Folding sorts by time, so not even a nanosecond may be lost.
    let time = at(5) + SignedDuration::from_nanos(1);
    event(id, "order.status", time, json!({"order_id": "O1", "status": "picked", "at": at(4)}))
}

async fn identity_is_recorded_once(db: &TestStore) -> anyhow::Result<()> {
    let object = (ObjectKind::Order, "O1");
    let first = status("1")?;
    let mut tx = db.store.write().await?;
    ensure!(tx.record_event(&first, "aa", object).await? == Recorded::New);
    ensure!(tx.record_event(&first, "aa", object).await? == Recorded::Replay);
    let conflict = Recorded::Conflict { recorded: "aa".to_owned() };
    ensure!(tx.record_event(&first, "bb", object).await? == conflict);
    ensure!(tx.record_event(&status("2")?, "aa", object).await? == Recorded::New);
    ensure!(tx.record_event(&status("3")?, "cc", (ObjectKind::Customer, "O1")).await? == Recorded::New);
    tx.commit().await?;
    let mut tx = db.store.read().await?;
    let mut found = tx.events_of(ObjectKind::Order, "O1").await?;
    found.sort_by(|a, b| a.reference.cmp(&b.reference));
    ensure!(found == [first.clone(), status("2")?]);
    ensure!(tx.event(&first.reference).await? == Some(first));
    ensure!(tx.event(&reference("9")).await?.is_none());
    ensure!(tx.count_events().await? == 3);
    Ok(())
}

async fn rivals_record_one_event(db: &TestStore) -> anyhow::Result<()> {
    let event = status("1")?;
    let record =
        || async { in_transaction!(db.store, |tx| tx.record_event(&event, "aa", (ObjectKind::Order, "O1")).await) };
    let (a, b, c): (Result<_, StoreError>, Result<_, StoreError>, Result<_, StoreError>) =
        tokio::join!(record(), record(), record());
    let all = [a?, b?, c?];
    ensure!(all.iter().filter(|r| **r == Recorded::New).count() == 1, "{all:?}");
    ensure!(all.iter().filter(|r| **r == Recorded::Replay).count() == 2, "{all:?}");
    Ok(())
}

async fn dead_letters_are_listed_and_guarded(db: &TestStore) -> anyhow::Result<()> {
    let bits = entropy();
    let letters: Vec<_> = (0..3)
        .map(|n| DeadLetter {
            id: DeadLetterId::new(at(n), &bits),
            received_at: at(n),
            source: None,
            event_id: Some("7".to_owned()),
            event_type: None,
            body: json!({"data": n}),
            reason: "unknown type".to_owned(),
            pointer: Some("/type".to_owned()),
            status: DeadLetterStatus::Open,
            version: 1,
        })
        .collect();
    let mut tx = db.store.write().await?;
    for letter in &letters {
        tx.insert_dead_letter(letter).await?;
    }
    let replayed =
        DeadLetter { status: DeadLetterStatus::Replayed, body: json!({"fixed": true}), ..letters[1].clone() };
    tx.update_dead_letter(&replayed).await?;
    ensure!(matches!(tx.update_dead_letter(&replayed).await, Err(StoreError::Conflict(_))));
    tx.commit().await?;
    let mut tx = db.store.read().await?;
    ensure!(tx.dead_letter(replayed.id).await?.context("gone")? == DeadLetter { version: 2, ..replayed });
    let newest_first = tx.dead_letters(None, None, 2).await?;
    ensure!(newest_first.iter().map(|l| l.id).eq([letters[2].id, letters[1].id]));
    ensure!(tx.dead_letters(None, Some(letters[1].id), 9).await? == letters[..1]);
    ensure!(tx.dead_letters(Some(DeadLetterStatus::Open), None, 9).await?.len() == 2);
    ensure!(tx.dead_letters(Some(DeadLetterStatus::Discarded), None, 9).await?.is_empty());
    Ok(())
}
