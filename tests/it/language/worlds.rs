//! Where the authored messages go in the worlds that they were written in, by what a link can rest on.

use std::collections::BTreeMap;
use std::path::Path;

use holdfast::commands::train::corpus::{Clue, Labelled};
use holdfast::domain::message::Link;
use holdfast::flow::assess::classify;

use super::corpus::{corpus, received};
use crate::support::{stores, world};

/// The setting's default: at or above it, no person looks.
const BOUND: f64 = 0.9;

/// How many messages of a clue went where.
#[derive(Default)]
struct Tally {
    messages: usize,
    right: usize,
    wrong: usize,
    shown: usize,
    alone: usize,
}

impl Tally {
    fn add(&mut self, link: &Link, gold: Option<&str>) {
        self.messages += 1;
        match link {
            Link::Attached { to, .. } if gold == Some(to.order_id.as_str()) => self.right += 1,
            Link::Attached { .. } => self.wrong += 1,
            Link::Candidates { ranked, .. } if ranked.iter().any(|c| gold == Some(c.order_id.as_str())) => {
                self.shown += 1
            }
            Link::Candidates { .. } | Link::Nothing { .. } => self.alone += 1,
        }
    }
}

/// Links without an intent, as when no model is loaded: what the order's own facts say.
async fn linked(batch: &str, messages: &[&Labelled], tallies: &mut BTreeMap<(bool, Clue), Tally>) {
    let path = Path::new("datasets/messages").join(batch).join("world.json");
    let opened = stores::sqlite().await.unwrap();
    let world = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    world::load(opened.store.as_ref(), &world).await.unwrap();
    for message in messages {
        let (Some(label), Some(sent)) = (&message.link, message.received_at) else { continue };
        let received = received(message);
        let reading = classify::read(None, None, opened.store.as_ref(), &received, sent, BOUND).await.unwrap();
        let tally = tallies.entry((message.held_out, label.clue)).or_default();
        // A supplier's message goes through its purchase order to orders that the label does not list.
        if label.purchase_order_id.is_none() {
            let wrong = tally.wrong;
            tally.add(&reading.link, label.order_id.as_deref());
            if tally.wrong > wrong && !message.held_out {
                println!("{} ({:?}) is attached wrongly: {:?}", message.id, label.clue, reading.link);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints a table of every world; run it by its name"]
async fn where_the_authored_messages_go() {
    let corpus = corpus();
    let mut batches: BTreeMap<&str, Vec<&Labelled>> = BTreeMap::new();
    corpus.messages.iter().for_each(|message| batches.entry(&message.batch).or_default().push(message));
    let mut tallies = BTreeMap::new();
    for (batch, messages) in batches.iter().filter(|(_, messages)| messages.iter().any(|m| m.link.is_some())) {
        linked(batch, messages, &mut tallies).await;
    }
    for held_out in [false, true] {
        println!(
            "\nheld out: {held_out}\n{:<18} {:>8} {:>6} {:>6} {:>6} {:>6}",
            "clue", "messages", "right", "wrong", "shown", "alone"
        );
        let mut all = Tally::default();
        for ((_, clue), t) in tallies.iter().filter(|((of, _), _)| *of == held_out) {
            println!(
                "{:<18} {:>8} {:>6} {:>6} {:>6} {:>6}",
                format!("{clue:?}"),
                t.messages,
                t.right,
                t.wrong,
                t.shown,
                t.alone
            );
            for (sum, part) in [
                (&mut all.messages, t.messages),
                (&mut all.right, t.right),
                (&mut all.wrong, t.wrong),
                (&mut all.shown, t.shown),
                (&mut all.alone, t.alone),
            ] {
                *sum += part;
            }
        }
        println!(
            "{:<18} {:>8} {:>6} {:>6} {:>6} {:>6}",
            "all", all.messages, all.right, all.wrong, all.shown, all.alone
        );
        assert!(all.messages > 0);
    }
}
