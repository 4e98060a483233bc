//! Schema migrations, embedded; the version table says which have run.
//!
//! Guarantees: each runs once and whole, also when several instances start together; a schema that is newer than the
//! program is refused, not guessed at. To add one: write `migrations/{sqlite,postgres}/NNNN_name.sql` and list both here.

use sqlx::{AnyConnection, Executor as _};

use super::sql::{Sql, failed};
use super::{Backend, Pools, Tx};
use crate::ports::store::StoreError;

/// Number of migrations, which is the schema's version.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

struct Migration {
    sqlite: &'static str,
    postgres: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        sqlite: include_str!("migrations/sqlite/0001_initial.sql"),
        postgres: include_str!("migrations/postgres/0001_initial.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0002_promises.sql"),
        postgres: include_str!("migrations/postgres/0002_promises.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0003_decision_log.sql"),
        postgres: include_str!("migrations/postgres/0003_decision_log.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0004_words.sql"),
        postgres: include_str!("migrations/postgres/0004_words.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0005_summaries.sql"),
        postgres: include_str!("migrations/postgres/0005_summaries.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0006_numbers.sql"),
        postgres: include_str!("migrations/postgres/0006_numbers.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0007_wordings.sql"),
        postgres: include_str!("migrations/postgres/0007_wordings.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0009_embeddings.sql"),
        postgres: include_str!("migrations/postgres/0009_embeddings.sql"),
    },
];

impl Backend {
    /// Lets one instance migrate at a time; SQLite's `BEGIN IMMEDIATE` did that already. The number is arbitrary.
    fn lock_schema(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => "SELECT pg_advisory_xact_lock(4710815)",
        }
    }

    fn has_version_table(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'",
            Self::Postgres => {
                "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'schema_version'"
            }
        }
    }
}

/// Runs what has not run yet.
pub(super) async fn run(pools: &Pools) -> Result<(), StoreError> {
    let mut tx = pools.begin(true).await?;
    script(&mut tx.inner, pools.backend.lock_schema()).await?;
    script(&mut tx.inner, "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY)").await?;
    let current = newest(&mut tx).await?;
    if current > SCHEMA_VERSION {
        return Err(StoreError::Inconsistent {
            table: "schema_version",
            row: current.to_string(),
            message: format!(
                "the database was migrated by a newer program; this one knows {SCHEMA_VERSION}, so run the newer one"
            ),
        });
    }
    for (version, migration) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > current) {
        let text = match pools.backend {
            Backend::Sqlite => migration.sqlite,
            Backend::Postgres => migration.postgres,
        };
        script(&mut tx.inner, text).await?;
        Sql::new("schema_version", "INSERT INTO schema_version (version) VALUES ($1)")
            .bind(version)
            .run(&mut tx)
            .await?;
    }
    tx.inner.commit().await.map_err(|e| failed("schema_version", e))
}

/// The schema's version; 0 without tables.
pub(super) async fn version(pools: &Pools) -> Result<i64, StoreError> {
    let mut tx = pools.begin(false).await?;
    let tables = Sql::new("schema_version", pools.backend.has_version_table()).count(&mut tx).await?;
    if tables == 0 { Ok(0) } else { newest(&mut tx).await }
}

async fn newest(tx: &mut Tx) -> Result<i64, StoreError> {
    Sql::new("schema_version", "SELECT COALESCE(MAX(version), 0) FROM schema_version").count(tx).await
}

async fn script(connection: &mut AnyConnection, text: &'static str) -> Result<(), StoreError> {
    connection.execute(sqlx::raw_sql(text)).await.map_err(|e| failed("schema_version", e))?;
    Ok(())
}
