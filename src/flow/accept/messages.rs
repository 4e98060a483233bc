//! Messages: kept as events, read by the language models, attached to orders, corrected by people.
//!
//! Guarantees: text never acts: a reading only labels, points and links; a message is read once, and a correction is kept
//! as an example beside it. A message that cannot be read at once because the models are busy is refused, not half kept.
//! Non-goals: how a text is read; see `assess::classify`.

use serde_json::{Value, json};

use super::detect;
use crate::domain::actor::Actor;
use crate::domain::case::CaseState;
use crate::domain::digest;
use crate::domain::event::Event;
use crate::domain::ids::{Entropy, JobId, MessageId};
use crate::domain::job::{JobKind, NewJob};
use crate::domain::message::{Correction, Link, LinkCandidate, Message, Reading, ScoredIntent};
use crate::domain::payload::MessageReceived;
use crate::domain::untrusted::Untrusted;
use crate::flow::cases;
use crate::flow::error::FlowError;
use crate::flow::services::{Ctx, Services};
use crate::in_transaction;
use crate::ports::store::Transaction;

mod reading;
mod values;

pub use reading::{API_SOURCE, read_job, receive};

/// Attempts of reading a message.
const READ_ATTEMPTS_MAX: u32 = 20;

/// The id of the message that an event brings: the same for every delivery of the event, and ordered by its time.
#[must_use]
pub fn id_of(event: &Event) -> MessageId {
    struct Fixed([u8; 10]);
    impl Entropy for Fixed {
        fn bytes(&self) -> [u8; 10] {
            self.0
        }
    }
    let hash = digest::hex_of_bytes(format!("{}\n{}", event.reference.source, event.reference.id).as_bytes());
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&hash.as_bytes()[..10]);
    MessageId::new(event.time, &Fixed(bytes))
}

/// Keeps the message of a recorded event and leaves its reading to a job.
pub(super) async fn file(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    event: &Event,
    content: &Untrusted<MessageReceived>,
) -> Result<(), FlowError> {
    let message = unread(event, content);
    tx.insert_message(&message).await?;
    tx.append_audit(ctx.audit("message.received", subject(message.id), json!({ "event": event.reference }))).await?;
    let job = NewJob {
        id: JobId::new(ctx.now, ctx.entropy),
        kind: JobKind::ReadMessage,
        topic: String::new(),
        pull: false,
        payload: json!({ "message_id": message.id }),
        run_at: ctx.now,
        dedupe: Some(format!("read:{}", message.id)),
        proposal_id: None,
        attempts_max: READ_ATTEMPTS_MAX,
    };
    tx.enqueue(&job).await?;
    Ok(())
}

fn unread(event: &Event, content: &Untrusted<MessageReceived>) -> Message {
    Message {
        id: id_of(event),
        event: event.reference.clone(),
        received_at: event.time,
        content: content.clone(),
        reading: None,
        version: 1,
    }
}

/// Looks again at the orders that a message is attached to, so that their cases are assessed with it.
async fn attached(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    message: &Message,
) -> Result<(), FlowError> {
    let Some(Reading { link: Link::Attached { to, also, .. }, role, .. }) = &message.reading else { return Ok(()) };
    for case in tx.open_cases_of(&to.order_id).await? {
        if matches!(&case.state, CaseState::AwaitingInformation { asked_of, .. } if asked_of == role.name()) {
            // Whatever it says: a person looks at the case again.
            let why = json!({ "message_id": message.id });
            cases::transition(tx, ctx, case, CaseState::Triaged { at: ctx.now }, why).await?;
        }
    }
    for candidate in std::iter::once(to).chain(also) {
        detect::reconcile(services, tx, ctx, &candidate.order_id, &message.event).await?;
    }
    Ok(())
}

/// Takes a person's correction: it becomes a labelled example, and the message says what the person said.
///
/// # Errors
/// [`FlowError::Invalid`] when it corrects nothing, names no known order or a run that does not stand in the text; [`FlowError::NotFound`]; [`FlowError::Stale`];
/// [`FlowError::Conflict`] with code `not-read`.
pub async fn correct(
    services: &Services,
    actor: Actor,
    id: MessageId,
    version: i64,
    correction: Correction,
) -> Result<Message, FlowError> {
    if correction.intent.is_none() && correction.order_id.is_none() && correction.entities.is_empty() {
        return Err(FlowError::Invalid {
            code: "correction-empty",
            message: "the correction says nothing; give the right `intent`, `order_id` or `entities`".to_owned(),
            pointer: None,
        });
    }
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor };
    in_transaction!(services.store, |tx| correct_in(services, &mut *tx, &ctx, (id, version), &correction).await)
}

async fn correct_in(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    (id, version): (MessageId, i64),
    correction: &Correction,
) -> Result<Message, FlowError> {
    let mut message = tx.message(id).await?.ok_or_else(|| missing(id))?;
    if message.version != version {
        return Err(FlowError::Stale { kind: "message", expected: version, actual: message.version });
    }
    let Some(reading) = &mut message.reading else {
        return Err(FlowError::Conflict {
            code: "not-read",
            message: format!("message `{id}` is not read yet; correct it when it is"),
            detail: Value::Null,
        });
    };
    let before = reading.clone();
    if let Some(intent) = correction.intent {
        let said = ScoredIntent { intent, probability: 1.0 };
        reading.intents.retain(|scored| scored.intent != intent);
        reading.intents.insert(0, said.clone());
        reading.intent = Some(said);
    }
    if !correction.entities.is_empty() {
        reading.entities = values::corrected(&message.content, &reading.entities, &correction.entities)?;
    }
    if let Some(order_id) = &correction.order_id {
        let to = by_person(tx, order_id).await?;
        reading.link = Link::Attached { to, purchase_order_id: None, also: Vec::new() };
    }
    let message = tx.update_message(&message).await?;
    tx.insert_correction(id, correction, &ctx.actor.label(), ctx.now).await?;
    let detail = json!({ "correction": correction, "before": before });
    tx.append_audit(ctx.audit("message.corrected", subject(id), detail)).await?;
    if let Link::Attached { to, .. } = &before.link {
        detect::reconcile(services, tx, ctx, &to.order_id, &message.event).await?;
    }
    attached(services, tx, ctx, &message).await?;
    Ok(message)
}

/// The link that a person chose: the order, and its open case where it has exactly one.
async fn by_person(tx: &mut dyn Transaction, order_id: &str) -> Result<LinkCandidate, FlowError> {
    if tx.order(order_id).await?.is_none() {
        return Err(FlowError::Invalid {
            code: "unknown-order",
            message: format!("there is no order `{order_id}`; name one that was placed"),
            pointer: Some("/order_id".to_owned()),
        });
    }
    let open = tx.open_cases_of(order_id).await?;
    let case_id = match open.as_slice() {
        [only] => Some(only.id),
        _ => None,
    };
    Ok(LinkCandidate { order_id: order_id.to_owned(), case_id, probability: 1.0, clues: Vec::new() })
}

fn missing(id: MessageId) -> FlowError {
    FlowError::NotFound { kind: "message", id: id.to_string() }
}

fn subject(id: MessageId) -> String {
    format!("message:{id}")
}
