//! Subcommands: one file each, thin over the flow. `main.rs` holds the enum.

pub mod audit;
pub mod check;
pub mod demo;
pub mod drift;
pub mod evaluate;
pub mod explain;
pub mod export;
pub mod import;
pub mod migrate;
pub mod read;
pub mod replay;
pub mod serve;
pub mod token;
pub mod train;
pub mod work;

/// A command that did its work and has to say no: exit code 3, where a failure has 1 and a command line that makes no sense 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);
