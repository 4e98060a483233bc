//! Outgoing and deferred work: the outbox, its leases and its failures.
//!
//! Guarantees: a job is written in the transaction of the change that needs it; it is done by whoever holds its lease; a
//! late completion is refused by the lease token; whether a failure is tried again is a type.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::ids::{CaseId, IncidentId, JobId, ProposalId};
use super::message::closed_set;

closed_set! {
    /// What a job does.
    JobKind {
        AssessOrder = "assess_order",
        ReadMessage = "read_message",
        ExecuteAction = "execute_action",
        DeliverEvent = "deliver_event",
        ProposalTimer = "proposal_timer",
        EffectCheck = "effect_check",
        CaseTimer = "case_timer",
        IndexCases = "index_cases",
    }
}

closed_set! {
    /// Where a job stands.
    JobStatus {
        Ready = "ready",
        Leased = "leased",
        Done = "done",
        Dead = "dead",
    }
}

/// A job to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// Identity; also the idempotency key towards the executor.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// What pull workers ask for: the action's or event's name; empty for internal work.
    pub topic: String,
    /// Whether only pull workers may take it.
    pub pull: bool,
    /// The work.
    pub payload: Value,
    /// Not before this.
    pub run_at: Timestamp,
    /// At most one job with this text is not finished; a second is not written.
    pub dedupe: Option<String>,
    /// The proposal it executes.
    pub proposal_id: Option<ProposalId>,
    /// Attempts allowed.
    pub attempts_max: u32,
}

/// A job under lease.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "see NewJob")]
pub struct Job {
    pub id: JobId,
    pub kind: JobKind,
    pub topic: String,
    pub payload: Value,
    pub proposal_id: Option<ProposalId>,
    /// This attempt's number, from 1.
    pub attempt: u32,
    pub attempts_max: u32,
    /// Proves the lease; a later lease has another.
    pub lease_token: String,
    pub lease_until: Timestamp,
}

/// Whether a failed attempt is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobError {
    /// Passing: try again after the back-off.
    Retry {
        /// Stable code.
        code: String,
        /// What was said.
        message: String,
        /// Not sooner than this, where the other side asked so (`Retry-After`).
        after: Option<SignedDuration>,
    },
    /// Final: no retry can help.
    Fail {
        /// Stable code.
        code: String,
        /// What was said.
        message: String,
    },
}

impl JobError {
    /// A passing failure.
    #[must_use]
    pub fn retry(code: &str, message: impl Into<String>) -> Self {
        Self::Retry { code: code.to_owned(), message: message.into(), after: None }
    }

    /// A final failure.
    #[must_use]
    pub fn fail(code: &str, message: impl Into<String>) -> Self {
        Self::Fail { code: code.to_owned(), message: message.into() }
    }
}

/// Seconds to wait after failed attempt number `attempt` (from 1): 5 s doubling to at most an hour, with a jitter of up to
/// a fifth taken from `jitter` (0 to 255).
#[must_use]
pub fn backoff(attempt: u32, jitter: u8) -> SignedDuration {
    let base = 5_i64.saturating_mul(1_i64 << attempt.saturating_sub(1).min(10)).min(3600);
    SignedDuration::from_millis(base * 1000 + base * 200 * i64::from(jitter) / 255)
}

/// A failure that a person must see: it has an owner until it is closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Incident {
    /// Identity.
    pub id: IncidentId,
    /// The job that gave up, where one did.
    #[serde(default)]
    pub job_id: Option<JobId>,
    /// The interface (`system/interface`) whose transaction failed before there was an order to raise it on.
    #[serde(default)]
    pub interface: Option<String>,
    /// The proposal it was executing.
    #[serde(default)]
    pub proposal_id: Option<ProposalId>,
    /// The case it belongs to.
    #[serde(default)]
    pub case_id: Option<CaseId>,
    /// Group that owns it.
    pub owner: String,
    /// Stable code.
    pub code: String,
    /// What was said.
    pub message: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When a person closed it (resolved or resumed).
    #[serde(default)]
    pub closed_at: Option<Timestamp>,
    /// Optimistic lock and ETag.
    pub version: i64,
}
