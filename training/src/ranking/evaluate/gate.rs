//! The promotion gate: may a candidate policy take the place of the incumbent?
//!
//! Purpose: a pure function from a log, two policies and what the candidate promises to a list of checks, each with what
//! was found, what was needed and whether it passed. All must pass. It asks six things: does the log cover the
//! candidate; is it better for sure (the lower bound of the paired doubly robust difference); do two estimators that err
//! differently agree; does the candidate flatter itself (its own model's estimate of its value against the doubly
//! robust interval); is it no worse in any category; are its probabilities calibrated.
//!
//! Guarantees: whatever cannot be judged fails, with the reason; nothing passes for want of data.
//!
//! Non-goals: promoting. The service asks a person, who sees these numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::estimate::Estimator;
use super::interval::Mean;
use super::log::{Log, LogError};
use super::pool::pooled;
use super::support::{Support, SupportOptions};
use crate::tabular::reliability::Reliability;

/// What the gate demands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GateOptions {
    /// What the log must have for the candidate.
    pub support: SupportOptions,
    /// Confidence of every bound, such as 0.95.
    pub level: f64,
    /// What the candidate must gain per decision, on the scale of the rewards.
    pub gain_min: f64,
    /// What the candidate's own estimate may exceed the upper end of the doubly robust interval by, as a share of the
    /// doubly robust value.
    pub flattery_max: f64,
    /// What the candidate may lose in a category, as a share of the incumbent's value there.
    pub category_loss_max: f64,
    /// Shrinkage of the weights inside categories: few decisions are there, and a single heavy one would decide.
    pub category_lambda: f64,
    /// Categories with fewer decisions are judged together.
    pub category_rows_min: usize,
    /// Greatest calibration error, debiased.
    pub calibration_error_max: f64,
}

impl Default for GateOptions {
    /// 95 %, any gain, 5 % flattery, 10 % loss in categories of 50 decisions with weights shrunk at 100, calibration
    /// error 0.05.
    fn default() -> GateOptions {
        GateOptions {
            support: SupportOptions::default(),
            level: 0.95,
            gain_min: 0.0,
            flattery_max: 0.05,
            category_loss_max: 0.10,
            category_lambda: 100.0,
            category_rows_min: 50,
            calibration_error_max: 0.05,
        }
    }
}

/// What the gate judges.
#[derive(Debug, Clone, Copy)]
pub struct GateInput<'a> {
    /// The decisions, with the candidate as their target policy.
    pub log: &'a Log,
    /// The incumbent's probabilities of each candidate action (rows × candidates); none when the incumbent is who took
    /// the decisions.
    pub incumbent: Option<&'a [Vec<f64>]>,
    /// Estimated rewards (rows × candidates) from [`super::reward::cross_fit`], not from the candidate's own model.
    pub rewards: &'a [Vec<f64>],
    /// The candidate's own estimate of its value per decision.
    pub own_value: f64,
    /// The category of each decision.
    pub categories: &'a [String],
    /// The candidate's probabilities of a miss under the actions taken, and what happened.
    pub misses: (&'a [f64], &'a [bool]),
}

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// The log covers the candidate.
    Support,
    /// The lower bound of the gain.
    Gain,
    /// Doubly robust and self-normalised inverse propensity estimates agree.
    Agreement,
    /// The candidate's own estimate is not above what the log supports.
    Flattery,
    /// No worse in a category.
    Category,
    /// Probabilities match what happened.
    Calibration,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What it is about.
    pub kind: CheckKind,
    /// The category, or what was measured.
    pub subject: String,
    /// What was found.
    pub found: f64,
    /// The bar.
    pub needed: f64,
    /// Whether it passed.
    pub passed: bool,
    /// The same in words.
    pub words: String,
}

/// The gate's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Whether every check passed.
    pub passed: bool,
    /// All checks, passed or not.
    pub checks: Vec<Check>,
}

impl Gate {
    /// The checks that did not pass.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.passed)
    }
}

/// Judges a candidate; see the module.
///
/// # Errors
/// [`LogError`] when the parts of the input do not fit each other.
pub fn gate(input: &GateInput, options: &GateOptions) -> Result<Gate, LogError> {
    let log = input.log;
    log.check_estimates(input.rewards)?;
    if input.categories.len() != log.len() {
        return Err(LogError::Length { rows: log.len(), what: "categories", found: input.categories.len() });
    }
    let mut checks = vec![support(log, options)];
    let covered = checks.iter().all(|check| check.passed);
    let shrinkage = Estimator::Shrinkage { lambda: options.category_lambda };
    let scores = (scores(input, Estimator::DoublyRobust)?, scores(input, shrinkage)?);
    if let (Some((candidate, incumbent)), Some((shrunk, shrunk_incumbent)), true) = (scores.0, scores.1, covered) {
        let less = |new: &[f64], old: &[f64]| new.iter().zip(old).map(|(new, old)| new - old).collect::<Vec<f64>>();
        let gains = less(&candidate, &incumbent);
        let value = Mean::of(&candidate);
        checks.push(gain(Mean::of(&gains), options));
        checks.push(agreement(input, value, options)?);
        checks.push(flattery(input.own_value, value, options));
        let gains = less(&shrunk, &shrunk_incumbent);
        checks.extend(categories(input.categories, &gains, &shrunk_incumbent, options));
    }
    checks.push(calibration(input.misses, options));
    Ok(Gate { passed: checks.iter().all(|check| check.passed), checks })
}

/// What each decision adds to the estimate, under the candidate and under the incumbent.
type Scores = (Vec<f64>, Vec<f64>);

/// The scores of candidate and incumbent on the same decisions; the logged rewards where the incumbent took them. None
/// without propensities.
fn scores(input: &GateInput, estimator: Estimator) -> Result<Option<Scores>, LogError> {
    let Some(candidate) = estimator.terms(input.log, input.rewards)? else { return Ok(None) };
    let incumbent = match input.incumbent {
        None => input.log.rows().iter().map(|row| row.reward).collect(),
        Some(target) => {
            let log = input.log.with_target(target.to_vec())?;
            match estimator.terms(&log, input.rewards)? {
                Some(terms) => terms.scores(),
                None => return Ok(None),
            }
        }
    };
    Ok(Some((candidate.scores(), incumbent)))
}

fn support(log: &Log, options: &GateOptions) -> Check {
    let needed = options.support.effective_rows_min;
    let check = |found, passed, words| Check {
        kind: CheckKind::Support,
        subject: "effective decisions".into(),
        found,
        needed,
        passed,
        words,
    };
    match Support::of(log) {
        None => check(0.0, false, format!("{} decisions have no propensity", log.without_propensity())),
        Some(support) => match support.judge(log, options.support) {
            Err(refusal) => check(support.effective_rows, false, refusal.to_string()),
            Ok(()) => {
                let words = format!("{} decisions count as {:.0}", support.rows, support.effective_rows);
                check(support.effective_rows, true, words)
            }
        },
    }
}

fn gain(gains: Mean, options: &GateOptions) -> Check {
    let (found, needed) = (gains.lower(options.level), options.gain_min);
    Check {
        kind: CheckKind::Gain,
        subject: "lower bound of the gain".into(),
        found,
        needed,
        passed: found > needed,
        words: format!(
            "gain {:.3} ± {:.3} per decision, at least {found:.3}; more than {needed:.3} is needed",
            gains.value, gains.error
        ),
    }
}

fn agreement(input: &GateInput, value: Mean, options: &GateOptions) -> Result<Check, LogError> {
    let snips = Estimator::Snips.terms(input.log, &[])?.map_or(f64::NAN, |terms| terms.value());
    let (found, needed) = ((value.value - snips).abs(), value.interval(options.level).half());
    Ok(Check {
        kind: CheckKind::Agreement,
        subject: "|DR - SNIPS|".into(),
        found,
        needed,
        passed: found <= needed,
        words: format!("DR {:.3} and SNIPS {snips:.3} differ by {found:.3}; {needed:.3} is allowed", value.value),
    })
}

fn flattery(own: f64, value: Mean, options: &GateOptions) -> Check {
    let needed = value.interval(options.level).high + options.flattery_max * value.value.abs();
    Check {
        kind: CheckKind::Flattery,
        subject: "own estimate".into(),
        found: own,
        needed,
        passed: own <= needed,
        words: format!("it promises {own:.3} and the log supports at most {needed:.3}"),
    }
}

/// Each category of enough decisions, and the others together; their gains are drawn towards each other as far as they are
/// alike, see [`super::pool`]. No correction for their number is needed: the candidate
/// has to pass all of them, which is an intersection-union test (Berger 1982).
fn categories(names: &[String], gains: &[f64], incumbent: &[f64], options: &GateOptions) -> Vec<Check> {
    let mut groups: BTreeMap<&str, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    let mut put = |name, gain, old| {
        let group = groups.entry(name).or_default();
        group.0.push(gain);
        group.1.push(old);
    };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    names.iter().for_each(|name| *counts.entry(name).or_default() += 1);
    for ((name, gain), old) in names.iter().zip(gains).zip(incumbent) {
        let thin = counts.get(name.as_str()).is_none_or(|count| *count < options.category_rows_min);
        put(if thin { "all thin categories" } else { name }, *gain, *old);
    }
    let own: Vec<Mean> = groups.values().map(|(gains, _)| Mean::of(gains)).collect();
    let known = groups.into_iter().zip(&own).zip(pooled(&own));
    let checks = known.map(|(((name, (_, incumbent)), own), gain)| {
        let old = Mean::of(&incumbent);
        let (found, needed) = (gain.lower(options.level), -options.category_loss_max * old.value.abs());
        // One decision has no spread to judge by.
        let passed = gain.rows > 1 && found >= needed;
        let words = format!(
            "{name}: gain {:.3} ± {:.3} on {} decisions, {:.3} ± {:.3} beside the others, at least {found:.3}; {needed:.3} is \
             allowed",
            own.value, own.error, own.rows, gain.value, gain.error
        );
        Check { kind: CheckKind::Category, subject: name.to_owned(), found, needed, passed, words }
    });
    checks.collect()
}

fn calibration((predicted, missed): (&[f64], &[bool]), options: &GateOptions) -> Check {
    let needed = options.calibration_error_max;
    let (found, words) = match Reliability::measure(predicted, missed) {
        Ok(reliability) => (
            reliability.ece_debiased,
            format!(
                "calibration error {:.4} ({:.4} plain, {:.4} by chance alone); {needed:.4} is allowed",
                reliability.ece_debiased, reliability.ece, reliability.ece_by_chance
            ),
        ),
        Err(error) => (f64::INFINITY, error.to_string()),
    };
    let subject = "calibration error".to_owned();
    Check { kind: CheckKind::Calibration, subject, found, needed, passed: found <= needed, words }
}
