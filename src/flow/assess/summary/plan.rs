//! Plan and wording: which frames are said, in which paraphrase.
//!
//! Guarantees: a plan names only frames whose facts are there; what chooses ([`Wording`]) sees paraphrases with their
//! slots and never a value, and can only answer with a number; a number that is out of range is the default. Equal facts
//! and equal choices give equal plans. Non-goals: judging the text, see `verify`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::frames::{Frame, Frames, HEADLINE, SECTIONS, Segment, numbered, repeats};
use super::ledger::{Fact, Ledger};
use crate::domain::case::Category;

/// Picks among licensed words.
pub trait Wording: Send + Sync {
    /// What it is, for the summary's `model`.
    fn name(&self) -> String;

    /// One of `options`, paraphrases with `{role}` slots, by its place; the default is 0.
    fn pick(&self, options: &[&str]) -> usize;
}

/// Always the default: byte-equal text for equal facts.
#[derive(Clone, Copy, Debug)]
pub struct Deterministic;

impl Wording for Deterministic {
    fn name(&self) -> String {
        super::MODEL.to_owned()
    }

    fn pick(&self, _options: &[&str]) -> usize {
        0
    }
}

/// One sentence of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SummaryStep)]
pub struct Step {
    /// Section, or `headline`.
    pub section: String,
    /// The frame.
    pub frame: String,
    /// Which paraphrase, from 0.
    pub variant: usize,
    /// The number that `*` stands for, where the frame is said once for each.
    pub number: Option<usize>,
}

/// Whether a frame's facts are there.
pub(super) fn applies(frame: &Frame, category: Category, number: Option<usize>, has: impl Fn(&str) -> bool) -> bool {
    frame.is_for(category)
        && frame.needs.iter().all(|role| has(&numbered(role, number)))
        && !frame.lacks.iter().any(|role| has(&numbered(role, number)))
}

/// The plan of a case.
#[must_use]
pub fn plan(frames: &Frames, category: Category, ledger: &Ledger, wording: &dyn Wording) -> Vec<Step> {
    let mut steps = headline(frames, category, ledger, wording);
    for section in SECTIONS {
        for frame in frames.frames.iter().filter(|frame| frame.section == section) {
            let numbers = numbers(frame, category, |role| ledger.has(role));
            steps.extend(numbers.into_iter().map(|number| step(section, frame, number, wording)));
        }
    }
    steps
}

/// Every frame that the facts allow, in each of its paraphrases.
#[must_use]
pub fn every(frames: &Frames, category: Category, ledger: &Ledger) -> Vec<Step> {
    let mut steps = Vec::new();
    for frame in &frames.frames {
        for number in numbers(frame, category, |role| ledger.has(role)) {
            let (section, frame_id) = (&frame.section, &frame.id);
            let step = |variant| Step { section: section.clone(), frame: frame_id.clone(), variant, number };
            steps.extend((0..frame.says.len()).map(step));
        }
    }
    steps
}

/// The numbers for which a frame is said; one `None` where it has none.
pub(super) fn numbers(frame: &Frame, category: Category, has: impl Fn(&str) -> bool) -> Vec<Option<usize>> {
    let fits = |number: Option<usize>| applies(frame, category, number, &has);
    if frame.is_numbered() {
        (1..).map(Some).take_while(|number| fits(*number)).collect()
    } else {
        fits(None).then_some(None).into_iter().collect()
    }
}

fn headline(frames: &Frames, category: Category, ledger: &Ledger, wording: &dyn Wording) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut covered: Vec<&str> = Vec::new();
    for place in frames.headline(category).into_iter().flat_map(|headline| &headline.places) {
        let named = place.iter().filter_map(|id| frames.get(id));
        let fits: Vec<&Frame> = named
            .filter(|frame| !covered.contains(&frame.id.as_str()))
            .filter(|frame| applies(frame, category, None, |role| ledger.has(role)))
            .collect();
        let defaults: Vec<&str> = fits.iter().map(|frame| frame.written[0].as_str()).collect();
        let Some(frame) = fits.get(picked(wording, &defaults)) else { continue };
        covered.extend(frame.covers.iter().map(String::as_str));
        steps.push(step(HEADLINE, frame, None, wording));
    }
    steps
}

fn picked(wording: &dyn Wording, options: &[&str]) -> usize {
    if options.len() < 2 { 0 } else { Some(wording.pick(options)).filter(|at| *at < options.len()).unwrap_or(0) }
}

fn step(section: &str, frame: &Frame, number: Option<usize>, wording: &dyn Wording) -> Step {
    let options: Vec<&str> = frame.written.iter().map(String::as_str).collect();
    let variant = picked(wording, &options);
    Step { section: section.to_owned(), frame: frame.id.clone(), variant, number }
}

/// Words with their citations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) text: String,
    pub(super) cited: Vec<String>,
}

/// The sentence of a step; `None` where a fact is missing.
pub(super) fn fill(frame: &Frame, step: &Step, ledger: &Ledger) -> Option<Filled> {
    let mut filled = Filled { text: String::new(), cited: Vec::new() };
    write(&mut filled, frame.says.get(step.variant)?, step.number, ledger)?;
    for role in &frame.needs {
        cite(&mut filled.cited, ledger.get(&numbered(role, step.number))?);
    }
    Some(filled)
}

fn write(filled: &mut Filled, segments: &[Segment], number: Option<usize>, ledger: &Ledger) -> Option<()> {
    for segment in segments {
        match segment {
            Segment::Words(words) => filled.text.push_str(words),
            Segment::Slot(role) => {
                let fact = ledger.get(&numbered(role, number))?;
                filled.text.push_str(&fact.rendering);
                cite(&mut filled.cited, fact);
            }
            Segment::Repeat(inner, separator) => {
                for (at, number) in repeats(inner, number, |role| ledger.has(role)).into_iter().enumerate() {
                    if at > 0 {
                        filled.text.push_str(separator);
                    }
                    write(filled, inner, number, ledger)?;
                }
            }
        }
    }
    Some(())
}

fn cite(cited: &mut Vec<String>, fact: &Fact) {
    if !cited.contains(&fact.id) {
        cited.push(fact.id.clone());
    }
}
