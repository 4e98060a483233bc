//! A labelled table of cases, and the schema that its rows obey.
//!
//! Purpose: the one shape in which rows reach training and prediction.
//!
//! Guarantees: a table that passes [`Table::check`] has rows of equal width, values of the declared kinds, and finite
//! numbers of sane size; every error names the row and the feature.
//!
//! Non-goals: no conversion between kinds. A number in a categorical feature is an error, because guessing its spelling
//! (`7`, `7.0`, `07`) would silently make an unseen category of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::split::Split;

/// The largest magnitude of a number; beyond it, sums of squares over many rows would lose their meaning.
pub const NUMBER_MAX: f64 = 1e30;

/// One cell. JSON: a number, a string, or `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A finite number.
    Number(f64),
    /// A category.
    Text(String),
    /// Not known.
    Missing,
}

impl Value {
    /// What this value is, in the words of the errors.
    fn describe(&self) -> &'static str {
        match self {
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::Missing => "nothing",
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Number(number) => write!(f, "{number}"),
            Value::Text(text) => f.write_str(text),
            Value::Missing => f.write_str("missing"),
        }
    }
}

/// How a feature is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A quantity: order and distance mean something.
    Numeric,
    /// A name: only equality means something.
    Categorical,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Numeric => "a number",
            Kind::Categorical => "a text",
        })
    }
}

/// One column of the model's input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// The name in data and errors, unique in its schema.
    pub name: String,
    /// How it is read.
    pub kind: Kind,
    /// What it is called in front of people.
    pub label: String,
}

/// The ordered features of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Names this exact list; a model refuses rows made for another version at load, by whoever makes the rows.
    pub version: String,
    /// The columns, in row order.
    pub features: Vec<Feature>,
}

/// A row or a schema is not what it must be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SchemaError {
    /// No feature to learn from.
    #[error("the schema `{version}` has no features: declare at least one")]
    Empty {
        /// The schema's version.
        version: String,
    },
    /// Two features of one name.
    #[error("the schema names the feature `{feature}` twice or leaves a name empty: give each feature its own name")]
    Name {
        /// The name.
        feature: String,
    },
    /// A row of another width.
    #[error("the row has {found} values and the schema {expected} features: build the row from this schema")]
    Width {
        /// Features of the schema.
        expected: usize,
        /// Values of the row.
        found: usize,
    },
    /// A value of another kind.
    #[error("feature `{feature}` must be {expected} but is {found} (`{value}`): convert it, or pass it as missing")]
    Kind {
        /// The feature.
        feature: String,
        /// The declared kind.
        expected: Kind,
        /// The kind of the value.
        found: &'static str,
        /// The value.
        value: String,
    },
    /// A number that cannot be computed with.
    #[error(
        "feature `{feature}` is {value}, which is not finite or exceeds 1e30: check its unit, or pass it as missing"
    )]
    Range {
        /// The feature.
        feature: String,
        /// The value.
        value: f64,
    },
}

impl Schema {
    /// Checks that there are features and that their names are distinct.
    ///
    /// # Errors
    /// [`SchemaError::Empty`] or [`SchemaError::Name`].
    pub fn check(&self) -> Result<(), SchemaError> {
        if self.features.is_empty() {
            return Err(SchemaError::Empty { version: self.version.clone() });
        }
        let mut names = BTreeSet::new();
        for feature in &self.features {
            if feature.name.is_empty() || !names.insert(&feature.name) {
                return Err(SchemaError::Name { feature: feature.name.clone() });
            }
        }
        Ok(())
    }

    /// Checks one row against the features.
    ///
    /// # Errors
    /// [`SchemaError`], naming the first feature that does not fit.
    pub fn check_row(&self, row: &[Value]) -> Result<(), SchemaError> {
        if row.len() != self.features.len() {
            return Err(SchemaError::Width { expected: self.features.len(), found: row.len() });
        }
        for (feature, value) in self.features.iter().zip(row) {
            match (feature.kind, value) {
                (_, Value::Missing) | (Kind::Categorical, Value::Text(_)) => {}
                (Kind::Numeric, Value::Number(number)) => {
                    if !number.is_finite() || number.abs() > NUMBER_MAX {
                        return Err(SchemaError::Range { feature: feature.name.clone(), value: *number });
                    }
                }
                (expected, other) => {
                    return Err(SchemaError::Kind {
                        feature: feature.name.clone(),
                        expected,
                        found: other.describe(),
                        value: other.to_string(),
                    });
                }
            }
        }
        Ok(())
    }
}

/// Labelled rows in any order; `times` orders them.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What the columns are.
    pub schema: Schema,
    /// Cases × features.
    pub rows: Vec<Vec<Value>>,
    /// Whether the bad outcome happened, one per row.
    pub labels: Vec<bool>,
    /// When the features were known, one per row, in any one unit (seconds, or the row number of a file in time order).
    pub times: Vec<i64>,
    /// Who may learn from which row; without it training splits by time.
    pub splits: Option<Vec<Split>>,
    /// What else is known of rows and columns.
    pub facts: Facts,
}

/// What is known of a table beside its cells; by default nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// How long after its time a row's outcome is known, at least, in the unit of the times.
    pub outcome_delay: i64,
    /// By feature, when its value was known, one per row, in the unit of the times; `None` where nobody wrote it down.
    pub known_at: BTreeMap<String, Vec<Option<i64>>>,
    /// What belongs together, one per row, such as the order of a line; a row without a group stands alone.
    pub groups: Option<Vec<Option<String>>>,
    /// By numeric feature, the way in which the risk may move as it grows.
    pub monotone: BTreeMap<String, Monotone>,
}

/// The way in which a risk may move as a feature grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Monotone {
    /// Never down.
    Rising,
    /// Never up.
    Falling,
}

/// A table is not what it must be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TableError {
    /// The schema itself.
    #[error("the table's schema cannot be used")]
    Schema(#[source] SchemaError),
    /// Columns of different lengths.
    #[error("the table has {rows} rows but {found} {what}: give one per row")]
    Length {
        /// Which column.
        what: &'static str,
        /// Number of rows.
        rows: usize,
        /// Its length.
        found: usize,
    },
    /// A fact about a feature that does not exist, or cannot hold for it.
    #[error("feature `{feature}` cannot be {what}: the table has no such feature, or it is not a number")]
    Fact {
        /// The feature.
        feature: String,
        /// What was said of it.
        what: &'static str,
    },
    /// A row that does not fit; `row` counts from 0.
    #[error("row {row} does not fit the schema")]
    Row {
        /// Index of the row.
        row: usize,
        /// What is wrong with it.
        #[source]
        source: SchemaError,
    },
}

impl Table {
    /// Checks shape, kinds and finiteness.
    ///
    /// # Errors
    /// [`TableError`], naming the first row that does not fit.
    pub fn check(&self) -> Result<(), TableError> {
        self.schema.check().map_err(TableError::Schema)?;
        let rows = self.rows.len();
        let splits = self.splits.as_ref().map_or(rows, Vec::len);
        let groups = self.facts.groups.as_ref().map_or(rows, Vec::len);
        let known = self.facts.known_at.values().map(|times| ("times at which a feature was known", times.len()));
        let columns =
            [("labels", self.labels.len()), ("times", self.times.len()), ("splits", splits), ("groups", groups)];
        for (what, found) in columns.into_iter().chain(known) {
            if found != rows {
                return Err(TableError::Length { what, rows, found });
            }
        }
        self.check_facts()?;
        for (index, row) in self.rows.iter().enumerate() {
            self.schema.check_row(row).map_err(|source| TableError::Row { row: index, source })?;
        }
        Ok(())
    }

    fn check_facts(&self) -> Result<(), TableError> {
        let find = |name: &str| self.schema.features.iter().find(|feature| feature.name == name);
        let unknown = self.facts.known_at.keys().find(|name| find(name).is_none()).map(|name| (name, "dated"));
        let numeric = |name: &str| find(name).is_some_and(|feature| feature.kind == Kind::Numeric);
        let free = self.facts.monotone.keys().find(|name| !numeric(name)).map(|name| (name, "monotone"));
        match unknown.or(free) {
            Some((feature, what)) => Err(TableError::Fact { feature: feature.clone(), what }),
            None => Ok(()),
        }
    }
}
