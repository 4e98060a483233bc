//! Calibration: pooling by hand, known laws recovered, monotone maps.

use crate::support::Random;
use holdfast_training::tabular::calibrate::{Calibration, logit, pool_adjacent_violators, sigmoid};

/// Logits with outcomes drawn at `law(logit)`.
fn draw(rows: usize, law: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<bool>) {
    let mut random = Random(7);
    (0..rows)
        .map(|_| {
            let logit = 6.0 * random.uniform() - 3.0;
            (logit, random.uniform() < law(logit))
        })
        .unzip()
}

#[test]
fn neighbours_that_fall_are_pooled() {
    let ones = [1.0; 5];
    assert_eq!(pool_adjacent_violators(&[1.0, 3.0, 2.0, 4.0, 5.0], &ones), [1.0, 2.5, 2.5, 4.0, 5.0]);
    assert_eq!(pool_adjacent_violators(&[5.0, 4.0, 3.0, 2.0, 1.0], &ones), [3.0; 5]);
    assert_eq!(pool_adjacent_violators(&[0.1, 0.2, 0.3, 0.4, 0.9], &ones), [0.1, 0.2, 0.3, 0.4, 0.9]);
    // Weighted: (3·1 + 1·3) / 4 = 1.5.
    assert_eq!(pool_adjacent_violators(&[3.0, 1.0], &[1.0, 3.0]), [1.5, 1.5]);
}

#[test]
fn platt_recovers_slope_and_offset() {
    let (logits, labels) = draw(20_000, |x| sigmoid(0.5 * x - 1.0));
    let Some(Calibration::Platt { slope, offset }) = Calibration::platt(&logits, &labels) else {
        unreachable!("20,000 rows of both outcomes")
    };
    assert!((slope - 0.5).abs() < 0.05 && (offset + 1.0).abs() < 0.05, "{slope} {offset}");
}

#[test]
fn platt_refuses_a_falling_score() {
    let (logits, labels) = draw(1000, |x| sigmoid(-x));
    assert_eq!(Calibration::platt(&logits, &labels), None);
}

#[test]
fn isotonic_is_monotone_and_near_the_law() {
    let step = |x: f64| if x < 0.0 { 0.2 } else { 0.7 };
    let (logits, labels) = draw(20_000, step);
    let map = Calibration::isotonic(&logits, &labels).unwrap();
    let answers: Vec<f64> = (-50..=50).map(|x| map.apply(f64::from(x) / 10.0)).collect();
    assert!(answers.is_sorted());
    assert!((map.apply(-1.5) - 0.2).abs() < 0.04 && (map.apply(1.5) - 0.7).abs() < 0.04);
    assert!(map.apply(-1e9) > 0.0 && map.apply(1e9) < 1.0);
}

#[test]
fn the_choice_follows_the_law() {
    let choose = |law: fn(f64) -> f64| {
        let (logits, labels) = draw(20_000, law);
        Calibration::choose(&logits, &labels).unwrap()
    };
    assert_eq!(choose(|x| if x < 0.0 { 0.2 } else { 0.7 }).name(), "isotonic");
    assert_eq!(choose(|x| sigmoid(3.0 * x + 1.0)).name(), "platt");
    assert_eq!(Calibration::choose(&[0.1, 0.2], &[true, false]).unwrap(), Calibration::Identity);
}

#[test]
fn logit_undoes_sigmoid() {
    for x in [-20.0, -1.0, 0.0, 3.0] {
        assert!((logit(sigmoid(x)) - x).abs() < 1e-6);
    }
    assert!(sigmoid(-1e4) >= 0.0 && sigmoid(1e4) <= 1.0);
}
