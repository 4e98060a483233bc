//! The webhook connector: one signed POST per attempt.
//!
//! Guarantees: the same idempotency key on every attempt (`webhook-id`, `Idempotency-Key`); no redirect is followed, no
//! proxy used; time, answer size and destination are bounded; a failure says whether trying again can help.

use std::error::Error as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use serde_json::{Value, json};

use super::guard::{PrivateDestination, PublicResolver, is_public};
use super::signature;
use crate::domain::job::JobError;
use crate::ports::connector::{Call, Connector};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(20);
/// A receipt is an identifier and a few facts, not a document.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How much of a refusal is kept for the person who looks at it.
const EXCERPT_CHARS_MAX: usize = 300;
/// A receiver cannot put a job off for longer than this.
const RETRY_AFTER_MAX: SignedDuration = SignedDuration::from_hours(24);

/// Delivers calls as Standard Webhooks.
#[derive(Clone, Debug)]
pub struct WebhookConnector {
    client: Client,
    allow_private: bool,
}

impl WebhookConnector {
    /// A connector; `allow_private` lets calls go to private, loopback and link-local destinations.
    ///
    /// # Errors
    /// When the TLS back end cannot start.
    pub fn new(allow_private: bool) -> Result<Self, reqwest::Error> {
        let builder = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
            .no_proxy();
        let builder = if allow_private { builder } else { builder.dns_resolver(Arc::new(PublicResolver)) };
        Ok(Self { client: builder.build()?, allow_private })
    }

    fn destination(&self, address: &str) -> Result<Url, JobError> {
        let url: Url =
            address.parse().map_err(|e| JobError::fail("invalid-endpoint", format!("`{address}` is no URL: {e}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(JobError::fail("invalid-endpoint", format!("`{address}` is neither `http` nor `https`")));
        }
        let literal = url.host_str().map(|host| host.trim_matches(['[', ']'])).and_then(|h| h.parse::<IpAddr>().ok());
        match literal {
            Some(ip) if !self.allow_private && !is_public(ip) => Err(private(&PrivateDestination(ip.to_string()))),
            _ => Ok(url),
        }
    }
}

#[async_trait]
impl Connector for WebhookConnector {
    async fn deliver(&self, call: Call<'_>) -> Result<Value, JobError> {
        let url = self.destination(&call.endpoint.url)?;
        let body = json!({ "type": call.event_type, "timestamp": call.at, "data": call.data }).to_string();
        let signature = signature::sign(&call.endpoint.secret, call.idempotency_key, call.at, body.as_bytes())
            .map_err(|e| JobError::fail("invalid-secret", e.to_string()))?;
        let response = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", call.idempotency_key)
            .header("webhook-timestamp", call.at.as_second().to_string())
            .header("webhook-signature", signature)
            // A structured-field string, so in quotes.
            .header("idempotency-key", format!("\"{}\"", call.idempotency_key))
            .body(body)
            .send()
            .await
            .map_err(|e| transport(&e))?;
        answer(response, call.at).await
    }
}

async fn answer(mut response: Response, now: Timestamp) -> Result<Value, JobError> {
    let status = response.status();
    let after = retry_after(&response, now);
    let mut body = Vec::new();
    // A success stays one even when its answer is too long or breaks off: the action was accepted.
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            body.truncate(ANSWER_BYTES_MAX);
            break;
        }
    }
    if status.is_success() {
        return Ok(serde_json::from_slice(&body).unwrap_or(Value::Null));
    }
    Err(refusal(status, &body, after))
}

fn refusal(status: StatusCode, body: &[u8], after: Option<SignedDuration>) -> JobError {
    let excerpt: String = String::from_utf8_lossy(body).chars().take(EXCERPT_CHARS_MAX).collect();
    let message = match excerpt.trim() {
        "" => format!("the receiver answered {status}"),
        said => format!("the receiver answered {status}: {said}"),
    };
    let code = format!("http-{}", status.as_u16());
    match status.as_u16() {
        408 | 425 | 429 | 500..=599 => JobError::Retry { code, message, after },
        300..=399 => JobError::fail("redirect-refused", message),
        410 => JobError::fail("gone", message),
        _ => JobError::Fail { code, message },
    }
}

/// `Retry-After`, in seconds or as a date.
fn retry_after(response: &Response, now: Timestamp) -> Option<SignedDuration> {
    let text = response.headers().get("retry-after")?.to_str().ok()?.trim();
    let wait = match text.parse::<u32>() {
        Ok(seconds) => SignedDuration::from_secs(i64::from(seconds)),
        Err(_) => rfc2822::parse(text).ok()?.timestamp().duration_since(now),
    };
    Some(wait.clamp(SignedDuration::ZERO, RETRY_AFTER_MAX))
}

fn transport(error: &reqwest::Error) -> JobError {
    let mut cause = error.source();
    let mut said = String::from("the request failed");
    while let Some(source) = cause {
        if let Some(blocked) = source.downcast_ref::<PrivateDestination>() {
            return private(blocked);
        }
        said = source.to_string();
        cause = source.source();
    }
    let code = if error.is_timeout() { "timeout" } else { "unreachable" };
    JobError::retry(code, format!("the receiver could not be reached: {said}"))
}

fn private(blocked: &PrivateDestination) -> JobError {
    JobError::fail("private-destination", blocked.to_string())
}
