//! The store over SQLite (embedded default) and PostgreSQL (several instances), through sqlx's `Any` driver.
//!
//! Guarantees:
//! - One SQL text serves both databases; only the DDL under `migrations/`, the pools ([`pool`]) and the row-lock clauses of
//!   [`Backend`] differ.
//! - Conventions: documents are JSON text beside the columns that queries need; times are UTC microseconds; flags are 0 or
//!   1; ids are text that sorts by bytes on both. The document is what is read back; a column is only ever an index of it.
//! - A row that cannot be decoded is [`StoreError::Inconsistent`], never a default.
//! - What another transaction did first (a version, a unique key, a lock, a serialization failure) is
//!   [`StoreError::Conflict`].
//! - A commit survives a power cut: SQLite runs in WAL mode with `synchronous = FULL`. An approval that was answered with
//!   200 must not be lost, and one sync per commit is bearable because bulk work shares transactions.
//!
//! Non-goals: in-memory databases, other databases, cross-database transactions.

mod audit;
mod cases;
mod decisions;
mod events;
mod history;
mod jobs;
mod messages;
mod migrate;
mod models;
mod objects;
mod orders;
mod pool;
mod proposals;
mod service;
mod sql;
mod summaries;

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::{Any, AnyPool};

use crate::ports::store::{Store, StoreError, Transaction};

pub use migrate::SCHEMA_VERSION;

/// Which database answers, and the few words in which it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backend {
    Sqlite,
    Postgres,
}

impl Backend {
    fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// How a writing transaction begins. SQLite takes its one write lock at once, so that no later step can fail for it.
    fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }

    /// How a transaction begins that sees one state throughout.
    fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        }
    }

    /// Locks the selected rows until the transaction ends; SQLite's writer is alone anyway.
    fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// Locks the selected rows and passes over those that others hold.
    fn for_update_skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }
}

/// Opens the database at `url` and brings its schema up to date.
///
/// `sqlite:path/to/file.db` creates the file and its folder; `postgres://user@host/database` wants an existing database.
///
/// # Errors
/// [`StoreError`] when the address is not understood, the database does not answer, or its schema is newer than this
/// program.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    let pools = pool::open(url).await?;
    migrate::run(&pools).await?;
    Ok(Arc::new(pools))
}

/// Brings the schema of the database at `url` up to date and returns its version; nothing else is opened.
///
/// # Errors
/// As [`open`].
pub async fn migrate_only(url: &str) -> Result<i64, StoreError> {
    let pools = pool::open(url).await?;
    migrate::run(&pools).await?;
    let version = migrate::version(&pools).await?;
    pools.close().await;
    Ok(version)
}

/// The schema version of the database at `url`, 0 for one without tables. Creates and changes nothing.
///
/// # Errors
/// [`StoreError`] when the database does not exist or does not answer.
pub async fn schema_version(url: &str) -> Result<i64, StoreError> {
    let pools = pool::existing(url)?;
    let version = migrate::version(&pools).await?;
    pools.close().await;
    Ok(version)
}

/// The pools of one database: for SQLite one writing connection and several readers, for PostgreSQL one pool twice.
struct Pools {
    backend: Backend,
    writers: AnyPool,
    readers: AnyPool,
}

impl Pools {
    async fn begin(&self, write: bool) -> Result<Tx, StoreError> {
        let (pool, statement) = if write {
            (&self.writers, self.backend.begin_write())
        } else {
            (&self.readers, self.backend.begin_read())
        };
        let inner = pool.begin_with(statement).await.map_err(|e| sql::failed("begin", e))?;
        Ok(Tx { inner, backend: self.backend, write })
    }

    async fn close(&self) {
        self.writers.close().await;
        self.readers.close().await;
    }
}

#[async_trait]
impl Store for Pools {
    async fn write(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(self.begin(true).await?))
    }

    async fn read(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(self.begin(false).await?))
    }

    fn kind(&self) -> &'static str {
        self.backend.name()
    }
}

/// One transaction; the repository traits are implemented on it, one file each. Dropped without commit, it rolls back.
struct Tx {
    inner: sqlx::Transaction<'static, Any>,
    backend: Backend,
    write: bool,
}

#[async_trait]
impl Transaction for Tx {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.inner.commit().await.map_err(|e| sql::failed("commit", e))
    }
}
