//! Heads on text embeddings, and a sparse model for parts of texts.
//!
//! Non-goals: the encoder, tokenising, text of any kind. Only vectors and hashes come in.

mod fit;
pub mod heads;
pub mod sparse;
mod threshold;
