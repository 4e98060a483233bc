//! Writes a model report with every section from generated data, to look at.
//!
//! `cargo run --release -p holdfast-training --example report -- report.html`

mod common;

use std::error::Error;

use common::Dice;
use holdfast_training::tabular::calibrate::sigmoid;
use holdfast_training::tabular::chart::swarm::Effects;
use holdfast_training::tabular::html::{Candidate, Contents, Measured, Quality, Scored, Segments, page};
use holdfast_training::tabular::metrics::Metrics;
use holdfast_training::tabular::reliability::Reliability;
use holdfast_training::tabular::table::Value;

const ROWS: usize = 4000;
const CARRIERS: [&str; 5] = ["Nordfracht", "Südlinie <GmbH>", "Rail & Sea", "Kurier 24", "Eigene Flotte"];

struct Data {
    probabilities: Vec<f64>,
    rule: Vec<f64>,
    labels: Vec<bool>,
    carriers: Vec<Value>,
    effects: Vec<Effects>,
}

fn data() -> Data {
    let mut dice = Dice::new(1);
    let names =
        ["days until the promised date", "dock load", "open lines of the customer", "carrier", "weight", "noise"];
    let feature = |name: &&str| Effects { label: (*name).into(), effects: vec![], values: vec![] };
    let mut effects: Vec<Effects> = names.iter().map(feature).collect();
    let (mut probabilities, mut rule, mut labels, mut carriers) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROWS {
        let [days, load, lines, weight, noise] = [0; 5].map(|_| dice.normal());
        let carrier = (5.0 * dice.uniform().powi(2)) as usize;
        let of_carrier = [0.0, -0.6, 0.3, 1.1, -0.2][carrier];
        let parts = [-1.1 * days, 0.7 * load.max(0.0) * load, 0.2 * lines, of_carrier, 0.08 * weight, 0.02 * noise];
        for ((feature, part), value) in effects.iter_mut().zip(parts).zip([days, load, lines, f64::NAN, weight, noise])
        {
            feature.effects.push(part);
            feature.values.push((!value.is_nan()).then_some(value));
        }
        let logit = -1.5 + parts.iter().sum::<f64>();
        // One carrier became worse than the model knows.
        labels.push(dice.uniform() < sigmoid(logit + if carrier == 2 { 0.5 } else { 0.0 }));
        probabilities.push(sigmoid(logit));
        rule.push(if days < -0.5 { 0.6 } else { 0.2 });
        carriers.push(Value::Text(CARRIERS[carrier].into()));
    }
    Data { probabilities, rule, labels, carriers, effects }
}

fn quality() -> Vec<Quality> {
    let column = |label: &str, kind: &str, missing, distinct, typical: &str, warning: &str| Quality {
        label: label.into(),
        kind: kind.into(),
        missing,
        distinct,
        typical: typical.into(),
        warning: warning.into(),
    };
    vec![
        column("days until the promised date", "number", 0.0, 61, "-3 to 57, median 6", ""),
        column("dock load", "number", 0.034, 1204, "0 to 1.9, median 0.62", ""),
        column("carrier", "category", 0.0, 5, "Nordfracht (45 %)", ""),
        column("weight", "number", 0.41, 3022, "0.1 to 9999, median 14.2", "41 % missing; 9999 occurs 212 times"),
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: report <file.html>")?;
    let Data { probabilities, rule, labels, carriers, effects } = data();
    let base_rate = labels.iter().filter(|label| **label).count() as f64 / ROWS as f64;
    let values: Vec<&Value> = carriers.iter().collect();
    let candidate = |name: &str, valid_log_loss, seconds, chosen| Candidate {
        name: name.into(),
        valid_log_loss,
        seconds: Some(seconds),
        chosen,
    };
    let measured = |name: &str, metrics| Measured { name: name.into(), metrics };
    let contents = Contents {
        title: "miss-risk 7".into(),
        summary: "Probability that an order line misses its promised ship date, seven days before it.".into(),
        bad: "late lines".into(),
        verdict: (true, "beats every baseline on the test fold".into()),
        measured: vec![
            measured("miss-risk 7", Metrics::measure(&probabilities, &labels)?),
            measured("due-date rule", Metrics::measure(&rule, &labels)?),
            measured("base rate", Metrics::of_base_rate(base_rate, &labels)?),
        ],
        segments: vec![Segments {
            label: "carrier".into(),
            rows: Reliability::by_segment(&values, &probabilities, &labels)?,
        }],
        scored: vec![
            Scored { name: "miss-risk 7".into(), probabilities },
            Scored { name: "due-date rule".into(), probabilities: rule },
        ],
        labels,
        effects,
        candidates: vec![
            candidate("boosted trees, 31 leaves, native categories", 0.4312, 1.42, true),
            candidate("boosted trees, 15 leaves, as-of rates", 0.4329, 0.97, false),
            candidate("weight of evidence, linear, alpha 10", 0.4488, 0.21, false),
        ],
        quality: quality(),
        provenance: [
            ("data window", "2025-01-02 to 2025-11-30"),
            ("data digest", "sha256 9b0c5f0f0f3a7c0e5e0d6f7a2a4b1c9d8e7f60514233241506f7e8d9cabb1234"),
            ("schema", "miss-risk-3"),
            ("seed", "0"),
            ("code version", "0.1.0"),
            ("rows", "train 28,000, validation 4,000, test 4,000, set aside 600"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        notes: vec!["Generated data, to show what a report looks like.".into()],
    };
    std::fs::write(path, page(&contents)?)?;
    Ok(())
}
