//! The webhook connector against a receiver on loopback: signature, headers, and which answers are tried again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use holdfast::adapters::connectors::guard::is_public;
use holdfast::adapters::connectors::signature::{self, SignatureError, Signed};
use holdfast::adapters::connectors::webhook::WebhookConnector;
use holdfast::domain::job::JobError;
use holdfast::ports::connector::{Call, Connector, Endpoint};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What one call looked like.
#[derive(Clone, Debug)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Answers in order, then 200 with the number of distinct keys seen; keeps every call.
#[derive(Clone, Default)]
pub struct Receiver {
    pub calls: Arc<Mutex<Vec<Received>>>,
    answers: Arc<Mutex<VecDeque<Response>>>,
}

impl Receiver {
    /// Serves on a free port until the test's runtime ends.
    pub async fn start(&self) -> Endpoint {
        let router = Router::new().fallback(take).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Endpoint { url, secret: SECRET.to_owned() }
    }

    pub fn answer(&self, answer: impl IntoResponse) {
        self.answers.lock().unwrap().push_back(answer.into_response());
    }

    pub fn calls(&self) -> Vec<Received> {
        self.calls.lock().unwrap().clone()
    }

    /// Keys under which it was called; an honest receiver does the work of each once.
    pub fn keys(&self) -> std::collections::BTreeMap<String, usize> {
        let mut keys = std::collections::BTreeMap::new();
        for call in self.calls() {
            *keys.entry(call.header("webhook-id").to_owned()).or_default() += 1;
        }
        keys
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    receiver.calls.lock().unwrap().push(Received { headers, body });
    let scripted = receiver.answers.lock().unwrap().pop_front();
    scripted.unwrap_or_else(|| axum::Json(json!({ "receipt": receiver.keys().len() })).into_response())
}

fn at() -> Timestamp {
    "2026-03-02T08:00:00Z".parse().unwrap()
}

async fn deliver(endpoint: &Endpoint, allow_private: bool) -> Result<Value, JobError> {
    let data = json!({ "order_id": "SO-1" });
    let call = Call { idempotency_key: "job-1", endpoint, event_type: "io.holdfast.test.v1", at: at(), data: &data };
    WebhookConnector::new(allow_private).unwrap().deliver(call).await
}

#[test]
fn the_published_example_is_signed_alike() {
    let at = Timestamp::from_second(1_614_265_330).unwrap();
    let signed = signature::sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#);
    assert_eq!(signed.as_deref(), Ok("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
}

#[test]
fn a_signature_fits_its_body_its_id_and_its_time_only() {
    let (id, body, time) = ("id-1", b"{}".as_slice(), at().as_second().to_string());
    let rotated = format!("{SECRET} whsec_{}", "A".repeat(32));
    let signature = signature::sign(&rotated, id, at(), body).unwrap();
    let signed = Signed { id, timestamp: &time, signature: &signature };
    assert_eq!(signature.split(' ').count(), 2);
    assert_eq!(signature::verify(SECRET, &signed, body, at()), Ok(()));
    assert_eq!(signature::verify(SECRET, &signed, b"{ }", at()), Err(SignatureError::Mismatch));
    let other = Signed { id: "id-2", ..signed.clone() };
    assert_eq!(signature::verify(SECRET, &other, body, at()), Err(SignatureError::Mismatch));
    let late = at().checked_add(SignedDuration::from_mins(6)).unwrap();
    assert_eq!(signature::verify(SECRET, &signed, body, late), Err(SignatureError::Timestamp));
    for secret in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_!"] {
        assert_eq!(signature::sign(secret, id, at(), body), Err(SignatureError::Secret), "{secret}");
    }
}

#[tokio::test]
async fn a_call_is_signed_and_carries_its_key() {
    let receiver = Receiver::default();
    let endpoint = receiver.start().await;
    receiver.answer((StatusCode::ACCEPTED, axum::Json(json!({ "id": 7 }))));
    assert_eq!(deliver(&endpoint, true).await, Ok(json!({ "id": 7 })));
    let call = receiver.calls().pop().unwrap();
    assert_eq!((call.header("webhook-id"), call.header("idempotency-key")), ("job-1", "\"job-1\""));
    let expected =
        json!({ "type": "io.holdfast.test.v1", "timestamp": "2026-03-02T08:00:00Z", "data": { "order_id": "SO-1" } });
    assert_eq!(call.json(), expected);
    let signed = Signed {
        id: call.header("webhook-id"),
        timestamp: call.header("webhook-timestamp"),
        signature: call.header("webhook-signature"),
    };
    assert_eq!(signature::verify(SECRET, &signed, &call.body, at()), Ok(()));
}

#[tokio::test]
async fn each_answer_says_whether_to_try_again() {
    let receiver = Receiver::default();
    let endpoint = receiver.start().await;
    for status in [408_u16, 425, 429, 500, 502, 503] {
        receiver.answer((StatusCode::from_u16(status).unwrap(), "busy"));
        let Err(JobError::Retry { code, message, after: None }) = deliver(&endpoint, true).await else {
            panic!("{status} must be tried again");
        };
        assert_eq!(code, format!("http-{status}"));
        assert!(message.ends_with(": busy"), "{message}");
    }
    for (status, expected) in [(400_u16, "http-400"), (404, "http-404"), (410, "gone"), (422, "http-422")] {
        receiver.answer(StatusCode::from_u16(status).unwrap());
        let Err(JobError::Fail { code, .. }) = deliver(&endpoint, true).await else { panic!("{status} is final") };
        assert_eq!(code, expected);
    }
    let text = "x".repeat(100_000);
    receiver.answer(text);
    assert_eq!(deliver(&endpoint, true).await, Ok(Value::Null), "a success stays one, its answer is not kept");
}

#[tokio::test]
async fn a_receiver_says_when_to_come_back() {
    let receiver = Receiver::default();
    let endpoint = receiver.start().await;
    let cases = [
        ("120", Some(SignedDuration::from_secs(120))),
        ("Mon, 02 Mar 2026 08:01:00 GMT", Some(SignedDuration::from_secs(60))),
        ("Mon, 02 Mar 2026 07:00:00 GMT", Some(SignedDuration::ZERO)),
        ("999999999", Some(SignedDuration::from_hours(24))),
        ("soon", None),
    ];
    for (header, expected) in cases {
        receiver.answer((StatusCode::SERVICE_UNAVAILABLE, [("retry-after", header)]));
        let Err(JobError::Retry { after, .. }) = deliver(&endpoint, true).await else { panic!("503 is tried again") };
        assert_eq!(after, expected, "{header}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let receiver = Receiver::default();
    let endpoint = receiver.start().await;
    receiver.answer((StatusCode::TEMPORARY_REDIRECT, [("location", "/elsewhere")]));
    let Err(JobError::Fail { code, .. }) = deliver(&endpoint, true).await else { panic!("a redirect is final") };
    assert_eq!((code.as_str(), receiver.calls().len()), ("redirect-refused", 1));
}

#[tokio::test]
async fn private_destinations_take_the_operators_leave() {
    let receiver = Receiver::default();
    let endpoint = receiver.start().await;
    let port = endpoint.url.rsplit(':').next().unwrap().to_owned();
    for host in ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "[::ffff:127.0.0.1]"] {
        let endpoint = Endpoint { url: format!("http://{host}:{port}"), secret: SECRET.to_owned() };
        let Err(JobError::Fail { code, .. }) = deliver(&endpoint, false).await else { panic!("{host} is refused") };
        assert_eq!(code, "private-destination", "{host}");
    }
    let endpoint = Endpoint { url: "ftp://example.com/".to_owned(), secret: SECRET.to_owned() };
    assert!(matches!(deliver(&endpoint, true).await, Err(JobError::Fail { .. })));
    assert!(receiver.calls().is_empty(), "nothing was called");
}

#[tokio::test]
async fn nobody_there_is_tried_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let answer = deliver(&Endpoint { url, secret: SECRET.to_owned() }, true).await;
    assert!(matches!(answer, Err(JobError::Retry { ref code, .. }) if code == "unreachable"), "{answer:?}");
}

#[test]
fn public_addresses_are_told_from_private_ones() {
    for address in ["8.8.8.8", "192.0.2.1", "2606:4700::1111", "64:ff9b::808:808"] {
        assert_eq!(is_public(address.parse().unwrap()), address != "192.0.2.1", "{address}");
    }
    let private = [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
        "2001:db8::1",
    ];
    for address in private {
        assert!(!is_public(address.parse().unwrap()), "{address}");
    }
}
