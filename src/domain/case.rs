//! An exception case: a condition with a lifecycle.
//!
//! Guarantees: its key is (category, order, line, location), at most one open case per key; a transition that is not in
//! [`CaseState::may_become`] is rejected; a closed case never opens again (a re-opening is a new case with lineage).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::event::EventRef;
use super::ids::{CaseId, ProposalId};
use super::money::Money;
use super::queue::QueuePlace;
use super::sla::{Pace, SlaTimer};

/// What is wrong (CONTRACT.md section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names are the contract's")]
pub enum Category {
    InventoryShortage,
    AllocationConflict,
    InvalidShipTo,
    PricingDiscrepancy,
    CreditHold,
    IntegrationFailure,
    OrderChange,
    ShipmentStatusFailure,
    InvoiceReleaseDelay,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 9] = [
        Self::InventoryShortage,
        Self::AllocationConflict,
        Self::InvalidShipTo,
        Self::PricingDiscrepancy,
        Self::CreditHold,
        Self::IntegrationFailure,
        Self::OrderChange,
        Self::ShipmentStatusFailure,
        Self::InvoiceReleaseDelay,
    ];

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InventoryShortage => "inventory_shortage",
            Self::AllocationConflict => "allocation_conflict",
            Self::InvalidShipTo => "invalid_ship_to",
            Self::PricingDiscrepancy => "pricing_discrepancy",
            Self::CreditHold => "credit_hold",
            Self::IntegrationFailure => "integration_failure",
            Self::OrderChange => "order_change",
            Self::ShipmentStatusFailure => "shipment_status_failure",
            Self::InvoiceReleaseDelay => "invoice_release_delay",
        }
    }

    /// The category of a wire name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

/// How bad a rule says it is, before any model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names say it")]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

/// What a case is about; at most one open case per key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct CaseKey {
    pub category: Category,
    pub order_id: String,
    #[serde(default)]
    pub line_no: Option<u32>,
    /// Warehouse, lane, interface or account; empty where the category has none.
    #[serde(default)]
    pub location: String,
}

/// Who found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Origin {
    /// A detection rule; it clears when the rule's condition no longer holds.
    Rule {
        /// The rule's id.
        rule: String,
        /// Version of the rule file.
        version: String,
    },
    /// An upstream system's `exception.raised`; only its `exception.cleared` clears it.
    Upstream,
    /// The service's own execution failed and a person must look.
    Execution,
}

/// Why a case ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Resolution {
    /// The condition cleared by itself or by what others did.
    ConditionCleared {
        /// The event after which it no longer held.
        by: EventRef,
    },
    /// The expected effect of an executed action was seen.
    EffectVerified {
        /// The proposal whose effect it was.
        proposal_id: ProposalId,
    },
    /// A person closed it.
    ClosedByPerson {
        /// The person's subject.
        subject: String,
        /// The reason given.
        reason: String,
    },
}

/// Where a case stands, with the facts that are true there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
#[expect(missing_docs, reason = "names are the contract's")]
pub enum CaseState {
    New,
    Triaged { at: Timestamp },
    AwaitingInformation { asked_of: String, since: Timestamp },
    Proposed { proposal_id: ProposalId },
    AwaitingApproval { proposal_id: ProposalId },
    Executing { proposal_id: ProposalId },
    Monitoring { proposal_id: ProposalId, until: Timestamp },
    Resolved { at: Timestamp, resolution: Resolution },
    Cancelled { at: Timestamp, reason: String },
}

/// A transition that the lifecycle does not declare.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a case in state `{from}` cannot become `{to}`")]
pub struct InvalidCaseTransition {
    /// State it was in.
    pub from: &'static str,
    /// State it was asked to enter.
    pub to: &'static str,
}

impl CaseState {
    /// Every state's name.
    pub const NAMES: [&'static str; 9] = [
        "new",
        "triaged",
        "awaiting_information",
        "proposed",
        "awaiting_approval",
        "executing",
        "monitoring",
        "resolved",
        "cancelled",
    ];

    /// The name on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Triaged { .. } => "triaged",
            Self::AwaitingInformation { .. } => "awaiting_information",
            Self::Proposed { .. } => "proposed",
            Self::AwaitingApproval { .. } => "awaiting_approval",
            Self::Executing { .. } => "executing",
            Self::Monitoring { .. } => "monitoring",
            Self::Resolved { .. } => "resolved",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// Whether the case still needs anyone.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self, Self::Resolved { .. } | Self::Cancelled { .. })
    }

    /// What the state does to the timer of the service target: it stands still while somebody else has been asked.
    #[must_use]
    pub fn pace(&self) -> Pace {
        match self {
            Self::AwaitingInformation { .. } => Pace::Paused,
            state if state.is_open() => Pace::Running,
            _ => Pace::Stopped,
        }
    }

    /// The declared transitions. A working state may repeat (another proposal on the same case), a closed one is final.
    #[must_use]
    pub fn may_become(&self, next: &Self) -> bool {
        use CaseState as S;
        match (self, next) {
            (S::Resolved { .. } | S::Cancelled { .. }, _) | (_, S::New) => false,
            (_, S::Resolved { .. } | S::Cancelled { .. }) => true,
            (S::New, S::Triaged { .. }) => true,
            (S::New, _) => false,
            (S::Triaged { .. } | S::AwaitingInformation { .. }, S::Executing { .. } | S::Monitoring { .. }) => false,
            (S::Proposed { .. }, S::Executing { .. } | S::Monitoring { .. }) => false,
            (S::AwaitingApproval { .. }, S::Monitoring { .. }) => false,
            (S::Executing { .. } | S::Monitoring { .. }, S::Proposed { .. }) => false,
            _ => true,
        }
    }

    /// This state, become `next`.
    ///
    /// # Errors
    /// [`InvalidCaseTransition`] where the lifecycle does not declare it.
    pub fn become_(self, next: Self) -> Result<Self, InvalidCaseTransition> {
        if self.may_become(&next) {
            Ok(next)
        } else {
            Err(InvalidCaseTransition { from: self.name(), to: next.name() })
        }
    }
}

/// One exception.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Case {
    /// Identity.
    pub id: CaseId,
    /// What it is about.
    #[serde(flatten)]
    pub key: CaseKey,
    /// Where it stands.
    #[serde(flatten)]
    pub state: CaseState,
    /// Who found it.
    pub origin: Origin,
    /// Severity by rule.
    pub severity: Severity,
    /// Group that owns it.
    pub owner: String,
    /// The person it is assigned to, by subject.
    #[serde(default)]
    pub assignee: Option<String>,
    /// One sentence of what is wrong, from the rule's template or from upstream.
    pub detail: String,
    /// Typed facts of the condition (gap, prices, codes).
    #[serde(default)]
    pub attributes: Map<String, Value>,
    /// The event that made it true.
    pub caused_by: EventRef,
    /// When the condition became true, event time.
    pub opened_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// The ship date at risk.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
    /// Order value that is at stake.
    #[serde(default)]
    pub at_stake: Option<Money>,
    /// The closed case that this one follows, when the condition came back inside the window.
    #[serde(default)]
    pub reopens: Option<CaseId>,
    /// What the models said last; `None` until assessed.
    #[serde(default)]
    pub assessment: Option<CaseAssessment>,
    /// The timer of its service target; `None` until assessed.
    #[serde(default)]
    pub sla: Option<SlaTimer>,
    /// Optimistic lock and ETag; starts at 1.
    pub version: i64,
}

/// The part of an assessment that a worklist shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CaseAssessment {
    /// Probability that the ship date is missed if nothing is done, 0 to 1; `None` when no model could say.
    pub miss_probability: Option<f64>,
    /// Expected cost saved by the best action, in the order's currency.
    pub value: Option<f64>,
    /// `value` per approver minute.
    pub priority: f64,
    /// The best action by expected cost.
    pub best_action: Option<super::action::ActionKind>,
    /// The record of the decision that recommended it.
    #[serde(default)]
    pub decision_id: Option<super::ids::DecisionId>,
    /// When it was assessed.
    pub at: Timestamp,
    /// Its place in the queue then, with every term.
    #[serde(default)]
    pub queue: Option<QueuePlace>,
}

impl Case {
    /// The worklist's order, greatest first; a case that was not assessed yet stands at 0.
    #[must_use]
    pub fn queue_key(&self) -> f64 {
        let of = |assessment: &CaseAssessment| assessment.queue.as_ref().map_or(assessment.priority, |place| place.key);
        self.assessment.as_ref().map_or(0.0, of)
    }
}
