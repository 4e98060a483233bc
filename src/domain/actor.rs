//! Who acts: persons, services and the system itself; roles and scopes that tokens grant.
//!
//! Guarantee: only [`Actor::Person`] can satisfy an approval stage, by type.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Someone or something that did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A human, identified by the token's `sub`.
    Person(Person),
    /// A machine client: workflow engine, connector, importer.
    Service {
        /// The token's `sub`.
        subject: String,
    },
    /// A trained model, named by version.
    Model {
        /// `name/version`.
        version: String,
    },
    /// The service's own timers and rules.
    System,
}

impl Actor {
    /// A stable text for audit entries and logs.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Person(person) => format!("person:{}", person.subject),
            Self::Service { subject } => format!("service:{subject}"),
            Self::Model { version } => format!("model:{version}"),
            Self::System => "system".to_owned(),
        }
    }

    /// The person, where it is one.
    #[must_use]
    pub fn person(&self) -> Option<&Person> {
        match self {
            Self::Person(person) => Some(person),
            _ => None,
        }
    }
}

/// A human with the roles that the identity provider gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// The identity provider's subject; equal subjects are one person.
    pub subject: String,
    /// Name to show.
    pub name: String,
    /// Roles held now.
    pub roles: Vec<Role>,
}

/// Roles; what each may approve is policy, not code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names say it")]
pub enum Role {
    CustomerService,
    SupplyPlanner,
    WarehouseManager,
    PricingApprover,
    FinanceApprover,
    LogisticsCoordinator,
    IntegrationEngineer,
    OperationsManager,
    DataScientist,
    ModelApprover,
    Auditor,
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 12] = [
        Self::CustomerService,
        Self::SupplyPlanner,
        Self::WarehouseManager,
        Self::PricingApprover,
        Self::FinanceApprover,
        Self::LogisticsCoordinator,
        Self::IntegrationEngineer,
        Self::OperationsManager,
        Self::DataScientist,
        Self::ModelApprover,
        Self::Auditor,
        Self::Admin,
    ];

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CustomerService => "customer_service",
            Self::SupplyPlanner => "supply_planner",
            Self::WarehouseManager => "warehouse_manager",
            Self::PricingApprover => "pricing_approver",
            Self::FinanceApprover => "finance_approver",
            Self::LogisticsCoordinator => "logistics_coordinator",
            Self::IntegrationEngineer => "integration_engineer",
            Self::OperationsManager => "operations_manager",
            Self::DataScientist => "data_scientist",
            Self::ModelApprover => "model_approver",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

/// What a token may do; a token's scopes limit what its roles grant and never widen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "names say it")]
pub enum Scope {
    #[serde(rename = "events:write")]
    EventsWrite,
    #[serde(rename = "messages:read")]
    MessagesRead,
    #[serde(rename = "messages:write")]
    MessagesWrite,
    #[serde(rename = "exceptions:read")]
    ExceptionsRead,
    #[serde(rename = "exceptions:write")]
    ExceptionsWrite,
    #[serde(rename = "prioritize:run")]
    PrioritizeRun,
    #[serde(rename = "actions:propose")]
    ActionsPropose,
    #[serde(rename = "actions:execute")]
    ActionsExecute,
    #[serde(rename = "approvals:read")]
    ApprovalsRead,
    #[serde(rename = "approvals:decide")]
    ApprovalsDecide,
    #[serde(rename = "models:read")]
    ModelsRead,
    #[serde(rename = "models:train")]
    ModelsTrain,
    #[serde(rename = "audit:read")]
    AuditRead,
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// Every scope with its wire name.
    pub const ALL: [(Self, &'static str); 14] = [
        (Self::EventsWrite, "events:write"),
        (Self::MessagesRead, "messages:read"),
        (Self::MessagesWrite, "messages:write"),
        (Self::ExceptionsRead, "exceptions:read"),
        (Self::ExceptionsWrite, "exceptions:write"),
        (Self::PrioritizeRun, "prioritize:run"),
        (Self::ActionsPropose, "actions:propose"),
        (Self::ActionsExecute, "actions:execute"),
        (Self::ApprovalsRead, "approvals:read"),
        (Self::ApprovalsDecide, "approvals:decide"),
        (Self::ModelsRead, "models:read"),
        (Self::ModelsTrain, "models:train"),
        (Self::AuditRead, "audit:read"),
        (Self::Admin, "admin"),
    ];

    /// The scope of a wire name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, n)| *n == name).map(|(scope, _)| *scope)
    }
}
