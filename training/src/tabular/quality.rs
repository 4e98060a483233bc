//! What the columns of a table are worth, before anything is learned from them.
//!
//! Guarantees: one entry a feature, in schema order; a warning says what to do about it.
//!
//! Non-goals: mending data; features that know the outcome, see [`super::leak`]; change over time, see [`super::drift`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::table::{Feature, Kind, Table, Value};
use super::words;

/// Above this share of rows without a value a warning is due.
const MISSING_MAX: f64 = 0.3;
/// A category with more values than this share of its rows names things rather than kinds.
const DISTINCT_MAX: f64 = 0.5;
/// A number that makes up this share of the rows, away from the rest, stands for something else.
const STAND_IN_MIN: f64 = 0.05;

/// One column of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// What it is called.
    pub label: String,
    /// Number or category.
    pub kind: String,
    /// Share of rows without a value.
    pub missing: f64,
    /// Different values.
    pub distinct: usize,
    /// Range or most frequent value, in words.
    pub typical: String,
    /// What is wrong with it; empty when nothing is.
    pub warning: String,
}

/// Looks at every feature of a table.
pub fn inspect(table: &Table) -> Vec<Quality> {
    let of = |(at, feature): (usize, &Feature)| {
        let values: Vec<&Value> = table.rows.iter().filter_map(|row| row.get(at)).collect();
        let missing = values.iter().filter(|value| ***value == Value::Missing).count();
        let missing = missing as f64 / values.len().max(1) as f64;
        let (kind, (distinct, typical, odd)) = match feature.kind {
            Kind::Numeric => ("number", number(&values)),
            Kind::Categorical => ("category", category(&values)),
        };
        let mut warnings = Vec::new();
        if distinct < 2 {
            warnings.push("the same in every row: leave it out".to_owned());
        }
        if missing > MISSING_MAX {
            warnings.push(format!("{:.0} % missing: find out why", 100.0 * missing));
        }
        warnings.extend(odd);
        let label = if feature.label.is_empty() { &feature.name } else { &feature.label };
        Quality {
            label: label.clone(),
            kind: kind.to_owned(),
            missing,
            distinct,
            typical,
            warning: warnings.join("; "),
        }
    };
    table.schema.features.iter().enumerate().map(of).collect()
}

fn number(values: &[&Value]) -> (usize, String, Option<String>) {
    let known = values.iter().filter_map(|value| match value {
        Value::Number(number) => Some(*number),
        _ => None,
    });
    let mut numbers: Vec<f64> = known.collect();
    numbers.sort_by(f64::total_cmp);
    let (Some(low), Some(high)) = (numbers.first(), numbers.last()) else {
        return (0, "no value".to_owned(), None);
    };
    let median = numbers[numbers.len() / 2];
    let distinct = 1 + numbers.windows(2).filter(|pair| pair[0] < pair[1]).count();
    let typical = format!("{} to {}, median {}", words::number(*low), words::number(*high), words::number(median));
    (distinct, typical, stand_in(&numbers))
}

/// A lowest or highest value that occurs often and lies further from the next than all others are spread, such as 9999.
fn stand_in(sorted: &[f64]) -> Option<String> {
    let (low, high) = (*sorted.first()?, *sorted.last()?);
    let (after_low, before_high) = (sorted.partition_point(|x| *x <= low), sorted.partition_point(|x| *x < high));
    let (next, previous) = (*sorted.get(after_low)?, *sorted.get(before_high.checked_sub(1)?)?);
    // Each end with its rows, its distance from the rest, and how far the rest is spread.
    let ends = [
        (low, after_low, next - low, high - next),
        (high, sorted.len() - before_high, high - previous, previous - low),
    ];
    let often = |rows: usize| rows as f64 >= STAND_IN_MIN * sorted.len() as f64;
    let odd = ends.into_iter().find(|(_, rows, gap, spread)| *spread > 0.0 && gap > spread && often(*rows));
    odd.map(|(end, rows, ..)| {
        format!("{} occurs {rows} times, far from the rest: does it mean `not known`?", words::number(end))
    })
}

fn category(values: &[&Value]) -> (usize, String, Option<String>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for value in values {
        if let Value::Text(text) = value {
            *counts.entry(text).or_default() += 1;
        }
    }
    let known: usize = counts.values().sum();
    let Some((most, rows)) = counts.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0))) else {
        return (0, "no value".to_owned(), None);
    };
    let typical = format!("{most} ({:.0} %)", 100.0 * *rows as f64 / known as f64);
    let names = counts.len() > 20 && counts.len() as f64 > DISTINCT_MAX * known as f64;
    (counts.len(), typical, names.then(|| "nearly every row has its own: an identifier teaches nothing".to_owned()))
}
