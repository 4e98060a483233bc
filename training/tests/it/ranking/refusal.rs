//! Without support there is no value, and without propensities only a biased one.

use holdfast_training::ranking::evaluate::estimate::Estimator;
use holdfast_training::ranking::evaluate::log::{Log, Logged};
use holdfast_training::ranking::evaluate::support::{Refusal, SupportOptions, effective_rows};
use holdfast_training::ranking::evaluate::{EvaluateOptions, Evaluation, evaluate};

use super::bandit;

fn options() -> EvaluateOptions {
    EvaluateOptions { replicates: 50, ..EvaluateOptions::default() }
}

#[test]
fn a_covered_policy_gets_every_estimate() {
    let (contexts, log) = bandit::log(2_000, 1);
    let evaluation = evaluate(&log, &bandit::truth(&contexts), &options()).unwrap();
    let Evaluation::Estimated { support, estimates, any_time } = evaluation else { panic!("{evaluation:?}") };
    assert_eq!(estimates.len(), 7);
    assert!(support.effective_rows > 500.0 && (support.weight_mean - 1.0).abs() < 0.1, "{support:?}");
    let truth = bandit::value(bandit::target);
    for estimate in &estimates {
        assert!((estimate.value - truth).abs() < 0.06, "{estimate:?} {truth}");
        let both = [estimate.normal, estimate.bootstrap];
        assert!(both.iter().all(|interval| interval.contains(estimate.value)), "{estimate:?}");
    }
    assert!(any_time.unwrap().contains(truth));
}

#[test]
fn one_heavy_decision_is_refused() {
    let (contexts, log) = bandit::log(2_000, 2);
    let mut rows = log.rows().to_vec();
    let heavy = rows.iter().position(|row| log.target()[0][row.taken] > 0.0).unwrap();
    rows[heavy] = Logged { propensity: Some(1e-6), ..rows[heavy].clone() };
    let log = Log::new(rows, log.target().to_vec()).unwrap();
    let evaluation = evaluate(&log, &bandit::truth(&contexts), &options()).unwrap();
    let Evaluation::Refused { refusal: Refusal::EffectiveRows { effective_rows, .. }, .. } = evaluation else {
        panic!("{evaluation:?}")
    };
    assert!(effective_rows < 2.0, "{effective_rows}");
}

#[test]
fn an_action_never_taken_is_refused_whether_the_log_tells_or_not() {
    // The third action is never taken; the target wants it half of the time.
    let rows = |tells: bool| -> Vec<Logged> {
        let row = |taken: usize| Logged {
            taken,
            reward: 1.0,
            propensity: Some(0.5),
            behaviour: if tells { vec![0.5, 0.5, 0.0] } else { Vec::new() },
        };
        (0..600).map(|index| row(index % 2)).collect()
    };
    let target = vec![vec![0.3, 0.2, 0.5]; 600];
    let rewards = vec![vec![1.0; 3]; 600];
    let told = Log::new(rows(true), target.clone()).unwrap();
    assert!((told.unsupported_mass() - 0.5).abs() < 1e-12);
    let refusal = |log: &Log| match evaluate(log, &rewards, &options()).unwrap() {
        Evaluation::Refused { refusal, .. } => refusal,
        other => panic!("{other:?}"),
    };
    let no_support = refusal(&told);
    assert!(matches!(no_support, Refusal::NoSupport { mass, .. } if (mass - 0.5).abs() < 1e-12));
    assert!(no_support.to_string().starts_with("50.0 % of the policy's choices can never occur"));
    let untold = Log::new(rows(false), target).unwrap();
    assert!(matches!(refusal(&untold), Refusal::WeightMean { mean, .. } if (mean - 0.5).abs() < 1e-12));
    let lenient = EvaluateOptions {
        support: SupportOptions { unsupported_mass_max: 1.0, ..SupportOptions::default() },
        ..options()
    };
    assert!(matches!(evaluate(&told, &rewards, &lenient).unwrap(), Evaluation::Estimated { .. }));
}

#[test]
fn without_propensities_the_direct_method_answers_and_says_that_it_is_biased() {
    let (contexts, log) = bandit::log(300, 3);
    let mut rows = log.rows().to_vec();
    rows[7].propensity = None;
    let log = Log::new(rows, log.target().to_vec()).unwrap();
    let rewards = bandit::truth(&contexts);
    let evaluation = evaluate(&log, &rewards, &options()).unwrap();
    let Evaluation::Biased { estimate, without_propensity: 1 } = evaluation else { panic!("{evaluation:?}") };
    assert_eq!(estimate.estimator, Estimator::Direct);
    for estimator in [Estimator::Ips, Estimator::Snips, Estimator::DoublyRobust] {
        assert_eq!(estimator.terms(&log, &rewards).unwrap(), None);
    }
}

#[test]
fn effective_rows_are_those_of_kish() {
    assert!((effective_rows(&[1.0; 8]) - 8.0).abs() < 1e-12);
    assert!((effective_rows(&[3.0, 1.0, 0.0]) - 1.6).abs() < 1e-12);
    assert!(effective_rows(&[]).abs() < 1e-12);
}
