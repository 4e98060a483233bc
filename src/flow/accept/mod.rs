//! Accept: what comes in becomes canonical state, and canonical state raises exceptions.
//!
//! Guarantees: an event takes effect once, whatever its order of arrival; what cannot be understood is kept as a dead
//! letter with its reason; each event is one transaction with its effects. Non-goals: judging how bad a case is; see
//! `assess`.

mod apply;
mod checks;
pub mod dead_letters;
pub mod detect;
pub mod envelope;
pub mod events;
pub mod messages;
mod recheck;
pub mod rules;
mod template;
