//! What a writer may choose from: the sentences of a headline in their wordings, and the orders in which they make a text.
//!
//! Frames of the plain plan may change places (`orders` of the frame file), two may become the frame that joins them, and a
//! joined one its parts (`joins`). Guarantees: every order cites exactly the facts that the plain plan cites and has a licensed
//! length; wordings hold slots and no value; what is repeated shows whether it is said once or several times, not how often.
//! Non-goals: judging what was chosen, which `verify` does.

use std::collections::BTreeSet;

use super::Summary;
use super::frames::{Frame, Frames, HEADLINE, Headline, Segment, repeats};
use super::ledger::Ledger;
use super::plan::{self, Step, applies};
use crate::domain::case::Category;
use crate::ports::language::{Brief, Chosen};

/// A brief, and what its sentences are.
#[derive(Clone, Debug)]
pub struct Offer {
    /// What the writer is given.
    pub brief: Brief,
    /// The step of each sentence, in its plain wording.
    pub steps: Vec<Step>,
}

impl Offer {
    /// The headline of what a writer chose; the plain order, or a plain wording, where it is none of the offered ones.
    #[must_use]
    pub fn taken(&self, chosen: &[Chosen]) -> Vec<Step> {
        let order: Vec<usize> = chosen.iter().map(|chosen| chosen.sentence).collect();
        if !self.brief.orders.contains(&order) {
            let plain = self.brief.orders.first().into_iter().flatten();
            return plain.map(|&at| self.steps[at].clone()).collect();
        }
        let step = |Chosen { sentence, wording }: &Chosen| {
            let there = *wording < self.brief.sentences[*sentence].len();
            Step { variant: if there { *wording } else { 0 }, ..self.steps[*sentence].clone() }
        };
        chosen.iter().map(step).collect()
    }
}

/// What may be chosen for the headline of a summary, with its category; `None` where it has no sentence.
#[must_use]
pub fn of(frames: &Frames, summary: &Summary) -> Option<(Category, Offer)> {
    let ledger = Ledger::of(&summary.facts);
    let category = Category::parse(ledger.get("case.category")?.value.as_str()?)?;
    let headline = frames.headline(category)?;
    let plain = summary.plan.iter().filter(|step| step.section == HEADLINE);
    let plain: Vec<&Frame> = plain.filter_map(|step| frames.get(&step.frame)).collect();
    let mut offer = Offer { brief: Brief { sentences: Vec::new(), orders: Vec::new() }, steps: Vec::new() };
    let mut known: Vec<&str> = Vec::new();
    for order in orders(frames, (category, headline), &ledger, &plain) {
        let mut places = Vec::new();
        for frame in order {
            places.push(known.iter().position(|id| *id == frame.id).unwrap_or(known.len()));
            if places.last() == Some(&known.len()) {
                known.push(&frame.id);
                offer.brief.sentences.push(frame.says.iter().map(|says| seen(says, None, &ledger)).collect());
                offer.steps.push(step(frame));
            }
        }
        offer.brief.orders.push(places);
    }
    (!plain.is_empty()).then_some((category, offer))
}

fn step(frame: &Frame) -> Step {
    Step { section: HEADLINE.to_owned(), frame: frame.id.clone(), variant: 0, number: None }
}

/// Every order of sentences that says what the plain one says, that one first.
fn orders<'a>(
    frames: &'a Frames,
    (category, headline): (Category, &Headline),
    ledger: &Ledger,
    plain: &[&'a Frame],
) -> Vec<Vec<&'a Frame>> {
    let mut pieces = vec![plain.to_vec()];
    for joined in frames.frames.iter().filter(|frame| frame.section == HEADLINE && !frame.joins.is_empty()) {
        let parts: Vec<&Frame> = joined.joins.iter().filter_map(|id| frames.get(id)).collect();
        let fit = |frame: &&Frame| applies(frame, category, None, |role| ledger.has(role));
        if !fit(&joined) || !parts.iter().all(fit) || cited(ledger, &[joined]) != cited(ledger, &parts) {
            continue;
        }
        let other = pieces.iter().filter_map(|piece| exchanged(piece, &parts, &[joined]));
        let parted = pieces.iter().filter_map(|piece| exchanged(piece, &[joined], &parts));
        let more: Vec<Vec<&Frame>> = other.chain(parted).collect();
        pieces.extend(more);
    }
    let [min, max] = frames.sentences;
    pieces.retain(|piece| (min..=max).contains(&piece.len()) || piece.len() == plain.len());
    let place = |frame: &Frame| {
        let named = |id: &String| headline.places.iter().position(|place| place.contains(id));
        named(&frame.id).or_else(|| frame.joins.iter().find_map(named)).unwrap_or(0)
    };
    let mut found: Vec<Vec<&Frame>> = Vec::new();
    for order in &frames.orders {
        for piece in &pieces {
            let mut sorted = piece.clone();
            sorted.sort_by_key(|frame| order.iter().position(|at| *at == place(frame)));
            if !found.iter().any(|other| ids(other) == ids(&sorted)) {
                found.push(sorted);
            }
        }
    }
    found
}

fn ids<'a>(frames: &[&'a Frame]) -> Vec<&'a str> {
    frames.iter().map(|frame| frame.id.as_str()).collect()
}

/// `piece` with `new` in the place of `old`; `None` where it has not all of them.
fn exchanged<'a>(piece: &[&'a Frame], old: &[&Frame], new: &[&'a Frame]) -> Option<Vec<&'a Frame>> {
    let is_old = |frame: &&Frame| old.iter().any(|old| old.id == frame.id);
    let at = piece.iter().position(is_old)?;
    let rest = |piece: &[&'a Frame]| piece.iter().copied().filter(|frame| !is_old(frame)).collect::<Vec<_>>();
    let (before, after) = (rest(&piece[..at]), rest(&piece[at..]));
    (before.len() + after.len() + old.len() == piece.len()).then(|| [&before[..], new, &after[..]].concat())
}

/// The facts that sentences cite together.
fn cited(ledger: &Ledger, said: &[&Frame]) -> Option<BTreeSet<String>> {
    let sentences = said.iter().map(|frame| plan::fill(frame, &step(frame), ledger));
    sentences.collect::<Option<Vec<_>>>().map(|filled| filled.into_iter().flat_map(|filled| filled.cited).collect())
}

/// A paraphrase as a writer sees it: slots as names in angle brackets, without what these facts do not say.
fn seen(segments: &[Segment], number: Option<usize>, ledger: &Ledger) -> String {
    let say = |segment: &Segment| match segment {
        Segment::Repeat(inner, _) => match repeats(inner, number, |role| ledger.has(role)).as_slice() {
            [] => String::new(),
            [number] => seen(inner, *number, ledger),
            _ => written(segment),
        },
        other => written(other),
    };
    segments.iter().map(say).collect()
}

/// A segment whatever the facts are.
fn written(segment: &Segment) -> String {
    match segment {
        Segment::Words(words) => words.clone(),
        Segment::Slot(role) => format!("<{role}>"),
        Segment::Repeat(inner, separator) => {
            format!("[{}|{separator}]", inner.iter().map(written).collect::<String>())
        }
    }
}
