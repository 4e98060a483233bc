//! The decision log: what was decided, what people made of it, and what was explored.

use async_trait::async_trait;

use super::StoreError;
use crate::domain::choice::Response;
use crate::domain::decision::Decision;
use crate::domain::ids::DecisionId;
use crate::domain::outcome::Outcome;

/// The decision log.
#[async_trait]
pub trait Decisions {
    /// Keeps a decision; a second one with the same id (same content) changes nothing.
    async fn insert_decision(&mut self, decision: &Decision) -> Result<(), StoreError>;

    /// One decision.
    async fn decision(&mut self, id: DecisionId) -> Result<Option<Decision>, StoreError>;

    /// The ids of all decisions, in order. They are digests, so the order says nothing of time.
    async fn decision_ids(&mut self) -> Result<Vec<DecisionId>, StoreError>;

    /// Keeps a response.
    async fn insert_response(&mut self, response: &Response) -> Result<(), StoreError>;

    /// Responses to a decision, oldest first.
    async fn responses_to(&mut self, id: DecisionId) -> Result<Vec<Response>, StoreError>;

    /// The random bits of a day; the first who asks sets them to `fresh`.
    async fn exploration_entropy(&mut self, day: &str, fresh: &str) -> Result<String, StoreError>;

    /// The cases that were explored on a day.
    async fn explored(&mut self, day: &str) -> Result<Vec<String>, StoreError>;

    /// Counts a case as explored on a day, in the place that was free when it was read; [`StoreError::Conflict`] when another
    /// took it meanwhile.
    async fn insert_exploration(&mut self, day: &str, place: u32, subject: &str) -> Result<(), StoreError>;

    /// The known outcomes of an order's lines.
    async fn outcomes_of(&mut self, order_id: &str) -> Result<Vec<Outcome>, StoreError>;
}
