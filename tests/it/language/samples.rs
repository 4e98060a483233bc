//! The sample messages in their sample world: printed honestly, with one bar: a wrong attachment is counted and shown.

use std::path::PathBuf;

use holdfast::domain::message::{Channel, Link, Reading};
use holdfast::domain::payload::{MessageReceived, Sender};
use holdfast::flow::assess::classify;
use serde::Deserialize;
use serde_json::Value;

use holdfast::commands::train::world;

use super::shipped::Shipped;
use crate::support::stores;

#[derive(Deserialize)]
struct Sample {
    id: String,
    received_at: jiff::Timestamp,
    channel: Channel,
    from: Sender,
    subject: Option<String>,
    body: String,
    gold: Gold,
}

#[derive(Deserialize)]
struct Gold {
    intent: String,
    also: Vec<String>,
    order_id: Option<String>,
    exception_id: Option<String>,
    purchase_order_id: Option<String>,
    #[serde(default)]
    affected_order_ids: Vec<String>,
}

impl Gold {
    fn allows(&self, order_id: &str) -> bool {
        self.order_id.as_deref() == Some(order_id) || self.affected_order_ids.iter().any(|id| id == order_id)
    }
}

fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("HOLDFAST_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let samples = folder.join("data/messages");
    samples.join("sample.jsonl").is_file().then_some(samples)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the sample messages: set HOLDFAST_SHARED to the folder that holds data/messages"]
async fn the_sample_messages_are_read_and_linked() {
    let folder = shared().expect("no sample messages: set HOLDFAST_SHARED");
    let world: Value = serde_json::from_slice(&std::fs::read(folder.join("sample_world.json")).unwrap()).unwrap();
    let opened = stores::sqlite().await.unwrap();
    let store = &opened.store;
    world::load(store.as_ref(), &world).await.unwrap();
    let shipped = Shipped::load();
    let lines = std::fs::read_to_string(folder.join("sample.jsonl")).unwrap();
    let mut tally = Tally::default();
    for line in lines.lines() {
        let sample: Sample = serde_json::from_str(line).unwrap();
        let message = MessageReceived {
            channel: sample.channel,
            from: sample.from.clone(),
            subject: sample.subject.clone(),
            body: sample.body.clone(),
            in_reply_to: None,
            references: Vec::new(),
            message_id: None,
            sent_at: Some(sample.received_at),
            attachments: Vec::new(),
            hidden: Vec::new(),
        };
        let (readers, linker) = (shipped.readers(), shipped.linker());
        let reading = classify::read(readers, store.as_ref(), &message, sample.received_at, linker).await;
        tally.add(&sample, &reading.unwrap().0, &world);
    }
    tally.print();
    assert_eq!(tally.messages, lines.lines().count());
    assert_eq!(tally.attached_wrong, 0, "a message was attached to an order that is not its own");
}

#[derive(Default)]
struct Tally {
    messages: usize,
    intent_top: usize,
    intent_sure: usize,
    intent_sure_right: usize,
    with_order: usize,
    without_order: usize,
    attached_right: usize,
    attached_wrong: usize,
    shown: usize,
    left_alone: usize,
    case_right: usize,
    with_case: usize,
}

impl Tally {
    fn add(&mut self, sample: &Sample, reading: &Reading, world: &Value) {
        let gold = &sample.gold;
        let top = reading.intents.first().map_or("none", |scored| scored.intent.name());
        let is_right = |name: &str| name == gold.intent || gold.also.iter().any(|also| also == name);
        self.messages += 1;
        self.intent_top += usize::from(top == gold.intent);
        if let Some(intent) = &reading.intent {
            self.intent_sure += 1;
            self.intent_sure_right += usize::from(is_right(intent.intent.name()));
        }
        let expected = gold.order_id.is_some() || !gold.affected_order_ids.is_empty();
        self.with_order += usize::from(expected);
        self.without_order += usize::from(!expected);
        self.with_case += usize::from(gold.exception_id.is_some());
        let link = match &reading.link {
            Link::Attached { to, .. } if gold.allows(&to.order_id) => {
                self.attached_right += 1;
                self.case_right += usize::from(case_is(to.case_id, gold, world));
                format!("attached {} ({:.2})", to.order_id, to.probability)
            }
            Link::Attached { to, .. } => {
                self.attached_wrong += 1;
                format!("WRONG {} ({:.2})", to.order_id, to.probability)
            }
            Link::PurchaseOrder { purchase_order_id, .. } => {
                let right = gold.purchase_order_id.as_ref() == Some(purchase_order_id);
                self.attached_right += usize::from(right);
                self.attached_wrong += usize::from(!right);
                format!("attached to {purchase_order_id} ({right})")
            }
            Link::Candidates { ranked, reason, .. } => {
                self.shown += usize::from(ranked.iter().any(|candidate| gold.allows(&candidate.order_id)));
                format!("{} candidates: {reason}", ranked.len())
            }
            Link::Nothing { reason } => {
                self.left_alone += usize::from(!expected);
                format!("nothing: {reason}")
            }
        };
        println!("{} {:<20} read {top:<20} gold {:?} {link}", sample.id, gold.intent, gold.order_id);
    }

    fn print(&self) {
        let Self { messages, intent_top, intent_sure, intent_sure_right, .. } = self;
        println!(
            "intents: {intent_top} of {messages} right; sure of {intent_sure}, of these {intent_sure_right} right or also right"
        );
        println!(
            "links: {} with an order: {} attached right, {} wrong, {} with the right one among candidates",
            self.with_order, self.attached_right, self.attached_wrong, self.shown
        );
        println!(
            "links: {} without an order: {} left alone; cases: {} of {} right",
            self.without_order, self.left_alone, self.case_right, self.with_case
        );
    }
}

/// Whether the case is the gold exception.
fn case_is(case: Option<holdfast::domain::ids::CaseId>, gold: &Gold, world: &Value) -> bool {
    let rows = world["exceptions"].as_array().map_or(&[][..], Vec::as_slice);
    let place = rows.iter().position(|row| row["exception_id"].as_str() == gold.exception_id.as_deref());
    place.is_some() && place.map(|index| uuid::Uuid::from_u128(index as u128 + 1)) == case.map(|id| id.0)
}
