//! Why a described file cannot be read: what, where and how to mend it.

use std::path::PathBuf;

use crate::tabular::split::SplitError;
use crate::tabular::table::SchemaError;

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
