//! Guarantee counts over random cases, random fact tables and every frame.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

use super::random::{Dice, Random, Scene, scene, table};
use super::{outside, quantile, scan, share};
use crate::domain::case::Category;
use crate::domain::decision::{RankedCase, Reason, Risk};
use crate::flow::assess::summary::frames::{Frames, HEADLINE, frames};
use crate::flow::assess::summary::{
    self, Deterministic, Fact, Ledger, MODEL, Reader, Summary, Wording, offer, plan, wording,
};
use crate::flow::decide::catalogue::{self, Catalogue};
use crate::flow::decide::rank::{Basis, Known, Subject, rank};
use crate::flow::services::Settings;
use crate::ports::language::Chosen;

/// What was counted.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Guarantees {
    cases: usize,
    summaries: usize,
    sentences: usize,
    unsupported_values: usize,
    unlicensed_sentences: usize,
    unverified_summaries: usize,
    message_bytes_outside_quotes: usize,
    citations: usize,
    citations_not_said: usize,
    tables: usize,
    table_sentences: usize,
    frames: usize,
    frames_said: usize,
    random_plans_refused: usize,
    microseconds_p50: u64,
    microseconds_p95: u64,
}

impl Guarantees {
    pub(super) fn broken(&self) -> usize {
        self.unsupported_values
            + self.unlicensed_sentences
            + self.unverified_summaries
            + self.message_bytes_outside_quotes
            + self.citations_not_said
    }

    pub(super) fn print(&self) {
        let Self { cases, summaries, sentences, tables, table_sentences, .. } = self;
        println!("guarantees");
        println!("  {cases} random cases, {summaries} summaries, two of three worded by chance: {sentences} sentences");
        println!("  {tables} random fact tables, every frame that they allow: {table_sentences} sentences");
        println!("  frames said                     {} of {}", self.frames_said, self.frames);
        println!("  unsupported values              {}", self.unsupported_values);
        println!("  unlicensed sentences            {}", self.unlicensed_sentences);
        println!("  summaries that do not verify    {}", self.unverified_summaries);
        println!("  message bytes outside quotes    {}", self.message_bytes_outside_quotes);
        let precision = 1.0 - share(self.citations_not_said, self.citations);
        println!("  citation precision              {precision:.4} of {}", self.citations);
        println!("  plans by chance that fell back  {}", self.random_plans_refused);
        println!("  a summary takes                 {} µs (p95 {} µs)", self.microseconds_p50, self.microseconds_p95);
    }

    fn judge(&mut self, summary: &Summary, frames: &Frames, canaries: &[String]) {
        self.summaries += 1;
        self.unverified_summaries += usize::from(summary::verify(summary).is_err());
        for (section, sentence) in sentences(summary) {
            self.sentences += 1;
            self.unsupported_values += scan(sentence, &summary.facts);
            let licensed = summary::verify_sentence(section, sentence, &summary.facts).is_ok();
            self.unlicensed_sentences += usize::from(!licensed);
            let ours = outside(&sentence.text);
            let leaked = canaries.iter().filter(|canary| ours.contains(*canary));
            self.message_bytes_outside_quotes += leaked.map(String::len).sum::<usize>();
            for fact in summary.facts.iter().filter(|fact| sentence.facts.contains(&fact.id)) {
                self.citations += 1;
                let rests = frames.get(&sentence.frame).is_some_and(|f| f.needs.iter().any(|need| is_role(need, fact)));
                self.citations_not_said += usize::from(!sentence.text.contains(&fact.rendering) && !rests);
            }
        }
    }
}

/// Every sentence with its section.
pub(super) fn sentences(summary: &Summary) -> impl Iterator<Item = (&str, &summary::Sentence)> {
    let headline = summary.headline.iter().map(|sentence| (HEADLINE, sentence));
    let sections = summary.sections.iter();
    headline.chain(sections.flat_map(|section| section.sentences.iter().map(|s| (section.name.as_str(), s))))
}

/// Whether a fact has the role that a frame names, whatever its number.
fn is_role(named: &str, fact: &Fact) -> bool {
    let plain = |part: &str| if part.chars().all(|c| c.is_ascii_digit()) { "*".to_owned() } else { part.to_owned() };
    let of = |role: &str| role.split('.').map(plain).collect::<Vec<_>>();
    of(named) == of(&fact.role)
}

/// The ranking of the built-in catalogue under a made-up risk.
pub(super) fn ranked(scene: &Scene, catalogue: &Catalogue) -> RankedCase {
    let settings = Settings::default();
    let basis = Basis { catalogue, effect: None, settings: &settings };
    let reason = Reason {
        feature: "shortfall_ratio".to_owned(),
        label: "share that stock cannot cover".to_owned(),
        value: 0.4.into(),
        typical: 0.into(),
        effect: 0.7,
    };
    let risk = Risk {
        miss_probability: 0.42,
        reasons: vec![reason],
        model: "miss-risk/sample".to_owned(),
        model_digest: "0".repeat(64),
        ships: None,
        ships_basis: None,
    };
    let category = scene.case.key.category;
    let subject = Subject { case_id: Some(scene.case.id), reference: None, category, due_at: scene.case.due_at };
    rank(&basis, &subject, (&scene.facts, Known::default()), Ok(risk))
}

/// The ledger of a scene.
pub(in crate::commands) fn ledger(scene: &Scene, catalogue: &Catalogue, sees_finance: bool) -> Ledger {
    let ranked = ranked(scene, catalogue);
    let Scene { case, facts, messages, now, .. } = scene;
    summary::ledger_of(case, facts, messages, Some(&ranked), &[], *now, Reader { sees_finance })
}

/// A summary in an order and in wordings that are offered to a writer, drawn by chance.
fn by_chance(dice: &mut Dice, plain: Summary) -> Result<Summary> {
    let Some((category, offer)) = offer::of(frames()?, &plain) else { return Ok(plain) };
    let order = dice.of(&offer.brief.orders).clone();
    let wordings = order.iter().map(|&at| (at, dice.roll(offer.brief.sentences[at].len())));
    let chosen: Vec<Chosen> = wordings.map(|(sentence, wording)| Chosen { sentence, wording }).collect();
    Ok(wording::taken(plain, (category, &offer), &chosen, "random offer/1".to_owned())?)
}

/// Counts over `cases` random cases and as many random tables.
pub(super) fn count(cases: usize, seed: u64) -> Result<Guarantees> {
    let (frames, catalogue) = (frames()?, Catalogue::load(catalogue::BUILT_IN)?);
    let (mut dice, random) = (Dice::new(seed), Random::new(seed));
    let mut found = Guarantees { cases, tables: cases, frames: frames.frames.len(), ..Guarantees::default() };
    let (mut said, mut times) = (BTreeSet::new(), Vec::new());
    for number in 0..cases {
        let category = Category::ALL[number % Category::ALL.len()];
        let scene = scene(&mut dice, category)?;
        let ledger = ledger(&scene, &catalogue, number % 2 == 0);
        let mut timed = |wording: &dyn Wording| {
            let began = Instant::now();
            let summary = summary::worded(category, &ledger, wording);
            times.push(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
            summary
        };
        let (plain, random) = (timed(&Deterministic)?, timed(&random)?);
        let by_chance = by_chance(&mut dice, plain.clone())?;
        found.random_plans_refused += [&random, &by_chance].iter().filter(|summary| summary.model == MODEL).count();
        for summary in [plain, random, by_chance] {
            found.judge(&summary, frames, &scene.canaries);
            said.extend(summary.plan.into_iter().map(|step| step.frame));
        }
        let ledger = table(&mut dice, frames, category);
        for step in plan::every(frames, category, &ledger) {
            let Some(sentence) = summary::sentence_of(frames, &step, &ledger) else { continue };
            found.table_sentences += 1;
            let licensed = summary::verify_sentence(&step.section, &sentence, ledger.facts()).is_ok();
            found.unlicensed_sentences += usize::from(!licensed);
            found.unsupported_values += scan(&sentence, ledger.facts());
            said.insert(step.frame);
        }
    }
    found.frames_said = said.len();
    (found.microseconds_p50, found.microseconds_p95) = (quantile(&mut times, 0.5), quantile(&mut times, 0.95));
    Ok(found)
}
