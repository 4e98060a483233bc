//! Where the authored messages go in the worlds that they were written in, by what a link can rest on, with every model that is
//! shipped. Only the held-out world is new to them.

use std::collections::BTreeMap;
use std::path::Path;

use holdfast::commands::train::corpus::{Clue as LinkClue, Labelled, LabelledLink};
use holdfast::commands::train::world;
use holdfast::domain::message::{Clue, Link};
use holdfast::flow::assess::classify;

use super::corpus::corpus;
use super::shipped::Shipped;
use crate::support::stores;

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
    /// Right is the labelled order, or where the label has none, the labelled purchase order.
    fn add(&mut self, link: &Link, label: &LabelledLink) {
        self.messages += 1;
        let gold = label.order_id.as_deref();
        let through = label.purchase_order_id.as_deref().filter(|_| gold.is_none());
        let supplied = |clues: &[Clue]| {
            let of = |clue: &Clue| matches!(clue, Clue::Supply { purchase_order_id: id } if through == Some(id));
            clues.iter().any(of)
        };
        match link {
            Link::Attached { to, purchase_order_id: None, .. } if gold == Some(to.order_id.as_str()) => self.right += 1,
            Link::Attached { purchase_order_id: Some(id), .. } | Link::PurchaseOrder { purchase_order_id: id, .. }
                if through == Some(id) =>
            {
                self.right += 1
            }
            Link::Attached { .. } | Link::PurchaseOrder { .. } => self.wrong += 1,
            Link::Candidates { ranked, .. }
                if ranked.iter().any(|c| gold == Some(c.order_id.as_str()) || supplied(&c.clues)) =>
            {
                self.shown += 1
            }
            Link::Candidates { .. } | Link::Nothing { .. } => self.alone += 1,
        }
    }
}

async fn linked(
    batch: &str,
    messages: &[&Labelled],
    shipped: &Shipped,
    tallies: &mut BTreeMap<(bool, LinkClue), Tally>,
) {
    let path = Path::new("datasets/messages").join(batch).join("world.json");
    let opened = stores::sqlite().await.unwrap();
    let world = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    world::load(opened.store.as_ref(), &world).await.unwrap();
    for message in messages {
        let (Some(label), Some(sent)) = (&message.link, message.received_at) else { continue };
        let received = message.received();
        let (readers, store) = (shipped.readers(), opened.store.as_ref());
        let (reading, _) = classify::read(readers, store, &received, sent, shipped.linker()).await.unwrap();
        let tally = tallies.entry((message.held_out, label.clue)).or_default();
        let wrong = tally.wrong;
        tally.add(&reading.link, label);
        if tally.wrong > wrong && !message.held_out {
            println!("{} ({:?}) is attached wrongly: {:?}", message.id, label.clue, reading.link);
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
    let shipped = Shipped::load();
    for (batch, messages) in batches.iter().filter(|(_, messages)| messages.iter().any(|m| m.link.is_some())) {
        linked(batch, messages, &shipped, &mut tallies).await;
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
