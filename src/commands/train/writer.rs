//! `holdfast train writer`: authored contexts to a small decoder that words summaries.
//!
//! Guarantees: held-out contexts are in no lesson; no lesson holds a value; equal contexts, options and seed give equal weights
//! on machines whose matrix products are the same; the version appears whole. Non-goals: letting it serve, which
//! `models.writer` does.

pub mod lessons;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use holdfast_training::artifact::{self, Manifest};
use holdfast_training::language::write::{WriteOptions, Written, train};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::Progress;
use crate::adapters::candle::writer::KIND;
use crate::commands::evaluate::summaries::coverage;
use crate::flow::assess::summary::frames::frames;
use lessons::Lessons;

/// The house's chat template: the slots of the plain text, line by line, which is all that a small decoder needs of it.
pub const TEMPLATE: &str = "{% for line in messages[0]['content'].split('\n\n')[1].split('\n') %}\
    {% for part in line.split('<') %}{% if not loop.first %}<{{ part.split('>')[0] }}>{% endif %}{% endfor %}\
    {{ '\n' }}{% endfor %}{{ '\n' }}";

/// `holdfast train writer`.
#[derive(clap::Args)]
pub struct Args {
    /// Folder of authored contexts.
    #[arg(long, default_value = "datasets/summaries")]
    contexts: PathBuf,
    /// Model directory that the version is written to.
    #[arg(long)]
    out: PathBuf,
    /// TOML file with settings of the training; the defaults for what it leaves out.
    #[arg(long)]
    options: Option<PathBuf>,
    /// Print the lessons as JSON lines, and train nothing.
    #[arg(long)]
    lessons: bool,
}

/// Trains, and prints what each epoch came to.
///
/// # Errors
/// When contexts, options or folder fail.
pub fn command(args: &Args, now: Timestamp) -> Result<()> {
    let options = match &args.options {
        None => WriteOptions::default(),
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
            toml::from_str(&text).with_context(|| format!("`{}` holds no settings of a writer", file.display()))?
        }
    };
    let [contexts, _] = coverage::contexts(&args.contexts)?;
    if args.lessons {
        for lesson in lessons::of(&contexts, options.seed)?.lessons {
            println!("{}", json!({ "prompt": lesson.prompt, "text": lesson.text }));
        }
        return Ok(());
    }
    let (path, written) = run(&contexts, &args.out, &options, now, &mut super::bar())?;
    for epoch in &written.epochs {
        println!("epoch {:2}   loss {:.4}", epoch.epoch, epoch.loss);
    }
    println!("{} weights, {} lessons too long\nwritten to {}", written.parameters, written.left_out, path.display());
    Ok(())
}

/// Trains on `contexts`, and writes `<out>/summary-writer/<version>`.
///
/// # Errors
/// When the contexts, the training or the folder fails, or it was cancelled; nothing is left behind.
pub fn run(
    contexts: &[Value],
    out: &Path,
    options: &WriteOptions,
    now: Timestamp,
    progress: &mut Progress<'_>,
) -> Result<(PathBuf, Written)> {
    let lessons = lessons::of(contexts, options.seed)?;
    let written = train(&lessons.lessons, &lessons.slots, options, progress)?;
    let path = write(out, &lessons, options, now, &written)?;
    Ok((path, written))
}

fn write(out: &Path, lessons: &Lessons, options: &WriteOptions, now: Timestamp, written: &Written) -> Result<PathBuf> {
    let data: Vec<[&str; 2]> = lessons.lessons.iter().map(|l| [l.prompt.as_str(), l.text.as_str()]).collect();
    let data_digest = artifact::sha256_hex(serde_json::to_string(&data)?.as_bytes());
    let settings = serde_json::to_string(options)?;
    let identity = artifact::sha256_hex(format!("{data_digest} {settings}").as_bytes());
    let day = now.to_zoned(TimeZone::UTC).strftime("%Y%m%d").to_string();
    let version = format!("{day}-{}", &identity[..8]);
    let last = written.epochs.last().context("no epoch was trained")?;
    let manifest = Manifest {
        name: "summary-writer".to_owned(),
        version: version.clone(),
        kind: KIND.to_owned(),
        created_at: now.to_string(),
        data_digest,
        data_window: None,
        schema_version: format!("frames/{}", frames()?.version),
        seed: options.seed,
        code_version: env!("CARGO_PKG_VERSION").to_owned(),
        trained_by: Some("project".to_owned()),
        licence: "MIT OR Apache-2.0".to_owned(),
        source: "trained from nothing on the authored summaries and the frame file".to_owned(),
        metrics: BTreeMap::from([("training_loss".to_owned(), last.loss)]),
        files: Vec::new(),
    };
    let report = json!({
        "options": options, "epochs": written.epochs, "lessons": lessons.lessons.len(), "by_hand": lessons.by_hand,
        "left_out": written.left_out, "parameters": written.parameters,
    });
    let report = format!("{report:#}\n");
    let card = card(&version, lessons, options, written);
    let files: [(&str, &[u8]); 6] = [
        ("model.safetensors", &written.weights),
        ("config.json", written.config.as_bytes()),
        ("tokenizer.json", written.tokenizer.as_bytes()),
        ("chat_template.jinja", TEMPLATE.as_bytes()),
        ("metrics.json", report.as_bytes()),
        ("CARD.md", card.as_bytes()),
    ];
    Ok(artifact::write_version(out, manifest, &files)?)
}

fn card(version: &str, lessons: &Lessons, options: &WriteOptions, written: &Written) -> String {
    let shape = options.shape;
    format!(
        "# summary-writer {version}\n\n\
        **What it is.** A small decoder (llama architecture, {} layers of width {}, {} weights in half precision, {} byte-level tokens)\n\
        that chooses, under the grammar of a brief, in which order, in which pieces and in which words the facts of a summary are said.\n\n\
        **Origin.** Trained from nothing by `holdfast train writer` on {} lessons: of the authored contexts of `datasets/summaries` up to\n\
        number 119 and of made-up cases, what the frame file allows, and of it what is nearest to what was written by hand (pairs of words,\n\
        order of facts), repeats itself least and is short; beside them {} summaries by hand with slots in the place of values. A lesson\n\
        holds no value. The held-out contexts are in none. Settings and every epoch stand in `metrics.json`.\n\n\
        **Used for.** Wording the headline of summaries, where `models.writer` names its directory. What it chooses passes the same check\n\
        as the plain text, so a bad choice costs style and never truth.\n\n\
        **Limits.** It cannot write anything freely, in no language. It sees which facts there are and no value, so it does not know which\n\
        of them matter. Its preferences are those of one author and of a rule that compares words. What it was measured to be worth stands\n\
        in `docs/MODELS.md`.\n",
        shape.layers,
        shape.width,
        written.parameters,
        options.vocabulary,
        lessons.lessons.len() - written.left_out,
        lessons.by_hand,
    )
}
