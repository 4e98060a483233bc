//! Proposals.

use std::slice;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use holdfast::domain::action::{ActionCall, ActionKind, RiskTier};
use holdfast::domain::actor::Actor;
use holdfast::domain::ids::{CaseId, Entropy, ProposalId};
use holdfast::domain::proposal::{Proposal, ProposalState, Target};
use holdfast::ports::store::StoreError;
use holdfast::ports::store::proposals::ProposalFilter;
use serde_json::{Map, json};

use super::samples::{at, entropy};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(proposal_is_guarded_and_listed, reading_to_write_waits_for_the_one_before);

fn proposal(bits: &impl Entropy, seconds: i64, target: Target) -> Proposal {
    Proposal {
        id: ProposalId::new(at(seconds), bits),
        target,
        action: ActionCall { kind: ActionKind::SplitShipment, parameters: Map::new(), quote: None, amount: None },
        tier: RiskTier::Low,
        proposer: Actor::Service { subject: "planner".to_owned() },
        decision_id: None,
        explored: false,
        evidence: json!({"gap": 0.1 + 0.2}),
        preconditions: Vec::new(),
        effect: None,
        policy_version: "1".to_owned(),
        digest: "d".to_owned(),
        created_at: at(seconds),
        expires_at: at(seconds + 100),
        state: ProposalState::Drafted,
        version: 1,
    }
}

fn order_target(case_id: CaseId) -> Target {
    Target::Order { case_id, order_id: "O1".to_owned(), line_no: Some(1) }
}

async fn proposal_is_guarded_and_listed(db: &TestStore) -> anyhow::Result<()> {
    let bits = entropy();
    let case_id = CaseId::new(at(0), &bits);
    let old = proposal(&bits, 1, order_target(case_id));
    let new = proposal(&bits, 2, order_target(CaseId::new(at(1), &bits)));
    let mut tx = db.store.write().await?;
    tx.insert_proposal(&old).await?;
    tx.insert_proposal(&new).await?;
    let expired = Proposal { state: ProposalState::Expired { at: at(200) }, ..old.clone() };
    let written = tx.update_proposal(&expired).await?;
    ensure!(written == Proposal { version: 2, ..expired.clone() });
    ensure!(matches!(tx.update_proposal(&expired).await, Err(StoreError::Conflict(_))));
    tx.commit().await?;
    let mut tx = db.store.read().await?;
    ensure!(tx.proposal(old.id).await? == Some(written.clone()));
    ensure!(tx.proposal(ProposalId::new(at(3), &bits)).await?.is_none());
    let all = ProposalFilter::default();
    ensure!(tx.list_proposals(&all, None, 9).await? == [new.clone(), written.clone()]);
    ensure!(tx.list_proposals(&all, Some(new.id), 9).await? == slice::from_ref(&written));
    let drafted = ProposalFilter { state: Some("drafted".to_owned()), case_id: None };
    ensure!(tx.list_proposals(&drafted, None, 9).await? == [new]);
    let of_case = ProposalFilter { state: None, case_id: Some(case_id) };
    ensure!(tx.list_proposals(&of_case, None, 9).await? == [written]);
    ensure!(tx.count_proposals("expired").await? == 1 && tx.count_proposals("failed").await? == 0);
    Ok(())
}

/// Two voters at once: the second reads the row only after the first has written it.
async fn reading_to_write_waits_for_the_one_before(db: &TestStore) -> anyhow::Result<()> {
    let bits = entropy();
    let first = proposal(&bits, 1, order_target(CaseId::new(at(0), &bits)));
    let mut tx = db.store.write().await?;
    tx.insert_proposal(&first).await?;
    tx.commit().await?;
    let mut tx = db.store.write().await?;
    let held = tx.proposal(first.id).await?.context("gone")?;
    let rival = tokio::spawn({
        let (store, id) = (Arc::clone(&db.store), first.id);
        async move { store.write().await?.proposal(id).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    ensure!(!rival.is_finished(), "the row is locked");
    tx.update_proposal(&held).await?;
    tx.commit().await?;
    ensure!(rival.await??.context("gone")?.version == 2);
    Ok(())
}
