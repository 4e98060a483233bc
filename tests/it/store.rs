//! The contract of the store: every story runs on SQLite and on PostgreSQL, and both must tell it alike.

mod audit;
mod cases;
mod events;
mod history;
mod jobs;
mod messages;
mod objects;
mod proposals;
pub mod samples;
mod service;
mod transactions;
