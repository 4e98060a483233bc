//! An order in trouble, the persons around it, and the verbs of deciding.

use anyhow::Context as _;
use holdfast::domain::action::ActionKind;
use holdfast::domain::actor::{Actor, Person, Role};
use holdfast::domain::approval::Verdict;
use holdfast::domain::audit::AuditEntry;
use holdfast::domain::case::{Case, Category};
use holdfast::domain::ids::ProposalId;
use holdfast::domain::proposal::{Proposal, ProposalState};
use holdfast::flow::FlowError;
use holdfast::flow::decide::approve::{self, Why};
use holdfast::flow::decide::propose::{ProposeRequest, propose};
use holdfast::ports::store::audit::AuditFilter;
use serde_json::{Value, json};

use crate::support::services::{World, item, plain_order, position};

/// A person with roles.
pub fn person(subject: &str, roles: &[Role]) -> Actor {
    Actor::Person(Person { subject: subject.to_owned(), name: subject.to_owned(), roles: roles.to_vec() })
}

/// The planner who proposes in these tests.
pub fn ada() -> Actor {
    person("ada", &[Role::CustomerService, Role::SupplyPlanner])
}

/// An order `SO-1` of ten that lacks six, with fifty in another warehouse.
pub async fn short(world: &World) -> anyhow::Result<Case> {
    world.tell("item.upserted", "i", item("SKU")).await?;
    world.tell("inventory.position", "p1", position("SKU", "4")).await?;
    let elsewhere = json!({ "sku": "SKU", "warehouse_id": "W-2", "available": "50" });
    world.tell("inventory.position", "p2", elsewhere).await?;
    world.tell("order.placed", "o", plain_order("SO-1", "SKU")).await?;
    case_of(world, Category::InventoryShortage).await
}

/// An order `SO-1` whose line costs 8 where 10 is agreed, in a quantity.
pub async fn mispriced(world: &World, quantity: u32) -> anyhow::Result<Case> {
    world.tell("item.upserted", "i", item("SKU")).await?;
    world.tell("inventory.position", "p1", position("SKU", "1000000")).await?;
    let mut order = plain_order("SO-1", "SKU");
    order["lines"][0]["quantity"] = json!(quantity.to_string());
    order["lines"][0]["unit_price"] = json!("8.00");
    world.tell("order.placed", "o", order).await?;
    case_of(world, Category::PricingDiscrepancy).await
}

/// The open case of `SO-1` in a category.
pub async fn case_of(world: &World, category: Category) -> anyhow::Result<Case> {
    let open = world.open_cases("SO-1").await?;
    open.into_iter().find(|case| case.key.category == category).context("no such case")
}

/// Proposes with given parameters.
pub async fn put(
    world: &World,
    actor: &Actor,
    case: &Case,
    action: ActionKind,
    parameters: Value,
) -> Result<Proposal, FlowError> {
    let parameters = parameters.as_object().cloned().unwrap_or_default();
    let request = ProposeRequest { case_id: case.id, action, parameters, decision_id: None };
    propose(&world.services, actor, request).await
}

/// Approves what was seen.
pub async fn approve(world: &World, person: &Actor, seen: &Proposal) -> Result<Proposal, FlowError> {
    approve::vote(&world.services, person, seen.id, seen.version, Verdict::Approve, Why::default()).await
}

/// A proposal as stored.
pub async fn stored(world: &World, id: ProposalId) -> anyhow::Result<Proposal> {
    world.services.store.read().await?.proposal(id).await?.context("no such proposal")
}

/// The audit entries of a proposal, as their actions.
pub async fn audited(world: &World, id: ProposalId) -> anyhow::Result<Vec<AuditEntry>> {
    let filter = AuditFilter { subject: Some(format!("proposal:{id}")), action: None };
    Ok(world.services.store.read().await?.audit_after(0, &filter, 100).await?)
}

/// Names of the actions in audit entries.
pub fn actions(entries: &[AuditEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.action.as_str()).collect()
}

/// The stage that waits.
pub fn stage(proposal: &Proposal) -> Option<usize> {
    match &proposal.state {
        ProposalState::AwaitingApproval(waiting) => Some(waiting.stage),
        _ => None,
    }
}

/// Code of an error that has one.
pub fn code(error: &FlowError) -> &str {
    match error {
        FlowError::Invalid { code, .. } | FlowError::Conflict { code, .. } | FlowError::Denied { code, .. } => code,
        FlowError::Stale { .. } => "stale",
        FlowError::Expired { .. } => "expired",
        FlowError::NotFound { .. } => "not-found",
        _ => "other",
    }
}
