//! Is a row one that the model has learned anything about?
//!
//! Purpose: abstain, with the reason in words, where a model would only guess: categories and absences that training
//! never had, numbers far outside its range, rows whose values are each possible and together very rare.
//!
//! Every value gets a *surprise*: minus the logarithm of how often training had a value as unusual or more. For
//! categories that training never had, that is the share of categories it had once (Good 1953), so that a new customer
//! is no surprise where every tenth is new and a new carrier is one. A row is outside when its largest surprise or the
//! sum of all is above a limit taken from rows that the surprises were not fitted on, as a conformal test of novelty
//! (Bates et al. 2023).
//!
//! Guarantees: rows exchangeable with the calibration rows are called outside at no more than the stated rate, whatever
//! their distribution, plus what the features in [`SupportOptions::must_know`] add; the verdict names every value that
//! is above the limit by itself.
//!
//! Non-goals: pairs of values that never occurred together; drift of many rows, which is [`super::drift`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::table::{Feature, Kind, Schema, SchemaError, Value};
use super::words;

/// What never happened in `n` rows is taken to happen once in this many times `n`.
const NEVER: f64 = 10.0;
/// Quantiles that are kept of a number.
const GRID: usize = 200;
/// Most values named when only all of them together are unusual.
const NAMED_MAX: usize = 3;

/// Settings of [`Support::fit`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SupportOptions {
    /// Share of ordinary rows that may be called outside.
    pub false_alarm_rate: f64,
    /// Categorical features without which nothing can be said: an unseen category or a missing value there is always
    /// outside.
    pub must_know: Vec<String>,
    /// Features that leave their range by nature, such as counters and dates.
    pub ignored: Vec<String>,
}

impl Default for SupportOptions {
    fn default() -> Self {
        SupportOptions { false_alarm_rate: 0.01, must_know: Vec::new(), ignored: Vec::new() }
    }
}

/// Support cannot be learned.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SupportError {
    /// A rate that is none.
    #[error("the false-alarm rate {rate} cannot be used: give a share between 0 and 0.5")]
    Rate {
        /// The rate.
        rate: f64,
    },
    /// A feature that the schema does not have, or of the wrong kind.
    #[error("the feature `{feature}` of the option `{option}` is not {expected} of the schema: correct the name")]
    Unknown {
        /// The feature.
        feature: String,
        /// The option.
        option: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Too little to know what is ordinary.
    #[error("{found} {what} rows cannot hold a false-alarm rate of {rate}: give at least {needed}")]
    TooFewRows {
        /// Training or calibration.
        what: &'static str,
        /// Rows given.
        found: usize,
        /// The rate.
        rate: f64,
        /// Rows needed.
        needed: usize,
    },
    /// The schema or a row; rows count from 0.
    #[error("{what} row {row} does not fit the schema")]
    Row {
        /// Training or calibration.
        what: &'static str,
        /// Index of the row.
        row: usize,
        /// What is wrong with it.
        #[source]
        source: SchemaError,
    },
}

/// What training had of one feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Profile {
    /// Not looked at.
    Ignored,
    /// Quantiles at equal steps, the distance between the quartiles, and the share without a value.
    Numeric { rows: f64, quantiles: Vec<f64>, spread: f64, missing: f64 },
    /// The surprise of each category and of one never seen, and the share without a value.
    Categorical { rows: f64, surprises: BTreeMap<String, f64>, unseen: f64, missing: f64 },
}

/// Why a value is unusual.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "oddity", rename_all = "snake_case")]
pub enum Oddity {
    /// A category that training never had.
    Unseen,
    /// A category that training seldom had.
    Rare,
    /// A number above all of training.
    Above {
        /// The highest in training.
        highest: f64,
    },
    /// A number below all of training.
    Below {
        /// The lowest in training.
        lowest: f64,
    },
    /// A number that few of training exceed, or fall short of.
    Tail,
    /// No value.
    Missing {
        /// Share of training without one.
        share: f64,
    },
}

/// One unusual value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The feature's name.
    pub feature: String,
    /// What it is called in front of people.
    pub label: String,
    /// Its value.
    pub value: Value,
    /// In which way it is unusual.
    pub oddity: Oddity,
    /// Minus the logarithm of the share of training with a value as unusual.
    pub surprise: f64,
}

/// The verdict on one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Whether to abstain.
    pub outside: bool,
    /// The row's novelty against the limits: above 1 is outside.
    pub novelty: f64,
    /// The unusual values, the strangest first; empty inside.
    pub reasons: Vec<Reason>,
    /// Whether only all values together are unusual.
    pub together: bool,
}

/// What training had, and how much surprise is ordinary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Support {
    schema: Schema,
    options: SupportOptions,
    profiles: Vec<Profile>,
    limit_single: f64,
    limit_together: f64,
}

impl Support {
    /// Learns from `training` rows what is usual, and from `calibration` rows, which should be later ones, how much
    /// surprise is ordinary.
    ///
    /// # Errors
    /// [`SupportError`].
    pub fn fit(
        schema: &Schema,
        training: &[&[Value]],
        calibration: &[&[Value]],
        options: &SupportOptions,
    ) -> Result<Support, SupportError> {
        let rate = options.false_alarm_rate;
        check_options(schema, options)?;
        let needed = (2.0 / rate).ceil() as usize;
        for (what, rows) in [("training", training), ("calibration", calibration)] {
            if rows.len() < needed {
                return Err(SupportError::TooFewRows { what, found: rows.len(), rate, needed });
            }
            for (row, values) in rows.iter().enumerate() {
                schema.check_row(values).map_err(|source| SupportError::Row { what, row, source })?;
            }
        }
        let profile = |(index, feature): (usize, &Feature)| {
            let values = training.iter().filter_map(|row| row.get(index));
            if options.ignored.contains(&feature.name) { Profile::Ignored } else { Profile::of(feature.kind, values) }
        };
        let profiles = schema.features.iter().enumerate().map(profile).collect();
        let mut support = Support {
            schema: schema.clone(),
            options: options.clone(),
            profiles,
            limit_single: 0.0,
            limit_together: 0.0,
        };
        let scores: Vec<(f64, f64)> = calibration.iter().map(|row| support.scores(row)).collect();
        let limit = |mut scores: Vec<f64>| {
            scores.sort_by(f64::total_cmp);
            let rank = ((scores.len() + 1) as f64 * (1.0 - 0.5 * rate) - 1e-9).ceil() as usize;
            scores.get(rank.saturating_sub(1)).copied().unwrap_or(f64::MAX)
        };
        support.limit_single = limit(scores.iter().map(|score| score.0).collect());
        support.limit_together = limit(scores.iter().map(|score| score.1).collect());
        Ok(support)
    }

    /// Whether to abstain on `row`, and why.
    ///
    /// # Errors
    /// [`SchemaError`] when the row does not fit the schema.
    pub fn judge(&self, row: &[Value]) -> Result<Judgement, SchemaError> {
        self.schema.check_row(row)?;
        let (single, together) = self.scores(row);
        let mut reasons: Vec<(bool, Reason)> = Vec::new();
        for ((feature, profile), value) in self.schema.features.iter().zip(&self.profiles).zip(row) {
            let (surprise, oddity) = profile.surprise(value);
            let unknown = matches!(oddity, Oddity::Unseen | Oddity::Missing { .. });
            let needed = unknown && self.options.must_know.contains(&feature.name);
            let (feature, label) = (feature.name.clone(), feature.label.clone());
            let reason = Reason { feature, label, value: value.clone(), oddity, surprise };
            reasons.push((needed || surprise > self.limit_single, reason));
        }
        reasons.sort_by(|(_, a), (_, b)| b.surprise.total_cmp(&a.surprise));
        let alone = reasons.iter().any(|(alone, _)| *alone);
        let outside = alone || together > self.limit_together;
        let named = reasons.into_iter().filter(|(by_itself, _)| *by_itself || !alone).map(|(_, reason)| reason);
        let ratio =
            |score: f64, limit: f64| if limit > 0.0 { score / limit } else { f64::from(u8::from(score > limit)) };
        Ok(Judgement {
            outside,
            novelty: ratio(single, self.limit_single).max(ratio(together, self.limit_together)),
            reasons: if !outside {
                Vec::new()
            } else if alone {
                named.collect()
            } else {
                named.take(NAMED_MAX).collect()
            },
            together: outside && !alone,
        })
    }

    /// The largest surprise and the sum of all.
    fn scores(&self, row: &[Value]) -> (f64, f64) {
        let surprises = self.profiles.iter().zip(row).map(|(profile, value)| profile.surprise(value).0);
        surprises.fold((0.0, 0.0), |(largest, sum): (f64, f64), surprise| (largest.max(surprise), sum + surprise))
    }
}

impl Profile {
    fn of<'a>(kind: Kind, values: impl Iterator<Item = &'a Value>) -> Profile {
        let (mut rows, mut absent) = (0.0, 0.0);
        let mut numbers: Vec<f64> = Vec::new();
        let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
        for value in values {
            rows += 1.0;
            match value {
                Value::Number(number) => numbers.push(*number),
                Value::Text(text) => *counts.entry(text).or_default() += 1.0,
                Value::Missing => absent += 1.0,
            }
        }
        let missing = absent / rows;
        match kind {
            Kind::Numeric => {
                numbers.sort_by(f64::total_cmp);
                let last = numbers.len().saturating_sub(1);
                let at = |step: usize| numbers.get(step * last / GRID).copied();
                let quantiles: Vec<f64> = (0..=GRID).filter_map(at).collect();
                let quartile = |share: usize| at(share * GRID / 4).unwrap_or(0.0);
                let range = quartile(4) - quartile(0);
                let middle = quartile(3) - quartile(1);
                let spread = if middle > 0.0 { middle } else { range };
                Profile::Numeric { rows, quantiles, spread, missing }
            }
            Kind::Categorical => {
                let once = counts.values().filter(|count| **count == 1.0).count() as f64;
                let as_rare = |count: f64| counts.values().filter(|other| **other <= count).sum::<f64>() / rows;
                // Many categories share few counts.
                let mut by_count: BTreeMap<u64, f64> = BTreeMap::new();
                for &count in counts.values() {
                    by_count.entry(count as u64).or_insert_with(|| -as_rare(count).ln());
                }
                let surprise = |count: &f64| by_count.get(&(*count as u64)).copied().unwrap_or_default();
                let surprises = counts.iter().map(|(name, count)| ((*name).to_owned(), surprise(count))).collect();
                Profile::Categorical { rows, surprises, unseen: (rows / once.max(1.0 / NEVER)).ln(), missing }
            }
        }
    }

    fn surprise(&self, value: &Value) -> (f64, Oddity) {
        match (self, value) {
            (Profile::Ignored, _) => (0.0, Oddity::Tail),
            (Profile::Numeric { rows, quantiles, spread, .. }, Value::Number(number)) => {
                let (lowest, highest) = (quantiles.first().copied(), quantiles.last().copied());
                // How far outside, in distances between the quartiles; a constant has none, and anything else is far.
                let outside = |distance: f64| {
                    let far = if *spread > 0.0 { distance / spread } else { NEVER };
                    rows.ln() + far.ln_1p()
                };
                match (lowest, highest) {
                    (Some(lowest), _) if *number < lowest => (outside(lowest - number), Oddity::Below { lowest }),
                    (_, Some(highest)) if *number > highest => (outside(number - highest), Oddity::Above { highest }),
                    (None, _) | (_, None) => ((NEVER * rows).ln(), Oddity::Unseen),
                    _ => (-(tail(quantiles, *number).max(1.0 / rows)).ln(), Oddity::Tail),
                }
            }
            (Profile::Categorical { surprises, unseen, .. }, Value::Text(text)) => match surprises.get(text) {
                Some(surprise) => (*surprise, Oddity::Rare),
                None => (*unseen, Oddity::Unseen),
            },
            (Profile::Numeric { rows, missing, .. } | Profile::Categorical { rows, missing, .. }, _) => {
                let surprise = if *missing > 0.0 { -missing.ln() } else { (NEVER * rows).ln() };
                (surprise, Oddity::Missing { share: *missing })
            }
        }
    }
}

/// Twice the smaller share of training at or beyond a number within its range, at most 1.
fn tail(quantiles: &[f64], number: f64) -> f64 {
    let steps = quantiles.len().saturating_sub(1).max(1) as f64;
    let at_or_below = quantiles.partition_point(|quantile| *quantile <= number) as f64 / steps;
    let below = quantiles.partition_point(|quantile| *quantile < number) as f64;
    let at_or_above = (steps + 1.0 - below) / steps;
    (2.0 * at_or_below.min(at_or_above)).min(1.0)
}

fn check_options(schema: &Schema, options: &SupportOptions) -> Result<(), SupportError> {
    let rate = options.false_alarm_rate;
    if !(rate > 0.0 && rate < 0.5) {
        return Err(SupportError::Rate { rate });
    }
    let has = |name: &str, categorical: bool| {
        let fits = |feature: &Feature| feature.name == name && (!categorical || feature.kind == Kind::Categorical);
        schema.features.iter().any(fits)
    };
    let unknown =
        |feature: &String, option, expected| SupportError::Unknown { feature: feature.clone(), option, expected };
    if let Some(name) = options.must_know.iter().find(|name| !has(name, true)) {
        return Err(unknown(name, "must_know", "a categorical feature"));
    }
    match options.ignored.iter().find(|name| !has(name, false)) {
        Some(name) => Err(unknown(name, "ignored", "a feature")),
        None => Ok(()),
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Reason { feature, label, value, oddity, surprise } = self;
        let name = if label.is_empty() { feature } else { label };
        let share = 100.0 * (-surprise).exp();
        let value = words::value(value);
        match oddity {
            Oddity::Unseen => write!(f, "{name} is {value}, which training never had"),
            Oddity::Rare => write!(f, "{name} is {value}, as rare as {share:.2} % of training"),
            Oddity::Above { highest } => {
                write!(f, "{name} is {value}, above all of training (highest {})", words::number(*highest))
            }
            Oddity::Below { lowest } => {
                write!(f, "{name} is {value}, below all of training (lowest {})", words::number(*lowest))
            }
            Oddity::Tail => write!(f, "{name} is {value}, as far out as {share:.2} % of training"),
            Oddity::Missing { share: 0.0 } => write!(f, "{name} is missing, and never was in training"),
            Oddity::Missing { .. } => write!(f, "{name} is missing, as in {share:.2} % of training"),
        }
    }
}

impl std::fmt::Display for Judgement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.outside {
            return f.write_str("within what training had");
        }
        f.write_str(if self.together { "unusual only all together: " } else { "outside what training had: " })?;
        for (index, reason) in self.reasons.iter().enumerate() {
            write!(f, "{}{reason}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}
