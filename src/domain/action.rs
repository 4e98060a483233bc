//! Next-best actions: the closed set of kinds, and what the catalogue declares of each (CONTRACT.md section 4).
//!
//! Guarantees: an action is data; every kind has one entry in the catalogue (`flow/decide/catalogue.toml`, checked at
//! start). `do_nothing` is an action like any other.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::case::Category;
use super::message::{SenderRole, closed_set};
use super::money::Money;

closed_set! {
    /// Every kind of action that can be proposed.
    ActionKind {
        ReallocateFromWarehouse = "reallocate_from_warehouse",
        SplitShipment = "split_shipment",
        SubstituteItem = "substitute_item",
        ExpeditePurchaseOrder = "expedite_purchase_order",
        RepromiseDate = "repromise_date",
        ReallocateFromOrder = "reallocate_from_order",
        ReleasePartial = "release_partial",
        RequestAddress = "request_address",
        CorrectAddress = "correct_address",
        HoldOrder = "hold_order",
        ApprovePrice = "approve_price",
        CorrectPrice = "correct_price",
        RequestPriceReview = "request_price_review",
        ReleaseUnaffectedLines = "release_unaffected_lines",
        ReleaseCreditHold = "release_credit_hold",
        RequestPrepayment = "request_prepayment",
        RaiseCreditLimit = "raise_credit_limit",
        RequestCreditReview = "request_credit_review",
        RetryTransaction = "retry_transaction",
        ResendDocument = "resend_document",
        EnterManually = "enter_manually",
        OpenIntegrationIncident = "open_integration_incident",
        AcceptChange = "accept_change",
        RejectChange = "reject_change",
        AcceptPartialChange = "accept_partial_change",
        RebookCarrier = "rebook_carrier",
        UpgradeService = "upgrade_service",
        ReschedulePickup = "reschedule_pickup",
        RescheduleDelivery = "reschedule_delivery",
        OpenCarrierClaim = "open_carrier_claim",
        ReleaseInvoice = "release_invoice",
        CorrectInvoice = "correct_invoice",
        RequestBillingReview = "request_billing_review",
        NotifyCustomer = "notify_customer",
        AskCustomer = "ask_customer",
        AskSupplier = "ask_supplier",
        EscalateToOwner = "escalate_to_owner",
        CancelLine = "cancel_line",
        DoNothing = "do_nothing",
        PromoteModel = "promote_model",
    }
}

impl ActionKind {
    /// Whom it asks, where it is a question: the exception then waits for that answer.
    #[must_use]
    pub fn asks(self) -> Option<SenderRole> {
        match self {
            Self::AskCustomer | Self::RequestAddress => Some(SenderRole::Customer),
            Self::AskSupplier => Some(SenderRole::Supplier),
            _ => None,
        }
    }
}

/// How much harm a wrong execution does; the approval that is required grows with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RiskTier {
    /// Nothing leaves the service.
    None,
    /// Reversible and cheap.
    Low,
    /// Costs money or touches a customer's order.
    Medium,
    /// Hard to reverse, or changes price, credit or destination.
    High,
}

/// Who carries an approved action out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Executor {
    /// A signed webhook to the configured connector.
    Webhook,
    /// A pull worker that activates jobs.
    Pull,
    /// The service itself (no outside effect).
    Internal,
}

/// One entry of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionSpec {
    /// Which action.
    pub kind: ActionKind,
    /// In words, for pages and summaries.
    pub title: String,
    /// Categories it answers; empty for any.
    #[serde(default)]
    pub categories: Vec<Category>,
    /// JSON Schema of its parameters.
    pub parameters: Value,
    /// How each parameter is filled for a candidate: CEL over `facts`, by parameter name.
    #[serde(default)]
    pub fill: std::collections::BTreeMap<String, String>,
    /// Guards: every one must hold; a failing one is shown with its reason.
    #[serde(default)]
    pub guards: Vec<Guard>,
    /// What it costs: CEL over `facts`, `parameters` and `value`, an amount in the order's currency.
    pub quote: String,
    /// What it moves, for policy limits: CEL as for `quote`; the quote itself where missing.
    #[serde(default)]
    pub amount: Option<String>,
    /// Minutes of an approver's and a doer's time.
    pub effort_min: f64,
    /// Hours from execution to effect.
    pub lead_time_h: f64,
    /// Where no calendar says better, the latest useful time is this many hours before what it must be done by (at least
    /// the lead time).
    pub useful_before_due_h: f64,
    /// What it must be done by, and in whose hours; the ship date and clock hours where missing.
    #[serde(default)]
    pub timing: Option<Timing>,
    /// Whether it can be undone.
    pub reversible: bool,
    /// The action that undoes it.
    #[serde(default)]
    pub compensation: Option<ActionKind>,
    /// Risk tier.
    pub tier: RiskTier,
    /// Who carries it out.
    pub executor: Executor,
    /// The event type that proves the effect, with a CEL condition over the facts after it.
    #[serde(default)]
    pub effect: Option<ExpectedEffect>,
    /// Share of the miss risk that it is believed to remove before evidence, and how many cases that belief is worth.
    pub prior: EffectPrior,
    /// Checked again in the transaction that starts execution.
    #[serde(default)]
    pub preconditions: Vec<Precondition>,
}

/// How an action's latest useful time is counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// What it must be done by.
    pub by: ShipmentStep,
    /// In whose hours it is done.
    pub calendar: ServiceParty,
    /// Open hours of that calendar that it takes; a supplier's own lead time stands before it.
    pub open_h: f64,
    /// Hours by the clock after that, on the road.
    #[serde(default)]
    pub transit_h: f64,
}

/// A step of a shipment that an action has to come before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShipmentStep {
    /// The last pick wave from which the goods are ready for the hand-over.
    Pick,
    /// The last hand-over to the carrier before the ship date.
    HandOver,
    /// The ship date itself.
    Due,
}

/// Whose calendar counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names say it")]
pub enum ServiceParty {
    Warehouse,
    Carrier,
    Supplier,
}

/// A condition for offering an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Guard {
    /// CEL over `facts` and `parameters`.
    pub when: String,
    /// What is said when it does not hold.
    pub reason: String,
}

/// A business precondition of an approval: true when proposed, and checked again when execution starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Precondition {
    /// In words.
    pub says: String,
    /// CEL over `facts` (now), `then` (facts when proposed) and `parameters`; tolerances stand in the expression.
    pub when: String,
}

/// The event that shows an executed action worked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExpectedEffect {
    /// In words.
    pub says: String,
    /// CEL over `facts` (now), `then` (facts when proposed) and `parameters`, true once the effect is visible.
    pub when: String,
    /// Hours after execution in which it should be seen.
    pub within_h: u32,
}

/// Belief about an action's effect before there is evidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EffectPrior {
    /// Share of the predicted miss risk that it removes, 0 to 1.
    pub relief: f64,
    /// Number of cases that this belief is worth.
    pub weight: f64,
}

/// One action that could be taken on one case, or that could not and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Candidate {
    /// Which action.
    pub action: ActionKind,
    /// In words.
    pub title: String,
    /// Filled parameters.
    pub parameters: Map<String, Value>,
    /// Reasons against offering it; empty for an allowed one.
    pub refused: Vec<String>,
    /// Its direct cost.
    pub quote: Option<Money>,
    /// Approval tier.
    pub tier: RiskTier,
    /// After this it no longer helps.
    pub latest_useful_at: Option<Timestamp>,
    /// Each term of the expected cost; `None` for a refused one.
    pub score: Option<Score>,
}

/// The terms of `C(a) = quote(a) + P(miss | x, a) · penalty(x) + residual(x, a)`, in the order's currency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Score {
    /// Direct cost.
    pub quote: f64,
    /// Probability of a miss with this action.
    pub miss_probability: f64,
    /// Cost of a miss.
    pub penalty: f64,
    /// Every other cost: people's minutes, and what the condition and its handling cost beside quote and penalty.
    pub residual: f64,
    /// The sum.
    pub expected_cost: f64,
    /// Standard deviation of the sum, as far as the estimate is in doubt.
    #[serde(default)]
    pub deviation: f64,
    /// Resolved cases of the category in which it was taken, as far as the estimate learned from them.
    #[serde(default)]
    pub support: u64,
    /// Where miss probability and residual come from.
    #[serde(default)]
    pub basis: ScoreBasis,
}

/// Where an estimate comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScoreBasis {
    /// The effect model, from what came of this installation's cases.
    Learned,
    /// The catalogue's belief.
    #[default]
    Believed,
}

/// The action that a proposal is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ActionCall {
    /// Which action.
    pub kind: ActionKind,
    /// Its parameters, valid against the catalogue's schema.
    pub parameters: Map<String, Value>,
    /// Direct cost when proposed.
    #[serde(default)]
    pub quote: Option<Money>,
    /// What the decision moves (price difference, order value), for policy limits, in the order's currency.
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    pub amount: Option<Decimal>,
}
