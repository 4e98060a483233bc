//! Whose turn it is: the order of the queue and the plan of a shift.
//!
//! Purpose: order open cases by what an approver's minute is worth in them, `(C(default) − min C) / minutes`, and tell what
//! a shift of so many minutes can save. The greedy order by worth per minute is the best one up to its last case
//! (Dantzig 1957). Legal and safety pins go first; what has waited too long comes next, the oldest first, so that nothing
//! starves; what
//! nobody can save any more falls to the end.
//!
//! Guarantees: pure and total; ties are broken by waiting time, then by the order given.
//!
//! Non-goals: calendars. The caller says how many minutes are left until acting is useless.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// Minutes of an approver are counted as at least this: opening a case takes time too.
pub const EFFORT_MINUTES_MIN: f64 = 1.0;

/// What a value is worth per minute of an approver.
pub fn per_minute(value: f64, effort_minutes: f64) -> f64 {
    value / effort_minutes.max(EFFORT_MINUTES_MIN)
}

/// One open case.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// What acting saves; money.
    pub value: f64,
    /// Minutes of an approver that it takes.
    pub effort_minutes: f64,
    /// Minutes it has waited.
    pub waited_minutes: f64,
    /// Minutes until acting is useless; none when it never is.
    pub useful_minutes: Option<f64>,
    /// Whether law or safety wants it first.
    pub pinned: bool,
}

/// How a queue is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct QueueOptions {
    /// A case that has waited longer goes before all but pins.
    pub waited_minutes_max: f64,
}

impl Default for QueueOptions {
    /// Three days.
    fn default() -> QueueOptions {
        QueueOptions { waited_minutes_max: 3.0 * 24.0 * 60.0 }
    }
}

/// Why a case stands where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    /// Law or safety.
    Pinned,
    /// It has waited too long.
    Aged,
    /// By worth per minute.
    Worth,
    /// Nothing can save it, or nothing is to be saved.
    Lost,
}

/// Where a case stands.
pub fn rank(case: &Waiting, options: &QueueOptions) -> Rank {
    let late = case.useful_minutes.is_some_and(|minutes| minutes < case.effort_minutes);
    if case.pinned {
        Rank::Pinned
    } else if case.waited_minutes > options.waited_minutes_max {
        Rank::Aged
    } else if late || case.value.partial_cmp(&0.0) != Some(Ordering::Greater) {
        Rank::Lost
    } else {
        Rank::Worth
    }
}

/// Indices of the cases, first to be handled first.
pub fn order(cases: &[Waiting], options: &QueueOptions) -> Vec<usize> {
    let mut order: Vec<(Rank, usize, &Waiting)> =
        cases.iter().enumerate().map(|(index, case)| (rank(case, options), index, case)).collect();
    let worth = |case: &Waiting| per_minute(case.value, case.effort_minutes);
    order.sort_by(|(rank, index, case), (other_rank, other_index, other)| {
        // What has waited too long is served in turn, or the last of it would wait for ever.
        let waited = match rank {
            Rank::Aged => other.waited_minutes.total_cmp(&case.waited_minutes),
            _ => Ordering::Equal,
        };
        rank.cmp(other_rank)
            .then(waited)
            .then_with(|| worth(other).total_cmp(&worth(case)))
            .then_with(|| other.waited_minutes.total_cmp(&case.waited_minutes))
            .then_with(|| index.cmp(other_index))
    });
    order.into_iter().map(|(_, index, _)| index).collect()
}

/// What a shift can do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Indices of the cases to handle, in order.
    pub handled: Vec<usize>,
    /// Indices of those left over, in order.
    pub left: Vec<usize>,
    /// Minutes used.
    pub minutes: f64,
    /// What is saved; money.
    pub saved: f64,
    /// What the cases left over would have saved; money.
    pub forgone: f64,
}

/// Plans a shift of `capacity_minutes`: the queue's order, leaving out what does not fit any more, what is useless by the
/// time its turn comes, and what saves nothing unless it is pinned or aged.
pub fn plan(cases: &[Waiting], capacity_minutes: f64, options: &QueueOptions) -> Plan {
    let mut plan = Plan { handled: Vec::new(), left: Vec::new(), minutes: 0.0, saved: 0.0, forgone: 0.0 };
    for index in order(cases, options) {
        let Some(case) = cases.get(index) else { continue };
        let minutes = case.effort_minutes.max(EFFORT_MINUTES_MIN);
        let done = plan.minutes + minutes;
        let in_time = case.pinned || case.useful_minutes.is_none_or(|useful| done <= useful);
        if done <= capacity_minutes && in_time && rank(case, options) != Rank::Lost {
            plan.handled.push(index);
            plan.minutes = done;
            plan.saved += case.value.max(0.0);
        } else {
            plan.left.push(index);
            plan.forgone += case.value.max(0.0);
        }
    }
    plan
}
