//! The edge: tokens, problems, idempotency, versions, paging, pages, and whether every operation is exercised.

mod auth;
mod coverage;
mod day;
mod intake;
mod mail;
mod pages;
mod protocol;
mod schema;
pub mod support;
mod training;
