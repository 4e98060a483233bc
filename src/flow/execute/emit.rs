//! Emitted events: one outbox row per subscribed endpoint, written with the change that the event tells of.
//!
//! Guarantees: nothing is emitted that is not committed, and nothing committed is left untold; the subscriber's secret and
//! address are read at delivery, never stored in the job. Non-goals: order between events, which subscribers restore by time.

use serde_json::{Value, json};

use crate::domain::ids::JobId;
use crate::domain::job::{JobKind, NewJob};
use crate::flow::FlowError;
use crate::flow::services::Ctx;
use crate::ports::store::Transaction;
use crate::ports::store::service::Webhook;

/// What every event type of this service begins with.
pub const PREFIX: &str = "io.holdfast.";

/// Attempts of a delivery before it becomes an incident: with the back-off of [`crate::domain::job::backoff`], some five
/// hours.
const ATTEMPTS_MAX: u32 = 14;

/// Writes one delivery for each enabled webhook that wants `event_type` (given without [`PREFIX`]). `subject` names what it
/// is about, as `kind:id`.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn emit(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    event_type: &'static str,
    subject: &str,
    data: Value,
) -> Result<(), FlowError> {
    let full_type = format!("{PREFIX}{event_type}");
    for webhook in tx.webhooks().await? {
        if !wants(&webhook, &full_type) {
            continue;
        }
        let job = NewJob {
            id: JobId::new(ctx.now, ctx.entropy),
            kind: JobKind::DeliverEvent,
            topic: full_type.clone(),
            pull: false,
            payload: json!({ "webhook_id": webhook.id, "at": ctx.now, "data": about(subject, &data) }),
            run_at: ctx.now,
            dedupe: None,
            proposal_id: None,
            attempts_max: ATTEMPTS_MAX,
        };
        tx.enqueue(&job).await?;
    }
    Ok(())
}

/// Whether a webhook subscribes to a full event type; no types means all.
#[must_use]
pub fn wants(webhook: &Webhook, full_type: &str) -> bool {
    webhook.enabled && (webhook.types.is_empty() || webhook.types.iter().any(|t| t == full_type))
}

fn about(subject: &str, data: &Value) -> Value {
    match data {
        Value::Object(members) => {
            let mut members = members.clone();
            members.insert("subject".to_owned(), Value::from(subject));
            Value::Object(members)
        }
        other => json!({ "subject": subject, "value": other }),
    }
}
