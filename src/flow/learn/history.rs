//! History: assessments and their outcomes as what training learns from.
//!
//! Guarantees: features enter as they were served, never computed again; a row whose outcome was known when its features
//! were taken is refused by name, and one taken at the very instant of its outcome predicts nothing and is left out; equal
//! histories have an equal digest. Non-goals: fitting and splitting; what was done on a case, see `resolved`.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::digest::{self, NotCanonical};
use crate::domain::ids::AssessmentId;
use crate::domain::outcome::HistoryRow;
use crate::flow::assess::features;

/// A history that must not be learned from.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The as-of guarantee is broken.
    #[error(
        "feature post-dates its cut: assessment `{id}` of order `{order_id}` line {line_no} was taken at {as_of}, when the \
         outcome was known since {known_at}; remove the row, or mend what assessed a finished line"
    )]
    PostDatesCut {
        /// The assessment.
        id: AssessmentId,
        /// Its order.
        order_id: String,
        /// Its line.
        line_no: u32,
        /// When its features were taken.
        as_of: Timestamp,
        /// When the outcome became known.
        known_at: Timestamp,
    },
    /// A row of another width.
    #[error("assessment `{id}` has {found} features and schema `{schema}` has {expected}: mend or remove the row")]
    Width {
        /// The assessment.
        id: AssessmentId,
        /// The schema.
        schema: &'static str,
        /// Its features.
        expected: usize,
        /// The row's.
        found: usize,
    },
    /// A row that cannot be hashed.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
}

/// What a risk model is trained on, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrainingSet {
    /// Feature values in schema order, as served.
    pub rows: Vec<Vec<Value>>,
    /// Whether the ship date was missed.
    pub labels: Vec<bool>,
    /// When the features were known, in seconds since 1970.
    pub times: Vec<i64>,
    /// Hours from then until the line shipped, where that is known.
    pub hours: Vec<Option<f64>>,
    /// First and last of these.
    pub window: Option<[Timestamp; 2]>,
    /// Seconds after which nine of ten outcomes were known, at most a tenth of the window.
    pub delay_s: i64,
    /// SHA-256 over all of it.
    pub digest: String,
}

/// The training set of a history (rows of [`features::SCHEMA_VERSION`], as the store gives them).
///
/// # Errors
/// [`HistoryError`], naming the row.
pub fn training_set(history: &[HistoryRow]) -> Result<TrainingSet, HistoryError> {
    let width = features::schema().len();
    let mut set = TrainingSet::default();
    for HistoryRow { assessment, outcome, .. } in history {
        let (id, found) = (assessment.id, assessment.features.len());
        if outcome.known_at == assessment.as_of {
            continue;
        }
        if outcome.known_at < assessment.as_of {
            return Err(HistoryError::PostDatesCut {
                id,
                order_id: assessment.order_id.clone(),
                line_no: assessment.line_no,
                as_of: assessment.as_of,
                known_at: outcome.known_at,
            });
        }
        if found != width {
            return Err(HistoryError::Width { id, schema: features::SCHEMA_VERSION, expected: width, found });
        }
        set.rows.push(assessment.features.clone());
        set.labels.push(outcome.missed);
        set.times.push(assessment.as_of.as_second());
        set.hours.push(outcome.shipped_at.map(|at| hours(assessment.as_of, at)).filter(|hours| *hours >= 0.0));
        let first = set.window.map_or(assessment.as_of, |[first, _]| first);
        set.window = Some([first, assessment.as_of]);
    }
    set.delay_s = delay_s(history, set.window);
    set.digest = digest::hex_of(&json!({
        "schema": features::SCHEMA_VERSION, "rows": set.rows, "labels": set.labels, "times": set.times, "hours": set.hours,
    }))?;
    Ok(set)
}

/// Hours from one time to another, in whole seconds; negative backwards.
#[expect(clippy::cast_precision_loss, reason = "seconds of an order's life")]
pub(super) fn hours(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs() as f64 / 3600.0
}

fn delay_s(history: &[HistoryRow], window: Option<[Timestamp; 2]>) -> i64 {
    let delay = |row: &HistoryRow| row.outcome.known_at.duration_since(row.assessment.as_of).as_secs();
    let mut delays: Vec<i64> = history.iter().map(delay).collect();
    delays.sort_unstable();
    let tenth_s = window.map_or(0, |[first, last]| last.duration_since(first).as_secs() / 10);
    delays.get(delays.len() * 9 / 10).copied().unwrap_or(0).min(tenth_s)
}
