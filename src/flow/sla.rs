//! Service targets at work: timers are started with the first assessment, speak at their stages, and end with their case.
//!
//! `case_timer` jobs are the alarm clock; what a timer has reached stands in the case. Guarantees: a stage is recorded,
//! and a breach told, in the transaction that raises it in the case, so once, however often a job runs; a stage that passed
//! while nobody worked is recorded late, with the time at which it was reached. Non-goals: whom to blame.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::actor::Actor;
use crate::domain::calendar::{Calendar, CalendarError, Hours};
use crate::domain::case::{Case, Category};
use crate::domain::ids::{CaseId, JobId};
use crate::domain::job::{JobKind, NewJob};
use crate::domain::sla::{BREACH, Pace, SlaTimer};
use crate::flow::FlowError;
use crate::flow::cases::subject;
use crate::flow::execute::emit::emit;
use crate::flow::services::{Ctx, Services};
use crate::in_transaction;
use crate::ports::store::Transaction;

/// The targets and calendars that are built in.
pub const BUILT_IN: &str = include_str!("service_levels.toml");

/// Attempts of an alarm: it only reads and writes the store.
const ATTEMPTS_MAX: u32 = 10;

/// Longest target: a working year.
const TARGET_H_MAX: f64 = 2000.0;

/// Targets by category and calendars by team.
#[derive(Debug)]
pub struct ServiceLevels {
    version: String,
    targets_min: BTreeMap<Category, u32>,
    calendar: Calendar,
    teams: BTreeMap<String, Calendar>,
}

/// What is wrong with service levels.
#[derive(Debug, thiserror::Error)]
pub enum ServiceLevelsError {
    /// They are no service levels at all.
    #[error("the service levels cannot be read: {0}")]
    Toml(#[from] toml::de::Error),
    /// A category without a target, or with a strange one.
    #[error("service levels, `targets_h.{category}`: {message}")]
    Target {
        /// The category.
        category: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A calendar that cannot be counted with.
    #[error("service levels, `{name}`: {source}")]
    Calendar {
        /// Where it stands.
        name: String,
        /// What is wrong.
        source: CalendarError,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: String,
    targets_h: BTreeMap<Category, f64>,
    calendar: TeamHours,
    #[serde(default)]
    teams: BTreeMap<String, TeamHours>,
}

#[derive(Deserialize)]
struct TeamHours {
    time_zone: String,
    #[serde(flatten)]
    hours: Hours,
}

/// How a case stands against its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SlaStatus {
    /// Open minutes that the team has.
    pub target_min: i64,
    /// Open minutes left; negative once it is breached.
    pub left_min: i64,
    /// Whether it stands still.
    pub paused: bool,
    /// When it is breached if it goes on running; `None` while it is paused, over, or breached already.
    pub breaches_at: Option<Timestamp>,
    /// When it was breached.
    pub breached_at: Option<Timestamp>,
}

impl ServiceLevels {
    /// Reads and checks service levels.
    ///
    /// # Errors
    /// [`ServiceLevelsError`].
    pub fn load(text: &str) -> Result<Self, ServiceLevelsError> {
        let Document { version, targets_h, calendar, teams } = toml::from_str(text)?;
        let target = |category: Category| {
            let error = |message: String| ServiceLevelsError::Target { category: category.name(), message };
            let hours = targets_h.get(&category).ok_or_else(|| error("is missing".to_owned()))?;
            if !(1.0 / 60.0..=TARGET_H_MAX).contains(hours) {
                return Err(error(format!("{hours} is not from a minute to {TARGET_H_MAX} hours")));
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded above")]
            let minutes = (hours * 60.0).round() as u32;
            Ok((category, minutes))
        };
        let compile = |name: String, of: &TeamHours| match Calendar::new(&of.time_zone, &of.hours) {
            Ok(calendar) => Ok(calendar),
            Err(source) => Err(ServiceLevelsError::Calendar { name, source }),
        };
        let team = |(name, hours): (String, TeamHours)| Ok((name.clone(), compile(format!("teams.{name}"), &hours)?));
        Ok(Self {
            targets_min: Category::ALL.into_iter().map(target).collect::<Result<_, ServiceLevelsError>>()?,
            calendar: compile("calendar".to_owned(), &calendar)?,
            teams: teams.into_iter().map(team).collect::<Result<_, ServiceLevelsError>>()?,
            version,
        })
    }

    /// The hours of a team.
    #[must_use]
    pub fn calendar(&self, team: &str) -> &Calendar {
        self.teams.get(team).unwrap_or(&self.calendar)
    }

    /// How a case stands at `now`; `None` before its timer is started.
    #[must_use]
    pub fn status(&self, case: &Case, now: Timestamp) -> Option<SlaStatus> {
        let timer = case.sla.as_ref()?;
        let calendar = self.calendar(&timer.team);
        let left = timer.target() - timer.used(calendar, now);
        Some(SlaStatus {
            target_min: i64::from(timer.target_min),
            left_min: left.as_mins(),
            paused: case.state.is_open() && timer.running_since().is_none(),
            breaches_at: timer.ahead(calendar).find(|(stage, _)| *stage == BREACH).map(|(_, at)| at),
            breached_at: timer.breached_at,
        })
    }

    fn start(&self, case: &Case) -> SlaTimer {
        let target = self.targets_min.get(&case.key.category).copied().unwrap_or_default();
        let timer = SlaTimer::started(target, &case.owner, &self.version, case.opened_at);
        match case.state.pace() {
            Pace::Running => timer,
            pace => timer.after(pace, case.updated_at),
        }
    }
}

/// Starts the timer of a case that has none, and sets its alarm; the caller writes the case.
///
/// # Errors
/// [`FlowError::Store`].
pub(super) async fn start(
    levels: &ServiceLevels,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    case: &mut Case,
) -> Result<(), FlowError> {
    if case.sla.is_some() {
        return Ok(());
    }
    let timer = levels.start(case);
    let detail = json!({ "target_min": timer.target_min, "team": timer.team, "version": timer.version, "since": case.opened_at });
    tx.append_audit(ctx.audit("sla.started", subject(case.id), detail)).await?;
    case.sla = Some(timer);
    alarm(tx, ctx, case.id, "start".to_owned(), ctx.now).await
}

/// Has the timer of a case looked at now, because its pace changed.
///
/// # Errors
/// [`FlowError::Store`].
pub(super) async fn look(tx: &mut dyn Transaction, ctx: &Ctx<'_>, case: &Case) -> Result<(), FlowError> {
    alarm(tx, ctx, case.id, case.version.to_string(), ctx.now).await
}

/// Records the stages that a case's timer has reached by `now`, tells of a breach, and sets the next alarm: the job
/// `case_timer`.
///
/// # Errors
/// [`FlowError`].
pub async fn timer(services: &Services, id: CaseId, now: Timestamp) -> Result<(), FlowError> {
    let ctx = Ctx { now, entropy: &*services.entropy, actor: Actor::System };
    in_transaction!(services.store, |tx| ring(&services.service_levels, tx.as_mut(), &ctx, id).await)
}

async fn ring(levels: &ServiceLevels, tx: &mut dyn Transaction, ctx: &Ctx<'_>, id: CaseId) -> Result<(), FlowError> {
    let Some(mut case) = tx.case(id).await? else { return Ok(()) };
    let Some(timer) = case.sla.clone().filter(|_| case.state.is_open()) else { return Ok(()) };
    let (reached, ahead): (Vec<_>, Vec<_>) =
        timer.ahead(levels.calendar(&timer.team)).partition(|(_, at)| *at <= ctx.now);
    if !reached.is_empty() {
        case.sla = Some(reached.iter().fold(timer, |timer, (stage, at)| timer.reaching(*stage, *at)));
        case = tx.update_case(&case).await?;
        for (stage, at) in reached {
            record(tx, ctx, &case, stage, at).await?;
        }
    }
    match ahead.first() {
        Some((stage, at)) => alarm(tx, ctx, id, stage.to_string(), *at).await,
        None => Ok(()),
    }
}

async fn record(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    case: &Case,
    stage: u8,
    at: Timestamp,
) -> Result<(), FlowError> {
    let action = if stage == BREACH { "sla.breached" } else { "sla.warned" };
    let detail = json!({ "percent": stage, "reached_at": at });
    tx.append_audit(ctx.audit(action, subject(case.id), detail)).await?;
    if stage == BREACH {
        emit(tx, ctx, "sla.breached.v1", &subject(case.id), told(case, at)).await?;
    }
    Ok(())
}

/// What subscribers are told of a breach.
fn told(case: &Case, at: Timestamp) -> Value {
    json!({
        "case_id": case.id,
        "order_id": case.key.order_id,
        "line_no": case.key.line_no,
        "category": case.key.category,
        "owner": case.owner,
        "assignee": case.assignee,
        "target_min": case.sla.as_ref().map(|timer| timer.target_min),
        "breached_at": at,
    })
}

/// Sets an alarm; one of the same purpose and time that is not done yet is enough.
async fn alarm(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    id: CaseId,
    purpose: String,
    at: Timestamp,
) -> Result<(), FlowError> {
    let job = NewJob {
        id: JobId::new(ctx.now, ctx.entropy),
        kind: JobKind::CaseTimer,
        topic: String::new(),
        pull: false,
        payload: json!({ "case_id": id }),
        run_at: at,
        dedupe: Some(format!("sla:{id}:{purpose}:{at}")),
        proposal_id: None,
        attempts_max: ATTEMPTS_MAX,
    };
    tx.enqueue(&job).await?;
    Ok(())
}
