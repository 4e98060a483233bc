//! Exception cases and the worklist, which is read off one index in order.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Tx;
use super::sql::{Sql, json};
use crate::domain::case::{Case, CaseKey, CaseState, Severity};
use crate::domain::ids::CaseId;
use crate::ports::store::StoreError;
use crate::ports::store::cases::{CaseCursor, CaseFilter, Cases, Facets};

/// Ids in one statement; both databases allow many more.
const IDS_MAX: usize = 500;

#[async_trait]
impl Cases for Tx {
    async fn case(&mut self, id: CaseId) -> Result<Option<Case>, StoreError> {
        Sql::new("cases", "SELECT id, document FROM cases WHERE id = $1").bind(id.to_string()).document(self).await
    }

    async fn cases(&mut self, ids: &[CaseId]) -> Result<Vec<Case>, StoreError> {
        let mut found = HashMap::with_capacity(ids.len());
        for chunk in ids.chunks(IDS_MAX) {
            let sql = Sql::new("cases", "SELECT id, document FROM cases WHERE id IN ");
            let cases: Vec<Case> = sql.list("", chunk.iter().map(CaseId::to_string)).documents(self).await?;
            found.extend(cases.into_iter().map(|case| (case.id, case)));
        }
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
    }

    async fn open_case(&mut self, key: &CaseKey) -> Result<Option<Case>, StoreError> {
        of_key(key).push(" AND open = 1").document(self).await
    }

    async fn closed_case_since(&mut self, key: &CaseKey, since: Timestamp) -> Result<Option<Case>, StoreError> {
        of_key(key)
            .with(" AND open = 0 AND closed_at > ", since)
            .push(" ORDER BY closed_at DESC, id DESC LIMIT 1")
            .document(self)
            .await
    }

    async fn open_cases_of(&mut self, order_id: &str) -> Result<Vec<Case>, StoreError> {
        Sql::new("cases", "SELECT id, document FROM cases WHERE order_id = $1 AND open = 1 ORDER BY opened_at, id")
            .bind(order_id)
            .documents(self)
            .await
    }

    async fn cases_of(&mut self, order_id: &str) -> Result<Vec<Case>, StoreError> {
        Sql::new("cases", "SELECT id, document FROM cases WHERE order_id = $1 ORDER BY opened_at DESC, id DESC")
            .bind(order_id)
            .documents(self)
            .await
    }

    async fn insert_case(&mut self, case: &Case) -> Result<(), StoreError> {
        Sql::new(
            "cases",
            "INSERT INTO cases (id, category, order_id, line_no, location, open, state, severity, owner, assignee, \
             priority, opened_at, closed_at, version, document) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        )
        .bind(case.id.to_string())
        .bind(case.key.category.name())
        .bind(&case.key.order_id)
        .bind(line_column(case.key.line_no))
        .bind(&case.key.location)
        .bind(case.state.is_open())
        .bind(case.state.name())
        .bind(severity_column(case.severity))
        .bind(&case.owner)
        .bind(case.assignee.as_deref())
        .bind(priority(case))
        .bind(case.opened_at)
        .bind(closed_at(&case.state))
        .bind(case.version)
        .bind(json("cases", case)?)
        .run(self)
        .await?;
        Ok(())
    }

    async fn update_case(&mut self, case: &Case) -> Result<Case, StoreError> {
        let next = Case { version: case.version + 1, ..case.clone() };
        Sql::new(
            "cases",
            "UPDATE cases SET open = $1, state = $2, severity = $3, owner = $4, assignee = $5, priority = $6, \
             closed_at = $7, version = $8, document = $9 WHERE id = $10 AND version = $11",
        )
        .bind(next.state.is_open())
        .bind(next.state.name())
        .bind(severity_column(next.severity))
        .bind(&next.owner)
        .bind(next.assignee.as_deref())
        .bind(priority(&next))
        .bind(closed_at(&next.state))
        .bind(next.version)
        .bind(json("cases", &next)?)
        .bind(case.id.to_string())
        .bind(case.version)
        .run_or_conflict(self, &case.id.to_string())
        .await?;
        Ok(next)
    }

    async fn list_cases(
        &mut self,
        filter: &CaseFilter,
        after: Option<CaseCursor>,
        limit: u32,
    ) -> Result<Vec<Case>, StoreError> {
        // The worklist's index begins with `open`, so open and closed cases are two ordered lists to merge.
        let mut page = Vec::new();
        for open in [true, false].into_iter().filter(|open| filter.open.is_none_or(|wanted| wanted == *open)) {
            let sql = Sql::new("cases", "SELECT id, document FROM cases WHERE 1 = 1");
            let mut sql = filtered(sql, filter, Some(open));
            if let Some(cursor) = after {
                sql = sql.with(" AND (priority, id) < (", cursor.priority).with(", ", cursor.id.to_string()).push(")");
            }
            let sql = sql.with(" ORDER BY priority DESC, id DESC LIMIT ", limit);
            page.extend(sql.documents::<Case>(self).await?);
        }
        page.sort_by(|a, b| priority(b).total_cmp(&priority(a)).then(b.id.cmp(&a.id)));
        page.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(page)
    }

    async fn case_facets(&mut self, filter: &CaseFilter) -> Result<Facets, StoreError> {
        let sql = Sql::new("cases", "SELECT category, state, owner, COUNT(*) FROM cases WHERE 1 = 1");
        let sql = filtered(sql, filter, filter.open).push(" GROUP BY category, state, owner");
        let mut facets = Facets::default();
        for row in sql.rows(self).await? {
            let count = row.integer(3)?;
            facets.total += count;
            *facets.category.entry(row.text(0)?).or_default() += count;
            *facets.state.entry(row.text(1)?).or_default() += count;
            *facets.owner.entry(row.text(2)?).or_default() += count;
        }
        Ok(facets)
    }
}

/// The filter's members, with `open` as the caller wants it.
fn filtered(sql: Sql, filter: &CaseFilter, open: Option<bool>) -> Sql {
    // One order has few cases: the `+` keeps SQLite from reading the whole worklist's index instead of the order's.
    let open_term = if filter.order_id.is_some() { " AND +open = " } else { " AND open = " };
    sql.when(open_term, open)
        .when(" AND state = ", filter.state.as_deref())
        .when(" AND category = ", filter.category.map(|c| c.name()))
        .when(" AND severity = ", filter.severity.map(severity_column))
        .when(" AND owner = ", filter.owner.as_deref())
        .when(" AND assignee = ", filter.assignee.as_deref())
        .when(" AND order_id = ", filter.order_id.as_deref())
}

fn of_key(key: &CaseKey) -> Sql {
    Sql::new(
        "cases",
        "SELECT id, document FROM cases WHERE order_id = $1 AND category = $2 AND line_no = $3 AND location = $4",
    )
    .bind(&key.order_id)
    .bind(key.category.name())
    .bind(line_column(key.line_no))
    .bind(&key.location)
}

/// A line number as a column: -1 for the whole order, because NULL would be distinct from NULL in a unique index.
pub(super) fn line_column(line_no: Option<u32>) -> i64 {
    line_no.map_or(-1, i64::from)
}

fn severity_column(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

fn priority(case: &Case) -> f64 {
    case.queue_key()
}

fn closed_at(state: &CaseState) -> Option<Timestamp> {
    match state {
        CaseState::Resolved { at, .. } | CaseState::Cancelled { at, .. } => Some(*at),
        _ => None,
    }
}
