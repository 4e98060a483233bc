//! Approval: stages that persons must satisfy, and the votes they cast.
//!
//! Guarantees: a stage counts distinct persons; one person counts once over all stages; a single rejection ends it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actor::Role;
use super::choice::ReasonCode;

/// What policy asks for before an action may execute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Requirement {
    /// Id of the governance rule that set it.
    pub rule: String,
    /// In order; each opens when the one before is satisfied.
    pub stages: Vec<Stage>,
}

/// One stage: `quorum` distinct persons who hold one of `roles`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stage {
    /// Name to show.
    pub name: String,
    /// Any of these roles may vote.
    pub roles: Vec<Role>,
    /// How many approvals are needed.
    pub quorum: u32,
    /// Hours without a decision after which `escalate_to` may vote as well and is notified.
    pub escalate_after_h: u32,
    /// Further roles after escalation.
    #[serde(default)]
    pub escalate_to: Vec<Role>,
}

/// What a person decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names say it")]
pub enum Verdict {
    Approve,
    Reject,
}

/// One vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Vote {
    /// Zero-based stage it counts for.
    pub stage: usize,
    /// The person's subject.
    pub subject: String,
    /// Name to show.
    pub name: String,
    /// What they decided.
    pub verdict: Verdict,
    /// Why; required to reject.
    #[serde(default)]
    pub reason: Option<String>,
    /// Why, in a word that can be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<ReasonCode>,
    /// When.
    pub at: Timestamp,
    /// Ids of the Cedar policies that allowed it.
    pub policies: Vec<String>,
}

/// How far a requirement is satisfied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// This stage waits.
    Stage(usize),
    /// Every stage is satisfied.
    Satisfied,
    /// A person rejected it.
    Rejected,
}

impl Requirement {
    /// How far `votes` satisfy this requirement. One person counts once, in the first stage they voted in.
    #[must_use]
    pub fn progress(&self, votes: &[Vote]) -> Progress {
        if votes.iter().any(|v| v.verdict == Verdict::Reject) {
            return Progress::Rejected;
        }
        let mut counted = std::collections::BTreeSet::new();
        for (index, stage) in self.stages.iter().enumerate() {
            let mut approvals = 0;
            for vote in votes.iter().filter(|v| v.stage == index) {
                if counted.insert(vote.subject.as_str()) {
                    approvals += 1;
                }
            }
            if approvals < stage.quorum {
                return Progress::Stage(index);
            }
        }
        Progress::Satisfied
    }
}
