//! False alarms and power of the drift test, beside the fixed rule "PSI above 0.1 in any feature".
//!
//! `cargo run --release -p holdfast-training --example drift -- [batches per size]`
//!
//! Thirty features of an order, of many kinds: normal, skewed and heavy-tailed numbers, counts with ties, flags, numbers
//! that are often missing, categories few and many; they hang together through one hidden factor. Reference and batch
//! are drawn from one law (any alarm is false), then one number of thirty is shifted by half a standard deviation.

mod common;

use std::error::Error;

use common::Dice;
use holdfast_training::tabular::drift::{DriftOptions, Reference, Sample};
use holdfast_training::tabular::table::{Feature, Kind, Schema, Value};

const FEATURES: usize = 30;
/// A normal number.
const SHIFTED: usize = 0;
const SIZES: [usize; 7] = [50, 100, 200, 500, 1000, 2000, 5000];

fn schema() -> Schema {
    let feature = |index: usize| Feature {
        name: format!("f{index}"),
        kind: if index % 10 < 7 { Kind::Numeric } else { Kind::Categorical },
        label: format!("feature {index}"),
    };
    Schema { version: "drift-1".into(), features: (0..FEATURES).map(feature).collect() }
}

fn row(dice: &mut Dice, shift: f64) -> Vec<Value> {
    let hidden = dice.normal();
    let value = |index: usize| {
        let z = 0.5 * hidden + 0.75f64.sqrt() * dice.normal() + if index == SHIFTED { shift } else { 0.0 };
        match index % 10 {
            0 | 1 => Value::Number(z),
            2 => Value::Number((0.8 * z).exp()),
            3 => Value::Number(z / dice.normal().abs().max(1e-3)),
            4 => Value::Number((2.0 * z.exp()).floor()),
            5 => Value::Number(f64::from(u8::from(z > 1.3))),
            6 if dice.uniform() < 0.4 => Value::Missing,
            6 => Value::Number((10.0 * z).round()),
            // Four, about forty and about a thousand categories, the frequent ones first.
            7 => Value::Text(format!("{}", (z.abs() * 2.0).min(3.0).floor())),
            8 => Value::Text(format!("{}", (z.abs() * 12.0).floor())),
            _ => Value::Text(format!("{}", (z.abs().powi(2) * 300.0).floor())),
        }
    };
    (0..FEATURES).map(value).collect()
}

fn rows(count: usize, seed: u64, shift: f64) -> Vec<Vec<Value>> {
    let mut dice = Dice::new(seed);
    (0..count).map(|_| row(&mut dice, shift)).collect()
}

/// The population stability index over ten quantile bins of the reference, or its ten most frequent categories.
fn psi(reference: &[Vec<Value>], batch: &[Vec<Value>], feature: usize) -> f64 {
    let mut keys: Vec<&Value> = reference.iter().map(|row| &row[feature]).collect();
    let order = |a: &Value, b: &Value| match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.total_cmp(b),
        _ => a.to_string().cmp(&b.to_string()),
    };
    keys.sort_by(|a, b| order(a, b));
    let mut edges: Vec<&Value> = (1..10).map(|bin| keys[bin * keys.len() / 10]).collect();
    edges.dedup();
    let shares = |rows: &[Vec<Value>]| {
        let mut counts = vec![0.0; edges.len() + 1];
        for row in rows {
            counts[edges.partition_point(|edge| order(edge, &row[feature]).is_le())] += 1.0;
        }
        counts.iter().map(|count| f64::max(*count / rows.len() as f64, 1e-4)).collect::<Vec<f64>>()
    };
    shares(reference).iter().zip(shares(batch)).map(|(before, now)| (now - before) * (now / before).ln()).sum()
}

/// Shares of batches with an alarm: ours, and the fixed rule's.
fn alarms(rows_reference: usize, rows_batch: usize, shift: f64, batches: u64) -> Result<[f64; 2], Box<dyn Error>> {
    let schema = schema();
    let mut found = [0u32; 2];
    for batch in 0..batches {
        let seed = batch * 2 + rows_batch as u64 * 1_000_003;
        let before = rows(rows_reference, seed, 0.0);
        let now = rows(rows_batch, seed + 1, shift);
        let options = DriftOptions { seed: batch, ..DriftOptions::default() };
        let reference = Reference::fit(&schema, Sample { rows: &before, scores: &[] }, &options)?;
        let verdict = reference.compare(Sample { rows: &now, scores: &[] })?;
        let named = shift == 0.0 || verdict.findings.iter().any(|finding| finding.feature == format!("f{SHIFTED}"));
        found[0] += u32::from(verdict.alarm && named);
        let fixed =
            (0..FEATURES).any(|feature| (shift == 0.0 || feature == SHIFTED) && psi(&before, &now, feature) > 0.1);
        found[1] += u32::from(fixed);
    }
    Ok(found.map(|count| f64::from(count) / batches as f64))
}

fn main() -> Result<(), Box<dyn Error>> {
    let batches: u64 = std::env::args().nth(1).map_or(Ok(400), |text| text.parse())?;
    println!("{batches} batches a line, {FEATURES} features, any alarm in a batch counts\n");
    println!("{:<34} {:>10} {:>10} {:>8} {:>10}", "case", "reference", "batch", "ours", "PSI > 0.1");
    let line = |case: &str, reference: usize, batch: usize, shift: f64| -> Result<(), Box<dyn Error>> {
        let [ours, fixed] = alarms(reference, batch, shift, batches)?;
        println!("{case:<34} {reference:>10} {batch:>10} {:>6.2} % {:>8.1} %", 100.0 * ours, 100.0 * fixed);
        Ok(())
    };
    for rows in SIZES {
        line("identical, false alarms", rows, rows, 0.0)?;
    }
    for rows in SIZES {
        line("identical, false alarms", 5000, rows, 0.0)?;
    }
    for (reference, rows) in [(200, 200), (1000, 200), (5000, 200), (5000, 100), (5000, 50)] {
        line("one feature shifted 0.5 sigma, found", reference, rows, 0.5)?;
    }
    let schema = schema();
    let (before, mut now) = (rows(5000, 1, 0.0), rows(200, 2, 0.5));
    now.iter_mut().for_each(|row| row[17] = Value::Text("9".into()));
    let reference = Reference::fit(&schema, Sample { rows: &before, scores: &[] }, &DriftOptions::default())?;
    println!("\n{}", reference.compare(Sample { rows: &now, scores: &[] })?);
    Ok(())
}
