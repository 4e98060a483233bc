//! Proposals.

use async_trait::async_trait;

use super::StoreError;
use crate::domain::ids::{CaseId, ProposalId};
use crate::domain::proposal::Proposal;

/// Filter of an inbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "names say it")]
pub struct ProposalFilter {
    pub state: Option<String>,
    pub case_id: Option<CaseId>,
}

/// Proposals.
#[async_trait]
pub trait Proposals {
    /// Inserts a proposal (version 1).
    async fn insert_proposal(&mut self, proposal: &Proposal) -> Result<(), StoreError>;

    /// One proposal; inside a writing transaction its row is locked.
    async fn proposal(&mut self, id: ProposalId) -> Result<Option<Proposal>, StoreError>;

    /// Writes a proposal where the version still is `proposal.version`; returns it with the raised version.
    async fn update_proposal(&mut self, proposal: &Proposal) -> Result<Proposal, StoreError>;

    /// Newest first, from before `before`.
    async fn list_proposals(
        &mut self,
        filter: &ProposalFilter,
        before: Option<ProposalId>,
        limit: u32,
    ) -> Result<Vec<Proposal>, StoreError>;

    /// Number of proposals in a state.
    async fn count_proposals(&mut self, state: &str) -> Result<i64, StoreError>;
}
