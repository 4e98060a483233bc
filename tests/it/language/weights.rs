//! The weights that extraction ships: made from the authored messages by this recipe, never from the batch that is held out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use holdfast::commands::train::corpus::Labelled;
use holdfast::domain::message::{Entity, EntityType, SenderRole};
use holdfast::domain::party::{ObjectKind, normalised, shape};
use holdfast::flow::assess::extract::{self, CLASSES, Known, weigh::Weights};
use holdfast::ports::store::objects::{KnownNumber, ReferenceHit};
use holdfast_training::language::sparse::{self, Example, Options};
use jiff::tz::TimeZone;
use serde_json::Value;

use super::corpus::corpus;
use super::extraction::{Key, key};

const PATH: &str = "src/flow/assess/extract/weights.bin";

/// A message counts this much more in its world than without any.
const WITHOUT_WORLD: f32 = 0.5;

/// Every number of a world.
fn numbers(world: &Value) -> Vec<KnownNumber> {
    let lists = [
        ("orders", "order_id", "order_no", ObjectKind::Order, "order_id"),
        ("orders", "customer_po", "po_number", ObjectKind::Order, "order_id"),
        ("purchase_orders", "po_id", "purchase_order_no", ObjectKind::PurchaseOrder, "po_id"),
        ("shipments", "tracking_number", "tracking_number", ObjectKind::Order, "order_id"),
        ("invoices", "invoice_id", "invoice_number", ObjectKind::Order, "order_id"),
        ("skus", "sku", "sku", ObjectKind::Item, "sku"),
    ];
    let mut found = Vec::new();
    for (list, member, entity, object, key) in lists {
        for row in world[list].as_array().into_iter().flatten() {
            let normalised = normalised(row[member].as_str().unwrap_or_default());
            if !normalised.is_empty() {
                let key = row[key].as_str().unwrap_or_default().to_owned();
                found.push(KnownNumber { normalised, hit: ReferenceHit { entity: entity.to_owned(), object, key } });
            }
        }
    }
    found
}

fn examples(message: &Labelled, known: &Known, weight: f32) -> Vec<Example> {
    let sent = message.received_at.map(|at| at.to_zoned(TimeZone::UTC).date());
    let seen = extract::examples(message.subject.as_deref(), &message.body, known, sent);
    let said = |entity: &Entity| key(entity.kind, &entity.text, entity.value.as_deref());
    let mut texts: BTreeMap<Key, Vec<&str>> = BTreeMap::new();
    for entity in &message.entities {
        texts.entry(key(entity.kind, &entity.text, entity.value.as_deref())).or_default().push(&entity.text);
    }
    let label =
        |example: &extract::Example| example.says.iter().find(|(_, entity)| texts.contains_key(&said(entity))).cloned();
    let labels: Vec<Option<(usize, Entity)>> = seen.iter().map(label).collect();
    // Of several places that say a value, those are meant that are written as the label is.
    let as_written = |entity: &Entity| {
        let written = &texts[&said(entity)];
        written.iter().any(|text| text.contains(entity.text.trim()) || entity.text.contains(text))
    };
    let exact: BTreeSet<Key> =
        labels.iter().flatten().filter(|(_, entity)| as_written(entity)).map(|(_, entity)| said(entity)).collect();
    let keep = |(_, entity): &(usize, Entity)| as_written(entity) || !exact.contains(&said(entity));
    let example = |(seen, label): (extract::Example, Option<(usize, Entity)>)| Example {
        features: seen.features,
        tied: seen.tied,
        classes: seen.classes,
        label: label.filter(keep).map_or(0, |(class, _)| class),
        weight,
    };
    seen.into_iter().zip(labels).map(example).collect()
}

/// Every batch but those that are held out and the one that is `left_out`: each message in its world, and as if nothing was known.
fn all(left_out: Option<&str>) -> Vec<Example> {
    let corpus = corpus();
    let mut worlds: BTreeMap<&str, Option<Vec<KnownNumber>>> = BTreeMap::new();
    let mut found = Vec::new();
    let of = |message: &&Labelled| !message.held_out && left_out != Some(message.batch.as_str());
    for message in corpus.messages.iter().filter(of) {
        let world = worlds.entry(&message.batch).or_insert_with(|| {
            let text = std::fs::read_to_string(Path::new("datasets/messages").join(&message.batch).join("world.json"));
            text.ok().map(|text| numbers(&serde_json::from_str(&text).unwrap()))
        });
        let role = message.from.role.unwrap_or(SenderRole::Unknown);
        let Some(numbers) = world else {
            found.extend(examples(message, &Known::nothing(role), 1.0));
            continue;
        };
        let of = |number: &KnownNumber| (shape(&number.normalised), EntityType::parse(&number.hit.entity).unwrap());
        let shapes = numbers.iter().map(of).collect();
        let subject = message.subject.as_deref().map(extract::candidates).unwrap_or_default();
        let tokens = [subject, extract::candidates(&message.body)].concat();
        found.extend(examples(message, &Known::matched(role, &tokens, numbers, Some(&shapes)), 1.0));
        found.extend(examples(message, &Known::nothing(role), WITHOUT_WORLD));
    }
    found
}

fn fitted(examples: &[Example]) -> Vec<u8> {
    Weights::write(&sparse::fit(examples, CLASSES, &Options::default()))
}

/// Weights of every training batch but one.
pub(crate) fn without(batch: &str) -> Weights {
    Weights::read(&fitted(&all(Some(batch))))
}

/// The weights that are shipped.
pub(crate) fn shipped() -> Weights {
    Weights::read(&std::fs::read(PATH).unwrap())
}

#[test]
#[ignore = "writes the weights of extraction anew; run it after a change of candidates, features or corpus"]
fn write_the_weights() {
    let examples = all(None);
    let weights = fitted(&examples);
    println!("{} examples, {} bytes", examples.len(), weights.len());
    std::fs::write(PATH, weights).unwrap();
}

/// Features are hashes: a change of their text leaves weights that nothing asks for.
#[test]
fn the_shipped_weights_are_of_these_features() {
    let text = "Please send 40 boxes by 12 June 2026, invoice INV-3301 came to $1,448.00.";
    let found =
        extract::extract(None, text, &Known::nothing(SenderRole::Customer), Some("2026-06-01".parse().unwrap()));
    let kinds: Vec<&str> = found.iter().map(|entity| entity.kind.name()).collect();
    assert_eq!(kinds, ["quantity", "date", "invoice_number", "amount"]);
    let bytes = std::fs::read(PATH).unwrap();
    assert!((50_000..400_000).contains(&bytes.len()), "{} bytes of weights", bytes.len());
}
