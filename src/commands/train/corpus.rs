//! The authored messages of `datasets/messages`: one file per intent, one labelled message per line.
//!
//! Guarantees: labels outside the contract's closed sets are an error that names file and line; reading order is by file
//! name, then line, so equal folders give equal data.

use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use crate::domain::message::{Channel, EntityType, Intent};
use crate::domain::payload::Sender;

/// One authored message with its labels.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the data card describes the fields")]
pub struct Labelled {
    pub id: String,
    /// `a` and `b` train, `h` is held out.
    pub batch: Batch,
    pub language: String,
    pub channel: Channel,
    pub from: Sender,
    pub subject: Option<String>,
    pub body: String,
    pub intent: Intent,
    pub also: Vec<Intent>,
    pub entities: Vec<LabelledEntity>,
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "see the data card")]
pub enum Batch {
    A,
    B,
    H,
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

/// The corpus and the bytes it was read from.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "names say it")]
pub struct Corpus {
    pub messages: Vec<Labelled>,
    pub bytes: Vec<u8>,
}

/// Reads every `.jsonl` file of `dir`.
///
/// # Errors
/// When a file cannot be read, or a line is no labelled message.
pub fn read(dir: &Path) -> anyhow::Result<Corpus> {
    let listed =
        std::fs::read_dir(dir).with_context(|| format!("cannot list the corpus folder `{}`", dir.display()))?;
    let mut paths = listed.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    anyhow::ensure!(!paths.is_empty(), "the corpus folder `{}` has no .jsonl file", dir.display());
    let mut corpus = Corpus { messages: Vec::new(), bytes: Vec::new() };
    for path in paths {
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        for (index, line) in text.lines().enumerate() {
            let message = serde_json::from_str(line)
                .with_context(|| format!("`{}` line {}: not a labelled message", path.display(), index + 1))?;
            corpus.messages.push(message);
        }
        corpus.bytes.extend(text.into_bytes());
    }
    Ok(corpus)
}
