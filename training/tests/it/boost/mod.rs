//! Boosted trees: what they learn, what they refuse, and that their bytes never depend on threads.

mod artefact;
mod data;
mod explain;
mod fit;
mod odd;
mod same_bytes;
