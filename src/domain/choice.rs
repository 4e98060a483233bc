//! What a ranking chose, with which probability, and what people then made of it.
//!
//! Guarantees: the chances of a choice sum to 1 over the actions that were allowed; whatever was drawn can be drawn again
//! from what [`Exploration`] records. Non-goals: drawing, see `flow::decide::explore`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::action::ActionKind;
use super::approval::Verdict;
use super::case::Category;
use super::ids::{CaseId, DecisionId, ProposalId, ResponseId};
use super::outcome::Outcome;

/// What was recommended on one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Choice {
    /// The recommended action.
    pub action: ActionKind,
    /// Its place among the case's actions; 0 unless it was explored.
    pub position: usize,
    /// Whether another action would have been recommended but for the draw: it is tried to learn from it.
    pub explored: bool,
    /// The chance of each allowed action to be recommended, in their order; they sum to 1.
    pub chances: Vec<Chance>,
}

impl Choice {
    /// The probability with which the recommended action was recommended.
    #[must_use]
    pub fn propensity(&self) -> f64 {
        self.chances.iter().find(|chance| chance.action == self.action).map_or(0.0, |chance| chance.probability)
    }
}

/// One allowed action and its chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Chance {
    /// The action.
    pub action: ActionKind,
    /// Its place among the case's actions, from 0.
    pub position: usize,
    /// The probability with which it could have been recommended.
    pub probability: f64,
}

/// What a draw hung on: enough to draw again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Exploration {
    /// The day (UTC) that the cap counts for, as `2026-03-02`.
    pub day: String,
    /// Share of the cases with near-ties in which one of these is drawn.
    pub share: f64,
    /// What the expected cost of an action may lie above the best, in the order's currency.
    pub tie_cost: f64,
    /// Random bits of the day, in hexadecimal.
    pub entropy: String,
    /// Cases that could still be explored on that day.
    pub left: u32,
    /// Cases of this decision that had been explored on that day before; they count once.
    pub held: Vec<String>,
}

/// What somebody made of a recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResponseKind {
    /// Took it as it was.
    Accept,
    /// Took another action, or the same with other parameters.
    Edit,
    /// Will have none of it.
    Reject,
    /// Not now.
    Defer,
}

/// Why, in a word that can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// Agreed with it.
    Agreed,
    /// Another action is better.
    BetterAction,
    /// Right action, wrong parameters.
    WrongParameters,
    /// Costs more than it saves.
    TooCostly,
    /// Cannot be carried out.
    NotFeasible,
    /// The facts that it rests on are wrong or old.
    WrongFacts,
    /// The customer wants something else.
    CustomerWish,
    /// Somebody takes care of it already.
    AlreadyHandled,
    /// Something has to be known first.
    NeedsInformation,
    /// None of these; the words say it.
    Other,
}

/// Who responded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResponsePart {
    /// Whoever read the recommendation and acted on it, or did not.
    Reader,
    /// Whoever voted on the proposal that came of it.
    Approver,
}

/// One response to the recommendation of one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Response {
    /// Identity; in time order.
    pub id: ResponseId,
    /// The decision.
    pub decision_id: DecisionId,
    /// The case.
    pub case_id: CaseId,
    /// Who, by label.
    pub by: String,
    /// In which part.
    pub part: ResponsePart,
    /// What they made of it.
    pub kind: ResponseKind,
    /// The action that they took instead or as well; none when they took none.
    #[serde(default)]
    pub action: Option<ActionKind>,
    /// The parameters that they gave beyond those recommended.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// Why, in a word.
    #[serde(default)]
    pub reason_code: Option<ReasonCode>,
    /// Why, in words.
    #[serde(default)]
    pub reason: Option<String>,
    /// The proposal that it was about.
    #[serde(default)]
    pub proposal_id: Option<ProposalId>,
    /// When.
    pub at: Timestamp,
}

impl ResponseKind {
    /// What a vote says of the recommendation that the proposal follows.
    #[must_use]
    pub fn of_vote(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Approve => Self::Accept,
            Verdict::Reject => Self::Reject,
        }
    }
}

/// What came of the recommendation of one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Followed {
    /// The case.
    pub case_id: CaseId,
    /// Its category.
    pub category: Category,
    /// What people made of it, oldest first.
    pub responses: Vec<Response>,
    /// The proposals that came of it, by id, with the state that each is in.
    pub proposals: Vec<ProposalStands>,
    /// The outcomes of its lines, where they became known after the decision.
    pub outcomes: Vec<Outcome>,
}

/// Where a proposal stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProposalStands {
    /// The proposal.
    pub proposal_id: ProposalId,
    /// Its action.
    pub action: ActionKind,
    /// Its state's name.
    pub state: String,
}
