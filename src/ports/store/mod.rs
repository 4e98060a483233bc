//! The store: every durable fact, behind one transaction.
//!
//! Rules for each repository trait: lookups return `Option`; time and ids are parameters; writes become visible together
//! at [`Transaction::commit`]; a lost optimistic lock is [`StoreError::Conflict`], and the caller runs the whole
//! transaction again ([`run`]). A transaction that is dropped without commit leaves nothing behind.

pub mod audit;
pub mod cases;
pub mod decisions;
pub mod events;
pub mod history;
pub mod jobs;
pub mod messages;
pub mod models;
pub mod objects;
pub mod proposals;
pub mod service;
pub mod summaries;

use async_trait::async_trait;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another transaction changed the row first, or the database asks for a retry: run the transaction again.
    #[error("another transaction was first on {0}")]
    Conflict(String),
    /// A row that cannot be: it breaks what the code guarantees.
    #[error("table `{table}`, row `{row}`: {message}")]
    Inconsistent {
        /// Table.
        table: &'static str,
        /// Its key.
        row: String,
        /// What is wrong.
        message: String,
    },
    /// The database failed.
    #[error("database: {message}")]
    Database {
        /// What it was doing and what it said.
        message: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Everything that one transaction can read and write.
#[async_trait]
pub trait Transaction:
    audit::Audit
    + cases::Cases
    + decisions::Decisions
    + events::Events
    + history::History
    + jobs::Jobs
    + messages::Messages
    + models::Models
    + objects::Objects
    + proposals::Proposals
    + service::Service
    + summaries::Summaries
    + Send
{
    /// Makes all writes durable and visible.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is written then.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// A database.
#[async_trait]
pub trait Store: Send + Sync {
    /// Begins a transaction that writes.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn write(&self) -> Result<Box<dyn Transaction>, StoreError>;

    /// Begins a transaction that only reads a consistent state.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn read(&self) -> Result<Box<dyn Transaction>, StoreError>;

    /// `sqlite` or `postgres`, for logs and `/readyz`.
    fn kind(&self) -> &'static str;
}

/// How often a conflicting transaction is tried before giving up.
pub const ATTEMPTS_MAX: u32 = 8;

/// Runs `work` in a writing transaction and commits; on [`StoreError::Conflict`] (returned as is or wrapped, see
/// [`MaybeConflict`]) the whole closure runs again, so it must not have effects outside the transaction.
///
/// # Errors
/// What `work` returns, or the last conflict.
#[macro_export]
macro_rules! in_transaction {
    ($store:expr, |$tx:ident| $work:expr) => {{
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut $tx = $store.write().await?;
            let result = $work;
            match result {
                Ok(value) => match $tx.commit().await {
                    Ok(()) => break Ok(value),
                    Err(error)
                        if $crate::ports::store::MaybeConflict::is_conflict(&error)
                            && attempt < $crate::ports::store::ATTEMPTS_MAX => {}
                    Err(error) => break Err(error.into()),
                },
                Err(error)
                    if $crate::ports::store::MaybeConflict::is_conflict(&error)
                        && attempt < $crate::ports::store::ATTEMPTS_MAX => {}
                Err(error) => break Err(error.into()),
            }
        }
    }};
}

/// Errors that may be a lost optimistic lock.
pub trait MaybeConflict {
    /// Whether running the transaction again can help.
    fn is_conflict(&self) -> bool;
}

impl MaybeConflict for StoreError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }
}
