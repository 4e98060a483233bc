//! Abstaining, and what stands in for the model then.
//!
//! Purpose: beside a risk model, know whether a row is one that it has learned anything about ([`super::support`]), and
//! where it is not, answer by a declared rule: the rate of bad outcomes by one feature alone, or the base rate.
//!
//! Guarantees: fitted on rows before the test alone, the limit of surprise on the newer of them; what stands in says in
//! words which rule it is and on how many rows it rests.
//!
//! Non-goals: deciding whether to abstain; that is for whoever asks.

use serde::{Deserialize, Serialize};

use super::options::{Rule, TrainOptions};
use super::split::SplitError;
use super::support::{Support, SupportError, SupportOptions};
use super::table::{Kind, SchemaError, Table, TableError, Value};
use super::train::{known_before_test, splits_of};
use super::words;

/// The layout of the stored guard.
const FORMAT: u32 = 1;
/// Bins of the rule.
const BINS: usize = 10;
/// Pseudo rows at the base rate that each bin starts from.
const SMOOTHING: f64 = 20.0;
/// Share of the rows before the test that say what is usual; the newer ones say how much surprise is ordinary.
const USUAL_SHARE: f64 = 0.7;
/// A value that more than this share of training had is not novel.
const NOVEL_MAX: f64 = 0.05;
/// Rates of false alarms that are accepted, the lowest that the rows allow.
const RATES: [f64; 2] = [0.01, 0.05];

/// What is to be guarded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuardOptions {
    /// Values of categorical features of which nothing can be said, unless training often had them.
    pub novel: Vec<Novel>,
    /// Features that leave their range by nature.
    pub ignored: Vec<String>,
    /// The rule that stands in; the base rate without.
    pub rule: Option<Rule>,
}

/// A value that by itself says that nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Novel {
    /// The feature.
    pub feature: String,
    /// Its value.
    pub value: String,
    /// What that means, in words.
    pub words: String,
}

/// Rows counted together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Bin {
    rate: f64,
    rows: usize,
}

/// The rate of bad outcomes by one number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bins {
    name: String,
    feature: usize,
    label: String,
    /// Bin `i` holds numbers with `i` edges at or below them.
    edges: Vec<f64>,
    bins: Vec<Bin>,
}

/// What training had, and what stands in where a row is none of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    format: u32,
    support: Support,
    /// Those that training seldom had, with the place of their feature.
    novel: Vec<(usize, Novel)>,
    base: Bin,
    rule: Option<Bins>,
}

/// The answer of the rule.
#[derive(Debug, Clone, PartialEq)]
pub struct StandIn {
    /// Rate of bad outcomes.
    pub probability: f64,
    /// Which rule, and on what it rests.
    pub words: String,
}

/// No guard can be had.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The table.
    #[error("the table cannot be used")]
    Table(#[from] TableError),
    /// Its split.
    #[error("the table cannot be split in time order")]
    Split(#[from] SplitError),
    /// What is usual.
    #[error("what is usual cannot be learned")]
    Support(#[from] SupportError),
    /// Stored bytes that are none.
    #[error("the stored guard cannot be used ({0}): train it again, or restore the file")]
    Stored(String),
}

impl Guard {
    /// Learns from the rows of `table` before the test.
    ///
    /// # Errors
    /// [`GuardError`].
    pub fn train(table: &Table, wanted: &GuardOptions, options: &TrainOptions) -> Result<Guard, GuardError> {
        table.check()?;
        let splits = splits_of(table, options)?;
        let known = known_before_test(table, &splits, options);
        let mut pool: Vec<usize> = (0..known.len()).filter(|&row| known[row]).collect();
        pool.sort_by_key(|&row| table.times[row]);
        let (older, newer) = pool.split_at((USUAL_SHARE * pool.len() as f64) as usize);
        let rows = |rows: &[usize]| rows.iter().map(|&row| table.rows[row].as_slice()).collect::<Vec<_>>();
        let (usual, later) = (rows(older), rows(newer));
        let [least, most] = RATES;
        let options = SupportOptions {
            false_alarm_rate: (2.0 / usual.len().min(later.len()).max(1) as f64).clamp(least, most),
            must_know: Vec::new(),
            ignored: wanted.ignored.clone(),
        };
        let support = Support::fit(&table.schema, &usual, &later, &options)?;
        let count = |rows: &mut dyn Iterator<Item = usize>, base: f64| {
            let (rows, bad) =
                rows.fold((0usize, 0.0), |(n, bad), row| (n + 1, bad + f64::from(u8::from(table.labels[row]))));
            Bin { rate: (bad + SMOOTHING * base) / (rows as f64 + SMOOTHING), rows }
        };
        let bad = pool.iter().filter(|&&row| table.labels[row]).count();
        let base = Bin { rate: bad as f64 / pool.len().max(1) as f64, rows: pool.len() };
        let rule = wanted.rule.as_ref().and_then(|rule| {
            let mut features = table.schema.features.iter();
            let feature = features.position(|f| f.name == rule.feature && f.kind == Kind::Numeric)?;
            let number = |row: usize| match table.rows[row].get(feature) {
                Some(Value::Number(number)) => Some(*number),
                _ => None,
            };
            let mut numbers: Vec<f64> = pool.iter().filter_map(|&row| number(row)).collect();
            numbers.sort_by(f64::total_cmp);
            let mut edges: Vec<f64> =
                (1..BINS).filter_map(|bin| numbers.get(bin * numbers.len() / BINS).copied()).collect();
            edges.dedup();
            let bin = |bin: usize| {
                let within =
                    |row: &usize| number(*row).is_some_and(|n| edges.partition_point(|edge| *edge <= n) == bin);
                count(&mut pool.iter().copied().filter(within), base.rate)
            };
            let bins = (0..=edges.len()).map(bin).collect();
            let label = &table.schema.features.get(feature)?.label;
            Some(Bins { name: rule.name.clone(), feature, label: label.clone(), edges, bins })
        });
        let novel =
            wanted.novel.iter().filter_map(|novel| Some((seldom(table, &usual, novel)?, novel.clone()))).collect();
        Ok(Guard { format: FORMAT, support, novel, base, rule })
    }

    /// Why to abstain on `row`, in words; `None` where the model may answer.
    ///
    /// # Errors
    /// [`SchemaError`] when the row does not fit the schema.
    pub fn outside(&self, row: &[Value]) -> Result<Option<String>, SchemaError> {
        let is =
            |(at, novel): &&(usize, Novel)| matches!(row.get(*at), Some(Value::Text(text)) if *text == novel.value);
        let judged = self.support.judge(row)?;
        if let Some((_, novel)) = self.novel.iter().find(is) {
            return Ok(Some(novel.words.clone()));
        }
        Ok(judged.outside.then(|| judged.to_string()))
    }

    /// What the rule says of `row`; the base rate where it says nothing.
    pub fn stand_in(&self, row: &[Value]) -> StandIn {
        let by_rule = self.rule.as_ref().and_then(|rule| {
            let Some(Value::Number(number)) = row.get(rule.feature) else { return None };
            let at = rule.edges.partition_point(|edge| edge <= number);
            let Bin { rate, rows } = *rule.bins.get(at)?;
            let below = at.checked_sub(1).and_then(|at| rule.edges.get(at)).map(|edge| words::number(*edge));
            let range = match (below, rule.edges.get(at).map(|edge| words::number(*edge))) {
                (Some(low), Some(high)) => format!("{low} to {high}"),
                (Some(low), None) => format!("{low} and more"),
                (None, Some(high)) => format!("less than {high}"),
                (None, None) => "any".to_owned(),
            };
            let (name, label) = (&rule.name, &rule.label);
            let words = format!("the {name} stands in: {:.0} % of {rows} with {label} {range}", 100.0 * rate);
            Some(StandIn { probability: rate, words })
        });
        let Bin { rate, rows } = self.base;
        by_rule.unwrap_or_else(|| StandIn {
            probability: rate,
            words: format!("the base rate stands in: {:.0} % of {rows}", 100.0 * rate),
        })
    }

    /// The guard as JSON; the same guard gives the same bytes.
    ///
    /// # Errors
    /// [`GuardError::Stored`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, GuardError> {
        serde_json::to_vec(self).map_err(|error| GuardError::Stored(error.to_string()))
    }

    /// Reads what [`Guard::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`GuardError::Stored`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Guard, GuardError> {
        let guard: Guard = serde_json::from_slice(bytes).map_err(|error| GuardError::Stored(error.to_string()))?;
        if guard.format == FORMAT {
            return Ok(guard);
        }
        Err(GuardError::Stored(format!("format {} and this program reads {FORMAT}", guard.format)))
    }
}

/// The place of the feature, where training seldom had the value.
fn seldom(table: &Table, rows: &[&[Value]], novel: &Novel) -> Option<usize> {
    let at = table.schema.features.iter().position(|feature| feature.name == novel.feature)?;
    let is = |row: &&&[Value]| matches!(row.get(at), Some(Value::Text(text)) if *text == novel.value);
    let had = rows.iter().filter(is).count();
    (had as f64 <= NOVEL_MAX * rows.len() as f64).then_some(at)
}
