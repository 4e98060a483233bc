//! Webhook subscriptions (Standard Webhooks).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::domain::ids::WebhookId;
use crate::flow::FlowError;
use crate::flow::services::Ctx;
use crate::in_transaction;
use crate::ports::store::service::Webhook;
use crate::web::error::{Fault, Problem};
use crate::web::extract::{Allowed, Body, demand};
use crate::web::idempotency::KeyRequired;
use crate::web::openapi::KeyHeader;
use crate::web::paging::tagged;
use crate::web::state::WebState;

/// A subscription to be made.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://erp.example/hooks/holdfast", "types": ["io.holdfast.proposal.approved.v1"]}))]
pub struct NewWebhook {
    /// `http` or `https` address.
    #[schema(min_length = 8, max_length = 2000, format = "uri")]
    pub url: String,
    /// Event types that are wanted; empty for all.
    #[serde(default)]
    #[schema(max_items = 50, value_type = Vec<EventTypeName>)]
    pub types: Vec<String>,
}

/// Name of an event type.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 200)]
#[expect(dead_code, reason = "declares bounds for the document")]
pub struct EventTypeName(String);

/// A subscription without its secret.
#[derive(Serialize, ToSchema)]
#[expect(missing_docs, reason = "see Webhook")]
pub struct WebhookView {
    pub id: WebhookId,
    pub url: String,
    pub types: Vec<String>,
    pub enabled: bool,
    pub created_at: jiff::Timestamp,
    pub version: i64,
}

impl From<Webhook> for WebhookView {
    fn from(hook: Webhook) -> Self {
        let Webhook { id, url, types, enabled, created_at, version, secret: _ } = hook;
        Self { id, url, types, enabled, created_at, version }
    }
}

/// Subscriptions, oldest first, without their secrets.
#[utoipa::path(get, path = "/v1/webhooks", tag = "operations",
    responses((status = 200, body = Vec<WebhookView>)), security(("bearer" = ["admin"])))]
pub async fn list_webhooks(
    State(state): State<WebState>,
    _caller: Allowed<demand::Admin>,
) -> Result<Json<Vec<WebhookView>>, Problem> {
    let hooks = state.services.store.read().await?.webhooks().await?;
    Ok(Json(hooks.into_iter().map(WebhookView::from).collect()))
}

/// Subscribes an endpoint; the answer holds the signing secret, which is shown only here.
#[utoipa::path(post, path = "/v1/webhooks", tag = "operations", params(KeyHeader), request_body = NewWebhook,
    responses((status = 201, body = Webhook)), security(("bearer" = ["admin"])))]
pub async fn create_webhook(
    State(state): State<WebState>,
    caller: Allowed<demand::Admin>,
    _key: KeyRequired,
    Body(new): Body<NewWebhook>,
) -> Result<Response, Problem> {
    let uri = new.url.parse::<axum::http::Uri>();
    if !uri.is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some()) {
        let detail = "must be an absolute `http` or `https` address".to_owned();
        return Err(Problem::invalid(vec![Fault { pointer: "/url".to_owned(), detail }]));
    }
    let services = &state.services;
    let now = services.clock.now();
    let secret: Vec<u8> = (0..3).flat_map(|_| services.entropy.bytes()).collect();
    let hook = Webhook {
        id: WebhookId::new(now, services.entropy.as_ref()),
        url: new.url,
        secret: format!("whsec_{}", STANDARD.encode(secret)),
        types: new.types,
        enabled: true,
        created_at: now,
        version: 1,
    };
    let ctx = Ctx { now, entropy: services.entropy.as_ref(), actor: caller.actor().clone() };
    subscribe(&state, &ctx, &hook).await?;
    Ok(tagged(StatusCode::CREATED, hook.version, hook))
}

async fn subscribe(state: &WebState, ctx: &Ctx<'_>, hook: &Webhook) -> Result<(), FlowError> {
    in_transaction!(state.services.store, |tx| async {
        tx.insert_webhook(hook).await?;
        let detail = json!({"url": hook.url, "types": hook.types});
        tx.append_audit(ctx.audit("webhook.created", format!("webhook:{}", hook.id), detail)).await?;
        Ok::<(), FlowError>(())
    }
    .await)
}
