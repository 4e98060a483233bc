//! One feature's values in one set of rows, reduced to what the tests need.
//!
//! Guarantees: independent of the order of the rows.
//!
//! Non-goals: joint behaviour of features.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::tabular::table::{Kind, Value};

/// The values of one feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Column {
    /// Rising numbers.
    Numeric { sorted: Vec<f64>, missing: usize },
    /// Rows by category.
    Categorical { counts: BTreeMap<String, usize>, missing: usize },
}

impl Column {
    /// Collects values; what is not of the kind counts as missing.
    pub(crate) fn of<'a>(kind: Kind, values: impl Iterator<Item = &'a Value>) -> Column {
        let mut missing = 0;
        match kind {
            Kind::Numeric => {
                let mut sorted = Vec::new();
                for value in values {
                    match value {
                        Value::Number(number) if number.is_finite() => sorted.push(*number),
                        _ => missing += 1,
                    }
                }
                sorted.sort_by(f64::total_cmp);
                Column::Numeric { sorted, missing }
            }
            Kind::Categorical => {
                let mut counts: BTreeMap<String, usize> = BTreeMap::new();
                for value in values {
                    match value {
                        Value::Text(text) => match counts.get_mut(text) {
                            Some(count) => *count += 1,
                            None => drop(counts.insert(text.clone(), 1)),
                        },
                        _ => missing += 1,
                    }
                }
                Column::Categorical { counts, missing }
            }
        }
    }

    /// Rows without a value.
    pub(crate) fn missing(&self) -> usize {
        match self {
            Column::Numeric { missing, .. } | Column::Categorical { missing, .. } => *missing,
        }
    }

    /// All rows.
    pub(crate) fn rows(&self) -> usize {
        match self {
            Column::Numeric { sorted, missing } => sorted.len() + missing,
            Column::Categorical { counts, missing } => counts.values().sum::<usize>() + missing,
        }
    }
}

/// The value at a share of rising numbers; `None` of nothing.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share * last as f64;
    let low = sorted.get(place.floor() as usize)?;
    let high = sorted.get((place.ceil() as usize).min(last))?;
    Some(low + (high - low) * place.fract())
}
