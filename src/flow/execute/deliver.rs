//! Delivery of one emitted event to one subscribed webhook.
//!
//! Guarantees: at least once, signed, with the job's id as `webhook-id`; a receiver that answers 410 is switched off, with
//! an incident that says so. Non-goals: order between events.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::actor::Actor;
use crate::domain::ids::WebhookId;
use crate::domain::job::{Job, JobError};
use crate::flow::FlowError;
use crate::flow::services::{Ctx, Services};
use crate::in_transaction;
use crate::ports::connector::{Call, Endpoint};
use crate::ports::store::Transaction;
use crate::ports::store::service::Webhook;

#[derive(Deserialize)]
struct Delivery {
    webhook_id: WebhookId,
    at: Timestamp,
    data: Value,
}

/// Delivers the event of `job`; the inner error is the receiver's.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn deliver(services: &Services, job: &Job) -> Result<Result<(), JobError>, FlowError> {
    let delivery: Delivery = match serde_json::from_value(job.payload.clone()) {
        Ok(delivery) => delivery,
        Err(error) => return Ok(Err(JobError::fail("malformed-job", error.to_string()))),
    };
    let webhooks = services.store.read().await?.webhooks().await?;
    // A subscriber that left or was switched off wants nothing more.
    let Some(webhook) = webhooks.into_iter().find(|w| w.id == delivery.webhook_id && w.enabled) else {
        return Ok(Ok(()));
    };
    let endpoint = Endpoint { url: webhook.url, secret: webhook.secret };
    let mut data = delivery.data;
    if let Value::Object(members) = &mut data {
        members.insert("at".to_owned(), json!(delivery.at));
    }
    let call = Call {
        idempotency_key: &job.id.to_string(),
        endpoint: &endpoint,
        event_type: &job.topic,
        at: services.clock.now(),
        data: &data,
    };
    let answer = services.connector.deliver(call).await;
    if matches!(&answer, Err(JobError::Fail { code, .. }) if code == "gone") {
        disable(services, webhook.id).await?;
    }
    Ok(answer.map(drop))
}

async fn disable(services: &Services, id: WebhookId) -> Result<(), FlowError> {
    in_transaction!(services.store, |tx| disable_in(services, &mut *tx, id).await)
}

async fn disable_in(services: &Services, tx: &mut dyn Transaction, id: WebhookId) -> Result<(), FlowError> {
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: Actor::System };
    if let Some(webhook) = tx.webhooks().await?.into_iter().find(|w| w.id == id && w.enabled) {
        tx.update_webhook(&Webhook { enabled: false, ..webhook }).await?;
        let detail = json!({ "why": "the receiver answered 410" });
        tx.append_audit(ctx.audit("webhook.disabled", format!("webhook:{id}"), detail)).await?;
    }
    Ok(())
}
