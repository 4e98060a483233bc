//! A model that words summaries, measured on the authored contexts: time, licence, and how its texts differ from the plain ones.
//!
//! Guarantees: what it chooses goes the way that it goes in the service, and a text that falls back counts as fallen back; with
//! `--pairs` the held-out texts are written for readers. Non-goals: whether a text reads well, which readers say.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::side_by_side::Pair;
use super::{Args, Counts, coverage, quantile, share, side_by_side};
use crate::adapters::candle::writer::CandleWriter;
use crate::app;
use crate::commands::explain::summary::id_of;
use crate::commands::train::writer::lessons;
use crate::config::models::Models;
use crate::flow::assess::summary::frames::{HEADLINE, frames};
use crate::flow::assess::summary::{self, MODEL, Reader, Summary, context, offer, wording};

/// What a writer came to on a set of contexts.
#[derive(Default, Serialize)]
struct Measured {
    name: &'static str,
    contexts: usize,
    sentences: usize,
    licensed: usize,
    whole: usize,
    changed: usize,
    reordered: usize,
    pieces: usize,
    wordings: usize,
    wordings_plain: usize,
    as_taught: usize,
    as_taught_plain: usize,
    words_p50: u64,
    words_p50_plain: u64,
    milliseconds_p50: u64,
    milliseconds_p95: u64,
    failures: Counts,
}

impl Measured {
    fn print(&self) {
        println!("{}: {} contexts", self.name, self.contexts);
        let line = |what: &str, part: usize, of: usize| println!("  {what:<46} {:.4} of {of}", share(part, of));
        line("its sentences that a frame licenses", self.licensed, self.sentences);
        line("summaries without a default sentence", self.whole, self.contexts);
        line("summaries that differ from the plain ones", self.changed, self.contexts);
        line("  in the order of what is said", self.reordered, self.contexts);
        line("  in what stands in one sentence", self.pieces, self.contexts);
        line("sentences worded as the teacher would", self.as_taught, self.sentences);
        line("  plain sentences that are", self.as_taught_plain, self.sentences);
        println!("  different wordings, its and the plain ones'    {}, {}", self.wordings, self.wordings_plain);
        println!("  words, median, its and the plain ones'         {}, {}", self.words_p50, self.words_p50_plain);
        println!(
            "  time, median and 95 %                          {}, {} ms",
            self.milliseconds_p50, self.milliseconds_p95
        );
        if !self.failures.0.is_empty() {
            println!("  failures: {}", self.failures.say());
        }
    }
}

/// Measures the writer in `dir`, and writes pairs where asked to.
pub(super) fn run(args: &Args, dir: &Path) -> Result<()> {
    let settings = Models { writer_digest: args.writer_digest.clone(), ..Models::default() };
    let mut writer = app::candle_writer(&settings, dir)?;
    let [seen, held] = coverage::contexts(&args.contexts)?;
    let teacher = lessons::teacher(&seen)?;
    let mut pairs = Vec::new();
    let mut measured = Vec::new();
    for (name, contexts) in [("authored", &seen), ("authored, held out", &held)] {
        pairs.clear();
        measured.push(measure(name, contexts, &mut writer, &teacher, &mut pairs)?);
    }
    if let (Some(file), Some(key)) = (&args.pairs, &args.key) {
        side_by_side::write(&pairs, (file, key), args.seed)?;
    }
    if args.json {
        println!("{}", json!(measured));
    } else {
        measured.iter().for_each(Measured::print);
    }
    Ok(())
}

fn measure(
    name: &'static str,
    contexts: &[Value],
    writer: &mut CandleWriter,
    teacher: &holdfast_training::language::write::teacher::Teacher,
    pairs: &mut Vec<Pair>,
) -> Result<Measured> {
    let mut found = Measured { name, contexts: contexts.len(), ..Measured::default() };
    let (mut times, mut words) = (Vec::new(), [Vec::new(), Vec::new()]);
    let mut wordings = [BTreeSet::new(), BTreeSet::new()];
    for context in contexts {
        let plain = context::summary(context, Reader { sees_finance: true })?;
        let (category, offer) = offer::of(frames()?, &plain).context("a context has no headline to word")?;
        let began = Instant::now();
        let chosen = match writer.choose(&offer.brief) {
            Ok(chosen) => chosen,
            Err(error) => {
                found.failures.add(&error);
                continue;
            }
        };
        times.push(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        for step in offer.taken(&chosen) {
            found.sentences += 1;
            let ledger = summary::Ledger::of(&plain.facts);
            let sentence = summary::sentence_of(frames()?, &step, &ledger);
            let licensed = sentence.is_some_and(|s| summary::verify_sentence(HEADLINE, &s, &plain.facts).is_ok());
            found.licensed += usize::from(licensed);
        }
        let (_, taught) = lessons::preferred(teacher, context)?;
        found.as_taught += chosen.iter().filter(|c| taught.contains(&(c.sentence, c.wording))).count();
        let plain_order = &offer.brief.orders[0];
        found.as_taught_plain += plain_order.iter().filter(|at| taught.contains(&(**at, 0))).count();
        let worded = wording::taken(plain.clone(), (category, &offer), &chosen, "measured".to_owned())?;
        found.whole += usize::from(worded.model != MODEL && worded.verdicts.is_empty());
        found.tell(&plain, &worded);
        for (at, summary) in [&worded, &plain].into_iter().enumerate() {
            words[at].push(summary.text.split_whitespace().count() as u64);
            let steps = summary.plan.iter().filter(|step| step.section == HEADLINE);
            wordings[at].extend(steps.map(|step| (step.frame.clone(), step.variant)));
        }
        pairs.push(Pair {
            id: id_of(context).as_str().unwrap_or_default().to_owned(),
            facts: json!({ "facts": context["facts"], "messages": context["messages"] }),
            plain: plain.text,
            worded: worded.text,
        });
    }
    [found.wordings, found.wordings_plain] = wordings.map(|wordings| wordings.len());
    [found.words_p50, found.words_p50_plain] = words.map(|mut words| quantile(&mut words, 0.5));
    (found.milliseconds_p50, found.milliseconds_p95) = (quantile(&mut times, 0.5), quantile(&mut times, 0.95));
    Ok(found)
}

impl Measured {
    /// In what a summary differs from the plain one.
    fn tell(&mut self, plain: &Summary, worded: &Summary) {
        let frames = |summary: &Summary| summary.headline.iter().map(|s| s.frame.clone()).collect::<Vec<_>>();
        let (ours, theirs) = (frames(worded), frames(plain));
        let sorted = |frames: &Vec<String>| frames.iter().cloned().collect::<BTreeSet<_>>();
        let same_pieces = sorted(&ours) == sorted(&theirs);
        self.changed += usize::from(worded.text != plain.text);
        self.pieces += usize::from(!same_pieces);
        self.reordered += usize::from(same_pieces && ours != theirs);
    }
}
