//! Opening connections: the only place that knows how each database wants to be set up.
//!
//! Guarantees: SQLite gets one writing connection (there can be no second writer, so waiting happens in our own queue) and
//! several readers that cannot write; PostgreSQL gets one pool for both.

use std::path::Path;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Executor as _};

use super::sql::failed;
use super::{Backend, Pools};
use crate::ports::store::StoreError;

const SQLITE_READERS_MAX: u32 = 4;
const POSTGRES_CONNECTIONS_MAX: u32 = 16;
/// How long a transaction waits for a connection, which on SQLite is how long it waits for the writer before it.
const ACQUIRE_WAIT_MAX: Duration = Duration::from_secs(30);

/// For the writing connection. `journal_mode` is kept in the file and so holds for the readers too. The busy timeout
/// matters only beside another process (a command line tool next to the service).
const SQLITE_WRITER: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;";
const SQLITE_READER: &str =
    "PRAGMA busy_timeout = 10000; PRAGMA query_only = ON; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;";

/// Pools over the database at `url`; creates a SQLite file and its folder where missing.
pub(super) async fn open(url: &str) -> Result<Pools, StoreError> {
    match address(url)? {
        Address::Sqlite(path) => {
            create_parent(path).await?;
            sqlite(path, "rwc")
        }
        Address::Postgres => postgres(url),
    }
}

/// Pools over a database that must exist.
pub(super) fn existing(url: &str) -> Result<Pools, StoreError> {
    match address(url)? {
        Address::Sqlite(path) => sqlite(path, "rw"),
        Address::Postgres => postgres(url),
    }
}

enum Address<'a> {
    Sqlite(&'a str),
    Postgres,
}

fn address(url: &str) -> Result<Address<'_>, StoreError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Address::Postgres);
    }
    let path = url.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
    match path {
        Some(path) if !path.is_empty() && !path.starts_with(":memory:") && !path.contains('?') => {
            Ok(Address::Sqlite(path))
        }
        _ => {
            let message = "the store's address must be `sqlite:path/to/file.db` or `postgres://user@host/database`";
            Err(StoreError::Database { message: message.to_owned(), source: "unknown form of address".into() })
        }
    }
}

async fn create_parent(path: &str) -> Result<(), StoreError> {
    let Some(parent) = Path::new(path).parent().filter(|p| !p.as_os_str().is_empty()) else {
        return Ok(());
    };
    tokio::fs::create_dir_all(parent).await.map_err(|e| StoreError::Database {
        message: format!("cannot create the folder `{}` of the database", parent.display()),
        source: Box::new(e),
    })
}

fn sqlite(path: &str, mode: &str) -> Result<Pools, StoreError> {
    let url = format!("sqlite:{}?mode={mode}", path.replace('%', "%25").replace('#', "%23"));
    let options = || {
        AnyPoolOptions::new()
            .acquire_timeout(ACQUIRE_WAIT_MAX)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
    };
    let writers = lazy(&url, options().max_connections(1), SQLITE_WRITER)?;
    let readers = lazy(&url, options().max_connections(SQLITE_READERS_MAX), SQLITE_READER)?;
    Ok(Pools { backend: Backend::Sqlite, writers, readers })
}

fn postgres(url: &str) -> Result<Pools, StoreError> {
    let options = AnyPoolOptions::new().acquire_timeout(ACQUIRE_WAIT_MAX).max_connections(POSTGRES_CONNECTIONS_MAX);
    let pool = lazy(url, options, "SET client_min_messages = warning")?;
    Ok(Pools { backend: Backend::Postgres, writers: pool.clone(), readers: pool })
}

fn lazy(url: &str, options: AnyPoolOptions, set_up: &'static str) -> Result<AnyPool, StoreError> {
    sqlx::any::install_default_drivers();
    options
        .after_connect(move |connection: &mut AnyConnection, _| {
            Box::pin(async move { connection.execute(sqlx::raw_sql(set_up)).await.map(|_| ()) })
        })
        .connect_lazy(url)
        .map_err(|e| failed("the store's address", e))
}
