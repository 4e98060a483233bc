//! Ranking next-best actions: what every action is expected to cost, whose turn it is, and whether a ranking is worth
//! more than another.
//!
//! Purpose: [`cost`] learns from resolved [`case`]s what each open action costs, [`archive`] finds the evidence of the
//! nearest of them, [`choose`] makes a recommendation of both or abstains with the reason, [`queue`] orders cases by what
//! an approver's minute is worth, [`evaluate`] proves offline what a policy would be worth.
//!
//! Guarantees: pure numbers in, pure numbers out; the same input and seed give the same bytes on any number of threads.
//!
//! Non-goals: quotes, penalties, permissions, calendars, and carrying an action out; those belong to the service.

pub mod archive;
pub mod case;
pub mod choose;
pub mod cost;
pub mod evaluate;
mod frame;
pub mod linear;
mod pair;
pub mod queue;
mod stored;
