//! What another ranking would have been worth, by the decision log and what came of it.
//!
//! Guarantees: one row for each case, its last decision before anything was done or known; both rankings are computed from
//! the recorded facts, features and risk, never from later ones; a ranking that withholds counts as the head of its
//! playbook, and a case on which the log withheld is no row, because nobody knows how likely anything was; costs that nobody measured (people's minutes, the harm of
//! the condition itself) are the recorded estimates of what was done. Non-goals: promoting; what the log cannot support is
//! refused by the judge.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::action::{ActionKind, Candidate};
use crate::domain::case::Category;
use crate::domain::decision::{Decision, RankedCase};
use crate::domain::ids::CaseId;
use crate::domain::proposal::ProposalState;
use crate::flow::decide::log;
use crate::flow::decide::prioritize;
use crate::flow::decide::rank::Basis;
use crate::flow::{FlowError, Services};
use crate::ports::policy_value::{LogUnusable, Logged, PolicyJudge, PolicyValue, PolicyVerdict};
use crate::ports::store::Transaction;
use crate::ports::store::proposals::ProposalFilter;
use crate::ports::tabular::EffectModel;

/// The code of the conflict when no judgement can be had of the log.
pub const UNUSABLE: &str = "log-unusable";

/// Proposals of one case that are looked through.
const PROPOSALS_MAX: u32 = 200;

/// What counts as taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Taken {
    /// What was recommended, with the probability that was logged; what people then made of it is part of what came of it.
    #[default]
    Recommended,
    /// What was carried out. Nobody knows with which probability people choose, so only the direct method can answer.
    CarriedOut,
}

/// A decision on one case whose outcome is known.
struct Known {
    decision: Arc<Decision>,
    place: usize,
    done: ActionKind,
    missed: bool,
}

/// The decisions whose outcome is known, one for each case: read once, asked as often as there are questions.
pub struct PastDecisions(Vec<Known>);

impl PastDecisions {
    /// Those from `since` on.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn read(services: &Services, since: Option<Timestamp>) -> Result<Self, FlowError> {
        Ok(Self(known(services.store.read().await?.as_mut(), since).await?))
    }

    /// The value of ranking by `effect` (none: by what the catalogue believes).
    ///
    /// # Errors
    /// [`FlowError::Conflict`] with code `log-unusable`, as when no outcome is known.
    pub async fn value(
        &self,
        services: &Services,
        effect: Option<Arc<dyn EffectModel>>,
        taken: Taken,
    ) -> Result<PolicyValue, FlowError> {
        let basis = Basis { effect, ..Basis::of(services) };
        let log: Vec<Logged> = self.0.iter().filter_map(|known| logged(known, taken, &basis, None)).collect();
        judged(services, move |judge| judge.value(&log)).await
    }

    /// Whether ranking by `candidate` may take the place of ranking by `incumbent` (none: by what the catalogue believes):
    /// the lower bound of its gain, agreement of estimators, what it promises, every category and its calibration, each as a
    /// check. What the log cannot support does not pass.
    ///
    /// # Errors
    /// As [`PastDecisions::value`].
    pub async fn verdict(
        &self,
        services: &Services,
        candidate: Arc<dyn EffectModel>,
        incumbent: Option<Arc<dyn EffectModel>>,
    ) -> Result<PolicyVerdict, FlowError> {
        let of = |effect| Basis { effect, ..Basis::of(services) };
        let (candidate, incumbent) = (of(Some(candidate)), of(incumbent));
        let row = |known: &Known| logged(known, Taken::Recommended, &candidate, Some(&incumbent));
        let log: Vec<Logged> = self.0.iter().filter_map(row).collect();
        judged(services, move |judge| judge.gate(&log)).await
    }
}

/// Asks the judge. Learning the rewards of a long log takes seconds, in which the service goes on with other work.
async fn judged<T: Send + 'static>(
    services: &Services,
    work: impl FnOnce(&dyn PolicyJudge) -> Result<T, LogUnusable> + Send + 'static,
) -> Result<T, FlowError> {
    let judge = Arc::clone(&services.judge);
    let done = tokio::task::spawn_blocking(move || work(&*judge)).await;
    let done = done.unwrap_or_else(|broken| Err(LogUnusable(format!("judging broke off: {broken}"))));
    done.map_err(|error| FlowError::Conflict {
        code: UNUSABLE,
        message: error.to_string(),
        detail: serde_json::Value::Null,
    })
}

/// The last decision on each case before its outcome and before what was done, with both.
async fn known(tx: &mut dyn Transaction, since: Option<Timestamp>) -> Result<Vec<Known>, FlowError> {
    let mut last: BTreeMap<CaseId, Known> = BTreeMap::new();
    for id in tx.decision_ids().await? {
        let Some(decision) = tx.decision(id).await?.map(Arc::new) else { continue };
        if since.is_some_and(|since| decision.as_of < since) {
            continue;
        }
        for (place, ranked) in decision.output.iter().enumerate() {
            let Some(case_id) = ranked.case_id.filter(|_| ranked.choice.is_some()) else { continue };
            if last.get(&case_id).is_some_and(|other| other.decision.as_of >= decision.as_of) {
                continue;
            }
            let outcomes = log::outcomes(tx, decision.as_of, ranked).await?;
            if outcomes.is_empty() {
                continue;
            }
            let Some(done) = done(tx, case_id, decision.as_of).await? else { continue };
            let missed = outcomes.iter().any(|outcome| outcome.missed);
            last.insert(case_id, Known { decision: Arc::clone(&decision), place, done, missed });
        }
    }
    Ok(last.into_values().collect())
}

/// What was carried out on a case after a decision, nothing included; `None` when something had been before it.
async fn done(tx: &mut dyn Transaction, case_id: CaseId, as_of: Timestamp) -> Result<Option<ActionKind>, FlowError> {
    let filter = ProposalFilter { case_id: Some(case_id), state: Some("succeeded".to_owned()) };
    let mut done = ActionKind::DoNothing;
    // Newest first, so the last that is looked at is the first that was done.
    for proposal in tx.list_proposals(&filter, None, PROPOSALS_MAX).await? {
        if matches!(proposal.state, ProposalState::Succeeded { at, .. } if at < as_of) {
            return Ok(None);
        }
        done = proposal.action.kind;
    }
    Ok(Some(done))
}

/// One row of the log; `None` where the record cannot be ranked again.
fn logged(known: &Known, taken: Taken, target: &Basis<'_>, incumbent: Option<&Basis<'_>>) -> Option<Logged> {
    let ranked = known.decision.output.get(known.place)?;
    let choice = ranked.choice.as_ref()?;
    let again = |basis: &Basis<'_>| prioritize::rank_again(&known.decision, ranked, basis);
    let by_target = again(target)?;
    let allowed: Vec<&Candidate> = ranked.actions.iter().filter(|action| action.refused.is_empty()).collect();
    let place = |kind: ActionKind| allowed.iter().position(|candidate| candidate.action == kind);
    let chances = |ranked: &RankedCase| -> Option<Vec<f64>> {
        let best = place(ranked.first()?.action)?;
        Some((0..allowed.len()).map(|at| if at == best { 1.0 } else { 0.0 }).collect())
    };
    let done = place(known.done).or(place(ActionKind::DoNothing))?;
    let (propensity, behaviour, taken) = match taken {
        Taken::Recommended => {
            let behaviour = choice.chances.iter().map(|chance| chance.probability).collect();
            (Some(choice.propensity()), behaviour, place(choice.action)?)
        }
        Taken::CarriedOut => (None, Vec::new(), done),
    };
    let promised = by_target.first()?.score?.expected_cost;
    let believed =
        by_target.actions.iter().find(|candidate| Some(candidate.action) == allowed.get(done).map(|d| d.action));
    Some(Logged {
        category: ranked.category.name().to_owned(),
        taken,
        reward: -cost(allowed.get(done)?, known.missed)?,
        propensity,
        behaviour,
        target: chances(&by_target)?,
        incumbent: match incumbent {
            Some(basis) => chances(&again(basis)?)?,
            None => Vec::new(),
        },
        columns: allowed.iter().map(|candidate| columns(ranked, candidate)).collect(),
        promised: -promised,
        miss: believed.and_then(|candidate| candidate.score).map(|score| (score.miss_probability, known.missed)),
    })
}

/// What a case cost with the action that was carried out.
fn cost(done: &Candidate, missed: bool) -> Option<f64> {
    let score = done.score?;
    Some(score.quote + score.residual + if missed { score.penalty } else { 0.0 })
}

/// What describes a candidate to a model of rewards: all of it was known when the decision was taken.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "columns of a tree")]
fn columns(ranked: &RankedCase, candidate: &Candidate) -> Vec<f32> {
    let category = Category::ALL.iter().position(|category| *category == ranked.category).unwrap_or_default();
    let miss = ranked.risk.as_ref().map_or(-1.0, |risk| risk.miss_probability);
    let score = candidate.score.map_or([0.0; 5], |score| {
        [score.quote, score.miss_probability, score.penalty, score.residual, score.expected_cost]
    });
    let own = [category as f32, candidate.action as usize as f32, candidate.tier as usize as f32, miss as f32];
    own.into_iter().chain(score.map(|value| value as f32)).collect()
}
