//! The starting transaction: the last look before anything leaves the service.
//!
//! Guarantees: what runs is leased, approved, unaltered, in time, still allowed by policy and still true in the world;
//! anything else becomes a visible state and nothing is called. A second attempt after a crash passes the same checks
//! under the same idempotency key. Non-goals: the call itself, which is made outside any transaction.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::finish::{self, Failure};
use super::incident::{self, NewIncident};
use super::{call, case_of, lease_lost};
use crate::domain::action::Executor;
use crate::domain::actor::Actor;
use crate::domain::approval::Progress;
use crate::domain::case::Case;
use crate::domain::job::{Job, JobStatus};
use crate::domain::proposal::{FailureCause, Proposal, ProposalEvent, ProposalState};
use crate::flow::decide::policy::{AuthzRequest, Resource, Verdict};
use crate::flow::decide::{evidence, propose};
use crate::flow::services::{Ctx, Services};
use crate::flow::{FlowError, cases};
use crate::in_transaction;
use crate::ports::store::Transaction;

/// What the starting transaction decided.
#[derive(Clone, Debug, PartialEq)]
pub enum Started {
    /// Carry it out.
    Run {
        /// What the executor is told.
        order: Box<call::Order>,
    },
    /// Do nothing; why is recorded.
    Refused {
        /// The reason.
        cause: Refusal,
    },
}

/// Why an action does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The proposal is done, failed or expired already.
    Settled {
        /// Its state.
        state: &'static str,
    },
    /// Its time is over.
    Expired,
    /// What is stored is not what was approved.
    Altered,
    /// Every attempt was lost without an answer.
    AttemptsUsedUp,
    /// Policy does not allow it any more.
    NotAllowed {
        /// Why.
        reason: String,
    },
    /// A precondition no longer holds.
    PreconditionBroken {
        /// What no longer holds.
        says: Vec<String>,
    },
    /// The operator has configured nothing that could carry it out.
    NoEndpoint,
}

/// [`start`] in a transaction of its own.
///
/// # Errors
/// As [`start`].
pub async fn begin(services: &Services, job: &Job, now: Timestamp) -> Result<Started, FlowError> {
    in_transaction!(services.store, |tx| start(services, &mut *tx, job, now).await)
}

/// Starts the action of a leased job, or refuses to, inside the caller's transaction.
///
/// # Errors
/// [`FlowError::Conflict`] with code `lease-lost` when another worker holds the job; [`FlowError::Store`].
pub async fn start(
    services: &Services,
    tx: &mut dyn Transaction,
    job: &Job,
    now: Timestamp,
) -> Result<Started, FlowError> {
    let ctx = Ctx { now, entropy: &*services.entropy, actor: Actor::System };
    match tx.job(job.id).await? {
        Some((stored, JobStatus::Leased)) if stored.lease_token == job.lease_token => {}
        _ => return Err(lease_lost(job.id)),
    }
    let proposal = proposal_of(tx, job).await?;
    let case = case_of(tx, &proposal).await?;
    let refusal = match &proposal.state {
        ProposalState::Queued { job_id, .. } | ProposalState::Executing { job_id, .. } if *job_id == job.id => {
            check(services, tx, job, &proposal, case.as_ref(), now).await?
        }
        other => Some(Refusal::Settled { state: other.name() }),
    };
    match refusal {
        None => run(tx, &ctx, job, proposal, case).await,
        Some(cause) => {
            refuse(services, tx, &ctx, job, proposal, case, &cause).await?;
            Ok(Started::Refused { cause })
        }
    }
}

/// The proposal that a job executes.
pub(super) async fn proposal_of(tx: &mut dyn Transaction, job: &Job) -> Result<Proposal, FlowError> {
    let missing = || FlowError::NotFound { kind: "proposal", id: format!("of job {}", job.id) };
    let id = job.proposal_id.ok_or_else(missing)?;
    tx.proposal(id).await?.ok_or_else(missing)
}

async fn check(
    services: &Services,
    tx: &mut dyn Transaction,
    job: &Job,
    proposal: &Proposal,
    case: Option<&Case>,
    now: Timestamp,
) -> Result<Option<Refusal>, FlowError> {
    if job.attempt > job.attempts_max {
        return Ok(Some(Refusal::AttemptsUsedUp));
    }
    if now >= proposal.expires_at {
        return Ok(Some(Refusal::Expired));
    }
    if proposal.compute_digest()? != proposal.digest {
        return Ok(Some(Refusal::Altered));
    }
    let request = AuthzRequest::execute(&Actor::System, Resource::of(proposal));
    if let Verdict::Deny { reason, .. } = services.policy.authorize(&request) {
        return Ok(Some(Refusal::NotAllowed { reason }));
    }
    if let Some(reason) = unsatisfied(services, proposal, case) {
        return Ok(Some(Refusal::NotAllowed { reason }));
    }
    let mut says = evidence::broken_now(tx, proposal, now).await?;
    if proposal.policy_version != services.policy.version() {
        says.push("the policies and governance rules are those that it was approved under".to_owned());
    }
    if case.is_some_and(|case| !case.state.is_open()) {
        says.push("the exception is still open".to_owned());
    }
    if !says.is_empty() {
        return Ok(Some(Refusal::PreconditionBroken { says }));
    }
    let webhook = call::executor(job) == Some(Executor::Webhook);
    Ok((webhook && services.settings.action_endpoint.is_none()).then_some(Refusal::NoEndpoint))
}

/// Why the votes that are stored do not suffice, should they not: a state alone proves nothing.
fn unsatisfied(services: &Services, proposal: &Proposal, case: Option<&Case>) -> Option<String> {
    match propose::requirement_of(services, proposal, case.map(|case| case.key.category)) {
        Ok(requirement) if requirement.progress(proposal.state.votes()) == Progress::Satisfied => None,
        Ok(requirement) => Some(format!("its votes do not satisfy the rule `{}`", requirement.rule)),
        Err(error) => Some(format!("who must agree cannot be told: {error}")),
    }
}

async fn run(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    job: &Job,
    proposal: Proposal,
    case: Option<Case>,
) -> Result<Started, FlowError> {
    let event = ProposalEvent::Start { attempt: job.attempt, at: ctx.now };
    let started = Proposal { state: proposal.state.clone().after(event)?, ..proposal };
    let started = tx.update_proposal(&started).await?;
    let detail = json!({ "job_id": job.id, "attempt": job.attempt, "digest": started.digest });
    tx.append_audit(ctx.audit("proposal.started", format!("proposal:{}", started.id), detail)).await?;
    if let Some(case) = case {
        let next = crate::domain::case::CaseState::Executing { proposal_id: started.id };
        if case.state != next && case.state.may_become(&next) {
            cases::transition(tx, ctx, case, next, json!({ "proposal_id": started.id })).await?;
        }
    }
    Ok(Started::Run { order: Box::new(call::order(&started, job.id)) })
}

async fn refuse(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    job: &Job,
    proposal: Proposal,
    case: Option<Case>,
    cause: &Refusal,
) -> Result<(), FlowError> {
    // A first attempt cannot have reached the executor, a later one may have: then a person must look.
    let repeated = matches!(proposal.state, ProposalState::Executing { .. });
    // Attempts that nobody answered are a failing integration; what governance refuses is not.
    let raise = matches!(cause, Refusal::AttemptsUsedUp | Refusal::Expired);
    let (cause, visible) = match cause {
        Refusal::Settled { .. } => {
            tx.finish_job(job.id, &job.lease_token, ctx.now).await?;
            return Ok(());
        }
        Refusal::NoEndpoint => return block(tx, ctx, job, &proposal, case.as_ref()).await,
        Refusal::Expired if !repeated => return finish::expire(tx, ctx, job, proposal, case).await,
        Refusal::PreconditionBroken { says } => (FailureCause::PreconditionBroken { says: says.clone() }, repeated),
        Refusal::Expired => (executor_cause("expired", "its time ran out between two attempts"), true),
        Refusal::Altered => {
            (executor_cause("digest-mismatch", "what is stored is not what was approved; nothing was called"), true)
        }
        Refusal::NotAllowed { reason } => (executor_cause("not-permitted", reason), true),
        Refusal::AttemptsUsedUp => {
            (executor_cause("attempts-used-up", "every attempt ended without an answer; it may have been done"), true)
        }
    };
    let failure = Failure { cause, visible, repeated, raise };
    finish::fail(services, tx, ctx, job, proposal, case, failure).await
}

fn executor_cause(code: &str, message: &str) -> FailureCause {
    FailureCause::Executor { code: code.to_owned(), message: message.to_owned() }
}

/// Leaves the proposal as it is, for the operator to configure an endpoint and resume.
async fn block(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    job: &Job,
    proposal: &Proposal,
    case: Option<&Case>,
) -> Result<(), FlowError> {
    let message = "no endpoint is configured for actions; set `connector.action_url`, then resume this incident";
    if !tx.kill_job(job.id, &job.lease_token, ctx.now, message).await? {
        return Err(lease_lost(job.id));
    }
    let new = NewIncident {
        job_id: Some(job.id),
        interface: None,
        proposal_id: Some(proposal.id),
        case_id: case.map(|case| case.id),
        owner: incident::OWNER.to_owned(),
        code: "no-endpoint".to_owned(),
        message: message.to_owned(),
        detail: Value::Null,
    };
    incident::open(tx, ctx, new).await.map(drop)
}
