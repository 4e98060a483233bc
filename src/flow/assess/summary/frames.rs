//! The frame file: what may be said, in which words, under which facts.
//!
//! A frame has a section, the categories that it is for, facts that must be there (`needs`) or must not (`lacks`) and
//! paraphrases. In a paraphrase `{role}` stands for the rendering of that fact; a `*` in a role outside of brackets makes
//! one sentence for each number from 1; `[…|separator]` repeats what it holds for each number from 1 whose facts are there,
//! or says it once where it has no `*`; it may be empty.
//!
//! Guarantees, checked when it is loaded: at least [`PARAPHRASES_MIN`] paraphrases a frame, all with the same slots (so a
//! choice of words changes no citation); words outside of slots hold no digit, number word, month, currency or capital but
//! the first; whatever a headline names exists. Non-goals: choosing, see `plan`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::Deserialize;

use super::lexicon;
use crate::domain::case::Category;
use crate::domain::digest;

/// Fewest paraphrases of a frame.
pub const PARAPHRASES_MIN: usize = 4;

/// Section of the sentences that stand at the top.
pub const HEADLINE: &str = "headline";

/// Sections in the order in which they are read.
pub const SECTIONS: [&str; 8] =
    ["situation", "impact", "cause", "messages", "options", "recommendation", "unknown", "deadline"];

/// A piece of a paraphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Our words.
    Words(String),
    /// The rendering of the fact in a role; `*` is a number.
    Slot(String),
    /// For each number from 1 whose slots are all there, with words between.
    Repeat(Vec<Segment>, String),
}

/// A frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its name.
    pub id: String,
    /// Where it may be said.
    pub section: String,
    /// Categories that it is for; empty for every one.
    pub categories: Vec<Category>,
    /// Roles that must have a fact; they are cited too.
    pub needs: Vec<String>,
    /// Roles that must have none.
    pub lacks: Vec<String>,
    /// Frames of later places that it makes needless.
    pub covers: Vec<String>,
    /// Frames of the same section that it says in one sentence, where it cites no less than they do.
    pub joins: Vec<String>,
    /// Whether it says that something is so, or that it is not.
    pub polarity: Polarity,
    /// Paraphrases; the first is the default.
    pub says: Vec<Vec<Segment>>,
    /// The same as written.
    pub written: Vec<String>,
}

/// Whether a frame affirms or denies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Polarity {
    /// It says that something is so.
    #[default]
    Affirms,
    /// It says that something is not so, or not known.
    Denies,
}

impl Frame {
    /// Whether a sentence is made for each number.
    #[must_use]
    pub fn is_numbered(&self) -> bool {
        self.needs.iter().any(|role| role.contains('*'))
    }

    /// Whether it is for a category.
    #[must_use]
    pub fn is_for(&self, category: Category) -> bool {
        self.categories.is_empty() || self.categories.contains(&category)
    }
}

/// The headline of a category.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Headline {
    /// Place by place, the frames of which the first that applies is the default.
    pub places: Vec<Vec<String>>,
    /// Roles that must be cited where they have a fact.
    pub required: Vec<String>,
}

/// The whole file.
#[derive(Clone, Debug)]
pub struct Frames {
    /// Its version.
    pub version: String,
    /// SHA-256 of the file.
    pub digest: String,
    /// Fewest and most sentences of a headline.
    pub sentences: [usize; 2],
    /// Roles whose change calls for another reading before a vote.
    pub material: Vec<String>,
    /// Roles that run by the clock: a summary is not made again for these.
    pub clock: Vec<String>,
    /// Orders in which the places of a headline may be said, the plain one first.
    pub orders: Vec<Vec<usize>>,
    /// Headlines by category.
    pub headlines: BTreeMap<String, Headline>,
    /// Frames in the order of the file.
    pub frames: Vec<Frame>,
}

/// What is wrong with a frame file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("frame file: {0}")]
pub struct FramesError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    sentences: [usize; 2],
    material: Vec<String>,
    clock: Vec<String>,
    orders: Vec<Vec<usize>>,
    headline: BTreeMap<String, Headline>,
    frame: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    section: String,
    #[serde(default)]
    categories: Vec<Category>,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    lacks: Vec<String>,
    #[serde(default)]
    covers: Vec<String>,
    #[serde(default)]
    joins: Vec<String>,
    #[serde(default)]
    polarity: Polarity,
    says: Vec<String>,
}

/// The frames of this version.
///
/// # Errors
/// [`FramesError`]; a test loads the file, so a release has none.
pub fn frames() -> Result<&'static Frames, FramesError> {
    static FRAMES: OnceLock<Result<Frames, FramesError>> = OnceLock::new();
    let load = || Frames::load(&[include_str!("frames_headline.toml"), include_str!("frames.toml")]);
    FRAMES.get_or_init(load).as_ref().map_err(Clone::clone)
}

impl Frames {
    /// Reads and checks a frame file, given in parts that are one text.
    ///
    /// # Errors
    /// [`FramesError`], naming the frame.
    pub fn load(parts: &[&str]) -> Result<Self, FramesError> {
        let text = parts.join("\n");
        let file: File = toml::from_str(&text).map_err(|error| FramesError(error.to_string()))?;
        let frames = file.frame.into_iter().map(frame).collect::<Result<Vec<_>, _>>()?;
        let loaded = Self {
            version: file.version,
            digest: digest::hex_of_bytes(text.as_bytes()),
            sentences: file.sentences,
            material: file.material,
            clock: file.clock,
            orders: file.orders,
            headlines: file.headline,
            frames,
        };
        loaded.check()?;
        Ok(loaded)
    }

    /// The frame of an id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.id == id)
    }

    /// Every role that a frame names, once.
    #[must_use]
    pub fn roles(&self) -> Vec<&str> {
        let said = self.frames.iter().flat_map(|frame| roles(&frame.says[0]));
        let needed = self.frames.iter().flat_map(|frame| frame.needs.iter().map(String::as_str));
        said.chain(needed).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether a change of this role calls for another reading before a vote.
    #[must_use]
    pub fn is_material(&self, role: &str) -> bool {
        self.material.iter().any(|beginning| role.starts_with(beginning))
    }

    /// The headline of a category.
    #[must_use]
    pub fn headline(&self, category: Category) -> Option<&Headline> {
        self.headlines.get(category.name())
    }

    fn check(&self) -> Result<(), FramesError> {
        let ids: BTreeSet<&str> = self.frames.iter().map(|frame| frame.id.as_str()).collect();
        if ids.len() != self.frames.len() {
            return Err(FramesError("two frames have one id".to_owned()));
        }
        let named = self.headlines.values().flat_map(|headline| headline.places.iter().flatten());
        let named = named.chain(self.frames.iter().flat_map(|frame| frame.covers.iter().chain(&frame.joins)));
        if let Some(id) = named.into_iter().find(|id| !ids.contains(id.as_str())) {
            return Err(FramesError(format!("`{id}` is named and is no frame")));
        }
        let places = self.headlines.values().map(|headline| headline.places.len()).max().unwrap_or(0);
        let whole = |order: &Vec<usize>| order.iter().copied().collect::<BTreeSet<_>>() == (0..places).collect();
        if !self.orders.iter().all(|order| order.len() == places && whole(order)) {
            return Err(FramesError(format!(
                "an order of `orders` must name each of the {places} places once, from 0"
            )));
        }
        match Category::ALL.into_iter().find(|category| self.headline(*category).is_none()) {
            Some(category) => Err(FramesError(format!("`{}` has no headline", category.name()))),
            None => Ok(()),
        }
    }
}

fn frame(written: Written) -> Result<Frame, FramesError> {
    let fault = |what: String| FramesError(format!("frame `{}`: {what}", written.id));
    if !SECTIONS.contains(&written.section.as_str()) && written.section != HEADLINE {
        return Err(fault(format!("there is no section `{}`", written.section)));
    }
    if written.says.len() < PARAPHRASES_MIN || written.says.iter().collect::<BTreeSet<_>>().len() < written.says.len() {
        return Err(fault(format!("it needs {PARAPHRASES_MIN} different paraphrases")));
    }
    let mut says = Vec::new();
    for text in &written.says {
        let segments =
            segments(text).ok_or_else(|| fault(format!("`{text}` has a brace or bracket without its pair")))?;
        lexicon::check_words(&segments).map_err(|what| fault(format!("`{text}`: {what}")))?;
        says.push(segments);
    }
    let slots: Vec<BTreeSet<&str>> = says.iter().map(|segments| roles(segments).into_iter().collect()).collect();
    if slots.iter().any(|other| *other != slots[0]) {
        return Err(fault("its paraphrases differ in their slots".to_owned()));
    }
    // A slot outside of a repetition is a need.
    let mut needs = written.needs;
    for segment in &says[0] {
        if let Segment::Slot(role) = segment
            && !needs.contains(role)
        {
            needs.push(role.clone());
        }
    }
    let Written { id, section, categories, lacks, covers, joins, polarity, says: texts, .. } = written;
    Ok(Frame { id, section, categories, needs, lacks, covers, joins, polarity, says, written: texts })
}

/// Every role of a paraphrase.
pub(super) fn roles(segments: &[Segment]) -> Vec<&str> {
    let mut found = Vec::new();
    for segment in segments {
        match segment {
            Segment::Words(_) => {}
            Segment::Slot(role) => found.push(role.as_str()),
            Segment::Repeat(inner, _) => found.extend(roles(inner)),
        }
    }
    found
}

/// The numbers for which what a repetition holds is said: from 1 where it stands by itself; within something that is said
/// for a number, or without a `*`, once or not at all.
pub(super) fn repeats(inner: &[Segment], outer: Option<usize>, has: impl Fn(&str) -> bool) -> Vec<Option<usize>> {
    let own = inner.iter().filter_map(|segment| match segment {
        Segment::Slot(role) => Some(role.as_str()),
        _ => None,
    });
    let own: Vec<&str> = own.collect();
    let there = |number: Option<usize>| own.iter().all(|role| has(&numbered(role, number)));
    if outer.is_none() && own.iter().any(|role| role.contains('*')) {
        (1..).map(Some).take_while(|number| there(*number)).collect()
    } else {
        there(outer).then_some(outer).into_iter().collect()
    }
}

/// A role with its number filled in.
pub(super) fn numbered(role: &str, number: Option<usize>) -> String {
    match number {
        Some(number) => role.replace('*', &number.to_string()),
        None => role.to_owned(),
    }
}

fn segments(text: &str) -> Option<Vec<Segment>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '[', '}', ']']) {
        if at > 0 {
            found.push(Segment::Words(rest[..at].to_owned()));
        }
        let (opening, tail) = rest[at..].split_at(1);
        let (inside, after) = match opening {
            "{" => {
                let (role, after) = tail.split_once('}')?;
                (Segment::Slot(role.to_owned()), after)
            }
            "[" => {
                let (inner, after) = tail.split_at(closing(tail)?);
                let (inner, separator) = inner.rsplit_once('|')?;
                (Segment::Repeat(segments(inner)?, separator.to_owned()), &after[1..])
            }
            _ => return None,
        };
        found.push(inside);
        rest = after;
    }
    if !rest.is_empty() {
        found.push(Segment::Words(rest.to_owned()));
    }
    Some(found)
}

/// Where the bracket that was opened before `text` closes.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1;
    text.char_indices().find_map(|(at, c)| {
        open += match c {
            '[' => 1,
            ']' => -1,
            _ => 0,
        };
        (open == 0).then_some(at)
    })
}
