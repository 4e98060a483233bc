//! Subcommands: one file each, thin over the flow. `main.rs` holds the enum.

pub mod audit;
pub mod check;
pub mod demo;
pub mod export;
pub mod import;
pub mod migrate;
pub mod serve;
pub mod token;
pub mod train;
pub mod work;
