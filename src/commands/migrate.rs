//! `holdfast migrate`: brings the database to this version's schema. `serve` does so too; this is for deployments that
//! migrate apart.

use anyhow::Result;

use crate::config::Config;

/// Migrates.
///
/// # Errors
/// When the database cannot be opened or migrated.
pub async fn run(config: Config) -> Result<()> {
    let store = crate::app::store(&config).await?;
    println!("the {} database is at this version's schema", store.kind());
    Ok(())
}
