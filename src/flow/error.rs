//! What can go wrong in the flow, in words for callers and neutral of any transport; `web::error` maps it to HTTP once.

use serde_json::Value;

use crate::domain::case::InvalidCaseTransition;
use crate::domain::digest::NotCanonical;
use crate::domain::proposal::InvalidTransition;
use crate::flow::assess::summary::SummaryError;
use crate::flow::assess::summary::frames::FramesError;
use crate::flow::expression::ExpressionError;
use crate::ports::language::LanguageError;
use crate::ports::store::{MaybeConflict, StoreError};
use crate::ports::vectors::VectorError;

/// An error of a flow function.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// Nothing has this id.
    #[error("there is no {kind} `{id}`")]
    NotFound {
        /// `case`, `proposal`, …
        kind: &'static str,
        /// As given.
        id: String,
    },
    /// The request cannot be understood or breaks a rule of its own.
    #[error("{message}")]
    Invalid {
        /// Stable code.
        code: &'static str,
        /// What, where and how to mend it.
        message: String,
        /// JSON pointer to the member at fault.
        pointer: Option<String>,
    },
    /// The state of things does not allow it now.
    #[error("{message}")]
    Conflict {
        /// Stable code (`approval-stale`, `lease-lost`, `event-conflict`, `invalid-transition`, …).
        code: &'static str,
        /// What stands against it.
        message: String,
        /// Particulars for the caller.
        detail: Value,
    },
    /// The caller's copy is old.
    #[error("the {kind} is at version {actual}, not {expected}; read it again and decide on what it says now")]
    Stale {
        /// What.
        kind: &'static str,
        /// The caller's version.
        expected: i64,
        /// The stored one.
        actual: i64,
    },
    /// Policy says no.
    #[error("{reason}")]
    Denied {
        /// Stable code (`separation-of-duties`, `not-permitted`, …).
        code: &'static str,
        /// In words.
        reason: String,
        /// The Cedar policies that decided.
        policies: Vec<String>,
    },
    /// Too late.
    #[error("{message}")]
    Expired {
        /// What expired.
        message: String,
    },
    /// A model is missing or too busy.
    #[error(transparent)]
    Language(#[from] LanguageError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vector store failed.
    #[error(transparent)]
    Vectors(#[from] VectorError),
    /// A rule's expression failed.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// A value that cannot be hashed.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// The frame file of summaries does not load.
    #[error(transparent)]
    Frames(#[from] FramesError),
}

impl From<SummaryError> for FlowError {
    fn from(error: SummaryError) -> Self {
        match error {
            SummaryError::NotCanonical(error) => error.into(),
            SummaryError::Frames(error) => error.into(),
        }
    }
}

impl From<InvalidTransition> for FlowError {
    fn from(error: InvalidTransition) -> Self {
        Self::Conflict { code: "invalid-transition", message: error.to_string(), detail: Value::Null }
    }
}

impl From<InvalidCaseTransition> for FlowError {
    fn from(error: InvalidCaseTransition) -> Self {
        Self::Conflict { code: "invalid-transition", message: error.to_string(), detail: Value::Null }
    }
}

impl MaybeConflict for FlowError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_conflict())
    }
}
