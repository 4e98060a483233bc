//! The gate lets a better policy pass and stops one that flatters itself, with every number.

use holdfast_training::ranking::evaluate::gate::{Check, CheckKind, Gate, GateInput, GateOptions, gate};
use holdfast_training::ranking::evaluate::log::{Log, Logged};

use super::bandit;
use crate::support::Random;

/// What a candidate promises, with calibrated misses.
struct Promise {
    own_value: f64,
    categories: Vec<String>,
    predicted: Vec<f64>,
    missed: Vec<bool>,
}

impl Promise {
    fn honest(rows: usize, own_value: f64) -> Promise {
        let mut random = Random(77);
        let predicted: Vec<f64> = (0..rows).map(|_| random.uniform()).collect();
        let missed = predicted.iter().map(|p| random.uniform() < *p).collect();
        let categories = (0..rows).map(|row| ["stock", "credit"][row % 2].to_owned()).collect();
        Promise { own_value, categories, predicted, missed }
    }

    fn judge(&self, log: &Log, rewards: &[Vec<f64>], incumbent: Option<&[Vec<f64>]>) -> Gate {
        let input = GateInput {
            log,
            incumbent,
            rewards,
            own_value: self.own_value,
            categories: &self.categories,
            misses: (&self.predicted, &self.missed),
        };
        gate(&input, &GateOptions::default()).unwrap()
    }
}

fn failed(gate: &Gate) -> Vec<CheckKind> {
    gate.failures().map(|check| check.kind).collect()
}

#[test]
fn a_better_policy_passes_with_all_checks_told() {
    let (contexts, log) = bandit::log(4_000, 1);
    let gate = Promise::honest(4_000, bandit::value(bandit::target)).judge(&log, &bandit::truth(&contexts), None);
    assert!(gate.passed, "{:?}", gate.failures().collect::<Vec<_>>());
    let kinds: Vec<CheckKind> = gate.checks.iter().map(|check| check.kind).collect();
    use CheckKind::{Agreement, Calibration, Category, Flattery, Gain, Support};
    assert_eq!(kinds, [Support, Gain, Agreement, Flattery, Category, Category, Calibration]);
    let numbers = |check: &Check| check.found.is_finite() && check.needed.is_finite() && !check.words.is_empty();
    assert!(gate.checks.iter().all(numbers), "{gate:?}");
}

#[test]
fn one_that_flatters_itself_does_not() {
    let (contexts, log) = bandit::log(4_000, 2);
    // Always the third action: worth 0.4, and it promises 0.9.
    let log = log.with_target(vec![vec![0.0, 0.0, 1.0]; 4_000]).unwrap();
    let target: Vec<Vec<f64>> = contexts.iter().map(|x| bandit::target(*x)).collect();
    let gate = Promise::honest(4_000, 0.9).judge(&log, &bandit::truth(&contexts), Some(&target));
    assert!(!gate.passed);
    assert!(failed(&gate).starts_with(&[CheckKind::Gain, CheckKind::Flattery]), "{:?}", failed(&gate));
    // A promise that it keeps does not save it: it is still worse.
    let gate = Promise::honest(4_000, 0.4).judge(&log, &bandit::truth(&contexts), Some(&target));
    assert_eq!(failed(&gate).first(), Some(&CheckKind::Gain));
    assert!(!failed(&gate).contains(&CheckKind::Flattery));
}

#[test]
fn a_harmed_category_stops_it() {
    let (contexts, log) = bandit::log(6_000, 3);
    // Better on the whole, and in one category in twenty always the worse of the first two actions.
    let harmed: Vec<bool> = (0..6_000).map(|row| row % 20 == 0).collect();
    let worse =
        |x: &f64| if bandit::mean(*x, 0) < bandit::mean(*x, 1) { vec![1.0, 0.0, 0.0] } else { vec![0.0, 1.0, 0.0] };
    let target = contexts.iter().zip(&harmed).map(|(x, harmed)| if *harmed { worse(x) } else { bandit::target(*x) });
    let log = log.with_target(target.collect()).unwrap();
    let mut promise = Promise::honest(6_000, 0.5);
    for (category, harmed) in promise.categories.iter_mut().zip(&harmed) {
        *category = if *harmed { "credit".into() } else { "stock".into() };
    }
    let gate = promise.judge(&log, &bandit::truth(&contexts), None);
    assert_eq!(failed(&gate), [CheckKind::Category], "{gate:?}");
    assert_eq!(gate.failures().next().unwrap().subject, "credit");
}

#[test]
fn whatever_cannot_be_judged_fails() {
    let (contexts, log) = bandit::log(1_000, 4);
    let rewards = bandit::truth(&contexts);
    let bare = |row: &Logged| Logged { propensity: None, behaviour: Vec::new(), ..row.clone() };
    let without = Log::new(log.rows().iter().map(bare).collect(), log.target().to_vec()).unwrap();
    let gate = Promise::honest(1_000, 0.5).judge(&without, &rewards, None);
    assert_eq!(failed(&gate), [CheckKind::Support]);
    assert!(gate.checks[0].words.contains("no propensity"));
    let mut promise = Promise::honest(1_000, 0.5);
    promise.predicted.clear();
    promise.missed.clear();
    assert!(failed(&promise.judge(&log, &rewards, None)).contains(&CheckKind::Calibration));
    let mut promise = Promise::honest(1_000, 0.5);
    promise.predicted.iter_mut().for_each(|p| *p *= 0.5);
    assert!(failed(&promise.judge(&log, &rewards, None)).contains(&CheckKind::Calibration));
    promise.categories.pop();
    let input = GateInput {
        log: &log,
        incumbent: None,
        rewards: &rewards,
        own_value: 0.5,
        categories: &promise.categories,
        misses: (&promise.predicted, &promise.missed),
    };
    assert!(holdfast_training::ranking::evaluate::gate::gate(&input, &GateOptions::default()).is_err());
}
