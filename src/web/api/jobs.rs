//! Pull workers: lease approved actions, carry them out, report.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::domain::ids::JobId;
use crate::domain::proposal::Proposal;
use crate::flow::execute::finish::Attempted;
use crate::flow::execute::pull::{self, Activate, Activated, Report};
use crate::web::error::Problem;
use crate::web::extract::{Allowed, Body, Id, demand};
use crate::web::state::WebState;

/// How often a waiting activation looks again.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What a worker asks for.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"worker": "erp-connector-1", "max_jobs": 5, "timeout_ms": 60000}))]
pub struct Activation {
    /// Action that it can carry out; every one when left out.
    #[serde(default, rename = "type")]
    #[schema(min_length = 1, max_length = 200)]
    pub kind: Option<String>,
    /// Its name, for the log.
    #[schema(min_length = 1, max_length = 200)]
    pub worker: String,
    /// At most so many jobs.
    #[schema(minimum = 1, maximum = 100)]
    pub max_jobs: u32,
    /// For how long it wants them, in milliseconds.
    #[schema(minimum = 1, maximum = 3_600_000)]
    pub timeout_ms: u64,
    /// How long to wait for a first job, in milliseconds; 0 answers at once.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 30_000)]
    pub request_timeout_ms: u64,
}

/// Jobs that the worker now holds.
#[derive(Serialize, ToSchema)]
#[expect(missing_docs, reason = "names say it")]
pub struct Jobs {
    pub jobs: Vec<Activated>,
}

/// A job is done.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Completion {
    /// From the activation.
    #[schema(min_length = 1, max_length = 200)]
    pub lease_token: String,
    /// What the executing system answered.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub receipt: Map<String, Value>,
}

/// An attempt failed.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// From the activation.
    #[schema(min_length = 1, max_length = 200)]
    pub lease_token: String,
    /// Whether trying again can help.
    pub retryable: bool,
    /// Stable code.
    #[schema(min_length = 1, max_length = 100)]
    pub code: String,
    /// In words.
    #[schema(min_length = 1, max_length = 2000)]
    pub message: String,
    /// Not sooner than this, in milliseconds.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 86_400_000)]
    pub backoff_ms: Option<u32>,
}

/// More time is needed.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// From the activation.
    #[schema(min_length = 1, max_length = 200)]
    pub lease_token: String,
    /// From now, in milliseconds.
    #[schema(minimum = 1, maximum = 3_600_000)]
    pub timeout_ms: u64,
}

/// What follows a failed attempt.
#[derive(Serialize, ToSchema)]
pub struct FailureAnswer {
    /// When it is tried again; `null` where it was given up and an incident opened.
    pub retry_at: Option<Timestamp>,
}

/// A longer lease.
#[derive(Serialize, ToSchema)]
#[expect(missing_docs, reason = "names say it")]
pub struct Extended {
    pub lease_until: Timestamp,
}

/// A `{key}` in the path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "declares a parameter for the document; `Id` reads it")]
pub struct KeyPath {
    /// The job's key.
    key: uuid::Uuid,
}

/// Leases due jobs.
#[utoipa::path(post, path = "/v1/jobs/activate", tag = "jobs", request_body = Activation,
    responses((status = 200, body = Jobs)), security(("bearer" = ["actions:execute"])))]
pub async fn activate_jobs(
    State(state): State<WebState>,
    caller: Allowed<demand::ActionsExecute>,
    Body(asked): Body<Activation>,
) -> Result<Json<Jobs>, Problem> {
    let patience = Duration::from_millis(asked.request_timeout_ms);
    let request =
        Activate { topic: asked.kind, worker: asked.worker, max_jobs: asked.max_jobs, lease_ms: asked.timeout_ms };
    let began = tokio::time::Instant::now();
    loop {
        let jobs = pull::activate(&state.services, caller.actor(), &request).await?;
        if !jobs.is_empty() || began.elapsed() >= patience {
            return Ok(Json(Jobs { jobs }));
        }
        tokio::time::sleep(LOOK_EVERY.min(patience)).await;
    }
}

/// Reports a job as done; a late report is refused with `lease-lost`.
#[utoipa::path(post, path = "/v1/jobs/{key}/complete", tag = "jobs", params(KeyPath), request_body = Completion,
    responses((status = 200, body = Proposal)), security(("bearer" = ["actions:execute"])))]
pub async fn complete_job(
    State(state): State<WebState>,
    caller: Allowed<demand::ActionsExecute>,
    Id(key): Id<JobId>,
    Body(done): Body<Completion>,
) -> Result<Json<Proposal>, Problem> {
    let receipt = Value::Object(done.receipt);
    Ok(Json(pull::complete(&state.services, caller.actor(), key, &done.lease_token, receipt).await?))
}

/// Reports a failed attempt.
#[utoipa::path(post, path = "/v1/jobs/{key}/fail", tag = "jobs", params(KeyPath), request_body = Failure,
    responses((status = 200, body = FailureAnswer)), security(("bearer" = ["actions:execute"])))]
pub async fn fail_job(
    State(state): State<WebState>,
    caller: Allowed<demand::ActionsExecute>,
    Id(key): Id<JobId>,
    Body(failed): Body<Failure>,
) -> Result<Json<FailureAnswer>, Problem> {
    let Failure { lease_token, retryable, code, message, backoff_ms } = failed;
    let report = Report { retryable, code, message, backoff_ms };
    let next = pull::fail(&state.services, caller.actor(), key, &lease_token, &report).await?;
    let retry_at = match next {
        Attempted::Again(at) => Some(at),
        Attempted::GivenUp => None,
    };
    Ok(Json(FailureAnswer { retry_at }))
}

/// Lengthens a lease.
#[utoipa::path(post, path = "/v1/jobs/{key}/extend", tag = "jobs", params(KeyPath), request_body = Extension,
    responses((status = 200, body = Extended)), security(("bearer" = ["actions:execute"])))]
pub async fn extend_job(
    State(state): State<WebState>,
    caller: Allowed<demand::ActionsExecute>,
    Id(key): Id<JobId>,
    Body(more): Body<Extension>,
) -> Result<Json<Extended>, Problem> {
    let lease_until = pull::extend(&state.services, caller.actor(), key, &more.lease_token, more.timeout_ms).await?;
    Ok(Json(Extended { lease_until }))
}
