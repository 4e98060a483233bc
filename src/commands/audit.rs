//! `holdfast audit`: verify the whole chain, or write it out as NDJSON.
//!
//! Guarantee: verification recomputes every hash from what is stored and names the first entry that does not fit.
//! Non-goal: noticing that the newest entries were cut off; compare the head that it prints with one kept elsewhere.

use std::io::Write;
use std::path::PathBuf;

use indicatif::ProgressBar;

use crate::config::Config;
use crate::domain::audit::{AuditEntry, GENESIS};
use crate::ports::store::audit::AuditFilter;
use crate::ports::store::{Store, StoreError};

const PAGE: u32 = 1_000;

/// A chain that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Number of entries.
    pub entries: i64,
    /// Hash of the newest one.
    pub head: String,
}

/// Why the log cannot be trusted, or not be read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// An entry does not fit.
    #[error("the audit chain is broken at entry {seq}: {why}; restore the log from a backup and compare")]
    Broken {
        /// The first entry that does not fit.
        seq: i64,
        /// What does not fit.
        why: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output failed.
    #[error("the export could not be written")]
    Output(#[source] std::io::Error),
}

/// Recomputes the whole chain.
///
/// # Errors
/// [`AuditError`].
pub async fn verify(store: &dyn Store, mut progress: impl FnMut(i64)) -> Result<Verified, AuditError> {
    let mut verified = Verified { entries: 0, head: GENESIS.to_owned() };
    let mut tx = store.read().await?;
    let mut limit = PAGE;
    loop {
        let page = match tx.audit_after(verified.entries, &AuditFilter::default(), limit).await {
            Ok(page) if page.is_empty() => return Ok(verified),
            Ok(page) => page,
            // Somewhere in this page is an entry that cannot even be read: look at them one by one.
            Err(StoreError::Inconsistent { .. }) if limit > 1 => {
                limit = 1;
                continue;
            }
            Err(StoreError::Inconsistent { .. }) => {
                return Err(AuditError::Broken { seq: verified.entries + 1, why: "it cannot be read" });
            }
            Err(error) => return Err(error.into()),
        };
        for entry in page {
            fits(&entry, &verified)?;
            verified = Verified { entries: entry.seq, head: entry.hash };
        }
        progress(verified.entries);
    }
}

fn fits(entry: &AuditEntry, before: &Verified) -> Result<(), AuditError> {
    let expected = before.entries + 1;
    if entry.seq != expected {
        return Err(AuditError::Broken { seq: expected, why: "it is missing" });
    }
    if entry.prev != before.head {
        return Err(AuditError::Broken { seq: expected, why: "it does not follow the entry before" });
    }
    match entry.compute_hash() {
        Ok(hash) if hash == entry.hash => Ok(()),
        _ => Err(AuditError::Broken { seq: expected, why: "its content is not what was hashed" }),
    }
}

/// Writes every entry as one line of JSON; returns how many.
///
/// # Errors
/// [`AuditError`].
pub async fn export(
    store: &dyn Store,
    output: &mut (dyn Write + Send),
    mut progress: impl FnMut(i64),
) -> Result<i64, AuditError> {
    let mut written = 0;
    let mut tx = store.read().await?;
    loop {
        let page = tx.audit_after(written, &AuditFilter::default(), PAGE).await?;
        let Some(last) = page.last() else { break };
        let last = last.seq;
        for entry in &page {
            serde_json::to_writer(&mut *output, entry).map_err(|e| AuditError::Output(e.into()))?;
            output.write_all(b"\n").map_err(AuditError::Output)?;
        }
        written = last;
        progress(written);
    }
    output.flush().map_err(AuditError::Output)?;
    Ok(written)
}

/// What to do with the log.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Recompute the whole chain.
    Verify,
    /// Write every entry as a line of JSON.
    Export {
        /// File to write; standard output where missing.
        #[arg(long)]
        to: Option<PathBuf>,
    },
}

/// Verifies or exports.
///
/// # Errors
/// A broken chain, named by its first wrong entry; a store or file that fails.
pub async fn command(config: Config, command: Command) -> anyhow::Result<()> {
    let store = crate::app::store(&config).await?;
    let progress = ProgressBar::new_spinner();
    let step = |seq: i64| progress.set_message(format!("{seq} entries"));
    match command {
        Command::Verify => {
            let verified = verify(&*store, step).await?;
            progress.finish_and_clear();
            println!("{} entries, the chain is intact; its head is {}", verified.entries, verified.head);
        }
        Command::Export { to: None } => {
            export(&*store, &mut std::io::stdout(), |_| {}).await?;
        }
        Command::Export { to: Some(path) } => {
            let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
            let written = export(&*store, &mut file, step).await?;
            progress.finish_and_clear();
            println!("{written} entries written to {}", path.display());
        }
    }
    Ok(())
}
