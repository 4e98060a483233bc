//! `holdfast evaluate summaries`: what the summaries guarantee, counted, and what they cover, measured.
//!
//! Guarantees: everything that is random comes of the seed; guarantee counts are judged by a scan of its own beside the
//! verifier ([`scan`]); of the authored contexts those from 120 on are held out, and texts written by hand are only
//! measured. Exit code 3 where a guarantee count is not nought. Non-goals: prose; whether a text reads well is for readers.

mod adversarial;
pub(in crate::commands) mod coverage;
pub(in crate::commands) mod guarantees;
mod mutate;
pub(in crate::commands) mod random;
mod side_by_side;
mod writer;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use crate::commands::Refused;
use crate::flow::assess::summary::{Fact, Sentence};

/// Options of `holdfast evaluate summaries`.
#[derive(clap::Args)]
pub struct Args {
    /// Folder of authored contexts.
    #[arg(long, default_value = "datasets/summaries")]
    contexts: PathBuf,
    /// Contexts of another hand, as JSON lines.
    #[arg(long)]
    samples: Option<PathBuf>,
    /// Random cases.
    #[arg(long, default_value_t = 2000)]
    cases: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Directory of a model that words summaries: measures it instead, on the authored contexts.
    #[arg(long)]
    writer: Option<PathBuf>,
    /// SHA-256 that the directory must have, where it is no shipped version.
    #[arg(long, requires = "writer")]
    writer_digest: Option<String>,
    /// Write both texts of every held-out context to this file, in random order, for readers who choose.
    #[arg(long, requires_all = ["writer", "key"])]
    pairs: Option<PathBuf>,
    /// Which text of a pair is whose: written with `--pairs`, read with `--answers`.
    #[arg(long)]
    key: Option<PathBuf>,
    /// Answers of readers, a line each: `{"id": "a-120", "choice": "a"}`, or `b`, or `tie`. Prints how often the writer was preferred.
    #[arg(long, requires = "key", conflicts_with = "writer")]
    answers: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Measures summaries.
///
/// # Errors
/// When contexts cannot be read; [`Refused`] when a guarantee does not hold.
pub fn run(args: &Args) -> Result<()> {
    if let (Some(answers), Some(key)) = (&args.answers, &args.key) {
        return side_by_side::print(answers, key);
    }
    if let Some(dir) = &args.writer {
        return writer::run(args, dir);
    }
    let guarantees = guarantees::count(args.cases, args.seed)?;
    let mutations = mutate::count(args.cases.min(200), args.seed)?;
    let adversarial = adversarial::count()?;
    let (contexts, hand) = coverage::authored(&args.contexts)?;
    let samples = args.samples.as_deref().map(coverage::samples).transpose()?;
    let broken = guarantees.broken() + adversarial.broken() + mutations.broken();
    if args.json {
        println!(
            "{}",
            json!({ "guarantees": guarantees, "mutations": mutations, "adversarial": adversarial, "contexts": contexts,
                "by_hand": hand, "samples": samples })
        );
    } else {
        guarantees.print();
        mutations.print();
        adversarial.print();
        contexts.iter().chain(&samples).for_each(coverage::Coverage::print);
        hand.print();
    }
    if broken == 0 {
        return Ok(());
    }
    Err(Refused(format!("{broken} guarantee counts that must be nought are not")).into())
}

/// Values outside of quotes that none of the cited facts has, and quotes that none of them is: found without the frames.
fn scan(sentence: &Sentence, facts: &[Fact]) -> usize {
    let cited: Vec<&str> =
        facts.iter().filter(|fact| sentence.facts.contains(&fact.id)).map(|fact| fact.rendering.as_str()).collect();
    let known: Vec<(bool, &str)> = cited.iter().flat_map(|rendering| parts(rendering)).collect();
    let said = |quoted: bool, token: &str| {
        known
            .iter()
            .any(|(q, text)| *q == quoted && if quoted { *text == token } else { words(text).any(|w| w == token) })
    };
    let mut faults = 0;
    for (at, (quoted, text)) in parts(&sentence.text).into_iter().enumerate() {
        if quoted {
            faults += usize::from(!said(true, text));
            continue;
        }
        let valued = |token: &str| token.chars().any(|c| c.is_numeric() || c.is_uppercase());
        let first = |index: usize, token: &str| at == 0 && index == 0 && !token.chars().any(char::is_numeric);
        let values = words(text).enumerate().filter(|(index, token)| valued(token) && !first(*index, token));
        faults += values.filter(|(_, token)| !said(false, token)).count();
    }
    faults
}

/// The runs inside (`true`) and outside of quotation marks.
fn parts(text: &str) -> Vec<(bool, &str)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once('“') {
        let (inside, after) = tail.split_once('”').unwrap_or((tail, ""));
        parts.push((false, before));
        parts.push((true, inside));
        rest = after;
    }
    parts.push((false, rest));
    parts
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let edge = |c: char| matches!(c, '.' | ',' | ';' | ':' | '(' | ')' | '?' | '!');
    text.split_whitespace().map(move |token| token.trim_matches(edge)).filter(|token| !token.is_empty())
}

/// The text outside of quotation marks.
fn outside(text: &str) -> String {
    parts(text).into_iter().filter(|(quoted, _)| !quoted).map(|(_, text)| text).collect::<Vec<_>>().join(" ")
}

/// The value below which `share` of them lie; 0 of none.
fn quantile(values: &mut [u64], share: f64) -> u64 {
    values.sort_unstable();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place")]
    let at = (share * values.len().saturating_sub(1) as f64).round() as usize;
    values.get(at).copied().unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of sentences")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Reasons with how often each was given.
#[derive(Clone, Debug, Default, Serialize)]
struct Counts(BTreeMap<String, usize>);

impl Counts {
    fn add(&mut self, what: &str) {
        *self.0.entry(what.to_owned()).or_default() += 1;
    }

    fn say(&self) -> String {
        self.0.iter().map(|(what, count)| format!("{what} {count}")).collect::<Vec<_>>().join(", ")
    }
}
