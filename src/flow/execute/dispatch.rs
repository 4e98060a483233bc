//! What each kind of job means, and how its end is recorded.
//!
//! Guarantees: one exhaustive table; a failed job is tried again after the back-off where that can help, else it is dead
//! with an incident; a lost lease changes nothing.

use std::str::FromStr;

use serde_json::Value;

use super::carry::{self, Carried};
use super::finish::again_at;
use super::incident::{self, NewIncident};
use super::{deliver, effect, lease_lost};
use crate::domain::actor::Actor;
use crate::domain::job::{Job, JobError, JobKind};
use crate::flow::accept::messages;
use crate::flow::decide::approve;
use crate::flow::learn::archive;
use crate::flow::services::{Ctx, Services};
use crate::flow::{FlowError, assess, sla};
use crate::in_transaction;
use crate::ports::store::Transaction;

/// Does a leased job and records its end.
pub async fn run(services: &Services, job: &Job) {
    let started = services.clock.now();
    let result = if job.attempt > job.attempts_max && job.kind != JobKind::ExecuteAction {
        Err(JobError::fail("attempts-used-up", "every attempt ended without an answer"))
    } else {
        handle(services, job).await
    };
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error) => report(services, job, error).await,
    };
    let took = services.clock.now().duration_since(started).as_secs_f64();
    metrics::counter!("holdfast_jobs_total", "kind" => job.kind.name(), "outcome" => outcome).increment(1);
    metrics::histogram!("holdfast_job_duration_seconds", "kind" => job.kind.name()).record(took);
    tracing::debug!(outcome, "job ended");
}

/// Does a job; `Ok` names its outcome.
async fn handle(services: &Services, job: &Job) -> Result<&'static str, JobError> {
    match job.kind {
        JobKind::ExecuteAction => match carry::carry(services, job).await.map_err(of_flow)? {
            Carried::Done => Ok("done"),
            Carried::Refused => Ok("refused"),
            Carried::Again => Ok("again"),
            Carried::GivenUp => Ok("given_up"),
        },
        JobKind::EffectCheck => {
            effect::check(services, member(job, "proposal_id")?, job).await.map(|()| "done").map_err(of_flow)
        }
        JobKind::DeliverEvent => finished(services, job, deliver::deliver(services, job).await.map_err(of_flow)?).await,
        JobKind::ProposalTimer => {
            let done = approve::timer(services, member(job, "proposal_id")?, services.clock.now()).await;
            finished(services, job, done.map_err(of_flow)).await
        }
        JobKind::CaseTimer => {
            let done = sla::timer(services, member(job, "case_id")?, services.clock.now()).await;
            finished(services, job, done.map_err(of_flow)).await
        }
        JobKind::AssessOrder => {
            let order_id: String = member(job, "order_id")?;
            assess::case::assess_job(services, job, &order_id).await.map(|()| "done").map_err(of_flow)
        }
        JobKind::IndexCases => {
            let (order_id, line_no): (String, u32) = (member(job, "order_id")?, member(job, "line_no")?);
            let done = archive::index(services, &order_id, line_no).await;
            finished(services, job, done.map_err(of_flow)).await
        }
        JobKind::ReadMessage => {
            let done = messages::read_job(services, member(job, "message_id")?).await;
            finished(services, job, done.map_err(of_flow)).await
        }
    }
}

async fn finished(services: &Services, job: &Job, done: Result<(), JobError>) -> Result<&'static str, JobError> {
    done?;
    finish(services, job).await.map(|()| "done").map_err(of_flow)
}

async fn finish(services: &Services, job: &Job) -> Result<(), FlowError> {
    let now = services.clock.now();
    in_transaction!(services.store, |tx| match tx.finish_job(job.id, &job.lease_token, now).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(lease_lost(job.id)),
        Err(error) => Err(error.into()),
    })
}

/// Records a failed job; the outcome's name comes back. What cannot even be recorded is logged: the lease runs out and the
/// job is done again.
pub async fn report(services: &Services, job: &Job, error: JobError) -> &'static str {
    if matches!(&error, JobError::Fail { code, .. } if code == "lease-lost") {
        tracing::warn!(job_id = %job.id, "lease lost, nothing changed");
        return "lease_lost";
    }
    tracing::warn!(job_id = %job.id, kind = job.kind.name(), ?error, "job failed");
    let recorded = match job.kind {
        JobKind::ExecuteAction => carry::fail(services, job, &error).await.map(|carried| carried == Carried::Again),
        _ => give_back(services, job, &error).await,
    };
    match recorded {
        Ok(true) => "again",
        Ok(false) => "given_up",
        Err(error) => {
            tracing::error!(job_id = %job.id, %error, "a failed job could not be recorded");
            "unrecorded"
        }
    }
}

/// Puts a failed job back (`true`), or ends it with an incident (`false`).
async fn give_back(services: &Services, job: &Job, error: &JobError) -> Result<bool, FlowError> {
    in_transaction!(services.store, |tx| give_back_in(services, &mut *tx, job, error).await)
}

async fn give_back_in(
    services: &Services,
    tx: &mut dyn Transaction,
    job: &Job,
    error: &JobError,
) -> Result<bool, FlowError> {
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: Actor::System };
    let (JobError::Retry { code, message, .. } | JobError::Fail { code, message }) = error;
    let text = format!("{code}: {message}");
    if let Some(at) = again_at(&ctx, job, error) {
        return if tx.retry_job(job.id, &job.lease_token, at, &text).await? {
            Ok(true)
        } else {
            Err(lease_lost(job.id))
        };
    }
    if !tx.kill_job(job.id, &job.lease_token, ctx.now, &text).await? {
        return Err(lease_lost(job.id));
    }
    let new = NewIncident {
        job_id: Some(job.id),
        interface: None,
        proposal_id: job.proposal_id,
        case_id: None,
        owner: incident::OWNER.to_owned(),
        code: code.clone(),
        message: format!("{} gave up: {message}", job.kind.name()),
        detail: Value::Null,
    };
    incident::open(tx, &ctx, new).await?;
    Ok(false)
}

/// A typed member of the job's payload.
fn member<T: FromStr>(job: &Job, name: &str) -> Result<T, JobError> {
    let text = job.payload.get(name).and_then(Value::as_str);
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| JobError::fail("malformed-job", format!("the job's payload has no valid `{name}`")))
}

/// Whether trying again can help.
pub(super) fn of_flow(error: FlowError) -> JobError {
    match &error {
        FlowError::Conflict { code: "lease-lost", .. } => JobError::fail("lease-lost", error.to_string()),
        FlowError::Store(_) => JobError::retry("store", error.to_string()),
        FlowError::Language(_) => JobError::retry("language", error.to_string()),
        FlowError::Vectors(vectors) if vectors.retryable => JobError::retry("vectors", error.to_string()),
        FlowError::Conflict { code, .. } => JobError::retry(code, error.to_string()),
        FlowError::Stale { .. } => JobError::retry("stale", error.to_string()),
        FlowError::Invalid { code, .. } | FlowError::Denied { code, .. } => JobError::fail(code, error.to_string()),
        FlowError::NotFound { .. } => JobError::fail("not-found", error.to_string()),
        FlowError::Expired { .. } => JobError::fail("expired", error.to_string()),
        _ => JobError::fail("internal", error.to_string()),
    }
}
