//! The event log and the dead letters.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::StoreError;
use crate::domain::event::{Event, EventRef};
use crate::domain::ids::DeadLetterId;
use crate::domain::party::ObjectKind;

/// What happened on recording an event's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is new.
    New,
    /// The same event was recorded before: nothing to do.
    Replay,
    /// The identity is taken by another body.
    Conflict {
        /// Digest of the recorded body.
        recorded: String,
    },
}

/// An input that could not be understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "names say it")]
pub struct DeadLetter {
    pub id: DeadLetterId,
    pub received_at: Timestamp,
    /// `source` and `id` where they could be read.
    pub source: Option<String>,
    pub event_id: Option<String>,
    pub event_type: Option<String>,
    /// What was received, or the last fix of it.
    pub body: Value,
    /// Why it was refused.
    pub reason: String,
    /// JSON pointer to the member at fault, where known.
    pub pointer: Option<String>,
    /// `open`, `replayed` or `discarded`.
    pub status: DeadLetterStatus,
    pub version: i64,
}

/// Where a dead letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names say it")]
pub enum DeadLetterStatus {
    Open,
    Replayed,
    Discarded,
}

/// Recorded events and dead letters.
#[async_trait]
pub trait Events {
    /// Records an event under its identity with the canonical digest of the whole CloudEvent, filed under the object it
    /// is about.
    async fn record_event(
        &mut self,
        event: &Event,
        digest: &str,
        object: (ObjectKind, &str),
    ) -> Result<Recorded, StoreError>;

    /// Every event of one object, unsorted.
    async fn events_of(&mut self, kind: ObjectKind, key: &str) -> Result<Vec<Event>, StoreError>;

    /// One event.
    async fn event(&mut self, reference: &EventRef) -> Result<Option<Event>, StoreError>;

    /// Number of recorded events.
    async fn count_events(&mut self) -> Result<i64, StoreError>;

    /// Files a dead letter.
    async fn insert_dead_letter(&mut self, letter: &DeadLetter) -> Result<(), StoreError>;

    /// One dead letter.
    async fn dead_letter(&mut self, id: DeadLetterId) -> Result<Option<DeadLetter>, StoreError>;

    /// Newest first, from before `before`.
    async fn dead_letters(
        &mut self,
        status: Option<DeadLetterStatus>,
        before: Option<DeadLetterId>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, StoreError>;

    /// Writes body, reason, pointer and status where the version still is `letter.version`, and raises it.
    async fn update_dead_letter(&mut self, letter: &DeadLetter) -> Result<(), StoreError>;
}
