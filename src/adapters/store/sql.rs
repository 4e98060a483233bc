//! Statements and rows: binding, running and decoding in one place.
//!
//! Guarantees: values reach the database only as arguments (the texts are constants of this adapter); every error names
//! its table; a value that cannot be decoded is [`StoreError::Inconsistent`] with the row's key, which by convention is the
//! first selected column.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::any::{Any, AnyArguments, AnyRow};
use sqlx::{Arguments as _, AssertSqlSafe, Row as _, SqlSafeStr as _};

use super::Tx;
use crate::ports::store::StoreError;

/// A value to bind, in one of the few types that both databases store alike.
pub(super) enum Argument {
    Integer(Option<i64>),
    Real(f64),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

macro_rules! argument_from {
    ($($from:ty: $value:ident => $to:expr;)*) => {$(
        impl From<$from> for Argument {
            fn from($value: $from) -> Self { $to }
        }
    )*};
}

argument_from! {
    i64: v => Self::Integer(Some(v));
    u32: v => Self::Integer(Some(v.into()));
    bool: v => Self::Integer(Some(v.into()));
    Timestamp: v => Self::Integer(Some(v.as_microsecond()));
    Option<i64>: v => Self::Integer(v);
    Option<Timestamp>: v => Self::Integer(v.map(|at| at.as_microsecond()));
    f64: v => Self::Real(v);
    &str: v => Self::Text(Some(v.to_owned()));
    &String: v => Self::Text(Some(v.clone()));
    String: v => Self::Text(Some(v));
    Option<&str>: v => Self::Text(v.map(str::to_owned));
    Option<String>: v => Self::Text(v);
    Vec<u8>: v => Self::Bytes(v);
}

/// One statement with its arguments, numbered `$1`, `$2`, … in the order of binding.
pub(super) struct Sql {
    table: &'static str,
    text: Cow<'static, str>,
    arguments: Vec<Argument>,
}

impl Sql {
    /// A statement on `table` (which errors name); `text` may hold placeholders that [`Self::bind`] fills in order.
    pub(super) fn new(table: &'static str, text: &'static str) -> Self {
        Self { table, text: Cow::Borrowed(text), arguments: Vec::new() }
    }

    /// The argument of the next placeholder that stands in the text already.
    pub(super) fn bind(mut self, value: impl Into<Argument>) -> Self {
        self.arguments.push(value.into());
        self
    }

    /// More text.
    pub(super) fn push(mut self, text: &'static str) -> Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// More text, then a placeholder with its argument.
    pub(super) fn with(self, text: &'static str, value: impl Into<Argument>) -> Self {
        let mut sql = self.push(text).bind(value);
        let placeholder = format!("${}", sql.arguments.len());
        sql.text.to_mut().push_str(&placeholder);
        sql
    }

    /// As [`Self::with`] where there is a value, else nothing.
    pub(super) fn when<T: Into<Argument>>(self, text: &'static str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.with(text, value),
            None => self,
        }
    }

    /// Text, then `($1, $2, …)`.
    pub(super) fn list<T: Into<Argument>>(self, text: &'static str, values: impl IntoIterator<Item = T>) -> Self {
        let mut sql = self.push(text).push("(");
        for (index, value) in values.into_iter().enumerate() {
            sql = sql.with(if index == 0 { "" } else { ", " }, value);
        }
        sql.push(")")
    }

    /// Text, then `($1, $2), ($3, $4), …`.
    pub(super) fn tuples<const N: usize>(
        self,
        text: &'static str,
        rows: impl IntoIterator<Item = [Argument; N]>,
    ) -> Self {
        let mut sql = self.push(text);
        for (index, row) in rows.into_iter().enumerate() {
            sql = sql.list(if index == 0 { "" } else { ", " }, row);
        }
        sql
    }

    /// Runs it and returns how many rows it changed.
    pub(super) async fn run(self, tx: &mut Tx) -> Result<u64, StoreError> {
        let table = self.table;
        let (text, arguments) = self.prepared()?;
        let done = sqlx::query_with(text, arguments).execute(&mut *tx.inner).await;
        done.map(|d| d.rows_affected()).map_err(|e| failed(table, e))
    }

    /// Runs it; where it changed nothing, another transaction was first on the row `key`.
    pub(super) async fn run_or_conflict(self, tx: &mut Tx, key: &str) -> Result<(), StoreError> {
        let table = self.table;
        match self.run(tx).await? {
            0 => Err(StoreError::Conflict(format!("table `{table}`, row `{key}`"))),
            _ => Ok(()),
        }
    }

    /// Every row.
    pub(super) async fn rows(self, tx: &mut Tx) -> Result<Vec<Row>, StoreError> {
        let table = self.table;
        let (text, arguments) = self.prepared()?;
        let rows = sqlx::query_with(text, arguments).fetch_all(&mut *tx.inner).await;
        let rows = rows.map_err(|e| failed(table, e))?;
        Ok(rows.into_iter().map(|row| Row { table, row }).collect())
    }

    /// The first row.
    pub(super) async fn row(self, tx: &mut Tx) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(tx).await?.into_iter().next())
    }

    /// The one number that an aggregate answers.
    pub(super) async fn count(self, tx: &mut Tx) -> Result<i64, StoreError> {
        let table = self.table;
        match self.row(tx).await? {
            Some(row) => row.integer(0),
            None => Err(inconsistent(table, String::new(), "an aggregate gave no row")),
        }
    }

    /// The document of the first row; selects (key, document).
    pub(super) async fn document<T: DeserializeOwned>(self, tx: &mut Tx) -> Result<Option<T>, StoreError> {
        self.row(tx).await?.map(|row| row.document(1)).transpose()
    }

    /// The document of every row; selects (key, document).
    pub(super) async fn documents<T: DeserializeOwned>(self, tx: &mut Tx) -> Result<Vec<T>, StoreError> {
        self.rows(tx).await?.iter().map(|row| row.document(1)).collect()
    }

    /// Column 0 of every row as text.
    pub(super) async fn texts(self, tx: &mut Tx) -> Result<Vec<String>, StoreError> {
        self.rows(tx).await?.iter().map(|row| row.text(0)).collect()
    }

    fn prepared(self) -> Result<(sqlx::SqlStr, AnyArguments), StoreError> {
        let mut arguments = AnyArguments::default();
        for argument in self.arguments {
            let added = match argument {
                Argument::Integer(value) => arguments.add(value),
                Argument::Real(value) => arguments.add(value),
                Argument::Text(value) => arguments.add(value),
                Argument::Bytes(value) => arguments.add(value),
            };
            added.map_err(|e| failed(self.table, sqlx::Error::Encode(e)))?;
        }
        let text = match self.text {
            Cow::Borrowed(text) => text.into_sql_str(),
            // Assembled from constants of this adapter only, see `push`.
            Cow::Owned(text) => AssertSqlSafe(text).into_sql_str(),
        };
        Ok((text, arguments))
    }
}

/// A row that was read.
pub(super) struct Row {
    table: &'static str,
    row: AnyRow,
}

impl Row {
    fn get<'r, T>(&'r self, column: usize) -> Result<T, StoreError>
    where
        T: sqlx::Decode<'r, Any> + sqlx::Type<Any>,
    {
        self.row.try_get(column).map_err(|e| self.broken(e))
    }

    pub(super) fn integer(&self, column: usize) -> Result<i64, StoreError> {
        self.get(column)
    }

    pub(super) fn text(&self, column: usize) -> Result<String, StoreError> {
        self.get(column)
    }

    pub(super) fn optional_text(&self, column: usize) -> Result<Option<String>, StoreError> {
        self.get(column)
    }

    pub(super) fn optional_integer(&self, column: usize) -> Result<Option<i64>, StoreError> {
        self.get(column)
    }

    pub(super) fn bytes(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        self.get(column)
    }

    /// An unsigned number of any width.
    pub(super) fn number<T: TryFrom<i64, Error: std::fmt::Display>>(&self, column: usize) -> Result<T, StoreError> {
        T::try_from(self.integer(column)?).map_err(|e| self.broken(e))
    }

    pub(super) fn time(&self, column: usize) -> Result<Timestamp, StoreError> {
        Timestamp::from_microsecond(self.integer(column)?).map_err(|e| self.broken(e))
    }

    pub(super) fn optional_time(&self, column: usize) -> Result<Option<Timestamp>, StoreError> {
        let micros = self.optional_integer(column)?;
        micros.map(Timestamp::from_microsecond).transpose().map_err(|e| self.broken(e))
    }

    /// A text that `FromStr` reads: an id, a decimal.
    pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&self, column: usize) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|e| self.broken(e))
    }

    /// A member of a closed set, by its wire name.
    pub(super) fn member<T>(&self, column: usize, parse: fn(&str) -> Option<T>) -> Result<T, StoreError> {
        let name = self.text(column)?;
        parse(&name).ok_or_else(|| self.broken(format!("`{name}` is not a known name")))
    }

    /// A JSON document.
    pub(super) fn document<T: DeserializeOwned>(&self, column: usize) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|e| self.broken(e))
    }

    /// This row cannot be.
    pub(super) fn broken(&self, why: impl std::fmt::Display) -> StoreError {
        let key = self.row.try_get::<String, _>(0).or_else(|_| self.row.try_get::<i64, _>(0).map(|n| n.to_string()));
        inconsistent(self.table, key.unwrap_or_default(), why)
    }
}

fn inconsistent(table: &'static str, row: String, why: impl std::fmt::Display) -> StoreError {
    StoreError::Inconsistent { table, row, message: why.to_string() }
}

/// The JSON text of a document.
pub(super) fn json(table: &'static str, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|e| StoreError::Database { message: format!("writing a document of `{table}`"), source: Box::new(e) })
}

/// A database error at work on `table`: a conflict where running the transaction again can help.
pub(super) fn failed(table: &'static str, error: sqlx::Error) -> StoreError {
    let conflict = error.as_database_error().is_some_and(|e| {
        // SQLSTATE serialization_failure, deadlock_detected, lock_not_available; SQLite's BUSY, LOCKED, BUSY_SNAPSHOT.
        e.is_unique_violation() || matches!(e.code().as_deref(), Some("40001" | "40P01" | "55P03" | "5" | "6" | "517"))
    });
    if conflict {
        return StoreError::Conflict(format!("table `{table}`: {error}"));
    }
    StoreError::Database { message: format!("at work on `{table}`: {error}"), source: Box::new(error) }
}
