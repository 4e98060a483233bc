//! What every operation shares: problems, versions, keys, cursors, media types.

use axum::body::Body;
use axum::http::Request;
use holdfast::domain::actor::{Role, Scope};
use holdfast::flow::FlowError;
use holdfast::ports::language::LanguageError;
use holdfast::ports::store::StoreError;
use holdfast::ports::store::service::FreeBefore;
use holdfast::web::error::Problem;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::support::Web;

#[test]
fn each_flow_error_has_its_status_and_code() {
    let denied =
        FlowError::Denied { code: "separation-of-duties", reason: "no".to_owned(), policies: vec!["p1".to_owned()] };
    let conflict = FlowError::Conflict { code: "lease-lost", message: "late".to_owned(), detail: json!({"a": 1}) };
    let pointer = Some("/x".to_owned());
    let cases = [
        (FlowError::NotFound { kind: "case", id: "1".to_owned() }, 404, "not-found"),
        (FlowError::Invalid { code: "bad-thing", message: "m".to_owned(), pointer }, 422, "bad-thing"),
        (conflict, 409, "lease-lost"),
        (FlowError::Stale { kind: "case", expected: 1, actual: 2 }, 412, "precondition-failed"),
        (denied, 403, "separation-of-duties"),
        (FlowError::Expired { message: "m".to_owned() }, 410, "approval-expired"),
        (FlowError::Language(LanguageError::QueueFull { capacity: 4 }), 429, "queue-full"),
        (FlowError::Language(LanguageError::Unavailable("risk")), 503, "model-unavailable"),
        (FlowError::Store(StoreError::Conflict("case".to_owned())), 503, "store-busy"),
    ];
    for (error, status, code) in cases {
        let says = error.to_string();
        let problem = Problem::from(error).0;
        assert_eq!((problem.status, problem.code.as_str()), (status, code));
        assert_eq!(problem.detail, says);
        assert_eq!(problem.retryable, matches!(status, 429 | 503), "{code}");
        assert_eq!(problem.retry_after_s.is_some(), problem.retryable, "{code}");
    }
}

#[test]
fn what_fails_inside_is_not_shown() {
    let secret = StoreError::Inconsistent { table: "cases", row: "7".to_owned(), message: "secret".to_owned() };
    let problem = Problem::from(FlowError::from(secret)).0;
    assert_eq!(problem.status, 500);
    assert!(!problem.detail.contains("secret") && !problem.detail.contains("cases"), "{}", problem.detail);
}

#[tokio::test]
async fn every_refusal_is_a_problem() {
    let web = Web::new().await;
    let admin = web.admin();
    assert_eq!(web.get(&admin, "/v1/nothing").await.problem(404), "no-such-route");
    assert_eq!(web.get(&admin, "/v1/exceptions/seven").await.problem(404), "not-found");
    let unknown = "/v1/exceptions/0192f0c1-2345-7abc-8def-0123456789ab";
    assert_eq!(web.get(&admin, unknown).await.problem(404), "not-found");
    let wrong = web.call("PATCH", &admin, "/v1/exceptions", None, &[]).await;
    assert_eq!(wrong.problem(405), "method-not-allowed");
    assert!(wrong.header("allow").contains("GET"), "{:?}", wrong.headers);
    for query in ["limit=0", "limit=201", "limit=x", "open=maybe", "colour=red", "owner=", "owner=%00", "cursor=abc"] {
        let answer = web.get(&admin, &format!("/v1/exceptions?{query}")).await;
        assert!(["invalid-parameter", "invalid-cursor"].contains(&answer.problem(400).as_str()), "{query}");
    }
    let picky = web.call("GET", &admin, "/v1/audit", None, &[("accept", "image/png")]).await;
    assert_eq!(picky.problem(406), "not-acceptable");
    let fine = web.call("GET", &admin, "/v1/audit", None, &[("accept", "text/html, application/*;q=0.5")]).await;
    assert_eq!(fine.status, 200);
}

#[tokio::test]
async fn bodies_are_held_to_the_document() {
    let web = Web::new().await;
    let admin = web.admin();
    let key = [("idempotency-key", "k")];
    let good = json!({"url": "https://erp.example/hook", "types": []});
    for (body, pointer) in [
        (json!({"url": "https://erp.example/hook", "typos": []}), "/typos"),
        (json!({"types": []}), "/url"),
        (json!({"url": "x"}), "/url"),
        (json!({"url": "ftp://erp.example/hook"}), "/url"),
        (json!({"url": "https://erp.example/hook", "types": [7]}), "/types/0"),
        (json!({"url": "https://erp.example/hook", "types": [""]}), "/types/0"),
        (json!({"url": "https://erp.example/\u{0}", "types": []}), "/url"),
        (json!([]), ""),
    ] {
        let answer = web.post(&admin, "/v1/webhooks", &body, &key).await;
        assert_eq!(answer.problem(422), "invalid-body");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    let request = |kind: &str, body: String| {
        let request = Request::post("/v1/webhooks").header("authorization", format!("Bearer {admin}"));
        request.header("content-type", kind).header("idempotency-key", "k").body(Body::from(body)).unwrap()
    };
    assert_eq!(web.send(request("text/plain", good.to_string())).await.problem(415), "unsupported-media-type");
    assert_eq!(web.send(request("application/json", "{".to_owned())).await.problem(400), "invalid-json");
    let huge = format!("\"{}\"", "x".repeat(5 << 20));
    assert_eq!(web.send(request("application/json", huge)).await.problem(413), "too-large");
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer() {
    let web = Web::new().await;
    let admin = web.admin();
    let body = json!({"url": "https://erp.example/hook", "types": ["io.holdfast.proposal.approved.v1"]});
    assert_eq!(web.post(&admin, "/v1/webhooks", &body, &[]).await.problem(400), "idempotency-key-missing");
    let quoted = [("idempotency-key", "\"first\"")];
    let first = web.post(&admin, "/v1/webhooks", &body, &quoted).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let reordered = r#"{ "types": ["io.holdfast.proposal.approved.v1"], "url": "https://erp.example/hook" }"#;
    let again = Request::post("/v1/webhooks")
        .header("authorization", format!("Bearer {admin}"))
        .header("content-type", "application/json")
        .header("idempotency-key", "first");
    let again = web.send(again.body(Body::from(reordered)).unwrap()).await;
    assert_eq!((again.status.as_u16(), &again.text), (201, &first.text), "bare or quoted, however the JSON is written");
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("etag"), first.header("etag"));
    let hooks = web.get(&admin, "/v1/webhooks").await.json();
    assert_eq!(hooks.as_array().unwrap().len(), 1);
    assert!(hooks[0].get("secret").is_none(), "the secret is shown once");
    let other = json!({"url": "https://erp.example/other"});
    assert_eq!(web.post(&admin, "/v1/webhooks", &other, &quoted).await.problem(422), "idempotency-key-reused");
    let wrong = Request::put("/v1/webhooks")
        .header("authorization", format!("Bearer {admin}"))
        .header("idempotency-key", "first");
    let wrong = web.send(wrong.body(Body::empty()).unwrap()).await;
    assert_eq!(wrong.problem(405), "method-not-allowed", "a key counts for operations only");
    let someone = web.person("someone", &[Role::Admin]);
    assert_eq!(web.post(&someone, "/v1/webhooks", &other, &quoted).await.status, 201, "keys are per caller");
    web.clock.advance(SignedDuration::from_hours(7));
    web.clock.advance(SignedDuration::from_hours(18));
    let admin = web.admin();
    assert_eq!(web.post(&admin, "/v1/webhooks", &other, &quoted).await.status, 201, "a key is free after a day");
}

#[tokio::test]
async fn a_refused_request_frees_its_key_and_a_running_one_holds_it() {
    let web = Web::new().await;
    let admin = web.admin();
    let key = [("idempotency-key", "k")];
    let body = json!({"url": "https://erp.example/hook"});
    assert_eq!(web.post(&admin, "/v1/webhooks", &json!({}), &key).await.problem(422), "invalid-body");
    assert_eq!(web.post(&admin, "/v1/webhooks", &body, &key).await.status, 201);
    let fingerprint = holdfast::domain::digest::hex_of(&json!([
        "POST",
        "/v1/webhooks",
        holdfast::domain::digest::hex_of(&body).unwrap(),
        "application/json",
        {}
    ]));
    let mut tx = web.state.services.store.write().await.unwrap();
    let now = web.state.services.clock.now();
    let free = FreeBefore { answered: now, unanswered: now };
    tx.take_key("person:root", "busy", &fingerprint.unwrap(), now, free).await.unwrap();
    tx.commit().await.unwrap();
    let busy = web.post(&admin, "/v1/webhooks", &body, &[("idempotency-key", "busy")]).await;
    assert_eq!(busy.problem(409), "request-in-progress");
    assert_eq!(busy.header("retry-after"), "1");
    web.clock.advance(SignedDuration::from_mins(3));
    let taken_over = web.post(&admin, "/v1/webhooks", &body, &[("idempotency-key", "busy")]).await;
    assert_eq!(taken_over.status, 201, "a request that was lost does not hold its key for a day");
}

#[tokio::test]
async fn two_binary_events_are_two_whatever_their_key() {
    let web = Web::new().await;
    let admin = web.admin();
    let send = async |id: &str| {
        let request = Request::post("/v1/events")
            .header("authorization", format!("Bearer {admin}"))
            .header("content-type", "application/json")
            .header("idempotency-key", "same")
            .header("ce-specversion", "1.0")
            .header("ce-source", "/erp")
            .header("ce-type", "io.holdfast.warehouse.upserted.v1")
            .header("ce-id", id);
        web.send(request.body(Body::from(r#"{"id":"W-9","name":"Nine"}"#)).unwrap()).await
    };
    assert_eq!(send("1").await.status, 202);
    assert_eq!(send("1").await.status, 202);
    assert_eq!(send("2").await.problem(422), "idempotency-key-reused");
}

#[tokio::test]
async fn a_decision_on_an_old_state_is_refused() {
    let web = Web::new().await;
    let planner = web.person("piotr", &[Role::SupplyPlanner]);
    let path = format!("/v1/exceptions/{}", web.case(1, 1.0).await.id);
    let read = web.get(&planner, &path).await;
    assert_eq!(read.header("etag"), "\"1\"");
    let assign = format!("{path}/assign");
    let body = json!({"assignee": "piotr"});
    assert_eq!(web.post(&planner, &assign, &body, &[]).await.problem(428), "precondition-required");
    assert_eq!(web.post(&planner, &assign, &body, &[("if-match", "W/\"1\"")]).await.problem(400), "invalid-parameter");
    assert_eq!(web.post(&planner, &assign, &body, &[("if-match", "\"9\"")]).await.problem(412), "precondition-failed");
    let done = web.post(&planner, &assign, &body, &[("if-match", "\"1\"")]).await;
    assert_eq!((done.status.as_u16(), done.header("etag")), (200, "\"2\""), "{}", done.text);
    assert_eq!(done.json()["assignee"], "piotr");
    let close = format!("{path}/close");
    assert_eq!(
        web.post(&planner, &close, &json!({"reason": " "}), &[("if-match", "\"2\"")]).await.problem(422),
        "invalid-body"
    );
    let engine = web.service(&[Scope::ExceptionsWrite]);
    let because = json!({"reason": "shipped by hand"});
    assert_eq!(web.post(&engine, &close, &because, &[("if-match", "\"2\"")]).await.problem(403), "not-a-person");
    let closed = web.post(&planner, &close, &because, &[("if-match", "\"2\"")]).await;
    assert_eq!(closed.json()["state"], "resolved", "{}", closed.text);
    assert_eq!(web.post(&planner, &close, &because, &[("if-match", "\"3\"")]).await.problem(409), "case-closed");
}

#[tokio::test]
async fn cursors_walk_the_whole_worklist_once() {
    let web = Web::new().await;
    let planner = web.person("piotr", &[Role::SupplyPlanner]);
    for number in 0..5 {
        web.case(number, f64::from(number % 3)).await;
    }
    let mut seen = Vec::new();
    let mut path = "/v1/exceptions?category=inventory_shortage&limit=2".to_owned();
    loop {
        let answer = web.get(&planner, &path).await;
        let page = answer.json();
        assert_eq!(page["facets"]["total"], 5, "facets count everything that matches");
        seen.extend(page["items"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap().to_owned()));
        let link = answer.header("link");
        assert_eq!(page["next"].is_null(), link.is_empty());
        let Some((next, _)) = link.strip_prefix('<').and_then(|l| l.split_once('>')) else { break };
        assert!(next.contains("category=inventory_shortage") && next.contains("limit=2"), "{next}");
        path = next.to_owned();
    }
    assert_eq!(seen.len(), 5);
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), 5);
    let empty = web.get(&planner, "/v1/exceptions?state=resolved").await.json();
    assert_eq!(empty["items"], json!([]));
    assert_eq!(empty["next"], Value::Null);
}

#[tokio::test]
async fn a_request_keeps_its_name_and_trace() {
    let web = Web::new().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let headers =
        [("x-request-id", "order-7"), ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    let answer = web.call("GET", "", "/v1/audit", None, &headers).await;
    assert_eq!(answer.header("x-request-id"), "order-7");
    assert_eq!(answer.json()["trace_id"], trace);
    assert_eq!(answer.json()["instance"], "urn:holdfast:request:order-7");
    let odd = web.call("GET", "", "/v1/audit", None, &[("x-request-id", "<script>")]).await;
    assert_ne!(odd.header("x-request-id"), "<script>");
}

#[tokio::test]
async fn the_audit_log_is_listed_and_verified() {
    let web = Web::new().await;
    let admin = web.admin();
    web.post(&admin, "/v1/webhooks", &json!({"url": "https://erp.example/1"}), &[("idempotency-key", "1")]).await;
    web.post(&admin, "/v1/webhooks", &json!({"url": "https://erp.example/2"}), &[("idempotency-key", "2")]).await;
    let page = web.get(&admin, "/v1/audit?limit=1&action=webhook.created").await.json();
    assert_eq!(page["items"][0]["seq"], 2);
    let next = web.get(&admin, &format!("/v1/audit?limit=1&cursor={}", page["next"].as_str().unwrap())).await.json();
    assert_eq!(next["items"][0]["seq"], 1);
    assert_eq!(next["next"], Value::Null);
    let chain = web.get(&admin, "/v1/audit/verify").await.json();
    assert_eq!((&chain["intact"], &chain["entries"]), (&json!(true), &json!(2)));
    assert_eq!(chain["head"], page["items"][0]["hash"]);
}

#[tokio::test]
async fn the_service_tells_of_itself() {
    let web = Web::new().await;
    assert_eq!(web.get("", "/livez").await.json()["live"], true);
    let ready = web.get("", "/readyz").await.json();
    assert_eq!(
        (&ready["ready"], &ready["store"], &ready["models"]["risk"]),
        (&json!(true), &json!("sqlite"), &Value::Null)
    );
    assert_eq!(web.get("", "/metrics").await.text, "up 1\n");
    let document = web.get("", "/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
}
