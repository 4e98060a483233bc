//! Decide: what could be done, what is worth doing, who must agree.
//!
//! `catalogue` declares every action; `candidates` offers those that fit a case, with reasons against the others; `nearest`
//! finds the resolved cases that are most like it; `outlook` says what is expected of each action, `deadline` until when it
//! can still help; `rank` orders them by expected cost, `recommend` says whether to recommend the first; `queue` says whose
//! turn it is; `explore` now and then recommends a near-tie; `log` keeps what was decided and what people made of it;
//! `prioritize` decides for many cases at once; `prefill` shows what a message offers for a parameter; `propose` binds one
//! action to its evidence; `policy` alone says who may do what to it; `approve` gathers the votes.

pub mod approve;
pub mod candidates;
pub mod catalogue;
pub mod deadline;
pub mod evidence;
pub mod explore;
pub mod governance;
pub mod inline;
pub(super) mod lifecycle;
pub mod log;
pub mod nearest;
mod outlook;
pub mod policy;
pub mod prefill;
pub mod prioritize;
pub mod propose;
pub mod queue;
pub mod rank;
mod recommend;
pub mod schema;
