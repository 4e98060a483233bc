//! Has the world moved away from the training data? Right at a distributor's volume.
//!
//! Purpose: compare a day's batch with the training rows, feature by feature and segment by segment, and the served
//! probabilities with what happened ([`outcomes`]); say what moved, from where to where, in words.
//!
//! Guarantees: every threshold comes from the null distribution of the actual rows: the probability that rows dealt at
//! random from the two pooled samples differ as much ([`crate::tabular::statistics`]), with ties, missing values and
//! rare categories as they are. So identical distributions alarm at the stated rate for 50 rows as for 5,000, where a
//! fixed limit on a binned index alarms always or never. Deciding over many features, segments and days is in
//! [`discovery`]. The same rows, options and seed give the same verdict.
//!
//! Non-goals: causes, and what to do about them; the verdict gives the figures that an alarm's text needs.

mod categorical;
mod column;
pub mod discovery;
mod numeric;
pub mod outcomes;
mod words;

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use self::column::Column;
use super::statistics::exact;
use super::table::{Feature, Kind, Schema, SchemaError, Value};

/// What the model's score is called among the features.
pub const SCORE: &str = "score";
/// Share of the level for features overall when there are segments; the rest is for the segments.
const OVERALL_SHARE: f64 = 0.5;

/// Settings of [`Reference`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DriftOptions {
    /// The probability of any alarm in one batch whose distribution has not changed.
    pub level: f64,
    /// Share of false findings that is accepted among the listed ones of an alarm.
    pub finding_rate: f64,
    /// Most reference rows that are kept, overall and in each segment; a random sample of more.
    pub reference_rows_max: usize,
    /// Categorical features whose values are segments.
    pub segments: Vec<String>,
    /// Fewest reference rows of a segment.
    pub segment_reference_rows_min: usize,
    /// Fewest batch rows of a segment.
    pub segment_rows_min: usize,
    /// Of the sample of the reference and of the tests whose law is sampled.
    pub seed: u64,
}

impl Default for DriftOptions {
    fn default() -> Self {
        DriftOptions {
            level: 0.005,
            finding_rate: 0.05,
            reference_rows_max: 5000,
            segments: Vec::new(),
            segment_reference_rows_min: 100,
            segment_rows_min: 30,
            seed: 0,
        }
    }
}

/// Rows to fit on or to compare.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// Rows of the schema.
    pub rows: &'a [Vec<Value>],
    /// The model's scores or probabilities of these rows; empty without a model.
    pub scores: &'a [f64],
}

/// Drift cannot be judged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DriftError {
    /// A setting that makes no sense.
    #[error("the drift option `{name}` is {value}: give {allowed}")]
    Option {
        /// The option.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// The schema cannot be used.
    #[error("the schema of the drift reference cannot be used")]
    Schema(#[source] SchemaError),
    /// A row that does not fit; `row` counts from 0.
    #[error("row {row} does not fit the schema of the drift reference")]
    Row {
        /// Index of the row.
        row: usize,
        /// What is wrong with it.
        #[source]
        source: SchemaError,
    },
    /// Not one score per row, or scores on one side only.
    #[error("{rows} rows have {scores} finite scores: give one for each, in the reference and in every batch, or none")]
    Scores {
        /// Rows.
        rows: usize,
        /// Finite scores.
        scores: usize,
    },
}

/// What changed, with the figures before and now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A number went up or down: medians.
    Level {
        /// In the reference.
        before: f64,
        /// In the batch.
        now: f64,
    },
    /// A number varies more or less: distances between the quartiles.
    Spread {
        /// In the reference.
        before: f64,
        /// In the batch.
        now: f64,
    },
    /// A number is distributed in another way.
    Shape {
        /// Largest distance between the distribution functions.
        distance: f64,
    },
    /// One category is more or less frequent: shares.
    Category {
        /// Which.
        category: String,
        /// In the reference.
        before: f64,
        /// In the batch.
        now: f64,
    },
    /// Many categories moved a little.
    Mix {
        /// How many there are.
        categories: usize,
    },
    /// Categories that the reference does not have.
    Unseen {
        /// Share of the batch.
        now: f64,
    },
    /// A value is absent more or less often: shares.
    Missing {
        /// In the reference.
        before: f64,
        /// In the batch.
        now: f64,
    },
}

/// Rows with one value of one categorical feature.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Segment {
    /// The feature.
    pub feature: String,
    /// Its value.
    pub value: String,
}

/// One feature, overall or in one segment, that looks unusual.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The feature's name, or [`SCORE`].
    pub feature: String,
    /// What it is called in front of people.
    pub label: String,
    /// Where; everywhere without.
    pub segment: Option<Segment>,
    /// The most unusual change.
    pub change: Change,
    /// The probability that rows dealt at random give this feature as unusual a change of any kind, at most.
    pub p: f64,
    /// Reference rows compared.
    pub rows_before: usize,
    /// Batch rows compared.
    pub rows_now: usize,
}

/// The verdict on one batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The probability that an unchanged distribution gives a batch as unusual, at most.
    pub p: f64,
    /// The level it was held against.
    pub level: f64,
    /// Whether this is an alarm.
    pub alarm: bool,
    /// Features and segments that were compared.
    pub compared: usize,
    /// What to tell, the most unusual first; empty without an alarm.
    pub findings: Vec<Finding>,
}

/// One view of one feature.
#[derive(Debug, Clone, PartialEq)]
struct Test {
    change: Change,
    p: f64,
    weight: f64,
}

/// The columns of some rows: every feature and, with a model, its score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Columns {
    features: Vec<Column>,
}

/// What batches are compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    schema: Schema,
    options: DriftOptions,
    scored: bool,
    overall: Columns,
    segments: Vec<(Segment, Columns)>,
}

impl Columns {
    fn of(schema: &Schema, sample: Sample<'_>, rows: &[usize]) -> Columns {
        let feature = |(index, feature): (usize, &Feature)| {
            Column::of(feature.kind, rows.iter().filter_map(|row| sample.rows.get(*row)?.get(index)))
        };
        let mut features: Vec<Column> = schema.features.iter().enumerate().map(feature).collect();
        if !sample.scores.is_empty() {
            let scores: Vec<Value> =
                rows.iter().filter_map(|row| sample.scores.get(*row)).map(|score| Value::Number(*score)).collect();
            features.push(Column::of(Kind::Numeric, scores.iter()));
        }
        Columns { features }
    }
}

impl Reference {
    /// Keeps what later batches of `schema` are compared with.
    ///
    /// # Errors
    /// [`DriftError`].
    pub fn fit(schema: &Schema, sample: Sample<'_>, options: &DriftOptions) -> Result<Reference, DriftError> {
        check_options(schema, options)?;
        schema.check().map_err(DriftError::Schema)?;
        check_rows(schema, sample)?;
        let mut order: Vec<usize> = (0..sample.rows.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(options.seed));
        let keep = |rows: &[usize]| rows.iter().copied().take(options.reference_rows_max).collect::<Vec<_>>();
        let segments = segments_of(schema, &options.segments, sample, &order)
            .into_iter()
            .filter(|(_, rows)| rows.len() >= options.segment_reference_rows_min)
            .map(|(segment, rows)| (segment, Columns::of(schema, sample, &keep(&rows))))
            .collect();
        Ok(Reference {
            schema: schema.clone(),
            options: options.clone(),
            scored: !sample.scores.is_empty(),
            overall: Columns::of(schema, sample, &keep(&order)),
            segments,
        })
    }

    /// The verdict on a batch at the level of the options.
    ///
    /// # Errors
    /// [`DriftError`].
    pub fn compare(&self, batch: Sample<'_>) -> Result<Verdict, DriftError> {
        self.compare_at(batch, self.options.level)
    }

    /// The verdict on a batch at a level of the caller's, as [`discovery::OnlineFdr::level`] gives it.
    ///
    /// # Errors
    /// [`DriftError`].
    pub fn compare_at(&self, batch: Sample<'_>, level: f64) -> Result<Verdict, DriftError> {
        check_rows(&self.schema, batch)?;
        if self.scored == batch.scores.is_empty() && !batch.rows.is_empty() {
            return Err(DriftError::Scores { rows: batch.rows.len(), scores: batch.scores.len() });
        }
        let all: Vec<usize> = (0..batch.rows.len()).collect();
        let mut inside = segments_of(&self.schema, &self.options.segments, batch, &all);
        inside.retain(|_, rows| rows.len() >= self.options.segment_rows_min);
        let segments: Vec<_> = self
            .segments
            .iter()
            .filter_map(|(segment, columns)| Some((segment, columns, inside.get(segment)?)))
            .collect();
        let width = self.overall.features.len();
        let overall_share = if segments.is_empty() { 1.0 } else { OVERALL_SHARE };
        let weight = overall_share / width.max(1) as f64;
        let mut tests = Vec::new();
        let columns = Columns::of(&self.schema, batch, &all);
        self.compare_columns(None, (&self.overall, &columns), (weight, level), &mut tests);
        // A segment's own feature is constant in it.
        let family = segments.len() * width.saturating_sub(1).max(1);
        let weight = (1.0 - overall_share) / family.max(1) as f64;
        for (segment, reference, rows) in segments {
            let columns = Columns::of(&self.schema, batch, rows);
            self.compare_columns(Some(segment), (reference, &columns), (weight, level), &mut tests);
        }
        let pairs: Vec<(f64, f64)> = tests.iter().map(|(finding, weight)| (finding.p, *weight)).collect();
        let family = discovery::weighted(&pairs, self.options.finding_rate);
        let alarm = family.p <= level;
        let listed = family.listed.iter().filter(|_| alarm).filter_map(|index| tests.get(*index));
        let findings = listed.map(|(finding, _)| finding.clone()).collect();
        Ok(Verdict { p: family.p, level, alarm, compared: tests.len(), findings })
    }

    fn compare_columns(
        &self,
        segment: Option<&Segment>,
        (reference, batch): (&Columns, &Columns),
        (weight, level): (f64, f64),
        tests: &mut Vec<(Finding, f64)>,
    ) {
        let score = Feature { name: SCORE.into(), kind: Kind::Numeric, label: "the model's score".into() };
        let features = self.schema.features.iter().chain([&score]);
        for ((feature, before), now) in features.zip(&reference.features).zip(&batch.features) {
            if segment.is_some_and(|segment| segment.feature == feature.name) {
                continue;
            }
            let seed = self.options.seed.wrapping_add(tests.len() as u64);
            if let Some((change, p)) = unusual(before, now, weight * level, seed) {
                let finding = Finding {
                    feature: feature.name.clone(),
                    label: feature.label.clone(),
                    segment: segment.cloned(),
                    change,
                    p,
                    rows_before: before.rows(),
                    rows_now: now.rows(),
                };
                tests.push((finding, weight));
            }
        }
    }
}

/// The most unusual change of one feature and its probability; `None` when there is nothing to compare. The weights of
/// the views are fixed by the pooled rows alone, so they do not depend on what they weigh.
fn unusual(before: &Column, now: &Column, level: f64, seed: u64) -> Option<(Change, f64)> {
    let mut tests = match (before, now) {
        (Column::Numeric { sorted: before, .. }, Column::Numeric { sorted: now, .. }) => numeric::tests(before, now),
        (Column::Categorical { counts: before, .. }, Column::Categorical { counts: now, .. }) => {
            categorical::tests(before, now, level, seed)
        }
        _ => Vec::new(),
    };
    let (rows, missing) = (before.rows() + now.rows(), before.missing() + now.missing());
    if missing > 0 && missing < rows {
        let share = |column: &Column| column.missing() as f64 / column.rows().max(1) as f64;
        let p = exact::hypergeometric_two_sided(rows, missing, now.rows(), now.missing());
        tests.push(Test { change: Change::Missing { before: share(before), now: share(now) }, p, weight: 0.1 });
    }
    let total: f64 = tests.iter().map(|test| test.weight).sum();
    let ratio = |test: &Test| (test.p * total / test.weight).min(1.0);
    let best = tests.into_iter().min_by(|a, b| ratio(a).total_cmp(&ratio(b)))?;
    let p = ratio(&best);
    Some((best.change, p))
}

fn segments_of(schema: &Schema, names: &[String], sample: Sample<'_>, rows: &[usize]) -> BTreeMap<Segment, Vec<usize>> {
    let mut result: BTreeMap<Segment, Vec<usize>> = BTreeMap::new();
    for name in names {
        let Some(index) = schema.features.iter().position(|feature| &feature.name == name) else { continue };
        for &row in rows {
            if let Some(Value::Text(value)) = sample.rows.get(row).and_then(|row| row.get(index)) {
                let segment = Segment { feature: name.clone(), value: value.clone() };
                result.entry(segment).or_default().push(row);
            }
        }
    }
    result
}

fn check_rows(schema: &Schema, sample: Sample<'_>) -> Result<(), DriftError> {
    for (index, row) in sample.rows.iter().enumerate() {
        schema.check_row(row).map_err(|source| DriftError::Row { row: index, source })?;
    }
    let finite = sample.scores.iter().filter(|score| score.is_finite()).count();
    if !sample.scores.is_empty() && finite != sample.rows.len() {
        return Err(DriftError::Scores { rows: sample.rows.len(), scores: finite });
    }
    Ok(())
}

fn check_options(schema: &Schema, options: &DriftOptions) -> Result<(), DriftError> {
    let share = |value: f64| value > 0.0 && value < 1.0;
    let categorical = |name: &String| {
        schema.features.iter().any(|feature| &feature.name == name && feature.kind == Kind::Categorical)
    };
    let checks = [
        ("level", share(options.level), options.level.to_string(), "a share between 0 and 1"),
        ("finding_rate", share(options.finding_rate), options.finding_rate.to_string(), "a share between 0 and 1"),
        ("reference_rows_max", options.reference_rows_max >= 50, options.reference_rows_max.to_string(), "at least 50"),
        (
            "segments",
            options.segments.iter().all(categorical),
            format!("{:?}", options.segments),
            "names of categorical features of the schema",
        ),
    ];
    match checks.into_iter().find(|(_, holds, ..)| !holds) {
        Some((name, _, value, allowed)) => Err(DriftError::Option { name, value, allowed }),
        None => Ok(()),
    }
}
