//! What holds of every transaction, and of opening a database.

use anyhow::{Context as _, ensure};
use holdfast::adapters::store::{self, SCHEMA_VERSION};
use holdfast::domain::case::Category;
use holdfast::domain::ids::CaseId;
use holdfast::in_transaction;
use holdfast::ports::store::StoreError;
use sqlx::{AnyConnection, Connection as _, Executor as _};

use super::samples::{at, case, entropy};
use crate::support::folder::Folder;
use crate::support::stores::{TestStore, on_each_store, postgres_database};

on_each_store!(
    dropped_transaction_leaves_nothing,
    reader_sees_one_state_and_cannot_write,
    conflict_runs_the_transaction_again,
    lasting_conflict_is_returned,
    data_outlives_the_store,
    newer_schema_is_refused,
    undecodable_row_is_inconsistent,
);

async fn dropped_transaction_leaves_nothing(db: &TestStore) -> anyhow::Result<()> {
    let mut tx = db.store.write().await?;
    tx.add_to_rate("carrier", "C1", true).await?;
    ensure!(tx.rate("carrier", "C1").await?.missed == 1, "a transaction sees its own writes");
    drop(tx);
    let mut tx = db.store.write().await?;
    ensure!(tx.rate("carrier", "C1").await?.cases == 0, "the dropped write is gone");
    Ok(())
}

async fn reader_sees_one_state_and_cannot_write(db: &TestStore) -> anyhow::Result<()> {
    let mut reader = db.store.read().await?;
    ensure!(reader.rate("all", "").await?.cases == 0);
    let mut writer = db.store.write().await?;
    writer.add_to_rate("all", "", false).await?;
    writer.commit().await?;
    ensure!(reader.rate("all", "").await?.cases == 0, "the reader keeps the state it began with");
    drop(reader);
    let mut reader = db.store.read().await?;
    ensure!(reader.rate("all", "").await?.cases == 1, "a new reader sees the commit");
    ensure!(reader.add_to_rate("all", "", false).await.is_err(), "a reader cannot write");
    Ok(())
}

async fn raised(db: &TestStore, id: CaseId, tries: &mut u32) -> Result<i64, StoreError> {
    in_transaction!(db.store, |tx| {
        let found = tx.case(id).await;
        *tries += 1;
        match found {
            Err(error) => Err(error),
            Ok(None) => Err(StoreError::Conflict("no case".to_owned())),
            // The first try writes over a version that is not the stored one.
            Ok(Some(mut case)) => {
                case.version += i64::from(*tries == 1);
                tx.update_case(&case).await.map(|case| case.version)
            }
        }
    })
}

async fn conflict_runs_the_transaction_again(db: &TestStore) -> anyhow::Result<()> {
    let id = CaseId::new(at(0), &entropy());
    let mut tx = db.store.write().await?;
    tx.insert_case(&case(id, Category::CreditHold, "O1", None)).await?;
    tx.commit().await?;
    let mut tries = 0;
    ensure!(raised(db, id, &mut tries).await? == 2 && tries == 2);
    let stored = db.store.read().await?.case(id).await?.context("gone")?;
    ensure!(stored.version == 2, "written once");
    Ok(())
}

async fn lasting_conflict_is_returned(db: &TestStore) -> anyhow::Result<()> {
    let mut tries = 0;
    let result = raised(db, CaseId::new(at(0), &entropy()), &mut tries).await;
    ensure!(matches!(result, Err(StoreError::Conflict(_))) && tries == holdfast::ports::store::ATTEMPTS_MAX);
    Ok(())
}

async fn data_outlives_the_store(db: &TestStore) -> anyhow::Result<()> {
    let mut tx = db.store.write().await?;
    tx.add_to_rate("sku", "A", true).await?;
    tx.commit().await?;
    let (one, other) = tokio::join!(store::open(&db.url), store::open(&db.url));
    ensure!(one?.read().await?.rate("sku", "A").await?.cases == 1);
    ensure!(other?.kind() == db.store.kind());
    ensure!(store::schema_version(&db.url).await? == SCHEMA_VERSION);
    Ok(())
}

async fn raw(url: &str, text: &'static str) -> anyhow::Result<()> {
    let mut connection = AnyConnection::connect(url).await?;
    connection.execute(sqlx::raw_sql(text)).await?;
    Ok(connection.close().await?)
}

async fn newer_schema_is_refused(db: &TestStore) -> anyhow::Result<()> {
    raw(&db.url, "INSERT INTO schema_version (version) VALUES (999)").await?;
    let refused = store::open(&db.url).await.err().context("opened a newer schema")?;
    ensure!(matches!(&refused, StoreError::Inconsistent { table: "schema_version", row, .. } if row == "999"));
    Ok(())
}

async fn undecodable_row_is_inconsistent(db: &TestStore) -> anyhow::Result<()> {
    let id = CaseId::new(at(0), &entropy());
    let mut tx = db.store.write().await?;
    tx.insert_case(&case(id, Category::CreditHold, "O1", None)).await?;
    tx.commit().await?;
    raw(&db.url, "UPDATE cases SET document = '{\"id\": 1}'").await?;
    let error = db.store.read().await?.case(id).await.err().context("decoded nonsense")?;
    ensure!(
        matches!(&error, StoreError::Inconsistent { table: "cases", row, .. } if *row == id.to_string()),
        "{error}"
    );
    Ok(())
}

async fn migrated_by_many(url: &str) -> anyhow::Result<()> {
    let starts = (0..4).map(|_| {
        tokio::spawn({
            let url = url.to_owned();
            async move { store::migrate_only(&url).await }
        })
    });
    for start in starts.collect::<Vec<_>>() {
        ensure!(start.await?? == SCHEMA_VERSION);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_start_together_migrate_once_on_sqlite() -> anyhow::Result<()> {
    let folder = Folder::new()?;
    let url = format!("sqlite:{}", folder.path().join("h.db").display());
    ensure!(store::schema_version(&url).await.is_err(), "asking creates no file");
    migrated_by_many(&url).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL's server binaries"]
async fn instances_that_start_together_migrate_once_on_postgres() -> anyhow::Result<()> {
    let url = postgres_database().await?;
    ensure!(store::schema_version(&url).await? == 0);
    migrated_by_many(&url).await
}

#[tokio::test]
async fn unknown_address_is_refused() {
    for url in ["", "holdfast.db", "sqlite:", "sqlite::memory:", "mysql://localhost/x", "sqlite:a.db?mode=ro"] {
        assert!(matches!(store::open(url).await, Err(StoreError::Database { .. })), "`{url}` was accepted");
    }
}
