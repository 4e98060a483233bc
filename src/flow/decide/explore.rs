//! Bounded exploration under approval: now and then a near-tie is recommended instead of the best, so that a later policy
//! can be judged by what came of it.
//!
//! Off by default. Explored is only among allowed, reversible actions of the best one's approval tier whose expected cost
//! lies at most `tie_cost` above it, for a `share` of the cases, on at most `per_day` cases a day over all instances. An
//! explored recommendation is approved like any other, and whoever approves it sees that it was explored.
//!
//! Guarantees: [`choose`] is a pure function of the ranking and of what [`Exploration`] records, so a replay draws the same;
//! a case draws the same all day; the chances of a choice sum to 1; with nothing left of the day's cap the best is certain.
//! Non-goals: learning while serving; a better learner asks for nothing more than the logged chances.

use std::collections::BTreeSet;

use super::catalogue::Catalogue;
use crate::domain::action::{ActionKind, Candidate};
use crate::domain::choice::{Chance, Choice, Exploration};
use crate::domain::decision::RankedCase;
use crate::domain::digest;
use crate::flow::FlowError;
use crate::flow::cases;
use crate::flow::services::{Ctx, Settings};
use crate::ports::store::Transaction;

/// How much may be explored.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct ExplorationSettings {
    /// Share of the cases with near-ties in which one of these is drawn; 0 never explores.
    pub share: f64,
    /// What the expected cost of an explored action may lie above the best, in the order's currency.
    pub tie_cost: f64,
    /// Most cases explored on one day (UTC); 0 never explores.
    pub per_day: u32,
}

/// What a case is called in the day's count.
#[must_use]
pub fn subject(case: &RankedCase) -> String {
    match (case.case_id, &case.reference) {
        (Some(id), _) => cases::subject(id),
        (None, reference) => format!("inline:{}", reference.as_deref().unwrap_or_default()),
    }
}

/// What draws on these cases hang on now; none where exploration is off. The first of a day takes its random bits.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn basis(
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    settings: &Settings,
    cases: &[RankedCase],
) -> Result<Option<Exploration>, FlowError> {
    let ExplorationSettings { share, tie_cost, per_day } = settings.exploration;
    if share <= 0.0 || per_day == 0 {
        return Ok(None);
    }
    let day = ctx.now.strftime("%F").to_string();
    let entropy = tx.exploration_entropy(&day, &digest::hex(&ctx.entropy.bytes())).await?;
    let explored = tx.explored(&day).await?;
    let asked: BTreeSet<String> = cases.iter().map(subject).collect();
    let left = per_day.saturating_sub(u32::try_from(explored.len()).unwrap_or(u32::MAX));
    let held = explored.into_iter().filter(|subject| asked.contains(subject)).collect();
    Ok(Some(Exploration { day, share, tie_cost, entropy, left, held }))
}

/// Chooses on every case what is recommended, nothing where that is withheld, and returns the cases that are newly explored.
pub fn choose(cases: &mut [RankedCase], exploration: Option<&Exploration>, catalogue: &Catalogue) -> Vec<String> {
    let mut held: BTreeSet<String> = exploration.iter().flat_map(|basis| basis.held.iter().cloned()).collect();
    let mut fresh = Vec::new();
    for case in cases {
        let subject = subject(case);
        // Whether it holds one of the day's places or can still get one.
        let free = |basis: &&Exploration| held.contains(&subject) || fresh.len() < basis.left as usize;
        let basis = exploration.filter(free);
        let actions = if case.withheld.is_empty() { case.actions.as_slice() } else { &[] };
        case.choice = choice(actions, basis, &subject, |kind| catalogue.entry(kind).spec.reversible);
        if case.choice.as_ref().is_some_and(|choice| choice.explored) && held.insert(subject.clone()) {
            fresh.push(subject);
        }
    }
    fresh
}

/// The choice on one case; none without an allowed action.
fn choice(
    actions: &[Candidate],
    basis: Option<&Exploration>,
    subject: &str,
    reversible: impl Fn(ActionKind) -> bool,
) -> Option<Choice> {
    let best = actions.first().filter(|best| best.refused.is_empty())?;
    let tied: Vec<usize> = match basis {
        Some(basis) if reversible(best.action) => {
            let near = |(_, candidate): &(usize, &Candidate)| {
                reversible(candidate.action) && candidate.tier == best.tier && near(best, candidate, basis.tie_cost)
            };
            actions.iter().enumerate().filter(near).map(|(place, _)| place).collect()
        }
        _ => vec![0],
    };
    let share = if tied.len() > 1 { basis.map_or(0.0, |basis| basis.share) } else { 0.0 };
    let drawn = basis.filter(|_| share > 0.0).map_or(0, |basis| draw(basis, subject, share, &tied));
    #[expect(clippy::cast_precision_loss, reason = "a handful of actions")]
    let each = share / tied.len() as f64;
    let chance = |(position, candidate): (usize, &Candidate)| {
        let tied = if tied.contains(&position) { each } else { 0.0 };
        let best = if position == 0 { 1.0 - share } else { 0.0 };
        Chance { action: candidate.action, position, probability: best + tied }
    };
    let allowed = actions.iter().enumerate().filter(|(_, candidate)| candidate.refused.is_empty());
    Some(Choice {
        action: actions.get(drawn)?.action,
        position: drawn,
        explored: drawn != 0,
        chances: allowed.map(chance).collect(),
    })
}

/// Whether an allowed action costs about what the best does.
fn near(best: &Candidate, candidate: &Candidate, tie_cost: f64) -> bool {
    match (best.score, candidate.score) {
        (Some(best), Some(score)) => {
            candidate.refused.is_empty() && score.expected_cost - best.expected_cost <= tie_cost
        }
        _ => false,
    }
}

/// The place that is drawn: the first but in a `share` of the subjects, in which each of the tied is as likely.
fn draw(basis: &Exploration, subject: &str, share: f64, tied: &[usize]) -> usize {
    let place = digest::place_of(&format!("{}:{subject}", basis.entropy));
    if place >= share {
        return 0;
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a handful of actions"
    )]
    let at = (place / share * tied.len() as f64) as usize;
    tied.get(at).copied().unwrap_or(0)
}
