//! Deciding: catalogue, ranking, prioritization, proposals and votes.

mod catalogue;
mod prioritize;
mod proposals;
mod rank;
mod samples;
mod votes;
pub mod world;
