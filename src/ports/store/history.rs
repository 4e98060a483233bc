//! Assessments, outcomes and late rates: what learning reads.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::domain::ids::CaseId;
use crate::domain::money::Money;
use crate::domain::outcome::{Assessment, HistoryRow, Outcome};

/// Outcomes known so far under one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Lines with a known outcome.
    pub cases: i64,
    /// Of these, missed.
    pub missed: i64,
}

/// Learning's tables.
#[async_trait]
pub trait History {
    /// Keeps an assessment.
    async fn insert_assessment(&mut self, assessment: &Assessment) -> Result<(), StoreError>;

    /// Assessments of a case, newest first.
    async fn assessments_of(&mut self, case_id: CaseId, limit: u32) -> Result<Vec<Assessment>, StoreError>;

    /// Assessments of a line, oldest first.
    async fn assessments_of_line(&mut self, order_id: &str, line_no: u32) -> Result<Vec<Assessment>, StoreError>;

    /// Keeps a line's outcome; the first one stands, `false` when one was known.
    async fn insert_outcome(&mut self, outcome: &Outcome) -> Result<bool, StoreError>;

    /// Replaces the costs of a line's outcome; `false` when there is no outcome, or it has them.
    async fn put_costs(
        &mut self,
        order_id: &str,
        line_no: u32,
        costs: &BTreeMap<String, Money>,
    ) -> Result<bool, StoreError>;

    /// Outcomes known under (`kind`, `key`), such as (`carrier`, `C-7`).
    async fn rate(&mut self, kind: &str, key: &str) -> Result<Rate, StoreError>;

    /// Counts an outcome under (`kind`, `key`).
    async fn add_to_rate(&mut self, kind: &str, key: &str, missed: bool) -> Result<(), StoreError>;

    /// Assessments joined with outcomes, by `as_of` then id, of one feature schema.
    async fn history(&mut self, schema_version: &str, since: Option<Timestamp>) -> Result<Vec<HistoryRow>, StoreError>;

    /// The same of one line.
    async fn history_of_line(
        &mut self,
        schema_version: &str,
        order_id: &str,
        line_no: u32,
    ) -> Result<Vec<HistoryRow>, StoreError>;

    /// Assessments of one feature schema from `since` on with their outcomes, also those that have none yet, by `as_of` then
    /// id.
    async fn assessed(
        &mut self,
        schema_version: &str,
        since: Timestamp,
    ) -> Result<Vec<(Assessment, Option<Outcome>)>, StoreError>;
}
