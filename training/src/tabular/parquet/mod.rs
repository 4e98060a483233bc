//! Parquet files: tables in by descriptor, training sets out with their as-of features.
//!
//! Purpose: data teams keep tables as Parquet. [`to_csv`] turns a file into the CSV text that
//! [`super::descriptor::Descriptor`] reads, so both kinds of file obey one set of rules and give the same errors;
//! [`to_parquet`] writes a [`super::table::Table`], and [`descriptor_of`] says how to read it back.
//!
//! Guarantees: the same table gives the same bytes; what is written reads back to the same table; a column that has no
//! cell of text (a list, a struct, raw bytes) is an error that names it, unless it is only nulls. Uncompressed, gzip,
//! Snappy and Zstandard files are read.
//!
//! Non-goals: Arrow, nested data, reading part of a file.

mod read;
mod write;

pub use read::{ReadError, to_csv};
pub use write::{LABEL, SPLIT, TIME, WriteError, descriptor_of, to_parquet};
