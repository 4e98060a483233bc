//! What can go wrong while boosting, and how to mend it.
//!
//! Guarantees: every message names what was wrong, where, and what to do.
//!
//! Non-goals: errors of a stored model; those are [`super::ArtefactError`].

/// Boosted trees cannot be fitted.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BoostError {
    /// A setting outside its range.
    #[error("the setting `{name}` is {value}: give {expected}")]
    Setting {
        /// Which.
        name: &'static str,
        /// Its value.
        value: f64,
        /// Its range, in words.
        expected: &'static str,
    },
    /// Nothing to learn from.
    #[error("the records have {rows} rows and {columns} columns: give at least one of each")]
    Empty {
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
    },
    /// More than the trees can address.
    #[error("there are {found} {what} and at most {most} can be used: leave some out")]
    TooMany {
        /// `rows` or `columns`.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// Not one value per row.
    #[error("there are {found} {what} for {rows} rows: give one for each row")]
    Length {
        /// `targets` or `weights`.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// Rows.
        rows: usize,
    },
    /// Not the columns that were described or trained on.
    #[error("the {what} have {found} columns and {expected} are described: describe each column once, in order")]
    Width {
        /// `training records` or `watched records`.
        what: &'static str,
        /// Columns found.
        found: usize,
        /// Columns described.
        expected: usize,
    },
    /// A number that cannot be ordered into a bin.
    #[error("column {column} of row {row} is infinite: give a finite number, or NaN where the value is missing")]
    Infinite {
        /// Row index.
        row: usize,
        /// Column index.
        column: usize,
    },
    /// A category that is no code.
    #[error(
        "column {column} of row {row} is {value} and the column is categorical: give whole codes from 0 to {most}, \
         or NaN where the value is missing"
    )]
    Category {
        /// Row index.
        row: usize,
        /// Column index.
        column: usize,
        /// What was found.
        value: f32,
        /// The greatest code.
        most: u32,
    },
    /// A target that the objective cannot use.
    #[error("the target of row {row} is {value}: give {expected}")]
    Target {
        /// Row index.
        row: usize,
        /// What was found.
        value: f32,
        /// What the objective takes, in words.
        expected: &'static str,
    },
    /// A weight that is no weight.
    #[error("the weight of row {row} is {value}: give finite weights of at least 0, not all of them 0")]
    Weight {
        /// Row index.
        row: usize,
        /// What was found.
        value: f32,
    },
    /// A yes-or-no question with one answer.
    #[error("all {rows} targets that have a weight are {label}: collect rows of both outcomes before training")]
    OneClass {
        /// Rows.
        rows: usize,
        /// The only outcome.
        label: u8,
    },
    /// Nothing varies.
    #[error("every one of the {columns} columns is constant or missing over the training rows: add columns that vary")]
    Constant {
        /// Columns.
        columns: usize,
    },
    /// An error of linfa's own traits.
    #[error("the data set cannot be used")]
    Linfa(#[from] linfa::Error),
}
