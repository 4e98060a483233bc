//! Events in over HTTP: modes, replays, conflicts, dead letters.

use axum::body::Body;
use axum::http::Request;
use holdfast::domain::actor::Scope;
use serde_json::{Value, json};

use super::support::{Answer, Web};

fn customer(id: &str, name: &str) -> Value {
    json!({ "specversion": "1.0", "id": id, "source": "/erp", "type": "io.holdfast.customer.upserted.v1",
        "time": "2026-03-02T09:00:00Z", "data": { "customer_id": "C-9", "name": name } })
}

async fn send(web: &Web, kind: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let token = web.service(&[Scope::EventsWrite]);
    let mut request = Request::post("/v1/events").header("authorization", format!("Bearer {token}"));
    request = request.header("content-type", kind);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    web.send(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn an_event_comes_in_once_whatever_its_mode() {
    let web = Web::new().await;
    let event = customer("e-1", "Brook");
    let first = send(&web, "application/cloudevents+json; charset=utf-8", &event, &[]).await;
    assert_eq!(
        (first.status.as_u16(), &first.json()["items"][0]["status"]),
        (202, &json!("accepted")),
        "{}",
        first.text
    );
    let again = send(&web, "application/json", &event, &[]).await;
    assert_eq!((again.status.as_u16(), &again.json()["items"][0]["status"]), (200, &json!("replayed")));
    let binary = [
        ("ce-specversion", "1.0"),
        ("ce-id", "e-1"),
        ("ce-source", "%2Ferp"),
        ("ce-type", "io.holdfast.customer.upserted.v1"),
        ("ce-time", "2026-03-02T09:00:00Z"),
    ];
    let binary = send(&web, "application/json", &event["data"], &binary).await;
    assert_eq!(binary.json()["items"][0]["status"], "replayed", "the same event in binary mode: {}", binary.text);
    let other = send(&web, "application/cloudevents+json", &customer("e-1", "Other"), &[]).await;
    assert_eq!(other.problem(409), "event-conflict");
    let context = &other.json()["context"];
    assert_ne!(context["digest"], context["recorded_digest"]);
    assert_eq!(context["digest"].as_str().unwrap().len(), 64);
}

#[tokio::test]
async fn a_batch_answers_for_each_item() {
    let web = Web::new().await;
    let batch = json!([customer("e-1", "A"), customer("e-1", "A"), customer("e-1", "B"), { "specversion": "1.0" }]);
    let answer = send(&web, "application/cloudevents-batch+json", &batch, &[]).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let answer = answer.json();
    let statuses: Vec<_> = answer["items"].as_array().unwrap().iter().map(|i| i["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["accepted", "replayed", "conflict", "dead_lettered"]);
    for (kind, body) in [
        ("application/cloudevents-batch+json", json!([])),
        ("application/cloudevents-batch+json", json!({})),
        ("application/cloudevents-batch+json", json!([7])),
        ("application/cloudevents+json", json!([])),
        ("application/json", json!("x")),
    ] {
        assert_eq!(send(&web, kind, &body, &[]).await.problem(422), "invalid-body", "{body}");
    }
    assert_eq!(send(&web, "application/xml", &json!({}), &[]).await.problem(415), "unsupported-media-type");
    let broken = [("ce-specversion", "1.0"), ("ce-id", "%zz")];
    assert_eq!(send(&web, "application/json", &json!({}), &broken).await.problem(400), "invalid-parameter");
}

/// A dead letter is seen, mended and replayed; another is discarded.
pub async fn dead_letters_are_mended(web: &Web) {
    let handshake = Request::options("/v1/events").header("webhook-request-origin", "erp.example");
    let handshake = web.send(handshake.body(Body::empty()).unwrap()).await;
    assert_eq!(handshake.header("webhook-allowed-origin"), "erp.example");
    let token = web.service(&[Scope::EventsWrite]);
    let wrong = |id: &str| json!({ "specversion": "1.0", "id": id, "source": "/erp", "type": "io.holdfast.nonsense.v1", "data": {} });
    let kept = send(web, "application/cloudevents-batch+json", &json!([wrong("d-1"), wrong("d-2")]), &[]).await.json();
    let path = |i: usize| format!("/v1/dead-letters/{}", kept["items"][i]["dead_letter_id"].as_str().unwrap());
    let letter = web.get(&token, &path(0)).await;
    assert_eq!((letter.header("etag"), &letter.json()["status"]), ("\"1\"", &json!("open")), "{}", letter.text);
    let mended = customer("d-1", "Mended");
    let stale = web.call("PUT", &token, &path(0), Some(&mended), &[("if-match", "\"7\"")]).await;
    assert_eq!(stale.problem(412), "precondition-failed");
    let fixed = web.call("PUT", &token, &path(0), Some(&mended), &[("if-match", "\"1\"")]).await;
    assert_eq!(fixed.status, 200, "{}", fixed.text);
    let replayed = web.post(&token, &format!("{}/replay", path(0)), &json!({}), &[]).await;
    assert_eq!(replayed.json()["status"], "accepted", "{}", replayed.text);
    let discard = format!("{}/discard", path(1));
    let discarded = web.post(&token, &discard, &json!({"reason": "a test system"}), &[("if-match", "\"1\"")]).await;
    assert_eq!(discarded.json()["status"], "discarded", "{}", discarded.text);
    let all = web.post(&token, "/v1/dead-letters/replay", &json!({"source": "/nothing"}), &[]).await;
    assert_eq!(all.json()["items"], json!([]), "{}", all.text);
    let open = web.get(&token, "/v1/dead-letters?status=open").await.json();
    assert_eq!(open["items"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_understood_is_kept_and_mended() {
    dead_letters_are_mended(&Web::new().await).await;
}
