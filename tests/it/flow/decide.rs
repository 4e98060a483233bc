//! Deciding: catalogue, ranking, prioritization, proposals and votes.

mod catalogue;
mod explore;
mod log;
mod prioritize;
mod proposals;
mod rank;
mod replay;
mod samples;
mod votes;
pub mod world;
