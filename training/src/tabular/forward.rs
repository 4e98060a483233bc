//! Forward folds: every choice is made on rows that came after those it was learned from.
//!
//! Purpose: cut the later part of the rows into blocks; each block is scored by models that had only the rows whose
//! outcome was known when it began (evaluation with a rolling origin, Tashman 2000). All blocks together are several
//! times the rows of one validation fold, and the model that is kept can be fitted again on every row before the test.
//!
//! Guarantees: no training row is younger than its block, and none closer before it than an outcome takes to be known;
//! rows of one time stay together.
//!
//! Non-goals: random folds.

use std::ops::Range;

/// Rows to learn from, and the block after them that they are judged on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fold {
    /// The first so many rows, in time order.
    pub(crate) known: usize,
    /// The block's rows.
    pub(crate) block: Range<usize>,
}

/// At most `folds` folds over rows at rising `times`; blocks begin after the share `from` of the rows. A block without
/// `rows_min` known rows of both outcomes before it is left out.
pub(crate) fn folds(
    times: &[i64],
    labels: &[bool],
    outcome_delay: i64,
    from: f64,
    folds: usize,
    rows_min: usize,
) -> Vec<Fold> {
    let rows = times.len();
    let first = (from * rows as f64) as usize;
    let edge = |part: usize| match first + part * (rows - first) / folds {
        // A block begins where a time begins.
        at if at < rows => times.partition_point(|time| *time < times[at]),
        _ => rows,
    };
    let mut result = Vec::new();
    for part in 0..folds {
        let block = edge(part)..edge(part + 1);
        let Some(&begin) = times.get(block.start) else { continue };
        let known = times.partition_point(|time| *time < begin && time.saturating_add(outcome_delay) <= begin);
        let bad = labels.iter().take(known).filter(|label| **label).count();
        if !block.is_empty() && known >= rows_min && bad > 0 && bad < known {
            result.push(Fold { known, block });
        }
    }
    result
}
