//! `holdfast train values`: the authored messages to weights that tell typed values by words and by what the encoder makes of
//! them.
//!
//! Guarantees: the held-out batches are only measured on; candidates and features come from the code that serves; each message
//! is learned twice, in its world and as if the store knew nothing; equal data and encoder give the same weights. Non-goals:
//! promotion, which is a governed proposal; the weights of words alone that are built in (`tests/it/language/weights.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use holdfast_training::language::sparse::{self, Example, Options};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::Value;

use super::corpus::{self, Corpus, Labelled, LabelledEntity};
use super::{About, Progress, Trainer, verdict};
use crate::adapters::candle::values::{CONTEXTS, FEATURES, KIND};
use crate::domain::message::{Entity, EntityType};
use crate::domain::model::ModelVersion;
use crate::domain::party::{ObjectKind, normalised, shape};
use crate::domain::weights::{CLASSES, Weights};
use crate::flow::assess::classify;
use crate::flow::assess::extract::{self, InContext, Known, weigh};
use crate::ports::language::Encoder;
use crate::ports::store::objects::{KnownNumber, ReferenceHit};

/// A message counts this much more in its world than without any.
const WITHOUT_WORLD: f32 = 0.5;

/// What is compared of a value: its type and what it says. A value that stands twice in a message counts once.
pub type Key = (EntityType, String);

/// An identifier by its letters and digits as written, a number by its worth, a date by its day, or by its words where it
/// has none.
#[must_use]
pub fn key(kind: EntityType, text: &str, value: Option<&str>) -> Key {
    let number = |value: &str| value.parse::<Decimal>().map(|number| number.normalize().to_string());
    let said = match (kind, value) {
        (EntityType::Quantity | EntityType::Amount, Some(value)) => number(value).unwrap_or_else(|_| value.to_owned()),
        (EntityType::Date, Some(value)) => value.to_owned(),
        _ => normalised(text),
    };
    (kind, said)
}

fn key_of(entity: &Entity) -> Key {
    key(entity.kind, &entity.text, entity.value.as_deref())
}

fn key_as_labelled(entity: &LabelledEntity) -> Key {
    key(entity.kind, &entity.text, entity.value.as_deref())
}

/// Groups of types that share a bar.
#[must_use]
pub fn group(kind: EntityType) -> &'static str {
    match kind {
        EntityType::Quantity => "quantities",
        EntityType::Date => "dates",
        EntityType::Amount => "amounts",
        _ => "identifiers",
    }
}

/// The values of a message as its author labelled them.
#[must_use]
pub fn gold(message: &Labelled) -> BTreeSet<Key> {
    message.entities.iter().map(key_as_labelled).collect()
}

/// The values that were read.
#[must_use]
pub fn said(entities: &[Entity]) -> BTreeSet<Key> {
    entities.iter().map(key_of).collect()
}

/// Values of one group in the held-out messages: how many were labelled, read and rightly read.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Counts {
    pub gold: usize,
    pub said: usize,
    pub right: usize,
}

impl Counts {
    /// Adds the values of a message that are `of` a group.
    pub fn add(&mut self, gold: &BTreeSet<Key>, said: &BTreeSet<Key>, of: &dyn Fn(&Key) -> bool) {
        self.gold += gold.iter().filter(|key| of(key)).count();
        self.said += said.iter().filter(|key| of(key)).count();
        self.right += said.intersection(gold).filter(|key| of(key)).count();
    }

    /// Share of what was read that is right, share of what is labelled that was read, and their harmonic mean.
    #[must_use]
    pub fn scores(&self) -> [f64; 3] {
        let share = |part: usize, of: usize| part as f64 / of.max(1) as f64;
        [share(self.right, self.said), share(self.right, self.gold), share(2 * self.right, self.said + self.gold)]
    }
}

/// What was trained.
#[derive(Clone, Debug, serde::Serialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Report {
    pub examples: usize,
    pub messages: usize,
    /// The held-out values by group, by these weights and by the built-in ones.
    pub held_out: BTreeMap<&'static str, [Counts; 2]>,
}

impl Report {
    /// F1 over all values, by these weights and by the built-in ones.
    fn f1(&self) -> [f64; 2] {
        [0, 1].map(|which| {
            let sum = |of: fn(&Counts) -> usize| self.held_out.values().map(|both| of(&both[which])).sum();
            Counts { gold: sum(|c| c.gold), said: sum(|c| c.said), right: sum(|c| c.right) }.scores()[2]
        })
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "learned             {} candidates of {} messages", self.examples, self.messages)?;
        writeln!(
            f,
            "{:<20} {:>6} {:>9} {:>7} {:>6} {:>12}",
            "held out", "gold", "precision", "recall", "F1", "words alone"
        )?;
        for (name, [these, words]) in &self.held_out {
            let [precision, recall, f1] = these.scores();
            let alone = words.scores()[2];
            writeln!(f, "{name:<20} {:>6} {precision:>9.3} {recall:>7.3} {f1:>6.3} {alone:>12.3}", these.gold)?;
        }
        Ok(())
    }
}

/// A message as it is read: in its world, where it has one, and as if the store knew nothing.
struct Read<'a> {
    message: &'a Labelled,
    context: Option<InContext>,
    in_world: Option<Known>,
    alone: Known,
    sent: Option<Date>,
}

impl Read<'_> {
    /// What the store knows, where there is a store.
    fn known(&self) -> &Known {
        self.in_world.as_ref().unwrap_or(&self.alone)
    }

    fn values(&self, weights: &Weights) -> BTreeSet<Key> {
        let by = (weights, self.context.as_ref());
        let Labelled { subject, body, .. } = self.message;
        said(&extract::extract_by(by, subject.as_deref(), body, self.known(), self.sent))
    }

    fn examples(&self) -> Vec<Example> {
        match &self.in_world {
            Some(known) => [self.weighing(known, 1.0), self.weighing(&self.alone, WITHOUT_WORLD)].concat(),
            None => self.weighing(&self.alone, 1.0),
        }
    }

    fn weighing(&self, known: &Known, weight: f32) -> Vec<Example> {
        let Labelled { subject, body, entities, .. } = self.message;
        let seen = extract::examples(self.context.as_ref(), subject.as_deref(), body, known, self.sent);
        let mut texts: BTreeMap<Key, Vec<&str>> = BTreeMap::new();
        for entity in entities {
            texts.entry(key_as_labelled(entity)).or_default().push(&entity.text);
        }
        let label = |example: &extract::Example| {
            example.says.iter().find(|(_, entity)| texts.contains_key(&key_of(entity))).cloned()
        };
        let labels: Vec<Option<(usize, Entity)>> = seen.iter().map(label).collect();
        // Of several places that say a value, those are meant that are written as the label is.
        let as_written = |entity: &Entity| {
            let written = &texts[&key_of(entity)];
            written.iter().any(|text| text.contains(entity.text.trim()) || entity.text.contains(text))
        };
        let exact: BTreeSet<Key> = labels
            .iter()
            .flatten()
            .filter(|(_, entity)| as_written(entity))
            .map(|(_, entity)| key_of(entity))
            .collect();
        let keep = |(_, entity): &(usize, Entity)| as_written(entity) || !exact.contains(&key_of(entity));
        let example = |(seen, label): (extract::Example, Option<(usize, Entity)>)| Example {
            features: seen.features,
            tied: seen.tied,
            context: seen.context.map(Arc::from),
            classes: seen.classes,
            label: label.filter(keep).map_or(0, |(class, _)| class),
            weight,
        };
        seen.into_iter().zip(labels).map(example).collect()
    }
}

/// What was learned, as the files of a version.
pub struct Files {
    /// Weights of hashed features.
    pub features: Vec<u8>,
    /// Weights of contexts; empty where no encoder was given.
    pub contexts: Vec<u8>,
    /// Candidates that were learned.
    pub examples: usize,
}

impl Files {
    /// The weights.
    #[must_use]
    pub fn read(&self, version: &str) -> Weights {
        Weights::read(version, &self.features, &self.contexts)
    }
}

/// Learns from the messages of the corpus in `dir` that are not held out, but for the batch that is `left_out`; without an
/// encoder, from words alone.
///
/// # Errors
/// When a world cannot be read or the encoder fails.
pub async fn learn(
    corpus: &Corpus,
    dir: &Path,
    encoder: Option<&dyn Encoder>,
    left_out: Option<&str>,
    heard: &mut Progress<'_>,
) -> anyhow::Result<Files> {
    let of = |message: &&Labelled| !message.held_out && left_out != Some(message.batch.as_str());
    let messages: Vec<&Labelled> = corpus.messages.iter().filter(of).collect();
    let read = read(&messages, dir, encoder, heard).await?;
    let examples: Vec<Example> = read.iter().flat_map(Read::examples).collect();
    let fitted = sparse::fit(&examples, CLASSES, &Options::default());
    Ok(Files {
        features: Weights::write_features(&fitted.features),
        contexts: Weights::write_contexts(&fitted.contexts),
        examples: examples.len(),
    })
}

/// Trains on the corpus in `dir`, and registers the version.
///
/// # Errors
/// When the corpus, a world, the encoder or the folder fails; nothing is left behind.
pub async fn run(
    trainer: &Trainer<'_>,
    encoder: &dyn Encoder,
    dir: &Path,
    progress: &mut Progress<'_>,
) -> anyhow::Result<(ModelVersion, Report)> {
    let corpus = corpus::read(dir)?;
    let files = learn(&corpus, dir, Some(encoder), None, &mut |stage, share| progress(stage, 0.7 * share)).await?;
    let weights = files.read(KIND);
    let held_out: Vec<&Labelled> = corpus.messages.iter().filter(|message| message.held_out).collect();
    let measured = read(&held_out, dir, Some(encoder), &mut |_, share| progress("measure", 0.8 + 0.2 * share)).await?;
    let mut counts: BTreeMap<&'static str, [Counts; 2]> = BTreeMap::new();
    for read in &measured {
        let gold = gold(read.message);
        let both = [read.values(&weights), read.values(weigh::built_in())];
        for name in ["identifiers", "quantities", "dates", "amounts"] {
            let counts = counts.entry(name).or_default();
            counts
                .iter_mut()
                .zip(&both)
                .for_each(|(counts, said)| counts.add(&gold, said, &|key| group(key.0) == name));
        }
    }
    let messages = corpus.messages.len() - held_out.len();
    let report = Report { examples: files.examples, messages, held_out: counts };
    let metrics = serde_json::to_vec_pretty(&report)?;
    let card = card(&report, &encoder.version());
    let written = [
        (FEATURES, files.features.as_slice()),
        (CONTEXTS, &files.contexts),
        ("metrics.json", &metrics),
        ("CARD.md", card.as_bytes()),
    ];
    let version = trainer.keep(about(&corpus, encoder, &report), &written).await?;
    let _ = progress("done", 1.0);
    Ok((version, report))
}

fn about(corpus: &Corpus, encoder: &dyn Encoder, report: &Report) -> About {
    let [these, words] = report.f1();
    let f1 = |(name, both): (&&'static str, &[Counts; 2])| (format!("f1_{name}"), both[0].scores()[2]);
    let groups = report.held_out.iter().map(f1);
    let whole = [("f1".to_owned(), these), ("baseline_f1".to_owned(), words), verdict(these > words)];
    About {
        name: KIND,
        kind: KIND,
        data_digest: holdfast_training::artifact::sha256_hex(&corpus.bytes),
        data_window: None,
        schema_version: encoder.version(),
        seed: Options::default().seed,
        licence: "MIT OR Apache-2.0".to_owned(),
        source: format!("authored messages of datasets/messages, as {} makes of them", encoder.version()),
        metrics: groups.chain(whole).collect(),
    }
}

/// Reads messages as the service would: their contexts, and what their worlds know.
async fn read<'a>(
    messages: &[&'a Labelled],
    dir: &Path,
    encoder: Option<&dyn Encoder>,
    heard: &mut Progress<'_>,
) -> anyhow::Result<Vec<Read<'a>>> {
    let mut worlds: BTreeMap<&str, Option<Vec<KnownNumber>>> = BTreeMap::new();
    let mut found = Vec::new();
    for message in messages {
        let world = match worlds.get(message.batch.as_str()) {
            Some(world) => world,
            None => worlds.entry(&message.batch).or_insert(world(&dir.join(&message.batch))?),
        };
        let role = message.role();
        let context = match encoder {
            Some(encoder) => Some(
                classify::in_context(encoder, &message.received(), role)
                    .await
                    .context("the encoder failed on a message")?,
            ),
            None => None,
        };
        let in_world = world.as_ref().map(|numbers| {
            let of = |number: &KnownNumber| Some((shape(&number.normalised), EntityType::parse(&number.hit.entity)?));
            let shapes = numbers.iter().filter_map(of).collect();
            let subject = message.subject.as_deref().map(extract::candidates).unwrap_or_default();
            let tokens = [subject, extract::candidates(&message.body)].concat();
            Known::matched(role, &tokens, numbers, Some(&shapes))
        });
        found.push(Read {
            message,
            context,
            in_world,
            alone: Known::nothing(role),
            sent: message.received_at.map(|at| at.to_zoned(TimeZone::UTC).date()),
        });
        let share = found.len() as f64 / messages.len() as f64;
        anyhow::ensure!(heard("read", share).is_continue(), "training was cancelled; nothing was kept");
    }
    Ok(found)
}

/// Every number of a batch's world; `None` where it has no world.
fn world(folder: &Path) -> anyhow::Result<Option<Vec<KnownNumber>>> {
    let path = folder.join("world.json");
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read the world `{}`", path.display()))?;
    let world: Value = serde_json::from_slice(&bytes).with_context(|| format!("`{}` is no world", path.display()))?;
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
    Ok(Some(found))
}

fn card(report: &Report, encoder: &str) -> String {
    let [these, words] = report.f1();
    format!(
        "# values\n\n\
        **What it is.** A multinomial logistic model that tells, for each word or run of words of a message that may be a typed value,\n\
        whether it is one and of which type: by the words beside it, its shape, what the store knows of it, and by what a layer in the\n\
        middle and the last one of `{encoder}` make of it where it stands.\n\n\
        **Trained on** {} candidates of {} authored messages of `datasets/messages`.\n\n\
        **Held out** (an author batch of its own, as its world knows it): F1 over all values {these:.3}; by words alone {words:.3}.\n\n\
        **Limits.** The messages were written for this project, and authors differ in which dates and quantities are worth a label. A\n\
        value never acts: it is offered to a person as a quote.\n",
        report.examples, report.messages,
    )
}
