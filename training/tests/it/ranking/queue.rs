//! Whose turn it is.

use holdfast_training::ranking::queue::{QueueOptions, Rank, Waiting, order, plan, rank};
use proptest::prelude::*;

fn waiting(value: f64, effort_minutes: f64) -> Waiting {
    Waiting { value, effort_minutes, waited_minutes: 0.0, useful_minutes: None, pinned: false }
}

#[test]
fn worth_per_minute_decides_after_pins_and_age_and_before_what_is_lost() {
    let cases = [
        waiting(50.0, 10.0),
        waiting(0.0, 1.0),
        Waiting { pinned: true, ..waiting(1.0, 30.0) },
        waiting(40.0, 2.0),
        Waiting { waited_minutes: 1e6, ..waiting(2.0, 5.0) },
        Waiting { useful_minutes: Some(3.0), ..waiting(900.0, 5.0) },
    ];
    let options = QueueOptions::default();
    assert_eq!(order(&cases, &options), [2, 4, 3, 0, 5, 1]);
    assert_eq!(rank(&cases[5], &options), Rank::Lost);
    let shift = plan(&cases, 40.0, &options);
    assert_eq!(shift.handled, [2, 4, 3]);
    assert!((shift.minutes - 37.0).abs() < 1e-12 && (shift.saved - 43.0).abs() < 1e-12);
    assert!((shift.forgone - 950.0).abs() < 1e-12);
}

#[test]
fn what_is_useless_when_its_turn_comes_is_left() {
    let cases = [waiting(100.0, 10.0), Waiting { useful_minutes: Some(12.0), ..waiting(30.0, 5.0) }];
    assert_eq!(plan(&cases, 60.0, &QueueOptions::default()).handled, [0]);
}

proptest! {
    #[test]
    fn a_plan_keeps_to_its_minutes_and_loses_no_case(
        cases in prop::collection::vec((-50.0..500.0f64, 0.0..40.0f64, 0.0..1e4f64, any::<bool>()), 0..40),
        capacity in 0.0..300.0f64,
    ) {
        let case = |(value, effort_minutes, waited_minutes, pinned)| {
            Waiting { value, effort_minutes, waited_minutes, useful_minutes: None, pinned }
        };
        let cases: Vec<Waiting> = cases.into_iter().map(case).collect();
        let shift = plan(&cases, capacity, &QueueOptions::default());
        prop_assert!(shift.minutes <= capacity);
        let mut all: Vec<usize> = shift.handled.iter().chain(&shift.left).copied().collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..cases.len()).collect::<Vec<_>>());
        let worth: f64 = cases.iter().map(|case| case.value.max(0.0)).sum();
        prop_assert!((shift.saved + shift.forgone - worth).abs() < 1e-6);
    }
}
