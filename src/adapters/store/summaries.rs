//! Kept summaries, marks of proposals and opinions.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use super::Tx;
use super::sql::{Row, Sql, json};
use crate::domain::ids::{CaseId, ProposalId};
use crate::ports::store::StoreError;
use crate::ports::store::summaries::{Kept, Opinion, Summaries};

#[async_trait]
impl Summaries for Tx {
    async fn keep_summary(&mut self, case_id: CaseId, reader: &str, kept: &Kept) -> Result<(), StoreError> {
        Sql::new(
            "summaries",
            "INSERT INTO summaries (case_id, reader, made_at, document) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (case_id, reader) DO UPDATE SET made_at = excluded.made_at, document = excluded.document, \
             worded_by = ''",
        )
        .bind(case_id.to_string())
        .bind(reader)
        .bind(kept.made_at)
        .bind(json("summaries", &kept.document)?)
        .run(self)
        .await?;
        Ok(())
    }

    async fn kept_summary(&mut self, case_id: CaseId, reader: &str) -> Result<Option<Kept>, StoreError> {
        let sql = Sql::new(
            "summaries",
            "SELECT case_id, made_at, document FROM summaries WHERE case_id = $1 AND reader = $2",
        );
        sql.bind(case_id.to_string()).bind(reader).row(self).await?.map(|row| kept(&row)).transpose()
    }

    async fn summaries_to_word(&mut self, writer: &str, limit: u32) -> Result<Vec<(CaseId, String, Kept)>, StoreError> {
        let sql = Sql::new(
            "summaries",
            "SELECT s.case_id, s.made_at, s.document, s.reader FROM summaries s JOIN cases c ON c.id = s.case_id \
             WHERE c.open = 1 AND s.worded_by <> $1 ORDER BY s.made_at DESC, s.case_id, s.reader LIMIT $2",
        );
        let rows = sql.bind(writer).bind(i64::from(limit)).rows(self).await?;
        rows.iter().map(|row| Ok((row.parsed(0)?, row.text(3)?, kept(row)?))).collect()
    }

    async fn put_wording(
        &mut self,
        (case_id, reader): (CaseId, &str),
        kept_at: Timestamp,
        document: &Value,
        writer: &str,
    ) -> Result<bool, StoreError> {
        let sql = Sql::new(
            "summaries",
            "UPDATE summaries SET document = $1, worded_by = $2 WHERE case_id = $3 AND reader = $4 AND made_at = $5",
        );
        let sql = sql.bind(json("summaries", document)?).bind(writer).bind(case_id.to_string()).bind(reader);
        Ok(sql.bind(kept_at).run(self).await? == 1)
    }

    async fn mark_proposal(&mut self, proposal_id: ProposalId, kept: &Kept) -> Result<(), StoreError> {
        Sql::new(
            "proposal_marks",
            "INSERT INTO proposal_marks (proposal_id, made_at, document) VALUES ($1, $2, $3) \
             ON CONFLICT (proposal_id) DO NOTHING",
        )
        .bind(proposal_id.to_string())
        .bind(kept.made_at)
        .bind(json("proposal_marks", &kept.document)?)
        .run(self)
        .await?;
        Ok(())
    }

    async fn proposal_mark(&mut self, proposal_id: ProposalId) -> Result<Option<Kept>, StoreError> {
        let sql = Sql::new(
            "proposal_marks",
            "SELECT proposal_id, made_at, document FROM proposal_marks WHERE proposal_id = $1",
        );
        sql.bind(proposal_id.to_string()).row(self).await?.map(|row| kept(&row)).transpose()
    }

    async fn put_opinion(&mut self, opinion: &Opinion) -> Result<(), StoreError> {
        Sql::new(
            "summary_opinions",
            "INSERT INTO summary_opinions (case_id, digest, subject, at, document) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (case_id, digest, subject) DO UPDATE SET at = excluded.at, document = excluded.document",
        )
        .bind(opinion.case_id.to_string())
        .bind(&opinion.digest)
        .bind(&opinion.subject)
        .bind(opinion.at)
        .bind(json("summary_opinions", opinion)?)
        .run(self)
        .await?;
        Ok(())
    }

    async fn opinions_of(&mut self, case_id: CaseId) -> Result<Vec<Opinion>, StoreError> {
        Sql::new("summary_opinions", "SELECT case_id, document FROM summary_opinions WHERE case_id = $1")
            .bind(case_id.to_string())
            .push(" ORDER BY at DESC, subject")
            .documents(self)
            .await
    }
}

fn kept(row: &Row) -> Result<Kept, StoreError> {
    let document: Value = row.document(2)?;
    Ok(Kept { made_at: row.time(1)?, document })
}
