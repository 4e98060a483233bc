//! Why a risk model cannot be trained.

use crate::tabular::learner::LearnerError;
use crate::tabular::metrics::MetricError;
use crate::tabular::options::OptionsError;
use crate::tabular::split::{Split, SplitError};
use crate::tabular::table::TableError;

/// A risk model cannot be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A setting that makes no sense.
    #[error("the training options cannot be used")]
    Options(#[source] OptionsError),
    /// The table itself.
    #[error("the training table cannot be used")]
    Table(#[source] TableError),
    /// Too little to learn from.
    #[error("the table has {found} rows and training needs at least {needed}: collect more, or lower `rows_min`")]
    TooFewRows {
        /// Rows of the table.
        found: usize,
        /// Rows needed.
        needed: usize,
    },
    /// The splits.
    #[error("the table cannot be split in time order")]
    Split(#[source] SplitError),
    /// A split with one outcome only.
    #[error("all {rows} rows of the {split:?} split have the outcome {label}: collect rows of both, or move the cuts")]
    OneClass {
        /// Which.
        split: Split,
        /// Its rows.
        rows: usize,
        /// Its only outcome.
        label: bool,
    },
    /// A feature that knows the outcome.
    #[error(
        "feature `{feature}` alone reaches ROC-AUC {auc:.4} (limit {limit}): it was probably filled in after the outcome; \
         declare it a leak, or raise `leak_auc` if it was known in time"
    )]
    Leak {
        /// The feature.
        feature: String,
        /// What it reaches on the training rows.
        auc: f64,
        /// The limit in force.
        limit: f64,
    },
    /// The learner.
    #[error("{learner} failed")]
    Learner {
        /// Which.
        learner: String,
        /// Why.
        #[source]
        source: LearnerError,
    },
    /// Outcomes come too late for any row to be scored by what was known before it.
    #[error(
        "none of the {rows} rows before the test has {needed} earlier rows of both outcomes that were known in time: \
         collect a longer history"
    )]
    NoFold {
        /// Rows before the test.
        rows: usize,
        /// Needed before a row.
        needed: usize,
    },
    /// A rule on a feature that does not exist.
    #[error("the rule `{rule}` is about feature `{feature}`, which the table does not have")]
    Rule {
        /// Its name.
        rule: String,
        /// The feature.
        feature: String,
    },
    /// A feature that was not known in time.
    #[error(
        "feature `{feature}` post-dates its cut in {rows} rows: in row {row} it was known at {known_at}, after the row's own \
         time {time}; leave it out, or give the value that was known then"
    )]
    PostDated {
        /// The feature.
        feature: String,
        /// In how many rows.
        rows: usize,
        /// The first of them, counted from 0.
        row: usize,
        /// When its value was known.
        known_at: i64,
        /// The row's time.
        time: i64,
    },
    /// What belongs together lies on both sides of a cut.
    #[error(
        "the group `{group}`, one of {groups}, has rows in the {early:?} and in the {late:?} split, so that what is measured \
         was learned from: move the cut, or set the earlier rows aside"
    )]
    Group {
        /// The group.
        group: String,
        /// How many groups do.
        groups: usize,
        /// One split.
        early: Split,
        /// The other.
        late: Split,
    },
    /// No learner keeps the promise that the risk only rises or falls with a feature.
    #[error("only boosted trees keep a feature monotone: let at least one compete")]
    Monotone,
    /// The caller wanted no more.
    #[error("training was cancelled; nothing was kept")]
    Cancelled,
    /// A measure.
    #[error("the model cannot be measured")]
    Metric(#[source] MetricError),
}
