//! The record of one prioritization: everything that is needed to reproduce it bit for bit.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::action::{ActionKind, Candidate};
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

/// What the resolved cases that are most like one say: at most twenty of the same category and currency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// How many there are.
    pub cases: usize,
    /// Distance to the fifth-nearest, in the units of the features' declared scales; `None` when there are fewer.
    #[serde(default)]
    pub distance: Option<f64>,
    /// By action, most cases first.
    pub actions: Vec<ActionEvidence>,
}

impl Evidence {
    /// What the cases say in which `action` was taken.
    #[must_use]
    pub fn of(&self, action: ActionKind) -> Option<&ActionEvidence> {
        self.actions.iter().find(|said| said.action == action)
    }
}

/// What the nearest resolved cases in which one action was taken say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ActionEvidence {
    /// Which action.
    pub action: ActionKind,
    /// Cases in which it was the first action taken.
    pub cases: usize,
    /// Share of them that kept the date.
    pub on_time: f64,
    /// 95 % Wilson interval of that share.
    pub on_time_interval: [f64; 2],
    /// Median minutes from the first assessment until the outcome was known.
    pub resolve_minutes_median: f64,
    /// Mean of all that they cost, in the case's currency.
    pub cost_mean: f64,
}

/// Why no action is recommended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Withheld {
    /// Nothing is allowed but what answers any trouble: telling, asking, waiting.
    #[error("no action that answers this kind of exception is allowed")]
    NoAllowedAction,
    /// A feature that the ranking hangs on is not known.
    #[error("it hangs on what is not known: {label}")]
    MissingCritical {
        /// Its name.
        feature: String,
        /// In business words; old records have none.
        #[serde(default = "unnamed")]
        label: String,
    },
    /// Nothing like it is known to have been resolved before.
    #[error("no resolved case is known that is like it: the fifth-nearest should lie within {usual:.1}")]
    Novel {
        /// Distance to the fifth-nearest; `None` when there are fewer, or the archive could not be asked.
        distance: Option<f64>,
        /// What is usual in the category.
        usual: f64,
    },
    /// A number was learned for the best action from fewer cases, its own or the nearest, than bear one out.
    #[error("the best action was taken in {cases} resolved cases and {needed} are needed")]
    LittleSupport {
        /// Resolved cases.
        cases: usize,
        /// What is needed.
        needed: usize,
    },
    /// Too close to call.
    #[error("it would save {gain:.2}, which is within the noise of {noise:.2}")]
    GainInNoise {
        /// Expected saving over doing nothing.
        gain: f64,
        /// Its standard deviation.
        noise: f64,
    },
}

/// What stands for the words of a feature in old records.
fn unnamed() -> String {
    "a feature of the case".to_owned()
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
    /// Why nothing is recommended, every reason; `actions` is then the playbook: scored and ordered by what the catalogue
    /// believes. Empty where there is a recommendation.
    #[serde(default)]
    pub withheld: Vec<Withheld>,
    /// What the nearest resolved cases say; `None` where they could not be asked for.
    #[serde(default)]
    pub evidence: Option<Evidence>,
    /// Expected cost saved by the best action against doing nothing; what is believed where a recommendation is withheld.
    pub value: f64,
    /// `value` per approver minute.
    pub priority: f64,
    /// Where it stands in the queue, with every term of the order.
    #[serde(default)]
    pub queue: Option<QueuePlace>,
    /// Allowed actions by expected cost, then refused ones with their reasons.
    pub actions: Vec<Candidate>,
    /// What is recommended, and with which chance each allowed action could have been; missing in old records, and where
    /// nothing is recommended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
}

impl RankedCase {
    /// What stands first of the allowed actions: the best by expected cost, or the head of the playbook.
    #[must_use]
    pub fn first(&self) -> Option<&Candidate> {
        self.actions.first().filter(|candidate| candidate.refused.is_empty())
    }

    /// The recommended action: what was chosen, in old records the first; `None` where a recommendation is withheld.
    #[must_use]
    pub fn chosen(&self) -> Option<&Candidate> {
        match &self.choice {
            Some(choice) => self.actions.iter().find(|candidate| candidate.action == choice.action),
            None => self.first().filter(|_| self.withheld.is_empty()),
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
