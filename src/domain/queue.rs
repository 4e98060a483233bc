//! Where a case stands in the queue, and what a shift can do.
//!
//! Guarantees: every term of the order is in [`QueuePlace`]; its key orders the same way as the queue does and does not
//! change with time while the rank stays. Non-goals: computing a place; see `flow::decide::queue`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::action::ActionKind;
use super::ids::CaseId;

/// Why a case stands where it stands, first to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueueRank {
    /// Law or safety wants it first.
    Pinned,
    /// It has waited for as long as anything may wait; the oldest first.
    Aged,
    /// By what an approver's minute saves in it.
    Worth,
    /// Nothing can save it any more, or there is nothing to save.
    Lost,
}

/// A place in the queue with its terms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueuePlace {
    /// What stands first.
    pub rank: QueueRank,
    /// The rank in words; for a pin its reason.
    pub why: String,
    /// What the best action saves against doing nothing, in the order's currency.
    pub value: f64,
    /// Minutes of an approver that it takes, at least 1.
    pub minutes: f64,
    /// `value` over `minutes`.
    pub per_minute: f64,
    /// Hours that it has waited.
    pub waited_h: f64,
    /// Hours after which it stands before all but pins and older cases.
    pub head_within_h: f64,
    /// Minutes until the best action no longer helps; `None` where it has no such time or is past it.
    pub useful_min: Option<f64>,
    /// The worklist's order, greatest first.
    pub key: f64,
}

/// Keys of the ranks lie apart: a worth per minute is cut at this.
const WORTH_MAX: f64 = 1e9;
const AGED: f64 = 1e10;
const PINNED: f64 = 1e11;

impl QueuePlace {
    /// The key of a rank, a worth per minute, and the time since which the case waits.
    #[must_use]
    pub fn key_of(rank: QueueRank, per_minute: f64, since: Timestamp) -> f64 {
        let worth = per_minute.clamp(0.0, WORTH_MAX);
        #[expect(clippy::cast_precision_loss, reason = "seconds of this millennium are exact")]
        let since = since.as_second() as f64;
        match rank {
            QueueRank::Pinned => PINNED + worth,
            QueueRank::Aged => AGED - since,
            QueueRank::Worth => worth,
            QueueRank::Lost => worth / WORTH_MAX - 2.0,
        }
    }
}

/// What a shift of so many minutes can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShiftPlan {
    /// Minutes that approvers have.
    pub capacity_minutes: f64,
    /// Minutes used.
    pub minutes: f64,
    /// What is expected to be saved; amounts count as they are, whatever their currency.
    pub saves: f64,
    /// What the cases that are left would have saved.
    pub forgone: f64,
    /// What to do, in order.
    pub handled: Vec<PlannedCase>,
    /// What falls out, in the order of the queue.
    pub left: Vec<PlannedCase>,
}

/// One case of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedCase {
    /// The case; `None` for inline facts.
    pub case_id: Option<CaseId>,
    /// The caller's own reference for inline facts.
    pub reference: Option<String>,
    /// The best action.
    pub action: Option<ActionKind>,
    /// Minutes that it takes.
    pub minutes: f64,
    /// What it saves.
    pub saves: f64,
    /// Minutes into the shift at which it is begun; `None` where it falls out.
    pub begins_after_min: Option<f64>,
    /// After this it no longer helps.
    pub latest_useful_at: Option<Timestamp>,
    /// Why it is in or out, in words.
    pub why: String,
}
