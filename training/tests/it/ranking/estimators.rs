//! Identities between estimators, double robustness, and what the same seed promises.

use holdfast_training::ranking::evaluate::estimate::Estimator;
use holdfast_training::ranking::evaluate::interval::{Mean, bootstrap};
use holdfast_training::ranking::evaluate::log::{Log, LogError, Logged};
use holdfast_training::ranking::evaluate::reward::{RewardOptions, cross_fit};

use super::bandit;

fn estimate(estimator: Estimator, log: &Log, rewards: &[Vec<f64>]) -> f64 {
    estimator.terms(log, rewards).unwrap().unwrap().value()
}

#[test]
fn the_logging_policy_itself_is_worth_what_it_got() {
    let (contexts, log) = bandit::log(500, 1);
    let log = log.with_target(contexts.iter().map(|x| bandit::behaviour(*x)).collect()).unwrap();
    let mean = log.rows().iter().map(|row| row.reward).sum::<f64>() / 500.0;
    for estimator in [Estimator::Ips, Estimator::Snips] {
        assert!((estimate(estimator, &log, &[]) - mean).abs() < 1e-12);
    }
    assert!(log.weights().unwrap().iter().all(|weight| (weight - 1.0).abs() < 1e-12));
}

#[test]
fn the_family_meets_at_its_ends() {
    let (contexts, log) = bandit::log(400, 2);
    let rewards = bandit::truth(&contexts);
    let of = |estimator| estimate(estimator, &log, &rewards);
    let (direct, doubly) = (of(Estimator::Direct), of(Estimator::DoublyRobust));
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    near(of(Estimator::Shrinkage { lambda: 0.0 }), direct);
    near(of(Estimator::Shrinkage { lambda: f64::INFINITY }), doubly);
    near(of(Estimator::Switch { weight_max: 0.0 }), direct);
    near(of(Estimator::Switch { weight_max: f64::INFINITY }), doubly);
    // Without a model the doubly robust estimators are the weighted ones.
    let none = vec![vec![0.0; 3]; 400];
    near(estimate(Estimator::DoublyRobust, &log, &none), of(Estimator::Ips));
    near(estimate(Estimator::SelfNormalised, &log, &none), of(Estimator::Snips));
}

#[test]
fn scores_have_the_estimate_as_their_mean() {
    let (contexts, log) = bandit::log(300, 3);
    let rewards = bandit::truth(&contexts);
    for estimator in [
        Estimator::Direct,
        Estimator::Ips,
        Estimator::Snips,
        Estimator::DoublyRobust,
        Estimator::SelfNormalised,
        Estimator::Switch { weight_max: 2.0 },
        Estimator::Shrinkage { lambda: 5.0 },
    ] {
        let terms = estimator.terms(&log, &rewards).unwrap().unwrap();
        assert!((Mean::of(&terms.scores()).value - terms.value()).abs() < 1e-12, "{}", estimator.name());
    }
}

#[test]
fn doubly_robust_forgives_a_wrong_model_or_wrong_propensities_but_not_both() {
    let (contexts, log) = bandit::log(60_000, 4);
    let truth = bandit::value(bandit::target);
    let right = bandit::truth(&contexts);
    let wrong: Vec<Vec<f64>> = contexts.iter().map(|x| vec![1.0 - x, 0.1, 0.9 * x]).collect();
    let flat = |row: &Logged| Logged { propensity: Some(1.0 / 3.0), behaviour: Vec::new(), ..row.clone() };
    let mistaken = Log::new(log.rows().iter().map(flat).collect(), log.target().to_vec()).unwrap();
    let off = |log: &Log, rewards: &[Vec<f64>]| (estimate(Estimator::DoublyRobust, log, rewards) - truth).abs();
    assert!(off(&log, &wrong) < 0.02, "{}", off(&log, &wrong));
    assert!(off(&mistaken, &right) < 0.02, "{}", off(&mistaken, &right));
    assert!(off(&mistaken, &wrong) > 0.05, "{}", off(&mistaken, &wrong));
    assert!((estimate(Estimator::Direct, &log, &wrong) - truth).abs() > 0.05);
}

#[test]
fn cross_fitted_rewards_make_the_direct_method_right() {
    let (contexts, log) = bandit::log(6_000, 5);
    let describe = |row: usize, action: usize| vec![contexts[row] as f32, action as f32];
    let rewards = cross_fit(&log, &describe, &RewardOptions::default()).unwrap();
    let truth = bandit::value(bandit::target);
    let direct = estimate(Estimator::Direct, &log, &rewards.estimates);
    assert!((direct - truth).abs() < 0.02, "{direct} is not {truth}");
    let doubly = estimate(Estimator::DoublyRobust, &log, &rewards.estimates);
    assert!((direct - doubly).abs() < 1e-6, "nothing is left to correct: {direct}, {doubly}");
    assert!(rewards.losses.len() == 4 && rewards.losses.iter().all(|(_, loss)| loss.is_finite()));
}

#[test]
fn the_same_seed_gives_the_same_figures_on_any_number_of_threads() {
    let (contexts, log) = bandit::log(2_000, 6);
    let describe = |row: usize, action: usize| vec![contexts[row] as f32, action as f32];
    let run = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let options = RewardOptions { trees: 20, seed, ..RewardOptions::default() };
            let rewards = cross_fit(&log, &describe, &options).unwrap();
            let terms = Estimator::Snips.terms(&log, &rewards.estimates).unwrap().unwrap();
            (rewards, bootstrap(&terms, 0.95, 200, seed))
        })
    };
    let one = run(1, 7);
    assert_eq!(one, run(3, 7));
    assert_ne!(one, run(1, 8));
}

#[test]
fn unusable_logs_are_named() {
    let row = Logged { taken: 0, reward: 1.0, propensity: Some(0.5), behaviour: vec![0.5, 0.5] };
    let log = |row: Logged, target: Vec<f64>| Log::new(vec![row], vec![target]);
    assert!(log(row.clone(), vec![0.2, 0.8]).is_ok());
    assert!(matches!(Log::new(Vec::new(), Vec::new()), Err(LogError::Length { .. })));
    assert!(matches!(log(row.clone(), vec![0.2, 0.7]), Err(LogError::Probabilities { row: 0, .. })));
    assert!(matches!(log(row.clone(), vec![-0.2, 1.2]), Err(LogError::Probabilities { .. })));
    for propensity in [0.0, -1.0, 1.5, f64::NAN] {
        let odd = Logged { propensity: Some(propensity), ..row.clone() };
        assert!(matches!(log(odd, vec![0.2, 0.8]), Err(LogError::Propensity { .. })));
    }
    assert!(matches!(log(Logged { taken: 2, ..row.clone() }, vec![0.2, 0.8]), Err(LogError::Taken { .. })));
    assert!(matches!(log(Logged { reward: f64::NAN, ..row.clone() }, vec![1.0, 0.0]), Err(LogError::NotFinite { .. })));
    let thin = Logged { behaviour: vec![1.0], ..row.clone() };
    assert!(matches!(log(thin, vec![0.2, 0.8]), Err(LogError::Candidates { .. })));
    let log = log(row, vec![0.2, 0.8]).unwrap();
    assert!(Estimator::DoublyRobust.terms(&log, &[vec![0.1]]).is_err());
    assert!(Estimator::Direct.terms(&log, &[vec![0.1, f64::INFINITY]]).is_err());
}
