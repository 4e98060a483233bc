//! The outbox with its leases, and the incidents.
//!
//! Guarantees: a lease is held by its token alone, so a worker that finishes late but before anyone else took the job still
//! finishes it. A job whose last attempt's lease ran out is leased once more with `attempt > attempts_max`: whoever takes
//! it must end it, so that no job stays unfinished unseen.

use async_trait::async_trait;
use jiff::Timestamp;

use super::Tx;
use super::sql::{Argument, Row, Sql, json};
use crate::domain::ids::{IncidentId, JobId};
use crate::domain::job::{Incident, Job, JobKind, JobStatus, NewJob};
use crate::ports::store::StoreError;
use crate::ports::store::jobs::{Claim, Jobs};

#[async_trait]
impl Jobs for Tx {
    async fn enqueue(&mut self, job: &NewJob) -> Result<bool, StoreError> {
        let inserted = Sql::new(
            "jobs",
            "INSERT INTO jobs (id, kind, topic, pull, status, due_at, run_at, dedupe, proposal_id, attempt, \
             attempts_max, lease_token, payload) VALUES ($1, $2, $3, $4, 'ready', $5, $5, $6, $7, 0, $8, '', $9) \
             ON CONFLICT (dedupe) WHERE due_at IS NOT NULL DO NOTHING",
        )
        .bind(job.id.to_string())
        .bind(job.kind.name())
        .bind(&job.topic)
        .bind(job.pull)
        .bind(job.run_at)
        .bind(job.dedupe.as_deref())
        .bind(job.proposal_id.map(|id| id.to_string()))
        .bind(job.attempts_max)
        .bind(json("jobs", &job.payload)?)
        .run(self)
        .await?;
        Ok(inserted == 1)
    }

    async fn claim(
        &mut self,
        claim: &Claim,
        token: &(dyn Fn(JobId) -> String + Send + Sync),
    ) -> Result<Vec<Job>, StoreError> {
        // Two statements for the whole batch: tokens are made from the ids, so these must be known, and locked, first.
        let mut sql = Sql::new(
            "jobs",
            "SELECT id, kind, topic, payload, proposal_id, attempt + 1, attempts_max FROM jobs \
             WHERE pull = $1 AND due_at <= $2",
        )
        .bind(claim.pull)
        .bind(claim.now);
        if !claim.kinds.is_empty() {
            sql = sql.list(" AND kind IN ", claim.kinds.iter().map(|kind| kind.name()));
        }
        let sql = sql.when(" AND topic = ", claim.topic.as_deref()).with(" ORDER BY due_at, id LIMIT ", claim.limit);
        let rows = sql.push(self.backend.for_update_skip_locked()).rows(self).await?;
        let leased = |row: &Row| {
            let id = row.parsed(0)?;
            job(row, token(id), claim.lease_until)
        };
        let jobs = rows.iter().map(leased).collect::<Result<Vec<_>, _>>()?;
        if jobs.is_empty() {
            return Ok(jobs);
        }
        let pairs = jobs.iter().map(|j| [Argument::from(j.id.to_string()), Argument::from(&j.lease_token)]);
        Sql::new(
            "jobs",
            "UPDATE jobs SET status = 'leased', attempt = attempt + 1, due_at = $1, lease_until = $1, worker = $2, \
             lease_token = taken.column2 FROM (VALUES ",
        )
        .bind(claim.lease_until)
        .bind(&claim.worker)
        .tuples("", pairs)
        .push(") AS taken WHERE jobs.id = taken.column1")
        .run(self)
        .await?;
        Ok(jobs)
    }

    async fn job(&mut self, id: JobId) -> Result<Option<(Job, JobStatus)>, StoreError> {
        let sql = Sql::new(
            "jobs",
            "SELECT id, kind, topic, payload, proposal_id, attempt, attempts_max, lease_token, \
             COALESCE(lease_until, run_at), status FROM jobs WHERE id = $1",
        );
        let Some(row) = sql.bind(id.to_string()).row(self).await? else {
            return Ok(None);
        };
        Ok(Some((job(&row, row.text(7)?, row.time(8)?)?, row.member(9, JobStatus::parse)?)))
    }

    async fn finish_job(&mut self, id: JobId, token: &str, at: Timestamp) -> Result<bool, StoreError> {
        let sql = Sql::new("jobs", "UPDATE jobs SET status = 'done', due_at = NULL, finished_at = $1");
        while_leased(self, sql.bind(at), id, token).await
    }

    async fn retry_job(&mut self, id: JobId, token: &str, run_at: Timestamp, error: &str) -> Result<bool, StoreError> {
        let sql = Sql::new(
            "jobs",
            "UPDATE jobs SET status = 'ready', due_at = $1, run_at = $1, error = $2, lease_token = '', \
             lease_until = NULL",
        );
        while_leased(self, sql.bind(run_at).bind(error), id, token).await
    }

    async fn kill_job(&mut self, id: JobId, token: &str, at: Timestamp, error: &str) -> Result<bool, StoreError> {
        let sql = Sql::new("jobs", "UPDATE jobs SET status = 'dead', due_at = NULL, finished_at = $1, error = $2");
        while_leased(self, sql.bind(at).bind(error), id, token).await
    }

    async fn extend_job(&mut self, id: JobId, token: &str, until: Timestamp) -> Result<bool, StoreError> {
        let sql = Sql::new("jobs", "UPDATE jobs SET due_at = $1, lease_until = $1");
        while_leased(self, sql.bind(until), id, token).await
    }

    async fn revive_job(&mut self, id: JobId, attempts: u32, run_at: Timestamp) -> Result<bool, StoreError> {
        let changed = Sql::new(
            "jobs",
            "UPDATE jobs SET status = 'ready', due_at = $1, run_at = $1, attempts_max = attempt + $2, \
             finished_at = NULL, lease_token = '', lease_until = NULL WHERE id = $3 AND status = 'dead'",
        )
        .bind(run_at)
        .bind(attempts)
        .bind(id.to_string())
        .run(self)
        .await?;
        Ok(changed == 1)
    }

    async fn count_jobs(&mut self) -> Result<Vec<(JobKind, JobStatus, i64)>, StoreError> {
        let sql = Sql::new(
            "jobs",
            "SELECT kind, status, COUNT(*) FROM jobs WHERE due_at IS NOT NULL GROUP BY kind, status ORDER BY kind, status",
        );
        let count = |row: &Row| Ok((row.member(0, JobKind::parse)?, row.member(1, JobStatus::parse)?, row.integer(2)?));
        sql.rows(self).await?.iter().map(count).collect()
    }

    async fn next_job_at(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let sql = Sql::new("jobs", "SELECT MIN(due_at) FROM jobs WHERE pull = 0 AND due_at IS NOT NULL");
        match sql.row(self).await? {
            Some(row) => row.optional_time(0),
            None => Ok(None),
        }
    }

    async fn insert_incident(&mut self, incident: &Incident) -> Result<(), StoreError> {
        Sql::new("incidents", "INSERT INTO incidents (id, open, version, document) VALUES ($1, $2, $3, $4)")
            .bind(incident.id.to_string())
            .bind(incident.closed_at.is_none())
            .bind(incident.version)
            .bind(json("incidents", incident)?)
            .run(self)
            .await?;
        Ok(())
    }

    async fn incident(&mut self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        let sql = Sql::new("incidents", "SELECT id, document FROM incidents WHERE id = $1");
        sql.bind(id.to_string()).document(self).await
    }

    async fn list_incidents(
        &mut self,
        open: Option<bool>,
        before: Option<IncidentId>,
        limit: u32,
    ) -> Result<Vec<Incident>, StoreError> {
        Sql::new("incidents", "SELECT id, document FROM incidents WHERE 1 = 1")
            .when(" AND open = ", open)
            .when(" AND id < ", before.map(|id| id.to_string()))
            .with(" ORDER BY id DESC LIMIT ", limit)
            .documents(self)
            .await
    }

    async fn update_incident(&mut self, incident: &Incident) -> Result<Incident, StoreError> {
        let next = Incident { version: incident.version + 1, ..incident.clone() };
        Sql::new(
            "incidents",
            "UPDATE incidents SET open = $1, version = $2, document = $3 WHERE id = $4 AND version = $5",
        )
        .bind(next.closed_at.is_none())
        .bind(next.version)
        .bind(json("incidents", &next)?)
        .bind(incident.id.to_string())
        .bind(incident.version)
        .run_or_conflict(self, &incident.id.to_string())
        .await?;
        Ok(next)
    }
}

/// Runs an update only where `token` still holds the lease.
async fn while_leased(tx: &mut Tx, sql: Sql, id: JobId, token: &str) -> Result<bool, StoreError> {
    let sql = sql.with(" WHERE id = ", id.to_string()).with(" AND status = 'leased' AND lease_token = ", token);
    Ok(sql.run(tx).await? == 1)
}

/// Selects (id, kind, topic, payload, `proposal_id`, attempt, `attempts_max`).
fn job(row: &Row, lease_token: String, lease_until: Timestamp) -> Result<Job, StoreError> {
    let proposal_id = match row.optional_text(4)? {
        None => None,
        Some(_) => Some(row.parsed(4)?),
    };
    Ok(Job {
        id: row.parsed(0)?,
        kind: row.member(1, JobKind::parse)?,
        topic: row.text(2)?,
        payload: row.document(3)?,
        proposal_id,
        attempt: row.number(5)?,
        attempts_max: row.number(6)?,
        lease_token,
        lease_until,
    })
}
