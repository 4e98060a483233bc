//! Splits follow time.

use holdfast_training::tabular::split::{Split, SplitError, by_time, check_order};

const SHARES: [f64; 3] = [0.7, 0.1, 0.2];

#[test]
fn splits_follow_time_whatever_the_row_order() {
    let times: Vec<i64> = (0..100).map(|row| (row * 37) % 100).collect();
    let splits = by_time(&times, SHARES, 0).unwrap();
    for (&time, &split) in times.iter().zip(&splits) {
        let expected = if time < 70 {
            Split::Train
        } else if time < 80 {
            Split::Valid
        } else {
            Split::Test
        };
        assert_eq!(split, expected, "time {time}");
    }
    check_order(&times, &splits).unwrap();
}

#[test]
fn a_gap_sets_aside_what_was_not_known_at_the_cut() {
    let times: Vec<i64> = (0..100).collect();
    let splits = by_time(&times, SHARES, 5).unwrap();
    let of = |split| splits.iter().positions(split);
    assert_eq!(of(Split::Gap), [66, 67, 68, 69, 76, 77, 78, 79]);
    assert_eq!(of(Split::Train).last(), Some(&65));
}

#[test]
fn equal_times_stay_together() {
    let times = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2];
    let splits = by_time(&times, [0.5, 0.2, 0.3], 0).unwrap();
    for split in [Split::Train, Split::Valid, Split::Test] {
        let of = splits.iter().positions(split);
        assert!(of.iter().all(|row| times[*row] == times[of[0]]), "{splits:?}");
    }
}

#[test]
fn what_cannot_be_split_is_an_error() {
    assert!(matches!(by_time(&[1; 50], SHARES, 0), Err(SplitError::Empty { split: Split::Train, .. })));
    assert!(matches!(by_time(&[], SHARES, 0), Err(SplitError::Empty { .. })));
    assert!(matches!(by_time(&[1, 2, 3], [0.5, 0.5, 0.5], 0), Err(SplitError::Fractions { .. })));
    assert!(matches!(by_time(&[1, 2, 3], [f64::NAN, 0.5, 0.5], 0), Err(SplitError::Fractions { .. })));
    assert!(matches!(by_time(&[1, 2, 3], SHARES, -1), Err(SplitError::Gap { gap: -1 })));
    assert!(matches!(by_time(&[i64::MIN, 0, i64::MAX], SHARES, i64::MAX), Err(SplitError::Empty { .. })));
}

#[test]
fn given_splits_must_follow_time() {
    let splits = [Split::Train, Split::Valid, Split::Test];
    check_order(&[1, 2, 3], &splits).unwrap();
    assert!(matches!(check_order(&[2, 2, 3], &splits), Err(SplitError::Order { early: Split::Train, .. })));
    assert!(matches!(check_order(&[1, 3, 2], &splits), Err(SplitError::Order { early: Split::Valid, .. })));
}

trait Positions {
    fn positions(self, split: Split) -> Vec<usize>;
}

impl<'a, I: Iterator<Item = &'a Split>> Positions for I {
    fn positions(self, split: Split) -> Vec<usize> {
        self.enumerate().filter(|(_, other)| **other == split).map(|(row, _)| row).collect()
    }
}
