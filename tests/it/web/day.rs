//! A shortage on its way over HTTP: found, summarised, ranked, proposed, questioned, approved by the right person.

use holdfast::domain::actor::{Role, Scope};
use holdfast::flow::execute::worker::Worker;
use holdfast::ports::clock::Clock as _;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::support::Web;

async fn tell(web: &Web, events: &[(&str, Value)]) {
    let now = web.clock.now();
    let erp = web.service(&[Scope::EventsWrite]);
    let event = |(kind, data): &(&str, Value)| {
        let id = holdfast::domain::digest::hex_of(data).unwrap();
        json!({ "specversion": "1.0", "id": id, "source": "/erp", "type": format!("io.holdfast.{kind}"), "time": now, "data": data })
    };
    let batch: Vec<Value> = events.iter().map(event).collect();
    let answer = web.post(&erp, "/v1/events", &json!(batch), &[]).await;
    for item in answer.json()["items"].as_array().unwrap_or_else(|| panic!("{}", answer.text)) {
        assert_eq!(item["status"], "accepted", "{item:#}");
    }
}

/// An order whose one line its warehouse cannot cover, and another warehouse can; returns the assessed case.
pub async fn short_order(web: &Web) -> Value {
    let promised = web.clock.now() + SignedDuration::from_hours(72);
    let stock = |warehouse: &str, n: &str| json!({ "sku": "SHORT", "warehouse_id": warehouse, "available": n });
    let item = json!({ "sku": "SHORT", "description": "Gauze", "unit_of_measure": "EA",
        "list_price": { "amount": "240.00", "currency": "EUR" } });
    let order = json!({ "order_id": "SO-1", "customer_id": "C-1", "placed_at": web.clock.now(), "currency": "EUR",
        "ship_to": "Dock 4, 12 Mill Lane, 8001 Brooktown, CH", "warehouse_id": "EAST",
        "lines": [{ "line_no": 1, "sku": "SHORT", "quantity": "10", "unit_price": "240.00", "promised_ship_at": promised }] });
    tell(
        web,
        &[
            ("customer.upserted.v1", json!({ "customer_id": "C-1", "name": "Brook Clinics", "tier": "A" })),
            ("warehouse.upserted.v1", json!({ "id": "EAST", "name": "East" })),
            ("warehouse.upserted.v1", json!({ "id": "WEST", "name": "West" })),
            ("item.upserted.v1", item),
            ("inventory.position.v1", stock("EAST", "2")),
            ("inventory.position.v1", stock("WEST", "100")),
            ("order.placed.v1", order),
        ],
    )
    .await;
    let worker = Worker::new(web.state.services.clone(), "test");
    worker.run_once(web.clock.now()).await;
    let planner = web.person("pia", &[Role::SupplyPlanner]);
    let list = web.get(&planner, "/v1/exceptions?order_id=SO-1&category=inventory_shortage").await.json();
    list["items"][0].clone()
}

/// The whole way; ends with the proposal queued or further.
pub async fn a_shortage_is_decided(web: &Web) {
    let case = short_order(web).await;
    assert_eq!(case["state"], "triaged", "{case:#}");
    let id = case["id"].as_str().unwrap();
    let planner = web.person("pia", &[Role::SupplyPlanner]);
    let summary = web.get(&planner, &format!("/v1/exceptions/{id}/summary")).await;
    assert_eq!(summary.status, 200, "{}", summary.text);
    let summary = summary.json();
    let facts: Vec<_> = summary["facts"].as_array().unwrap().iter().map(|f| f["id"].clone()).collect();
    for sentence in summary["sections"].as_array().unwrap().iter().flat_map(|s| s["sentences"].as_array().unwrap()) {
        assert!(sentence["facts"].as_array().unwrap().iter().all(|f| facts.contains(f)), "{sentence}");
    }
    assert_eq!(summary["age"]["events_since"], 0, "{summary:#}");
    assert!((3..=5).contains(&summary["headline"].as_array().unwrap().len()), "{}", summary["text"]);
    let opinion = json!({ "digest": summary["digest"], "useful": false, "reason": "too long" });
    let given = web.post(&planner, &format!("/v1/exceptions/{id}/summary/opinions"), &opinion, &[]).await;
    assert_eq!((given.status.as_u16(), &given.json()["subject"]), (200, &json!("pia")), "{}", given.text);
    let again = web.get(&planner, &format!("/v1/exceptions/{id}/summary")).await.json();
    assert_eq!(again["opinions"][0]["reason"], "too long", "{again:#}");
    let outlook = web.get(&planner, &format!("/v1/exceptions/{id}/outlook")).await.json();
    assert_eq!((&outlook["risk"], &outlook["ways_out"]), (&Value::Null, &json!([])), "{outlook:#}");
    assert!(outlook["abstained"].as_str().unwrap().starts_with("no risk model serves"), "{outlook:#}");
    let best = ranked(web, &planner, id).await;
    assert_eq!(best["action"], "reallocate_from_warehouse");
    let request = json!({ "case_id": id, "action": best["action"], "parameters": best["parameters"] });
    let made = web.post(&planner, "/v1/proposals", &request, &[("idempotency-key", "p-1")]).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let path = made.header("location").to_owned();
    assert_eq!(web.get(&planner, &path).await.json()["state"], "awaiting_approval");
    decide(web, &planner, &path).await;
}

async fn ranked(web: &Web, planner: &str, id: &str) -> Value {
    let first = web.post(planner, "/v1/prioritize", &json!({ "ids": [id] }), &[]).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let again = web.post(planner, "/v1/prioritize", &json!({ "ids": [id] }), &[]).await;
    assert_eq!(first.text, again.text, "same input, same answer");
    let decision = format!("/v1/decisions/{}", first.json()["decision_id"].as_str().unwrap());
    assert_eq!(web.get(planner, &decision).await.status, 200);
    let replay = web.post(planner, &format!("{decision}/replay"), &json!({}), &[]).await;
    assert_eq!(replay.json()["identical"], true, "{}", replay.text);
    assert_eq!(web.get(planner, &format!("{decision}/replay")).await.json(), replay.json());
    let defer = json!({ "case_id": id, "kind": "defer", "reason_code": "needs_information" });
    let told = web.post(planner, &format!("{decision}/responses"), &defer, &[("idempotency-key", "r-1")]).await;
    assert_eq!((told.status.as_u16(), &told.json()["kind"]), (201, &json!("defer")), "{}", told.text);
    let followed = web.get(planner, &decision).await.json()["followed"][0].clone();
    assert_eq!(followed["responses"][0]["reason_code"], "needs_information", "{followed}");
    first.json()["output"][0]["actions"][0].clone()
}

async fn decide(web: &Web, planner: &str, path: &str) {
    let warehouse = web.person("walt", &[Role::WarehouseManager]);
    let at = |version: &str, key: &str| {
        [("if-match".to_owned(), version.to_owned()), ("idempotency-key".to_owned(), key.to_owned())]
    };
    let post = async |token: &str, what: &str, body: Value, headers: [(String, String); 2]| {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        web.post(token, &format!("{path}/{what}"), &body, &headers).await
    };
    let tag = async || web.get(planner, path).await.header("etag").to_owned();
    let approve = json!({ "verdict": "approve", "reason": "stock is there" });
    let own = post(planner, "votes", approve.clone(), at(&tag().await, "v-0")).await;
    assert_eq!(own.problem(403), "separation-of-duties", "{}", own.text);
    let machine = web.service(&[Scope::ApprovalsDecide]);
    assert_eq!(post(&machine, "votes", approve.clone(), at(&tag().await, "v-m")).await.problem(403), "not-a-person");
    let asked =
        post(&warehouse, "request-information", json!({ "question": "Which dock?" }), at(&tag().await, "q")).await;
    assert_eq!(asked.json()["information_requested"], "Which dock?", "{}", asked.text);
    let told = post(planner, "provide-information", json!({ "answer": "Dock 4" }), at(&tag().await, "a")).await;
    assert_eq!(told.status, 200, "{}", told.text);
    let old = post(&warehouse, "votes", approve.clone(), at("\"1\"", "v-1")).await;
    assert_eq!(old.problem(412), "precondition-failed", "{}", old.text);
    let voted = post(&warehouse, "votes", approve.clone(), at(&tag().await, "v-2")).await;
    assert_eq!(voted.status, 200, "{}", voted.text);
    let again = post(&warehouse, "votes", approve, at(voted_on(&voted.json()).as_str(), "v-2")).await;
    assert!([200, 422].contains(&again.status.as_u16()), "{}", again.text);
    let late = post(planner, "withdraw", json!({ "reason": "changed my mind" }), at(&tag().await, "w")).await;
    assert_eq!(late.problem(409), "invalid-transition", "{}", late.text);
}

fn voted_on(proposal: &Value) -> String {
    format!("\"{}\"", proposal["version"].as_i64().unwrap() - 1)
}

#[tokio::test]
async fn a_shortage_is_decided_by_the_right_person() {
    a_shortage_is_decided(&Web::new().await).await;
}

#[tokio::test]
async fn a_page_proposes_and_another_person_approves() {
    let web = Web::new().await;
    let case = short_order(&web).await;
    let id = case["id"].as_str().unwrap();
    let planner = web.person("pia", &[Role::SupplyPlanner]);
    let page = web.page(&planner, &format!("/exceptions/{id}")).await;
    assert!(page.text.contains("reallocate_from_warehouse") && page.text.contains("cited facts"), "{}", page.text);
    let fields = [("action", "reallocate_from_warehouse"), ("parameters", "{}")];
    let proposed = web.submit(&planner, &format!("/exceptions/{id}/propose"), &fields).await;
    assert_eq!(proposed.status, 303, "{}", proposed.text);
    let proposal = web.get(&planner, "/v1/proposals?state=awaiting_approval").await.json()["items"][0].clone();
    let own = web.page(&planner, "/approvals").await;
    assert!(own.text.contains("someone else must approve") && !own.text.contains("Approve this exact action"));
    let warehouse = web.person("walt", &[Role::WarehouseManager]);
    let inbox = web.page(&warehouse, "/approvals").await;
    assert!(
        inbox.text.contains("Approve this exact action") && inbox.text.contains("from warehouse WEST"),
        "{}",
        inbox.text
    );
    let version = proposal["version"].to_string();
    let path = format!("/approvals/{}", proposal["id"].as_str().unwrap());
    let fields = [("version", version.as_str()), ("act", "approve"), ("reason", "")];
    let voted = web.submit(&warehouse, &path, &fields).await;
    assert_eq!(voted.status, 303, "{}", voted.text);
    let after = web.get(&planner, &format!("/v1/proposals/{}", proposal["id"].as_str().unwrap())).await.json();
    assert_eq!(after["votes"][0]["subject"], "walt", "{after:#}");
}
