//! From scores to a recommendation, or to every reason why there is none.
//!
//! What the catalogue believes is the playbook: it is recommended from the first day, unless its gain drowns in its own doubt,
//! nothing that answers the trouble is allowed, or a critical feature is missing. Who claims to have learned a number has more
//! to show: cases of the action in the category or among the nearest, and a case that is like those it learned from.
//!
//! Guarantees: the rules are those of the learning library ([`holdfast_training::ranking::choose`]), which were measured on
//! simulated cases; pure. Non-goals: the scores, see `outlook`.

use holdfast_training::ranking::archive::Novelty;
use holdfast_training::ranking::choose::{self, Abstention, ChooseOptions};
use holdfast_training::ranking::cost::Score as Learned;

use super::rank::{Basis, Known, can_miss};
use crate::domain::action::{ActionKind, Candidate, Score};
use crate::domain::case::Category;
use crate::domain::decision::{Evidence, Withheld};
use crate::flow::assess::features;
use crate::flow::facts::Facts;

/// Features without which nothing is recommended, and whether they matter only while the date can be missed.
const CRITICAL: [(&str, bool); 2] = [("slack_h", true), ("value_log", false)];

/// An order of the allowed actions.
pub(super) struct Choice {
    /// The cheapest first.
    pub(super) actions: Vec<Candidate>,
    /// What the first saves over doing nothing.
    pub(super) value: f64,
    /// The same per minute of people's time.
    pub(super) priority: f64,
    /// Why the first is not recommended.
    pub(super) withheld: Vec<Withheld>,
}

/// How far the case lies from what was resolved: beyond all bounds where the archive could not be asked. `None` where nobody
/// can say what is usual.
fn novelty(basis: &Basis<'_>, category: Category, evidence: Option<&Evidence>) -> Option<Novelty> {
    let usual = basis.effect.as_ref()?.usual_distance(category)?;
    let distance = evidence.and_then(|found| found.distance).unwrap_or(f64::INFINITY);
    Some(Novelty { distance, usual })
}

/// Orders allowed candidates, which have scores; `learned` says that these were learned and not believed.
pub(super) fn choose(
    basis: &Basis<'_>,
    (category, allowed): (Category, Vec<Candidate>),
    (facts, known): (&Facts, Known<'_>),
    learned: bool,
) -> Choice {
    let scores: Vec<Learned> = allowed
        .iter()
        .enumerate()
        .filter_map(|(at, candidate)| Some(score(basis, known.evidence, (at, candidate), candidate.score?)))
        .collect();
    let idle = allowed.iter().position(|candidate| candidate.action == ActionKind::DoNothing);
    let missing = known.features.map(|row| missing(row, can_miss(facts))).unwrap_or_default();
    let usual = ChooseOptions::default();
    let options = if learned { usual } else { ChooseOptions { support_min: 0, ..usual } };
    let novelty = novelty(basis, category, known.evidence).filter(|_| learned);
    let choice = choose::choose(&scores, idle, novelty, missing, &options);
    let mut withheld: Vec<Withheld> = choice.abstentions.into_iter().map(Withheld::from).collect();
    // What answers any trouble (telling, asking, waiting) mends none.
    let answers = |candidate: &Candidate| !basis.catalogue.entry(candidate.action).spec.categories.is_empty();
    if !withheld.contains(&Withheld::NoAllowedAction) && !allowed.iter().any(answers) {
        withheld.insert(0, Withheld::NoAllowedAction);
    }
    let mut allowed: Vec<Option<Candidate>> = allowed.into_iter().map(Some).collect();
    let actions = choice.order.into_iter().filter_map(|at| allowed.get_mut(at)?.take()).collect();
    Choice { actions, value: choice.value, priority: choice.value_per_minute, withheld }
}

/// A score in the library's words. The nearest cases support what they are more of than it was learned from.
fn score(
    basis: &Basis<'_>,
    evidence: Option<&Evidence>,
    (at, candidate): (usize, &Candidate),
    score: Score,
) -> Learned {
    let found = evidence.and_then(|found| found.of(candidate.action));
    Learned {
        action: at,
        quote: score.quote,
        miss: score.miss_probability,
        penalty: score.penalty,
        residual: score.residual,
        cost: score.expected_cost,
        deviation: score.deviation,
        effort_minutes: basis.catalogue.entry(candidate.action).spec.effort_min,
        support: usize::try_from(score.support).unwrap_or(usize::MAX).max(found.map_or(0, |found| found.cases)),
    }
}

/// Names of critical features that are not known.
fn missing(row: &[serde_json::Value], can_miss: bool) -> Vec<String> {
    let schema = features::schema();
    let unknown = |name: &str| {
        let at = schema.iter().position(|spec| spec.name == name);
        at.and_then(|at| row.get(at)).is_none_or(serde_json::Value::is_null)
    };
    let critical = CRITICAL.iter().filter(|(_, dated)| can_miss || !dated).map(|(name, _)| *name);
    critical.filter(|name| unknown(name)).map(str::to_owned).collect()
}

impl From<Abstention> for Withheld {
    fn from(abstention: Abstention) -> Self {
        match abstention {
            Abstention::NoAllowedAction => Self::NoAllowedAction,
            Abstention::MissingCritical { feature } => {
                let label = features::label(&feature).to_owned();
                Self::MissingCritical { feature, label }
            }
            Abstention::Novel { distance, usual } => {
                Self::Novel { distance: distance.is_finite().then_some(distance), usual }
            }
            Abstention::LittleSupport { cases, needed } => Self::LittleSupport { cases, needed },
            Abstention::GainInNoise { gain, noise } => Self::GainInNoise { gain, noise },
        }
    }
}
