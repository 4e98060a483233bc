//! Off-policy evaluation of the learning library behind [`PolicyJudge`].

use holdfast_training::ranking::evaluate::gate::{Check, GateInput, GateOptions, gate};
use holdfast_training::ranking::evaluate::log::{Log, LogError, Logged as Row};
use holdfast_training::ranking::evaluate::reward::{RewardOptions, Rewards, cross_fit};
use holdfast_training::ranking::evaluate::support::Support;
use holdfast_training::ranking::evaluate::{Estimate, EvaluateOptions, Evaluation, evaluate};

use crate::ports::policy_value::{
    LogUnusable, Logged, PolicyCheck, PolicyEstimate, PolicyJudge, PolicyValue, PolicyVerdict,
};

/// Estimators, their intervals and the gate as `holdfast_training` has them.
#[derive(Clone, Copy, Debug, Default)]
pub struct LibraryJudge;

impl PolicyJudge for LibraryJudge {
    fn value(&self, log: &[Logged]) -> Result<PolicyValue, LogUnusable> {
        let checked = read(log)?;
        // Refused before anything is learned: a log of any size is then answered at once.
        let options = EvaluateOptions::default();
        if let Some(support) = Support::of(&checked)
            && let Err(refusal) = support.judge(&checked, options.support)
        {
            return Ok(PolicyValue { refused: Some(refusal.to_string()), ..supported(&support) });
        }
        let rewards = rewards(log, &checked)?;
        let told = evaluate(&checked, &rewards.estimates, &options).map_err(unusable)?;
        let value = match told {
            Evaluation::Refused { refusal, support } => {
                PolicyValue { refused: Some(refusal.to_string()), ..supported(&support) }
            }
            Evaluation::Biased { estimate, without_propensity } => PolicyValue {
                biased: Some(format!(
                    "{without_propensity} of {} decisions have no propensity: the direct method alone, wrong by whatever \
                     its model of the rewards gets wrong; the interval knows nothing of that",
                    checked.len()
                )),
                estimates: vec![self::estimate(&estimate)],
                ..empty(checked.len())
            },
            Evaluation::Estimated { support, estimates, any_time } => PolicyValue {
                estimates: estimates.iter().map(self::estimate).collect(),
                any_time: any_time.map(|interval| [interval.low, interval.high]),
                ..supported(&support)
            },
        };
        Ok(PolicyValue { reward_model: Some(format!("{:?}", rewards.model).to_lowercase()), ..value })
    }

    fn gate(&self, log: &[Logged]) -> Result<PolicyVerdict, LogUnusable> {
        let checked = read(log)?;
        let rewards = rewards(log, &checked)?;
        let incumbent: Vec<Vec<f64>> = log.iter().map(|row| row.incumbent.clone()).collect();
        let categories: Vec<String> = log.iter().map(|row| row.category.clone()).collect();
        let (predicted, missed): (Vec<f64>, Vec<bool>) = log.iter().filter_map(|row| row.miss).unzip();
        #[expect(clippy::cast_precision_loss, reason = "numbers of decisions")]
        let own_value = log.iter().map(|row| row.promised).sum::<f64>() / log.len() as f64;
        let input = GateInput {
            log: &checked,
            incumbent: incumbent.iter().all(|row| !row.is_empty()).then_some(incumbent.as_slice()),
            rewards: &rewards.estimates,
            own_value,
            categories: &categories,
            misses: (&predicted, &missed),
        };
        let gate = gate(&input, &GateOptions::default()).map_err(unusable)?;
        let checks = gate.checks.iter().map(check).collect();
        Ok(PolicyVerdict { passed: gate.passed, rows: log.len(), checks })
    }
}

fn unusable(error: LogError) -> LogUnusable {
    LogUnusable(error.to_string())
}

fn read(log: &[Logged]) -> Result<Log, LogUnusable> {
    let row = |row: &Logged| Row {
        taken: row.taken,
        reward: row.reward,
        propensity: row.propensity,
        behaviour: row.behaviour.clone(),
    };
    let target = log.iter().map(|row| row.target.clone()).collect();
    Log::new(log.iter().map(row).collect(), target).map_err(unusable)
}

fn rewards(log: &[Logged], checked: &Log) -> Result<Rewards, LogUnusable> {
    let describe = |row: usize, candidate: usize| {
        log.get(row).and_then(|row| row.columns.get(candidate)).cloned().unwrap_or_default()
    };
    cross_fit(checked, &describe, &RewardOptions { repeats: 1, ..RewardOptions::default() }).map_err(unusable)
}

fn empty(rows: usize) -> PolicyValue {
    PolicyValue {
        rows,
        effective_rows: None,
        weight_max: None,
        unsupported_mass: None,
        refused: None,
        biased: None,
        reward_model: None,
        estimates: Vec::new(),
        any_time: None,
    }
}

fn supported(support: &Support) -> PolicyValue {
    PolicyValue {
        effective_rows: Some(support.effective_rows),
        weight_max: Some(support.weight_max),
        unsupported_mass: Some(support.unsupported_mass),
        ..empty(support.rows)
    }
}

fn estimate(estimate: &Estimate) -> PolicyEstimate {
    PolicyEstimate {
        estimator: estimate.estimator.name().to_owned(),
        value: estimate.value,
        error: estimate.error,
        interval: [estimate.normal.low, estimate.normal.high],
        bootstrap: [estimate.bootstrap.low, estimate.bootstrap.high],
    }
}

fn check(check: &Check) -> PolicyCheck {
    PolicyCheck {
        kind: format!("{:?}", check.kind).to_lowercase(),
        subject: check.subject.clone(),
        found: check.found,
        needed: check.needed,
        passed: check.passed,
        words: check.words.clone(),
    }
}
