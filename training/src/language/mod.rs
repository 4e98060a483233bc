//! Heads on text embeddings.
//!
//! Non-goals: the encoder, tokenising, text of any kind. Only vectors come in.

mod fit;
pub mod heads;
mod threshold;
