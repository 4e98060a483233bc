//! The authored messages of `datasets/messages`: one folder per author batch with one labelled message per line, most with
//! the world that they were written in.
//!
//! Guarantees: labels outside the contract's closed sets are an error that names file and line; reading order is by folder
//! name, then line, so equal folders give equal data; a batch is held out whole or trains whole.

use std::path::Path;

use anyhow::Context as _;
use jiff::Timestamp;
use serde::Deserialize;

use crate::domain::message::{Channel, EntityType, Intent, SenderRole};
use crate::domain::payload::{MessageReceived, Sender};
use crate::flow::assess::classify::text;

/// One authored message with its labels.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the data card describes the fields")]
pub struct Labelled {
    pub id: String,
    /// Folder that it stands in; not in the line.
    #[serde(skip)]
    pub batch: String,
    /// Measured on only.
    #[serde(skip)]
    pub held_out: bool,
    /// Kept from the encoder's training, so that heads are calibrated on messages that neither has seen.
    #[serde(skip)]
    pub calibrates: bool,
    pub received_at: Option<Timestamp>,
    pub language: String,
    pub channel: Channel,
    pub from: Sender,
    pub subject: Option<String>,
    pub body: String,
    pub intent: Intent,
    pub also: Vec<Intent>,
    pub link: Option<LabelledLink>,
    pub entities: Vec<LabelledEntity>,
    /// Whether the text tries to command its reader.
    pub injection: bool,
    /// What is hard about it; empty where nothing is.
    pub hard: String,
}

/// What in its world a message belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the data card describes the fields")]
pub struct LabelledLink {
    pub order_id: Option<String>,
    pub exception_id: Option<String>,
    pub purchase_order_id: Option<String>,
    pub clue: Clue,
}

/// What a link rests on, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "see the data card")]
pub enum Clue {
    OrderNo,
    PoNo,
    Tracking,
    Invoice,
    PurchaseOrderNo,
    ApprovalId,
    ThreadQuote,
    SkuAndContext,
    SenderOnly,
    Ambiguous,
    Conflict,
    None,
}

/// A typed value that stands in the text, without its place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the data card describes the fields")]
pub struct LabelledEntity {
    #[serde(rename = "type")]
    pub kind: EntityType,
    pub text: String,
    pub value: Option<String>,
}

impl Labelled {
    /// Who writes it.
    #[must_use]
    pub fn role(&self) -> SenderRole {
        self.from.role.unwrap_or(SenderRole::Unknown)
    }

    /// The text that a classifier reads.
    #[must_use]
    pub fn text(&self) -> String {
        text::of_parts(self.role(), self.channel, self.subject.as_deref(), &self.body)
    }

    /// The message as it would be received; the corpus holds no threads.
    #[must_use]
    pub fn received(&self) -> MessageReceived {
        MessageReceived {
            channel: self.channel,
            from: self.from.clone(),
            subject: self.subject.clone(),
            body: self.body.clone(),
            in_reply_to: None,
            references: Vec::new(),
            message_id: None,
            sent_at: self.received_at,
            attachments: Vec::new(),
            hidden: Vec::new(),
        }
    }
}

/// The corpus and the bytes it was read from.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "names say it")]
pub struct Corpus {
    pub messages: Vec<Labelled>,
    pub bytes: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    held_out: Vec<String>,
    #[serde(default)]
    calibrate: Vec<String>,
}

/// Reads `corpus.toml` and every folder's `messages.jsonl` of `dir`.
///
/// # Errors
/// When a file cannot be read, a line is no labelled message, or a held-out batch does not exist.
pub fn read(dir: &Path) -> anyhow::Result<Corpus> {
    let text = |path: &Path| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read the corpus file `{}`", path.display()))
    };
    let index = text(&dir.join("corpus.toml"))?;
    let Index { held_out, calibrate } =
        toml::from_str(&index).context("`corpus.toml` of the corpus cannot be understood")?;
    let mut corpus = Corpus { messages: Vec::new(), bytes: index.into_bytes() };
    let batches = batches(dir)?;
    if let Some(absent) = held_out.iter().chain(&calibrate).find(|name| !batches.contains(name)) {
        anyhow::bail!("`corpus.toml` names `{absent}`, and `{}` has no such folder", dir.display());
    }
    for batch in &batches {
        let path = dir.join(batch).join("messages.jsonl");
        let lines = text(&path)?;
        for (index, line) in lines.lines().enumerate() {
            let message: Labelled = serde_json::from_str(line)
                .with_context(|| format!("`{}` line {}: not a labelled message", path.display(), index + 1))?;
            let (held_out, calibrates) = (held_out.contains(batch), calibrate.contains(batch));
            corpus.messages.push(Labelled { batch: batch.clone(), held_out, calibrates, ..message });
        }
        corpus.bytes.extend(lines.into_bytes());
    }
    Ok(corpus)
}

/// Names of the folders with messages, in order.
fn batches(dir: &Path) -> anyhow::Result<Vec<String>> {
    let listed =
        std::fs::read_dir(dir).with_context(|| format!("cannot list the corpus folder `{}`", dir.display()))?;
    let mut names = Vec::new();
    for entry in listed {
        let entry = entry?;
        if entry.path().join("messages.jsonl").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    anyhow::ensure!(!names.is_empty(), "the corpus folder `{}` has no folder with a `messages.jsonl`", dir.display());
    Ok(names)
}
