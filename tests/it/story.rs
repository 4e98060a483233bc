//! The distributor's day, told over HTTP to the real binary, on both stores, with and without kills.
//!
//! An EDI order has a line that its warehouse cannot cover and a line whose price differs from the customer's contract. The
//! same end must be reached however often the process is killed on the way, and nothing may be executed twice.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::folder::Folder;
use crate::support::process::Process;
use crate::support::receiver::Receiver;
use crate::support::stores;

/// Where the process may be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    MasterDataIn,
    OrderIn,
    Assessed,
    /// While a request is being answered.
    Proposing,
    Proposed,
    FirstVote,
    /// While the connector is being called.
    Executing,
    Executed,
    FinanceWaits,
    Escalated,
    CarrierFails,
}

const EVERY_MOMENT: [Moment; 11] = [
    Moment::MasterDataIn,
    Moment::OrderIn,
    Moment::Assessed,
    Moment::Proposing,
    Moment::Proposed,
    Moment::FirstVote,
    Moment::Executing,
    Moment::Executed,
    Moment::FinanceWaits,
    Moment::Escalated,
    Moment::CarrierFails,
];

struct Day {
    service: Process,
    receiver: Receiver,
    kills: Vec<Moment>,
    erp: String,
    planner: String,
    warehouse: String,
    seller: String,
    pricing: String,
    operations: String,
    auditor: String,
}

/// What must be the same at the end of every telling.
#[derive(Debug, PartialEq)]
struct End {
    cases: BTreeMap<String, String>,
    proposals: BTreeMap<String, String>,
    executed: BTreeMap<String, usize>,
}

impl Day {
    async fn begin(dir: &std::path::Path, store_url: &str, kills: &[Moment]) -> Self {
        let receiver = Receiver::start().await;
        let settings = [
            ("HOLDFAST_CONNECTOR__ACTION_URL", receiver.url.clone()),
            ("HOLDFAST_CONNECTOR__ACTION_SECRET", receiver.secret.clone()),
            ("HOLDFAST_FLOW__ATTEMPTS_MAX", "3".to_owned()),
        ];
        let service = Process::start(dir, store_url, &settings).await;
        Self {
            erp: service.service("erp", "events:write,exceptions:read"),
            planner: service.person("pia", "supply_planner"),
            warehouse: service.person("walt", "warehouse_manager"),
            seller: service.person("cleo", "customer_service"),
            pricing: service.person("priya", "pricing_approver"),
            operations: service.person("olga", "operations_manager"),
            auditor: service.person("audrey", "auditor,customer_service"),
            receiver,
            kills: kills.to_vec(),
            service,
        }
    }

    /// Kills and restarts the process here, where this telling says so; leases of before end with it.
    async fn at(&mut self, moment: Moment) {
        if self.kills.contains(&moment) {
            self.service.kill();
            self.service.pass_hours(0.1);
            self.service.restart().await;
        }
    }

    /// Kills the process in the middle of answering a request, where this telling says so. What came of the request is not
    /// known then, as it is for every client whose connection broke.
    async fn within(&mut self, moment: Moment, token: &str, path: &str, body: &Value) {
        if self.kills.contains(&moment) {
            tokio::select! {
                _ = self.service.post(token, path, body) => {}
                () = tokio::time::sleep(std::time::Duration::from_millis(4)) => {}
            }
            self.at(moment).await;
        }
    }

    async fn tell(&self, events: &[(&str, &str, Value)]) {
        let now = self.service.now();
        let batch: Vec<Value> = events
            .iter()
            .map(|(id, kind, data)| {
                json!({ "specversion": "1.0", "id": id, "source": "/erp", "type": format!("io.holdfast.{kind}"),
                    "time": now, "data": data })
            })
            .collect();
        let headers = [("content-type", "application/cloudevents-batch+json")];
        let answer = self.service.post_with(&self.erp, "/v1/events", &Value::from(batch), &headers).await.expect(202);
        for item in answer["items"].as_array().unwrap() {
            assert!(["accepted", "replayed"].contains(&item["status"].as_str().unwrap()), "{item:#}");
        }
    }

    /// The open case of a category on the order, once it is assessed.
    async fn case(&self, category: &str) -> Value {
        let path = format!("/v1/exceptions?order_id=SO-1&category={category}");
        let found = |list: &Value| {
            let case = list["items"].as_array()?.first()?.clone();
            (!case["assessment"].is_null()).then_some(case)
        };
        self.service.wait_for(&self.auditor, &path, category, found).await
    }

    /// Proposes; where a request before it was lost, what came of that one counts.
    async fn propose(&mut self, by: &str, case: &Value, action: &str, parameters: &Value) -> String {
        let request = json!({ "case_id": case["id"], "action": action, "parameters": parameters });
        if action == "reallocate_from_warehouse" {
            self.within(Moment::Proposing, by, "/v1/proposals", &request).await;
        }
        let answer = self.service.post(by, "/v1/proposals", &request).await;
        let proposal = if answer.status == 409 && answer.body["code"] == "duplicate-proposal" {
            let made = answer.body["context"]["proposal_id"].as_str().unwrap().to_owned();
            self.service.get(&self.auditor, &format!("/v1/proposals/{made}")).await.expect(200)
        } else {
            answer.expect(201)
        };
        assert_eq!(proposal["state"], "awaiting_approval", "{proposal:#}");
        proposal["id"].as_str().unwrap().to_owned()
    }

    async fn vote(&self, by: &str, proposal: &str, verdict: &str) -> (u16, Value) {
        let path = format!("/v1/proposals/{proposal}");
        let etag = self.service.get(&self.auditor, &path).await.etag();
        let vote = json!({ "verdict": verdict, "reason": "seen and checked" });
        let answer = self.service.post_with(by, &format!("{path}/votes"), &vote, &[("if-match", &etag)]).await;
        (answer.status, answer.body)
    }

    async fn approve(&self, by: &str, proposal: &str) {
        let (status, body) = self.vote(by, proposal, "approve").await;
        assert_eq!(status, 200, "{body:#}");
    }

    async fn wait_until(&self, proposal: &str, state: &str) -> Value {
        let reached = |seen: &Value| (seen["state"] == state).then(|| seen.clone());
        self.service.wait_for(&self.auditor, &format!("/v1/proposals/{proposal}"), state, reached).await
    }
}

async fn master_data(day: &mut Day) {
    let money = |amount: &str| json!({ "amount": amount, "currency": "EUR" });
    let item = |sku: &str, price: &str| json!({ "sku": sku, "description": sku, "unit_of_measure": "EA", "list_price": money(price) });
    let stock = |sku: &str, warehouse: &str, available: &str| json!({ "sku": sku, "warehouse_id": warehouse, "available": available });
    let mut priced = item("PRICED", "14.00");
    priced["contract_prices"] = json!({ "C-1": money("12.00") });
    let customer = json!({ "customer_id": "C-1", "name": "Brook Clinics", "tier": "A",
        "email_domains": ["brook.example"], "contacts": [{ "name": "Dana", "email": "dana@brook.example" }] });
    day.tell(&[
        ("m-1", "customer.upserted.v1", customer),
        ("m-2", "warehouse.upserted.v1", json!({ "id": "EAST", "name": "East" })),
        ("m-3", "warehouse.upserted.v1", json!({ "id": "WEST", "name": "West" })),
        ("m-4", "carrier.upserted.v1", json!({ "id": "SWIFT", "name": "Swift Freight" })),
        ("m-5", "item.upserted.v1", item("SHORT", "240.00")),
        ("m-6", "item.upserted.v1", priced),
        ("m-7", "item.upserted.v1", item("PLENTY", "14.00")),
        ("m-8", "inventory.position.v1", stock("SHORT", "EAST", "2")),
        ("m-9", "inventory.position.v1", stock("SHORT", "WEST", "100")),
        ("m-10", "inventory.position.v1", stock("PRICED", "EAST", "1000")),
        ("m-11", "inventory.position.v1", stock("PLENTY", "EAST", "1000")),
    ])
    .await;
    day.at(Moment::MasterDataIn).await;
}

async fn order(day: &mut Day) {
    let now = day.service.now();
    let promised = now + jiff::SignedDuration::from_hours(72);
    let line = |no: u32, sku: &str, quantity: &str, price: &str| json!({ "line_no": no, "sku": sku, "quantity": quantity, "unit_price": price, "promised_ship_at": promised });
    let placed = json!({ "order_id": "SO-1", "customer_id": "C-1", "po_number": "PO-77", "channel": "edi",
        "placed_at": now, "currency": "EUR", "ship_to": "Dock 4, 12 Mill Lane, 8001 Brooktown, CH",
        "warehouse_id": "EAST", "carrier_id": "SWIFT",
        "lines": [line(1, "SHORT", "10", "240.00"), line(2, "PRICED", "300", "9.00"), line(3, "PLENTY", "5", "14.00")] });
    day.tell(&[("o-1", "order.placed.v1", placed)]).await;
    day.at(Moment::OrderIn).await;
}

/// The shortage is found, the alternate warehouse comes first, and a colleague's approval carries it out once.
async fn shortage(day: &mut Day) {
    let case = day.case("inventory_shortage").await;
    day.at(Moment::Assessed).await;
    assert_eq!(case["line_no"], 1);
    let request = json!({ "ids": [case["id"]] });
    let decision = day.service.post(&day.planner, "/v1/prioritize", &request).await.expect(200);
    let best = &decision["output"][0]["actions"][0];
    assert_eq!(best["action"], "reallocate_from_warehouse", "{decision:#}");
    assert_eq!(best["parameters"]["from_warehouse"], "WEST");
    let proposal = day.propose(&day.planner.clone(), &case, "reallocate_from_warehouse", &best["parameters"]).await;
    day.at(Moment::Proposed).await;

    let (status, refusal) = day.vote(&day.planner, &proposal, "approve").await;
    assert_eq!((status, &refusal["code"]), (403, &json!("separation-of-duties")), "{refusal:#}");
    assert!(day.receiver.executed().is_empty(), "nothing executes without its approval");

    day.receiver.seen(|seen| seen.delay_ms = 400);
    day.approve(&day.warehouse, &proposal).await;
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    day.at(Moment::Executing).await;
    day.receiver.seen(|seen| seen.delay_ms = 0);
    day.wait_until(&proposal, "succeeded").await;
    day.at(Moment::Executed).await;

    let change = json!({ "order_id": "SO-1", "by": "erp", "lines": [{ "line_no": 1, "warehouse_id": "WEST" }] });
    day.tell(&[("o-2", "order.changed.v1", change)]).await;
    day.service
        .wait_for(
            &day.auditor,
            &format!("/v1/exceptions/{}", case["id"].as_str().unwrap()),
            "the shortage to resolve",
            |seen| (seen["case"]["state"] == "resolved").then_some(()),
        )
        .await;
}

/// The lines that can go are released and the customer is told, each by its own approval.
async fn release_and_notify(day: &mut Day, case: &Value) {
    let release =
        day.propose(&day.planner.clone(), case, "release_unaffected_lines", &json!({ "except_line": 2 })).await;
    day.approve(&day.operations, &release).await;
    day.wait_until(&release, "succeeded").await;
    let released = day.receiver.parameters("release_unaffected_lines");
    assert_eq!(released, [json!({ "except_line": 2 })], "line 2 waits");
    let now = day.service.now();
    let moved = |line: u32| json!({ "order_id": "SO-1", "line_no": line, "status": "released", "at": now });
    day.tell(&[("r-1", "order.status.v1", moved(1)), ("r-3", "order.status.v1", moved(3))]).await;
    let notice = json!({ "text": "Lines 1 and 3 of your order are on their way; line 2 waits for a price check." });
    let notify = day.propose(&day.planner.clone(), case, "notify_customer", &notice).await;
    day.approve(&day.seller, &notify).await;
    day.wait_until(&notify, "succeeded").await;
    assert_eq!(day.receiver.parameters("notify_customer"), [notice]);
}

/// Only the price goes to pricing, then to finance, whose silence escalates.
async fn price(day: &mut Day) {
    let case = day.case("pricing_discrepancy").await;
    assert_eq!(case["line_no"], 2);
    release_and_notify(day, &case).await;
    let case = day.case("pricing_discrepancy").await;
    let proposal = day.propose(&day.seller.clone(), &case, "approve_price", &json!({ "unit_price": 9 })).await;
    let seen = day.service.get(&day.auditor, &format!("/v1/proposals/{proposal}")).await.expect(200);
    assert_eq!(seen["evidence"]["line"]["status"], "received", "the line in dispute has not moved: {seen:#}");
    let (status, refusal) = day.vote(&day.warehouse, &proposal, "approve").await;
    assert_eq!((status, &refusal["code"]), (403, &json!("role-missing")), "{refusal:#}");
    let (status, _) = day.vote(&day.erp, &proposal, "approve").await;
    assert_eq!(status, 403, "a machine never approves");
    day.approve(&day.pricing, &proposal).await;
    day.at(Moment::FirstVote).await;
    let waiting = day.wait_until(&proposal, "awaiting_approval").await;
    assert_eq!(waiting["stage"], 1, "finance's turn: {waiting:#}");
    let (status, _) = day.vote(&day.pricing, &proposal, "approve").await;
    assert_eq!(status, 403, "one person counts once over all stages");
    let (status, _) = day.vote(&day.operations, &proposal, "approve").await;
    assert_eq!(status, 403, "not before it escalates");
    day.at(Moment::FinanceWaits).await;

    day.service.pass_hours(4.5);
    day.service
        .wait_for(&day.auditor, &format!("/v1/proposals/{proposal}"), "the escalation", |seen| {
            (seen["escalated"] == true).then_some(())
        })
        .await;
    day.at(Moment::Escalated).await;
    day.approve(&day.operations, &proposal).await;
    day.wait_until(&proposal, "succeeded").await;
}

/// A carrier connector that stays down becomes an incident and an exception, both with an owner.
async fn carrier(day: &mut Day) {
    let missed = json!({ "shipment_id": "SH-1", "order_id": "SO-1", "carrier_id": "SWIFT", "milestone": "pickup_missed",
        "at": day.service.now() });
    day.tell(&[("s-1", "shipment.milestone.v1", missed)]).await;
    let case = day.case("shipment_status_failure").await;
    day.receiver.seen(|seen| seen.failing.insert("reschedule_pickup".to_owned()));
    let decision = day.service.post(&day.planner, "/v1/prioritize", &json!({ "ids": [case["id"]] })).await.expect(200);
    let actions = decision["output"][0]["actions"].as_array().unwrap();
    let parameters = actions.iter().find(|a| a["action"] == "reschedule_pickup").unwrap()["parameters"].clone();
    let proposal = day.propose(&day.planner.clone(), &case, "reschedule_pickup", &parameters).await;
    day.approve(&day.operations, &proposal).await;
    day.at(Moment::CarrierFails).await;
    for _ in 0..8 {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        day.service.pass_hours(0.05);
    }
    let failed = day.wait_until(&proposal, "failed").await;
    assert_eq!(failed["cause"]["cause"], "executor", "{failed:#}");
    let incidents = day.service.get(&day.auditor, "/v1/incidents?open=true").await.expect(200);
    let incident = &incidents["items"][0];
    assert_eq!(incident["proposal_id"], json!(proposal), "{incidents:#}");
    assert!(!incident["owner"].as_str().unwrap().is_empty());
    let visible = day.case("integration_failure").await;
    assert!(!visible["owner"].as_str().unwrap().is_empty());
}

async fn end(day: &Day) -> End {
    let list = day.service.get(&day.auditor, "/v1/exceptions?order_id=SO-1&limit=100").await.expect(200);
    let closed = day.service.get(&day.auditor, "/v1/exceptions?order_id=SO-1&open=false&limit=100").await.expect(200);
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let items = |list: &Value| list["items"].as_array().unwrap().clone();
    let cases = items(&list).into_iter().chain(items(&closed));
    let proposals = day.service.get(&day.auditor, "/v1/proposals?limit=100").await.expect(200);
    End {
        cases: cases.map(|c| (format!("{}/{}", text(&c["category"]), c["line_no"]), text(&c["state"]))).collect(),
        proposals: items(&proposals).iter().map(|p| (text(&p["action"]["kind"]), text(&p["state"]))).collect(),
        executed: day.receiver.executed(),
    }
}

async fn tell_the_day(store_url: &str, dir: &std::path::Path, kills: &[Moment]) -> End {
    let mut day = Day::begin(dir, store_url, kills).await;
    master_data(&mut day).await;
    order(&mut day).await;
    shortage(&mut day).await;
    price(&mut day).await;
    carrier(&mut day).await;
    let end = end(&day).await;
    assert_eq!(day.receiver.seen(|seen| seen.unsigned), 0);
    if kills.is_empty() {
        let repeated = day.receiver.seen(|seen| seen.taken.values().filter(|times| **times > 1).count());
        assert_eq!(repeated, 0, "where nothing is killed, nothing is even sent twice");
    }
    let succeeded = end.proposals.values().filter(|state| *state == "succeeded").count();
    assert_eq!(end.executed.values().sum::<usize>(), succeeded, "each approval executes exactly once: {end:#?}");
    let chain = day.service.get(&day.auditor, "/v1/audit/verify").await.expect(200);
    assert_eq!(chain["intact"], true, "{chain:#}");
    end
}

async fn the_day_is_the_same_however_often_it_is_killed(urls: Vec<String>) {
    let mut tellings = vec![Vec::new(), EVERY_MOMENT.to_vec()];
    tellings.push(EVERY_MOMENT.iter().copied().step_by(2).collect());
    let mut first: Option<End> = None;
    for (kills, url) in tellings.into_iter().zip(urls) {
        let dir = Folder::new().unwrap();
        let url = url.replace("{dir}", &dir.path().display().to_string());
        let end = tell_the_day(&url, dir.path(), &kills).await;
        match &first {
            None => first = Some(end),
            Some(first) => assert_eq!(*first, end, "killed at {kills:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_distributors_day_on_sqlite() {
    the_day_is_the_same_however_often_it_is_killed(vec!["sqlite:{dir}/day.db".to_owned(); 3]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL's server binaries"]
async fn the_distributors_day_on_postgres() {
    let mut urls = Vec::new();
    for _ in 0..3 {
        urls.push(stores::postgres_database().await.unwrap());
    }
    the_day_is_the_same_however_often_it_is_killed(urls).await;
}
