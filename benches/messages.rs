//! The whole way of a message among many open orders: parse the mail, classify, extract, link.
//!
//! `cargo bench --bench messages [-- --orders 100000 --batch kornfeld]` fills a fresh SQLite database with an authored world and
//! made-up open orders of 1,000 customers, then reads every message of the batch, one at a time, and prints messages per second.
//! Absolute figures drift with the machine; the table's second row leaves the encoder and the head out of the same run.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use holdfast::adapters::mail;
use holdfast::app::App;
use holdfast::commands::train::corpus::{self, Labelled};
use holdfast::commands::train::world;
use holdfast::config::{Config, DataDir};
use holdfast::domain::event::{Event, EventRef};
use holdfast::domain::message::Link;
use holdfast::domain::order::Order;
use holdfast::domain::payload::Payload;
use holdfast::flow::assess::classify::{self, Readers};
use holdfast::flow::assess::link::Linker;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

fn argument(name: &str, default: &str) -> String {
    std::env::args().skip_while(|a| a != name).nth(1).unwrap_or_else(|| default.to_owned())
}

#[tokio::main]
async fn main() {
    let orders: usize = argument("--orders", "100000").parse().expect("a number");
    let batch = argument("--batch", "kornfeld");
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/messages"));
    let messages = corpus::read(root).unwrap().messages;
    let messages: Vec<&Labelled> = messages.iter().filter(|message| message.batch == batch).collect();
    assert!(!messages.is_empty(), "`{batch}` has no messages");
    let dir = std::env::temp_dir().join(format!("holdfast-bench-messages-{}", std::process::id()));
    let app = open(&dir).await;
    let bytes = std::fs::read(root.join(&batch).join("world.json")).unwrap();
    world::load(&*app.services.store, &serde_json::from_slice(&bytes).unwrap()).await.unwrap();
    fill(&app, orders).await;
    println!("\n{} messages among {orders} open orders, SQLite, one at a time\n", messages.len());
    println!("| what | messages per second | attached |");
    println!("|---|---|---|");
    for (what, classified) in [("parse, classify, extract, link", true), ("parse, extract, link", false)] {
        let (took, attached) = read(&app, &messages, classified).await;
        #[expect(clippy::cast_precision_loss, reason = "a small count")]
        let rate = messages.len() as f64 / took.as_secs_f64();
        println!("| {what} | {rate:.1} | {attached} |");
    }
    let _ = std::fs::remove_dir_all(&dir);
}

async fn open(dir: &Path) -> App {
    let mut config = Config { data_dir: DataDir(dir.to_owned()), ..Config::default() };
    config.models.shipped = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/models"));
    config.server.workers = 0;
    App::open(config).await.unwrap()
}

/// Straight into the store: taking in 100,000 orders is not what is measured.
async fn fill(app: &App, orders: usize) {
    let now = app.services.clock.now();
    for start in (0..orders).step_by(1_000) {
        let mut tx = app.services.store.write().await.unwrap();
        for number in start..orders.min(start + 1_000) {
            tx.put_order(&order(number, now), 0).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
}

fn order(number: usize, now: Timestamp) -> Order {
    let due = now + SignedDuration::from_hours(24 + i64::try_from(number % 96).unwrap());
    let placed = json!({ "order_id": format!("SO-{number}"), "customer_id": format!("C-{}", number % 1_000),
        "po_number": format!("PO-{}", number * 7), "placed_at": now, "currency": "EUR",
        "ship_to": "Dock 4, 12 Mill Lane, 8001 Brooktown, CH", "warehouse_id": "W-1",
        "lines": [{ "line_no": 1, "sku": format!("SKU-{}", number % 500), "quantity": "10", "unit_price": "10.00",
            "promised_ship_at": due }] });
    let payload = Payload::OrderPlaced(serde_json::from_value(placed).unwrap());
    let reference = EventRef { source: "/bench".to_owned(), id: format!("o{number}") };
    Order::fold(&[Event { reference, time: now, recorded: now, payload }]).unwrap()
}

/// A message as a mail, whatever channel it came by.
fn as_mail(message: &Labelled) -> Vec<u8> {
    let from = message.from.email.as_deref().unwrap_or("nobody@bench.example");
    let subject = message.subject.as_deref().unwrap_or_default().replace(['\r', '\n'], " ");
    format!("From: {from}\r\nSubject: {subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}", message.body)
        .into()
}

async fn read(app: &App, messages: &[&Labelled], classified: bool) -> (Duration, usize) {
    let models = &app.services.models;
    let (encoder, intents) = (models.encoder.get(), models.intents.get());
    let (values, ranker) = (models.values.get(), models.link.get());
    let linker = Linker { ranker: ranker.as_deref(), attach_min: app.services.settings.auto_attach_min };
    let encoder = encoder.as_deref().filter(|_| classified);
    let readers = Readers { encoder, intents: intents.as_deref(), values: values.as_deref() };
    let store = &*app.services.store;
    let mut attached = 0;
    let began = Instant::now();
    for message in messages {
        let mail = mail::read(&as_mail(message)).unwrap();
        let sent = message.received_at.unwrap();
        let (reading, _) = classify::read(readers, store, &mail, sent, linker).await.unwrap();
        attached += usize::from(matches!(reading.link, Link::Attached { .. }));
    }
    (began.elapsed(), attached)
}
