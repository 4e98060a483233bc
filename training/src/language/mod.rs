//! Sentence encoders, heads on their embeddings and on words, and a sparse model for parts of texts.
//!
//! Non-goals: tokenising for an encoder, which sees token ids only; text of any kind: vectors and hashes come in.

mod check;
mod choose;
mod fit;
pub mod heads;
mod measure;
pub mod sparse;
mod threshold;
pub mod tune;
pub mod words;

pub use fit::folds;
