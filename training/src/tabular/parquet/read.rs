//! From a Parquet file to CSV text.
//!
//! Guarantees: numbers keep every bit (the shortest decimal that reads back the same); dates and times become ISO 8601
//! in UTC, booleans `true` and `false`, absent values and floats that are not numbers the caller's word for missing.
//!
//! Non-goals: guessing; a column that is not flat is refused.

use std::fs::File;
use std::path::Path;

use ::parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use ::parquet::data_type::{ByteArray, DataType, Int96};
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use ::parquet::schema::types::ColumnDescriptor;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::{Span, civil};

/// A Parquet file cannot be read as a table.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not opened.
    #[error("the file cannot be opened")]
    File(#[source] std::io::Error),
    /// Not Parquet, damaged, or compressed in a way that this build does not read.
    #[error(
        "the file cannot be read as Parquet: check that it is whole, and compressed with gzip, Snappy or Zstandard"
    )]
    Parquet(#[source] ParquetError),
    /// No cells of text.
    #[error("the column `{column}` holds {found}, which is no cell of a table: leave it out, or write it as text")]
    Column {
        /// The column.
        column: String,
        /// What it holds.
        found: String,
    },
    /// A value that has no text.
    #[error("the column `{column}`, row {row}: {what}")]
    Value {
        /// The column.
        column: String,
        /// Counted from 1.
        row: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// The text could not be put together.
    #[error("the rows cannot be written as CSV")]
    Csv(#[source] csv::Error),
}

/// The file's columns and rows as CSV with a header line; absent values become `missing`.
///
/// # Errors
/// [`ReadError`].
pub fn to_csv(path: &Path, missing: &str) -> Result<Vec<u8>, ReadError> {
    let file = File::open(path).map_err(ReadError::File)?;
    let reader = SerializedFileReader::new(file).map_err(ReadError::Parquet)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let names = schema.columns().iter().map(|column| column.path().string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(names).map_err(ReadError::Csv)?;
    let mut first = 1;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(ReadError::Parquet)?;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let columns: Vec<Vec<Option<String>>> = schema
            .columns()
            .iter()
            .enumerate()
            .map(|(index, column)| cells(group.as_ref(), index, column, rows, first))
            .collect::<Result<_, _>>()?;
        for row in 0..rows {
            let cells = columns.iter().map(|column| column.get(row).and_then(Option::as_deref).unwrap_or(missing));
            writer.write_record(cells).map_err(ReadError::Csv)?;
        }
        first += rows;
    }
    writer.into_inner().map_err(|error| ReadError::Csv(error.into_error().into()))
}

/// What the numbers of a column mean.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Meaning {
    Plain,
    Unsigned,
    Date,
    /// Units in a second.
    Instant(i64),
    /// Digits after the point.
    Decimal(i32),
    Text,
    Other,
}

impl Meaning {
    fn of(column: &ColumnDescriptor) -> Meaning {
        let per_second = |unit: &TimeUnit| match unit {
            TimeUnit::MILLIS => 1_000,
            TimeUnit::MICROS => 1_000_000,
            TimeUnit::NANOS => 1_000_000_000,
        };
        match (column.logical_type_ref(), column.converted_type()) {
            (Some(LogicalType::String | LogicalType::Enum | LogicalType::Json), _) => Meaning::Text,
            (Some(LogicalType::Date), _) => Meaning::Date,
            (Some(LogicalType::Timestamp(stamp)), _) => Meaning::Instant(per_second(&stamp.unit)),
            (Some(LogicalType::Decimal(decimal)), _) => Meaning::Decimal(decimal.scale),
            (Some(LogicalType::Integer(integer)), _) if integer.is_signed => Meaning::Plain,
            (Some(LogicalType::Integer(_)), _) => Meaning::Unsigned,
            (Some(LogicalType::Unknown), _) => Meaning::Plain,
            (Some(_), _) => Meaning::Other,
            (None, ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON) => Meaning::Text,
            (None, ConvertedType::DATE) => Meaning::Date,
            (None, ConvertedType::TIMESTAMP_MILLIS) => Meaning::Instant(1_000),
            (None, ConvertedType::TIMESTAMP_MICROS) => Meaning::Instant(1_000_000),
            (None, ConvertedType::DECIMAL) => Meaning::Decimal(column.type_scale()),
            (
                None,
                ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64,
            ) => Meaning::Unsigned,
            (None, ConvertedType::NONE) if column.physical_type() == ::parquet::basic::Type::BYTE_ARRAY => {
                Meaning::Text
            }
            (None, ConvertedType::NONE) => Meaning::Plain,
            (None, ConvertedType::INT_8 | ConvertedType::INT_16 | ConvertedType::INT_32 | ConvertedType::INT_64) => {
                Meaning::Plain
            }
            (None, _) => Meaning::Other,
        }
    }
}

/// One column of one row group.
fn cells(
    group: &dyn RowGroupReader,
    index: usize,
    column: &ColumnDescriptor,
    rows: usize,
    first: usize,
) -> Result<Vec<Option<String>>, ReadError> {
    let name = column.path().string();
    let meaning = Meaning::of(column);
    let refuse = |found: String| ReadError::Column { column: name.clone(), found };
    if column.max_rep_level() > 0 || column.path().parts().len() > 1 {
        return Err(refuse("lists or structs".into()));
    }
    if meaning == Meaning::Other {
        return Err(refuse(format!("{:?}", column.logical_type_ref())));
    }
    let cells = match group.get_column_reader(index).map_err(ReadError::Parquet)? {
        ColumnReader::BoolColumnReader(reader) => texts(reader, column, rows, |value| Ok(Some(value.to_string()))),
        ColumnReader::Int32ColumnReader(reader) => texts(reader, column, rows, |value| match meaning {
            Meaning::Unsigned => Ok(Some(value.cast_unsigned().to_string())),
            _ => integer(i64::from(*value), meaning),
        }),
        ColumnReader::Int64ColumnReader(reader) => texts(reader, column, rows, |value| match meaning {
            Meaning::Unsigned => Ok(Some(value.cast_unsigned().to_string())),
            _ => integer(*value, meaning),
        }),
        ColumnReader::Int96ColumnReader(reader) => {
            texts(reader, column, rows, |value: &Int96| instant(value.to_nanos(), 1_000_000_000))
        }
        // As text, so that 0.1 stays 0.1.
        ColumnReader::FloatColumnReader(reader) => {
            texts(reader, column, rows, |value| Ok((!value.is_nan()).then(|| value.to_string())))
        }
        ColumnReader::DoubleColumnReader(reader) => {
            texts(reader, column, rows, |value| Ok((!value.is_nan()).then(|| value.to_string())))
        }
        ColumnReader::ByteArrayColumnReader(reader) if meaning == Meaning::Text => {
            let text = |value: &ByteArray| value.as_utf8().map(|text| Some(text.to_owned())).map_err(|_| "not UTF-8");
            texts(reader, column, rows, text)
        }
        ColumnReader::ByteArrayColumnReader(_) | ColumnReader::FixedLenByteArrayColumnReader(_) => {
            return Err(refuse("raw bytes".into()));
        }
    };
    cells.map_err(|error| match error {
        CellError::Parquet(source) => ReadError::Parquet(source),
        CellError::Value { row, what } => ReadError::Value { column: name, row: first + row, what },
    })
}

enum CellError {
    Parquet(ParquetError),
    Value { row: usize, what: &'static str },
}

/// Reads all of a column and puts its values where its definition levels say.
fn texts<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    column: &ColumnDescriptor,
    rows: usize,
    text: impl Fn(&T::T) -> Result<Option<String>, &'static str>,
) -> Result<Vec<Option<String>>, CellError> {
    let (mut values, mut levels): (Vec<T::T>, Vec<i16>) = (Vec::new(), Vec::new());
    let mut read = 0;
    while read < rows {
        let (records, ..) =
            reader.read_records(rows - read, Some(&mut levels), None, &mut values).map_err(CellError::Parquet)?;
        if records == 0 {
            break;
        }
        read += records;
    }
    let required = column.max_def_level() == 0;
    let mut next = values.iter();
    let mut cell = |row: usize| {
        let present = required || levels.get(row).is_some_and(|level| *level == column.max_def_level());
        let value = if present { next.next() } else { None };
        value.map_or(Ok(None), |value| text(value).map_err(|what| CellError::Value { row, what }))
    };
    (0..rows).map(&mut cell).collect()
}

fn integer(value: i64, meaning: Meaning) -> Result<Option<String>, &'static str> {
    match meaning {
        Meaning::Date => {
            let day = Span::new().try_days(value).and_then(|days| civil::date(1970, 1, 1).checked_add(days));
            day.map(|day: Date| Some(day.to_string())).map_err(|_| "the date is out of range")
        }
        Meaning::Instant(per_second) => instant(value, per_second),
        Meaning::Decimal(scale) => Ok(Some(decimal(value, scale))),
        _ => Ok(Some(value.to_string())),
    }
}

fn instant(value: i64, per_second: i64) -> Result<Option<String>, &'static str> {
    let nanos = (value.rem_euclid(per_second) * (1_000_000_000 / per_second)) as i32;
    let stamp = Timestamp::new(value.div_euclid(per_second), nanos);
    stamp.map(|stamp| Some(stamp.to_string())).map_err(|_| "the time is out of range")
}

fn decimal(value: i64, scale: i32) -> String {
    let Some(places) = usize::try_from(scale).ok().filter(|places| *places > 0) else { return value.to_string() };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    format!("{}{whole}.{part}", if value < 0 { "-" } else { "" })
}
