//! Measures against values worked out by hand.

use holdfast_training::tabular::metrics::{self, MetricError, Metrics};

const LABELS: [bool; 4] = [false, false, true, true];

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
}

#[test]
fn roc_auc_counts_pairs_and_halves_ties() {
    // Pairs: .35>.1, .35<.4, .8>.1, .8>.4: three of four.
    near(metrics::roc_auc(&[0.1, 0.4, 0.35, 0.8], &LABELS).unwrap(), 0.75);
    near(metrics::roc_auc(&[0.5, 0.5, 0.5, 0.5], &LABELS).unwrap(), 0.5);
    // One tie: (0.5 + 1 + 1 + 1) / 4.
    near(metrics::roc_auc(&[0.1, 0.3, 0.3, 0.8], &LABELS).unwrap(), 0.875);
    near(metrics::roc_auc(&[0.9, 0.8, 0.2, 0.1], &LABELS).unwrap(), 0.0);
}

#[test]
fn average_precision_takes_ties_together() {
    // Order .8+ .4- .35+ .1-: (1/1 + 2/3) / 2.
    near(metrics::pr_auc(&[0.1, 0.4, 0.35, 0.8], &LABELS).unwrap(), (1.0 + 2.0 / 3.0) / 2.0);
    near(metrics::pr_auc(&[0.5; 4], &LABELS).unwrap(), 0.5);
}

#[test]
fn log_loss_and_brier_by_hand() {
    let (p, y) = ([0.9, 0.2], [true, false]);
    near(metrics::log_loss(&p, &y).unwrap(), -(0.9f64.ln() + 0.8f64.ln()) / 2.0);
    near(metrics::brier(&p, &y).unwrap(), (0.01 + 0.04) / 2.0);
    assert!(metrics::log_loss(&[0.0], &[true]).unwrap().is_finite(), "a certain error is expensive, not infinite");
}

#[test]
fn reliability_bins_have_equal_mass_and_keep_ties_together() {
    let bins = metrics::reliability(&[0.1, 0.2, 0.3, 0.4], &LABELS, 2).unwrap();
    assert_eq!(bins.iter().map(|bin| bin.rows).collect::<Vec<_>>(), [2, 2]);
    near(bins[0].predicted, 0.15);
    near(bins[1].observed, 1.0);
    assert_eq!(metrics::reliability(&[0.5; 4], &LABELS, 2).unwrap().len(), 1);
}

#[test]
fn ece_by_hand() {
    // Fifteen bins of two rows with p = .25 … , each with one bad of two.
    let p: Vec<f64> = (0..30).map(|row| f64::from(row / 2) / 15.0).collect();
    let y: Vec<bool> = (0..30).map(|row| row % 2 == 0).collect();
    let expected = (0..15).map(|bin| (f64::from(bin) / 15.0 - 0.5).abs()).sum::<f64>() / 15.0;
    near(metrics::ece(&p, &y).unwrap(), expected);
}

#[test]
fn base_rate_scores_its_entropy() {
    let m = Metrics::of_base_rate(0.5, &LABELS).unwrap();
    near(m.log_loss, 2f64.ln());
    near(m.roc_auc, 0.5);
    near(m.brier, 0.25);
    near(m.ece, 0.0);
}

#[test]
fn undefined_measures_are_errors() {
    assert_eq!(metrics::roc_auc(&[0.1, 0.2], &[true, true]), Err(MetricError::OneClass { rows: 2, label: true }));
    assert_eq!(metrics::log_loss(&[], &[]), Err(MetricError::Length { scores: 0, labels: 0 }));
    assert!(matches!(metrics::brier(&[f64::NAN], &[true]), Err(MetricError::Score { row: 0, .. })));
}
