//! The finishing transaction: what came of an attempt.
//!
//! Guarantees: job, proposal, case, canonical event, audit and outbox change together or not at all; a completion under a
//! lost lease changes nothing; a failure always leaves a case that is open and, where a person must look, an incident.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::incident::{self, NewIncident};
use super::start::proposal_of;
use super::{case_of, effect, emit, lease_lost, raise, record, summary};
use crate::domain::case::{Case, CaseState};
use crate::domain::digest;
use crate::domain::ids::JobId;
use crate::domain::job::{Job, JobError, JobStatus, backoff};
use crate::domain::proposal::{FailureCause, Proposal, ProposalEvent};
use crate::flow::services::{Ctx, Services};
use crate::flow::{FlowError, cases};
use crate::ports::store::Transaction;

/// A failure to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why the action did not happen.
    pub cause: FailureCause,
    /// Whether a person must look.
    pub visible: bool,
    /// Whether an attempt may have reached the executor.
    pub repeated: bool,
    /// Whether the order gets an `integration_failure` case of its own.
    pub raise: bool,
}

/// What became of a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempted {
    /// It is tried again at this time.
    Again(Timestamp),
    /// It is given up.
    GivenUp,
}

/// The leased job of `id`, where `token` still holds.
///
/// # Errors
/// [`FlowError::Conflict`] with code `lease-lost`, [`FlowError::NotFound`], [`FlowError::Store`].
pub async fn leased(tx: &mut dyn Transaction, id: JobId, token: &str) -> Result<Job, FlowError> {
    match tx.job(id).await? {
        Some((job, JobStatus::Leased)) if job.lease_token == token => Ok(job),
        Some(_) => Err(lease_lost(id)),
        None => Err(FlowError::NotFound { kind: "job", id: id.to_string() }),
    }
}

/// Records that the action was carried out.
///
/// # Errors
/// [`FlowError::Conflict`] with code `lease-lost`, and what the store says.
pub async fn succeed(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    job: &Job,
    receipt: Value,
) -> Result<Proposal, FlowError> {
    if !tx.finish_job(job.id, &job.lease_token, ctx.now).await? {
        return Err(lease_lost(job.id));
    }
    let proposal = proposal_of(tx, job).await?;
    let detail = json!({ "job_id": job.id, "attempt": job.attempt, "receipt": digest::hex_of(&receipt)? });
    let event = ProposalEvent::Succeed { receipt: receipt.clone(), at: ctx.now };
    let done = Proposal { state: proposal.state.clone().after(event)?, ..proposal };
    let done = tx.update_proposal(&done).await?;
    tx.append_audit(ctx.audit("proposal.executed", format!("proposal:{}", done.id), detail)).await?;
    emit::emit(tx, ctx, "proposal.executed.v1", &format!("proposal:{}", done.id), summary(&done)).await?;
    let until = effect::schedule(tx, ctx, &done).await?;
    if let Some(case) = case_of(tx, &done).await? {
        let next = match done.action.kind.asks() {
            Some(role) => CaseState::AwaitingInformation { asked_of: role.name().to_owned(), since: ctx.now },
            None => CaseState::Monitoring { proposal_id: done.id, until },
        };
        if case.state.may_become(&next) {
            cases::transition(tx, ctx, case, next, json!({ "proposal_id": done.id })).await?;
        }
    }
    // Last, because the event lets the order's conditions be looked at again, and that may resolve the case.
    record::executed(services, tx, ctx, &done, job.id, receipt).await?;
    Ok(done)
}

/// Records a failed attempt: tried again after the back-off, or given up for a person to look at.
///
/// # Errors
/// [`FlowError::Conflict`] with code `lease-lost`, and what the store says.
pub async fn fail_attempt(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    job: &Job,
    error: &JobError,
) -> Result<Attempted, FlowError> {
    let proposal = proposal_of(tx, job).await?;
    let (JobError::Retry { code, message, .. } | JobError::Fail { code, message }) = error;
    if let Some(at) = again_at(ctx, job, error) {
        if !tx.retry_job(job.id, &job.lease_token, at, &format!("{code}: {message}")).await? {
            return Err(lease_lost(job.id));
        }
        let detail = json!({
            "job_id": job.id, "attempt": job.attempt, "code": code, "message": message, "again_at": at,
        });
        tx.append_audit(ctx.audit("proposal.attempt_failed", format!("proposal:{}", proposal.id), detail)).await?;
        return Ok(Attempted::Again(at));
    }
    let case = case_of(tx, &proposal).await?;
    let cause = FailureCause::Executor { code: code.clone(), message: message.clone() };
    let repeated = matches!(error, JobError::Retry { .. });
    let failure = Failure { cause, visible: true, repeated, raise: true };
    fail(services, tx, ctx, job, proposal, case, failure).await?;
    Ok(Attempted::GivenUp)
}

/// When a failed job is tried again; `None`: never.
#[must_use]
pub fn again_at(ctx: &Ctx<'_>, job: &Job, error: &JobError) -> Option<Timestamp> {
    let JobError::Retry { after, .. } = error else { return None };
    if job.attempt >= job.attempts_max {
        return None;
    }
    let [jitter, ..] = ctx.entropy.bytes();
    let wait = backoff(job.attempt, jitter).max(after.unwrap_or(SignedDuration::ZERO));
    Some(ctx.now.checked_add(wait).unwrap_or(Timestamp::MAX))
}

/// Records that the action will not happen.
///
/// # Errors
/// [`FlowError::Conflict`] with code `lease-lost`, and what the store says.
pub async fn fail(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    job: &Job,
    proposal: Proposal,
    case: Option<Case>,
    failure: Failure,
) -> Result<(), FlowError> {
    let (code, message) = in_words(&failure);
    if !tx.kill_job(job.id, &job.lease_token, ctx.now, &format!("{code}: {message}")).await? {
        return Err(lease_lost(job.id));
    }
    settle(services, tx, ctx, job.id, proposal, case, failure).await
}

/// As [`fail`], for a job that nobody holds any more.
pub(super) async fn settle(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    job_id: JobId,
    proposal: Proposal,
    case: Option<Case>,
    failure: Failure,
) -> Result<(), FlowError> {
    let (code, message) = in_words(&failure);
    let event = ProposalEvent::Fail { cause: failure.cause.clone(), at: ctx.now };
    let failed = Proposal { state: proposal.state.clone().after(event)?, ..proposal };
    let failed = tx.update_proposal(&failed).await?;
    let detail = json!({ "job_id": job_id, "code": code, "message": message });
    tx.append_audit(ctx.audit("proposal.failed", format!("proposal:{}", failed.id), detail.clone())).await?;
    let mut data = summary(&failed);
    data["code"] = Value::from(code.as_str());
    data["message"] = Value::from(message.as_str());
    emit::emit(tx, ctx, "proposal.failed.v1", &format!("proposal:{}", failed.id), data).await?;
    if failure.visible {
        let new = NewIncident {
            job_id: Some(job_id),
            interface: None,
            proposal_id: Some(failed.id),
            case_id: case.as_ref().map(|case| case.id),
            owner: case.as_ref().map_or(incident::OWNER, |case| &case.owner).to_owned(),
            code: code.clone(),
            message: message.clone(),
            detail: Value::Null,
        };
        incident::open(tx, ctx, new).await?;
    }
    to_triaged(tx, ctx, case, failed.id, &detail).await?;
    if failure.raise {
        raise::integration_failure(tx, ctx, &failed, job_id, &code, &message).await?;
    }
    record::failed(services, tx, ctx, &failed, job_id, &code, &message).await
}

/// Records that the time of a queued proposal ran out.
pub(super) async fn expire(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    job: &Job,
    proposal: Proposal,
    case: Option<Case>,
) -> Result<(), FlowError> {
    if !tx.finish_job(job.id, &job.lease_token, ctx.now).await? {
        return Err(lease_lost(job.id));
    }
    expired(tx, ctx, job.id, proposal, case).await
}

/// As [`expire`], for a job that nobody holds.
pub(super) async fn expired(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    job_id: JobId,
    proposal: Proposal,
    case: Option<Case>,
) -> Result<(), FlowError> {
    let expired = Proposal { state: proposal.state.clone().after(ProposalEvent::Expire { at: ctx.now })?, ..proposal };
    let expired = tx.update_proposal(&expired).await?;
    let detail = json!({ "job_id": job_id, "expires_at": expired.expires_at });
    tx.append_audit(ctx.audit("proposal.expired", format!("proposal:{}", expired.id), detail.clone())).await?;
    emit::emit(tx, ctx, "proposal.expired.v1", &format!("proposal:{}", expired.id), summary(&expired)).await?;
    to_triaged(tx, ctx, case, expired.id, &detail).await
}

/// Gives the case back to those who triage, unless another proposal has it by now.
pub(super) async fn to_triaged(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    case: Option<Case>,
    proposal_id: crate::domain::ids::ProposalId,
    why: &Value,
) -> Result<(), FlowError> {
    let Some(case) = case else { return Ok(()) };
    let ours = match &case.state {
        CaseState::Proposed { proposal_id: of }
        | CaseState::AwaitingApproval { proposal_id: of }
        | CaseState::Executing { proposal_id: of }
        | CaseState::Monitoring { proposal_id: of, .. } => *of == proposal_id,
        _ => false,
    };
    if ours {
        cases::transition(tx, ctx, case, CaseState::Triaged { at: ctx.now }, why.clone()).await?;
    }
    Ok(())
}

fn in_words(failure: &Failure) -> (String, String) {
    let (code, message) = match &failure.cause {
        FailureCause::PreconditionBroken { says } => {
            ("precondition-broken".to_owned(), format!("no longer true: {}", says.join("; ")))
        }
        FailureCause::Executor { code, message } => (code.clone(), message.clone()),
    };
    let message =
        if failure.repeated { format!("{message}; an earlier attempt may have been carried out") } else { message };
    (code, message)
}
