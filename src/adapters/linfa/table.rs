//! Rows between the service (JSON values) and the learning library (typed cells).
//!
//! Guarantee: no conversion between kinds; a number stays a number, a text a text, null is not known.

use holdfast_training::tabular::table::{Feature, Kind, Schema, Value as Cell};
use serde_json::Value;

use crate::ports::tabular::{FeatureKind, FeatureSpec};

/// A cell that is none of number, text and null.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("feature `{feature}` is `{value}`: give a number, a text or null")]
pub struct CellError {
    /// Its feature.
    pub feature: String,
    /// What was given.
    pub value: String,
}

/// The schema of some features, in the learning library's words.
#[must_use]
pub fn schema(version: &str, features: &[FeatureSpec]) -> Schema {
    let kind = |kind| match kind {
        FeatureKind::Numeric => Kind::Numeric,
        FeatureKind::Categorical => Kind::Categorical,
    };
    let feature = |spec: &FeatureSpec| Feature {
        name: spec.name.to_owned(),
        kind: kind(spec.kind),
        label: spec.label.to_owned(),
    };
    Schema { version: version.to_owned(), features: features.iter().map(feature).collect() }
}

/// A row for the learning library; `names` are for the error.
///
/// # Errors
/// [`CellError`], naming the first cell that has no counterpart.
pub fn to_learned(names: &[String], features: &[Value]) -> Result<Vec<Cell>, CellError> {
    let cell = |(at, value): (usize, &Value)| match value {
        Value::Null => Ok(Cell::Missing),
        Value::String(text) => Ok(Cell::Text(text.clone())),
        Value::Number(number) => Ok(number.as_f64().map_or(Cell::Missing, Cell::Number)),
        other => Err(CellError {
            feature: names.get(at).cloned().unwrap_or_else(|| at.to_string()),
            value: other.to_string(),
        }),
    };
    features.iter().enumerate().map(cell).collect()
}

/// A cell as JSON.
#[must_use]
pub fn from_learned(cell: &Cell) -> Value {
    match cell {
        Cell::Number(number) => Value::from(*number),
        Cell::Text(text) => Value::from(text.clone()),
        Cell::Missing => Value::Null,
    }
}
