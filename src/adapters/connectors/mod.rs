//! Connectors: how approved actions and emitted events leave the service over HTTP.
//!
//! Guarantees: signed (Standard Webhooks 1.0), no redirects, bounded in time and size, and no private destination unless
//! the operator allows it. Non-goals: retries, which are the worker's.

pub mod guard;
pub mod signature;
pub mod simulated;
pub mod webhook;
