//! The gate before an effect version ranks: what its promotion would be worth, by the decisions on record.
//!
//! A version passes when every check of the judge does: it gains for sure on what serves, two estimators that err differently
//! agree, it does not flatter itself, no category loses, its probabilities are right. It fails when a check fails that could
//! be made. It is unproven when the record does not support a judgement, as before anything was explored: then there is only
//! the direct method, which is biased by whatever its model of the costs gets wrong.
//!
//! Guarantees: what fails is not proposed; what is unproven is proposed only where the proposer says so, and who approves
//! sees the ruling with every check, because it is part of the proposal's evidence and under its digest. Non-goals: going
//! back to a version that served before, which is never barred; the first version that an installation starts with
//! (`registry::BOOTSTRAP`); other models.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::policy_value::{self, PastDecisions, Taken};
use super::registry::{self, EFFECT};
use crate::domain::model::ServingRole;
use crate::flow::FlowError;
use crate::flow::services::Services;
use crate::ports::policy_value::{PolicyCheck, PolicyValue, PolicyVerdict};
use crate::ports::registry::Loaded;
use crate::ports::tabular::EffectModel;

/// The check that says whether the others could be made.
const SUPPORT: &str = "support";

/// What the gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// Every check passed.
    Passed,
    /// A check failed.
    Failed,
    /// The record cannot tell.
    Unproven,
}

/// The ruling and what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// What it says.
    pub ruling: Ruling,
    /// Decisions on record whose outcome is known.
    pub decisions: usize,
    /// Every check, passed or not; empty where there was no decision to check.
    pub checks: Vec<PolicyCheck>,
    /// Where unproven: the direct method's answer, labelled biased; `None` where not even that could be had.
    pub direct: Option<PolicyValue>,
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let says = match self.ruling {
            Ruling::Passed => "passed",
            Ruling::Failed => "failed",
            Ruling::Unproven => "unproven",
        };
        write!(f, "{says} on {} decisions", self.decisions)?;
        for check in &self.checks {
            write!(f, "; {}: {}", if check.passed { "passed" } else { "failed" }, check.words)?;
        }
        match self.direct.as_ref().and_then(|direct| direct.estimates.first()) {
            Some(direct) => write!(f, "; by the direct method, which is biased, worth {:.2} each", direct.value),
            None => Ok(()),
        }
    }
}

/// The gate's ruling on a version that is proposed to rank; null for any other proposal.
///
/// # Errors
/// [`FlowError::Conflict`] with code `gate-refused`, naming what failed, or with code `gate-unproven` where the parameters do
/// not say `unproven`; [`FlowError::NotFound`]; what loading says.
pub async fn before(
    services: &Services,
    (name, version): (&str, &str),
    parameters: &Map<String, Value>,
) -> Result<Value, FlowError> {
    let ranks = parameters.get("role").is_none_or(|role| *role == json!(ServingRole::Champion));
    if name != EFFECT || !ranks {
        return Ok(Value::Null);
    }
    let mut tx = services.store.read().await?;
    let registered = registry::registered(tx.as_mut(), name, version).await?;
    let served = tx.servings(Some(name)).await?.iter().any(|serving| serving.version == version);
    drop(tx);
    // What does not beat its baseline is refused by the catalogue, without a look at the log.
    if served || !registered.beats_baseline {
        return Ok(Value::Null);
    }
    let Loaded::Effect(candidate) = registry::load(services, &registered)? else { return Ok(Value::Null) };
    let gate = judged(services, candidate).await?;
    let accepted = parameters.get("unproven").and_then(Value::as_bool).unwrap_or(false);
    match gate.ruling {
        Ruling::Failed => Err(refused("gate-refused", &gate, "the promotion gate refuses the version")),
        Ruling::Unproven if !accepted => Err(refused(
            "gate-unproven",
            &gate,
            "the decisions on record cannot prove the version; explore under approval, or propose it as `unproven`",
        )),
        Ruling::Passed | Ruling::Unproven => Ok(json!(gate)),
    }
}

async fn judged(services: &Services, candidate: Arc<dyn EffectModel>) -> Result<Gate, FlowError> {
    let incumbent = services.models.effect.get();
    let past = PastDecisions::read(services, None).await?;
    let verdict = usable(past.verdict(services, Arc::clone(&candidate), incumbent).await)?;
    let PolicyVerdict { passed, rows, checks } =
        verdict.unwrap_or(PolicyVerdict { passed: false, rows: 0, checks: Vec::new() });
    let supported = checks.iter().any(|check| check.kind == SUPPORT && check.passed);
    let ruling = match (passed, supported) {
        (true, _) => Ruling::Passed,
        (false, true) => Ruling::Failed,
        (false, false) => Ruling::Unproven,
    };
    let direct = match ruling {
        // Nobody knows with which probability people chose what they did, so this answers by the direct method alone.
        Ruling::Unproven => usable(past.value(services, Some(candidate), Taken::CarriedOut).await)?,
        Ruling::Passed | Ruling::Failed => None,
    };
    Ok(Gate { ruling, decisions: rows, checks, direct })
}

/// What was judged; `None` where the log cannot be used.
fn usable<T>(judged: Result<T, FlowError>) -> Result<Option<T>, FlowError> {
    match judged {
        Ok(judged) => Ok(Some(judged)),
        Err(FlowError::Conflict { code: policy_value::UNUSABLE, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn refused(code: &'static str, gate: &Gate, says: &str) -> FlowError {
    let failed: Vec<&str> =
        gate.checks.iter().filter(|check| !check.passed).map(|check| check.words.as_str()).collect();
    let why = if failed.is_empty() { "no decision has a known outcome".to_owned() } else { failed.join("; ") };
    FlowError::Conflict { code, message: format!("{says}: {why}"), detail: json!(gate) }
}
