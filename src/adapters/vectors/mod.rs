//! Vector stores: exact search on this machine, or a Qdrant server; chosen by configuration.

mod exact;
mod log;
mod qdrant;

pub use exact::ExactVectors;
pub use qdrant::QdrantVectors;
