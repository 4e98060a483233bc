//! Deciding: catalogue, ranking, prioritization, proposals and votes.

mod catalogue;
mod deadline;
mod explore;
mod log;
mod prioritize;
mod proposals;
mod queue;
mod rank;
mod replay;
mod samples;
mod votes;
pub mod world;
