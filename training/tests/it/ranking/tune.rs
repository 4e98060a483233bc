//! What the log itself says of shrinking weights, and what groups lend each other.

use holdfast_training::ranking::evaluate::estimate::Estimator;
use holdfast_training::ranking::evaluate::interval::Mean;
use holdfast_training::ranking::evaluate::log::{Log, Logged};
use holdfast_training::ranking::evaluate::pool::pooled;
use holdfast_training::ranking::evaluate::tune;

use super::bandit;
use crate::support::Random;

fn lambda(estimator: Option<Estimator>) -> f64 {
    let Some(Estimator::Shrinkage { lambda }) = estimator else { return f64::NAN };
    lambda
}

/// Decisions whose first action is seldom taken and wanted: weights of 50.
fn heavy(rows: usize, wrong: f64, seed: u64) -> (Vec<Vec<f64>>, Log) {
    let mut random = Random(seed);
    let logged = |_| {
        let taken = usize::from(random.uniform() > 0.02);
        let reward = f64::from(u8::from(random.uniform() < [0.6, 0.2][taken]));
        Logged { taken, reward, propensity: Some([0.02, 0.98][taken]), behaviour: vec![0.02, 0.98] }
    };
    let log = Log::new((0..rows).map(logged).collect(), vec![vec![1.0, 0.0]; rows]).unwrap();
    (vec![vec![0.6 + wrong, 0.2]; rows], log)
}

#[test]
fn weights_are_shrunk_where_that_costs_no_bias() {
    // A model that is right leaves nothing to correct; chance alone may look like bias now and then.
    for rule in [tune::by_error, tune::by_overlap] {
        let shrunk = (0..40).filter(|seed| {
            let (right, log) = heavy(3_000, 0.0, *seed);
            lambda(rule(&log, &right).unwrap()) <= 100.0
        });
        let shrunk = shrunk.count();
        assert!(shrunk >= 28, "{shrunk} of 40");
    }
    // A model that is wrong by half, with decisions enough to see it.
    let (wrong, log) = heavy(60_000, -0.5, 5);
    for rule in [tune::by_error, tune::by_overlap] {
        let chosen = lambda(rule(&log, &wrong).unwrap());
        assert!(chosen >= 1_000.0, "{chosen}");
    }
    let bare = |row: &Logged| Logged { propensity: None, behaviour: Vec::new(), ..row.clone() };
    let without = Log::new(log.rows().iter().map(bare).collect(), log.target().to_vec()).unwrap();
    assert!(
        tune::by_error(&without, &wrong).unwrap().is_none() && tune::by_overlap(&without, &wrong).unwrap().is_none()
    );
}

#[test]
fn light_weights_are_left_alone_where_the_model_is_poor() {
    let (contexts, log) = bandit::log(20_000, 6);
    let poor = vec![vec![0.0; 3]; contexts.len()];
    let chosen = lambda(tune::by_error(&log, &poor).unwrap());
    assert!(chosen >= 1_000.0, "{chosen}");
}

#[test]
fn groups_lend_what_their_errors_allow() {
    let group = |value, error| Mean { value, error, rows: 100 };
    // Alike but for noise: drawn together.
    let alike: Vec<Mean> = [1.0, 1.2, 0.8, 1.1, 0.9, 1.0].into_iter().map(|value| group(value, 1.0)).collect();
    for (before, after) in alike.iter().zip(pooled(&alike)) {
        assert!((after.value - 1.0).abs() < 0.01 && after.error < 0.5 * before.error, "{after:?}");
    }
    // One that is known to be harmed stays so, and its bound with it.
    let harmed: Vec<Mean> = [5.0, 6.0, 4.0, 5.5, 4.5, -8.0].into_iter().map(|value| group(value, 1.0)).collect();
    let last = pooled(&harmed)[5];
    assert!(last.value < -6.0 && last.lower(0.95) < -7.0, "{last:?}");
    // Two are no sample of groups, and one without spread is not known to be what it seems.
    assert_eq!(pooled(&harmed[..2]), harmed[..2]);
    let sure = [group(1.0, 0.0), group(2.0, 1.0), group(3.0, 1.0)];
    assert_eq!(pooled(&sure), sure);
    assert!(pooled(&[]).is_empty());
}

#[test]
fn pooled_means_are_nearer_to_the_truth_and_their_bounds_nearly_hold() {
    let mut random = Random(9);
    let mut normal = || (0..12).map(|_| random.uniform()).sum::<f64>() - 6.0;
    let (mut own, mut drawn, mut covered, mut count) = (0.0, 0.0, 0, 0);
    for _ in 0..400 {
        let truths: Vec<f64> = (0..9).map(|_| 50.0 + 30.0 * normal()).collect();
        let errors = [15.0, 15.0, 18.0, 18.0, 10.0, 12.0, 29.0, 16.0, 19.0];
        let seen: Vec<Mean> = truths
            .iter()
            .zip(errors)
            .map(|(truth, error)| Mean { value: truth + error * normal(), error, rows: 300 })
            .collect();
        for ((truth, seen), pooled) in truths.iter().zip(&seen).zip(pooled(&seen)) {
            own += (seen.value - truth).powi(2);
            drawn += (pooled.value - truth).powi(2);
            covered += usize::from(*truth > pooled.lower(0.95));
            count += 1;
        }
    }
    assert!(drawn < 0.9 * own, "{drawn} and {own}");
    let share = covered as f64 / f64::from(count);
    // Of 95 %: the variance between groups is estimated and counts as known.
    assert!(share > 0.91, "the lower bound holds in {share}");
}
