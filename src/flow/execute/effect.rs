//! Effect verification: an executed action is believed when the world shows it, not when the executor says so.
//!
//! Guarantees: looked at an eighth, a half and the end of the declared window; not seen by then is an incident and gives
//! the case back; an action that declares no effect only gives its case back when the condition outlasts the window.
//! Non-goals: undoing.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::finish::to_triaged;
use super::incident::{self, NewIncident};
use super::{case_of, lease_lost, record};
use crate::domain::action::ExpectedEffect;
use crate::domain::actor::Actor;
use crate::domain::case::{Case, CaseState, Origin, Resolution};
use crate::domain::ids::{JobId, ProposalId};
use crate::domain::job::{Incident, Job, JobKind, NewJob};
use crate::domain::proposal::{Proposal, ProposalEvent, ProposalState};
use crate::flow::accept::detect;
use crate::flow::decide::catalogue::hindsight;
use crate::flow::decide::evidence;
use crate::flow::expression::Expression;
use crate::flow::services::{Ctx, Services};
use crate::flow::{FlowError, cases};
use crate::in_transaction;
use crate::ports::store::Transaction;

/// How long a case is monitored after an action that declares no effect.
const WINDOW_H: u32 = 24;

/// When the window is looked at, as its eighths.
const LOOKS: [i32; 3] = [1, 4, 8];

const ATTEMPTS_MAX: u32 = 10;

/// Writes the checks of a proposal that was just executed and returns the end of its window.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn schedule(tx: &mut dyn Transaction, ctx: &Ctx<'_>, proposal: &Proposal) -> Result<Timestamp, FlowError> {
    let window = window(proposal);
    for eighths in LOOKS {
        let wait = SignedDuration::from_millis_i128(window.as_millis() * i128::from(eighths) / 8);
        let job = NewJob {
            id: JobId::new(ctx.now, ctx.entropy),
            kind: JobKind::EffectCheck,
            topic: String::new(),
            pull: false,
            payload: json!({ "proposal_id": proposal.id }),
            run_at: ctx.now.checked_add(wait).unwrap_or(Timestamp::MAX),
            dedupe: Some(format!("effect:{}:{eighths}", proposal.id)),
            proposal_id: Some(proposal.id),
            attempts_max: ATTEMPTS_MAX,
        };
        tx.enqueue(&job).await?;
    }
    Ok(ctx.now.checked_add(window).unwrap_or(Timestamp::MAX))
}

fn window(proposal: &Proposal) -> SignedDuration {
    let hours = proposal.effect.as_ref().map_or(WINDOW_H, |effect| effect.within_h);
    SignedDuration::from_hours(i64::from(hours))
}

/// Looks for the effect of an executed proposal now, and finishes `job` in the same transaction.
///
/// # Errors
/// [`FlowError::Conflict`] with code `lease-lost`, [`FlowError::NotFound`], and what the store says.
pub async fn check(services: &Services, proposal_id: ProposalId, job: &Job) -> Result<(), FlowError> {
    in_transaction!(services.store, |tx| {
        let now = services.clock.now();
        let ctx = Ctx { now, entropy: &*services.entropy, actor: Actor::System };
        if tx.finish_job(job.id, &job.lease_token, now).await? {
            look(services, &mut *tx, &ctx, proposal_id, job.id).await
        } else {
            Err(lease_lost(job.id))
        }
    })
}

async fn look(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    id: ProposalId,
    job_id: JobId,
) -> Result<(), FlowError> {
    let missing = || FlowError::NotFound { kind: "proposal", id: id.to_string() };
    let proposal = tx.proposal(id).await?.ok_or_else(missing)?;
    let ProposalState::Succeeded { at, effect_seen: None, .. } = &proposal.state else { return Ok(()) };
    let over = ctx.now >= at.checked_add(window(&proposal)).unwrap_or(Timestamp::MAX);
    match proposal.effect.clone() {
        Some(effect) if holds(tx, &proposal, &effect, ctx.now).await? => seen(services, tx, ctx, proposal).await,
        Some(effect) if over => not_seen(tx, ctx, proposal, &effect, job_id).await,
        None if over => {
            let case = case_of(tx, &proposal).await?;
            to_triaged(tx, ctx, case, id, &json!({ "proposal_id": id, "why": "the condition outlasted the action" }))
                .await
        }
        _ => Ok(()),
    }
}

async fn holds(
    tx: &mut dyn Transaction,
    proposal: &Proposal,
    effect: &ExpectedEffect,
    now: Timestamp,
) -> Result<bool, FlowError> {
    let Some(facts) = evidence::of(tx, &proposal.target, now).await? else { return Ok(false) };
    let scope = hindsight(&facts, &proposal.evidence, &proposal.action.parameters);
    match Expression::compile(&effect.when).and_then(|expression| expression.truth(&scope)) {
        Ok(seen) => Ok(seen),
        Err(error) => {
            // Facts that are not there yet (no shipment, no invoice) show no effect; they may later.
            tracing::debug!(proposal_id = %proposal.id, %error, "effect cannot be evaluated on these facts");
            Ok(false)
        }
    }
}

async fn seen(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: Proposal,
) -> Result<(), FlowError> {
    let verified =
        Proposal { state: proposal.state.clone().after(ProposalEvent::EffectSeen { at: ctx.now })?, ..proposal };
    let verified = tx.update_proposal(&verified).await?;
    let says = verified.effect.as_ref().map(|effect| effect.says.as_str());
    let detail = json!({ "says": says });
    tx.append_audit(ctx.audit("effect.seen", format!("proposal:{}", verified.id), detail)).await?;
    let Some(case) = case_of(tx, &verified).await? else { return Ok(()) };
    match case {
        // Nothing but the effect can show that a failed execution was made good.
        Case { origin: Origin::Execution, ref state, .. } if state.is_open() => {
            let resolution = Resolution::EffectVerified { proposal_id: verified.id };
            let next = CaseState::Resolved { at: ctx.now, resolution };
            cases::transition(tx, ctx, case, next, json!({ "proposal_id": verified.id })).await.map(drop)
        }
        // Whether the condition itself cleared is for the rules; otherwise the case stays monitored.
        Case { origin: Origin::Rule { .. }, ref state, .. } if state.is_open() => {
            let cause = execution_of(&verified);
            detect::reconcile(services, tx, ctx, &case.key.order_id, &cause).await.map(drop)
        }
        _ => Ok(()),
    }
}

fn execution_of(proposal: &Proposal) -> crate::domain::event::EventRef {
    crate::domain::event::EventRef { source: record::SOURCE.to_owned(), id: format!("effect:{}", proposal.id) }
}

/// Code of the incident that an effect was waited for in vain.
const NOT_SEEN: &str = "no-effect-seen";

/// Open incidents that are looked through for one that says so already.
const KNOWN_MAX: u32 = 1_000;

async fn not_seen(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    proposal: Proposal,
    effect: &ExpectedEffect,
    job_id: JobId,
) -> Result<(), FlowError> {
    // Looks that were due long ago are made together: the first one that finds the time over has said it.
    let said = |known: &Incident| known.proposal_id == Some(proposal.id) && known.code == NOT_SEEN;
    if tx.list_incidents(Some(true), None, KNOWN_MAX).await?.iter().any(said) {
        return Ok(());
    }
    let message = format!("executed, no effect seen within {} hours: {}", effect.within_h, effect.says);
    let detail = json!({ "proposal_id": proposal.id, "says": effect.says });
    tx.append_audit(ctx.audit("effect.not_seen", format!("proposal:{}", proposal.id), detail.clone())).await?;
    let case = case_of(tx, &proposal).await?;
    let new = NewIncident {
        job_id: Some(job_id),
        interface: None,
        proposal_id: Some(proposal.id),
        case_id: case.as_ref().map(|case| case.id),
        owner: case.as_ref().map_or(incident::OWNER, |case| &case.owner).to_owned(),
        code: NOT_SEEN.to_owned(),
        message,
        detail: Value::Null,
    };
    incident::open(tx, ctx, new).await?;
    to_triaged(tx, ctx, case, proposal.id, &detail).await
}
