//! `holdfast train link`: the authored messages in their worlds to a link model.
//!
//! Guarantees: the held-out batches are only measured on, by the full pipeline and the finished model; candidates and features
//! come from the code that serves; probability and bound are chosen across worlds; equal data gives the same model. The intents
//! that a classifier would give are the authored ones with the mistakes of a mediocre classifier, so that the ranker trusts them
//! no further. Non-goals: promotion, which is a governed proposal.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use holdfast_training::language::link::{Judged, LinkModel, LinkOptions, LinkReport, Row};
use jiff::tz::TimeZone;

use super::corpus::{self, Clue, Labelled};
use super::{About, Progress, Trainer, verdict, world};
use crate::adapters::linfa::link::{FILE, KIND};
use crate::domain::digest;
use crate::domain::message::{Intent, ScoredIntent};
use crate::domain::model::ModelVersion;
use crate::domain::party::ObjectKind;
use crate::domain::payload::MessageReceived;
use crate::flow::assess::classify::{Heard, Readers};
use crate::flow::assess::link::{self, Read};
use crate::flow::assess::{extract, sender};
use crate::ports::link::{FEATURES, MESSAGE};
use crate::ports::store::{Store, Transaction};

/// Shares of the messages whose classifier says nothing, and says something wrong.
const WITHOUT_INTENT: f64 = 0.10;
const WRONG_INTENT: f64 = 0.15;

/// What was trained.
#[derive(Clone, Debug, serde::Serialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Report {
    pub across_worlds: LinkReport,
    /// By clue: messages, right and wrong links, right candidates that are first below the bound, the rest.
    pub clues: BTreeMap<String, [usize; 5]>,
    /// Messages that were linked wrongly.
    pub wrong: Vec<String>,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let across = &self.across_worlds;
        let right = across.linked - across.wrong;
        writeln!(f, "across worlds       {} messages, {} of them belong somewhere", across.messages, across.belonging)?;
        writeln!(f, "best candidate      right for {}, log loss {:.4}", across.best_right, across.log_loss)?;
        writeln!(
            f,
            "bound {:.4}        links {}, of them {} wrong ({:.2} %, at most {:.2} % at {:.0} % confidence), {:.1} % of what belongs",
            across.bound,
            across.linked,
            across.wrong,
            100.0 * across.wrong as f64 / across.linked.max(1) as f64,
            100.0 * across.wrong_upper,
            100.0 * across.confidence,
            100.0 * right as f64 / across.belonging.max(1) as f64,
        )?;
        writeln!(f, "{:<20} {:>8} {:>6} {:>6} {:>6} {:>6}", "clue", "messages", "right", "wrong", "first", "rest")?;
        for (clue, [messages, right, wrong, first, rest]) in &self.clues {
            writeln!(f, "{clue:<20} {messages:>8} {right:>6} {wrong:>6} {first:>6} {rest:>6}")?;
        }
        writeln!(f, "wrong: {}", self.wrong.join(", "))?;
        Ok(())
    }
}

/// A message that was read in its world.
struct Learned {
    id: String,
    clue: Clue,
    row: Row,
}

/// Trains on the worlds of the corpus in `corpus_dir` that are not held out, and registers the version. Values are read by
/// the models that serve.
///
/// # Errors
/// When the corpus, a world, the solver or the folder fails; nothing is left behind.
pub async fn run(
    trainer: &Trainer<'_>,
    corpus_dir: &Path,
    progress: &mut Progress<'_>,
) -> anyhow::Result<(ModelVersion, Report)> {
    let corpus = corpus::read(corpus_dir)?;
    let models = &trainer.services.models;
    let (encoder, values) = (models.encoder.get(), models.values.get());
    let readers = Readers { encoder: encoder.as_deref(), values: values.as_deref(), intents: None };
    let mut batches: BTreeMap<&str, Vec<&Labelled>> = BTreeMap::new();
    let trained = corpus.messages.iter().filter(|message| !message.held_out && message.link.is_some());
    trained.for_each(|message| batches.entry(&message.batch).or_default().push(message));
    let mut learned = Vec::new();
    for (group, (batch, messages)) in batches.iter().enumerate() {
        anyhow::ensure!(
            progress(batch, 0.9 * group as f64 / batches.len() as f64).is_continue(),
            "training was cancelled; nothing was kept"
        );
        learned.extend(read_world(readers, &corpus_dir.join(batch), messages, group).await?);
    }
    let rows: Vec<Row> = learned.iter().map(|one| one.row.clone()).collect();
    let (model, across_worlds, judged) = LinkModel::train(&rows, &FEATURES, &MESSAGE, &LinkOptions::default())?;
    let bound = across_worlds.bound;
    let is_wrong = |(_, judged): &(&Learned, &Judged)| judged.probability >= bound && !judged.right;
    let wrong = learned.iter().zip(&judged).filter(is_wrong).map(|(one, _)| one.id.clone()).collect();
    let report = Report { clues: by_clue(&learned, &judged, bound), wrong, across_worlds };
    let files = [
        (FILE, model.to_bytes()?),
        ("metrics.json", serde_json::to_vec_pretty(&report)?),
        ("CARD.md", card(&report).into_bytes()),
    ];
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    let version = trainer.keep(about(&corpus, &report), &files).await?;
    progress("done", 1.0).is_continue();
    Ok((version, report))
}

fn about(corpus: &corpus::Corpus, report: &Report) -> About {
    let across = &report.across_worlds;
    let right = (across.linked - across.wrong) as f64;
    About {
        name: "link",
        kind: KIND,
        data_digest: holdfast_training::artifact::sha256_hex(&corpus.bytes),
        data_window: None,
        schema_version: "link-1".to_owned(),
        seed: 0,
        licence: "MIT OR Apache-2.0".to_owned(),
        source: "authored messages of datasets/messages in their worlds".to_owned(),
        metrics: BTreeMap::from([
            ("bound".to_owned(), across.bound),
            ("precision".to_owned(), right / across.linked.max(1) as f64),
            ("coverage".to_owned(), right / across.belonging.max(1) as f64),
            ("wrong_upper".to_owned(), across.wrong_upper),
            ("log_loss".to_owned(), across.log_loss),
            verdict(across.wrong_upper <= LinkOptions::default().wrong_max),
        ]),
    }
}

/// Reads the messages of one world in a store of their own.
async fn read_world(
    readers: Readers<'_>,
    folder: &Path,
    messages: &[&Labelled],
    group: usize,
) -> anyhow::Result<Vec<Learned>> {
    let store = TemporaryStore::open(folder).await?;
    let mut learned = Vec::new();
    for message in messages {
        let (Some(label), Some(sent)) = (&message.link, message.received_at) else { continue };
        let content = message.received();
        let heard = readers.hear(&content, message.role()).await?;
        let mut tx = store.store.read().await?;
        let (keys, pairs) = paired(&mut *tx, &heard, (&content, sent), &said_intents(message)).await?;
        let right = |(kind, key): &(ObjectKind, String)| match (&label.order_id, &label.purchase_order_id) {
            (Some(order_id), _) => *kind == ObjectKind::Order && key == order_id,
            (None, Some(id)) => *kind == ObjectKind::PurchaseOrder && key == id,
            (None, None) => false,
        };
        let belongs = label.order_id.is_some() || label.purchase_order_id.is_some();
        let row = Row {
            group,
            right: keys.iter().map(right).collect(),
            candidates: pairs.candidates,
            message: pairs.message,
            barred: pairs.barred,
            belongs,
        };
        learned.push(Learned { id: message.id.clone(), clue: label.clue, row });
    }
    Ok(learned)
}

async fn paired(
    tx: &mut dyn Transaction,
    heard: &Heard<'_>,
    (message, sent): (&MessageReceived, jiff::Timestamp),
    intents: &[ScoredIntent],
) -> anyhow::Result<(Vec<(ObjectKind, String)>, link::Pairs)> {
    let sender = sender::identify(tx, &message.from).await?;
    let known = extract::known::load(tx, message, sender.role).await?;
    let day = sent.to_zoned(TimeZone::UTC).date();
    let entities = heard.values(message, &known, Some(day));
    let read = Read { message, entities: &entities, known: &known, sender: &sender, intents, sent: day };
    Ok(link::pairs(tx, read).await?)
}

/// What a mediocre classifier would say of a message.
fn said_intents(message: &Labelled) -> Vec<ScoredIntent> {
    let place = digest::place_of(&message.id);
    let other = Intent::ALL[(place * 1e6) as usize % Intent::ALL.len()];
    let (first, second) = match place {
        place if place < WITHOUT_INTENT => return Vec::new(),
        place if place < WITHOUT_INTENT + WRONG_INTENT => (other, message.intent),
        _ => (message.intent, other),
    };
    vec![ScoredIntent { intent: first, probability: 0.75 }, ScoredIntent { intent: second, probability: 0.15 }]
}

fn by_clue(learned: &[Learned], judged: &[Judged], bound: f64) -> BTreeMap<String, [usize; 5]> {
    let mut clues: BTreeMap<String, [usize; 5]> = BTreeMap::new();
    for (one, judged) in learned.iter().zip(judged) {
        let linked = judged.probability >= bound;
        let place = match (linked, judged.right) {
            (true, true) => 1,
            (true, false) => 2,
            (false, true) => 3,
            (false, false) => 4,
        };
        let counts = clues.entry(format!("{:?}", one.clue)).or_default();
        counts[0] += 1;
        counts[place] += 1;
    }
    clues
}

/// A database that lasts as long as this value.
struct TemporaryStore {
    store: std::sync::Arc<dyn Store>,
    folder: std::path::PathBuf,
}

impl TemporaryStore {
    async fn open(world_dir: &Path) -> anyhow::Result<Self> {
        let path = world_dir.join("world.json");
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read the world `{}`", path.display()))?;
        let world = serde_json::from_slice(&bytes).with_context(|| format!("`{}` is no world", path.display()))?;
        let name = world_dir.file_name().unwrap_or_default().to_string_lossy();
        let folder = std::env::temp_dir().join(format!("holdfast-link-{}-{name}", std::process::id()));
        let url = format!("sqlite:{}", folder.join("world.db").display());
        let store = crate::adapters::store::open(&url).await?;
        let opened = Self { store, folder };
        world::load(opened.store.as_ref(), &world).await?;
        Ok(opened)
    }
}

impl Drop for TemporaryStore {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

fn card(report: &Report) -> String {
    let across = &report.across_worlds;
    format!(
        "# link\n\n\
        **What it is.** Boosted trees that score each order or purchase order that a message may belong to by {} features, further trees\n\
        and a logistic regression that judge the best of them, and another regression that turns what they say into a probability. A\n\
        message is attached without a person from {:.4} on.\n\n\
        **Trained on** {} authored messages of `datasets/messages` in their worlds; {} of them belong somewhere.\n\n\
        **Across worlds** (each world judged by models of the others): {} attached, {} of them wrong, which is at most {:.2} % at {:.0} %\n\
        confidence (Clopper and Pearson, one-sided; the bound was chosen on the same scores).\n\n\
        **Limits.** The messages were written for this project and are few. Words are compared and not understood: a product that is\n\
        named in another language than its description has, is not recognised. An attachment is a filing: it approves nothing.\n",
        FEATURES.len(),
        across.bound,
        across.messages,
        across.belonging,
        across.linked,
        across.wrong,
        100.0 * across.wrong_upper,
        100.0 * across.confidence,
    )
}
