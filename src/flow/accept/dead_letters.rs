//! Dead letters: inputs that could not be understood, kept whole until someone fixes, replays or discards them.
//!
//! Guarantees: nothing that came in is lost; a replay takes the same way as a new event; each step is audited with its
//! actor. Non-goals: guessing what was meant.

use serde_json::{Value, json};

use super::envelope::{self, Problem};
use super::events::{self, Arrival, ItemResult, ItemStatus};
use crate::domain::actor::Actor;
use crate::domain::ids::DeadLetterId;
use crate::flow::error::FlowError;
use crate::flow::services::{Ctx, Services};
use crate::in_transaction;
use crate::ports::store::Transaction;
use crate::ports::store::events::{DeadLetter, DeadLetterStatus};

/// Letters that are read at a time.
const PAGE: u32 = 200;

/// Which open dead letters to replay; empty members match everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "names say it")]
pub struct DeadLetterFilter {
    pub event_type: Option<String>,
    pub source: Option<String>,
}

/// Keeps an input with the reason.
pub(super) async fn file(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    body: &Value,
    problem: Problem,
) -> Result<ItemResult, FlowError> {
    let [source, event_id, event_type] = envelope::identity(body);
    let letter = DeadLetter {
        id: DeadLetterId::new(ctx.now, ctx.entropy),
        received_at: ctx.now,
        source,
        event_id,
        event_type,
        body: body.clone(),
        reason: problem.reason,
        pointer: problem.pointer,
        status: DeadLetterStatus::Open,
        version: 1,
    };
    tx.insert_dead_letter(&letter).await?;
    let detail = json!({ "reason": letter.reason, "pointer": letter.pointer });
    tx.append_audit(ctx.audit("dead_letter.filed", subject(letter.id), detail)).await?;
    Ok(refused(&letter))
}

fn refused(letter: &DeadLetter) -> ItemResult {
    ItemResult {
        index: 0,
        source: letter.source.clone(),
        id: letter.event_id.clone(),
        status: ItemStatus::DeadLettered,
        detail: Some(letter.reason.clone()),
        pointer: letter.pointer.clone(),
        recorded_digest: None,
        digest: None,
        dead_letter_id: Some(letter.id),
        message_id: None,
    }
}

/// Newest first, from before `before`.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn list(
    services: &Services,
    status: Option<DeadLetterStatus>,
    before: Option<DeadLetterId>,
    limit: u32,
) -> Result<Vec<DeadLetter>, FlowError> {
    Ok(services.store.read().await?.dead_letters(status, before, limit).await?)
}

/// One dead letter.
///
/// # Errors
/// [`FlowError::NotFound`], [`FlowError::Store`].
pub async fn get(services: &Services, id: DeadLetterId) -> Result<DeadLetter, FlowError> {
    services.store.read().await?.dead_letter(id).await?.ok_or_else(|| missing(id))
}

/// Replaces an open letter's body; its reason then says what is still wrong, if anything.
///
/// # Errors
/// [`FlowError::NotFound`], [`FlowError::Stale`], [`FlowError::Conflict`] with code `dead-letter-closed`.
pub async fn fix(
    services: &Services,
    actor: Actor,
    id: DeadLetterId,
    body: Value,
    version: i64,
) -> Result<DeadLetter, FlowError> {
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor };
    in_transaction!(services.store, |tx| fix_in(&mut *tx, &ctx, id, &body, version).await)
}

async fn fix_in(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    id: DeadLetterId,
    body: &Value,
    version: i64,
) -> Result<DeadLetter, FlowError> {
    let mut letter = open(tx, id).await?;
    if letter.version != version {
        return Err(FlowError::Stale { kind: "dead letter", expected: version, actual: letter.version });
    }
    let before = std::mem::replace(&mut letter.body, body.clone());
    [letter.source, letter.event_id, letter.event_type] = envelope::identity(body);
    (letter.reason, letter.pointer) = match envelope::understand(body, ctx.now) {
        Ok(_) => ("fixed; replay it".to_owned(), None),
        Err(problem) => (problem.reason, problem.pointer),
    };
    write(tx, ctx, letter, "dead_letter.fixed", json!({ "before": before })).await
}

/// Takes an open letter's body in as a new event. What cannot be taken stays open with the new reason.
///
/// # Errors
/// [`FlowError::NotFound`], [`FlowError::Conflict`] with code `dead-letter-closed`, [`FlowError::Store`].
pub async fn replay(services: &Services, actor: Actor, id: DeadLetterId) -> Result<ItemResult, FlowError> {
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor };
    let result: Result<ItemResult, FlowError> =
        in_transaction!(services.store, |tx| replay_in(services, &mut *tx, &ctx, id).await);
    match result {
        Err(FlowError::Invalid { message, pointer, .. }) => {
            let problem = Problem { pointer, reason: message };
            in_transaction!(services.store, |tx| refuse_again(&mut *tx, &ctx, id, problem.clone()).await)
        }
        result => result,
    }
}

async fn replay_in(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    id: DeadLetterId,
) -> Result<ItemResult, FlowError> {
    let mut letter = open(tx, id).await?;
    let understood = match envelope::understand(&letter.body, ctx.now) {
        Ok(understood) => understood,
        Err(problem) => return refuse_again(tx, ctx, id, problem).await,
    };
    let mut result = events::take(services, tx, &understood, Arrival::Live).await?;
    result.dead_letter_id = Some(id);
    if result.status == ItemStatus::Conflict {
        letter.reason = result.detail.clone().unwrap_or_default();
        letter.pointer = Some("/id".to_owned());
        write(tx, ctx, letter, "dead_letter.refused", json!({ "digest": result.digest })).await?;
    } else {
        letter.status = DeadLetterStatus::Replayed;
        write(tx, ctx, letter, "dead_letter.replayed", json!({ "event": understood.event.reference })).await?;
    }
    Ok(result)
}

async fn refuse_again(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    id: DeadLetterId,
    problem: Problem,
) -> Result<ItemResult, FlowError> {
    let mut letter = open(tx, id).await?;
    (letter.reason, letter.pointer) = (problem.reason, problem.pointer);
    let detail = json!({ "reason": letter.reason });
    Ok(refused(&write(tx, ctx, letter, "dead_letter.refused", detail).await?))
}

/// Replays every open letter that matches, oldest first.
///
/// # Errors
/// [`FlowError::Store`]; letters before it are replayed.
pub async fn replay_all(
    services: &Services,
    actor: Actor,
    filter: &DeadLetterFilter,
) -> Result<Vec<ItemResult>, FlowError> {
    let mut matching = Vec::new();
    let mut before = None;
    loop {
        let page = list(services, Some(DeadLetterStatus::Open), before, PAGE).await?;
        before = page.last().map(|letter| letter.id);
        matching.extend(page.iter().filter(|letter| filter.matches(letter)).map(|letter| letter.id));
        if page.len() < PAGE as usize {
            break;
        }
    }
    let mut results = Vec::with_capacity(matching.len());
    for (index, id) in matching.into_iter().rev().enumerate() {
        let result = replay(services, actor.clone(), id).await?;
        results.push(ItemResult { index, ..result });
    }
    Ok(results)
}

impl DeadLetterFilter {
    fn matches(&self, letter: &DeadLetter) -> bool {
        let fits = |wanted: &Option<String>, value: &Option<String>| wanted.is_none() || wanted == value;
        fits(&self.event_type, &letter.event_type) && fits(&self.source, &letter.source)
    }
}

/// Closes an open letter without taking it in.
///
/// # Errors
/// [`FlowError::Invalid`] without a reason, [`FlowError::NotFound`], [`FlowError::Stale`], [`FlowError::Conflict`] with
/// code `dead-letter-closed`.
pub async fn discard(
    services: &Services,
    actor: Actor,
    id: DeadLetterId,
    version: i64,
    reason: &str,
) -> Result<DeadLetter, FlowError> {
    if reason.trim().is_empty() {
        return Err(FlowError::Invalid {
            code: "reason-missing",
            message: "discarding an input needs a reason; say in `reason` why it is not wanted".to_owned(),
            pointer: Some("/reason".to_owned()),
        });
    }
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor };
    in_transaction!(services.store, |tx| discard_in(&mut *tx, &ctx, id, version, reason).await)
}

async fn discard_in(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    id: DeadLetterId,
    version: i64,
    reason: &str,
) -> Result<DeadLetter, FlowError> {
    let mut letter = open(tx, id).await?;
    if letter.version != version {
        return Err(FlowError::Stale { kind: "dead letter", expected: version, actual: letter.version });
    }
    letter.status = DeadLetterStatus::Discarded;
    write(tx, ctx, letter, "dead_letter.discarded", json!({ "reason": reason })).await
}

async fn open(tx: &mut dyn Transaction, id: DeadLetterId) -> Result<DeadLetter, FlowError> {
    let letter = tx.dead_letter(id).await?.ok_or_else(|| missing(id))?;
    if letter.status == DeadLetterStatus::Open {
        return Ok(letter);
    }
    Err(FlowError::Conflict {
        code: "dead-letter-closed",
        message: format!("dead letter `{id}` was replayed or discarded; it does not change any more"),
        detail: json!({ "status": letter.status }),
    })
}

async fn write(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    mut letter: DeadLetter,
    action: &'static str,
    detail: Value,
) -> Result<DeadLetter, FlowError> {
    tx.update_dead_letter(&letter).await?;
    letter.version += 1;
    tx.append_audit(ctx.audit(action, subject(letter.id), detail)).await?;
    Ok(letter)
}

fn missing(id: DeadLetterId) -> FlowError {
    FlowError::NotFound { kind: "dead letter", id: id.to_string() }
}

fn subject(id: DeadLetterId) -> String {
    format!("dead_letter:{id}")
}
