//! From values to columns of numbers.
//!
//! Purpose: one encoder per feature, fitted on training rows only. For linear learners, [`Recipe::WeightOfEvidence`]
//! gives each quantile bin or category the log odds of its outcomes against the base rate (Good 1950), and
//! [`Recipe::TargetRate`] keeps numbers as they are, with an indicator of absence, and gives each category its rate of
//! bad outcomes (Micci-Barreca 2001). For trees, numbers stay as they are, NaN where absent, and a category becomes a
//! code that they split by sets ([`Recipe::Native`]) or its rate ([`Recipe::AsOfRate`]).
//!
//! Guarantees: rates are smoothed towards the base rate by pseudo rows; the category columns of a *training* row are
//! computed as of its time, from outcomes known before it, so a row never sees its own label (as CatBoost's ordered
//! statistics, Prokhorenkova et al. 2018, with time as the order); unseen categories get the base rate; absent values
//! have a column value of their own; numbers beyond the training range are clipped to it.
//!
//! Non-goals: interactions between features.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::boost;
use super::calibrate::logit;
use super::table::{Kind, Value};

/// Fewest training rows in a quantile bin.
const BIN_ROWS_MIN: usize = 20;
/// Share of the training rows at either end whose numbers are clipped.
const CLIPPED_SHARE: f64 = 0.005;

/// A way to encode all features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipe {
    /// Log odds of bins and categories.
    WeightOfEvidence,
    /// Numbers as they are, absence apart, rates of categories.
    TargetRate,
    /// Numbers as they are, NaN where absent; codes of categories, the most frequent first.
    Native,
    /// Numbers as they are, NaN where absent; rates of categories.
    AsOfRate,
}

impl Recipe {
    /// Whether every column is a finite number whose size means something, as linear learners need.
    pub fn is_linear(self) -> bool {
        matches!(self, Recipe::WeightOfEvidence | Recipe::TargetRate)
    }
}

impl std::fmt::Display for Recipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Recipe::WeightOfEvidence => "weight of evidence",
            Recipe::TargetRate => "target rates",
            Recipe::Native => "native categories",
            Recipe::AsOfRate => "as-of rates",
        })
    }
}

/// What encoders are fitted with: the training rows' outcomes and times, and the settings.
#[derive(Debug, Clone)]
pub struct Context {
    /// One per training row.
    pub labels: Vec<bool>,
    /// One per training row.
    pub times: Vec<i64>,
    /// Share of bad outcomes among them.
    pub base_rate: f64,
    /// How long an outcome takes to be known.
    pub outcome_delay: i64,
    /// Most quantile bins.
    pub bins_max: usize,
    /// Pseudo rows at the base rate.
    pub smoothing: f64,
}

/// Rows and bad outcomes counted together.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    rows: f64,
    bad: f64,
}

impl Count {
    fn add(&mut self, label: bool) {
        self.rows += 1.0;
        self.bad += f64::from(u8::from(label));
    }
}

impl Context {
    fn rate(&self, count: Count) -> f64 {
        (count.bad + self.smoothing * self.base_rate) / (count.rows + self.smoothing)
    }

    fn column_value(&self, recipe: Recipe, count: Count) -> f64 {
        let rate = self.rate(count);
        match recipe {
            Recipe::WeightOfEvidence => logit(rate) - logit(self.base_rate),
            Recipe::TargetRate | Recipe::Native | Recipe::AsOfRate => rate,
        }
    }

    /// For each row, what its category had counted up when the row was made.
    fn counts_as_of(&self, keys: &[Option<&str>]) -> Vec<Count> {
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by_key(|&row| self.times[row]);
        let mut counts: BTreeMap<Option<&str>, Count> = BTreeMap::new();
        let mut result = vec![Count::default(); keys.len()];
        let mut known = order.iter().peekable();
        for &row in &order {
            let now = self.times[row];
            while let Some(&&past) = known.peek()
                && self.times[past] < now
                && self.times[past].saturating_add(self.outcome_delay) <= now
            {
                counts.entry(keys[past]).or_default().add(self.labels[past]);
                known.next();
            }
            result[row] = counts.get(&keys[row]).copied().unwrap_or_default();
        }
        result
    }
}

/// One column of numbers made from one feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "column", rename_all = "lowercase")]
pub(crate) enum Column {
    /// A value per quantile bin; bin `i` holds numbers with `i` edges at or below them.
    Bins { edges: Vec<f64>, values: Vec<f64>, missing: f64 },
    /// The number, clipped; the mean when absent.
    Clipped { low: f64, high: f64, missing: f64 },
    /// 1 when absent.
    Absent,
    /// The number as it is; NaN when absent.
    Plain,
    /// The category's code; NaN when absent or unseen.
    Code { codes: BTreeMap<String, u32> },
    /// A value per category.
    Category { values: BTreeMap<String, f64>, missing: f64, unseen: f64 },
}

impl Column {
    pub(crate) fn encode(&self, value: &Value) -> f64 {
        match (self, value) {
            (Column::Absent, _) => f64::from(u8::from(*value == Value::Missing)),
            (Column::Bins { edges, values, missing }, Value::Number(number)) => {
                values.get(edges.partition_point(|edge| edge <= number)).copied().unwrap_or(*missing)
            }
            (Column::Clipped { low, high, .. }, Value::Number(number)) => number.max(*low).min(*high),
            (Column::Category { values, unseen, .. }, Value::Text(text)) => {
                values.get(text).copied().unwrap_or(*unseen)
            }
            (Column::Plain, Value::Number(number)) => *number,
            (Column::Code { codes }, Value::Text(text)) => codes.get(text).map_or(f64::NAN, |code| f64::from(*code)),
            (Column::Plain | Column::Code { .. }, _) => f64::NAN,
            (Column::Bins { missing, .. } | Column::Clipped { missing, .. } | Column::Category { missing, .. }, _) => {
                *missing
            }
        }
    }

    fn is_sound(&self) -> bool {
        match self {
            Column::Absent | Column::Plain | Column::Code { .. } => true,
            Column::Bins { edges, values, missing } => {
                values.len() == edges.len() + 1
                    && edges.is_sorted()
                    && edges.iter().chain(values).chain([missing]).all(|value| value.is_finite())
            }
            Column::Clipped { low, high, missing } => low <= high && missing.is_finite(),
            Column::Category { values, missing, unseen } => {
                values.values().chain([missing, unseen]).all(|value| value.is_finite())
            }
        }
    }
}

/// The fitted columns of one feature, and its typical value in training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FeatureEncoder {
    pub(crate) columns: Vec<Column>,
    pub(crate) typical: Value,
}

/// A fitted encoder and the columns of the training rows, which differ from encoding them afresh where they are as-of.
pub(crate) struct Fitted {
    pub(crate) encoder: FeatureEncoder,
    pub(crate) training: Vec<Vec<f64>>,
}

impl FeatureEncoder {
    /// Fits on the training rows' values of one feature.
    pub(crate) fn fit(kind: Kind, values: &[&Value], recipe: Recipe, context: &Context) -> Fitted {
        match kind {
            Kind::Numeric => fit_numeric(values, recipe, context),
            Kind::Categorical => fit_categorical(values, recipe, context),
        }
    }

    /// Whether every number in it can be computed with.
    pub(crate) fn is_sound(&self) -> bool {
        !self.columns.is_empty() && self.columns.iter().all(Column::is_sound)
    }
}

fn fit_numeric(values: &[&Value], recipe: Recipe, context: &Context) -> Fitted {
    let mut numbers: Vec<f64> = values
        .iter()
        .filter_map(|value| match value {
            Value::Number(number) => Some(*number),
            _ => None,
        })
        .collect();
    numbers.sort_by(f64::total_cmp);
    let columns = match recipe {
        Recipe::WeightOfEvidence => vec![fit_bins(values, &numbers, recipe, context)],
        Recipe::Native | Recipe::AsOfRate => vec![Column::Plain],
        Recipe::TargetRate => {
            let at = |share: f64| numbers.get((share * numbers.len() as f64) as usize).copied();
            let low = at(CLIPPED_SHARE).unwrap_or(0.0);
            let high = at(1.0 - CLIPPED_SHARE).or(numbers.last().copied()).unwrap_or(0.0);
            let sum: f64 = numbers.iter().map(|number| number.max(low).min(high)).sum();
            let clipped = Column::Clipped { low, high, missing: sum / numbers.len().max(1) as f64 };
            if numbers.len() < values.len() { vec![clipped, Column::Absent] } else { vec![clipped] }
        }
    };
    let typical = numbers.get(numbers.len() / 2).map_or(Value::Missing, |median| Value::Number(*median));
    let training = columns.iter().map(|column| values.iter().map(|value| column.encode(value)).collect()).collect();
    Fitted { encoder: FeatureEncoder { columns, typical }, training }
}

/// Quantile bins of the `sorted` numbers, each with its outcomes.
pub(crate) fn fit_bins(values: &[&Value], sorted: &[f64], recipe: Recipe, context: &Context) -> Column {
    let bins = context.bins_max.min(sorted.len() / BIN_ROWS_MIN).max(1);
    let mut edges: Vec<f64> = (1..bins).map(|bin| sorted[bin * sorted.len() / bins]).collect();
    edges.dedup();
    edges.retain(|edge| Some(edge) != sorted.first());
    let mut counts = vec![Count::default(); edges.len() + 1];
    let mut absent = Count::default();
    for (value, &label) in values.iter().zip(&context.labels) {
        match value {
            Value::Number(number) => counts[edges.partition_point(|edge| edge <= number)].add(label),
            _ => absent.add(label),
        }
    }
    let values = counts.iter().map(|count| context.column_value(recipe, *count)).collect();
    Column::Bins { edges, values, missing: context.column_value(recipe, absent) }
}

fn fit_categorical(values: &[&Value], recipe: Recipe, context: &Context) -> Fitted {
    let keys = keys_of(values);
    let mut counts: BTreeMap<Option<&str>, Count> = BTreeMap::new();
    for (key, &label) in keys.iter().zip(&context.labels) {
        counts.entry(*key).or_default().add(label);
    }
    let constant = counts.len() < 2;
    let missing = counts.remove(&None).unwrap_or_default();
    // By falling frequency, by name among equals.
    let mut frequent: Vec<(&str, f64)> = counts.iter().filter_map(|(key, count)| Some(((*key)?, count.rows))).collect();
    frequent.sort_by(|a, b| b.1.total_cmp(&a.1));
    let typical = frequent.first().map_or(Value::Missing, |(key, _)| Value::Text((*key).to_owned()));
    if recipe == Recipe::Native {
        let most = frequent.iter().take(boost::CATEGORY_MAX as usize);
        let column = Column::Code { codes: most.zip(0..).map(|((key, _), code)| ((*key).to_owned(), code)).collect() };
        let training = values.iter().map(|value| column.encode(value)).collect();
        return Fitted { encoder: FeatureEncoder { columns: vec![column], typical }, training: vec![training] };
    }
    let column = Column::Category {
        values: counts
            .iter()
            .filter_map(|(key, count)| Some(((*key)?.to_owned(), context.column_value(recipe, *count))))
            .collect(),
        missing: context.column_value(recipe, missing),
        unseen: context.column_value(recipe, Count::default()),
    };
    // As of its time even a single category would vary, with nothing but the drift of the base rate.
    let training = if constant {
        values.iter().map(|value| column.encode(value)).collect()
    } else {
        context.counts_as_of(&keys).iter().map(|count| context.column_value(recipe, *count)).collect()
    };
    Fitted { encoder: FeatureEncoder { columns: vec![column], typical }, training: vec![training] }
}

/// For each row the as-of rate of its category and on how many earlier rows it rests.
pub(crate) fn rates_as_of(values: &[&Value], context: &Context) -> Vec<(f64, usize)> {
    let counts = context.counts_as_of(&keys_of(values));
    counts.into_iter().map(|count| (context.rate(count), count.rows as usize)).collect()
}

fn keys_of<'a>(values: &[&'a Value]) -> Vec<Option<&'a str>> {
    values
        .iter()
        .map(|value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}
