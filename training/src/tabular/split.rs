//! Splitting by time: learn from the past, choose on what came next, measure on what came last.
//!
//! Guarantees: every training row is older than every validation row, and every validation row than every test row;
//! rows of one time stay together; with a gap, rows whose outcome was not yet known at the cut are set aside.
//!
//! Non-goals: random splits. They let a model learn from the future of the cases that it is measured on.

use serde::{Deserialize, Serialize};

/// What a row may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Fitting.
    Train,
    /// Choosing settings and calibrating.
    Valid,
    /// Measuring, once.
    Test,
    /// Nothing: too close before a cut.
    Gap,
}

/// A split cannot be made or is not in time order.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SplitError {
    /// Fractions that are no fractions.
    #[error("the split fractions {fractions:?} must be three positive numbers that sum to 1")]
    Fractions {
        /// Train, validation, test.
        fractions: [f64; 3],
    },
    /// A gap below zero.
    #[error("the split gap is {gap}: give zero or a positive time")]
    Gap {
        /// The gap.
        gap: i64,
    },
    /// Nothing left for one of the three.
    #[error("the {split:?} split has no rows: give more rows, spread over more times, or a smaller gap than {gap}")]
    Empty {
        /// Which.
        split: Split,
        /// The gap in use.
        gap: i64,
    },
    /// The given splits mix past and future.
    #[error(
        "a {early:?} row at time {early_time} is not older than a {late:?} row at {late_time}: split in time order"
    )]
    Order {
        /// The split that must come first.
        early: Split,
        /// Its last time.
        early_time: i64,
        /// The split that must come after.
        late: Split,
        /// Its first time.
        late_time: i64,
    },
}

/// Splits by time into `fractions` of the rows (train, validation, test). `gap`, in the unit of `times`, is how long an
/// outcome takes to be known: rows closer than that before a cut become [`Split::Gap`].
///
/// # Errors
/// [`SplitError`] for bad fractions or gap, or when a split has no rows.
pub fn by_time(times: &[i64], fractions: [f64; 3], gap: i64) -> Result<Vec<Split>, SplitError> {
    check_fractions(fractions)?;
    if gap < 0 {
        return Err(SplitError::Gap { gap });
    }
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let cut = |fraction: f64| {
        let index = (fraction * sorted.len() as f64).round() as usize;
        sorted.get(index).copied().unwrap_or(i64::MAX)
    };
    let (valid_from, test_from) = (cut(fractions[0]), cut(fractions[0] + fractions[1]));
    let known = |time: i64, at: i64, split: Split| if time.saturating_add(gap) > at { Split::Gap } else { split };
    let splits: Vec<Split> = times
        .iter()
        .map(|&time| match time {
            _ if time < valid_from => known(time, valid_from, Split::Train),
            _ if time < test_from => known(time, test_from, Split::Valid),
            _ => Split::Test,
        })
        .collect();
    for split in [Split::Train, Split::Valid, Split::Test] {
        if !splits.contains(&split) {
            return Err(SplitError::Empty { split, gap });
        }
    }
    Ok(splits)
}

/// Checks that given splits have rows each and follow each other in time.
///
/// # Errors
/// [`SplitError::Empty`] or [`SplitError::Order`].
pub fn check_order(times: &[i64], splits: &[Split]) -> Result<(), SplitError> {
    let span = |split: Split| {
        let of = || times.iter().zip(splits).filter(move |(_, s)| **s == split).map(|(time, _)| *time);
        of().min().zip(of().max()).ok_or(SplitError::Empty { split, gap: 0 })
    };
    let spans = [Split::Train, Split::Valid, Split::Test].map(|split| (split, span(split)));
    for pair in spans.windows(2) {
        if let [(early, first), (late, second)] = pair {
            let (early_time, late_time) = (first.clone()?.1, second.clone()?.0);
            if early_time >= late_time {
                return Err(SplitError::Order { early: *early, early_time, late: *late, late_time });
            }
        }
    }
    Ok(())
}

/// Checks that `fractions` are three positive numbers that sum to 1.
///
/// # Errors
/// [`SplitError::Fractions`].
pub fn check_fractions(fractions: [f64; 3]) -> Result<(), SplitError> {
    let positive = fractions.iter().all(|fraction| *fraction > 0.0);
    if positive && (fractions.iter().sum::<f64>() - 1.0).abs() < 1e-9 {
        return Ok(());
    }
    Err(SplitError::Fractions { fractions })
}
