//! `holdfast evaluate intents`: heads on sets of labelled texts, by the encoder and the trainers that messages have.
//!
//! Guarantees: fitted and tuned on the training file only; penalty, mixture and temperatures are chosen on the validation file
//! where there is one, which is then fitted on by nothing, else within the training file; test and out-of-scope texts are
//! measured once; equal files, encoder, options and seed give equal figures on one machine. Test texts whose label the training
//! file does not have count as out of scope. Non-goals: keeping what was trained.

mod data;
mod members;
mod scope;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use holdfast_training::artifact::read_version;
use serde::Serialize;
use serde_json::json;

use crate::adapters::candle::BertEncoder;
use crate::commands::train::bar;
use crate::config::Config;
use data::Labelled;
use members::Study;
use scope::Scope;

/// Options of `holdfast evaluate intents`.
#[derive(clap::Args)]
pub struct Args {
    /// Labelled texts to train on: a label, a tab and a text in each line; plain or gzip, as all these files.
    #[arg(long)]
    train: PathBuf,
    /// Labelled texts to measure on.
    #[arg(long)]
    test: PathBuf,
    /// Labelled texts to choose settings on; a part of the training file where missing.
    #[arg(long)]
    valid: Option<PathBuf>,
    /// Texts that belong to no class, with any label or none.
    #[arg(long)]
    oos: Vec<PathBuf>,
    /// Version directory of the encoder; the shipped one where missing.
    #[arg(long)]
    encoder: Option<PathBuf>,
    /// Tune the encoder on the training file as well.
    #[arg(long)]
    tune: bool,
    /// TOML file with settings of the tuning; the defaults for what it leaves out.
    #[arg(long, requires = "tune")]
    options: Option<PathBuf>,
    /// Encoders to tune, each with another part of the training file left out; 5 for small files and 1 for large ones where
    /// missing.
    #[arg(long, requires = "tune")]
    members: Option<usize>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Everything that is read: training, validation, test and out-of-scope texts, one after another.
struct Set {
    classes: Vec<String>,
    texts: Vec<String>,
    /// Of the training, validation and test texts.
    labels: Vec<usize>,
    train: Range<usize>,
    valid: Range<usize>,
    test: Range<usize>,
    oos: Range<usize>,
}

/// What the heads came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Report {
    encoder: String,
    classes: usize,
    train: usize,
    test: usize,
    /// Each head alone, then all together.
    heads: Vec<Head>,
    /// Where there are out-of-scope texts.
    scope: Option<Scope>,
}

/// One head on the test texts.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Head {
    name: String,
    accuracy: f64,
    macro_f1: f64,
}

/// Trains, measures and prints.
///
/// # Errors
/// When a file or the encoder cannot be used, or training fails.
pub fn run(config: &Config, args: &Args) -> Result<()> {
    let set = Set::read(args)?;
    let dir = match &args.encoder {
        Some(dir) => dir.clone(),
        None => shipped(&config.models.shipped)?,
    };
    let encoder = BertEncoder::load(&dir, config.models.encoder_path)?;
    let mut bar = bar();
    let mut study = Study { set: &set, encoder: &encoder, seed: args.seed, progress: &mut bar };
    let mut heads = vec![("words and the encoder as it came".to_owned(), study.plain()?)];
    if args.tune {
        let tuned = study.tuned(&read_version(&dir)?, args.options.as_deref(), args.members)?;
        let mean = mean(&tuned.iter().collect::<Vec<_>>());
        heads.push((format!("words and {} tuned on the training file", counted(tuned.len())), mean));
    }
    let all = mean(&heads.iter().map(|(_, logits)| logits).collect::<Vec<_>>());
    let scope = scope::measure(&set, &all)?;
    if heads.len() > 1 {
        heads.push(("all of them, evenly".to_owned(), all));
    }
    let report = Report {
        encoder: encoder.version().to_owned(),
        classes: set.classes.len(),
        train: set.train.len(),
        test: set.test.len(),
        heads: heads.into_iter().map(|(name, logits)| set.measure(name, &logits)).collect(),
        scope,
    };
    if args.json {
        println!("{}", json!(report));
    } else {
        print!("{report}");
    }
    Ok(())
}

fn counted(members: usize) -> String {
    if members == 1 { "an encoder".to_owned() } else { format!("{members} encoders, each") }
}

/// The shipped encoder.
fn shipped(models: &Path) -> Result<PathBuf> {
    let folder = models.join("message-encoder");
    let listed = std::fs::read_dir(&folder).with_context(|| format!("`{}` cannot be listed", folder.display()))?;
    let found = listed.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).max();
    found.with_context(|| format!("`{}` has no version: give --encoder", folder.display()))
}

/// Logits of the texts after the training texts, one row a text.
type Logits = Vec<Vec<f64>>;

fn mean(members: &[&Logits]) -> Logits {
    let count = members.len() as f64;
    let texts = members.first().map_or(0, |first| first.len());
    let row = |text: usize| -> Vec<f64> {
        let classes = members.first().map_or(0, |first| first[text].len());
        (0..classes).map(|class| members.iter().map(|member| member[text][class]).sum::<f64>() / count).collect()
    };
    (0..texts).map(row).collect()
}

/// The most probable class, the first among equals.
fn answer(logits: &[f64]) -> usize {
    let better = |best: usize, at: usize| if logits[at] > logits[best] { at } else { best };
    (0..logits.len()).fold(0, better)
}

impl Set {
    fn read(args: &Args) -> Result<Set> {
        let mut train = data::labelled(&args.train)?;
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        train.iter().for_each(|row| *counts.entry(row.label.clone()).or_default() += 1);
        let classes: Vec<String> = counts.keys().cloned().collect();
        ensure!(classes.len() > 1, "`{}` has one label only: give at least two", args.train.display());
        // A class of one text is fitted on it and chosen on it: no fold may be without the class.
        let alone: Vec<Labelled> = train.iter().filter(|row| counts[&row.label] == 1).cloned().collect();
        train.extend(alone);
        let known = |row: &Labelled| classes.binary_search(&row.label).is_ok();
        let mut valid = args.valid.as_deref().map(data::labelled).transpose()?.unwrap_or_default();
        valid.retain(known);
        let (test, strange): (Vec<_>, Vec<_>) = data::labelled(&args.test)?.into_iter().partition(known);
        ensure!(!test.is_empty(), "no label of `{}` occurs in `{}`", args.test.display(), args.train.display());
        let mut oos: Vec<String> = strange.into_iter().map(|row| row.text).collect();
        for file in &args.oos {
            oos.extend(data::texts(file)?);
        }
        let ends = [train.len(), train.len() + valid.len(), train.len() + valid.len() + test.len()];
        let labelled: Vec<Labelled> = train.into_iter().chain(valid).chain(test).collect();
        let labels = labelled.iter().filter_map(|row| classes.binary_search(&row.label).ok()).collect();
        let texts: Vec<String> = labelled.into_iter().map(|row| row.text).chain(oos).collect();
        let (train, valid, test, oos) = (0..ends[0], ends[0]..ends[1], ends[1]..ends[2], ends[2]..texts.len());
        Ok(Set { classes, texts, labels, train, valid, test, oos })
    }

    /// The rows of `logits` that belong to a range of texts.
    fn of<'a>(&self, logits: &'a Logits, range: &Range<usize>) -> &'a [Vec<f64>] {
        &logits[range.start - self.train.end..range.end - self.train.end]
    }

    fn measure(&self, name: String, logits: &Logits) -> Head {
        let answers: Vec<usize> = self.of(logits, &self.test).iter().map(|row| answer(row)).collect();
        let truth = &self.labels[self.test.clone()];
        let hits = answers.iter().zip(truth).filter(|(answer, label)| answer == label).count();
        Head { name, accuracy: hits as f64 / truth.len() as f64, macro_f1: macro_f1(&answers, truth) }
    }
}

/// Mean F1 of the classes that occur or are answered.
fn macro_f1(answers: &[usize], truth: &[usize]) -> f64 {
    let mut classes: Vec<usize> = answers.iter().chain(truth).copied().collect();
    classes.sort_unstable();
    classes.dedup();
    let f1 = |class: &usize| {
        let of = |list: &[usize]| list.iter().filter(|one| *one == class).count();
        let hits = answers.iter().zip(truth).filter(|(answer, label)| *answer == class && *label == class).count();
        2.0 * hits as f64 / (of(answers) + of(truth)) as f64
    };
    classes.iter().map(f1).sum::<f64>() / classes.len() as f64
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Report { encoder, classes, train, test, heads, scope } = self;
        writeln!(f, "{classes} classes, {train} training and {test} test texts, encoder {encoder}\n")?;
        writeln!(f, "{:<52} {:>9} {:>9}", "", "accuracy", "macro F1")?;
        for Head { name, accuracy, macro_f1 } in heads {
            writeln!(f, "{name:<52} {accuracy:>9.4} {macro_f1:>9.4}")?;
        }
        scope.as_ref().map_or(Ok(()), |scope| write!(f, "\n{scope}"))
    }
}
