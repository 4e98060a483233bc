//! Latency of the API with many open exceptions, over real HTTP on loopback.
//!
//! `cargo bench --bench scale [-- --cases 100000 --requests 200]` fills a fresh SQLite database, serves it in this process
//! and prints the p50 and p95 of each request. Absolute figures drift with the machine; the table's last column is the
//! ratio to the same request with 1,000 open exceptions in the same run.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use holdfast::app::App;
use holdfast::commands::serve;
use holdfast::config::{Config, DataDir};
use holdfast::domain::actor::Scope;
use holdfast::domain::case::{Case, CaseAssessment, CaseKey, CaseState, Category, Origin, Severity};
use holdfast::domain::event::EventRef;
use holdfast::domain::ids::CaseId;
use holdfast::domain::money::Money;
use holdfast::domain::order::Order;
use holdfast::domain::payload::Payload;
use holdfast::flow::accept::events::{Arrival, accept};
use holdfast::web::auth::{Kind, TokenRequest};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const SMALL: usize = 1_000;

struct Measured {
    what: &'static str,
    times: Vec<Duration>,
}

impl Measured {
    fn quantile_ms(&self, q: f64) -> f64 {
        let mut sorted = self.times.clone();
        sorted.sort();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let index = ((sorted.len() - 1) as f64 * q).round() as usize;
        sorted[index].as_secs_f64() * 1e3
    }
}

fn argument(name: &str, default: usize) -> usize {
    let given = std::env::args().skip_while(|a| a != name).nth(1);
    given.map_or(default, |text| text.parse().expect("a number"))
}

#[tokio::main]
async fn main() {
    let cases = argument("--cases", 100_000);
    let requests = argument("--requests", 200);
    let small = run(SMALL.min(cases), requests).await;
    let large = run(cases, requests).await;
    println!("\n{cases} open exceptions, {requests} requests each, SQLite, in ms\n");
    println!("| request | p50 | p95 | p50 against {SMALL} open |");
    println!("|---|---|---|---|");
    for (small, large) in small.iter().zip(&large) {
        let ratio = large.quantile_ms(0.5) / small.quantile_ms(0.5);
        println!("| {} | {:.1} | {:.1} | {ratio:.1} |", large.what, large.quantile_ms(0.5), large.quantile_ms(0.95));
    }
}

async fn run(cases: usize, requests: usize) -> Vec<Measured> {
    let dir = std::env::temp_dir().join(format!("holdfast-bench-{}-{cases}", std::process::id()));
    let ids = {
        let app = open(&dir, "127.0.0.1:0").await;
        fill(&app, cases).await
    };
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let bind = format!("127.0.0.1:{port}");
    let app = open(&dir, &bind).await;
    let token = token(&app);
    let serving = tokio::spawn(async move { serve::listen(&app, |_| {}).await });
    let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
    let url = format!("http://{bind}");
    while client.get(format!("{url}/livez")).send().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let measured = measure(&client, &url, &token, &ids, requests).await;
    serving.abort();
    let _ = std::fs::remove_dir_all(&dir);
    measured
}

async fn open(dir: &Path, bind: &str) -> App {
    let mut config = Config { data_dir: DataDir(dir.to_owned()), ..Config::default() };
    config.models.shipped = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/models"));
    config.server.bind = bind.to_owned();
    config.server.workers = 0;
    App::open(config).await.unwrap()
}

fn token(app: &App) -> String {
    let request = TokenRequest {
        subject: "bench",
        name: "bench",
        kind: Kind::Service,
        roles: &[],
        scopes: &[Scope::ExceptionsRead, Scope::PrioritizeRun],
        ttl: SignedDuration::from_hours(1),
    };
    serve::auth(&app.config).unwrap().issue(&request, app.services.clock.now()).unwrap()
}

/// Master data through the front door; orders and their cases straight into the store, because detection of 100,000
/// orders is not what is measured.
async fn fill(app: &App, cases: usize) -> Vec<CaseId> {
    let now = app.services.clock.now();
    accept(&app.services, master_data(now), Arrival::Backfill).await.unwrap();
    let mut ids = Vec::with_capacity(cases);
    for start in (0..cases).step_by(1_000) {
        let mut tx = app.services.store.write().await.unwrap();
        for number in start..cases.min(start + 1_000) {
            let order = order(number, now);
            let case = case(app, &order, number, now);
            tx.put_order(&order, 0).await.unwrap();
            tx.insert_case(&case).await.unwrap();
            ids.push(case.id);
        }
        tx.commit().await.unwrap();
    }
    ids
}

fn event(id: &str, kind: &str, now: Timestamp, data: &Value) -> Value {
    json!({ "specversion": "1.0", "id": id, "source": "/bench", "type": format!("io.holdfast.{kind}.v1"), "time": now,
        "data": data })
}

fn master_data(now: Timestamp) -> Vec<Value> {
    let money = json!({ "amount": "10.00", "currency": "EUR" });
    let mut events = vec![
        event("c", "customer.upserted", now, &json!({ "customer_id": "C-1", "name": "Bench", "tier": "B" })),
        event("w1", "warehouse.upserted", now, &json!({ "id": "W-1", "name": "One" })),
        event("w2", "warehouse.upserted", now, &json!({ "id": "W-2", "name": "Two" })),
    ];
    for item in 0..500 {
        let sku = format!("SKU-{item}");
        let described = json!({ "sku": sku, "description": sku, "unit_of_measure": "EA", "list_price": money });
        events.push(event(&format!("i{item}"), "item.upserted", now, &described));
        for (warehouse, available) in [("W-1", "3"), ("W-2", "500")] {
            let position = json!({ "sku": sku, "warehouse_id": warehouse, "available": available });
            events.push(event(&format!("p{item}{warehouse}"), "inventory.position", now, &position));
        }
    }
    events
}

fn order(number: usize, now: Timestamp) -> Order {
    let due = now + SignedDuration::from_hours(24 + i64::try_from(number % 96).unwrap());
    let placed = json!({ "order_id": format!("SO-{number}"), "customer_id": "C-1", "placed_at": now, "currency": "EUR",
        "ship_to": "Dock 4, 12 Mill Lane, 8001 Brooktown, CH", "warehouse_id": "W-1",
        "lines": [{ "line_no": 1, "sku": format!("SKU-{}", number % 500), "quantity": "10", "unit_price": "10.00",
            "promised_ship_at": due }] });
    let payload = Payload::OrderPlaced(serde_json::from_value(placed).unwrap());
    let reference = EventRef { source: "/bench".to_owned(), id: format!("o{number}") };
    let placed = holdfast::domain::event::Event { reference, time: now, recorded: now, payload };
    Order::fold(std::slice::from_ref(&placed)).unwrap()
}

fn case(app: &App, order: &Order, number: usize, now: Timestamp) -> Case {
    let key = CaseKey {
        category: Category::InventoryShortage,
        order_id: order.order_id.clone(),
        line_no: Some(1),
        location: "W-1".to_owned(),
    };
    #[expect(clippy::cast_precision_loss, reason = "a made-up priority")]
    let priority = (number * 7_919 % 10_007) as f64 / 100.0;
    Case {
        id: CaseId::new(now, &*app.services.entropy),
        key,
        state: CaseState::Triaged { at: now },
        origin: Origin::Upstream,
        severity: Severity::High,
        owner: "supply_planning".to_owned(),
        assignee: None,
        detail: "7 too few".to_owned(),
        attributes: serde_json::Map::new(),
        caused_by: EventRef { source: "/bench".to_owned(), id: format!("o{number}") },
        opened_at: now,
        updated_at: now,
        due_at: order.due_at(),
        at_stake: Some(Money::new(100.into(), "EUR")),
        reopens: None,
        sla: None,
        assessment: Some(CaseAssessment {
            miss_probability: Some(0.5),
            value: Some(priority * 8.0),
            priority,
            best_action: None,
            decision_id: None,
            at: now,
            queue: None,
        }),
        version: 1,
    }
}

async fn measure(client: &reqwest::Client, url: &str, token: &str, ids: &[CaseId], requests: usize) -> Vec<Measured> {
    let pick = |from: usize, count: usize| -> Vec<CaseId> {
        (0..count.min(ids.len())).map(|n| ids[(from * 104_729 + n * 7_919) % ids.len()]).collect()
    };
    let get = |path: String| client.get(format!("{url}{path}")).bearer_auth(token);
    let prioritize = |n: usize, count: usize| {
        client.post(format!("{url}/v1/prioritize")).bearer_auth(token).json(&json!({ "ids": pick(n, count) }))
    };
    vec![
        time("GET /v1/exceptions?limit=50", requests, |_| get("/v1/exceptions?limit=50".to_owned())).await,
        time("GET /v1/exceptions/{id}", requests, |n| get(format!("/v1/exceptions/{}", pick(n, 1)[0]))).await,
        time("POST /v1/prioritize, 1 exception", requests, |n| prioritize(n, 1)).await,
        time("POST /v1/prioritize, 10 exceptions", requests, |n| prioritize(n, 10)).await,
        time("POST /v1/prioritize, 100 exceptions", requests.div_ceil(4), |n| prioritize(n, 100)).await,
    ]
}

async fn time(what: &'static str, requests: usize, request: impl Fn(usize) -> reqwest::RequestBuilder) -> Measured {
    let mut times = Vec::with_capacity(requests);
    for number in 0..requests + 3 {
        let began = Instant::now();
        let answer = request(number).send().await.unwrap();
        let status = answer.status();
        let body = answer.bytes().await.unwrap();
        assert!(status.is_success(), "{what}: {status} {}", String::from_utf8_lossy(&body));
        if number >= 3 {
            times.push(began.elapsed());
        }
    }
    Measured { what, times }
}
