//! How much of the authored messages' values is read in the worlds that they were written in: per type, language and channel.

use std::collections::BTreeMap;
use std::path::Path;

use holdfast::commands::train::corpus::Labelled;
use holdfast::commands::train::values::{self, Counts, Key, group};
use holdfast::commands::train::world;
use holdfast::domain::message::{Entity, EntityType};
use holdfast::domain::weights::Weights;
use holdfast::flow::assess::classify::Readers;
use holdfast::flow::assess::{extract, sender};
use holdfast::ports::language::Encoder;
use holdfast::ports::store::Store;
use jiff::tz::TimeZone;

use super::corpus::corpus;
use super::shipped::Shipped;
use super::weights;
use crate::support::stores;

async fn read(encoder: &dyn Encoder, weights: &Weights, store: &dyn Store, message: &Labelled) -> Vec<Entity> {
    let received = message.received();
    let readers = Readers { encoder: Some(encoder), values: Some(weights), intents: None };
    let heard = readers.hear(&received, message.role()).await.unwrap();
    let mut tx = store.read().await.unwrap();
    let sender = sender::identify(tx.as_mut(), &received.from).await.unwrap();
    let known = extract::known::load(tx.as_mut(), &received, sender.role).await.unwrap();
    // Without a day of its own, a message's dates are not resolved.
    let sent = received.sent_at.map(|at| at.to_zoned(TimeZone::UTC).date());
    heard.values(&received, &known, sent)
}

fn print(title: &str, tables: &BTreeMap<String, Counts>) {
    println!("\n{title:<24} {:>6} {:>9} {:>7} {:>6}", "gold", "precision", "recall", "F1");
    for (name, counts) in tables {
        let [precision, recall, f1] = counts.scores();
        println!("{name:<24} {:>6} {precision:>9.3} {recall:>7.3} {f1:>6.3}", counts.gold);
    }
}

/// Prints what is read of the batches that are held out by the weights that are shipped, or of the others, each by weights of
/// the rest.
async fn measure(held_out: bool) {
    let shipped = Shipped::load();
    let corpus = corpus();
    let mut batches: BTreeMap<&str, Vec<&Labelled>> = BTreeMap::new();
    let chosen = corpus.messages.iter().filter(|message| message.held_out == held_out);
    chosen.for_each(|message| batches.entry(&message.batch).or_default().push(message));
    let mut tables: BTreeMap<&str, BTreeMap<String, Counts>> = BTreeMap::new();
    let mut dump = std::env::var_os("HOLDFAST_DUMP").map(|path| std::fs::File::create(path).unwrap());
    for (batch, messages) in batches {
        let learned = match held_out {
            true => None,
            false => Some(weights::without(Some(batch), Some(&shipped.encoder)).await.read("values/others")),
        };
        let weights = learned.as_ref().unwrap_or(&shipped.values);
        let opened = stores::sqlite().await.unwrap();
        let path = Path::new("datasets/messages").join(batch).join("world.json");
        if path.is_file() {
            let world = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            world::load(opened.store.as_ref(), &world).await.unwrap();
        }
        for message in messages {
            let found = read(&shipped.encoder, weights, opened.store.as_ref(), message).await;
            let (said, gold) = (values::said(&found), values::gold(message));
            let mut add = |table: &'static str, name: String, of: &dyn Fn(&Key) -> bool| {
                tables.entry(table).or_default().entry(name).or_default().add(&gold, &said, of);
            };
            for kind in EntityType::ALL {
                add("1 type", kind.name().to_owned(), &|key| key.0 == *kind);
            }
            for name in ["identifiers", "quantities", "dates", "amounts"] {
                add("2 group", name.to_owned(), &|key| group(key.0) == name);
                add("3 batch", format!("{batch} {name}"), &|key| group(key.0) == name);
                add("4 language", format!("{} {name}", message.language), &|key| group(key.0) == name);
                add("5 channel", format!("{} {name}", message.channel.name()), &|key| group(key.0) == name);
            }
            if let Some(dump) = &mut dump {
                use std::io::Write as _;
                let missed: Vec<_> = gold.difference(&said).map(|(kind, said)| (kind.name(), said)).collect();
                let wrong: Vec<_> = said.difference(&gold).map(|(kind, said)| (kind.name(), said)).collect();
                let line = serde_json::json!({"id": message.id, "missed": missed, "wrong": wrong, "subject": message.subject,
                    "body": message.body, "found": found, "gold": message.entities.iter()
                        .map(|e| (e.kind.name(), e.text.clone(), e.value.clone())).collect::<Vec<_>>()});
                writeln!(dump, "{line}").unwrap();
            }
        }
    }
    for (title, table) in &tables {
        print(&title[2..], table);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "fits weights once for each training batch and prints tables; run it by its name"]
async fn how_much_is_read_of_a_batch_by_weights_of_the_others() {
    measure(false).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints tables of the batch that is held out; run it by its name"]
async fn how_much_is_read_of_the_held_out_batch() {
    measure(true).await;
}
