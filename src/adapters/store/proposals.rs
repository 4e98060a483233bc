//! Proposals. Reading one in a writing transaction locks its row, so that two votes cannot both be the last one.

use async_trait::async_trait;

use super::Tx;
use super::sql::{Sql, json};
use crate::domain::ids::ProposalId;
use crate::domain::proposal::{Proposal, Target};
use crate::ports::store::StoreError;
use crate::ports::store::proposals::{ProposalFilter, Proposals};

#[async_trait]
impl Proposals for Tx {
    async fn insert_proposal(&mut self, proposal: &Proposal) -> Result<(), StoreError> {
        let case_id = match &proposal.target {
            Target::Order { case_id, .. } => Some(case_id.to_string()),
            Target::Model { .. } => None,
        };
        Sql::new(
            "proposals",
            "INSERT INTO proposals (id, state, case_id, version, document) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(proposal.id.to_string())
        .bind(proposal.state.name())
        .bind(case_id)
        .bind(proposal.version)
        .bind(json("proposals", proposal)?)
        .run(self)
        .await?;
        Ok(())
    }

    async fn proposal(&mut self, id: ProposalId) -> Result<Option<Proposal>, StoreError> {
        let lock = if self.write { self.backend.for_update() } else { "" };
        let sql = Sql::new("proposals", "SELECT id, document FROM proposals WHERE id = $1");
        sql.bind(id.to_string()).push(lock).document(self).await
    }

    async fn update_proposal(&mut self, proposal: &Proposal) -> Result<Proposal, StoreError> {
        let next = Proposal { version: proposal.version + 1, ..proposal.clone() };
        Sql::new(
            "proposals",
            "UPDATE proposals SET state = $1, version = $2, document = $3 WHERE id = $4 AND version = $5",
        )
        .bind(next.state.name())
        .bind(next.version)
        .bind(json("proposals", &next)?)
        .bind(proposal.id.to_string())
        .bind(proposal.version)
        .run_or_conflict(self, &proposal.id.to_string())
        .await?;
        Ok(next)
    }

    async fn list_proposals(
        &mut self,
        filter: &ProposalFilter,
        before: Option<ProposalId>,
        limit: u32,
    ) -> Result<Vec<Proposal>, StoreError> {
        Sql::new("proposals", "SELECT id, document FROM proposals WHERE 1 = 1")
            .when(" AND state = ", filter.state.as_deref())
            .when(" AND case_id = ", filter.case_id.map(|id| id.to_string()))
            .when(" AND id < ", before.map(|id| id.to_string()))
            .with(" ORDER BY id DESC LIMIT ", limit)
            .documents(self)
            .await
    }

    async fn count_proposals(&mut self, state: &str) -> Result<i64, StoreError> {
        Sql::new("proposals", "SELECT COUNT(*) FROM proposals WHERE state = $1").bind(state).count(self).await
    }
}
