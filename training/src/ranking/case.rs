//! Cases, the actions that are open in them, and what came of those that were resolved.
//!
//! Guarantees: [`Schema::check`] and [`Schema::check_resolved`] name the first thing that the models could not use.
//!
//! Non-goals: names. Categories and actions are numbers here; the service keeps the names that they stand for.

use serde::{Deserialize, Serialize};

/// What a feature holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// Whether its numbers are codes 0, 1, 2, … of at most 32 kinds.
    pub categorical: bool,
    /// Whether nothing should be recommended without it.
    pub critical: bool,
}

/// What cases look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The features, in order.
    pub features: Vec<Feature>,
    /// Number of categories; they are 0, 1, 2, ….
    pub categories: usize,
    /// Number of actions; they are 0, 1, 2, … and may mean another thing in another category.
    pub actions: usize,
}

/// One action that may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which action.
    pub action: usize,
    /// What it costs to carry out, as quoted; money, negative where it brings some in.
    pub quote: f64,
    /// Minutes of an approver that it takes.
    pub effort_minutes: f64,
}

/// An open case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Its category.
    pub category: usize,
    /// One number per feature as known now; NaN where it is missing.
    pub features: Vec<f64>,
    /// What a miss costs by contract; money, at least 0.
    pub penalty: f64,
    /// What is allowed.
    pub candidates: Vec<Candidate>,
}

/// A case that was resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    /// The case as it was known when the action was taken.
    pub case: Case,
    /// Index, among its candidates, of the action taken.
    pub taken: usize,
    /// Whether the date was missed.
    pub missed: bool,
    /// All that it cost, quote and penalty included; money.
    pub cost: f64,
    /// Hours until it was resolved.
    pub resolve_hours: f64,
}

/// A case cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CaseError {
    /// Nothing to learn from.
    #[error("there are no resolved cases: collect outcomes before training")]
    Empty,
    /// Too many kinds of something.
    #[error(
        "the schema has {categories} categories of {actions} actions: at most {most} pairs of these can be told apart"
    )]
    Schema {
        /// Categories.
        categories: usize,
        /// Actions.
        actions: usize,
        /// The limit on their product.
        most: usize,
    },
    /// Not one number per feature.
    #[error("case {row} has {found} features and {expected} are described: give one number, or NaN, for each")]
    Width {
        /// Index of the case.
        row: usize,
        /// Features found.
        found: usize,
        /// Features described.
        expected: usize,
    },
    /// A code beyond the schema.
    #[error("the {what} of case {row} is {value}: give a whole number below {limit}")]
    Code {
        /// Index of the case.
        row: usize,
        /// `category`, `action`, `action taken` or the name of a categorical feature.
        what: String,
        /// What was found.
        value: f64,
        /// The first number that is too great.
        limit: usize,
    },
    /// A number that cannot be computed with.
    #[error("the {what} of case {row} is {value}: give {expected}")]
    Number {
        /// Index of the case.
        row: usize,
        /// `penalty`, `quote`, `effort`, `cost` or the name of a feature.
        what: String,
        /// What was found.
        value: f64,
        /// What is taken, in words.
        expected: &'static str,
    },
}

/// Kinds of a categorical feature.
pub(crate) const KINDS_MAX: usize = 32;
/// Pairs of category and action.
const PAIRS_MAX: usize = 4096;

impl Schema {
    /// The number of (category, action) pairs.
    pub fn pairs(&self) -> usize {
        self.categories * self.actions
    }

    /// The number of a pair.
    pub fn pair(&self, category: usize, action: usize) -> usize {
        category * self.actions + action
    }

    /// Checks one case; `row` is what an error calls it.
    ///
    /// # Errors
    /// [`CaseError`].
    pub fn check(&self, row: usize, case: &Case) -> Result<(), CaseError> {
        let (found, expected) = (case.features.len(), self.features.len());
        if found != expected {
            return Err(CaseError::Width { row, found, expected });
        }
        code(row, "category", case.category as f64, self.categories)?;
        for (feature, &value) in self.features.iter().zip(&case.features) {
            if value.is_nan() {
                continue;
            }
            if feature.categorical {
                code(row, &feature.name, value, KINDS_MAX)?;
            } else {
                number(row, &feature.name, value, value.is_finite(), "a finite number, or NaN where it is missing")?;
            }
        }
        amount(row, "penalty", case.penalty)?;
        for candidate in &case.candidates {
            code(row, "action", candidate.action as f64, self.actions)?;
            number(row, "quote", candidate.quote, candidate.quote.is_finite(), "a finite amount")?;
            amount(row, "effort", candidate.effort_minutes)?;
        }
        Ok(())
    }

    /// Checks resolved cases and the schema itself.
    ///
    /// # Errors
    /// [`CaseError`], naming the case.
    pub fn check_resolved(&self, rows: &[Resolved]) -> Result<(), CaseError> {
        let (categories, actions) = (self.categories, self.actions);
        if categories.checked_mul(actions).is_none_or(|pairs| pairs > PAIRS_MAX) {
            return Err(CaseError::Schema { categories, actions, most: PAIRS_MAX });
        }
        if rows.is_empty() {
            return Err(CaseError::Empty);
        }
        for (row, resolved) in rows.iter().enumerate() {
            self.check(row, &resolved.case)?;
            code(row, "action taken", resolved.taken as f64, resolved.case.candidates.len())?;
            number(row, "cost", resolved.cost, resolved.cost.is_finite(), "a finite amount")?;
            let hours = resolved.resolve_hours;
            number(row, "time to resolve", hours, hours.is_finite() && hours >= 0.0, "hours of at least 0")?;
        }
        Ok(())
    }

    /// The names of critical features that the case lacks.
    pub fn missing_critical(&self, case: &Case) -> Vec<String> {
        let pairs = self.features.iter().zip(&case.features);
        pairs.filter(|(feature, value)| feature.critical && value.is_nan()).map(|(f, _)| f.name.clone()).collect()
    }
}

impl Resolved {
    /// The action taken; `None` when the index is beyond the candidates.
    pub fn chosen(&self) -> Option<&Candidate> {
        self.case.candidates.get(self.taken)
    }
}

fn code(row: usize, what: &str, value: f64, limit: usize) -> Result<(), CaseError> {
    let ok = value >= 0.0 && value < limit as f64 && value.fract() == 0.0;
    if ok { Ok(()) } else { Err(CaseError::Code { row, what: what.to_owned(), value, limit }) }
}

fn amount(row: usize, what: &str, value: f64) -> Result<(), CaseError> {
    number(row, what, value, value.is_finite() && value >= 0.0, "a finite number of at least 0")
}

fn number(row: usize, what: &str, value: f64, ok: bool, expected: &'static str) -> Result<(), CaseError> {
    if ok { Ok(()) } else { Err(CaseError::Number { row, what: what.to_owned(), value, expected }) }
}
