//! From the lines of a file to rows of a table.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::label::LabelRule;
use super::{Descriptor, DescriptorError, FeatureColumn, SplitRule};
use crate::tabular::split::Split;
use crate::tabular::table::{Kind, Value};

#[cfg(feature = "parquet")]
fn parquet_as_csv(path: &Path, missing: &str) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    crate::tabular::parquet::to_csv(path, missing).map_err(Into::into)
}

#[cfg(not(feature = "parquet"))]
fn parquet_as_csv(_: &Path, _: &str) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    Err("this program was built without Parquet: give CSV, or build with the feature `parquet`".into())
}

impl Descriptor {
    /// The file as CSV text.
    pub(super) fn open(&self, path: &Path) -> Result<Box<dyn Read>, DescriptorError> {
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
}

/// Where one side of the outcome comes from.
pub(super) enum Side {
    Column(usize),
    Value(String),
}

/// Where the columns that are read lie in the file.
pub(super) struct Layout {
    pub(super) label: Vec<Side>,
    pub(super) split: Option<usize>,
    pub(super) time: Option<(String, usize)>,
    pub(super) group: Option<usize>,
    pub(super) features: Vec<usize>,
    /// Feature, column and place of the times at which features were known.
    pub(super) known_at: Vec<(String, String, usize)>,
}

impl Layout {
    pub(super) fn of(
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
        let known_at =
            descriptor.features.iter().filter_map(|feature| Some((&feature.column, feature.known_at.as_ref()?)));
        let known_at: Result<Vec<_>, _> =
            known_at.map(|(feature, column)| Ok((feature.clone(), column.clone(), find(column, "time")?))).collect();
        let time = descriptor.time_column.as_ref();
        Ok(Layout {
            label: label_sides(descriptor, &places, path)?,
            split,
            time: time.map(|column| Ok((column.clone(), find(column, "time")?))).transpose()?,
            group: descriptor.group_column.as_ref().map(|column| find(column, "group")).transpose()?,
            features: features?,
            known_at: known_at?,
        })
    }
}

/// A side of a comparison that is no column is a value; one of them must be a column.
fn label_sides(
    descriptor: &Descriptor,
    places: &BTreeMap<&str, usize>,
    path: &Path,
) -> Result<Vec<Side>, DescriptorError> {
    let names = descriptor.label.sides();
    let side = |name: &&str| places.get(name).map_or_else(|| Side::Value((*name).to_owned()), |at| Side::Column(*at));
    let sides: Vec<Side> = names.iter().map(side).collect();
    if !sides.iter().any(|side| matches!(side, Side::Column(_))) {
        let column = names.first().copied().unwrap_or_default().to_owned();
        return Err(DescriptorError::NoColumn { path: path.to_owned(), column, role: "label" });
    }
    Ok(sides)
}

/// One record under its descriptor.
pub(super) struct Line<'a> {
    pub(super) descriptor: &'a Descriptor,
    pub(super) path: &'a Path,
    pub(super) record: &'a csv::StringRecord,
}

impl Line<'_> {
    fn cell(&self, at: usize) -> &str {
        self.record.get(at).unwrap_or_default()
    }

    /// The cell, unless it means "not known".
    pub(super) fn present(&self, at: usize) -> Option<&str> {
        let cell = self.cell(at);
        (!self.descriptor.missing.iter().any(|missing| missing == cell)).then_some(cell)
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

    pub(super) fn value(&self, feature: &FeatureColumn, at: usize) -> Result<Value, DescriptorError> {
        let Some(cell) = self.present(at) else { return Ok(Value::Missing) };
        match feature.kind {
            Kind::Categorical => Ok(Value::Text(cell.to_owned())),
            Kind::Numeric => match cell.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Value::Number(number)),
                _ => Err(self.error(at, &feature.column, "a finite number")),
            },
        }
    }

    /// Whether the outcome was bad; `None` when the row is to be left out.
    pub(super) fn label(&self, sides: &[Side]) -> Result<Option<bool>, DescriptorError> {
        let rule = &self.descriptor.label;
        let mut cells = Vec::with_capacity(sides.len());
        for (side, name) in sides.iter().zip(rule.sides()) {
            cells.push(match side {
                Side::Value(value) => (value.as_str(), 0, name),
                Side::Column(at) if rule.skips_missing() && self.present(*at).is_none() => return Ok(None),
                Side::Column(at) => (self.cell(*at), *at, name),
            });
        }
        match (rule, cells.as_slice()) {
            (LabelRule::Expression { expression, .. }, [(left, at, name), (right, other_at, other_name)]) => {
                let wrong = || {
                    // The side that is a column, to point at.
                    let (at, name) = match sides.first() {
                        Some(Side::Column(_)) => (*at, *name),
                        _ => (*other_at, *other_name),
                    };
                    self.error(at, name, format!("a value that `{expression}` can compare (`{left}`, `{right}`)"))
                };
                let missing = |side: &Side| matches!(side, Side::Column(at) if self.present(*at).is_none());
                if sides.iter().any(missing) {
                    return Err(wrong());
                }
                expression.holds(left, right).map(Some).ok_or_else(wrong)
            }
            (LabelRule::Column(label), [(cell, at, _)]) => match &label.negative {
                _ if *cell == label.positive => Ok(Some(true)),
                Some(negative) if cell == negative => Ok(Some(false)),
                None if self.present(*at).is_some() => Ok(Some(false)),
                Some(negative) => Err(self.error(*at, &label.column, format!("`{}` or `{negative}`", label.positive))),
                None => Err(self.error(*at, &label.column, "an outcome (`skip_missing` leaves such rows out)")),
            },
            _ => Ok(None),
        }
    }

    pub(super) fn split(&self, at: usize) -> Result<Split, DescriptorError> {
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

    pub(super) fn time(&self, column: &str, at: usize) -> Result<i64, DescriptorError> {
        let expected = "whole seconds since 1970, a date or a date-time";
        seconds(self.cell(at)).ok_or_else(|| self.error(at, column, expected))
    }
}

/// Whole seconds since 1970, or a date or date-time in UTC.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let from_date = || {
        let date_time: jiff::civil::DateTime = text.parse().ok()?;
        Some(date_time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
    };
    let instant = || text.parse::<jiff::Timestamp>().ok().map(|timestamp| timestamp.as_second());
    text.parse::<i64>().ok().or_else(instant).or_else(from_date)
}
