//! The record of one prioritization: everything that is needed to reproduce it bit for bit.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::action::Candidate;
use super::case::Category;
use super::choice::{Choice, Exploration, Followed};
use super::ids::{CaseId, DecisionId};
use super::money::Money;
use super::queue::{QueuePlace, ShiftPlan};

/// A signed reason for a prediction, in business words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// Feature name.
    pub feature: String,
    /// In business words.
    pub label: String,
    /// Present value.
    pub value: Value,
    /// Typical value in training.
    pub typical: Value,
    /// Contribution to the log odds against the training mean; positive raises the risk.
    pub effect: f64,
}

/// What a risk model said of one line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Risk {
    /// Probability that the ship date is missed, 0 to 1.
    pub miss_probability: f64,
    /// Strongest first.
    pub reasons: Vec<Reason>,
    /// `name/version`.
    pub model: String,
    /// Digest of that version's manifest.
    pub model_digest: String,
    /// Between these the line ships, as often as `ships_basis` says; `None` where the version has not learned it.
    #[serde(default)]
    pub ships: Option<[Timestamp; 2]>,
    /// What `ships` was computed from.
    #[serde(default)]
    pub ships_basis: Option<ShipsBasis>,
}

/// What an interval of the ship date was computed from: enough to compute it again, and to learn from what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShipsBasis {
    /// The share of lines that such an interval contains.
    pub coverage: f64,
    /// The segment whose margins hold.
    pub segment: String,
    /// Predicted quantiles of the hours until it ships, before margins.
    pub predicted_h: [f64; 2],
    /// How far either end was moved outwards, in predicted widths: calibrated, and corrected by the outcomes since.
    pub margins: [f64; 2],
}

/// What stands in for a model that abstains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Fallback {
    /// Probability of a miss by the rule.
    pub miss_probability: f64,
    /// Which rule, and on what it rests.
    pub rule: String,
}

/// Why no model could say, and what stands in.
#[derive(Clone, Debug, PartialEq)]
pub struct Abstention {
    /// In words.
    pub why: String,
    /// The declared rule's answer, where there is one.
    pub fallback: Option<Fallback>,
}

impl From<String> for Abstention {
    fn from(why: String) -> Self {
        Self { why, fallback: None }
    }
}

/// One ranked exception.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RankedCase {
    /// The case; `None` for inline facts.
    #[serde(default)]
    pub case_id: Option<CaseId>,
    /// The caller's own reference for inline facts.
    #[serde(default)]
    pub reference: Option<String>,
    /// Its category.
    pub category: Category,
    /// The order.
    pub order_id: Option<String>,
    /// The line.
    pub line_no: Option<u32>,
    /// Risk, or `None` when no model could say; then `abstained` says why.
    pub risk: Option<Risk>,
    /// Why there is no number.
    #[serde(default)]
    pub abstained: Option<String>,
    /// The rule that stands in where the model knows nothing like this line.
    #[serde(default)]
    pub fallback: Option<Fallback>,
    /// Value at stake.
    pub at_stake: Option<Money>,
    /// After this the best action no longer helps.
    pub latest_useful_at: Option<Timestamp>,
    /// Expected cost saved by the best action against doing nothing.
    pub value: f64,
    /// `value` per approver minute.
    pub priority: f64,
    /// Where it stands in the queue, with every term of the order.
    #[serde(default)]
    pub queue: Option<QueuePlace>,
    /// Allowed actions by expected cost, then refused ones with their reasons.
    pub actions: Vec<Candidate>,
    /// What is recommended, and with which chance each allowed action could have been; missing in old records, and where no
    /// action is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
}

impl RankedCase {
    /// The recommended action: what was chosen, in old records the first that is allowed.
    #[must_use]
    pub fn chosen(&self) -> Option<&Candidate> {
        let first = || self.actions.first().filter(|candidate| candidate.refused.is_empty());
        match &self.choice {
            Some(choice) => self.actions.iter().find(|candidate| candidate.action == choice.action),
            None => first(),
        }
    }
}

/// A decision: input, models and output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// Derived from the digest of everything below.
    pub id: DecisionId,
    /// The time that the decision was made for.
    pub as_of: Timestamp,
    /// Facts and features of each case, as scored.
    #[schema(value_type = Vec<Object>)]
    pub input: Vec<Value>,
    /// Digests of models, catalogue and policy, by name.
    pub versions: std::collections::BTreeMap<String, String>,
    /// The ranked answer.
    pub output: Vec<RankedCase>,
    /// What draws hung on; none where exploration is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exploration: Option<Exploration>,
    /// What a shift can do, where its minutes were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<ShiftPlan>,
}

/// A decision, what people then chose and why, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DecisionRecord {
    /// The decision.
    #[serde(flatten)]
    pub decision: Decision,
    /// What followed, by case that the service holds.
    pub followed: Vec<Followed>,
}
