//! Exception cases.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::StoreError;
use crate::domain::case::{Case, CaseKey, Category, Severity};
use crate::domain::ids::CaseId;

/// Filter of a worklist; empty members match everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct CaseFilter {
    pub open: Option<bool>,
    pub state: Option<String>,
    pub category: Option<Category>,
    pub severity: Option<Severity>,
    pub owner: Option<String>,
    pub assignee: Option<String>,
    pub order_id: Option<String>,
}

/// The place after which a page of the worklist goes on: (priority, id), both descending.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct CaseCursor {
    pub priority: f64,
    pub id: CaseId,
}

/// How many cases of each kind match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "names say it")]
pub struct Facets {
    pub total: i64,
    pub category: std::collections::BTreeMap<String, i64>,
    pub state: std::collections::BTreeMap<String, i64>,
    pub owner: std::collections::BTreeMap<String, i64>,
}

/// Cases.
#[async_trait]
pub trait Cases {
    /// One case.
    async fn case(&mut self, id: CaseId) -> Result<Option<Case>, StoreError>;

    /// Several cases, in the order of `ids`; missing ones are left out.
    async fn cases(&mut self, ids: &[CaseId]) -> Result<Vec<Case>, StoreError>;

    /// The open case of a key.
    async fn open_case(&mut self, key: &CaseKey) -> Result<Option<Case>, StoreError>;

    /// The case of a key that was closed last, if after `since`.
    async fn closed_case_since(&mut self, key: &CaseKey, since: Timestamp) -> Result<Option<Case>, StoreError>;

    /// Open cases of an order.
    async fn open_cases_of(&mut self, order_id: &str) -> Result<Vec<Case>, StoreError>;

    /// Every case of an order, newest first.
    async fn cases_of(&mut self, order_id: &str) -> Result<Vec<Case>, StoreError>;

    /// Inserts a new case (version 1). A second open case of one key is [`StoreError::Conflict`].
    async fn insert_case(&mut self, case: &Case) -> Result<(), StoreError>;

    /// Writes a case where the stored version still is `case.version`; returns it with the raised version.
    async fn update_case(&mut self, case: &Case) -> Result<Case, StoreError>;

    /// A page of the worklist by priority descending, then id descending.
    async fn list_cases(
        &mut self,
        filter: &CaseFilter,
        after: Option<CaseCursor>,
        limit: u32,
    ) -> Result<Vec<Case>, StoreError>;

    /// Counts under a filter.
    async fn case_facets(&mut self, filter: &CaseFilter) -> Result<Facets, StoreError>;
}
