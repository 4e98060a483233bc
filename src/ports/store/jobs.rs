//! The outbox and the incidents.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::domain::ids::{IncidentId, JobId};
use crate::domain::job::{Incident, Job, JobKind, JobStatus, NewJob};

/// Which jobs a worker wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Kinds it can do; empty for all.
    pub kinds: Vec<JobKind>,
    /// `true`: jobs for pull workers; `false`: the service's own.
    pub pull: bool,
    /// Only this topic.
    pub topic: Option<String>,
    /// Who takes it.
    pub worker: String,
    /// At most so many.
    pub limit: u32,
    /// Now: only jobs that are due, or whose lease has run out.
    pub now: Timestamp,
    /// Until when the lease holds.
    pub lease_until: Timestamp,
}

/// Jobs and incidents.
#[async_trait]
pub trait Jobs {
    /// Writes a job. With `dedupe` set and an unfinished job of the same text present, nothing is written and `false`
    /// returned.
    async fn enqueue(&mut self, job: &NewJob) -> Result<bool, StoreError>;

    /// Leases due jobs, oldest first. `token` makes the lease token of each from its id and attempt. PostgreSQL skips
    /// locked rows. An attempt is counted when the lease is taken; a lease that runs out can be taken again.
    async fn claim(
        &mut self,
        claim: &Claim,
        token: &(dyn Fn(JobId) -> String + Send + Sync),
    ) -> Result<Vec<Job>, StoreError>;

    /// One job with its status, whatever its lease.
    async fn job(&mut self, id: JobId) -> Result<Option<(Job, JobStatus)>, StoreError>;

    /// Finishes a leased job; `false` when the token no longer holds (lease lost), and nothing changes.
    async fn finish_job(&mut self, id: JobId, token: &str, at: Timestamp) -> Result<bool, StoreError>;

    /// Puts a leased job back to be tried at `run_at`; `false` when the lease is lost.
    async fn retry_job(&mut self, id: JobId, token: &str, run_at: Timestamp, error: &str) -> Result<bool, StoreError>;

    /// Ends a leased job without success; `false` when the lease is lost.
    async fn kill_job(&mut self, id: JobId, token: &str, at: Timestamp, error: &str) -> Result<bool, StoreError>;

    /// Lengthens a lease; `false` when it is lost.
    async fn extend_job(&mut self, id: JobId, token: &str, until: Timestamp) -> Result<bool, StoreError>;

    /// Makes a dead job ready again with so many more attempts; `false` when it is not dead.
    async fn revive_job(&mut self, id: JobId, attempts: u32, run_at: Timestamp) -> Result<bool, StoreError>;

    /// Unfinished jobs (ready and leased) by kind.
    async fn count_jobs(&mut self) -> Result<Vec<(JobKind, JobStatus, i64)>, StoreError>;

    /// The earliest `run_at` or lease end of an unfinished internal job.
    async fn next_job_at(&mut self) -> Result<Option<Timestamp>, StoreError>;

    /// Opens an incident.
    async fn insert_incident(&mut self, incident: &Incident) -> Result<(), StoreError>;

    /// One incident.
    async fn incident(&mut self, id: IncidentId) -> Result<Option<Incident>, StoreError>;

    /// Newest first.
    async fn list_incidents(
        &mut self,
        open: Option<bool>,
        before: Option<IncidentId>,
        limit: u32,
    ) -> Result<Vec<Incident>, StoreError>;

    /// Writes an incident where the version still is `incident.version`; returns it with the raised version.
    async fn update_incident(&mut self, incident: &Incident) -> Result<Incident, StoreError>;
}
