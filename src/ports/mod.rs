//! What the flow may ask of the outside: small traits, one per file, implemented under `adapters`.
//!
//! To add a port: write the trait here with the guarantees its callers rely on, give it `Option` for "not found" and an
//! error that says whether a retry can help, pass time and entropy in, and add a contract test that every adapter passes.

pub mod clock;
pub mod connector;
pub mod language;
pub mod link;
pub mod mail;
pub mod policy_value;
pub mod registry;
pub mod store;
pub mod tabular;
pub mod training;
pub mod vectors;
