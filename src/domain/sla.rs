//! Service targets of cases: how long the owning team has, in its own hours, and how much of that is used.
//!
//! A timer runs from the opening of its case and stands still while the case waits for somebody's information. What it
//! keeps are the stretches in which it ran; how much is used follows from them and the team's calendar at any time.
//!
//! Guarantees: pure; the stretches follow from the case's recorded changes of state ([`SlaTimer::after`]), so the timer can
//! be derived again from the audit log; a stage is reached once and stays so. Non-goals: telling anybody; see `flow::sla`.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::calendar::Calendar;

/// Shares of the target, in percent, at which a timer speaks: three warnings and the breach.
pub const STAGES: [u8; 4] = [50, 75, 90, BREACH];

/// The stage at which the target is used up.
pub const BREACH: u8 = 100;

/// What a case's state does to its timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Somebody of the team has to act.
    Running,
    /// Somebody else has been asked.
    Paused,
    /// It is over.
    Stopped,
}

/// A stretch in which a timer ran; open at the end while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "names say it")]
pub struct SlaRun {
    pub from: Timestamp,
    pub until: Option<Timestamp>,
}

/// The timer of one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SlaTimer {
    /// Open minutes that the team has.
    pub target_min: u32,
    /// The team whose calendar counts.
    pub team: String,
    /// Version of targets and calendars that held when it was started.
    pub version: String,
    /// When it ran.
    pub runs: Vec<SlaRun>,
    /// The highest stage reached, in percent; 0 for none.
    pub reached: u8,
    /// When the target was used up.
    pub breached_at: Option<Timestamp>,
}

impl SlaTimer {
    /// A timer that runs since `from`.
    #[must_use]
    pub fn started(target_min: u32, team: &str, version: &str, from: Timestamp) -> Self {
        Self {
            target_min,
            team: team.to_owned(),
            version: version.to_owned(),
            runs: vec![SlaRun { from, until: None }],
            reached: 0,
            breached_at: None,
        }
    }

    /// The timer after its case changed to a state of this pace.
    #[must_use]
    pub fn after(mut self, pace: Pace, at: Timestamp) -> Self {
        match (pace, self.runs.last_mut().filter(|run| run.until.is_none())) {
            (Pace::Running, None) => self.runs.push(SlaRun { from: at, until: None }),
            (Pace::Paused | Pace::Stopped, Some(run)) => run.until = Some(at),
            _ => {}
        }
        self
    }

    /// Since when it runs; `None` while it is paused or over.
    #[must_use]
    pub fn running_since(&self) -> Option<Timestamp> {
        self.runs.last().filter(|run| run.until.is_none()).map(|run| run.from)
    }

    /// What the team has.
    #[must_use]
    pub fn target(&self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.target_min))
    }

    /// Open time used until `now`.
    #[must_use]
    pub fn used(&self, calendar: &Calendar, now: Timestamp) -> SignedDuration {
        let of = |run: &SlaRun| calendar.business_between(run.from, run.until.unwrap_or(now).min(now));
        self.runs.iter().map(of).fold(SignedDuration::ZERO, |sum, time| sum + time)
    }

    /// The stages that are not reached yet, with the time at which the running timer comes to each.
    pub fn ahead(&self, calendar: &Calendar) -> impl Iterator<Item = (u8, Timestamp)> {
        let since = self.running_since();
        let before = since.map_or(SignedDuration::ZERO, |since| self.used(calendar, since));
        let target = self.target();
        STAGES.into_iter().filter(|stage| *stage > self.reached).filter_map(move |stage| {
            let left = target * i32::from(stage) / 100 - before;
            Some((stage, calendar.add_business(since?, left.max(SignedDuration::ZERO))?))
        })
    }

    /// The timer with a stage reached; the same where it was reached before.
    #[must_use]
    pub fn reaching(mut self, stage: u8, at: Timestamp) -> Self {
        if stage > self.reached {
            self.reached = stage;
        }
        if stage == BREACH {
            self.breached_at = self.breached_at.or(Some(at));
        }
        self
    }
}
