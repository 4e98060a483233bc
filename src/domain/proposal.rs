//! A proposal of one exact action, from draft to receipt.
//!
//! Guarantees: its digest covers action, target, parameters, evidence, preconditions and policy version (SHA-256 over
//! RFC 8785); a state carries the facts that are true in it; an undeclared transition is [`InvalidTransition`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::action::{ActionCall, ExpectedEffect, Precondition, RiskTier};
use super::actor::Actor;
use super::approval::{Progress, Requirement, Vote};
use super::digest;
use super::ids::{CaseId, DecisionId, JobId, ProposalId};

/// What an action acts on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "target", rename_all = "snake_case")]
pub enum Target {
    /// An order or one of its lines, because of a case.
    Order {
        /// The case.
        case_id: CaseId,
        /// The order.
        order_id: String,
        /// The line, where it is about one.
        #[serde(default)]
        line_no: Option<u32>,
    },
    /// A model version.
    Model {
        /// Registry name.
        name: String,
        /// Version; under a name of its own, because a proposal has a `version` too.
        #[serde(rename = "model_version")]
        version: String,
    },
}

/// A proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Proposal {
    /// Identity.
    pub id: ProposalId,
    /// On what.
    #[serde(flatten)]
    pub target: Target,
    /// The action with its parameters.
    pub action: ActionCall,
    /// Its risk tier.
    pub tier: RiskTier,
    /// Who proposed it.
    pub proposer: Actor,
    /// The recommendation it follows, where it follows one.
    #[serde(default)]
    pub decision_id: Option<DecisionId>,
    /// Whether that recommendation was explored: a near-tie of the best, tried to learn what comes of it.
    #[serde(default)]
    pub explored: bool,
    /// The facts it was proposed on.
    pub evidence: Value,
    /// Checked again when execution starts.
    pub preconditions: Vec<Precondition>,
    /// What will show that it worked.
    #[serde(default)]
    pub effect: Option<ExpectedEffect>,
    /// Version of policies and governance rules that applied.
    pub policy_version: String,
    /// Digest of all of the above that matters, see [`Proposal::compute_digest`].
    pub digest: String,
    /// When it was proposed.
    pub created_at: Timestamp,
    /// After this it can no longer be approved or executed.
    pub expires_at: Timestamp,
    /// Where it stands.
    #[serde(flatten)]
    pub state: ProposalState,
    /// Optimistic lock and ETag; starts at 1.
    pub version: i64,
}

/// Where a proposal stands, with what is true there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
#[expect(missing_docs, reason = "names are the contract's")]
pub enum ProposalState {
    Drafted,
    Denied { policies: Vec<String>, reason: String },
    AwaitingApproval(Awaiting),
    Approved { votes: Vec<Vote>, at: Timestamp },
    Queued { votes: Vec<Vote>, job_id: JobId },
    Executing { votes: Vec<Vote>, job_id: JobId, attempt: u32, since: Timestamp },
    Succeeded { votes: Vec<Vote>, receipt: Value, at: Timestamp, effect_seen: Option<Timestamp> },
    Failed { votes: Vec<Vote>, cause: FailureCause, at: Timestamp },
    Rejected { votes: Vec<Vote>, at: Timestamp },
    Withdrawn { by: String, reason: String, at: Timestamp },
    Expired { at: Timestamp },
    Superseded { by: ProposalId, at: Timestamp },
}

/// The facts of a proposal that waits for persons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Awaiting {
    /// What policy asks for.
    pub requirement: Requirement,
    /// The stage that waits, zero-based.
    pub stage: usize,
    /// Since when it waits.
    pub since: Timestamp,
    /// When it escalates, or did.
    pub escalates_at: Timestamp,
    /// Whether the escalation roles may vote now.
    pub escalated: bool,
    /// Votes so far.
    pub votes: Vec<Vote>,
    /// A question of an approver that the proposer should answer.
    #[serde(default)]
    pub information_requested: Option<String>,
}

/// Why an approved action did not happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum FailureCause {
    /// A precondition no longer held when execution started.
    PreconditionBroken {
        /// What no longer held.
        says: Vec<String>,
    },
    /// The executor refused, or its retries were used up.
    Executor {
        /// Stable code.
        code: String,
        /// What it said.
        message: String,
    },
}

/// A transition that the proposal's life does not declare.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a proposal in state `{from}` cannot take the step `{event}`")]
pub struct InvalidTransition {
    /// State it was in.
    pub from: &'static str,
    /// Step that was asked for.
    pub event: &'static str,
}

/// A step in a proposal's life.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "names say it")]
pub enum ProposalEvent {
    Deny { policies: Vec<String>, reason: String },
    Submit { requirement: Requirement, at: Timestamp },
    Vote { vote: Vote },
    Escalate,
    RequestInformation { question: String },
    ProvideInformation,
    Queue { job_id: JobId },
    Start { attempt: u32, at: Timestamp },
    Succeed { receipt: Value, at: Timestamp },
    EffectSeen { at: Timestamp },
    Fail { cause: FailureCause, at: Timestamp },
    Withdraw { by: String, reason: String, at: Timestamp },
    Expire { at: Timestamp },
    Supersede { by: ProposalId, at: Timestamp },
}

impl ProposalState {
    /// Every state's name.
    pub const NAMES: [&'static str; 12] = [
        "drafted",
        "denied",
        "awaiting_approval",
        "approved",
        "queued",
        "executing",
        "succeeded",
        "failed",
        "rejected",
        "withdrawn",
        "expired",
        "superseded",
    ];

    /// The name on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Drafted => "drafted",
            Self::Denied { .. } => "denied",
            Self::AwaitingApproval(_) => "awaiting_approval",
            Self::Approved { .. } => "approved",
            Self::Queued { .. } => "queued",
            Self::Executing { .. } => "executing",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Rejected { .. } => "rejected",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Expired { .. } => "expired",
            Self::Superseded { .. } => "superseded",
        }
    }

    /// Whether anything can still come of it.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(
            self,
            Self::Drafted
                | Self::AwaitingApproval(_)
                | Self::Approved { .. }
                | Self::Queued { .. }
                | Self::Executing { .. }
        )
    }

    /// The votes that it carries.
    #[must_use]
    pub fn votes(&self) -> &[Vote] {
        match self {
            Self::AwaitingApproval(waiting) => &waiting.votes,
            Self::Approved { votes, .. }
            | Self::Queued { votes, .. }
            | Self::Executing { votes, .. }
            | Self::Succeeded { votes, .. }
            | Self::Failed { votes, .. }
            | Self::Rejected { votes, .. } => votes,
            _ => &[],
        }
    }

    /// This state after `event`.
    ///
    /// # Errors
    /// [`InvalidTransition`] where it is not declared.
    pub fn after(self, event: ProposalEvent) -> Result<Self, InvalidTransition> {
        use ProposalEvent as E;
        use ProposalState as S;
        let next = match (self, event) {
            (S::Drafted, E::Deny { policies, reason }) => S::Denied { policies, reason },
            (S::Drafted, E::Submit { requirement, at }) => S::submitted(requirement, at),
            (S::AwaitingApproval(awaiting), E::Vote { vote }) => awaiting.after(vote),
            (S::AwaitingApproval(a), E::Escalate) => S::AwaitingApproval(Awaiting { escalated: true, ..a }),
            (S::AwaitingApproval(a), E::RequestInformation { question }) => {
                S::AwaitingApproval(Awaiting { information_requested: Some(question), ..a })
            }
            (S::AwaitingApproval(a), E::ProvideInformation) => {
                S::AwaitingApproval(Awaiting { information_requested: None, ..a })
            }
            (S::Approved { votes, .. }, E::Queue { job_id }) => S::Queued { votes, job_id },
            (S::Queued { votes, job_id } | S::Executing { votes, job_id, .. }, E::Start { attempt, at }) => {
                S::Executing { votes, job_id, attempt, since: at }
            }
            (S::Executing { votes, .. }, E::Succeed { receipt, at }) => {
                S::Succeeded { votes, receipt, at, effect_seen: None }
            }
            (S::Succeeded { votes, receipt, at, .. }, E::EffectSeen { at: seen }) => {
                S::Succeeded { votes, receipt, at, effect_seen: Some(seen) }
            }
            (S::Queued { votes, .. } | S::Executing { votes, .. }, E::Fail { cause, at }) => {
                S::Failed { votes, cause, at }
            }
            (S::Drafted | S::AwaitingApproval(_), E::Withdraw { by, reason, at }) => S::Withdrawn { by, reason, at },
            (S::Drafted | S::AwaitingApproval(_) | S::Approved { .. } | S::Queued { .. }, E::Expire { at }) => {
                S::Expired { at }
            }
            (S::Drafted | S::AwaitingApproval(_), E::Supersede { by, at }) => S::Superseded { by, at },
            (from, event) => return Err(InvalidTransition { from: from.name(), event: event.name() }),
        };
        Ok(next)
    }

    fn submitted(requirement: Requirement, at: Timestamp) -> Self {
        let Some(first) = requirement.stages.first() else {
            return Self::Approved { votes: Vec::new(), at };
        };
        let escalates_at = hours_after(at, first.escalate_after_h);
        Self::AwaitingApproval(Awaiting {
            requirement,
            stage: 0,
            since: at,
            escalates_at,
            escalated: false,
            votes: Vec::new(),
            information_requested: None,
        })
    }
}

impl Awaiting {
    fn after(mut self, vote: Vote) -> ProposalState {
        let at = vote.at;
        self.votes.push(vote);
        match self.requirement.progress(&self.votes) {
            Progress::Rejected => ProposalState::Rejected { votes: self.votes, at },
            Progress::Satisfied => ProposalState::Approved { votes: self.votes, at },
            Progress::Stage(stage) if stage == self.stage => ProposalState::AwaitingApproval(self),
            Progress::Stage(stage) => {
                let wait_h = self.requirement.stages.get(stage).map_or(0, |s| s.escalate_after_h);
                ProposalState::AwaitingApproval(Self {
                    stage,
                    since: at,
                    escalates_at: hours_after(at, wait_h),
                    escalated: false,
                    information_requested: None,
                    ..self
                })
            }
        }
    }
}

/// `at` plus whole hours; saturates at the end of time.
#[must_use]
pub fn hours_after(at: Timestamp, hours: u32) -> Timestamp {
    at.checked_add(jiff::SignedDuration::from_hours(i64::from(hours))).unwrap_or(Timestamp::MAX)
}

impl ProposalEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Deny { .. } => "deny",
            Self::Submit { .. } => "submit",
            Self::Vote { .. } => "vote",
            Self::Escalate => "escalate",
            Self::RequestInformation { .. } => "request_information",
            Self::ProvideInformation => "provide_information",
            Self::Queue { .. } => "queue",
            Self::Start { .. } => "start",
            Self::Succeed { .. } => "succeed",
            Self::EffectSeen { .. } => "effect_seen",
            Self::Fail { .. } => "fail",
            Self::Withdraw { .. } => "withdraw",
            Self::Expire { .. } => "expire",
            Self::Supersede { .. } => "supersede",
        }
    }
}

impl Proposal {
    /// Digest of what an approval is bound to.
    ///
    /// # Errors
    /// [`digest::NotCanonical`] when a parameter has no canonical form.
    pub fn compute_digest(&self) -> Result<String, digest::NotCanonical> {
        digest::hex_of(&json!({
            "action": self.action,
            "target": self.target,
            "evidence": digest::hex_of(&self.evidence)?,
            "preconditions": self.preconditions,
            "policy_version": self.policy_version,
            "expires_at": self.expires_at,
        }))
    }
}
