//! What an executor is told: the approved action, its digest and who approved it, under one idempotency key.
//!
//! Guarantee: made from the proposal alone, so that every attempt and every executor sees the same.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::domain::action::{ActionKind, Executor};
use crate::domain::approval::{Verdict, Vote};
use crate::domain::ids::{JobId, ProposalId};
use crate::domain::job::Job;
use crate::domain::money::Money;
use crate::domain::proposal::{Proposal, ProposalState, Target};

/// An approved action on its way out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    /// The same for every attempt: what was done under it once must not be done again.
    pub idempotency_key: String,
    /// The proposal, and the approval that it carries.
    pub proposal_id: ProposalId,
    /// What to do.
    pub action: ActionKind,
    /// With which parameters.
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// On what.
    #[serde(flatten)]
    pub target: Target,
    /// What it was quoted to cost.
    pub quote: Option<Money>,
    /// Digest of the approved action; refuse to do anything that differs from it.
    pub action_digest: String,
    /// Who approved it.
    pub approvals: Vec<Approval>,
    /// Do not start after this.
    pub expires_at: Timestamp,
}

/// One person's approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "names say it")]
pub struct Approval {
    pub stage: usize,
    pub subject: String,
    pub at: Timestamp,
}

/// The order that carries `proposal` out under `job_id`.
#[must_use]
pub fn order(proposal: &Proposal, job_id: JobId) -> Order {
    Order {
        idempotency_key: job_id.to_string(),
        proposal_id: proposal.id,
        action: proposal.action.kind,
        parameters: proposal.action.parameters.clone(),
        target: proposal.target.clone(),
        quote: proposal.action.quote.clone(),
        action_digest: proposal.digest.clone(),
        approvals: votes(&proposal.state).iter().filter(|v| v.verdict == Verdict::Approve).map(approval).collect(),
        expires_at: proposal.expires_at,
    }
}

/// Who carries out the action of `job`, as [`super::enqueue`] fixed it.
#[must_use]
pub fn executor(job: &Job) -> Option<Executor> {
    serde_json::from_value(job.payload.get("executor")?.clone()).ok()
}

fn approval(vote: &Vote) -> Approval {
    Approval { stage: vote.stage, subject: vote.subject.clone(), at: vote.at }
}

fn votes(state: &ProposalState) -> &[Vote] {
    match state {
        ProposalState::Approved { votes, .. }
        | ProposalState::Queued { votes, .. }
        | ProposalState::Executing { votes, .. }
        | ProposalState::Succeeded { votes, .. }
        | ProposalState::Failed { votes, .. } => votes,
        _ => &[],
    }
}
