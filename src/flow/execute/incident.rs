//! Incidents: failures that wait for their owner until a person closes or resumes them. Most are of jobs that gave up; one
//! of an interface is opened where a transaction failed before there was an order.
//!
//! Guarantees: nothing closes an incident but a person, with a reason; resuming never runs an action whose approval is
//! spent. Non-goals: changing an action, which needs a new proposal.

use serde_json::{Value, json};

use crate::domain::actor::Actor;
use crate::domain::ids::{CaseId, IncidentId, JobId, ProposalId};
use crate::domain::job::{Incident, JobStatus};
use crate::domain::payload::IntegrationFailed;
use crate::flow::FlowError;
use crate::flow::services::{Ctx, Services};
use crate::in_transaction;
use crate::ports::store::Transaction;

/// The group that owns an incident which belongs to no case.
pub const OWNER: &str = "integration";

/// Open incidents that are looked at for one of the same interface.
const OPEN_LOOKED_AT: u32 = 500;

/// Attempts that resuming grants.
const RESUME_ATTEMPTS: u32 = 3;

/// An incident to be opened.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "see Incident")]
pub struct NewIncident {
    pub job_id: Option<JobId>,
    pub interface: Option<String>,
    pub proposal_id: Option<ProposalId>,
    pub case_id: Option<CaseId>,
    pub owner: String,
    pub code: String,
    pub message: String,
    /// Particulars for the audit entry.
    pub detail: Value,
}

/// Opens an incident.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn open(tx: &mut dyn Transaction, ctx: &Ctx<'_>, new: NewIncident) -> Result<Incident, FlowError> {
    let incident = Incident {
        id: IncidentId::new(ctx.now, ctx.entropy),
        job_id: new.job_id,
        interface: new.interface,
        proposal_id: new.proposal_id,
        case_id: new.case_id,
        owner: new.owner,
        code: new.code,
        message: new.message,
        opened_at: ctx.now,
        closed_at: None,
        version: 1,
    };
    tx.insert_incident(&incident).await?;
    let detail = json!({
        "job_id": incident.job_id, "interface": incident.interface, "proposal_id": incident.proposal_id, "case_id": incident.case_id,
        "owner": incident.owner, "code": incident.code, "message": incident.message, "detail": new.detail,
    });
    tx.append_audit(ctx.audit("incident.opened", format!("incident:{}", incident.id), detail)).await?;
    let (job_id, interface) = (incident.job_id.map(tracing::field::display), incident.interface.as_deref());
    tracing::warn!(incident_id = %incident.id, job_id, interface, code = %incident.code, "incident opened");
    metrics::counter!("holdfast_incidents_opened_total", "code" => incident.code.clone()).increment(1);
    Ok(incident)
}

/// Opens an incident for an interface whose transaction failed before there was an order; one that is open already is
/// enough for all that fails there.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn of_interface(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    interface: &str,
    failure: &IntegrationFailed,
) -> Result<(), FlowError> {
    let open_ones = tx.list_incidents(Some(true), None, OPEN_LOOKED_AT).await?;
    if failure.resolved || open_ones.iter().any(|open| open.interface.as_deref() == Some(interface)) {
        return Ok(());
    }
    let IntegrationFailed { document_type, error_code, detail, .. } = failure;
    let words = [error_code.as_deref(), detail.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(": ");
    let new = NewIncident {
        job_id: None,
        interface: Some(interface.to_owned()),
        proposal_id: None,
        case_id: None,
        owner: OWNER.to_owned(),
        code: "integration-failed".to_owned(),
        message: format!("`{document_type}` through `{interface}` failed and belongs to no order: {words}"),
        detail: json!(failure),
    };
    open(tx, ctx, new).await.map(drop)
}

/// Incidents, newest first.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn list(
    services: &Services,
    open: Option<bool>,
    before: Option<IncidentId>,
    limit: u32,
) -> Result<Vec<Incident>, FlowError> {
    Ok(services.store.read().await?.list_incidents(open, before, limit).await?)
}

/// One incident.
///
/// # Errors
/// [`FlowError::NotFound`], [`FlowError::Store`].
pub async fn get(services: &Services, id: IncidentId) -> Result<Incident, FlowError> {
    find(&mut *services.store.read().await?, id).await
}

/// Closes an incident for `reason`.
///
/// # Errors
/// [`FlowError::NotFound`], [`FlowError::Stale`], [`FlowError::Invalid`] without a reason, [`FlowError::Conflict`] when it
/// is closed.
pub async fn close(
    services: &Services,
    actor: &Actor,
    id: IncidentId,
    version: i64,
    reason: &str,
) -> Result<Incident, FlowError> {
    if reason.trim().is_empty() {
        return Err(FlowError::Invalid {
            code: "reason-required",
            message: "closing an incident takes a `reason`".to_owned(),
            pointer: Some("/reason".to_owned()),
        });
    }
    by_person(actor)?;
    in_transaction!(services.store, |tx| {
        let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: actor.clone() };
        end(&mut *tx, &ctx, id, version, "incident.closed", json!({ "reason": reason })).await
    })
}

/// Gives the incident's job more attempts, and closes the incident.
///
/// # Errors
/// [`FlowError::NotFound`], [`FlowError::Stale`], [`FlowError::Conflict`] when it is closed, when its job did not give up
/// (`not-resumable`) or when the proposal can no longer run (`proposal-settled`).
pub async fn resume(services: &Services, actor: &Actor, id: IncidentId, version: i64) -> Result<Incident, FlowError> {
    by_person(actor)?;
    in_transaction!(services.store, |tx| {
        let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: actor.clone() };
        resume_in(&mut *tx, &ctx, id, version).await
    })
}

fn by_person(actor: &Actor) -> Result<(), FlowError> {
    let denied = || FlowError::Denied {
        code: "not-a-person",
        reason: "an incident waits for a person: only a person may close or resume it".to_owned(),
        policies: Vec::new(),
    };
    actor.person().map(drop).ok_or_else(denied)
}

async fn resume_in(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    id: IncidentId,
    version: i64,
) -> Result<Incident, FlowError> {
    let incident = find(tx, id).await?;
    if let Some(proposal_id) = incident.proposal_id
        && let Some(proposal) = tx.proposal(proposal_id).await?
        && !proposal.state.is_live()
    {
        return Err(FlowError::Conflict {
            code: "proposal-settled",
            message: format!(
                "proposal `{proposal_id}` is {}: its approval is spent; propose the action again and have it approved",
                proposal.state.name()
            ),
            detail: json!({ "proposal_id": proposal_id, "state": proposal.state.name() }),
        });
    }
    let revived = match incident.job_id {
        Some(job_id) => {
            let dead = matches!(tx.job(job_id).await?, Some((_, JobStatus::Dead)));
            dead && tx.revive_job(job_id, RESUME_ATTEMPTS, ctx.now).await?
        }
        None => false,
    };
    if !revived {
        return Err(FlowError::Conflict {
            code: "not-resumable",
            message: "no job of the incident gave up, so there is nothing to resume; close the incident".to_owned(),
            detail: json!({ "job_id": incident.job_id }),
        });
    }
    end(tx, ctx, id, version, "incident.resumed", json!({ "attempts": RESUME_ATTEMPTS })).await
}

async fn find(tx: &mut dyn Transaction, id: IncidentId) -> Result<Incident, FlowError> {
    let missing = || FlowError::NotFound { kind: "incident", id: id.to_string() };
    tx.incident(id).await?.ok_or_else(missing)
}

async fn end(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    id: IncidentId,
    version: i64,
    action: &'static str,
    detail: Value,
) -> Result<Incident, FlowError> {
    let incident = find(tx, id).await?;
    if incident.version != version {
        return Err(FlowError::Stale { kind: "incident", expected: version, actual: incident.version });
    }
    if let Some(at) = incident.closed_at {
        return Err(FlowError::Conflict {
            code: "invalid-transition",
            message: format!("incident `{id}` was closed at {at}"),
            detail: Value::Null,
        });
    }
    let closed = tx.update_incident(&Incident { closed_at: Some(ctx.now), ..incident }).await?;
    tx.append_audit(ctx.audit(action, format!("incident:{id}"), detail)).await?;
    Ok(closed)
}
