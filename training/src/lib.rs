//! The learning library of Holdfast: pure numbers in, artefacts out.
//!
//! Purpose: everything that fits a model. [`tabular`] predicts whether an order misses its date, [`ranking`] estimates
//! what an action saves, [`language`] fits heads on text embeddings, [`artifact`] stores what they learned.
//!
//! Guarantees: the same data, options and seed give the same bytes; nothing here reads a clock, an environment variable
//! or ambient randomness; odd input is an error that says what, where and how to mend it, never a panic.
//!
//! Non-goals: it knows nothing of the service (no stores, no events, no HTTP). Work is shared on rayon's pool; a caller who
//! wants fewer threads installs a pool of their own.

pub mod artifact;
pub mod language;
pub mod ranking;
pub mod tabular;
