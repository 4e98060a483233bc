//! Who may learn from which row of a table.

use crate::tabular::options::TrainOptions;
use crate::tabular::split::{self, Split, SplitError};
use crate::tabular::table::Table;

/// How long an outcome takes to be known: what the options say, or the table if that is longer.
pub(super) fn delay(table: &Table, options: &TrainOptions) -> i64 {
    options.outcome_delay.max(table.facts.outcome_delay)
}

/// The splits of a table: those that it brings, without the rows whose outcome was not known at the next cut, else by time.
///
/// # Errors
/// [`SplitError`].
pub fn splits_of(table: &Table, options: &TrainOptions) -> Result<Vec<Split>, SplitError> {
    let delay = delay(table, options);
    let Some(splits) = &table.splits else { return split::by_time(&table.times, options.fractions, delay) };
    split::check_order(&table.times, splits)?;
    let begin =
        |of: Split| splits.iter().zip(&table.times).filter(|(split, _)| **split == of).map(|(_, time)| *time).min();
    let [valid, test] = [Split::Valid, Split::Test].map(|of| begin(of).unwrap_or(i64::MAX));
    let known = |time: i64, split: Split| match split {
        Split::Train if time.saturating_add(delay) > valid => Split::Gap,
        Split::Valid if time.saturating_add(delay) > test => Split::Gap,
        split => split,
    };
    Ok(splits.iter().zip(&table.times).map(|(split, time)| known(*time, *split)).collect())
}

/// Rows whose outcome is known when the test begins.
pub(crate) fn known_before_test(table: &Table, splits: &[Split], options: &TrainOptions) -> Vec<bool> {
    let of_test = splits.iter().zip(&table.times).filter(|(split, _)| **split == Split::Test);
    let begin = of_test.map(|(_, time)| *time).min().unwrap_or(i64::MAX);
    let delay = delay(table, options);
    // What a table sets aside stays aside; what a cut between training and validation set aside is known by now.
    let aside = |row: usize| table.splits.as_ref().is_some_and(|given| given.get(row) == Some(&Split::Gap));
    let known = |(row, (split, time)): (usize, (&Split, &i64))| {
        *split != Split::Test && !aside(row) && time.saturating_add(delay) <= begin
    };
    splits.iter().zip(&table.times).enumerate().map(known).collect()
}
