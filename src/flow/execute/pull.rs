//! The pull-job API: workers outside lease approved actions, carry them out and report.
//!
//! Guarantees: whoever asks is asked of policy first, so no person executes by a call of their own; activation passes the
//! same starting transaction as every execution; a report under a lost lease is refused
//! with `lease-lost` and changes nothing; a worker that goes quiet loses its lease. Non-goals: long polling, which the
//! edge adds by asking again.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::call::Order;
use super::finish::{self, Attempted};
use super::start::{self, Started};
use super::{lease, lease_lost};
use crate::domain::action::ActionKind;
use crate::domain::actor::Actor;
use crate::domain::ids::JobId;
use crate::domain::job::{Job, JobError, JobKind};
use crate::domain::proposal::Proposal;
use crate::flow::FlowError;
use crate::flow::decide::policy::{AuthzRequest, Resource};
use crate::flow::services::{Ctx, Services};
use crate::in_transaction;
use crate::ports::store::Transaction;
use crate::ports::store::jobs::Claim;

/// Longest lease that a worker may ask for.
pub const LEASE_MS_MAX: u64 = 60 * 60 * 1000;

/// Most jobs that one activation gives.
pub const JOBS_MAX: u32 = 100;

/// What a worker asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Activate {
    /// Action that it can carry out; every one when left out.
    #[serde(default, rename = "type")]
    pub topic: Option<String>,
    /// Its name, for the log.
    pub worker: String,
    /// At most so many jobs.
    #[schema(minimum = 1, maximum = 100)]
    pub max_jobs: u32,
    /// For how long it wants them.
    #[serde(rename = "timeout_ms")]
    #[schema(minimum = 1, maximum = 3_600_000)]
    pub lease_ms: u64,
}

/// A job that a worker now holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Activated {
    /// Names the job in every report.
    pub key: JobId,
    /// The action.
    #[serde(rename = "type")]
    pub topic: String,
    /// Proves the lease in every report.
    pub lease_token: String,
    /// Until when it holds.
    pub lease_until: Timestamp,
    /// This attempt's number, from 1.
    pub attempt: u32,
    /// Attempts allowed.
    pub attempts_max: u32,
    /// What to do.
    #[serde(flatten)]
    pub order: Order,
}

/// Why a worker could not carry a job out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// Whether trying again can help.
    pub retryable: bool,
    /// Stable code.
    pub code: String,
    /// In words.
    pub message: String,
    /// Not sooner than this, where the worker knows.
    #[serde(default)]
    pub backoff_ms: Option<u32>,
}

/// Leases and starts due jobs; one whose start is refused is not given out.
///
/// # Errors
/// [`FlowError::Invalid`] when the request is out of bounds, [`FlowError::Denied`] to who may not execute,
/// [`FlowError::Store`].
pub async fn activate(services: &Services, actor: &Actor, request: &Activate) -> Result<Vec<Activated>, FlowError> {
    if !(1..=JOBS_MAX).contains(&request.max_jobs) {
        return Err(out_of_bounds("max_jobs", "1 to 100"));
    }
    // Before anything is leased, so that who is refused takes nothing away from who may.
    let kind = request.topic.as_deref().and_then(ActionKind::parse).unwrap_or(ActionKind::DoNothing);
    services.policy.authorize(&AuthzRequest::execute(actor, Resource::queued(kind))).allowed()?;
    let now = services.clock.now();
    let claim = Claim {
        kinds: vec![JobKind::ExecuteAction],
        pull: true,
        topic: request.topic.clone(),
        worker: request.worker.clone(),
        limit: request.max_jobs,
        now,
        lease_until: lease_end(now, request.lease_ms)?,
    };
    let mut activated = Vec::new();
    for job in lease(services, &claim).await? {
        match start::begin(services, &job, now).await {
            Ok(Started::Run { order }) => activated.push(of(job, *order)),
            Ok(Started::Refused { cause }) => tracing::info!(job_id = %job.id, ?cause, "action not started"),
            // The lease runs out and the job is offered again.
            Err(error) => tracing::error!(job_id = %job.id, %error, "action could not be started"),
        }
    }
    Ok(activated)
}

fn of(job: Job, order: Order) -> Activated {
    Activated {
        key: job.id,
        topic: job.topic,
        lease_token: job.lease_token,
        lease_until: job.lease_until,
        attempt: job.attempt,
        attempts_max: job.attempts_max,
        order,
    }
}

/// Reports a job as done.
///
/// # Errors
/// [`FlowError::Conflict`] with code `lease-lost`, [`FlowError::NotFound`], [`FlowError::Store`].
pub async fn complete(
    services: &Services,
    actor: &Actor,
    key: JobId,
    lease_token: &str,
    receipt: Value,
) -> Result<Proposal, FlowError> {
    in_transaction!(services.store, |tx| {
        let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: actor.clone() };
        match held(services, &mut *tx, actor, key, lease_token).await {
            Ok(job) => finish::succeed(services, &mut *tx, &ctx, &job, receipt.clone()).await,
            Err(error) => Err(error),
        }
    })
}

/// Reports a failed attempt.
///
/// # Errors
/// As [`complete`].
pub async fn fail(
    services: &Services,
    actor: &Actor,
    key: JobId,
    lease_token: &str,
    report: &Report,
) -> Result<Attempted, FlowError> {
    let (code, message) = (report.code.clone(), report.message.clone());
    let error = if report.retryable {
        let after = report.backoff_ms.map(|ms| SignedDuration::from_millis(i64::from(ms)));
        JobError::Retry { code, message, after }
    } else {
        JobError::Fail { code, message }
    };
    in_transaction!(services.store, |tx| {
        let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: actor.clone() };
        match held(services, &mut *tx, actor, key, lease_token).await {
            Ok(job) => finish::fail_attempt(services, &mut *tx, &ctx, &job, &error).await,
            Err(error) => Err(error),
        }
    })
}

/// Lengthens a lease by `lease_ms` from now; returns its new end.
///
/// # Errors
/// As [`complete`].
pub async fn extend(
    services: &Services,
    actor: &Actor,
    key: JobId,
    lease_token: &str,
    lease_ms: u64,
) -> Result<Timestamp, FlowError> {
    let now = services.clock.now();
    let until = lease_end(now, lease_ms)?;
    in_transaction!(services.store, |tx| match held(services, &mut *tx, actor, key, lease_token).await {
        Ok(job) => match tx.extend_job(job.id, lease_token, until).await {
            Ok(true) => Ok(until),
            Ok(false) => Err(lease_lost(key)),
            Err(error) => Err(error.into()),
        },
        Err(error) => Err(error),
    })
}

/// The job, where it is one of an action that the actor may execute and no later lease was taken. A report after the lease's end still counts until
/// another worker takes the job: refusing it would only have the action done again.
async fn held(
    services: &Services,
    tx: &mut dyn Transaction,
    actor: &Actor,
    key: JobId,
    token: &str,
) -> Result<Job, FlowError> {
    let job = finish::leased(tx, key, token).await?;
    if job.kind != JobKind::ExecuteAction {
        return Err(lease_lost(key));
    }
    let proposal = start::proposal_of(tx, &job).await?;
    services.policy.authorize(&AuthzRequest::execute(actor, Resource::of(&proposal))).allowed()?;
    Ok(job)
}

fn lease_end(now: Timestamp, lease_ms: u64) -> Result<Timestamp, FlowError> {
    if !(1..=LEASE_MS_MAX).contains(&lease_ms) {
        return Err(out_of_bounds("timeout_ms", "1 to 3600000"));
    }
    let span = SignedDuration::from_millis(i64::try_from(lease_ms).unwrap_or(i64::MAX));
    Ok(now.checked_add(span).unwrap_or(Timestamp::MAX))
}

fn out_of_bounds(member: &'static str, bounds: &str) -> FlowError {
    FlowError::Invalid {
        code: "out-of-bounds",
        message: format!("`{member}` must be {bounds}"),
        pointer: Some(format!("/{member}")),
    }
}
