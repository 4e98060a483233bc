//! Nouns of the service: pure data, state machines and their declared transitions.
//!
//! Guarantees: no I/O, no clock, no randomness; a state carries exactly the facts that are true in it; names on the wire
//! are `snake_case` and closed sets. Non-goals: how anything is stored, served or decided.

pub mod action;
pub mod actor;
pub mod approval;
pub mod audit;
pub mod calendar;
pub mod case;
pub mod choice;
pub mod decision;
pub mod digest;
pub mod event;
pub mod ids;
pub mod job;
pub mod message;
pub mod model;
pub mod money;
pub mod order;
pub mod outcome;
pub mod party;
pub mod payload;
pub mod proposal;
pub mod queue;
pub mod sla;
pub mod timetable;
pub mod untrusted;
pub mod weights;
pub mod words;
