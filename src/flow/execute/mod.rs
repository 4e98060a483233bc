//! Execute: an approved action leaves the service once, or its failure becomes visible.
//!
//! `enqueue` writes the job with the last vote; `worker` and `pull` lease it; `start` checks in one transaction that the
//! approval still stands and is still true; the call is made outside any transaction; `finish` records what came of it;
//! `effect` looks whether the world changed as expected; `incident` is where failures wait for their owner.

use serde_json::{Value, json};

use crate::domain::case::Case;
use crate::domain::digest;
use crate::domain::ids::JobId;
use crate::domain::job::Job;
use crate::domain::proposal::{Proposal, Target};
use crate::flow::{FlowError, Services};
use crate::in_transaction;
use crate::ports::store::Transaction;
use crate::ports::store::jobs::Claim;

pub mod call;
pub mod carry;
pub mod deliver;
pub mod dispatch;
pub mod effect;
pub mod emit;
pub mod enqueue;
pub mod finish;
pub mod incident;
pub mod internal;
pub mod pull;
pub mod raise;
pub mod reap;
pub mod record;
pub mod start;
pub mod worker;

/// Leases due jobs under tokens that cannot be guessed.
async fn lease(services: &Services, claim: &Claim) -> Result<Vec<Job>, FlowError> {
    let token = |_| digest::hex(&services.entropy.bytes());
    in_transaction!(services.store, |tx| tx.claim(claim, &token).await)
}

/// The refusal of a completion that comes after the lease went to another, or twice.
pub(in crate::flow) fn lease_lost(job: JobId) -> FlowError {
    FlowError::Conflict {
        code: "lease-lost",
        message: format!("the lease of job `{job}` is no longer yours; what you report now changes nothing"),
        detail: json!({ "job": job }),
    }
}

/// The case that a proposal is about.
async fn case_of(tx: &mut dyn Transaction, proposal: &Proposal) -> Result<Option<Case>, FlowError> {
    match &proposal.target {
        Target::Order { case_id, .. } => Ok(tx.case(*case_id).await?),
        Target::Model { .. } => Ok(None),
    }
}

/// What an emitted event says of a proposal: enough to find it, so that reading it is authorised and audited.
fn summary(proposal: &Proposal) -> Value {
    json!({
        "proposal_id": proposal.id,
        "action": proposal.action.kind,
        "on": proposal.target,
        "state": proposal.state.name(),
        "version": proposal.version,
    })
}
