//! Intervals: ranks by hand, coverage overall and by segment, recovery from a shift, odd input.

use crate::support::Random;
use holdfast_training::tabular::conformal::adaptive::Adaptive;
use holdfast_training::tabular::conformal::{Conformal, ConformalError, ConformalOptions, Interval};
use holdfast_training::tabular::statistics::normal;

const SEGMENTS: [(&str, f64, f64); 4] = [("a", 2.0, 0.1), ("b", 5.0, 0.2), ("c", 10.0, 0.4), ("d", 30.0, 0.6)];

/// A prediction that knows the typical days of a segment and not how much they vary; the segment; the days.
fn case(random: &mut Random, stretch: f64) -> (Interval, &'static str, f64) {
    let (segment, typical, deviation) = SEGMENTS[(random.uniform() * 4.0) as usize];
    let days = typical * stretch * (deviation * normal::quantile(random.uniform())).exp();
    (Interval { low: 0.8 * typical, high: 1.25 * typical }, segment, days)
}

fn fit(rows: usize, random: &mut Random) -> Conformal {
    let cases: Vec<_> = (0..rows).map(|_| case(random, 1.0)).collect();
    let predictions: Vec<Interval> = cases.iter().map(|case| case.0).collect();
    let segments: Vec<&str> = cases.iter().map(|case| case.1).collect();
    let days: Vec<f64> = cases.iter().map(|case| case.2).collect();
    Conformal::fit(&predictions, &days, &segments, ConformalOptions::default()).unwrap()
}

/// Share of `inside`, and that of each segment.
fn shares(inside: &[(&str, bool)]) -> (f64, Vec<f64>) {
    let share = |of: Vec<bool>| of.iter().filter(|inside| **inside).count() as f64 / of.len() as f64;
    let of = |segment: &str| inside.iter().filter(|case| case.0 == segment).map(|case| case.1).collect();
    (share(inside.iter().map(|case| case.1).collect()), SEGMENTS.iter().map(|s| share(of(s.0))).collect())
}

#[test]
fn the_rank_counts_the_new_row_in() {
    // 39 outcomes 1 … 39 around a prediction of one point: each end at rank ceil(40 · 0.95) = 38 of 39.
    let days: Vec<f64> = (1..=39).map(f64::from).collect();
    let point = Interval { low: 20.0, high: 20.0 };
    let conformal = Conformal::fit(&[point; 39], &days, &[], ConformalOptions::default()).unwrap();
    assert_eq!(conformal.interval(point, "anything"), Interval { low: 2.0, high: 38.0 });
    assert_eq!((conformal.rows("anything"), conformal.coverage()), (39, 0.9));
    let error = Conformal::fit(&[point; 18], &days[..18], &[], ConformalOptions::default()).unwrap_err();
    assert_eq!(error, ConformalError::TooFewRows { rows: 18, coverage: 0.9, needed: 19 });
    let least = Conformal::fit(&[point; 19], &days[..19], &[], ConformalOptions::default()).unwrap();
    assert_eq!(least.interval(point, ""), Interval { low: 1.0, high: 19.0 });
}

#[test]
fn coverage_holds_overall_and_in_each_segment() {
    let mut random = Random(1);
    let conformal = fit(4000, &mut random);
    let mut inside = Vec::new();
    for _ in 0..8000 {
        let (prediction, segment, days) = case(&mut random, 1.0);
        inside.push((segment, conformal.interval(prediction, segment).contains(days)));
    }
    let (all, segments) = shares(&inside);
    assert!((0.88..0.92).contains(&all), "{all}");
    assert!(segments.iter().all(|share| (0.86..0.94).contains(share)), "{segments:?}");
    // A segment that calibration hardly saw gets the margins of all.
    assert_eq!(conformal.rows("new"), 4000);
}

#[test]
fn the_adaptive_interval_recovers_from_a_shift() {
    let mut random = Random(2);
    let conformal = fit(4000, &mut random);
    let mut adaptive = Adaptive::new(conformal.clone());
    let mut after = Vec::new();
    for index in 0..6000 {
        let (prediction, segment, days) = case(&mut random, if index < 2000 { 1.0 } else { 1.2 });
        let inside = adaptive.interval(prediction, segment).contains(days);
        after.push((segment, inside, conformal.interval(prediction, segment).contains(days)));
        adaptive.observe(prediction, segment, days);
        if index == 3000 {
            // Stored and read back, it goes on as before.
            adaptive = serde_json::from_str(&serde_json::to_string(&adaptive).unwrap()).unwrap();
        }
    }
    let share = |range: std::ops::Range<usize>, fixed: bool| {
        let inside: Vec<_> = after[range].iter().map(|case| (case.0, if fixed { case.2 } else { case.1 })).collect();
        shares(&inside)
    };
    assert!(share(2000..2300, true).0 < 0.8);
    assert!(share(2100..2300, false).0 >= 0.88);
    let (all, segments) = share(2300..6000, false);
    assert!((0.88..0.92).contains(&all) && segments.iter().all(|share| (0.88..0.92).contains(share)), "{segments:?}");
}

#[test]
fn the_adaptive_interval_shrinks_too() {
    let mut random = Random(3);
    let mut adaptive = Adaptive::new(fit(4000, &mut random));
    let prediction = Interval { low: 24.0, high: 37.5 };
    let before = adaptive.interval(prediction, "d").width();
    for _ in 0..3000 {
        adaptive.observe(prediction, "d", 30.0 + random.uniform());
    }
    let after = adaptive.interval(prediction, "d");
    assert!(after.width() < 0.1 * before && after.contains(30.5), "{after:?}");
}

#[test]
fn odd_input_is_refused_or_survived() {
    let one = Interval { low: 1.0, high: 2.0 };
    let fit = |coverage: f64, predictions: &[Interval], days: &[f64], segments: &[&str]| {
        let options = ConformalOptions { coverage, ..ConformalOptions::default() };
        Conformal::fit(predictions, days, segments, options)
    };
    assert!(matches!(fit(1.0, &[one], &[1.0], &[]), Err(ConformalError::Coverage { .. })));
    assert!(matches!(fit(f64::NAN, &[one], &[1.0], &[]), Err(ConformalError::Coverage { .. })));
    assert!(matches!(fit(0.9, &[one], &[], &[]), Err(ConformalError::Length { .. })));
    assert!(matches!(fit(0.9, &[one; 2], &[1.0; 2], &["a"]), Err(ConformalError::Length { .. })));
    assert!(matches!(fit(0.9, &[], &[], &[]), Err(ConformalError::TooFewRows { rows: 0, .. })));
    assert_eq!(fit(0.9, &[one; 2], &[1.0, f64::NAN], &[]), Err(ConformalError::NotFinite { row: 1 }));
    let crossed = Interval { low: 2.0, high: 1.0 };
    let conformal = fit(0.9, &[crossed; 50], &[1.5; 50], &[]).unwrap();
    let interval = conformal.interval(crossed, "");
    assert!(interval.low <= interval.high);
    let mut adaptive = Adaptive::new(conformal);
    let before = adaptive.clone();
    adaptive.observe(one, "", f64::INFINITY);
    assert_eq!(adaptive, before);
    for _ in 0..1000 {
        adaptive.observe(one, "", 1e300);
    }
    let interval = adaptive.interval(one, "");
    assert!(interval.low.is_finite() && interval.high.is_finite() && interval.low <= interval.high);
}
