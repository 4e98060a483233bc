//! Learn: outcomes become training rows, versions become models that serve.
//!
//! Guarantees: a row is learned from as it was served; a version serves only after a governed approval (or as the first,
//! recorded as such), and which one served at any time can be told. Non-goals: fitting, see `commands::train`.

pub mod archive;
pub mod challenger;
pub mod effect_gate;
pub mod history;
pub mod outcome;
pub mod policy_value;
pub mod promise;
pub mod registry;
pub mod resolved;
pub mod runs;
pub mod to_label;
