//! Carrying one leased action out: start, call, finish.
//!
//! Guarantees: the call is made outside any transaction, under the job's id as idempotency key; after a crash anywhere the
//! lease runs out and the same steps run again under the same key; the service's own actions start and finish in one
//! transaction, but for a model's promotion, which the registry makes repeatable by the proposal's id.

use serde_json::{Value, json};

use super::call::{self, Order};
use super::dispatch::of_flow;
use super::emit::PREFIX;
use super::finish::{self, Attempted};
use super::internal;
use super::start::{self, Started, proposal_of};
use crate::domain::action::{ActionKind, Executor};
use crate::domain::actor::Actor;
use crate::domain::job::{Job, JobError};
use crate::domain::proposal::Target;
use crate::flow::FlowError;
use crate::flow::learn::registry;
use crate::flow::services::{Ctx, Services};
use crate::in_transaction;
use crate::ports::connector::Call;
use crate::ports::store::Transaction;

/// What became of a leased action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It was carried out.
    Done,
    /// It was not started.
    Refused,
    /// It failed and is tried again.
    Again,
    /// It failed for good.
    GivenUp,
}

/// Carries out the action of a leased job.
///
/// # Errors
/// [`FlowError::Conflict`] with code `lease-lost`, and what the store says; nothing is recorded then.
pub async fn carry(services: &Services, job: &Job) -> Result<Carried, FlowError> {
    let promotes = job.topic == ActionKind::PromoteModel.name();
    match call::executor(job) {
        Some(Executor::Internal) if !promotes => {
            in_transaction!(services.store, |tx| inside(services, &mut *tx, job).await)
        }
        Some(executor @ (Executor::Internal | Executor::Webhook)) => outside(services, job, executor).await,
        Some(Executor::Pull) | None => {
            fail(services, job, &JobError::fail("malformed-job", "the job names no executor of the service")).await
        }
    }
}

async fn inside(services: &Services, tx: &mut dyn Transaction, job: &Job) -> Result<Carried, FlowError> {
    let ctx = system(services);
    match start::start(services, tx, job, ctx.now).await? {
        Started::Refused { cause } => {
            tracing::info!(?cause, "action not started");
            Ok(Carried::Refused)
        }
        Started::Run { .. } => {
            let proposal = proposal_of(tx, job).await?;
            match internal::carry_out(tx, &ctx, &proposal).await? {
                Ok(receipt) => finish::succeed(services, tx, &ctx, job, receipt).await.map(|_| Carried::Done),
                Err(error) => finish::fail_attempt(services, tx, &ctx, job, &error).await.map(Carried::from),
            }
        }
    }
}

async fn outside(services: &Services, job: &Job, executor: Executor) -> Result<Carried, FlowError> {
    let now = services.clock.now();
    let started = start::begin(services, job, now).await?;
    let order = match started {
        Started::Run { order } => order,
        Started::Refused { cause } => {
            tracing::info!(?cause, "action not started");
            return Ok(Carried::Refused);
        }
    };
    let receipt = match executor {
        Executor::Internal => promote(services, &order).await,
        _ => deliver(services, &order).await,
    };
    match receipt {
        Ok(receipt) => in_transaction!(services.store, |tx| {
            finish::succeed(services, &mut *tx, &system(services), job, receipt.clone()).await.map(|_| Carried::Done)
        }),
        Err(error) => fail(services, job, &error).await,
    }
}

async fn promote(services: &Services, order: &Order) -> Result<Value, JobError> {
    let Target::Model { name, version } = &order.target else {
        return Err(JobError::fail("malformed-job", "only a model can be promoted"));
    };
    let because = order.proposal_id.to_string();
    let serving = registry::serve(services, &system(services), name, version, &because).await;
    serving.map(|serving| json!(serving)).map_err(of_flow)
}

async fn deliver(services: &Services, order: &Order) -> Result<Value, JobError> {
    // The starting transaction has seen that there is one.
    let Some(endpoint) = &services.settings.action_endpoint else {
        return Err(JobError::fail("no-endpoint", "no endpoint is configured for actions"));
    };
    let call = Call {
        idempotency_key: &order.idempotency_key,
        endpoint,
        event_type: &format!("{PREFIX}action.{}.v1", order.action.name()),
        at: services.clock.now(),
        data: &json!(order),
    };
    services.connector.deliver(call).await
}

/// Records a failed attempt of a leased job.
///
/// # Errors
/// As [`carry`].
pub async fn fail(services: &Services, job: &Job, error: &JobError) -> Result<Carried, FlowError> {
    in_transaction!(services.store, |tx| {
        finish::fail_attempt(services, &mut *tx, &system(services), job, error).await.map(Carried::from)
    })
}

fn system(services: &Services) -> Ctx<'_> {
    Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: Actor::System }
}

impl From<Attempted> for Carried {
    fn from(attempted: Attempted) -> Self {
        match attempted {
            Attempted::Again(_) => Self::Again,
            Attempted::GivenUp => Self::GivenUp,
        }
    }
}
