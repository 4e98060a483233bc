//! Verbs: the five phases in flow order, and what they share.
//!
//! Guarantees: the flow names ports, never adapters; it decides with values and leaves effects to the outbox; time and
//! randomness come in through [`Services`].

pub mod accept;
pub mod assess;
pub mod cases;
pub mod decide;
pub mod error;
pub mod execute;
pub mod expression;
pub mod facts;
pub mod learn;
pub mod objects;
pub mod services;
pub mod sla;

pub use error::FlowError;
pub use services::Services;
