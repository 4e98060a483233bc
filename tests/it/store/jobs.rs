//! The outbox, its leases and the incidents.

use std::collections::HashSet;
use std::slice;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use holdfast::domain::ids::{IncidentId, JobId, ProposalId};
use holdfast::domain::job::{Incident, Job, JobKind, JobStatus, NewJob};
use holdfast::in_transaction;
use holdfast::ports::store::jobs::Claim;
use holdfast::ports::store::{Store, StoreError};
use jiff::Timestamp;
use serde_json::json;

use super::samples::{at, entropy};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(
    dedupe_holds_while_unfinished,
    claim_takes_what_was_asked_for_oldest_first,
    lost_lease_changes_nothing,
    failed_job_is_tried_again_killed_and_revived,
    claimers_never_share_a_job,
    claim_passes_over_locked_rows,
    incidents_are_listed_and_guarded,
);

fn job(id: JobId, kind: JobKind, run_at: Timestamp) -> NewJob {
    NewJob {
        id,
        kind,
        topic: String::new(),
        pull: false,
        payload: json!({"n": 1}),
        run_at,
        dedupe: None,
        proposal_id: None,
        attempts_max: 3,
    }
}

fn claim(now: i64, limit: u32) -> Claim {
    Claim {
        kinds: Vec::new(),
        pull: false,
        topic: None,
        worker: "w".to_owned(),
        limit,
        now: at(now),
        lease_until: at(now + 60),
    }
}

async fn enqueue(db: &TestStore, jobs: &[NewJob]) -> Result<(), StoreError> {
    let mut tx = db.store.write().await?;
    for job in jobs {
        assert!(tx.enqueue(job).await?, "not written");
    }
    tx.commit().await
}

async fn claimed(store: &Arc<dyn Store>, claim: &Claim, lease: &str) -> Result<Vec<Job>, StoreError> {
    in_transaction!(store, |tx| tx.claim(claim, &|id| format!("{lease}:{id}")).await)
}

async fn dedupe_holds_while_unfinished(db: &TestStore) -> anyhow::Result<()> {
    let bits = entropy();
    let fresh = || NewJob {
        dedupe: Some("assess:O1".to_owned()),
        ..job(JobId::new(at(0), &bits), JobKind::AssessOrder, at(0))
    };
    let mut tx = db.store.write().await?;
    ensure!(tx.enqueue(&fresh()).await? && !tx.enqueue(&fresh()).await?);
    let leased = tx.claim(&claim(0, 5), &|_| "t".to_owned()).await?;
    ensure!(leased.len() == 1 && !tx.enqueue(&fresh()).await?, "a leased job is not finished");
    ensure!(tx.finish_job(leased[0].id, "t", at(1)).await?);
    ensure!(tx.enqueue(&fresh()).await?, "the next one may be written");
    ensure!(tx.count_jobs().await? == [(JobKind::AssessOrder, JobStatus::Ready, 1)]);
    ensure!(matches!(
        tx.enqueue(&NewJob { id: leased[0].id, dedupe: None, ..fresh() }).await,
        Err(StoreError::Conflict(_))
    ));
    Ok(())
}

async fn claim_takes_what_was_asked_for_oldest_first(db: &TestStore) -> anyhow::Result<()> {
    let bits = entropy();
    let id = || JobId::new(at(0), &bits);
    let proposal = ProposalId::new(at(0), &bits);
    let newer = job(id(), JobKind::AssessOrder, at(2));
    let older = NewJob { proposal_id: Some(proposal), ..job(id(), JobKind::ExecuteAction, at(1)) };
    let pull = NewJob { pull: true, topic: "split".to_owned(), ..job(id(), JobKind::ExecuteAction, at(0)) };
    let future = job(id(), JobKind::EffectCheck, at(100));
    enqueue(db, &[newer.clone(), older.clone(), pull.clone(), future.clone()]).await?;
    ensure!(db.store.read().await?.next_job_at().await? == Some(at(1)), "the earliest internal one");

    let kinds = Claim { kinds: vec![JobKind::AssessOrder, JobKind::ReadMessage], ..claim(0, 9) };
    ensure!(claimed(&db.store, &kinds, "a").await?.is_empty(), "not due yet");
    let both = claimed(&db.store, &claim(5, 9), "a").await?;
    ensure!(both.iter().map(|j| j.id).eq([older.id, newer.id]), "oldest first, due ones, internal ones");
    let expected = Job {
        id: older.id,
        kind: JobKind::ExecuteAction,
        topic: String::new(),
        payload: json!({"n": 1}),
        proposal_id: Some(proposal),
        attempt: 1,
        attempts_max: 3,
        lease_token: format!("a:{}", older.id),
        lease_until: at(65),
    };
    ensure!(both[0] == expected);
    let mut tx = db.store.read().await?;
    ensure!(tx.job(older.id).await? == Some((expected, JobStatus::Leased)));
    ensure!(tx.job(id()).await?.is_none());
    ensure!(tx.next_job_at().await? == Some(at(65)), "the earliest lease end");
    drop(tx);

    let topic = |topic: &str| Claim { pull: true, topic: Some(topic.to_owned()), ..claim(5, 9) };
    ensure!(claimed(&db.store, &topic("other"), "b").await?.is_empty());
    ensure!(claimed(&db.store, &topic("split"), "b").await?[0].id == pull.id);
    ensure!(claimed(&db.store, &Claim { kinds: vec![JobKind::EffectCheck], ..claim(100, 9) }, "c").await?.len() == 1);
    Ok(())
}

async fn lost_lease_changes_nothing(db: &TestStore) -> anyhow::Result<()> {
    let id = JobId::new(at(0), &entropy());
    enqueue(db, &[job(id, JobKind::DeliverEvent, at(0))]).await?;
    let first = claimed(&db.store, &claim(0, 1), "a").await?.remove(0);
    ensure!(claimed(&db.store, &claim(59, 1), "b").await?.is_empty(), "the lease still holds");
    let mut tx = db.store.write().await?;
    ensure!(tx.extend_job(id, &first.lease_token, at(90)).await?);
    tx.commit().await?;
    ensure!(claimed(&db.store, &claim(61, 1), "b").await?.is_empty(), "it was lengthened");
    let second = claimed(&db.store, &claim(90, 1), "b").await?.remove(0);
    ensure!(second.attempt == 2);

    let mut tx = db.store.write().await?;
    let late = &first.lease_token;
    ensure!(!tx.finish_job(id, late, at(91)).await? && !tx.extend_job(id, late, at(999)).await?);
    ensure!(!tx.retry_job(id, late, at(91), "e").await? && !tx.kill_job(id, late, at(91), "e").await?);
    ensure!(tx.job(id).await? == Some((second.clone(), JobStatus::Leased)), "nothing changed");
    ensure!(tx.finish_job(id, &second.lease_token, at(92)).await?);
    ensure!(!tx.finish_job(id, &second.lease_token, at(93)).await?, "done is done");
    ensure!(tx.count_jobs().await?.is_empty() && tx.next_job_at().await?.is_none());
    Ok(())
}

async fn failed_job_is_tried_again_killed_and_revived(db: &TestStore) -> anyhow::Result<()> {
    let id = JobId::new(at(0), &entropy());
    enqueue(db, &[job(id, JobKind::DeliverEvent, at(0))]).await?;
    let mut tx = db.store.write().await?;
    let token = |_| "t".to_owned();
    tx.claim(&claim(0, 1), &token).await?;
    ensure!(!tx.revive_job(id, 1, at(0)).await?, "not dead");
    ensure!(tx.retry_job(id, "t", at(30), "timeout").await?);
    ensure!(!tx.finish_job(id, "t", at(1)).await?, "the lease was given back");
    ensure!(tx.claim(&claim(29, 1), &token).await?.is_empty());
    ensure!(tx.claim(&claim(30, 1), &token).await?[0].attempt == 2);
    ensure!(tx.kill_job(id, "t", at(31), "refused").await?);
    ensure!(tx.job(id).await?.context("gone")?.1 == JobStatus::Dead);
    ensure!(tx.claim(&claim(999, 1), &token).await?.is_empty());
    ensure!(tx.revive_job(id, 2, at(50)).await?);
    let revived = tx.claim(&claim(50, 1), &token).await?.remove(0);
    ensure!(revived.attempt == 3 && revived.attempts_max == 4, "two more attempts than were used");
    Ok(())
}

async fn claimers_never_share_a_job(db: &TestStore) -> anyhow::Result<()> {
    let bits = entropy();
    let jobs: Vec<_> = (0..120).map(|n| job(JobId::new(at(n), &bits), JobKind::DeliverEvent, at(0))).collect();
    enqueue(db, &jobs).await?;
    let claimers: Vec<_> = (0..4)
        .map(|name| {
            let store = Arc::clone(&db.store);
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let batch = claimed(&store, &claim(5, 7), &format!("w{name}")).await?;
                    if batch.is_empty() {
                        return Ok::<_, StoreError>(mine);
                    }
                    mine.extend(batch);
                }
            })
        })
        .collect();
    let mut seen = HashSet::new();
    for claimer in claimers {
        for job in claimer.await?? {
            ensure!(job.attempt == 1 && seen.insert(job.id), "`{}` was claimed twice", job.id);
        }
    }
    ensure!(seen.len() == 120, "{} of 120 were claimed", seen.len());
    Ok(())
}

/// On PostgreSQL a claimer that has not committed holds nobody up; on SQLite the second waits for the first.
async fn claim_passes_over_locked_rows(db: &TestStore) -> anyhow::Result<()> {
    let bits = entropy();
    let jobs: Vec<_> = (0..4).map(|n| job(JobId::new(at(n), &bits), JobKind::DeliverEvent, at(n))).collect();
    enqueue(db, &jobs).await?;
    let mut first = db.store.write().await?;
    let taken = first.claim(&claim(9, 2), &|_| "a".to_owned()).await?;
    ensure!(taken.iter().map(|j| j.id).eq([jobs[0].id, jobs[1].id]));
    let second = tokio::spawn({
        let store = Arc::clone(&db.store);
        async move { claimed(&store, &claim(9, 9), "b").await }
    });
    if db.store.kind() == "postgres" {
        ensure!(second.await??.iter().map(|j| j.id).eq([jobs[2].id, jobs[3].id]));
        first.commit().await?;
    } else {
        first.commit().await?;
        ensure!(second.await??.iter().map(|j| j.id).eq([jobs[2].id, jobs[3].id]));
    }
    Ok(())
}

async fn incidents_are_listed_and_guarded(db: &TestStore) -> anyhow::Result<()> {
    let bits = entropy();
    let incident = |n| Incident {
        id: IncidentId::new(at(n), &bits),
        job_id: Some(JobId::new(at(n), &bits)),
        interface: None,
        proposal_id: None,
        case_id: None,
        owner: "it".to_owned(),
        code: "connector-refused".to_owned(),
        message: "410".to_owned(),
        opened_at: at(n),
        closed_at: None,
        version: 1,
    };
    let (old, new) = (incident(1), incident(2));
    let mut tx = db.store.write().await?;
    tx.insert_incident(&old).await?;
    tx.insert_incident(&new).await?;
    let closed = Incident { closed_at: Some(at(3)), ..old.clone() };
    let written = tx.update_incident(&closed).await?;
    ensure!(written == Incident { version: 2, ..closed.clone() });
    ensure!(matches!(tx.update_incident(&closed).await, Err(StoreError::Conflict(_))));
    tx.commit().await?;
    let mut tx = db.store.read().await?;
    ensure!(tx.incident(old.id).await? == Some(written.clone()));
    ensure!(tx.list_incidents(None, None, 9).await? == [new.clone(), written.clone()]);
    ensure!(tx.list_incidents(Some(true), None, 9).await? == slice::from_ref(&new));
    ensure!(tx.list_incidents(Some(false), None, 9).await? == slice::from_ref(&written));
    ensure!(tx.list_incidents(None, Some(new.id), 9).await? == [written]);
    Ok(())
}
