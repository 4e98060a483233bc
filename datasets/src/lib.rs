//! Data that Holdfast learns and is tested from; so far the seeded simulator of a distributor.
//!
//! Guarantees: knows the service only through the canonical events of the contract; no ambient time or randomness.
//! Non-goals: training, features and labels beyond what the events and the simulator's truth say.

pub mod simulator;
