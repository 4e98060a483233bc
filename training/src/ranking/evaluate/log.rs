//! What a policy is judged on: decisions that were taken, what came of them, and what the policy would have done.
//!
//! Guarantees: a [`Log`] can only be had checked: every probability lies between 0 and 1, those of a decision sum to 1,
//! every reward is finite, the action taken is one of the candidates and could have been taken.
//!
//! Non-goals: where decisions come from; how the target policy was learned. A target that was learned from these rows
//! flatters itself whatever the estimator.

/// Probabilities of one decision may miss 1 by this much: they are often stored with few digits.
const SUM_TOLERANCE: f64 = 1e-4;

/// One decision that was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// Index, among the candidates, of the action taken.
    pub taken: usize,
    /// What came of it; more is better, so costs are given negative. One unit throughout a log.
    pub reward: f64,
    /// The probability with which that action was taken; none where nobody wrote it down.
    pub propensity: Option<f64>,
    /// The logging policy's probability of each candidate; empty where only that of the action taken is known.
    pub behaviour: Vec<f64>,
}

/// Rows or probabilities cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LogError {
    /// No rows, or not one target for each.
    #[error("there are {rows} decisions and {found} {what}: give one for each, and at least one decision")]
    Length {
        /// Decisions.
        rows: usize,
        /// `target policies` or `reward estimates`.
        what: &'static str,
        /// How many there are.
        found: usize,
    },
    /// The action taken is no candidate, or one list is longer than the other.
    #[error("decision {row} has {expected} candidates and {found} {what}: give one for each candidate")]
    Candidates {
        /// Index of the decision.
        row: usize,
        /// `probabilities of the logging policy` or `reward estimates`.
        what: &'static str,
        /// Candidates by the target policy.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The action taken is not among the candidates.
    #[error("decision {row} took action {taken} of {candidates} candidates: count candidates from 0")]
    Taken {
        /// Index of the decision.
        row: usize,
        /// The index given.
        taken: usize,
        /// Candidates.
        candidates: usize,
    },
    /// A reward or an estimate that is not a number.
    #[error("the {what} of decision {row} is {value}: give a finite number")]
    NotFinite {
        /// Index of the decision.
        row: usize,
        /// `reward` or `reward estimate`.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// The action taken had no chance of being taken.
    #[error("decision {row} was taken with probability {value}: give a number above 0 and at most 1")]
    Propensity {
        /// Index of the decision.
        row: usize,
        /// Its value.
        value: f64,
    },
    /// Probabilities of a decision that are none.
    #[error("the {what} of decision {row} sum to {sum}: give numbers from 0 to 1 that sum to 1")]
    Probabilities {
        /// Index of the decision.
        row: usize,
        /// `target policy` or `logging policy`.
        what: &'static str,
        /// Their sum; NaN when one of them is out of range.
        sum: f64,
    },
}

/// Checked decisions and a target policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    rows: Vec<Logged>,
    target: Vec<Vec<f64>>,
    /// Target over logging probability of the actions taken; none unless every propensity is known.
    weights: Option<Vec<f64>>,
}

impl Log {
    /// Checks `rows` and `target`, the policy's probability of each candidate of each decision (rows × candidates; the
    /// number of candidates may differ between decisions).
    ///
    /// # Errors
    /// [`LogError`], naming the decision.
    pub fn new(rows: Vec<Logged>, target: Vec<Vec<f64>>) -> Result<Log, LogError> {
        if rows.is_empty() || rows.len() != target.len() {
            return Err(LogError::Length { rows: rows.len(), what: "target policies", found: target.len() });
        }
        for (row, (logged, target)) in rows.iter().zip(&target).enumerate() {
            check(row, logged, target)?;
        }
        let weight = |(logged, target): (&Logged, &Vec<f64>)| {
            let wanted = target.get(logged.taken).copied().unwrap_or_default();
            logged.propensity.map(|propensity| wanted / propensity)
        };
        let weights = rows.iter().zip(&target).map(weight).collect();
        Ok(Log { rows, target, weights })
    }

    /// The same decisions under another policy.
    ///
    /// # Errors
    /// As [`Log::new`].
    pub fn with_target(&self, target: Vec<Vec<f64>>) -> Result<Log, LogError> {
        Log::new(self.rows.clone(), target)
    }

    /// The number of decisions.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Never: a log has at least one decision.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The decisions.
    pub fn rows(&self) -> &[Logged] {
        &self.rows
    }

    /// The target policy's probabilities: rows × candidates.
    pub fn target(&self) -> &[Vec<f64>] {
        &self.target
    }

    /// Target over logging probability of each action taken; none when a propensity is missing.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// Decisions without a propensity.
    pub fn without_propensity(&self) -> usize {
        self.rows.iter().filter(|row| row.propensity.is_none()).count()
    }

    /// The share of the target policy's choices that the logging policy never makes, where that is known: the mean over
    /// decisions that tell all logging probabilities; 0 when none does.
    pub fn unsupported_mass(&self) -> f64 {
        let (mut mass, mut told) = (0.0, 0.0);
        for (logged, target) in self.rows.iter().zip(&self.target).filter(|(logged, _)| !logged.behaviour.is_empty()) {
            told += 1.0;
            let never = target.iter().zip(&logged.behaviour).filter(|(_, behaviour)| **behaviour <= 0.0);
            mass += never.map(|(target, _)| target).sum::<f64>();
        }
        if told > 0.0 { mass / told } else { 0.0 }
    }

    /// Checks that there is one finite estimate for every candidate of every decision.
    pub(crate) fn check_estimates(&self, estimates: &[Vec<f64>]) -> Result<(), LogError> {
        if estimates.len() != self.rows.len() {
            return Err(LogError::Length { rows: self.len(), what: "reward estimates", found: estimates.len() });
        }
        for (row, (estimates, target)) in estimates.iter().zip(&self.target).enumerate() {
            let (expected, found) = (target.len(), estimates.len());
            if expected != found {
                return Err(LogError::Candidates { row, what: "reward estimates", expected, found });
            }
            if let Some(&value) = estimates.iter().find(|value| !value.is_finite()) {
                return Err(LogError::NotFinite { row, what: "reward estimate", value });
            }
        }
        Ok(())
    }
}

fn check(row: usize, logged: &Logged, target: &[f64]) -> Result<(), LogError> {
    let candidates = target.len();
    if logged.taken >= candidates {
        return Err(LogError::Taken { row, taken: logged.taken, candidates });
    }
    if !logged.reward.is_finite() {
        return Err(LogError::NotFinite { row, what: "reward", value: logged.reward });
    }
    if let Some(value) = logged.propensity
        && !(value > 0.0 && value <= 1.0)
    {
        return Err(LogError::Propensity { row, value });
    }
    check_probabilities(row, "target policy", target)?;
    if logged.behaviour.is_empty() {
        return Ok(());
    }
    if logged.behaviour.len() != candidates {
        let found = logged.behaviour.len();
        return Err(LogError::Candidates {
            row,
            what: "probabilities of the logging policy",
            expected: candidates,
            found,
        });
    }
    check_probabilities(row, "logging policy", &logged.behaviour)
}

fn check_probabilities(row: usize, what: &'static str, probabilities: &[f64]) -> Result<(), LogError> {
    let in_range = probabilities.iter().all(|p| (0.0..=1.0).contains(p));
    let sum = if in_range { probabilities.iter().sum() } else { f64::NAN };
    let ok = (sum - 1.0).abs() <= SUM_TOLERANCE;
    if ok { Ok(()) } else { Err(LogError::Probabilities { row, what, sum }) }
}
