//! What a policy would be worth, judged by decisions that another one took: numbers in, verdicts out.
//!
//! Guarantees asked of an adapter: without support it refuses and says why; without propensities only the direct method
//! answers, labelled biased; the same log gives the same answer. Non-goals: reading logs, see `flow::learn::policy_value`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One decision that was taken, and what came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logged {
    /// The category; every category is judged for itself.
    pub category: String,
    /// Index, among the candidates, of what was taken.
    pub taken: usize,
    /// What came of it, more is better: a cost negated, in one unit throughout a log.
    pub reward: f64,
    /// The probability with which that was taken; `None` where nobody wrote it down.
    pub propensity: Option<f64>,
    /// The logging policy's probability of each candidate; empty where only that of what was taken is known.
    pub behaviour: Vec<f64>,
    /// The probabilities of the policy that is judged.
    pub target: Vec<f64>,
    /// Those of the policy in place; empty where that is who took the decisions.
    pub incumbent: Vec<f64>,
    /// What describes each candidate of the decision: candidates × columns, finite, as many columns throughout a log.
    pub columns: Vec<Vec<f32>>,
    /// What the judged policy itself expects of its choice, on the scale of the rewards.
    pub promised: f64,
    /// The probability of a miss that the judged policy expected of what was taken, and whether it was missed.
    pub miss: Option<(f64, bool)>,
}

/// One estimator's answer, on the scale of the rewards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyEstimate {
    /// `DM`, `IPS`, `SNIPS`, `DR`, `SNDR`, `Switch-DR`, `DRos`.
    pub estimator: String,
    /// Mean reward per decision.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
    /// Normal 95 % interval.
    pub interval: [f64; 2],
    /// Percentile bootstrap 95 % interval.
    pub bootstrap: [f64; 2],
}

/// What can be said of a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyValue {
    /// Decisions.
    pub rows: usize,
    /// Kish's effective sample size: so many decisions of the policy itself would tell as much; `None` without
    /// propensities.
    pub effective_rows: Option<f64>,
    /// Greatest weight of a decision.
    pub weight_max: Option<f64>,
    /// Share of the policy's choices that the log can never hold.
    pub unsupported_mass: Option<f64>,
    /// Why nothing is estimated.
    pub refused: Option<String>,
    /// Why what is estimated is biased.
    pub biased: Option<String>,
    /// The model of rewards that was learned, each decision by the others.
    pub reward_model: Option<String>,
    /// Empty where refused; the direct method alone where biased.
    pub estimates: Vec<PolicyEstimate>,
    /// Doubly robust 95 % interval that holds at every look at a growing log.
    pub any_time: Option<[f64; 2]>,
}

/// One check of the promotion gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyCheck {
    /// `support`, `gain`, `agreement`, `flattery`, `category` or `calibration`.
    pub kind: String,
    /// The category, or what was measured.
    pub subject: String,
    /// What was found.
    pub found: f64,
    /// The bar.
    pub needed: f64,
    /// Whether it passed.
    pub passed: bool,
    /// The same in words.
    pub words: String,
}

/// Whether a policy may take the place of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyVerdict {
    /// Whether every check passed.
    pub passed: bool,
    /// Decisions that it rests on.
    pub rows: usize,
    /// All checks, passed or not.
    pub checks: Vec<PolicyCheck>,
}

/// A log that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log cannot be used: {0}")]
pub struct LogUnusable(pub String);

/// Judges policies by logs.
pub trait PolicyJudge: Send + Sync {
    /// What the target policy of the log would be worth.
    ///
    /// # Errors
    /// [`LogUnusable`].
    fn value(&self, log: &[Logged]) -> Result<PolicyValue, LogUnusable>;

    /// Whether the target policy of the log may take the place of the incumbent.
    ///
    /// # Errors
    /// [`LogUnusable`].
    fn gate(&self, log: &[Logged]) -> Result<PolicyVerdict, LogUnusable>;
}
