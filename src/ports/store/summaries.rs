//! Summaries as they were kept, what a proposal was made on, and what readers think of them.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::StoreError;
use crate::domain::ids::{CaseId, ProposalId};

/// A kept document with its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// When it was made.
    pub made_at: Timestamp,
    /// The document.
    pub document: Value,
}

/// What a person thinks of a summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SummaryOpinion)]
pub struct Opinion {
    /// The case.
    pub case_id: CaseId,
    /// Digest of the summary that was read.
    pub digest: String,
    /// The person's subject.
    pub subject: String,
    /// Whether it helped.
    pub useful: bool,
    /// Why, in words.
    pub reason: Option<String>,
    /// When it was given.
    pub at: Timestamp,
}

/// Summaries, marks and opinions.
#[async_trait]
pub trait Summaries {
    /// Keeps the summary of a case for a kind of reader in place of the one before.
    async fn keep_summary(&mut self, case_id: CaseId, reader: &str, kept: &Kept) -> Result<(), StoreError>;

    /// The kept summary of a case for a kind of reader.
    async fn kept_summary(&mut self, case_id: CaseId, reader: &str) -> Result<Option<Kept>, StoreError>;

    /// Kept summaries of open cases that `writer` has not had its turn with, newest first, with their kind of reader.
    async fn summaries_to_word(&mut self, writer: &str, limit: u32) -> Result<Vec<(CaseId, String, Kept)>, StoreError>;

    /// Puts `document` in the place of the summary that was kept at `kept_at`, and remembers that `writer` had its turn;
    /// false where another summary is kept by now.
    async fn put_wording(
        &mut self,
        (case_id, reader): (CaseId, &str),
        kept_at: Timestamp,
        document: &Value,
        writer: &str,
    ) -> Result<bool, StoreError>;

    /// Keeps what a proposal was made on; the first one stands.
    async fn mark_proposal(&mut self, proposal_id: ProposalId, kept: &Kept) -> Result<(), StoreError>;

    /// What a proposal was made on.
    async fn proposal_mark(&mut self, proposal_id: ProposalId) -> Result<Option<Kept>, StoreError>;

    /// Keeps a person's opinion of a summary in place of the one before.
    async fn put_opinion(&mut self, opinion: &Opinion) -> Result<(), StoreError>;

    /// Opinions of a case's summaries, newest first.
    async fn opinions_of(&mut self, case_id: CaseId) -> Result<Vec<Opinion>, StoreError>;
}
