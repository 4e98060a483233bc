//! Sentence encoders, heads on their embeddings and on words, a sparse model for parts of texts, the ranker that links messages,
//! and a decoder that words.
//!
//! Non-goals: tokenising for an encoder, which sees token ids only; texts with values: vectors, hashes, numbers and slots come in.

mod adam;
mod batches;
mod check;
mod choose;
mod fit;
pub mod heads;
pub mod link;
mod measure;
pub mod sparse;
mod threshold;
pub mod tune;
pub mod words;
pub mod write;

pub use fit::folds;
