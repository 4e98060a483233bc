//! From a table to a Parquet file, and the descriptor that reads it back.
//!
//! Guarantees: one row group, columns in schema order after [`TIME`], [`LABEL`] and [`SPLIT`]; the metadata names the
//! schema's version and whatever the caller adds (window, digest, seed, code version); no clock, so the bytes depend on
//! the table alone.
//!
//! Non-goals: keeping an empty text apart from a missing one when it is read back.

use std::collections::BTreeSet;
use std::sync::Arc;

use ::parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::types::{Type, TypePtr};

use crate::tabular::descriptor::{Descriptor, FeatureColumn, LabelColumn, LabelRule, SplitRule};
use crate::tabular::split::Split;
use crate::tabular::table::{Kind, Table, TableError, Value};

/// The column of the rows' times.
pub const TIME: &str = "_time";
/// The column of the outcomes.
pub const LABEL: &str = "_label";
/// The column of the splits; absent when the table has none.
pub const SPLIT: &str = "_split";

/// A table cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The table itself.
    #[error("the table cannot be written")]
    Table(#[source] TableError),
    /// A column of its own name is already there, or not of the table's length.
    #[error(
        "the column `{column}` has {found} rows of {rows}, or its name is taken: give each row a value and each column a name"
    )]
    Column {
        /// The column.
        column: String,
        /// Its length.
        found: usize,
        /// Rows of the table.
        rows: usize,
    },
    /// The writer.
    #[error("the table cannot be written as Parquet")]
    Parquet(#[source] ParquetError),
}

/// The table as the bytes of a Parquet file. `as_of` are further columns of numbers, one value a row, such as encoded
/// features as they were known at the row's time; `about` goes into the file's metadata.
///
/// # Errors
/// [`WriteError`].
pub fn to_parquet(
    table: &Table,
    as_of: &[(String, Vec<f64>)],
    about: &[(String, String)],
) -> Result<Vec<u8>, WriteError> {
    table.check().map_err(WriteError::Table)?;
    check_columns(table, as_of)?;
    let version = KeyValue::new("schema_version".to_owned(), table.schema.version.clone());
    let about = about.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(concat!("holdfast-training ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(std::iter::once(version).chain(about).collect()))
        .set_max_row_group_row_count(None)
        .build();
    let write = || -> Result<Vec<u8>, ParquetError> {
        let mut file = SerializedFileWriter::new(Vec::new(), schema(table, as_of)?, Arc::new(properties))?;
        let mut group = file.next_row_group()?;
        required::<Int64Type>(&mut group, &table.times)?;
        required::<BoolType>(&mut group, &table.labels)?;
        if let Some(splits) = &table.splits {
            let names: Vec<ByteArray> = splits.iter().map(|split| ByteArray::from(split_name(*split))).collect();
            required::<ByteArrayType>(&mut group, &names)?;
        }
        for (index, feature) in table.schema.features.iter().enumerate() {
            let values = table.rows.iter().filter_map(|row| row.get(index));
            match feature.kind {
                Kind::Numeric => optional::<DoubleType>(&mut group, values, |value| match value {
                    Value::Number(number) => Some(*number),
                    _ => None,
                })?,
                Kind::Categorical => optional::<ByteArrayType>(&mut group, values, |value| match value {
                    Value::Text(text) => Some(ByteArray::from(text.as_str())),
                    _ => None,
                })?,
            }
        }
        for (_, values) in as_of {
            required::<DoubleType>(&mut group, values)?;
        }
        group.close()?;
        file.into_inner()
    };
    write().map_err(WriteError::Parquet)
}

/// How to read back what [`to_parquet`] wrote without further columns, but for groups and the times at which features were
/// known, which the file does not hold; `name`, `source` and `licence` as in
/// [`Descriptor`].
pub fn descriptor_of(table: &Table, name: &str, source: &str, licence: &str) -> Descriptor {
    let feature = |feature: &crate::tabular::table::Feature| FeatureColumn {
        column: feature.name.clone(),
        kind: feature.kind,
        label: feature.label.clone(),
        known_at: None,
        monotone: table.facts.monotone.get(&feature.name).copied(),
    };
    let of = |split: Split| split_name(split).to_owned();
    Descriptor {
        name: name.to_owned(),
        source: source.to_owned(),
        licence: licence.to_owned(),
        schema_version: table.schema.version.clone(),
        missing: vec![String::new()],
        time_column: Some(TIME.to_owned()),
        outcome_delay: table.facts.outcome_delay,
        group_column: None,
        ids: Vec::new(),
        ignored: Vec::new(),
        label: LabelRule::Column(LabelColumn {
            column: LABEL.to_owned(),
            positive: "true".to_owned(),
            negative: Some("false".to_owned()),
            skip_missing: false,
        }),
        split: match &table.splits {
            Some(_) => SplitRule::Column {
                name: SPLIT.to_owned(),
                train: of(Split::Train),
                valid: of(Split::Valid),
                test: of(Split::Test),
                gap: Some(of(Split::Gap)),
            },
            None => SplitRule::Time { fractions: [0.7, 0.1, 0.2], gap: 0 },
        },
        features: table.schema.features.iter().map(feature).collect(),
        leaks: Vec::new(),
    }
}

fn split_name(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Valid => "valid",
        Split::Test => "test",
        Split::Gap => "gap",
    }
}

fn check_columns(table: &Table, as_of: &[(String, Vec<f64>)]) -> Result<(), WriteError> {
    let rows = table.rows.len();
    let mut names = BTreeSet::from([TIME, LABEL, SPLIT]);
    let features = table.schema.features.iter().map(|feature| (&feature.name, rows));
    for (column, found) in features.chain(as_of.iter().map(|(name, values)| (name, values.len()))) {
        if !names.insert(column) || found != rows {
            return Err(WriteError::Column { column: column.clone(), found, rows });
        }
    }
    Ok(())
}

fn schema(table: &Table, as_of: &[(String, Vec<f64>)]) -> Result<TypePtr, ParquetError> {
    let column = |name: &str, physical: Physical, repetition: Repetition| {
        let text = (physical == Physical::BYTE_ARRAY).then_some(LogicalType::String);
        let builder = Type::primitive_type_builder(name, physical).with_repetition(repetition);
        builder.with_logical_type(text).build().map(Arc::new)
    };
    let mut fields = vec![
        column(TIME, Physical::INT64, Repetition::REQUIRED)?,
        column(LABEL, Physical::BOOLEAN, Repetition::REQUIRED)?,
    ];
    if table.splits.is_some() {
        fields.push(column(SPLIT, Physical::BYTE_ARRAY, Repetition::REQUIRED)?);
    }
    for feature in &table.schema.features {
        let physical = match feature.kind {
            Kind::Numeric => Physical::DOUBLE,
            Kind::Categorical => Physical::BYTE_ARRAY,
        };
        fields.push(column(&feature.name, physical, Repetition::OPTIONAL)?);
    }
    for (name, _) in as_of {
        fields.push(column(name, Physical::DOUBLE, Repetition::REQUIRED)?);
    }
    Type::group_type_builder("training_set").with_fields(fields).build().map(Arc::new)
}

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

fn write_column<T: DataType>(
    group: &mut Group<'_>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("the schema has fewer columns than the table".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}

fn required<T: DataType>(group: &mut Group<'_>, values: &[T::T]) -> Result<(), ParquetError> {
    write_column::<T>(group, values, None)
}

fn optional<'a, T: DataType>(
    group: &mut Group<'_>,
    values: impl Iterator<Item = &'a Value>,
    present: impl Fn(&Value) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let cells: Vec<Option<T::T>> = values.map(present).collect();
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<T::T> = cells.into_iter().flatten().collect();
    write_column::<T>(group, &values, Some(&levels))
}
