//! What came of an order line, and the row that training learns from it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::action::ActionKind;
use super::case::Category;
use super::decision::ShipsBasis;
use super::ids::{AssessmentId, CaseId};
use super::money::Money;

/// A line's features and risk as of a time: what a later outcome is joined with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Assessment {
    /// Identity.
    pub id: AssessmentId,
    /// The order.
    pub order_id: String,
    /// The line.
    pub line_no: u32,
    /// The case that was assessed; `None` for the snapshot at placement.
    #[serde(default)]
    pub case_id: Option<CaseId>,
    /// The case's category.
    #[serde(default)]
    pub category: Option<Category>,
    /// Only what was known then went in.
    pub as_of: Timestamp,
    /// Version of the feature schema.
    pub schema_version: String,
    /// Feature values in schema order: number, text or null.
    pub features: Vec<Value>,
    /// Predicted probability of a miss, where a model could say.
    #[serde(default)]
    pub miss_probability: Option<f64>,
    /// `name/version` of that model.
    #[serde(default)]
    pub model: Option<String>,
    /// The interval in which the line was said to ship.
    #[serde(default)]
    pub ships: Option<[Timestamp; 2]>,
    /// What that was computed from.
    #[serde(default)]
    pub ships_basis: Option<ShipsBasis>,
    /// What a version in the shadow said of the same row, without effect.
    #[serde(default)]
    pub shadow: Option<Shadow>,
    /// What the case had to lose then, and what could be done; `None` without a case.
    #[serde(default)]
    pub stakes: Option<Stakes>,
}

/// What a case had to lose when it was assessed, and what could be done. Amounts are in the order's currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stakes {
    /// The currency of all amounts.
    pub currency: String,
    /// What a missed date costs.
    pub penalty: f64,
    /// The allowed actions, in the order of kinds.
    pub offers: Vec<Offer>,
}

/// An action that was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Offer {
    /// Which.
    pub action: ActionKind,
    /// Its direct cost.
    pub quote: f64,
    /// Minutes of people's time.
    pub effort_min: f64,
    /// The harm of the condition itself that was believed to be left with it.
    pub standing: f64,
}

impl Stakes {
    /// The offer of an action, where it was allowed.
    #[must_use]
    pub fn offer(&self, action: ActionKind) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.action == action)
    }
}

/// What a version said that nobody was told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shadow {
    /// `name/version`.
    pub model: String,
    /// Its probability of a miss.
    pub miss_probability: f64,
}

/// A line's outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct Outcome {
    pub order_id: String,
    pub line_no: u32,
    #[serde(default)]
    pub shipped_at: Option<Timestamp>,
    pub missed: bool,
    pub split: bool,
    /// What it cost, as far as that was told: `action`, `penalty`, and whatever else by its name.
    #[serde(default)]
    pub costs: BTreeMap<String, Money>,
    /// When it became known.
    pub known_at: Timestamp,
}

/// An action that was carried out on a line, by us or by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "names say it")]
pub struct ActionTaken {
    pub order_id: String,
    #[serde(default)]
    pub line_no: Option<u32>,
    pub action: ActionKind,
    pub at: Timestamp,
}

/// One row of training history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// Features as seen.
    pub assessment: Assessment,
    /// What came of it.
    pub outcome: Outcome,
    /// The first action taken after the assessment, `None` for nothing.
    pub action: Option<ActionKind>,
}
