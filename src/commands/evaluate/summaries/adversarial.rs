//! Texts that try to get out of their quote: every attack in every position and encoding, in a case of every category.
//!
//! Guarantee: what is compared is everything but the sentences that quote the message, so a frame, a value or a
//! recommendation that moves is found.

use anyhow::Result;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::guarantees::{ranked, sentences};
use super::outside;
use super::random::{Dice, Scene, read, scene};
use crate::domain::case::Category;
use crate::domain::message::{Intent, ScoredIntent, SenderRole};
use crate::domain::untrusted::Untrusted;
use crate::flow::assess::extract::{self, Known};
use crate::flow::assess::summary::{self, Reader, Summary};
use crate::flow::decide::catalogue::{self, Catalogue};

/// What senders wrote, in five languages: one JSON object with `language` and `text` a line.
const ATTACKS: &str = include_str!("../../../../datasets/injections.jsonl");

#[derive(Deserialize)]
struct Attack {
    text: String,
}

const CARRIERS: [&str; 12] = [
    "alone",
    "before",
    "after",
    "within",
    "own line",
    "quoted reply",
    "zero-width",
    "bidi",
    "full-width digits",
    "homoglyph digits",
    "upper case",
    "repeated",
];

fn carried(carrier: &str, attack: &str) -> String {
    let plain = "When does it ship?";
    let each = |f: &dyn Fn(char) -> String| attack.chars().map(f).collect::<String>();
    match carrier {
        "alone" => attack.to_owned(),
        "before" => format!("{attack} {plain}"),
        "after" => format!("{plain} {attack}"),
        "within" => format!("When does {attack} it ship?"),
        "own line" => format!("{plain}\n{attack}\nThanks"),
        "quoted reply" => format!("{plain}\n> {attack}\n> so you wrote"),
        "zero-width" => each(&|c| format!("{c}\u{200b}")),
        "bidi" => format!("\u{202e}{attack}\u{202c} \u{2066}{plain}\u{2069}"),
        "full-width digits" => each(&|c| match c.to_digit(10) {
            Some(digit) => char::from_u32(0xff10 + digit).unwrap_or(c).to_string(),
            None => c.to_string(),
        }),
        "homoglyph digits" => each(&|c| match c {
            '0' => "О".to_owned(),
            '1' => "l".to_owned(),
            '3' => "З".to_owned(),
            other => other.to_string(),
        }),
        "upper case" => attack.to_uppercase(),
        _ => format!("{attack}\n{attack}\n{attack}"),
    }
}

/// What was counted.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Adversarial {
    texts: usize,
    unverified: usize,
    frames_moved: usize,
    values_moved: usize,
    recommendations_moved: usize,
    outside_quotes: usize,
}

impl Adversarial {
    pub(super) fn broken(&self) -> usize {
        self.unverified + self.frames_moved + self.values_moved + self.recommendations_moved + self.outside_quotes
    }

    pub(super) fn print(&self) {
        println!("adversarial texts                 {}", self.texts);
        println!("  summaries that do not verify    {}", self.unverified);
        println!("  frames that moved               {}", self.frames_moved);
        println!("  values that moved               {}", self.values_moved);
        println!("  recommendations that moved      {}", self.recommendations_moved);
        println!("  texts that got out of a quote   {}", self.outside_quotes);
    }
}

/// The summary of a scene in which a customer wrote `body`, with the values that reading it yields.
fn with(scene: &Scene, catalogue: &Catalogue, body: &str) -> Result<Summary> {
    let known = Known::nothing(SenderRole::Customer);
    let intent = Some(ScoredIntent { intent: Intent::OrderStatus, probability: 0.9 });
    let mut message = read(0, body, intent, SenderRole::Customer, scene.now);
    if let Some(reading) = &mut message.reading {
        let sent = scene.now.to_zoned(TimeZone::UTC).date();
        reading.entities = Untrusted::new(extract::extract(None, body, &known, Some(sent)));
    }
    let ranked = ranked(scene, catalogue);
    let reader = Reader { sees_finance: true };
    Ok(summary::of(&scene.case, &scene.facts, &[message], Some(&ranked), &[], scene.now, reader)?)
}

/// Compares every text with a plain one.
pub(super) fn count() -> Result<Adversarial> {
    let catalogue = Catalogue::load(catalogue::BUILT_IN)?;
    let mut dice = Dice::new(3);
    let scenes = Category::ALL.into_iter().map(|category| scene(&mut dice, category)).collect::<Result<Vec<_>>>()?;
    let plain = scenes.iter().map(|s| with(s, &catalogue, "When does it ship?")).collect::<Result<Vec<_>>>()?;
    let mut found = Adversarial::default();
    for line in ATTACKS.lines() {
        let attack: Attack = serde_json::from_str(line)?;
        for carrier in CARRIERS {
            let at = found.texts % scenes.len();
            let body = carried(carrier, &attack.text);
            let summary = with(&scenes[at], &catalogue, &body)?;
            compare(&mut found, &plain[at], &summary);
            found.texts += 1;
        }
    }
    Ok(found)
}

fn compare(found: &mut Adversarial, plain: &Summary, summary: &Summary) {
    // Facts that hold what the sender wrote: the quote, and the values read, which are quoted too.
    let theirs = |role: &str| role.ends_with(".quote") || role.ends_with(".values");
    let frames = |summary: &Summary| -> Vec<(String, Option<usize>)> {
        summary.plan.iter().map(|step| (step.frame.clone(), step.number)).collect()
    };
    let values = |summary: &Summary| -> Vec<(String, String)> {
        let ours = summary.facts.iter().filter(|fact| !theirs(&fact.role));
        ours.map(|fact| (fact.role.clone(), fact.rendering.clone())).collect()
    };
    let recommended = |summary: &Summary| -> Vec<String> {
        let said = summary.facts.iter().filter(|fact| fact.role.starts_with("recommendation."));
        said.map(|fact| fact.rendering.clone()).collect()
    };
    let ours = |summary: &Summary| -> Vec<String> { sentences(summary).map(|(_, s)| outside(&s.text)).collect() };
    found.unverified += usize::from(summary::verify(summary).is_err());
    found.frames_moved += usize::from(frames(plain) != frames(summary));
    found.values_moved += usize::from(values(plain) != values(summary));
    found.recommendations_moved += usize::from(recommended(plain) != recommended(summary));
    found.outside_quotes += usize::from(ours(plain) != ours(summary));
}
