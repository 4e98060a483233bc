//! When will it ship? Two quantiles by boosted trees, and margins that make them keep their word.
//!
//! Purpose: from rows and the hours from each row's time to its end, an interval that contains the hours as often as it
//! says: quantile boosters ([`super::boost`]) fitted on the older rows, conformalised ([`super::conformal`]) on the newer
//! ones, measured once on the test rows of the same split that the risk model uses.
//!
//! Guarantees: rows whose hours were not known when a fold began teach nothing in it; the adaptive coverage is measured
//! as it would have been served, each outcome heard only once it was known; the same table, hours and seed give the same
//! bytes, and a stored model reads back to the same answers.
//!
//! Non-goals: rows that never end. They are left out, so a fold of them makes intervals too short.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use linfa::ParamGuard;
use linfa::traits::Fit;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use super::boost::{BoostError, BoostParams, Booster, CATEGORY_MAX, Column, Objective, Records};
use super::conformal::adaptive::Adaptive;
use super::conformal::{Conformal, ConformalError, ConformalOptions, Interval};
use super::learner::{from_text, to_text};
use super::options::TrainOptions;
use super::split::{Split, SplitError};
use super::table::{Kind, Schema, SchemaError, Table, TableError, Value};
use super::train::{known_before_test, splits_of};

/// The layout of the stored model; a reader refuses any other.
const FORMAT: u32 = 1;
/// Fewest rows to fit quantiles on.
const FIT_ROWS_MIN: usize = 100;
/// Fewest rows to calibrate on.
const CALIBRATION_ROWS_MIN: usize = 40;
/// Share of the rows before the test that quantiles are fitted on; the newer ones calibrate.
const FIT_SHARE: f64 = 0.7;
/// Seconds of an hour.
const HOUR_S: f64 = 3600.0;
/// Share of lines whose hours are known when a row is old enough to be measured on.
const RIPE_SHARE: f64 = 0.98;
/// Most values of a category that coverage is told for.
const SEGMENTS_MAX: usize = 40;
/// Fewest test rows of a segment that coverage is told for.
const SEGMENT_ROWS_MIN: usize = 30;

/// Quantiles of the hours until a row ends, and their margins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShipDate {
    format: u32,
    schema: Schema,
    /// The feature whose values have margins of their own.
    segment: Option<String>,
    /// Codes of each categorical feature, the most frequent first; empty for numbers.
    codes: Vec<BTreeMap<String, u32>>,
    #[serde(serialize_with = "to_text", deserialize_with = "from_text")]
    low: Booster,
    #[serde(serialize_with = "to_text", deserialize_with = "from_text")]
    high: Booster,
    conformal: Conformal,
}

/// How often the intervals contained the hours, in one segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentCoverage {
    /// What the feature is called in front of people.
    pub feature: String,
    /// Its value.
    pub value: String,
    /// Test rows.
    pub rows: usize,
    /// Share inside the adaptive interval.
    pub coverage: f64,
}

/// What the test rows said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// The share that was promised.
    pub promised: f64,
    /// Rows that the quantiles were fitted on.
    pub rows_fit: usize,
    /// Rows that the margins were calibrated on.
    pub rows_calibration: usize,
    /// Rows that this was measured on.
    pub rows_test: usize,
    /// Whether the table ends so soon after them that slow lines are missing, which makes the shares look better.
    pub flatters: bool,
    /// Share inside the interval as it was calibrated.
    pub calibrated: f64,
    /// Share inside the interval that hears of each outcome once it is known: what is served.
    pub adaptive: f64,
    /// Median width in hours of the latter.
    pub width_h: f64,
    /// By the values of categories that have few.
    pub segments: Vec<SegmentCoverage>,
}

/// No interval can be learned, or read.
#[derive(Debug, thiserror::Error)]
pub enum ShipDateError {
    /// The table.
    #[error("the table cannot be used")]
    Table(#[from] TableError),
    /// Its split.
    #[error("the table cannot be split in time order")]
    Split(#[from] SplitError),
    /// Not one of each.
    #[error("{hours} hours for {rows} rows: give one for each, or none where it is not known")]
    Length {
        /// Rows.
        rows: usize,
        /// Hours.
        hours: usize,
    },
    /// Too little.
    #[error("{found} rows of known hours to {what}, and {needed} are needed: collect a longer history")]
    TooFewRows {
        /// What for.
        what: &'static str,
        /// Rows.
        found: usize,
        /// Rows needed.
        needed: usize,
    },
    /// The quantiles.
    #[error("the quantiles of the hours cannot be fitted")]
    Boost(#[from] BoostError),
    /// The margins.
    #[error("the interval cannot be calibrated")]
    Conformal(#[from] ConformalError),
    /// A row of another schema.
    #[error("a row does not fit the schema")]
    Row(#[from] SchemaError),
    /// Stored bytes that are none.
    #[error("the stored interval cannot be used ({0}): train it again, or restore the file")]
    Stored(String),
}

impl ShipDate {
    /// Learns from `table`, whose times are seconds, and the `hours` until each row ended; `segment` is the categorical
    /// feature whose values have margins of their own.
    ///
    /// # Errors
    /// [`ShipDateError`].
    pub fn train(
        table: &Table,
        hours: &[Option<f64>],
        segment: Option<&str>,
        options: &TrainOptions,
    ) -> Result<(ShipDate, Coverage), ShipDateError> {
        table.check()?;
        if hours.len() != table.rows.len() {
            return Err(ShipDateError::Length { rows: table.rows.len(), hours: hours.len() });
        }
        let splits = splits_of(table, options)?;
        let known = known_before_test(table, &splits, options);
        let ended = |wanted: &dyn Fn(usize) -> bool| {
            let has = |row: &usize| wanted(*row) && hours[*row].is_some_and(f64::is_finite);
            let mut rows: Vec<usize> = (0..hours.len()).filter(has).collect();
            rows.sort_by_key(|&row| table.times[row]);
            rows
        };
        let pool = ended(&|row| known[row]);
        let (test, flatters) = ripe(table, hours, &pool, ended(&|row| splits[row] == Split::Test));
        let (fit, calibration) = cut(table, &pool, options.outcome_delay);
        for (what, rows, needed) in [
            ("fit quantiles on", &fit, FIT_ROWS_MIN),
            ("calibrate on", &calibration, CALIBRATION_ROWS_MIN),
            ("measure on", &test, 1),
        ] {
            if rows.len() < needed {
                return Err(ShipDateError::TooFewRows { what, found: rows.len(), needed });
            }
        }
        let model = ShipDate::fit(table, hours, segment, &fit, &calibration, options.seed)?;
        let mut coverage = model.measure(table, hours, &test)?;
        (coverage.rows_fit, coverage.rows_calibration) = (fit.len(), calibration.len());
        coverage.flatters = flatters;
        Ok((model, coverage))
    }

    fn fit(
        table: &Table,
        hours: &[Option<f64>],
        segment: Option<&str>,
        fit: &[usize],
        calibration: &[usize],
        seed: u64,
    ) -> Result<ShipDate, ShipDateError> {
        let codes = codes(table, fit);
        let columns: Vec<Column> = table.schema.features.iter().map(column).collect();
        let encoded: Vec<Vec<f32>> = fit.iter().map(|&row| encode(&codes, &table.rows[row])).collect();
        let records = Array2::from_shape_fn((fit.len(), codes.len()), |(row, column)| encoded[row][column]);
        let targets: Array1<f32> = fit.iter().map(|&row| hours[row].unwrap_or_default() as f32).collect();
        let records = Records::new(records, targets);
        let booster = |level: f64| {
            let params = BoostParams::new(Objective::Quantile { level }).columns(columns.clone()).seed(seed);
            params.trees(100).leaves_max(15).learning_rate(0.08).row_share(0.8).column_share(0.7).check()?.fit(&records)
        };
        let options = ConformalOptions::default();
        let tail = 0.5 * (1.0 - options.coverage);
        let (low, high) = (booster(tail)?, booster(1.0 - tail)?);
        let quantiles = |row: usize| {
            let row = encode(&codes, &table.rows[row]);
            Interval { low: low.raw(&row), high: high.raw(&row) }
        };
        let predictions: Vec<Interval> = calibration.iter().map(|&row| quantiles(row)).collect();
        let outcomes: Vec<f64> = calibration.iter().map(|&row| hours[row].unwrap_or_default()).collect();
        let segment = segment.filter(|name| table.schema.features.iter().any(|feature| feature.name == **name));
        let names: Vec<String> =
            calibration.iter().map(|&row| name(&table.schema, segment, &table.rows[row])).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let conformal = Conformal::fit(&predictions, &outcomes, &names, options)?;
        let (schema, segment) = (table.schema.clone(), segment.map(str::to_owned));
        Ok(ShipDate { format: FORMAT, schema, segment, codes, low, high, conformal })
    }

    /// The quantiles of the hours until the row ends, without margins.
    ///
    /// # Errors
    /// [`SchemaError`] when the row does not fit the schema.
    pub fn quantiles(&self, row: &[Value]) -> Result<Interval, SchemaError> {
        self.schema.check_row(row)?;
        let row = encode(&self.codes, row);
        Ok(Interval { low: self.low.raw(&row), high: self.high.raw(&row) })
    }

    /// The segment whose margins hold for the row.
    pub fn segment(&self, row: &[Value]) -> String {
        name(&self.schema, self.segment.as_deref(), row)
    }

    /// What the margins begin with.
    pub fn adaptive(&self) -> Adaptive {
        Adaptive::new(self.conformal.clone())
    }

    /// The calibrated margins.
    pub fn conformal(&self) -> &Conformal {
        &self.conformal
    }

    fn measure(&self, table: &Table, hours: &[Option<f64>], test: &[usize]) -> Result<Coverage, ShipDateError> {
        let mut adaptive = self.adaptive();
        let mut heard: BinaryHeap<Reverse<(i64, usize)>> = BinaryHeap::new();
        let (mut calibrated, mut inside, mut widths) = (0usize, Vec::new(), Vec::new());
        for (at, &row) in test.iter().enumerate() {
            while let Some(&Reverse((known_at, earlier))) = heard.peek()
                && known_at <= table.times[row]
            {
                heard.pop();
                let earlier = test[earlier];
                let values = &table.rows[earlier];
                adaptive.observe(self.quantiles(values)?, &self.segment(values), hours[earlier].unwrap_or_default());
            }
            let (values, took) = (&table.rows[row], hours[row].unwrap_or_default());
            let (quantiles, segment) = (self.quantiles(values)?, self.segment(values));
            calibrated += usize::from(self.conformal.interval(quantiles, &segment).contains(took));
            let interval = adaptive.interval(quantiles, &segment);
            inside.push(interval.contains(took));
            widths.push(interval.width());
            heard.push(Reverse((table.times[row].saturating_add((took * HOUR_S).ceil() as i64), at)));
        }
        widths.sort_by(f64::total_cmp);
        Ok(Coverage {
            promised: self.conformal.coverage(),
            rows_fit: 0,
            rows_calibration: 0,
            rows_test: test.len(),
            flatters: false,
            calibrated: calibrated as f64 / test.len().max(1) as f64,
            adaptive: share(inside.iter().copied()),
            width_h: widths.get(widths.len() / 2).copied().unwrap_or(0.0),
            segments: segments(table, test, &inside),
        })
    }

    /// The model as JSON; the same model gives the same bytes.
    ///
    /// # Errors
    /// [`ShipDateError::Stored`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, ShipDateError> {
        serde_json::to_vec(self).map_err(|error| ShipDateError::Stored(error.to_string()))
    }

    /// Reads what [`ShipDate::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`ShipDateError::Stored`].
    pub fn from_bytes(bytes: &[u8]) -> Result<ShipDate, ShipDateError> {
        let damaged = |what: String| ShipDateError::Stored(what);
        let model: ShipDate = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        if model.format != FORMAT {
            return Err(damaged(format!("format {} and this program reads {FORMAT}", model.format)));
        }
        model.schema.check()?;
        let width = model.schema.features.len();
        let fits = [&model.low, &model.high].iter().all(|booster| booster.columns() == width);
        if !fits || model.codes.len() != width {
            return Err(damaged("parts of different widths".to_owned()));
        }
        Ok(model)
    }
}

/// The test rows that are old enough for nearly every line's hours to be known when the table ends: of the newest, only the
/// quick ones are known, and they flatter. All of them, and `true`, where few are left.
fn ripe(table: &Table, hours: &[Option<f64>], pool: &[usize], test: Vec<usize>) -> (Vec<usize>, bool) {
    let took = |row: usize| (hours[row].unwrap_or_default() * HOUR_S).ceil() as i64;
    let mut waits: Vec<i64> = pool.iter().map(|&row| took(row)).collect();
    waits.sort_unstable();
    let wait = waits.get((RIPE_SHARE * waits.len() as f64) as usize).copied().unwrap_or(0);
    let end = test.iter().map(|&row| table.times[row].saturating_add(took(row))).max().unwrap_or(i64::MAX);
    let ripe: Vec<usize> = test.iter().copied().filter(|&row| table.times[row].saturating_add(wait) <= end).collect();
    if ripe.len() >= SEGMENT_ROWS_MIN { (ripe, false) } else { (test, true) }
}

/// The older rows whose hours were known when the newer ones began, and the newer ones.
fn cut(table: &Table, pool: &[usize], delay: i64) -> (Vec<usize>, Vec<usize>) {
    let from = pool.get((FIT_SHARE * pool.len() as f64) as usize).map_or(i64::MAX, |&row| table.times[row]);
    let fit =
        pool.iter().copied().filter(|&row| table.times[row].saturating_add(delay) <= from && table.times[row] < from);
    (fit.collect(), pool.iter().copied().filter(|&row| table.times[row] >= from).collect())
}

fn column(feature: &super::table::Feature) -> Column {
    match feature.kind {
        Kind::Numeric => Column::Numeric { monotone: 0 },
        Kind::Categorical => Column::Categorical,
    }
}

fn codes(table: &Table, rows: &[usize]) -> Vec<BTreeMap<String, u32>> {
    let of = |index: usize| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for &row in rows {
            if let Some(Value::Text(text)) = table.rows[row].get(index) {
                *counts.entry(text).or_default() += 1;
            }
        }
        let mut frequent: Vec<(&str, usize)> = counts.into_iter().collect();
        frequent.sort_by_key(|(_, count)| Reverse(*count));
        frequent
            .into_iter()
            .take(CATEGORY_MAX as usize)
            .zip(0..)
            .map(|((text, _), code)| (text.to_owned(), code))
            .collect()
    };
    (0..table.schema.features.len()).map(of).collect()
}

fn encode(codes: &[BTreeMap<String, u32>], row: &[Value]) -> Vec<f32> {
    let cell = |(codes, value): (&BTreeMap<String, u32>, &Value)| match value {
        Value::Number(number) => *number as f32,
        Value::Text(text) => codes.get(text).map_or(f32::NAN, |code| *code as f32),
        Value::Missing => f32::NAN,
    };
    codes.iter().zip(row).map(cell).collect()
}

fn name(schema: &Schema, segment: Option<&str>, row: &[Value]) -> String {
    let at = segment.and_then(|segment| schema.features.iter().position(|feature| feature.name == segment));
    match at.and_then(|at| row.get(at)) {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

fn share(inside: impl Iterator<Item = bool>) -> f64 {
    let (rows, hits) = inside.fold((0usize, 0usize), |(rows, hits), hit| (rows + 1, hits + usize::from(hit)));
    hits as f64 / rows.max(1) as f64
}

fn segments(table: &Table, test: &[usize], inside: &[bool]) -> Vec<SegmentCoverage> {
    let mut found = Vec::new();
    for (at, feature) in table.schema.features.iter().enumerate().filter(|(_, f)| f.kind == Kind::Categorical) {
        let mut by_value: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
        for (&row, hit) in test.iter().zip(inside) {
            if let Some(Value::Text(text)) = table.rows[row].get(at) {
                by_value.entry(text).or_default().push(*hit);
            }
        }
        if (2..=SEGMENTS_MAX).contains(&by_value.len()) {
            let label = if feature.label.is_empty() { &feature.name } else { &feature.label };
            let told = by_value.into_iter().filter(|(_, hits)| hits.len() >= SEGMENT_ROWS_MIN);
            found.extend(told.map(|(value, hits)| SegmentCoverage {
                feature: label.clone(),
                value: value.to_owned(),
                rows: hits.len(),
                coverage: share(hits.into_iter()),
            }));
        }
    }
    found
}

impl std::fmt::Display for Coverage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Coverage { promised, rows_fit, rows_calibration, rows_test, calibrated, adaptive, width_h, .. } = self;
        let percent = |share: &f64| 100.0 * share;
        write!(
            f,
            "ship date    {:.0} % interval contained {:.1} % of {rows_test} (as calibrated {:.1} %), median width \
             {width_h:.1} h; fitted on {rows_fit}, calibrated on {rows_calibration}",
            percent(promised),
            percent(adaptive),
            percent(calibrated)
        )?;
        if self.flatters {
            f.write_str("; the history ends so soon after that slow lines are missing, which flatters")?;
        }
        for SegmentCoverage { feature, value, rows, coverage } in &self.segments {
            write!(f, "\n  {:>5.1} %  of {rows:>6}  {feature} {value}", percent(coverage))?;
        }
        Ok(())
    }
}
