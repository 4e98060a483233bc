//! Ranking next-best actions: what an action takes off the risk, and whether a ranking is worth more than another.
//!
//! Purpose: [`effect`] estimates what an action takes off the risk of a miss, [`evaluate`] proves offline what a policy
//! would be worth.
//!
//! Non-goals: penalties, quotes, what is allowed, and carrying an action out; those belong to the service.

pub mod effect;
pub mod evaluate;
pub mod linear;
