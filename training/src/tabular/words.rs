//! Numbers as people read them.
//!
//! Guarantees: at most about four digits, whatever the size.
//!
//! Non-goals: units and languages.

use super::table::Value;

/// A number with the digits that a reader wants: whole numbers as they are, others with three or four digits.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size < 1e15 && value == value.trunc() => format!("{value:.0}"),
        size if size >= 1e15 => format!("{value:.2e}"),
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        size if size >= 0.001 => format!("{value:.4}"),
        _ => format!("{value:.2e}"),
    }
}

/// A value, its number shortened.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::Number(of) => number(*of),
        other => other.to_string(),
    }
}
