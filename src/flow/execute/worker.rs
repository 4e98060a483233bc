//! The worker: leases due jobs of every internal kind and does them.
//!
//! Guarantees: no job, failing, slow or panicking, stops another; each kind gets its turn in every round; a job that gives
//! up becomes an incident. Non-goals: jobs of pull workers, and exactly-once work (handlers can be run again).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::{dispatch, lease, reap};
use crate::domain::job::{Job, JobError, JobKind};
use crate::flow::FlowError;
use crate::flow::accept::detect;
use crate::flow::learn::registry;
use crate::flow::services::Services;
use crate::ports::store::jobs::Claim;

/// In the order in which they are looked for: what was approved goes first.
const KINDS: [JobKind; 8] = [
    JobKind::ExecuteAction,
    JobKind::ProposalTimer,
    JobKind::CaseTimer,
    JobKind::ReadMessage,
    JobKind::AssessOrder,
    JobKind::EffectCheck,
    JobKind::DeliverEvent,
    JobKind::IndexCases,
];

/// Jobs of one kind that run side by side.
const BATCH: u32 = 16;

/// A bound on one drain, so that jobs which make jobs cannot hold the caller for ever.
const ROUNDS_MAX: u32 = 10_000;

const POLL_INTERVAL: Duration = Duration::from_millis(500);

const SWEEP_INTERVAL: SignedDuration = SignedDuration::from_secs(60);

const SWEEP_LIMIT: u32 = 500;

/// One worker.
pub struct Worker {
    services: Arc<Services>,
    name: String,
}

impl Worker {
    /// A worker under a name that appears in leases and logs.
    #[must_use]
    pub fn new(services: Arc<Services>, name: impl Into<String>) -> Self {
        Self { services, name: name.into() }
    }

    /// Does every job that is due at `now`, and those that these make due; returns how many. A failure of the store ends
    /// the drain and is logged: the jobs stay.
    pub async fn run_once(&self, now: Timestamp) -> usize {
        let mut done = 0;
        for _ in 0..ROUNDS_MAX {
            match self.round(now).await {
                Ok(0) => break,
                Ok(jobs) => done += jobs,
                Err(error) => {
                    tracing::error!(worker = %self.name, %error, "jobs could not be claimed");
                    metrics::counter!("holdfast_job_claims_failed_total").increment(1);
                    break;
                }
            }
        }
        done
    }

    /// Works until `shutdown` says `true` or its sender is gone; jobs under way are finished first.
    pub async fn run(&self, mut shutdown: watch::Receiver<bool>) {
        tracing::info!(worker = %self.name, "worker started");
        let mut sweep_at = Timestamp::MIN;
        while !*shutdown.borrow() {
            let now = self.services.clock.now();
            self.run_once(now).await;
            if now >= sweep_at {
                self.sweep().await;
                sweep_at = now.checked_add(SWEEP_INTERVAL).unwrap_or(Timestamp::MAX);
            }
            tokio::select! {
                changed = shutdown.changed() => if changed.is_err() { break },
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
        tracing::info!(worker = %self.name, "worker stopped");
    }

    /// Looks at what time alone makes true: conditions that became due, and executions that nobody will finish.
    pub async fn sweep(&self) {
        match detect::sweep(&self.services, SWEEP_LIMIT).await {
            Ok(orders) => tracing::debug!(orders, "swept"),
            Err(error) => tracing::error!(%error, "sweep failed"),
        }
        if let Err(error) = reap::reap(&self.services).await {
            tracing::error!(%error, "abandoned executions could not be looked for");
        }
        match registry::follow(&self.services).await {
            Ok(swapped) if !swapped.is_empty() => {
                tracing::info!(?swapped, "models follow what another instance serves")
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "models could not follow what serves"),
        }
    }

    async fn round(&self, now: Timestamp) -> Result<usize, FlowError> {
        // Looked at in a reading transaction, so that an idle worker never waits for the writer.
        match self.services.store.read().await?.next_job_at().await? {
            Some(at) if at <= now => {}
            _ => return Ok(0),
        }
        let mut done = 0;
        for kind in KINDS {
            let jobs = self.claim(kind, now).await?;
            done += jobs.len();
            self.work(jobs).await;
        }
        Ok(done)
    }

    async fn claim(&self, kind: JobKind, now: Timestamp) -> Result<Vec<Job>, FlowError> {
        let span = SignedDuration::from_secs(i64::from(self.services.settings.lease_s));
        // From the clock: a long drain goes on looking at its beginning, and a lease must outlast what it is for.
        let from = self.services.clock.now().max(now);
        let claim = Claim {
            kinds: vec![kind],
            pull: false,
            topic: None,
            worker: self.name.clone(),
            limit: BATCH,
            now,
            lease_until: from.checked_add(span).unwrap_or(Timestamp::MAX),
        };
        lease(&self.services, &claim).await
    }

    /// Does jobs side by side, each in a task of its own, so that a panic ends that job alone.
    async fn work(&self, jobs: Vec<Job>) {
        let mut tasks = JoinSet::new();
        let mut running = HashMap::new();
        for job in jobs {
            let span = tracing::info_span!("job", job_id = %job.id, kind = job.kind.name(), attempt = job.attempt);
            let (services, task_job) = (Arc::clone(&self.services), job.clone());
            let task = tasks.spawn(async move { dispatch::run(&services, &task_job).await }.instrument(span));
            running.insert(task.id(), job);
        }
        while let Some(ended) = tasks.join_next_with_id().await {
            let Err(error) = ended else { continue };
            let Some(job) = running.get(&error.id()) else { continue };
            tracing::error!(job_id = %job.id, kind = job.kind.name(), %error, "job panicked");
            dispatch::report(&self.services, job, JobError::retry("panicked", "the handler panicked; see the log"))
                .await;
        }
    }
}
