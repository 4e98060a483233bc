//! The decision log. The cap on explorations holds over all instances, because each takes the next free place of its day and
//! two cannot take the same.

use async_trait::async_trait;

use super::Tx;
use super::sql::{Row, Sql, json};
use crate::domain::choice::Response;
use crate::domain::decision::Decision;
use crate::domain::ids::DecisionId;
use crate::domain::outcome::Outcome;
use crate::ports::store::StoreError;
use crate::ports::store::decisions::Decisions;

#[async_trait]
impl Decisions for Tx {
    async fn insert_decision(&mut self, decision: &Decision) -> Result<(), StoreError> {
        Sql::new("decisions", "INSERT INTO decisions (id, document) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
            .bind(decision.id.to_string())
            .bind(json("decisions", decision)?)
            .run(self)
            .await?;
        Ok(())
    }

    async fn decision(&mut self, id: DecisionId) -> Result<Option<Decision>, StoreError> {
        let sql = Sql::new("decisions", "SELECT id, document FROM decisions WHERE id = $1");
        sql.bind(id.to_string()).document(self).await
    }

    async fn decision_ids(&mut self) -> Result<Vec<DecisionId>, StoreError> {
        let rows = Sql::new("decisions", "SELECT id FROM decisions ORDER BY id").rows(self).await?;
        rows.iter().map(|row: &Row| row.parsed(0)).collect()
    }

    async fn insert_response(&mut self, response: &Response) -> Result<(), StoreError> {
        Sql::new(
            "decision_responses",
            "INSERT INTO decision_responses (id, decision_id, document) VALUES ($1, $2, $3)",
        )
        .bind(response.id.to_string())
        .bind(response.decision_id.to_string())
        .bind(json("decision_responses", response)?)
        .run(self)
        .await?;
        Ok(())
    }

    async fn responses_to(&mut self, id: DecisionId) -> Result<Vec<Response>, StoreError> {
        let sql = "SELECT id, document FROM decision_responses WHERE decision_id = $1 ORDER BY id";
        Sql::new("decision_responses", sql).bind(id.to_string()).documents(self).await
    }

    async fn exploration_entropy(&mut self, day: &str, fresh: &str) -> Result<String, StoreError> {
        let read = || Sql::new("exploration_days", "SELECT entropy FROM exploration_days WHERE day = $1").bind(day);
        if let Some(known) = read().row(self).await? {
            return known.text(0);
        }
        Sql::new("exploration_days", "INSERT INTO exploration_days (day, entropy) VALUES ($1, $2)")
            .bind(day)
            .bind(fresh)
            .run(self)
            .await?;
        Ok(fresh.to_owned())
    }

    async fn explored(&mut self, day: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT subject FROM explorations WHERE day = $1 ORDER BY place";
        Sql::new("explorations", sql).bind(day).texts(self).await
    }

    async fn insert_exploration(&mut self, day: &str, place: u32, subject: &str) -> Result<(), StoreError> {
        Sql::new("explorations", "INSERT INTO explorations (day, place, subject) VALUES ($1, $2, $3)")
            .bind(day)
            .bind(place)
            .bind(subject)
            .run(self)
            .await?;
        Ok(())
    }

    async fn outcomes_of(&mut self, order_id: &str) -> Result<Vec<Outcome>, StoreError> {
        let sql = "SELECT order_id, document FROM outcomes WHERE order_id = $1 ORDER BY line_no";
        Sql::new("outcomes", sql).bind(order_id).documents(self).await
    }
}
