//! `holdfast train intents`: labelled messages to an intent head over the encoder's embeddings.
//!
//! Guarantees: the held-out batches of the corpus are only measured on; people's corrections train as well; equal data,
//! encoder and seed give the same head; the version appears whole, with manifest, full report and card. Non-goals:
//! promotion, which is a governed proposal.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use holdfast_training::artifact::{self, Manifest};
use holdfast_training::language::heads::{HeadOptions, HeadReport, IntentHead, Rows};
use jiff::Timestamp;

use super::corpus;
use super::{Progress, Trainer};
use crate::adapters::candle::heads::{FILE, KIND};
use crate::domain::message::{Correction, Intent, Message, SenderRole};
use crate::domain::model::ModelVersion;
use crate::flow::assess::classify::text;
use crate::ports::language::Encoder;

/// Texts that are sent to the encoder at once.
const EMBED_TEXTS: usize = 64;

/// What was trained.
#[derive(Clone, Debug, serde::Serialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Report {
    pub version: String,
    pub path: PathBuf,
    pub head: HeadReport,
    pub corrections: usize,
    /// Share of the held-out rows that the most frequent intent would get right.
    pub majority_accuracy: f64,
    /// Held-out rows by language, then by channel.
    pub slices: Vec<Slice>,
}

/// Some of the held-out rows.
#[derive(Clone, Debug, serde::Serialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Slice {
    pub name: String,
    pub rows: usize,
    pub accuracy: f64,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let head = &self.head;
        writeln!(f, "held-out messages   {}", head.rows_held_out)?;
        writeln!(
            f,
            "accuracy            {:.4} (most frequent intent alone {:.4})",
            head.accuracy, self.majority_accuracy
        )?;
        writeln!(f, "macro F1            {:.4}", head.macro_f1)?;
        writeln!(
            f,
            "coverage            {:.4} of messages at the thresholds, {:.4} of them right; {:.4} below the floor",
            head.coverage, head.precision_covered, head.strange
        )?;
        writeln!(
            f,
            "chosen on others    {:.4} right by embeddings, {:.4} by words, {:.4} by both (words {:.1}, penalty {})",
            head.accuracy_embeddings, head.accuracy_words, head.accuracy_mixed, head.words_share, head.alpha
        )?;
        for class in &head.classes {
            writeln!(
                f,
                "  {:20} precision {:.3}  recall {:.3}  F1 {:.3}  threshold {:.3}",
                class.class, class.precision, class.recall, class.f1, class.threshold
            )?;
        }
        for slice in &self.slices {
            writeln!(f, "  {:20} {:4} messages, {:.3} right", slice.name, slice.rows, slice.accuracy)?;
        }
        Ok(())
    }
}

struct Row {
    text: String,
    intent: Intent,
    part: Part,
    /// Language and channel of an authored message.
    slices: [String; 2],
}

/// What a row is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Fit,
    Calibrate,
    HeldOut,
}

/// Trains on the corpus in `corpus_dir` and on `corrections`, and writes `<out_dir>/intents/<version>`. The version is named
/// after the day and the digest of everything that went in. `progress` hears the stage and the share done, 0 to 1, and may
/// cancel while texts are embedded.
///
/// # Errors
/// When the corpus, the encoder, the solver or the folder fails, or it was cancelled; nothing is left behind.
pub async fn run(
    encoder: &dyn Encoder,
    (corpus_dir, corrections): (&Path, &[(Message, Correction)]),
    out_dir: &Path,
    seed: u64,
    (now, trained_by): (Timestamp, &str),
    progress: &mut (dyn FnMut(&str, f64) -> ControlFlow<()> + Send),
) -> anyhow::Result<Report> {
    let corpus = corpus::read(corpus_dir)?;
    let rows = rows(&corpus, corrections);
    let corrected = rows.len() - corpus.messages.len();
    let data_digest = digest(&corpus, corrections)?;
    let embeddings = embed(encoder, &rows, &mut |share| progress("embed", 0.5 * share)).await?;
    let classes: Vec<String> = Intent::ALL.iter().map(|intent| intent.name().to_owned()).collect();
    let class_of = |row: &Row| Intent::ALL.iter().position(|intent| *intent == row.intent).unwrap_or(0);
    let labels: Vec<usize> = rows.iter().map(class_of).collect();
    let of = |part: Part| -> Vec<usize> { (0..rows.len()).filter(|&row| rows[row].part == part).collect() };
    let (calibrating, held_out) = (of(Part::Calibrate), of(Part::HeldOut));
    let texts: Vec<String> = rows.iter().map(|row| row.text.clone()).collect();
    let options = HeadOptions { seed, ..HeadOptions::default() };
    let mut training = |stage: &str, share: f64| {
        let _ = progress(stage, 0.5 + 0.5 * share);
    };
    let given = Rows {
        embeddings: &embeddings,
        texts: &texts,
        labels: &labels,
        calibrating: &calibrating,
        held_out: &held_out,
    };
    let (head, report) = IntentHead::train(&given, &classes, &options, &mut training)?;
    let slices = slices(&head, &given, &rows)?;
    ensure!(progress("keep", 0.99).is_continue(), "training was cancelled; nothing was kept");
    let majority_accuracy = majority(&labels, &held_out);
    let day = now.strftime("%Y%m%d").to_string();
    let identity = artifact::sha256_hex(format!("{data_digest} {} {seed}", encoder.version()).as_bytes());
    let version = format!("{day}-{}", &identity[..8]);
    let manifest = Manifest {
        name: "intents".to_owned(),
        version: version.clone(),
        kind: KIND.to_owned(),
        created_at: now.to_string(),
        data_digest,
        data_window: None,
        schema_version: encoder.version(),
        seed,
        code_version: env!("CARGO_PKG_VERSION").to_owned(),
        trained_by: Some(trained_by.to_owned()),
        licence: "MIT OR Apache-2.0".to_owned(),
        source: format!(
            "authored messages of datasets/messages and {corrected} corrections, embedded by {}",
            encoder.version()
        ),
        metrics: metrics(&report, majority_accuracy),
        files: Vec::new(),
    };
    let report_json = serde_json::to_vec_pretty(&serde_json::json!({ "head": report, "slices": slices }))?;
    let card = card(&version, &encoder.version(), &report, corrected);
    let files = [(FILE, &head.to_bytes()?[..]), ("metrics.json", &report_json), ("CARD.md", card.as_bytes())];
    let path = artifact::write_version(out_dir, manifest, &files)?;
    progress("done", 1.0).is_continue();
    Ok(Report { version, path, head: report, corrections: corrected, majority_accuracy, slices })
}

/// As [`run`], and registers the version.
///
/// # Errors
/// As [`run`], or when it cannot be registered.
pub async fn keep(
    trainer: &Trainer<'_>,
    encoder: &dyn Encoder,
    inputs: (&Path, &[(Message, Correction)]),
    seed: u64,
    progress: &mut Progress<'_>,
) -> anyhow::Result<(ModelVersion, Report)> {
    let by = trainer.actor.label();
    let report = run(encoder, inputs, trainer.models, seed, (trainer.now, &by), progress).await?;
    let version = trainer.register(&format!("intents/{}", report.version), &report.path).await?;
    Ok((version, report))
}

fn rows(corpus: &corpus::Corpus, corrections: &[(Message, Correction)]) -> Vec<Row> {
    let authored = corpus.messages.iter().map(|message| Row {
        text: message.text(),
        intent: message.intent,
        part: match (message.held_out, message.calibrates) {
            (true, _) => Part::HeldOut,
            (false, true) => Part::Calibrate,
            (false, false) => Part::Fit,
        },
        slices: [format!("language {}", message.language), format!("channel {}", message.channel.name())],
    });
    let corrected = corrections.iter().filter_map(|(message, correction)| {
        let content = message.content.as_written();
        let role = message.reading.as_ref().map(|reading| reading.role).or(content.from.role);
        let text = text::of(content, role.unwrap_or(SenderRole::Unknown));
        correction.intent.map(|intent| Row { text, intent, part: Part::Fit, slices: Default::default() })
    });
    authored.chain(corrected).collect()
}

fn digest(corpus: &corpus::Corpus, corrections: &[(Message, Correction)]) -> anyhow::Result<String> {
    let mut bytes = corpus.bytes.clone();
    bytes.extend(serde_json::to_vec(corrections)?);
    Ok(artifact::sha256_hex(&bytes))
}

async fn embed(
    encoder: &dyn Encoder,
    rows: &[Row],
    heard: &mut (dyn FnMut(f64) -> ControlFlow<()> + Send),
) -> anyhow::Result<Vec<Vec<f32>>> {
    let mut embeddings = Vec::with_capacity(rows.len());
    for chunk in rows.chunks(EMBED_TEXTS) {
        let texts = chunk.iter().map(|row| row.text.clone()).collect();
        embeddings.extend(encoder.embed(texts).await.context("the encoder failed on the training texts")?);
        ensure!(
            heard(embeddings.len() as f64 / rows.len() as f64).is_continue(),
            "training was cancelled; nothing was kept"
        );
    }
    Ok(embeddings)
}

/// The held-out rows by language and by channel.
fn slices(head: &IntentHead, given: &Rows<'_>, rows: &[Row]) -> anyhow::Result<Vec<Slice>> {
    let mut counted: BTreeMap<(usize, &str), (usize, usize)> = BTreeMap::new();
    for &row in given.held_out {
        let said = head.predict(&given.texts[row], &given.embeddings[row])?;
        let first = said.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(class, _)| class);
        for (kind, name) in rows[row].slices.iter().enumerate() {
            let (seen, right) = counted.entry((kind, name)).or_default();
            *seen += 1;
            *right += usize::from(first == Some(given.labels[row]));
        }
    }
    let slice = |((_, name), (seen, right)): ((usize, &str), (usize, usize))| Slice {
        name: name.to_owned(),
        rows: seen,
        accuracy: right as f64 / seen as f64,
    };
    Ok(counted.into_iter().map(slice).collect())
}

fn majority(labels: &[usize], held_out: &[usize]) -> f64 {
    let mut counts = BTreeMap::new();
    held_out.iter().for_each(|&row| *counts.entry(labels[row]).or_insert(0_usize) += 1);
    counts.values().copied().max().unwrap_or(0) as f64 / held_out.len().max(1) as f64
}

fn metrics(report: &HeadReport, majority_accuracy: f64) -> BTreeMap<String, f64> {
    BTreeMap::from([
        ("accuracy".to_owned(), report.accuracy),
        ("macro_f1".to_owned(), report.macro_f1),
        ("log_loss".to_owned(), report.log_loss),
        ("coverage".to_owned(), report.coverage),
        ("precision_covered".to_owned(), report.precision_covered),
        ("baseline_accuracy".to_owned(), majority_accuracy),
        ("beats_baseline".to_owned(), f64::from(u8::from(report.accuracy > majority_accuracy))),
    ])
}

fn card(version: &str, encoder: &str, report: &HeadReport, corrections: usize) -> String {
    format!(
        "# intents {version}\n\n\
        **What it is.** Multinomial logistic regression over the embeddings of `{encoder}`, mixed with a linear model over words, their\n\
        pairs and runs of letters: calibrated probabilities of the 24 intents of an inbound message. The label set is closed by\n\
        construction.\n\n\
        **Trained on** {} authored messages (with {corrections} corrections by people). Penalty {}, share of the words {:.1}, temperatures\n\
        and thresholds were chosen on the batches that the encoder was not trained on: {:.1} % right by embeddings alone, {:.1} % by words\n\
        alone, {:.1} % by both.\n\n\
        **Held out** ({} messages of an author batch of its own, never seen in training or tuning): accuracy {:.3}, macro F1 {:.3}, log loss {:.3} nats. At its\n\
        thresholds it answers {:.1} % of them and is right on {:.1} % of those; below them, it abstains, as on the {:.1} % whose energy is\n\
        below the floor.\n\n\
        **Limits.** The messages were written for this project and are few; real mail differs. Languages other than English are weaker\n\
        because the encoder's base is English. A label never acts: nothing is decided or approved by it.\n",
        report.rows_train,
        report.alpha,
        report.words_share,
        100.0 * report.accuracy_embeddings,
        100.0 * report.accuracy_words,
        100.0 * report.accuracy_mixed,
        report.rows_held_out,
        report.accuracy,
        report.macro_f1,
        report.log_loss,
        100.0 * report.coverage,
        100.0 * report.precision_covered,
        100.0 * report.strange,
    )
}
