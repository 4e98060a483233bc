//! The queue: cases by what an approver's minute is worth in them, and the plan of a shift.
//!
//! Worth is `(C(do_nothing) − min C(a)) / minutes`; what nobody can save any more falls to the end. Before worth come pins
//! of law and safety, then what has waited for [`QueueRules::head_within_h`], the oldest first. So any case reaches the
//! head within that time and the minutes of the pins and of what is older than it, whatever comes in meanwhile.
//!
//! Guarantees: pure; pins are data and each says why; the order is that of `holdfast_training::ranking::queue`, on which the
//! savings of a queue were measured. Non-goals: currencies are not converted; who takes which case.

use holdfast_training::ranking::queue::{self as ranking, QueueOptions, Rank, Waiting};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::catalogue::Catalogue;
use crate::domain::decision::RankedCase;
use crate::domain::digest;
use crate::domain::queue::{PlannedCase, QueuePlace, QueueRank, ShiftPlan};
use crate::flow::expression::{Expression, Recorded, Scope};
use crate::flow::facts::Facts;

/// The rules that are built in.
pub const BUILT_IN: &str = include_str!("queue.toml");

/// Pins and the aging floor.
#[derive(Debug)]
pub struct QueueRules {
    head_within_h: u32,
    pins: Vec<(String, Expression)>,
    digest: String,
}

/// What is wrong with queue rules.
#[derive(Debug, thiserror::Error)]
pub enum QueueRulesError {
    /// They are no rules at all.
    #[error("the queue rules cannot be read: {0}")]
    Toml(#[from] toml::de::Error),
    /// A case would never have to wait, or for longer than anybody remembers.
    #[error("queue rules: `head_within_h` is {0}; take from 1 to 8760 hours")]
    Head(u32),
    /// A condition does not compile.
    #[error("queue rules, pin `{reason}`: {message}")]
    Pin {
        /// Its reason.
        reason: String,
        /// What is wrong.
        message: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    head_within_h: u32,
    #[serde(default)]
    pins: Vec<Pin>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pin {
    reason: String,
    when: String,
}

impl QueueRules {
    /// Reads and checks queue rules.
    ///
    /// # Errors
    /// [`QueueRulesError`].
    pub fn load(text: &str) -> Result<Self, QueueRulesError> {
        let Document { head_within_h, pins } = toml::from_str(text)?;
        if !(1..=8760).contains(&head_within_h) {
            return Err(QueueRulesError::Head(head_within_h));
        }
        let compile = |Pin { reason, when }: Pin| match Expression::compile(&when) {
            Ok(when) => Ok((reason, when)),
            Err(error) => Err(QueueRulesError::Pin { reason, message: error.to_string() }),
        };
        let pins = pins.into_iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { head_within_h, pins, digest: digest::hex_of_bytes(text.as_bytes()) })
    }

    /// Hours after which a case stands before all but pins and older cases.
    #[must_use]
    pub fn head_within_h(&self) -> u32 {
        self.head_within_h
    }

    /// SHA-256 of the text.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    fn options(&self) -> QueueOptions {
        QueueOptions { waited_minutes_max: f64::from(self.head_within_h) * 60.0 }
    }

    fn pin(&self, ranked: &RankedCase, of: &Standing<'_>) -> Option<&str> {
        if self.pins.is_empty() {
            return None;
        }
        let scope = Scope::new()
            .with("facts", of.facts)
            .with("category", &ranked.category)
            .with("attributes", &Recorded(of.attributes));
        let holds = |when: &Expression| when.truth(&scope).unwrap_or(false);
        self.pins.iter().find(|(_, when)| holds(when)).map(|(reason, _)| reason.as_str())
    }
}

/// What a place rests on beside the ranking.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "names say it")]
pub struct Standing<'a> {
    pub facts: &'a Facts,
    pub attributes: &'a Map<String, Value>,
    /// Since when it waits.
    pub since: Timestamp,
}

/// The place of a ranked case.
#[must_use]
pub fn place(rules: &QueueRules, catalogue: &Catalogue, ranked: &RankedCase, of: Standing<'_>) -> QueuePlace {
    let now = of.facts.now;
    let minutes = ranked.first().map_or(0.0, |candidate| catalogue.entry(candidate.action).spec.effort_min);
    let minutes = minutes.max(ranking::EFFORT_MINUTES_MIN);
    let left = ranked.latest_useful_at.map(|latest| latest.duration_since(now)).filter(|left| !left.is_negative());
    let pin = rules.pin(ranked, &of);
    let waiting = Waiting {
        value: ranked.value,
        effort_minutes: minutes,
        waited_minutes: now.duration_since(of.since).as_secs_f64().max(0.0) / 60.0,
        useful_minutes: left.map(|left| left.as_secs_f64() / 60.0),
        pinned: pin.is_some(),
    };
    let rank = match ranking::rank(&waiting, &rules.options()) {
        Rank::Pinned => QueueRank::Pinned,
        Rank::Aged => QueueRank::Aged,
        Rank::Worth => QueueRank::Worth,
        Rank::Lost => QueueRank::Lost,
    };
    let per_minute = ranking::per_minute(waiting.value, minutes);
    QueuePlace {
        rank,
        why: why(rank, pin, rules.head_within_h, waiting.value),
        value: waiting.value,
        minutes,
        per_minute,
        waited_h: waiting.waited_minutes / 60.0,
        head_within_h: f64::from(rules.head_within_h),
        useful_min: waiting.useful_minutes,
        key: QueuePlace::key_of(rank, per_minute, of.since),
    }
}

fn why(rank: QueueRank, pin: Option<&str>, head_within_h: u32, value: f64) -> String {
    match rank {
        QueueRank::Pinned => pin.unwrap_or_default().to_owned(),
        QueueRank::Aged => format!("it has waited for more than {head_within_h} hours"),
        QueueRank::Worth => "by what a minute of an approver saves".to_owned(),
        QueueRank::Lost if value > 0.0 => "less time is left than its best action takes".to_owned(),
        QueueRank::Lost => "no action saves anything against doing nothing".to_owned(),
    }
}

/// When the place changes by the clock alone: it has waited long enough, or its best action no longer helps.
#[must_use]
pub fn changes_at(rules: &QueueRules, ranked: &RankedCase, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let aged = since.checked_add(SignedDuration::from_hours(i64::from(rules.head_within_h))).ok();
    let moments = [aged, ranked.latest_useful_at].into_iter().flatten();
    // A second later both have passed for sure.
    moments.filter(|at| *at >= now).min().and_then(|at| at.checked_add(SignedDuration::from_secs(1)).ok())
}

/// Puts cases that have their places in the queue's order.
pub fn sort(rules: &QueueRules, cases: Vec<RankedCase>) -> Vec<RankedCase> {
    let mut cases = cases;
    cases.sort_by(|a, b| (a.case_id, &a.reference).cmp(&(b.case_id, &b.reference)));
    let order = ranking::order(&waiting(&cases), &rules.options());
    let mut cases: Vec<Option<RankedCase>> = cases.into_iter().map(Some).collect();
    order.into_iter().filter_map(|index| cases.get_mut(index).and_then(Option::take)).collect()
}

/// What a shift of so many minutes does of cases in the queue's order.
#[must_use]
pub fn plan(rules: &QueueRules, cases: &[RankedCase], capacity_minutes: f64) -> ShiftPlan {
    let plan = ranking::plan(&waiting(cases), capacity_minutes, &rules.options());
    let mut begins = 0.0;
    let mut handled = Vec::with_capacity(plan.handled.len());
    for case in plan.handled.iter().filter_map(|index| cases.get(*index)) {
        let planned = planned(case, Some(begins), None);
        begins += planned.minutes;
        handled.push(planned);
    }
    let left = plan.left.iter().filter_map(|index| cases.get(*index));
    let left = left.map(|case| planned(case, None, Some((capacity_minutes - plan.minutes).max(0.0)))).collect();
    ShiftPlan { capacity_minutes, minutes: plan.minutes, saves: plan.saved, forgone: plan.forgone, handled, left }
}

fn planned(case: &RankedCase, begins_after_min: Option<f64>, over: Option<f64>) -> PlannedCase {
    let minutes = case.queue.as_ref().map_or(ranking::EFFORT_MINUTES_MIN, |place| place.minutes);
    let said = case.queue.as_ref().map(|place| place.why.clone()).unwrap_or_default();
    let lost = case.queue.as_ref().is_none_or(|place| place.rank == QueueRank::Lost);
    let why = match over {
        Some(over) if !lost && minutes > over => format!("it takes {minutes:.0} minutes and {over:.0} are left over"),
        Some(_) if !lost => "its turn comes after its latest useful time".to_owned(),
        _ => said,
    };
    PlannedCase {
        case_id: case.case_id,
        reference: case.reference.clone(),
        action: case.first().map(|candidate| candidate.action),
        minutes,
        saves: case.value,
        begins_after_min,
        latest_useful_at: case.latest_useful_at,
        why,
    }
}

fn waiting(cases: &[RankedCase]) -> Vec<Waiting> {
    let of = |case: &RankedCase| {
        let place = case.queue.as_ref();
        Waiting {
            value: case.value,
            effort_minutes: place.map_or(ranking::EFFORT_MINUTES_MIN, |place| place.minutes),
            waited_minutes: place.map_or(0.0, |place| place.waited_h * 60.0),
            useful_minutes: place.and_then(|place| place.useful_min),
            pinned: place.is_some_and(|place| place.rank == QueueRank::Pinned),
        }
    };
    cases.iter().map(of).collect()
}
