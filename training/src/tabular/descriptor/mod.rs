//! Descriptors of data sets: what each column is, and which of them know the outcome.
//!
//! Purpose: read a CSV file (gzip-compressed when its name ends in `.gz`; with the crate's feature `parquet` also a
//! Parquet file, when its name ends in `.parquet`) into a [`Table`] under a TOML file that gives
//! every column a role: label, split, time, feature, identifier, ignored, or leak with the reason why.
//!
//! Guarantees: a column without a role is an error, so a new column cannot slip in; a leak that is also declared a
//! feature is refused; every error in the data gives file, line and column.
//!
//! Non-goals: computing features, guessing types, fetching files.

mod error;
mod label;
mod read;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::error::DescriptorError;
pub use self::label::{Comparison, LabelColumn, LabelRule, Operator};
use self::read::{Layout, Line};
use super::split;
use super::table::{Facts, Feature, Kind, Monotone, Schema, Table, Value};

/// What a data set is and what its columns mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Descriptor {
    /// Short name of the data set.
    pub name: String,
    /// Where it comes from.
    pub source: String,
    /// Under which licence.
    pub licence: String,
    /// The version of the schema that the features make.
    pub schema_version: String,
    /// Cells that mean "not known".
    #[serde(default = "missing_cells")]
    pub missing: Vec<String>,
    /// The column that orders the rows: whole seconds since 1970, or a date or date-time in UTC. Without it the file is
    /// in time order and the row number is the time.
    #[serde(default)]
    pub time_column: Option<String>,
    /// How long after its time a row's outcome is known, in seconds (rows, without a time column): what lies closer before
    /// a cut than this is set aside, and encodings as of a row's time ignore what was not known then.
    #[serde(default)]
    pub outcome_delay: i64,
    /// The column of what belongs together, such as the order of a line; training fails when a group lies on both sides of
    /// a cut.
    #[serde(default)]
    pub group_column: Option<String>,
    /// Columns that name things.
    #[serde(default)]
    pub ids: Vec<String>,
    /// Columns left out for no deeper reason.
    #[serde(default)]
    pub ignored: Vec<String>,
    /// The outcome.
    pub label: LabelRule,
    /// How rows are split.
    pub split: SplitRule,
    /// What is learned from.
    pub features: Vec<FeatureColumn>,
    /// Columns that are filled in after the outcome; the file need not have them.
    #[serde(default)]
    pub leaks: Vec<LeakColumn>,
}

fn missing_cells() -> Vec<String> {
    vec![String::new(), "NA".to_owned()]
}

/// How rows are split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SplitRule {
    /// The file says.
    Column {
        /// Name of the column.
        name: String,
        /// The cell of a training row.
        train: String,
        /// The cell of a validation row.
        valid: String,
        /// The cell of a test row.
        test: String,
        /// The cell of a row that is set aside.
        #[serde(default)]
        gap: Option<String>,
    },
    /// By time.
    Time {
        /// Train, validation and test shares.
        fractions: [f64; 3],
        /// How long an outcome takes to be known, in seconds (rows, without a time column).
        gap: i64,
    },
}

/// One feature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureColumn {
    /// Name of the column and of the feature.
    pub column: String,
    /// How it is read.
    pub kind: Kind,
    /// What it is called in front of people.
    pub label: String,
    /// The column of the time at which its value was known; training fails when that is after the row's own time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_at: Option<String>,
    /// The way in which the risk may move as a number grows; free without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monotone: Option<Monotone>,
}

/// A column that knows the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeakColumn {
    /// Name of the column.
    pub column: String,
    /// Why it must not be learned from.
    pub reason: String,
}

impl Descriptor {
    /// Reads and checks a descriptor.
    ///
    /// # Errors
    /// [`DescriptorError`]: no file, not a descriptor, a leak among the features, a column with two roles.
    pub fn load(path: &Path) -> Result<Descriptor, DescriptorError> {
        let file_error = |source| DescriptorError::File { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(file_error)?;
        let descriptor: Descriptor = toml::from_str(&text)
            .map_err(|source| DescriptorError::Toml { path: path.to_owned(), source: Box::new(source) })?;
        descriptor.roles()?;
        Ok(descriptor)
    }

    /// The schema that the features make.
    pub fn schema(&self) -> Schema {
        let features =
            self.features.iter().map(|f| Feature { name: f.column.clone(), kind: f.kind, label: f.label.clone() });
        Schema { version: self.schema_version.clone(), features: features.collect() }
    }

    /// Reads the file at `path` into a table in file order. The lines of a Parquet file are its rows, counted from 2.
    ///
    /// # Errors
    /// [`DescriptorError`]; errors in the data give file, line and column.
    pub fn read(&self, path: &Path) -> Result<Table, DescriptorError> {
        let roles = self.roles()?;
        let csv_error = |source| DescriptorError::Csv { path: path.to_owned(), source };
        let plain = self.open(path)?;
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(plain);
        let layout = Layout::of(self, &roles, reader.headers().map_err(csv_error)?, path)?;
        let mut known: Vec<Vec<Option<i64>>> = vec![Vec::new(); layout.known_at.len()];
        let (mut splits, mut groups) = (Vec::new(), Vec::new());
        let (schema, facts) = (self.schema(), Facts::default());
        let mut table = Table { schema, rows: vec![], labels: vec![], times: vec![], splits: None, facts };
        for record in reader.records() {
            let record = record.map_err(csv_error)?;
            let line = Line { descriptor: self, path, record: &record };
            let Some(label) = line.label(&layout.label)? else { continue };
            let row: Result<Vec<Value>, _> =
                self.features.iter().zip(&layout.features).map(|(feature, &at)| line.value(feature, at)).collect();
            table.rows.push(row?);
            table.labels.push(label);
            table.times.push(match &layout.time {
                Some((column, at)) => line.time(column, *at)?,
                None => table.times.len() as i64,
            });
            if let Some(at) = layout.split {
                splits.push(line.split(at)?);
            }
            if let Some(at) = layout.group {
                groups.push(line.present(at).map(str::to_owned));
            }
            for (times, (_, column, at)) in known.iter_mut().zip(&layout.known_at) {
                times.push(line.present(*at).map(|_| line.time(column, *at)).transpose()?);
            }
        }
        let names = layout.known_at.iter().map(|(feature, ..)| feature.clone());
        table.facts = Facts {
            outcome_delay: self.delay(),
            known_at: names.zip(known).collect(),
            groups: layout.group.map(|_| groups),
            monotone: self.features.iter().filter_map(|f| Some((f.column.clone(), f.monotone?))).collect(),
        };
        table.splits = Some(match &self.split {
            SplitRule::Column { .. } => splits,
            SplitRule::Time { fractions, .. } => split::by_time(&table.times, *fractions, self.delay())
                .map_err(|source| DescriptorError::Split { path: path.to_owned(), source })?,
        });
        Ok(table)
    }

    /// How long an outcome takes to be known: the longer of [`Descriptor::outcome_delay`] and the split's gap.
    pub fn delay(&self) -> i64 {
        match &self.split {
            SplitRule::Time { gap, .. } => self.outcome_delay.max(*gap),
            SplitRule::Column { .. } => self.outcome_delay,
        }
    }

    /// The role of every column that the descriptor names.
    fn roles(&self) -> Result<BTreeMap<&str, &'static str>, DescriptorError> {
        let name = || self.name.clone();
        self.schema().check().map_err(|source| DescriptorError::Schema { name: name(), source })?;
        for leak in &self.leaks {
            if self.features.iter().any(|feature| feature.column == leak.column) {
                let LeakColumn { column, reason } = leak.clone();
                return Err(DescriptorError::Leak { name: name(), column, reason });
            }
        }
        let split = match &self.split {
            SplitRule::Column { name, .. } => Some(name),
            SplitRule::Time { .. } => None,
        };
        let known_at = self.features.iter().filter_map(|feature| feature.known_at.as_ref());
        let mut roles = BTreeMap::new();
        // Several features may have been known at the time of the row itself, or at one other time.
        for column in known_at.chain(&self.time_column) {
            roles.insert(column.as_str(), "time");
        }
        let all = split
            .into_iter()
            .map(|column| (column, "split"))
            .chain(self.group_column.iter().map(|column| (column, "group")))
            .chain(self.features.iter().map(|feature| (&feature.column, "feature")))
            .chain(self.ids.iter().map(|column| (column, "identifier")))
            .chain(self.ignored.iter().map(|column| (column, "ignored")))
            .chain(self.leaks.iter().map(|leak| (&leak.column, "leak")));
        for (column, second) in all {
            if let Some(first) = roles.insert(column.as_str(), second) {
                return Err(DescriptorError::Roles { name: name(), column: column.clone(), first, second });
            }
        }
        self.label_roles(&mut roles)?;
        Ok(roles)
    }

    /// A comparison may use columns that have another role, such as the promised days, but not two features: what is known
    /// in time cannot make the outcome.
    fn label_roles<'a>(&'a self, roles: &mut BTreeMap<&'a str, &'static str>) -> Result<(), DescriptorError> {
        let sides = self.label.sides();
        let single = sides.len() == 1;
        let is_feature = |side: &&&str| roles.get(**side) == Some(&"feature");
        let features = sides.iter().filter(is_feature).count();
        for side in sides {
            let first = roles.get(side).copied();
            match first {
                Some(first) if single || features > 1 => {
                    let (name, column) = (self.name.clone(), side.to_owned());
                    return Err(DescriptorError::Roles { name, column, first, second: "label" });
                }
                Some(_) => {}
                None => {
                    roles.insert(side, "label");
                }
            }
        }
        Ok(())
    }
}
