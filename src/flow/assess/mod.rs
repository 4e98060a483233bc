//! Assess: what a case is likely to cost and why, from what is known at that time.
//!
//! Guarantees: features, risk and summary are computed from [`super::facts::Facts`] alone; a missing model is a stated
//! abstention, never a default number. Non-goals: choosing an action, see `decide`.

pub mod case;
pub mod classify;
pub mod extract;
pub mod features;
pub mod link;
pub mod parts;
pub mod risk;
pub mod sender;
pub mod summary;
