//! Coverage of authored contexts: what had to be mentioned, and how long the text is.
//!
//! Guarantees: contexts numbered from 120 on are held out and counted apart; a mention is the author's own string, compared
//! without case and without separators of thousands. Non-goals: whether a paraphrase would count.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::Value;

use super::{Counts, outside, quantile, share};
use crate::commands::explain::summary::id_of;
use crate::flow::assess::summary::lexicon::{self, Reason};
use crate::flow::assess::summary::{self, Reader, Sentence, Summary, context};

/// Contexts from this number on are held out.
const HELD_OUT: u32 = 120;
const FILES: [&str; 3] = ["stock-and-address.jsonl", "money.jsonl", "movement.jsonl"];

/// What a set of contexts came to.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Coverage {
    name: String,
    contexts: usize,
    verified: usize,
    required: usize,
    required_said: usize,
    mentions: usize,
    mentions_said: usize,
    told: usize,
    told_said: usize,
    false_claims: usize,
    false_claims_in_quotes: usize,
    words_p50: u64,
    words_p90: u64,
    sentences: Counts,
    microseconds_p95: u64,
    missed: Vec<String>,
}

impl Coverage {
    pub(super) fn print(&self) {
        let Self { name, contexts, verified, .. } = self;
        println!("{name}: {contexts} contexts, {verified} summaries verify");
        let line = |what: &str, said: usize, of: usize| println!("  {what:<46} {:.4} of {of}", share(said, of));
        line("required facts of the frame file", self.required_said, self.required);
        line("mentions that stand in facts or messages", self.told_said, self.told);
        line("mentions, all (sums and judgements too)", self.mentions_said, self.mentions);
        println!(
            "  false claims outside of quotes, within quotes  {}, {}",
            self.false_claims, self.false_claims_in_quotes
        );
        println!("  words, median and 90 %                         {}, {}", self.words_p50, self.words_p90);
        println!("  sentences                                      {}", self.sentences.say());
        println!("  time, 95 %                                     {} µs", self.microseconds_p95);
        if !self.missed.is_empty() {
            println!("  missed: {}", self.missed.join("; "));
        }
    }
}

/// What the check says of sentences that people wrote.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct ByHand {
    sentences: usize,
    licensed: usize,
    values_all_known: usize,
    reasons: Counts,
}

impl ByHand {
    pub(super) fn print(&self) {
        println!("sentences written by hand: {}", self.sentences);
        println!("  licensed by a frame                            {:.4}", share(self.licensed, self.sentences));
        println!(
            "  refused for their wording only                 {:.4}",
            share(self.values_all_known, self.sentences)
        );
        println!("  first reason of each refusal: {}", self.reasons.say());
    }
}

pub(super) fn lines(path: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| serde_json::from_str(line).with_context(|| path.display().to_string())).collect()
}

/// The authored contexts to write by, with their summaries by hand, and those that are held out.
pub(in crate::commands) fn contexts(folder: &Path) -> Result<[Vec<Value>; 2]> {
    let mut contexts = Vec::new();
    for file in FILES {
        contexts.extend(lines(&folder.join(file))?);
    }
    let number = |context: &Value| {
        let id = context["id"].as_str().unwrap_or_default();
        id.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0)
    };
    let (held, seen) = contexts.into_iter().partition(|c| number(c) >= HELD_OUT);
    Ok([seen, held])
}

/// What the authored contexts came to, and their summaries by hand.
pub(super) fn authored(folder: &Path) -> Result<(Vec<Coverage>, ByHand)> {
    let [seen, held] = contexts(folder)?;
    let mut hand = ByHand::default();
    held.iter().chain(&seen).try_for_each(|context| by_hand(&mut hand, context))?;
    Ok((vec![measure("authored", &seen)?, measure("authored, held out", &held)?], hand))
}

/// Contexts of another hand.
pub(super) fn samples(path: &Path) -> Result<Coverage> {
    measure("samples", &lines(path)?)
}

fn measure(name: &str, contexts: &[Value]) -> Result<Coverage> {
    let mut found = Coverage { name: name.to_owned(), contexts: contexts.len(), ..Coverage::default() };
    let (mut words, mut times) = (Vec::new(), Vec::new());
    for context in contexts {
        let began = Instant::now();
        let summary = context::summary(context, Reader { sees_finance: true })?;
        times.push(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
        words.push(summary.text.split_whitespace().count() as u64);
        found.sentences.add(&summary.headline.len().to_string());
        found.verified += usize::from(summary::verify(&summary).is_ok());
        required(&mut found, &summary);
        mentions(&mut found, context, &summary.text);
    }
    (found.words_p50, found.words_p90) = (quantile(&mut words, 0.5), quantile(&mut words, 0.9));
    found.microseconds_p95 = quantile(&mut times, 0.95);
    Ok(found)
}

fn required(found: &mut Coverage, summary: &Summary) {
    let Ok(frames) = summary::frames::frames() else { return };
    let fact = |role: &str| summary.facts.iter().find(|fact| fact.role == role);
    let category = fact("case.category").and_then(|fact| fact.value.as_str()).unwrap_or_default();
    let cited: BTreeSet<&String> = summary.headline.iter().flat_map(|sentence| &sentence.facts).collect();
    for role in frames.headlines.get(category).into_iter().flat_map(|headline| &headline.required) {
        if let Some(fact) = fact(role) {
            found.required += 1;
            found.required_said += usize::from(cited.contains(&fact.id));
        }
    }
}

fn mentions(found: &mut Coverage, context: &Value, text: &str) {
    let strings = |member: &str| -> Vec<String> {
        let list = context[member].as_array().into_iter().flatten();
        list.filter_map(|value| value.as_str().map(plain)).collect()
    };
    let (said, told) = (plain(text), plain(&format!("{} {}", context["facts"], context["messages"])));
    for mention in strings("must_mention") {
        let is_said = said.contains(&mention);
        found.mentions += 1;
        found.mentions_said += usize::from(is_said);
        if told.contains(&mention) {
            found.told += 1;
            found.told_said += usize::from(is_said);
            if !is_said {
                found.missed.push(format!("{} `{mention}`", id_of(context)));
            }
        }
    }
    let ours = plain(&outside(text));
    for claim in strings("must_not_say") {
        let (out, all) = (ours.contains(&claim), said.contains(&claim));
        found.false_claims += usize::from(out);
        found.false_claims_in_quotes += usize::from(all && !out);
    }
}

/// Lower case, plain quotation marks, no separators of thousands.
fn plain(text: &str) -> String {
    let chars: Vec<char> = text.to_lowercase().replace(['“', '”'], "\"").replace("\\\"", "\"").chars().collect();
    let digit = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(char::is_ascii_digit);
    let keep = |(at, c): (usize, &char)| !(*c == ',' && digit(at.checked_sub(1)) && digit(Some(at + 1)));
    chars.iter().enumerate().filter(|(at, c)| keep((*at, *c))).map(|(_, c)| *c).collect()
}

fn by_hand(found: &mut ByHand, context: &Value) -> Result<()> {
    let compiled = context::compile(context, Reader { sees_finance: true })?;
    let facts = compiled.ledger.facts();
    let renderings: Vec<&str> = facts.iter().map(|fact| fact.rendering.as_str()).collect();
    let text = context["summary"].as_str().unwrap_or_default();
    for written in text.split_inclusive(". ").map(str::trim).filter(|text| !text.is_empty()) {
        found.sentences += 1;
        let sentence = Sentence {
            text: written.to_owned(),
            facts: facts.iter().map(|fact| fact.id.clone()).collect(),
            frame: String::new(),
            basis: summary::Basis::Fact,
        };
        match summary::verify_sentence(summary::frames::HEADLINE, &sentence, facts) {
            Err(summary::VerifyError::Unlicensed { .. }) => {
                let reason = lexicon::reason(written, &renderings);
                let wording = matches!(reason, Reason::Wording | Reason::Status | Reason::Negation);
                found.values_all_known += usize::from(wording);
                found.reasons.add(&format!("{reason:?}").to_lowercase());
            }
            _ => found.licensed += 1,
        }
    }
    Ok(())
}
