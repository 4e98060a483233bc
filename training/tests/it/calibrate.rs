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
fn beta_recovers_its_law() {
    let law = |x: f64| sigmoid(2.0 * sigmoid(x).ln() - 0.5 * (1.0 - sigmoid(x)).ln() + 0.3);
    let (logits, labels) = draw(40_000, law);
    let map = Calibration::beta(&logits, &labels).unwrap();
    let Calibration::Beta { low, high, offset } = map else { unreachable!("a beta map") };
    assert!((low - 2.0).abs() < 0.2 && (high - 0.5).abs() < 0.2 && (offset - 0.3).abs() < 0.2, "{map:?}");
    for x in [-2.5, 0.0, 2.5] {
        assert!((map.apply(x) - law(x)).abs() < 0.02);
    }
    // With equal slopes it is Platt's.
    let equal = Calibration::Beta { low: 0.7, high: 0.7, offset: -0.4 };
    let platt = Calibration::Platt { slope: 0.7, offset: -0.4 };
    for x in [-700.0, -3.0, 0.0, 0.1, 800.0] {
        assert!((equal.apply(x) - platt.apply(x)).abs() < 1e-12);
    }
}

#[test]
fn beta_never_falls() {
    // Flat where the outcome is likely, falling a little: that slope is held at zero.
    let (logits, labels) = draw(20_000, |x| if x < 0.0 { 0.5 * sigmoid(3.0 * x) } else { 0.26 - 0.02 * x });
    let map = Calibration::beta(&logits, &labels).unwrap();
    assert!(matches!(map, Calibration::Beta { low, high: 0.0, .. } if low > 0.0), "{map:?}");
    assert!((-60..=60).map(|x| map.apply(f64::from(x))).is_sorted());
    let (logits, labels) = draw(1000, |x| sigmoid(-x));
    assert_eq!(Calibration::beta(&logits, &labels), None);
}

#[test]
fn the_choice_follows_the_law() {
    let choose = |law: fn(f64) -> f64| {
        let (logits, labels) = draw(20_000, law);
        Calibration::choose(&logits, &labels).unwrap()
    };
    assert_eq!(choose(|x| if x < 0.0 { 0.2 } else { 0.7 }).name(), "isotonic");
    assert_eq!(choose(|x| sigmoid(2.0 * sigmoid(x).ln() - 0.1 * (1.0 - sigmoid(x)).ln())).name(), "beta");
    let slope = choose(|x| sigmoid(3.0 * x + 1.0));
    assert!((slope.apply(0.5) - sigmoid(2.5)).abs() < 0.01, "{slope:?}");
    assert_eq!(Calibration::choose(&[0.1, 0.2], &[true, false]).unwrap(), Calibration::Identity);
}

#[test]
fn isotonic_does_not_win_by_following_its_own_rows() {
    let isotonic = (0..40).filter(|seed| {
        let mut random = Random(1000 + seed);
        let (logits, labels): (Vec<f64>, Vec<bool>) = (0..600)
            .map(|_| {
                let logit = 6.0 * random.uniform() - 3.0;
                (logit, random.uniform() < sigmoid(logit))
            })
            .unzip();
        let choice = Calibration::compare(&logits, &labels).unwrap();
        let names: Vec<&str> = choice.losses.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["identity", "platt", "beta", "isotonic"]);
        choice.calibration.name() == "isotonic"
    });
    assert_eq!(isotonic.count(), 0);
}

#[test]
fn logit_undoes_sigmoid() {
    for x in [-20.0, -1.0, 0.0, 3.0] {
        assert!((logit(sigmoid(x)) - x).abs() < 1e-6);
    }
    assert!(sigmoid(-1e4) >= 0.0 && sigmoid(1e4) <= 1.0);
}
