//! Assessing cases: features, risk and ranking as of a time, kept where a later outcome finds them.
//!
//! Guarantees: what is kept for training is the very row that was scored; a line whose ship date is past missing gives no
//! row, so that no feature post-dates its outcome; a new case becomes triaged in the transaction that assesses it.
//! Non-goals: choosing an action; the best one is named, never proposed.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::features::{self, Rates, SCHEMA_VERSION};
use super::risk::{self, Asked};
use super::summary::kept;
use crate::domain::actor::Actor;
use crate::domain::case::{Case, CaseAssessment, CaseState};
use crate::domain::decision::{Abstention, Evidence, RankedCase, Risk};
use crate::domain::ids::{AssessmentId, CaseId};
use crate::domain::job::{Job, NewJob};
use crate::domain::order::Order;
use crate::domain::outcome::{Assessment, Stakes};
use crate::flow::FlowError;
use crate::flow::accept::detect;
use crate::flow::cases;
use crate::flow::decide::candidates::{self, CaseView};
use crate::flow::decide::nearest;
use crate::flow::decide::queue::{self, Standing};
use crate::flow::decide::rank::{self, Basis, Known, Subject};
use crate::flow::decide::{log, prioritize};
use crate::flow::execute::emit::emit;
use crate::flow::execute::lease_lost;
use crate::flow::facts::{self, Facts};
use crate::flow::services::{Ctx, Services};
use crate::flow::sla;
use crate::in_transaction;
use crate::ports::store::Transaction;

/// A case that is assessed again and again gives a training row at most this often.
const ROW_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// Assesses as a leased job and ends it. The end comes first in the transaction: what happens to the order meanwhile asks
/// for a job of its own, and finds none that has already looked.
///
/// # Errors
/// [`FlowError::Conflict`] with code `lease-lost`, and as [`assess_order`].
pub async fn assess_job(services: &Services, job: &Job, order_id: &str) -> Result<(), FlowError> {
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: Actor::System };
    // Asked before the transaction, in which nobody outside is.
    let evidence = evidence(services, order_id, ctx.now).await?;
    in_transaction!(services.store, |tx| match tx.finish_job(job.id, &job.lease_token, ctx.now).await {
        Ok(true) => assess(services, tx.as_mut(), &ctx, (order_id, &evidence)).await,
        Ok(false) => Err(lease_lost(job.id)),
        Err(error) => Err(error.into()),
    })
}

/// Assesses every open case of an order at `now`.
///
/// # Errors
/// [`FlowError`].
pub async fn assess_order(services: &Services, order_id: &str, now: Timestamp) -> Result<(), FlowError> {
    let ctx = Ctx { now, entropy: &*services.entropy, actor: Actor::System };
    let evidence = evidence(services, order_id, now).await?;
    in_transaction!(services.store, |tx| assess(services, tx.as_mut(), &ctx, (order_id, &evidence)).await)
}

/// What the nearest resolved cases say of each open case of an order.
async fn evidence(
    services: &Services,
    order_id: &str,
    now: Timestamp,
) -> Result<BTreeMap<CaseId, Evidence>, FlowError> {
    let mut asked = Vec::new();
    let mut tx = services.store.read().await?;
    for case in tx.open_cases_of(order_id).await? {
        if let Some(facts) = facts::of_line(&mut *tx, order_id, case.key.line_no, now).await? {
            let rates = features::rates(&mut *tx, &facts).await?;
            let row = features::of(&facts, &rates, Some(case.key.category));
            asked.push((case, facts.order.currency, row));
        }
    }
    drop(tx);
    let questions: Vec<_> = asked
        .iter()
        .map(|(case, currency, features)| nearest::Asked {
            case_id: Some(case.id),
            category: case.key.category,
            currency,
            as_of: now,
            features,
        })
        .collect();
    let found = nearest::of_each(&*services.vectors, &questions).await;
    let known = asked.iter().map(|(case, ..)| case.id).zip(found);
    Ok(known.filter_map(|(id, evidence)| Some((id, evidence?))).collect())
}

async fn assess(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    (order_id, evidence): (&str, &BTreeMap<CaseId, Evidence>),
) -> Result<(), FlowError> {
    let Some((order, _)) = tx.order(order_id).await? else { return Ok(()) };
    for case in tx.open_cases_of(order_id).await? {
        if let Some(facts) = facts::of_line(tx, order_id, case.key.line_no, ctx.now).await? {
            let keeps = wants_row(tx, &case, ctx.now).await?;
            let (said, scored) = risk_of(services, tx, ctx, (&order, &facts), (&case, keeps)).await?;
            assess_case(services, tx, ctx, (&facts, said, scored, evidence.get(&case.id)), case).await?;
        }
    }
    Ok(())
}

/// Keeps a training row of each open case of an order, without ranking anything: for a past that is only being loaded.
///
/// # Errors
/// [`FlowError`].
pub async fn keep_rows(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    order: &Order,
) -> Result<(), FlowError> {
    for case in tx.open_cases_of(&order.order_id).await? {
        if wants_row(tx, &case, ctx.now).await?
            && let Some(facts) = facts::of_line(tx, &order.order_id, case.key.line_no, ctx.now).await?
        {
            // Without a model the row is kept without a number.
            let _said = risk_of(services, tx, ctx, (order, &facts), (&case, true)).await?;
        }
    }
    Ok(())
}

/// What a risk was computed from: the row, and how far outcomes had moved the interval by then.
struct Scored {
    row: Vec<Value>,
    margins: Option<[f64; 2]>,
}

/// The risk of a case's line and what it was computed from, which is kept for training where that is wanted and the outcome
/// is still open.
async fn risk_of(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    (order, facts): (&Order, &Facts),
    (case, keeps): (&Case, bool),
) -> Result<(Result<Risk, Abstention>, Scored), FlowError> {
    let rates = features::rates(tx, facts).await?;
    let row = features::of(facts, &rates, Some(case.key.category));
    let (risk, margins) = asked(services, tx, ctx, order, &row).await?;
    if keeps && rank::can_miss(facts) {
        let line_no = case.key.line_no.or_else(|| due_first(order));
        let stakes = stakes(services, case, facts);
        keep(services, tx, ctx, (order, line_no), Some((case, stakes)), (row.clone(), risk.as_ref().ok())).await?;
    }
    Ok((risk, Scored { row, margins }))
}

/// What the case has to lose and what may be done, as it is learned from later.
fn stakes(services: &Services, case: &Case, facts: &Facts) -> Stakes {
    let view = CaseView { category: case.key.category, due_at: case.due_at };
    let candidates = candidates::of(&services.catalogue, facts, &view);
    rank::stakes(&Basis::of(services), case.key.category, facts, &candidates)
}

async fn assess_case(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    (facts, risk, scored, evidence): (&Facts, Result<Risk, Abstention>, Scored, Option<&Evidence>),
    mut case: Case,
) -> Result<(), FlowError> {
    let subject = Subject { case_id: Some(case.id), reference: None, category: case.key.category, due_at: case.due_at };
    let known = Known { features: Some(&scored.row), evidence };
    let mut ranked = rank::rank(&Basis::of(services), &subject, (facts, known), risk);
    let standing = Standing { facts, attributes: &case.attributes, since: case.opened_at };
    ranked.queue = Some(queue::place(&services.queue, &services.catalogue, &ranked, standing));
    look_again(services, tx, ctx, &case, &ranked).await?;
    let chosen = log::choose(tx, ctx, services, std::slice::from_mut(&mut ranked)).await?;
    sla::start(&services.service_levels, tx, ctx, &mut case).await?;
    let before = case.assessment.take();
    let mut assessment = shown(&ranked, ctx.now);
    let changed = before.as_ref().is_none_or(|before| before.best_action != assessment.best_action);
    // The recommendation that stands is the one whose record is kept; the same again is none.
    assessment.decision_id = match before.and_then(|before| before.decision_id) {
        Some(stands) if !changed && !chosen.explores() => Some(stands),
        _ => {
            let draft = prioritize::draft_of(services, &case, (facts, known, scored.margins), ranked.clone())?;
            Some(log::keep(tx, ctx, draft, chosen).await?.id)
        }
    };
    case.assessment = Some(assessment);
    let id = case.id;
    if case.state == CaseState::New {
        let why = json!({ "assessed": recommendation(&ranked) });
        cases::transition(tx, ctx, case, CaseState::Triaged { at: ctx.now }, why).await?;
    } else {
        // Not a change of state: the worklist's numbers follow the facts, and the audit log need not.
        tx.update_case(&case).await?;
    }
    if let Some(case) = tx.case(id).await? {
        kept::keep(tx, &case, facts, &ranked, ctx.now).await?;
    }
    if changed {
        emit(tx, ctx, "recommendation.made.v1", &cases::subject(id), recommendation(&ranked)).await?;
    }
    Ok(())
}

/// Assesses the order again when the case's place in the queue changes by the clock alone.
async fn look_again(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    case: &Case,
    ranked: &RankedCase,
) -> Result<(), FlowError> {
    let Some(at) = queue::changes_at(&services.queue, ranked, case.opened_at, ctx.now) else { return Ok(()) };
    let order_id = &case.key.order_id;
    let dedupe = Some(format!("assess:{order_id}:{at}"));
    let job = NewJob { run_at: at, dedupe, ..detect::assessment(ctx, order_id) };
    tx.enqueue(&job).await?;
    Ok(())
}

/// What subscribers and the audit log are told of a ranking.
fn recommendation(ranked: &RankedCase) -> Value {
    json!({
        "case_id": ranked.case_id,
        "order_id": ranked.order_id,
        "line_no": ranked.line_no,
        "category": ranked.category,
        "miss_probability": ranked.risk.as_ref().map(|risk| risk.miss_probability),
        "model": ranked.risk.as_ref().map(|risk| &risk.model),
        "abstained": ranked.abstained,
        "best_action": best(ranked),
        "explored": ranked.choice.as_ref().is_some_and(|choice| choice.explored),
        "withheld": ranked.withheld,
        "value": ranked.value,
        "priority": ranked.priority,
    })
}

fn best(ranked: &RankedCase) -> Option<crate::domain::action::ActionKind> {
    ranked.chosen().map(|candidate| candidate.action)
}

/// The part of a ranking that a worklist shows.
fn shown(ranked: &RankedCase, now: Timestamp) -> CaseAssessment {
    CaseAssessment {
        miss_probability: ranked.risk.as_ref().map(|risk| risk.miss_probability),
        value: Some(ranked.value),
        priority: ranked.priority,
        best_action: best(ranked),
        decision_id: None,
        at: now,
        queue: ranked.queue.clone(),
    }
}

/// The line of an order-level case: the open one that is due first.
fn due_first(order: &Order) -> Option<u32> {
    let open = order.lines.iter().filter(|line| line.is_open());
    open.min_by_key(|line| (line.promised_ship_at().is_none(), line.promised_ship_at(), line.line_no))
        .map(|l| l.line_no)
}

async fn wants_row(tx: &mut dyn Transaction, case: &Case, now: Timestamp) -> Result<bool, FlowError> {
    let last = tx.assessments_of(case.id, 1).await?;
    Ok(last.first().is_none_or(|last| now.duration_since(last.as_of) >= ROW_EVERY))
}

/// Keeps the row of each line that can still miss its date, as placed: the history's rows without a case.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn snapshot(
    services: &Services,
    tx: &mut dyn Transaction,
    order: &Order,
    now: Timestamp,
) -> Result<(), FlowError> {
    let ctx = Ctx { now, entropy: &*services.entropy, actor: Actor::System };
    for facts in facts::of_order(tx, order, now).await? {
        let Some(line_no) = facts.line.as_ref().map(|line| line.line_no) else { continue };
        if rank::can_miss(&facts) {
            let rates: Rates = features::rates(tx, &facts).await?;
            let row = features::of(&facts, &rates, None);
            let risk = asked(services, tx, &ctx, order, &row).await?.0.ok();
            keep(services, tx, &ctx, (order, Some(line_no)), None, (row, risk.as_ref())).await?;
        }
    }
    Ok(())
}

async fn asked(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    order: &Order,
    row: &[Value],
) -> Result<(Result<Risk, Abstention>, Option<[f64; 2]>), FlowError> {
    let order_id = &order.order_id;
    let margins = risk::margins(&services.models, tx, order_id, row).await?;
    Ok((risk::of(&services.models, &Asked { order_id, as_of: ctx.now, margins }, row), margins))
}

async fn keep(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    (order, line_no): (&Order, Option<u32>),
    case: Option<(&Case, Stakes)>,
    (features, risk): (Vec<Value>, Option<&Risk>),
) -> Result<(), FlowError> {
    // An outcome may be told before the line is told to have shipped.
    let Some(line) = line_no.and_then(|line_no| order.line(line_no)).filter(|line| line.outcome.is_none()) else {
        return Ok(());
    };
    let assessment = Assessment {
        id: AssessmentId::new(ctx.now, ctx.entropy),
        order_id: order.order_id.clone(),
        line_no: line.line_no,
        case_id: case.as_ref().map(|(case, _)| case.id),
        category: case.as_ref().map(|(case, _)| case.key.category),
        as_of: ctx.now,
        schema_version: SCHEMA_VERSION.to_owned(),
        shadow: risk::shadow(&services.models, &features),
        features,
        miss_probability: risk.map(|risk| risk.miss_probability),
        model: risk.map(|risk| risk.model.clone()),
        ships: risk.and_then(|risk| risk.ships),
        ships_basis: risk.and_then(|risk| risk.ships_basis.clone()),
        stakes: case.map(|(_, stakes)| stakes),
    };
    Ok(tx.insert_assessment(&assessment).await?)
}
