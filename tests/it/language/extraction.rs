//! How much of the authored messages' values is read in the worlds that they were written in: per type, language and channel.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use holdfast::commands::train::corpus::Labelled;
use holdfast::domain::message::{Entity, EntityType};
use holdfast::domain::party::normalised;
use holdfast::flow::assess::extract::weigh::Weights;
use holdfast::flow::assess::{extract, sender};
use holdfast::ports::store::Store;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::corpus::corpus;
use super::weights;
use crate::support::stores;
use holdfast::commands::train::world;

/// What is compared of a value: its type and what it says. A value that stands twice in a message counts once.
pub(crate) type Key = (EntityType, String);

/// Said, gold, right.
type Counts = [usize; 3];

/// An identifier by its letters and digits as written, a number by its worth, a date by its day, or by its words where it
/// has none.
pub(crate) fn key(kind: EntityType, text: &str, value: Option<&str>) -> Key {
    let number = |value: &str| value.parse::<Decimal>().map(|number| number.normalize().to_string());
    let said = match (kind, value) {
        (EntityType::Quantity | EntityType::Amount, Some(value)) => number(value).unwrap_or_else(|_| value.to_owned()),
        (EntityType::Date, Some(value)) => value.to_owned(),
        _ => normalised(text),
    };
    (kind, said)
}

async fn read(weights: &Weights, store: &dyn Store, message: &Labelled) -> Vec<Entity> {
    let received = message.received();
    let mut tx = store.read().await.unwrap();
    let sender = sender::identify(tx.as_mut(), &received.from).await.unwrap();
    let known = extract::known::load(tx.as_mut(), &received, sender.role).await.unwrap();
    let sent = received.sent_at.map(|at| at.to_zoned(TimeZone::UTC).date());
    extract::extract_with(weights, received.subject.as_deref(), &received.body, &known, sent)
}

fn print(title: &str, tables: &BTreeMap<String, Counts>) {
    println!("\n{title:<24} {:>6} {:>9} {:>7} {:>6}", "gold", "precision", "recall", "F1");
    for (name, [said, gold, right]) in tables {
        let share = |part: usize, of: usize| part as f64 / of.max(1) as f64;
        let f1 = share(2 * right, said + gold);
        println!("{name:<24} {gold:>6} {:>9.3} {:>7.3} {f1:>6.3}", share(*right, *said), share(*right, *gold));
    }
}

/// Groups of types that share a bar.
fn group(kind: EntityType) -> &'static str {
    match kind {
        EntityType::Quantity => "quantities",
        EntityType::Date => "dates",
        EntityType::Amount => "amounts",
        _ => "identifiers",
    }
}

/// Prints what is read of the batches that are held out, or of the others, each by the weights that `weights` gives for it.
async fn measure(held_out: bool, weights: impl Fn(&str) -> Weights) {
    let corpus = corpus();
    let mut batches: BTreeMap<&str, Vec<&Labelled>> = BTreeMap::new();
    let chosen = corpus.messages.iter().filter(|message| message.held_out == held_out);
    chosen.for_each(|message| batches.entry(&message.batch).or_default().push(message));
    let mut tables: BTreeMap<&str, BTreeMap<String, Counts>> = BTreeMap::new();
    let mut dump = std::env::var_os("HOLDFAST_DUMP").map(|path| std::fs::File::create(path).unwrap());
    for (batch, messages) in batches {
        let weights = weights(batch);
        let opened = stores::sqlite().await.unwrap();
        let path = Path::new("datasets/messages").join(batch).join("world.json");
        if path.is_file() {
            let world = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            world::load(opened.store.as_ref(), &world).await.unwrap();
        }
        for message in messages {
            let found = read(&weights, opened.store.as_ref(), message).await;
            let said: BTreeSet<Key> = found.iter().map(|e| key(e.kind, &e.text, e.value.as_deref())).collect();
            let gold = message.entities.iter().map(|e| key(e.kind, &e.text, e.value.as_deref()));
            let gold: BTreeSet<Key> = gold.collect();
            let mut add = |table: &'static str, name: String, of: &dyn Fn(&Key) -> bool| {
                let count = tables.entry(table).or_default().entry(name).or_default();
                count[0] += said.iter().filter(|key| of(key)).count();
                count[1] += gold.iter().filter(|key| of(key)).count();
                count[2] += said.intersection(&gold).filter(|key| of(key)).count();
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
    measure(false, weights::without).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints tables of the batch that is held out; run it by its name"]
async fn how_much_is_read_of_the_held_out_batch() {
    measure(true, |_| weights::shipped()).await;
}
