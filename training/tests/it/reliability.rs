//! Reliability: intervals by hand, an error without bias, segments.

use crate::support::Random;
use holdfast_training::tabular::metrics::{self, MetricError};
use holdfast_training::tabular::reliability::Reliability;
use holdfast_training::tabular::table::Value;

/// Probabilities with outcomes that come true at `law(probability)`.
fn draw(rows: usize, seed: u64, law: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<bool>) {
    let mut random = Random(seed);
    (0..rows)
        .map(|_| {
            let p = 0.05 + 0.5 * random.uniform();
            (p, random.uniform() < law(p))
        })
        .unzip()
}

#[test]
fn bins_carry_wilson_intervals() {
    let reliability = Reliability::measure(&[0.7; 10], &[true, true, true, true, true, true, true, true, false, false]);
    let overall = reliability.unwrap().overall;
    assert_eq!((overall.rows, overall.observed), (10, 0.8));
    assert!((overall.observed_low - 0.4902).abs() < 1e-3 && (overall.observed_high - 0.9433).abs() < 1e-3);
    let (probabilities, labels) = draw(3000, 1, |p| p);
    let bins = Reliability::measure(&probabilities, &labels).unwrap().bins;
    assert_eq!(bins.len(), 15);
    // 95 % intervals: two of fifteen outside would be usual.
    assert!(
        bins.iter().filter(|bin| bin.predicted < bin.observed_low || bin.predicted > bin.observed_high).count() <= 3
    );
    let (probabilities, labels) = draw(70, 1, |p| p);
    assert_eq!(Reliability::measure(&probabilities, &labels).unwrap().bins.len(), 3);
}

#[test]
fn a_perfect_model_is_not_blamed_for_chance() {
    let (mut plain, mut debiased, mut by_chance) = (0.0, 0.0, 0.0);
    for seed in 0..200 {
        let (probabilities, labels) = draw(400, seed, |p| p);
        let reliability = Reliability::measure(&probabilities, &labels).unwrap();
        assert!((reliability.ece - metrics::ece(&probabilities, &labels).unwrap()).abs() < 1e-12);
        plain += reliability.ece / 200.0;
        debiased += reliability.ece_debiased / 200.0;
        by_chance += reliability.ece_by_chance / 200.0;
    }
    assert!((plain - by_chance).abs() < 0.05 * plain, "{plain} {by_chance}");
    assert!(debiased < 0.33 * plain, "{debiased} of {plain}");
}

#[test]
fn a_real_error_keeps_its_size() {
    let (mut plain, mut debiased) = (0.0, 0.0);
    for seed in 0..200 {
        let (probabilities, labels) = draw(400, seed, |p| p + 0.1);
        let reliability = Reliability::measure(&probabilities, &labels).unwrap();
        plain += reliability.ece / 200.0;
        debiased += reliability.ece_debiased / 200.0;
    }
    assert!((debiased - 0.1).abs() < (plain - 0.1).abs() && (debiased - 0.1).abs() < 0.012, "{debiased} {plain}");
}

#[test]
fn segments_are_measured_by_themselves() {
    let (probabilities, mut labels) = draw(900, 3, |p| p);
    let text = |name: &str| Value::Text(name.into());
    let (north, south) = (text("north"), text("south"));
    let values: Vec<&Value> = (0..900)
        .map(|row| {
            if row < 500 {
                &north
            } else if row < 890 {
                &south
            } else {
                &Value::Missing
            }
        })
        .collect();
    labels.iter_mut().skip(500).take(390).for_each(|label| *label = true);
    let segments = Reliability::by_segment(&values, &probabilities, &labels).unwrap();
    let names: Vec<(&str, usize)> = segments.iter().map(|s| (s.segment.as_str(), s.reliability.overall.rows)).collect();
    assert_eq!(names, [("north", 500), ("south", 390), ("missing", 10)]);
    assert!(!segments[0].is_off() && segments[1].is_off());
    assert_eq!(segments[1].reliability.roc_auc, None);
    assert!(segments[1].reliability.ece_debiased > 0.5);
    let error = Reliability::by_segment(&values[..3], &probabilities, &labels).unwrap_err();
    assert_eq!(error, MetricError::Length { scores: 3, labels: 900 });
}
