//! Every operation of the document is called once and answers as documented; none is left out without a reason.

use std::collections::BTreeSet;

use holdfast::domain::actor::Scope;
use holdfast::web::openapi::document;
use serde_json::json;

use super::support::Web;
use super::{day, intake};

/// Operations that no call here reaches, each with its reason.
const LEFT_OUT: [(&str, &str); 0] = [];

const UNKNOWN: &str = "0192f0c1-2345-7abc-8def-0123456789ab";

async fn lists(web: &Web) {
    let admin = web.admin();
    for path in ["/openapi.json", "/livez", "/readyz", "/metrics", "/v1/exceptions", "/v1/messages", "/v1/webhooks"] {
        assert_eq!(web.get(&admin, path).await.status, 200, "{path}");
    }
    for path in ["/v1/models", "/v1/audit", "/v1/audit/verify", "/v1/incidents", "/v1/policies", "/v1/actions"] {
        assert_eq!(web.get(&admin, path).await.status, 200, "{path}");
    }
    for path in ["/v1/proposals", "/v1/dead-letters"] {
        assert_eq!(web.get(&admin, path).await.status, 200, "{path}");
    }
    for path in ["messages", "operations", "incidents", "decisions", "proposals", "dead-letters", "exceptions"] {
        assert_eq!(web.get(&admin, &format!("/v1/{path}/{UNKNOWN}")).await.problem(404), "not-found", "{path}");
    }
    assert_eq!(web.get(&admin, &format!("/v1/proposals/{UNKNOWN}/since")).await.problem(404), "not-found");
    for part in ["report", "card"] {
        assert_eq!(web.get(&admin, &format!("/v1/models/miss-risk/versions/9/{part}")).await.problem(404), "not-found");
    }
    let then = web.get(&admin, "/v1/models?serving_at=2026-01-01T00:00:00Z").await;
    assert_eq!((then.status.as_u16(), &then.json()["serving"]), (200, &json!([])), "nothing served then");
}

/// Acts on what does not exist: found out before anything else happens.
async fn on_nothing(web: &Web) {
    let admin = web.admin();
    let headers = [("if-match", "\"1\""), ("idempotency-key", "nothing")];
    let (because, lease) = (json!({"reason": "x"}), json!({"lease_token": "t", "timeout_ms": 1000}));
    let failure = json!({"lease_token": "t", "retryable": false, "code": "c", "message": "m"});
    for (path, body) in [
        (format!("/v1/incidents/{UNKNOWN}/close"), because.clone()),
        (format!("/v1/incidents/{UNKNOWN}/resume"), json!({})),
        (format!("/v1/messages/{UNKNOWN}/corrections"), json!({"intent": "order_status"})),
        (format!("/v1/proposals/{UNKNOWN}/reassign"), json!({"role": "auditor", "reason": "x"})),
        (format!("/v1/exceptions/{UNKNOWN}/summary/opinions"), json!({"digest": "0".repeat(64), "useful": true})),
        (format!("/v1/jobs/{UNKNOWN}/complete"), json!({"lease_token": "t"})),
        (format!("/v1/jobs/{UNKNOWN}/fail"), failure),
        (format!("/v1/jobs/{UNKNOWN}/extend"), lease),
        (format!("/v1/operations/{UNKNOWN}/cancel"), json!({})),
        ("/v1/models/nothing/versions/1/promotion".to_owned(), json!({"role": "canary", "share": 0.1})),
        ("/v1/models/nothing/rollback".to_owned(), json!({})),
    ] {
        let answer = web.post(&admin, &path, &body, &headers).await;
        assert_eq!(answer.problem(404), "not-found", "{path}: {}", answer.text);
    }
    let asked = json!({"worker": "w", "max_jobs": 1, "timeout_ms": 1000});
    let by_hand = web.post(&admin, "/v1/jobs/activate", &asked, &[]).await;
    assert_eq!(
        by_hand.problem(403),
        "not-permitted",
        "no person executes by a call of their own, whatever their scopes"
    );
    let engine = web.service(&[Scope::ActionsExecute]);
    let none = web.post(&engine, "/v1/jobs/activate", &asked, &[]).await;
    assert_eq!(none.json()["jobs"], json!([]), "{}", none.text);
    let training =
        web.post(&admin, "/v1/training-runs", &json!({"model": "miss-risk"}), &[("idempotency-key", "t")]).await;
    assert_eq!(training.problem(503), "model-unavailable", "this instance has nobody who trains");
}

async fn on_a_case(web: &Web) {
    let admin = web.admin();
    let case = web.case(1, 1.0).await;
    let act = |what: &str| format!("/v1/exceptions/{}/{what}", case.id);
    for part in ["summary", "outlook"] {
        assert_eq!(web.get(&admin, &act(part)).await.problem(404), "not-found", "its order is not known");
    }
    let assigned = web.post(&admin, &act("assign"), &json!({"assignee": null}), &[("if-match", "\"1\"")]).await;
    assert_eq!(assigned.status, 200, "{}", assigned.text);
    let closed = web.post(&admin, &act("close"), &json!({"reason": "done"}), &[("if-match", "\"2\"")]).await;
    assert_eq!(closed.status, 200, "{}", closed.text);
    let mail = json!({"channel": "email", "from": {"email": "dana@brook.example"}, "body": "Where is our order?"});
    let read = web.post(&admin, "/v1/messages", &mail, &[("idempotency-key", "mail")]).await;
    assert_eq!(read.status, 201, "{}", read.text);
    let hook = json!({"url": "https://erp.example/hook"});
    assert_eq!(web.post(&admin, "/v1/webhooks", &hook, &[("idempotency-key", "1")]).await.status, 201);
}

#[tokio::test]
async fn every_operation_is_exercised() {
    let web = Web::new().await;
    lists(&web).await;
    on_nothing(&web).await;
    on_a_case(&web).await;
    intake::dead_letters_are_mended(&web).await;
    day::a_shortage_is_decided(&web).await;
    let called = web.called.lock().unwrap().clone();
    let mut missing = BTreeSet::new();
    for (path, item) in document()["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let operation = format!("{} {path}", method.to_uppercase());
            if !called.contains(&operation) && !LEFT_OUT.iter().any(|(left, _)| *left == operation) {
                missing.insert(operation);
            }
        }
    }
    assert!(missing.is_empty(), "no test calls {missing:#?}");
    for (left, reason) in LEFT_OUT {
        assert!(!called.contains(left) && !reason.is_empty(), "{left} is called after all");
    }
}
