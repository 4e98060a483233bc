//! Drift: false alarms and power at small sizes, words, delayed outcomes, streams of days.

use crate::support::{Random, chain};
use holdfast_training::tabular::calibrate::sigmoid;
use holdfast_training::tabular::drift::discovery::{OnlineFdr, weighted};
use holdfast_training::tabular::drift::outcomes::{Failure, OutcomeOptions, Served, calibration};
use holdfast_training::tabular::drift::{Change, DriftOptions, Reference, SCORE, Sample, Segment};
use holdfast_training::tabular::statistics::normal;
use holdfast_training::tabular::table::{Feature, Kind, Schema, Value};

fn schema() -> Schema {
    let feature = |(name, kind): (&str, Kind)| Feature { name: name.into(), kind, label: format!("the {name}") };
    let features = [("load", Kind::Numeric), ("lines", Kind::Numeric), ("carrier", Kind::Categorical)];
    Schema { version: "drift".into(), features: features.into_iter().map(feature).collect() }
}

/// A normal load (missing at times), a count with ties, and one of three carriers, on which the count depends.
fn rows(count: usize, seed: u64, change: impl Fn(&mut Vec<Value>)) -> Vec<Vec<Value>> {
    let mut random = Random(seed);
    let mut row = || {
        let carrier = (random.uniform() * 3.0).floor();
        let load = match random.uniform() {
            u if u < 0.1 => Value::Missing,
            _ => Value::Number(normal::quantile(random.uniform())),
        };
        let lines = Value::Number((random.uniform() * (3.0 + carrier)).floor());
        let mut row = vec![load, lines, Value::Text(format!("C{carrier}"))];
        change(&mut row);
        row
    };
    (0..count).map(|_| row()).collect()
}

fn unscored(rows: &[Vec<Value>]) -> Sample<'_> {
    Sample { rows, scores: &[] }
}

fn shift(row: &mut [Value], index: usize, by: f64) {
    if let Some(Value::Number(number)) = row.get_mut(index) {
        *number += by;
    }
}

#[test]
fn identical_distributions_alarm_no_more_often_than_stated() {
    // A level that can be measured in a few hundred batches; 400 of them at 5 % are 20 ± 4.4.
    let options = DriftOptions { level: 0.05, segments: vec!["carrier".into()], ..DriftOptions::default() };
    for size in [50, 400] {
        let alarms = (0..400u64).filter(|batch| {
            let before = rows(size, 2 * batch + 1_000_000, |_| {});
            let now = rows(size, 2 * batch + 1_000_001, |_| {});
            let reference = Reference::fit(&schema(), unscored(&before), &options).unwrap();
            reference.compare(unscored(&now)).unwrap().alarm
        });
        let alarms = alarms.count();
        assert!(alarms <= 30, "{alarms} of 400 at {size} rows");
    }
}

#[test]
fn half_a_standard_deviation_is_found_in_two_hundred_rows() {
    let found = (0..100u64).filter(|batch| {
        let before = rows(300, 2 * batch, |_| {});
        let now = rows(200, 2 * batch + 1, |row| shift(row, 0, 0.5));
        let reference = Reference::fit(&schema(), unscored(&before), &DriftOptions::default()).unwrap();
        let verdict = reference.compare(unscored(&now)).unwrap();
        verdict.alarm && verdict.findings.iter().any(|finding| finding.feature == "load")
    });
    assert!(found.count() >= 90);
}

/// The first finding of a change, with its sentence.
fn first(change: impl Fn(&mut Vec<Value>)) -> (Change, String) {
    let reference = Reference::fit(&schema(), unscored(&rows(3000, 1, |_| {})), &DriftOptions::default()).unwrap();
    let verdict = reference.compare(unscored(&rows(400, 2, change))).unwrap();
    assert!(verdict.alarm && verdict.p <= verdict.level && verdict.compared == 3);
    (verdict.findings[0].change.clone(), verdict.findings[0].to_string())
}

#[test]
fn findings_say_what_moved() {
    let (change, text) = first(|row| shift(row, 0, -1.0));
    assert!(matches!(change, Change::Level { before, now } if (before - now - 1.0).abs() < 0.3), "{change:?}");
    assert!(text.starts_with("the load is lower than in training: median -"), "{text}");
    assert!(text.contains("(400 rows against 3000"), "{text}");
    let (change, text) = first(|row| {
        if let Value::Number(load) = &mut row[0] {
            *load *= 2.0;
        }
    });
    assert!(matches!(change, Change::Spread { before, now } if now > 1.5 * before), "{change:?}");
    assert!(text.contains("varies more"), "{text}");
    let (change, text) = first(|row| {
        if let Value::Number(load) = &mut row[0] {
            *load = if *load > 0.0 { 1.0 } else { -1.0 };
        }
    });
    assert!(matches!(change, Change::Shape { distance } if distance > 0.2), "{change:?}: {text}");
    let (change, text) = first(|row| row[0] = Value::Missing);
    assert!(matches!(change, Change::Missing { now: 1.0, .. }), "{change:?}");
    assert!(text.contains("is missing more often"), "{text}");
    let (change, text) = first(|row| row[2] = Value::Text("C0".into()));
    assert!(matches!(&change, Change::Category { category, now: 1.0, .. } if category == "C0"), "{change:?}");
    assert!(text.contains("C0 is more frequent than in training: 100.0 %, was 3"), "{text}");
}

#[test]
fn many_new_categories_are_found_though_each_is_rare() {
    let order = |prefix: &'static str| {
        let random = std::cell::RefCell::new(Random(prefix.len() as u64));
        move |row: &mut Vec<Value>| {
            row[2] = Value::Text(format!("{prefix}{:.0}", 1000.0 * random.borrow_mut().uniform()))
        }
    };
    let reference = rows(3000, 1, order("a"));
    let (same, other) = (reference[..300].to_vec(), rows(300, 2, order("b")));
    let reference = reference[300..].to_vec();
    let reference = Reference::fit(&schema(), unscored(&reference), &DriftOptions::default()).unwrap();
    assert!(!reference.compare(unscored(&same)).unwrap().alarm);
    let verdict = reference.compare(unscored(&other)).unwrap();
    assert!(verdict.alarm, "{verdict}");
    assert!(verdict.to_string().contains("unknown in training"), "{verdict}");
}

#[test]
fn segments_and_scores_are_compared_too() {
    let before = rows(3000, 1, |_| {});
    let options = DriftOptions { segments: vec!["carrier".into()], ..DriftOptions::default() };
    let scores = |rows: &[Vec<Value>], by: f64| rows.iter().zip(0..).map(|(_, i)| f64::from(i % 97) + by).collect();
    let scored: Vec<f64> = scores(&before, 0.0);
    let reference = Reference::fit(&schema(), Sample { rows: &before, scores: &scored }, &options).unwrap();
    let reference: Reference = serde_json::from_str(&serde_json::to_string(&reference).unwrap()).unwrap();
    let now = rows(600, 2, |row| {
        if row[2] == Value::Text("C1".into()) {
            shift(row, 0, 1.0);
        }
    });
    let moved: Vec<f64> = scores(&now, 40.0);
    let verdict = reference.compare(Sample { rows: &now, scores: &moved }).unwrap();
    let segment = Segment { feature: "carrier".into(), value: "C1".into() };
    let shifted = verdict.findings.iter().find(|finding| finding.segment.as_ref() == Some(&segment)).unwrap();
    assert_eq!(shifted.feature, SCORE);
    assert!(verdict.findings.iter().any(|f| f.feature == "load" && f.segment.as_ref() == Some(&segment)), "{verdict}");
    assert!(verdict.to_string().contains("where carrier is C1"), "{verdict}");
    // Four columns overall, and three in each of three segments.
    assert_eq!(verdict.compared, 13);
    assert_eq!(verdict, reference.compare(Sample { rows: &now, scores: &moved }).unwrap());
    assert!(chain(&reference.compare(unscored(&now)).unwrap_err()).contains("give one for each"));
}

#[test]
fn odd_batches_are_answered_or_refused() {
    let reference = Reference::fit(&schema(), unscored(&rows(100, 1, |_| {})), &DriftOptions::default()).unwrap();
    for batch in [vec![], rows(1, 2, |_| {}), vec![vec![Value::Missing; 3]; 50]] {
        reference.compare(unscored(&batch)).unwrap();
    }
    let constant = vec![vec![Value::Number(1.0), Value::Number(1.0), Value::Text("x".into())]; 60];
    let flat = Reference::fit(&schema(), unscored(&constant), &DriftOptions::default()).unwrap();
    assert!(!flat.compare(unscored(&constant)).unwrap().alarm);
    let error = chain(&reference.compare(unscored(&[vec![Value::Missing]])).unwrap_err());
    assert!(error.contains("row 0") && error.contains("1 values"), "{error}");
    let infinite = vec![vec![Value::Number(f64::INFINITY), Value::Missing, Value::Missing]];
    assert!(chain(&reference.compare(unscored(&infinite)).unwrap_err()).contains("load"));
    let options = DriftOptions { segments: vec!["load".into()], ..DriftOptions::default() };
    let error = chain(&Reference::fit(&schema(), unscored(&[]), &options).unwrap_err());
    assert!(error.contains("`segments`"), "{error}");
}

#[test]
fn the_list_follows_benjamini_and_yekutieli() {
    // Five equal weights: ratios are five times the probabilities; the harmonic sum is 2.2833.
    let tests = [0.2, 0.001, 0.008, 0.9, 0.0001].map(|p| (p, 0.2));
    // 0.0005 · 2.28 ≤ 0.05 · 1, 0.005 · 2.28 ≤ 0.05 · 2, 0.04 · 2.28 ≤ 0.05 · 3, 1 · 2.28 > 0.05 · 4.
    let family = weighted(&tests, 0.05);
    assert_eq!(family.listed, [4, 1, 2]);
    assert!((family.p - 0.0005).abs() < 1e-15);
    assert_eq!(weighted(&[(0.9, 0.5), (0.8, 0.5)], 0.05).listed, [1]);
    assert_eq!(weighted(&[], 0.05).p, 1.0);
}

#[test]
fn a_year_of_quiet_days_stays_quiet_and_a_break_is_found() {
    let mut years_with_alarm = 0;
    for seed in 0..500 {
        let mut random = Random(seed);
        let mut stream = OnlineFdr::new(0.05, 0.01);
        assert!((0..365).all(|_| stream.level() <= 0.01 && {
            stream.record(random.uniform());
            true
        }));
        years_with_alarm += u32::from(!stream.alarms().is_empty());
    }
    // At most 5 % of 500 years, 25 ± 5.
    assert!(years_with_alarm <= 35, "{years_with_alarm}");
    let mut stream = OnlineFdr::new(0.05, 0.01);
    assert!((0..100).all(|_| !stream.record(0.4)));
    let before = stream.level();
    assert!(stream.record(1e-7));
    assert!(stream.level() > 10.0 * before, "an alarm earns budget");
    let stored: OnlineFdr = serde_json::from_str(&serde_json::to_string(&stream).unwrap()).unwrap();
    assert_eq!((stored.tests(), stored.alarms(), stored.level()), (101, &[101][..], stream.level()));
}

/// Predictions that come true with the log odds `law` of the promised ones.
fn served(count: usize, seed: u64, law: impl Fn(f64) -> f64) -> Vec<Served> {
    let mut random = Random(seed);
    (0..count)
        .map(|row| {
            let z = 4.0 * random.uniform() - 3.0;
            let bad = random.uniform() < sigmoid(law(z));
            // Good outcomes are known after 2, bad ones after 10.
            let scored_at = row as i64;
            Served { probability: sigmoid(z), scored_at, outcome: Some((bad, scored_at + if bad { 10 } else { 2 })) }
        })
        .collect()
}

#[test]
fn early_outcomes_wait_for_the_late_ones() {
    let options = OutcomeOptions { wait: 10, ..OutcomeOptions::default() };
    let alarms = (0..300u64).filter(|seed| calibration(&served(200, *seed, |z| z), 190, options).p < 0.05);
    let alarms = alarms.count();
    // The tolerance makes the test conservative.
    assert!(alarms <= 20, "{alarms} of 300");
    let drift = calibration(&served(200, 1, |z| z), 190, options);
    assert_eq!((drift.rows, drift.waiting, drift.overdue), (181, 19, 0));
    // Without the wait, the last outcomes are nearly all good, and look like drift.
    let hasty = OutcomeOptions { wait: 2, ..options };
    let drift = calibration(&served(60, 1, |_| 2.0), 12, OutcomeOptions { rows_min: 5, ..hasty });
    assert!(drift.overdue > 0);
}

#[test]
fn each_failure_is_named() {
    let options = OutcomeOptions { wait: 10, ..OutcomeOptions::default() };
    type Law = fn(f64) -> f64;
    let cases: [(Law, Failure); 4] = [
        (|z| z + 0.8, Failure::TooLow),
        (|z| z - 0.8, Failure::TooHigh),
        (|z| 2.0 * z + 1.0, Failure::TooTimid),
        (|z| 0.3 * z - 0.6, Failure::TooBold),
    ];
    for (law, failure) in cases {
        let drift = calibration(&served(1500, 5, law), 1600, options);
        assert!(drift.p < 1e-3 && drift.failure == Some(failure), "{drift}");
    }
    let text = calibration(&served(1500, 5, |z| z + 0.8), 1600, options).to_string();
    assert!(text.starts_with("the probabilities are too low: promised 3"), "{text}");
    // Within the tolerance, however many rows.
    assert!(calibration(&served(50_000, 5, |z| z + 0.08), 60_000, options).p > 0.01);
    assert_eq!(calibration(&[], 0, options).p, 1.0);
}
