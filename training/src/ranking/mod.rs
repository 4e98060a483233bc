//! Ranking next-best actions: what an action takes off the risk.
//!
//! Non-goals: costs, penalties and the choice itself; those belong to the service.

pub mod effect;
