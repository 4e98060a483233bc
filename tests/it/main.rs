//! The one integration binary: every test that needs more than one module, and every test of a port's contract.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod calendar;
mod flow;
mod language;
mod policy;
mod store;
mod story;
mod support;
mod tidy;
mod vectors;
mod web;
mod webhook;
