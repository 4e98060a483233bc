//! A receiver of webhooks on loopback: verifies signatures, remembers what was executed by idempotency key, and fails
//! where the test says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use holdfast::adapters::connectors::signature::{Signed, verify};
use serde_json::{Value, json};

/// What came in.
#[derive(Default)]
pub struct Received {
    /// First body by idempotency key, in the order of keys.
    pub by_key: BTreeMap<String, Value>,
    /// How often each key was taken, repeats included.
    pub taken: BTreeMap<String, usize>,
    /// Action kinds that answer 503.
    pub failing: BTreeSet<String>,
    /// Deliveries without a valid signature.
    pub unsigned: usize,
    /// Milliseconds before an answer, so that a kill can fall into a call.
    pub delay_ms: u64,
}

/// A running receiver.
#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    pub secret: String,
    state: Arc<Mutex<Received>>,
}

#[derive(Clone)]
struct Shared {
    state: Arc<Mutex<Received>>,
    secret: String,
}

impl Receiver {
    /// Listens on a free port of loopback until the test ends.
    pub async fn start() -> Self {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
        let state = Arc::new(Mutex::new(Received::default()));
        let shared = Shared { state: Arc::clone(&state), secret: secret.clone() };
        let router = axum::Router::new().route("/", post(receive)).with_state(shared);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, secret, state }
    }

    /// Looks at what came in.
    pub fn seen<T>(&self, look: impl FnOnce(&mut Received) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }

    /// Executed actions by kind, each idempotency key once.
    pub fn executed(&self) -> BTreeMap<String, usize> {
        self.seen(|seen| {
            seen.by_key.values().fold(BTreeMap::new(), |mut counts, body| {
                *counts.entry(action_of(body)).or_default() += 1;
                counts
            })
        })
    }

    /// The parameters of every executed action of a kind.
    pub fn parameters(&self, action: &str) -> Vec<Value> {
        let of = |body: &Value| body["data"]["parameters"].clone();
        self.seen(|seen| seen.by_key.values().filter(|body| action_of(body) == action).map(of).collect())
    }
}

fn action_of(body: &Value) -> String {
    body["data"]["action"].as_str().unwrap_or("").to_owned()
}

async fn receive(State(shared): State<Shared>, headers: HeaderMap, bytes: axum::body::Bytes) -> (StatusCode, String) {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
    let (id, timestamp, signature) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let signed = Signed { id: &id, timestamp: &timestamp, signature: &signature };
    // The sender's clock may be moved on by the test: the time of the signature is taken as now.
    let now = jiff::Timestamp::from_second(timestamp.parse().unwrap_or(0)).unwrap();
    let signed = verify(&shared.secret, &signed, &bytes, now).is_ok();
    let delay = shared.state.lock().unwrap().delay_ms;
    tokio::time::sleep(std::time::Duration::from_millis(delay)).await;
    let mut state = shared.state.lock().unwrap();
    if !signed {
        state.unsigned += 1;
        return (StatusCode::UNAUTHORIZED, "bad signature".to_owned());
    }
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    if state.failing.contains(&action_of(&body)) {
        return (StatusCode::SERVICE_UNAVAILABLE, "connector is down".to_owned());
    }
    let key = header("idempotency-key");
    let receipt = json!({ "receipt": format!("R-{}", &key[..8.min(key.len())]) }).to_string();
    *state.taken.entry(key.clone()).or_default() += 1;
    state.by_key.entry(key).or_insert(body);
    (StatusCode::OK, receipt)
}
