//! `holdfast export`: requests and data sets as files.

use std::path::PathBuf;

use anyhow::Result;

use crate::commands::train::open_orders;
use crate::config::Config;

/// What to write.
#[derive(clap::Subcommand)]
pub enum Command {
    /// The newest test rows of a described file, outcome hidden, as a request for `POST /v1/prioritize`.
    OpenOrders {
        /// Descriptor of the file's columns.
        #[arg(long)]
        descriptor: PathBuf,
        /// CSV file, plain or gzip.
        #[arg(long)]
        file: PathBuf,
        /// How many rows.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
}

/// Writes to standard output.
///
/// # Errors
/// What is wrong with descriptor or file.
pub async fn run(_: Config, command: Command) -> Result<()> {
    match command {
        Command::OpenOrders { descriptor, file, limit } => {
            println!("{}", open_orders::request(&descriptor, &file, limit)?);
        }
    }
    Ok(())
}
