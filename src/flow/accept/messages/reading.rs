//! Reading messages: at once for those that come in through the API, by a job for those that come as events.
//!
//! Guarantees: the models run outside any transaction; what was read is written once. Non-goals: retries; see the worker.

use jiff::Timestamp;
use serde_json::json;

use super::{attached, missing, subject, unread};
use crate::domain::actor::Actor;
use crate::domain::event::EventRef;
use crate::domain::ids::MessageId;
use crate::domain::message::{Message, Reading};
use crate::domain::party::ObjectKind;
use crate::domain::payload::MessageReceived;
use crate::domain::untrusted::Untrusted;
use crate::flow::accept::envelope::{self, Understood};
use crate::flow::assess::classify;
use crate::flow::error::FlowError;
use crate::flow::services::{Ctx, Services};
use crate::in_transaction;
use crate::ports::language::Embedding;
use crate::ports::store::Transaction;
use crate::ports::store::events::Recorded;

/// `source` of messages that come in through the API without an identity of their own.
pub const API_SOURCE: &str = "/holdfast/api";

const MESSAGE_TYPE: &str = "io.holdfast.message.received.v1";

/// Takes a message in and reads it at once; the same identity and content again answers the stored message and `false`.
///
/// # Errors
/// [`FlowError::Invalid`]; [`FlowError::Conflict`] with code `event-conflict` when the identity is taken by another body;
/// [`FlowError::Language`] when the models are busy, and nothing is stored then.
pub async fn receive(
    services: &Services,
    actor: Actor,
    content: MessageReceived,
    identity: Option<EventRef>,
    now: Timestamp,
) -> Result<(Message, bool), FlowError> {
    let understand = if identity.is_some() { envelope::understand } else { envelope::understand_own };
    let reference = identity.unwrap_or_else(|| EventRef {
        source: API_SOURCE.to_owned(),
        id: MessageId::new(now, &*services.entropy).to_string(),
    });
    let body = json!({
        "specversion": "1.0", "id": reference.id, "source": reference.source, "type": MESSAGE_TYPE, "data": content,
    });
    let understood = understand(&body, now).map_err(|problem| FlowError::Invalid {
        code: "invalid-message",
        message: problem.reason,
        pointer: problem.pointer.map(|pointer| pointer.strip_prefix("/data").unwrap_or(&pointer).to_owned()),
    })?;
    let known = services.store.read().await?.event(&reference).await?.is_some();
    let message = unread(&understood.event, &Untrusted::new(content));
    let read = if known { None } else { Some(read(services, &message, now).await?) };
    let (reading, embedding) = read.unzip();
    let (message, embedding) = (Message { reading, ..message }, embedding.flatten());
    let ctx = Ctx { now, entropy: &*services.entropy, actor };
    in_transaction!(services.store, |tx| keep(services, &mut *tx, &ctx, &understood, (&message, embedding.as_ref()))
        .await)
}

async fn keep(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    understood: &Understood,
    (message, embedding): (&Message, Option<&Embedding>),
) -> Result<(Message, bool), FlowError> {
    let Understood { event, digest } = understood;
    match tx.record_event(event, digest, (ObjectKind::Message, &message.id.to_string())).await? {
        Recorded::New => {
            tx.insert_message(message).await?;
            if let Some(embedding) = embedding {
                tx.put_embedding(message.id, embedding).await?;
            }
            let detail = json!({ "event": event.reference, "reading": message.reading });
            tx.append_audit(ctx.audit("message.received", subject(message.id), detail)).await?;
            attached(services, tx, ctx, message).await?;
            Ok((message.clone(), true))
        }
        Recorded::Replay => {
            let first = tx.event(&event.reference).await?.map_or(message.id, |known| super::id_of(&known));
            let stored = tx.message(first).await?.ok_or_else(|| missing(first))?;
            Ok((stored, false))
        }
        Recorded::Conflict { recorded } => Err(FlowError::Conflict {
            code: "event-conflict",
            message: format!(
                "message `{}` is recorded with another body; give this one an id of its own",
                event.reference
            ),
            detail: json!({ "recorded_digest": recorded, "digest": digest }),
        }),
    }
}

async fn read(
    services: &Services,
    message: &Message,
    now: Timestamp,
) -> Result<(Reading, Option<Embedding>), FlowError> {
    let mut content = message.content.as_written().clone();
    content.sent_at = content.sent_at.or(Some(message.received_at));
    let (mut reading, embedding) = classify::read_with(services, &content, now).await?;
    reading.unknown.extend(left_out(&content));
    Ok((reading, embedding))
}

/// What came with a message and was not read, in our own words.
fn left_out(content: &MessageReceived) -> Vec<String> {
    let mut left_out = Vec::new();
    let closed = content.attachments.iter().filter(|file| file.text.is_none()).count();
    if closed > 0 {
        left_out.push(format!("what its attachments without plain text say ({closed})"));
    }
    if !content.hidden.is_empty() {
        left_out.push("why its HTML hides text from a reader's eyes: that text was not read".to_owned());
    }
    left_out
}

/// Reads a message that is not read yet: the work of a job.
///
/// # Errors
/// [`FlowError::NotFound`], [`FlowError::Language`], [`FlowError::Store`].
pub async fn read_job(services: &Services, id: MessageId) -> Result<(), FlowError> {
    let now = services.clock.now();
    let message = services.store.read().await?.message(id).await?.ok_or_else(|| missing(id))?;
    if message.reading.is_some() {
        return Ok(());
    }
    let (reading, embedding) = read(services, &message, now).await?;
    let ctx = Ctx { now, entropy: &*services.entropy, actor: Actor::System };
    in_transaction!(services.store, |tx| note_reading(services, &mut *tx, &ctx, id, (&reading, embedding.as_ref()))
        .await)
}

async fn note_reading(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    id: MessageId,
    (reading, embedding): (&Reading, Option<&Embedding>),
) -> Result<(), FlowError> {
    let mut message = tx.message(id).await?.ok_or_else(|| missing(id))?;
    if message.reading.is_some() {
        return Ok(());
    }
    message.reading = Some(reading.clone());
    let message = tx.update_message(&message).await?;
    if let Some(embedding) = embedding {
        tx.put_embedding(id, embedding).await?;
    }
    tx.append_audit(ctx.audit("message.read", subject(id), json!({ "reading": reading }))).await?;
    attached(services, tx, ctx, &message).await
}
