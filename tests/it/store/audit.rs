//! The audit chain.

use std::sync::Arc;

use anyhow::ensure;
use holdfast::domain::audit::{AuditEntry, GENESIS};
use holdfast::in_transaction;
use holdfast::ports::store::audit::AuditFilter;
use holdfast::ports::store::{Store, StoreError};

use super::samples::draft;
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(concurrent_writers_make_one_chain, dropped_entry_leaves_no_gap, listings_filter_and_page);

async fn append(store: Arc<dyn Store>, subject: String) -> Result<AuditEntry, StoreError> {
    in_transaction!(store, |tx| tx.append_audit(draft("case.opened", &subject)).await)
}

async fn concurrent_writers_make_one_chain(db: &TestStore) -> anyhow::Result<()> {
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let store = Arc::clone(&db.store);
            tokio::spawn(async move {
                for _ in 0..20 {
                    append(Arc::clone(&store), format!("case:{writer}")).await?;
                }
                Ok::<_, StoreError>(())
            })
        })
        .collect();
    for writer in writers {
        writer.await??;
    }
    let chain = db.store.read().await?.audit_after(0, &AuditFilter::default(), 1000).await?;
    ensure!(chain.len() == 80, "{} entries", chain.len());
    let mut prev = GENESIS.to_owned();
    for (seq, entry) in (1..).zip(&chain) {
        ensure!(entry.seq == seq && entry.prev == prev, "broken at {seq}");
        ensure!(entry.compute_hash()? == entry.hash, "read back differently at {seq}");
        prev.clone_from(&entry.hash);
    }
    Ok(())
}

async fn dropped_entry_leaves_no_gap(db: &TestStore) -> anyhow::Result<()> {
    let first = append(Arc::clone(&db.store), "case:1".to_owned()).await?;
    let mut tx = db.store.write().await?;
    ensure!(tx.append_audit(draft("case.opened", "case:2")).await?.seq == 2);
    drop(tx);
    let second = append(Arc::clone(&db.store), "case:3".to_owned()).await?;
    ensure!(second.seq == 2 && second.prev == first.hash);
    Ok(())
}

async fn listings_filter_and_page(db: &TestStore) -> anyhow::Result<()> {
    let mut tx = db.store.write().await?;
    for number in 0..6 {
        let action = if number % 2 == 0 { "case.opened" } else { "case.closed" };
        tx.append_audit(draft(action, if number < 4 { "case:1" } else { "case:2" })).await?;
    }
    tx.commit().await?;
    let mut tx = db.store.read().await?;
    let seqs = |entries: Vec<AuditEntry>| entries.iter().map(|e| e.seq).collect::<Vec<_>>();
    let all = AuditFilter::default();
    ensure!(seqs(tx.audit_after(2, &all, 2).await?) == [3, 4]);
    ensure!(seqs(tx.audit_before(None, &all, 2).await?) == [6, 5]);
    ensure!(seqs(tx.audit_before(Some(5), &all, 9).await?) == [4, 3, 2, 1]);
    let closed = AuditFilter { subject: Some("case:1".to_owned()), action: Some("case.closed".to_owned()) };
    ensure!(seqs(tx.audit_after(0, &closed, 9).await?) == [2, 4]);
    ensure!(seqs(tx.audit_before(None, &closed, 9).await?) == [4, 2]);
    Ok(())
}
