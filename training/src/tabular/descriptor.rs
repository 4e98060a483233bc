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

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::split::{self, Split, SplitError};
use super::table::{Feature, Kind, Schema, SchemaError, Table, Value};

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
    /// Columns that name things.
    #[serde(default)]
    pub ids: Vec<String>,
    /// Columns left out for no deeper reason.
    #[serde(default)]
    pub ignored: Vec<String>,
    /// The outcome.
    pub label: LabelColumn,
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

/// The outcome's column and its two values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelColumn {
    /// Name of the column.
    pub column: String,
    /// The cell of a bad outcome.
    pub positive: String,
    /// The cell of a good outcome.
    pub negative: String,
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

/// A data set cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DescriptorError {
    /// A file that cannot be opened or read.
    #[error("`{path}` cannot be read: check that it exists and may be read")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not a descriptor.
    #[error("`{path}` is not a data descriptor: mend the TOML as the cause says")]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A leak among the features.
    #[error(
        "the descriptor `{name}` declares the leak `{column}` as a feature ({reason}): remove it from the features"
    )]
    Leak {
        /// The descriptor.
        name: String,
        /// The column.
        column: String,
        /// Why it is a leak.
        reason: String,
    },
    /// Two roles for one column.
    #[error("the descriptor `{name}` gives the column `{column}` two roles ({first}, {second}): leave one")]
    Roles {
        /// The descriptor.
        name: String,
        /// The column.
        column: String,
        /// One role.
        first: &'static str,
        /// Another.
        second: &'static str,
    },
    /// The features make no schema.
    #[error("the features of the descriptor `{name}` cannot be used")]
    Schema {
        /// The descriptor.
        name: String,
        /// Why.
        #[source]
        source: SchemaError,
    },
    /// A declared column is absent.
    #[error("`{path}` has no column `{column}` ({role}): correct the descriptor, or use the file that it describes")]
    NoColumn {
        /// The data file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What it was to be.
        role: &'static str,
    },
    /// A column that the descriptor does not know, or that occurs twice.
    #[error(
        "`{path}`, column {number} (`{column}`): no role in the descriptor, or twice in the file; give it one role"
    )]
    NoRole {
        /// The data file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its number, from 1.
        number: usize,
    },
    /// Not CSV.
    #[error("`{path}` is not a CSV file that can be read: mend the line that the cause names")]
    Csv {
        /// The data file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: csv::Error,
    },
    /// A Parquet file that gives no rows.
    #[error("`{path}` cannot be read as a table")]
    Parquet {
        /// The data file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A cell that is not what its column holds.
    #[error(
        "`{path}`, line {line}, column `{column}`: `{found}` is not {expected}; correct the cell or the descriptor"
    )]
    Cell {
        /// The data file.
        path: PathBuf,
        /// Line, from 1, the header included.
        line: u64,
        /// The column.
        column: String,
        /// The cell.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// The split.
    #[error("the rows of `{path}` cannot be split by time")]
    Split {
        /// The data file.
        path: PathBuf,
        /// Why.
        #[source]
        source: SplitError,
    },
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
        let schema = self.schema();
        let mut table = Table { schema, rows: vec![], labels: vec![], times: vec![], splits: None };
        let mut splits = Vec::new();
        for record in reader.records() {
            let record = record.map_err(csv_error)?;
            let line = Line { descriptor: self, path, record: &record };
            let row: Result<Vec<Value>, _> =
                self.features.iter().zip(&layout.features).map(|(feature, &at)| line.value(feature, at)).collect();
            table.rows.push(row?);
            table.labels.push(line.label(layout.label)?);
            table.times.push(match layout.time {
                Some(at) => line.time(at)?,
                None => table.times.len() as i64,
            });
            if let Some(at) = layout.split {
                splits.push(line.split(at)?);
            }
        }
        table.splits = Some(match &self.split {
            SplitRule::Column { .. } => splits,
            SplitRule::Time { fractions, gap } => split::by_time(&table.times, *fractions, *gap)
                .map_err(|source| DescriptorError::Split { path: path.to_owned(), source })?,
        });
        Ok(table)
    }

    /// The file as CSV text.
    fn open(&self, path: &Path) -> Result<Box<dyn Read>, DescriptorError> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        if extension == Some("parquet") {
            return match parquet_as_csv(path, self.missing.first().map_or("", String::as_str)) {
                Ok(text) => Ok(Box::new(std::io::Cursor::new(text))),
                Err(source) => Err(DescriptorError::Parquet { path: path.to_owned(), source }),
            };
        }
        let file_error = |source| DescriptorError::File { path: path.to_owned(), source };
        let file = BufReader::new(File::open(path).map_err(file_error)?);
        Ok(match extension {
            Some("gz") => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
            _ => Box::new(file),
        })
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
        let all = std::iter::once((&self.label.column, "label"))
            .chain(split.map(|column| (column, "split")))
            .chain(self.time_column.iter().map(|column| (column, "time")))
            .chain(self.features.iter().map(|feature| (&feature.column, "feature")))
            .chain(self.ids.iter().map(|column| (column, "identifier")))
            .chain(self.ignored.iter().map(|column| (column, "ignored")))
            .chain(self.leaks.iter().map(|leak| (&leak.column, "leak")));
        let mut roles = BTreeMap::new();
        for (column, second) in all {
            if let Some(first) = roles.insert(column.as_str(), second) {
                return Err(DescriptorError::Roles { name: name(), column: column.clone(), first, second });
            }
        }
        Ok(roles)
    }
}

#[cfg(feature = "parquet")]
fn parquet_as_csv(path: &Path, missing: &str) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    super::parquet::to_csv(path, missing).map_err(Into::into)
}

#[cfg(not(feature = "parquet"))]
fn parquet_as_csv(_: &Path, _: &str) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    Err("this program was built without Parquet: give CSV, or build with the feature `parquet`".into())
}

/// Where the columns that are read lie in the file.
struct Layout {
    label: usize,
    split: Option<usize>,
    time: Option<usize>,
    features: Vec<usize>,
}

impl Layout {
    fn of(
        descriptor: &Descriptor,
        roles: &BTreeMap<&str, &'static str>,
        headers: &csv::StringRecord,
        path: &Path,
    ) -> Result<Layout, DescriptorError> {
        let mut places = BTreeMap::new();
        for (index, column) in headers.iter().enumerate() {
            if places.insert(column, index).is_some() || !roles.contains_key(column) {
                let (path, column) = (path.to_owned(), column.to_owned());
                return Err(DescriptorError::NoRole { path, column, number: index + 1 });
            }
        }
        let find = |column: &str, role: &'static str| {
            let missing = || DescriptorError::NoColumn { path: path.to_owned(), column: column.to_owned(), role };
            places.get(column).copied().ok_or_else(missing)
        };
        let split = match &descriptor.split {
            SplitRule::Column { name, .. } => Some(find(name, "split")?),
            SplitRule::Time { .. } => None,
        };
        let features: Result<Vec<usize>, _> =
            descriptor.features.iter().map(|feature| find(&feature.column, "feature")).collect();
        Ok(Layout {
            label: find(&descriptor.label.column, "label")?,
            split,
            time: descriptor.time_column.as_ref().map(|column| find(column, "time")).transpose()?,
            features: features?,
        })
    }
}

/// One record under its descriptor.
struct Line<'a> {
    descriptor: &'a Descriptor,
    path: &'a Path,
    record: &'a csv::StringRecord,
}

impl Line<'_> {
    fn cell(&self, at: usize) -> &str {
        self.record.get(at).unwrap_or_default()
    }

    fn error(&self, at: usize, column: &str, expected: impl Into<String>) -> DescriptorError {
        DescriptorError::Cell {
            path: self.path.to_owned(),
            line: self.record.position().map_or(0, csv::Position::line),
            column: column.to_owned(),
            found: self.cell(at).to_owned(),
            expected: expected.into(),
        }
    }

    fn value(&self, feature: &FeatureColumn, at: usize) -> Result<Value, DescriptorError> {
        let cell = self.cell(at);
        if self.descriptor.missing.iter().any(|missing| missing == cell) {
            return Ok(Value::Missing);
        }
        match feature.kind {
            Kind::Categorical => Ok(Value::Text(cell.to_owned())),
            Kind::Numeric => match cell.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Value::Number(number)),
                _ => Err(self.error(at, &feature.column, "a finite number")),
            },
        }
    }

    fn label(&self, at: usize) -> Result<bool, DescriptorError> {
        let LabelColumn { column, positive, negative } = &self.descriptor.label;
        match self.cell(at) {
            cell if cell == positive => Ok(true),
            cell if cell == negative => Ok(false),
            _ => Err(self.error(at, column, format!("`{positive}` or `{negative}`"))),
        }
    }

    fn split(&self, at: usize) -> Result<Split, DescriptorError> {
        let SplitRule::Column { name, train, valid, test, gap } = &self.descriptor.split else {
            return Ok(Split::Gap);
        };
        match self.cell(at) {
            cell if cell == train => Ok(Split::Train),
            cell if cell == valid => Ok(Split::Valid),
            cell if cell == test => Ok(Split::Test),
            cell if Some(cell) == gap.as_deref() => Ok(Split::Gap),
            _ => Err(self.error(at, name, format!("`{train}`, `{valid}` or `{test}`"))),
        }
    }

    fn time(&self, at: usize) -> Result<i64, DescriptorError> {
        let cell = self.cell(at);
        let from_date = || {
            let date_time: jiff::civil::DateTime = cell.parse().ok()?;
            Some(date_time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
        };
        let column = self.descriptor.time_column.as_deref().unwrap_or_default();
        let instant = || cell.parse::<jiff::Timestamp>().ok().map(|timestamp| timestamp.as_second());
        let seconds = cell.parse::<i64>().ok().or_else(instant).or_else(from_date);
        seconds.ok_or_else(|| self.error(at, column, "whole seconds since 1970, a date or a date-time"))
    }
}
