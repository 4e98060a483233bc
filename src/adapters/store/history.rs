//! Assessments, outcomes and late rates.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Tx;
use super::sql::{Row, Sql, json};
use crate::domain::action::ActionKind;
use crate::domain::ids::CaseId;
use crate::domain::money::Money;
use crate::domain::outcome::{Assessment, HistoryRow, Outcome};
use crate::ports::store::StoreError;
use crate::ports::store::history::{History, Rate};

/// Assessments with their outcomes and the first action after them, with its time.
const HISTORY: &str = "SELECT a.id, a.document, o.document, (SELECT x.action FROM order_actions x \
     WHERE x.order_id = a.order_id AND x.line_no IN (a.line_no, -1) AND x.happened_at > a.as_of \
     ORDER BY x.happened_at, x.action LIMIT 1), (SELECT min(x.happened_at) FROM order_actions x \
     WHERE x.order_id = a.order_id AND x.line_no IN (a.line_no, -1) AND x.happened_at > a.as_of) \
     FROM assessments a JOIN outcomes o ON o.order_id = a.order_id AND o.line_no = a.line_no \
     WHERE a.schema_version = $1";

#[async_trait]
impl History for Tx {
    async fn insert_assessment(&mut self, assessment: &Assessment) -> Result<(), StoreError> {
        Sql::new(
            "assessments",
            "INSERT INTO assessments (id, order_id, line_no, case_id, schema_version, as_of, document) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(assessment.id.to_string())
        .bind(&assessment.order_id)
        .bind(assessment.line_no)
        .bind(assessment.case_id.map(|id| id.to_string()))
        .bind(&assessment.schema_version)
        .bind(assessment.as_of)
        .bind(json("assessments", assessment)?)
        .run(self)
        .await?;
        Ok(())
    }

    async fn assessments_of(&mut self, case_id: CaseId, limit: u32) -> Result<Vec<Assessment>, StoreError> {
        Sql::new("assessments", "SELECT id, document FROM assessments WHERE case_id = $1")
            .bind(case_id.to_string())
            .with(" ORDER BY as_of DESC, id DESC LIMIT ", limit)
            .documents(self)
            .await
    }

    async fn assessments_of_line(&mut self, order_id: &str, line_no: u32) -> Result<Vec<Assessment>, StoreError> {
        Sql::new("assessments", "SELECT id, document FROM assessments WHERE order_id = $1 AND line_no = $2")
            .bind(order_id)
            .bind(line_no)
            .push(" ORDER BY as_of, id")
            .documents(self)
            .await
    }

    async fn insert_outcome(&mut self, outcome: &Outcome) -> Result<bool, StoreError> {
        let inserted = Sql::new(
            "outcomes",
            "INSERT INTO outcomes (order_id, line_no, document) VALUES ($1, $2, $3) \
             ON CONFLICT (order_id, line_no) DO NOTHING",
        )
        .bind(&outcome.order_id)
        .bind(outcome.line_no)
        .bind(json("outcomes", outcome)?)
        .run(self)
        .await?;
        Ok(inserted == 1)
    }

    async fn put_costs(
        &mut self,
        order_id: &str,
        line_no: u32,
        costs: &BTreeMap<String, Money>,
    ) -> Result<bool, StoreError> {
        let sql = Sql::new("outcomes", "SELECT order_id, document FROM outcomes WHERE order_id = $1 AND line_no = $2");
        let kept: Option<Outcome> = sql.bind(order_id).bind(line_no).documents(self).await?.pop();
        let Some(outcome) = kept.filter(|kept| kept.costs != *costs) else { return Ok(false) };
        let outcome = Outcome { costs: costs.clone(), ..outcome };
        Sql::new("outcomes", "UPDATE outcomes SET document = $3 WHERE order_id = $1 AND line_no = $2")
            .bind(order_id)
            .bind(line_no)
            .bind(json("outcomes", &outcome)?)
            .run(self)
            .await?;
        Ok(true)
    }

    async fn rate(&mut self, kind: &str, key: &str) -> Result<Rate, StoreError> {
        let sql = Sql::new("rates", "SELECT key, cases, missed FROM rates WHERE kind = $1 AND key = $2");
        match sql.bind(kind).bind(key).row(self).await? {
            Some(row) => Ok(Rate { cases: row.integer(1)?, missed: row.integer(2)? }),
            None => Ok(Rate::default()),
        }
    }

    async fn add_to_rate(&mut self, kind: &str, key: &str, missed: bool) -> Result<(), StoreError> {
        Sql::new(
            "rates",
            "INSERT INTO rates (kind, key, cases, missed) VALUES ($1, $2, 1, $3) ON CONFLICT (kind, key) \
             DO UPDATE SET cases = rates.cases + 1, missed = rates.missed + excluded.missed",
        )
        .bind(kind)
        .bind(key)
        .bind(missed)
        .run(self)
        .await?;
        Ok(())
    }

    async fn history(&mut self, schema_version: &str, since: Option<Timestamp>) -> Result<Vec<HistoryRow>, StoreError> {
        let sql = Sql::new("assessments", HISTORY)
            .bind(schema_version)
            .when(" AND a.as_of >= ", since)
            .push(" ORDER BY a.as_of, a.id");
        sql.rows(self).await?.iter().map(history_row).collect()
    }

    async fn history_of_line(
        &mut self,
        schema_version: &str,
        order_id: &str,
        line_no: u32,
    ) -> Result<Vec<HistoryRow>, StoreError> {
        let sql = Sql::new("assessments", HISTORY).bind(schema_version);
        let sql = sql.with(" AND a.order_id = ", order_id).with(" AND a.line_no = ", line_no);
        sql.push(" ORDER BY a.as_of, a.id").rows(self).await?.iter().map(history_row).collect()
    }

    async fn assessed(
        &mut self,
        schema_version: &str,
        since: Timestamp,
    ) -> Result<Vec<(Assessment, Option<Outcome>)>, StoreError> {
        let sql = Sql::new(
            "assessments",
            "SELECT a.id, a.document, o.document FROM assessments a \
             LEFT JOIN outcomes o ON o.order_id = a.order_id AND o.line_no = a.line_no WHERE a.schema_version = $1",
        );
        let sql = sql.bind(schema_version).with(" AND a.as_of >= ", since).push(" ORDER BY a.as_of, a.id");
        let row = |row: &Row| {
            let outcome = row.optional_text(2)?.map(|_| row.document(2)).transpose()?;
            Ok((row.document(1)?, outcome))
        };
        sql.rows(self).await?.iter().map(row).collect()
    }
}

fn history_row(row: &Row) -> Result<HistoryRow, StoreError> {
    let outcome: Outcome = row.document(2)?;
    // What was done once the end was known did not lead to it.
    let action = match row.optional_time(4)? {
        Some(at) if at <= outcome.known_at => Some(row.member(3, ActionKind::parse)?),
        _ => None,
    };
    Ok(HistoryRow { assessment: row.document(1)?, outcome, action })
}
