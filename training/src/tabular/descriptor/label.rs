//! What the outcome is: a column with two values, or a comparison of two columns.
//!
//! Guarantees: a comparison is of two numbers, of two times, or (for `==` and `!=`) of two texts; anything else is an
//! error that names line and column.
//!
//! Non-goals: arithmetic. Whatever needs more than a comparison belongs to whoever makes the file.

use serde::{Deserialize, Serialize};

use super::read::seconds;

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub enum LabelRule {
    /// A column and its two values.
    Column(LabelColumn),
    /// A comparison, true when the outcome is bad.
    Expression {
        /// What is compared.
        expression: Comparison,
        /// Whether rows in which either side is missing are left out, as those of open orders; otherwise an error.
        skip_missing: bool,
    },
}

/// The outcome's column and its two values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelColumn {
    /// Name of the column.
    pub column: String,
    /// The cell of a bad outcome.
    pub positive: String,
    /// The cell of a good outcome; without it, any other cell that is not missing.
    pub negative: Option<String>,
    /// Whether rows without an outcome are left out, as those of open orders; otherwise an error.
    pub skip_missing: bool,
}

/// `left operator right`, with spaces around the operator; a side that is not the name of a column is a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Name of a column, or a value.
    pub left: String,
    /// How they are compared.
    pub operator: Operator,
    /// Name of a column, or a value.
    pub right: String,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Above,
    /// `<`
    Below,
}

const OPERATORS: [(&str, Operator); 6] = [
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    (">", Operator::Above),
    ("<", Operator::Below),
];

/// As it stands in a descriptor.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    positive: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    negative: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expression: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    skip_missing: bool,
}

impl TryFrom<Raw> for LabelRule {
    type Error = String;

    fn try_from(raw: Raw) -> Result<LabelRule, String> {
        let Raw { column, positive, negative, expression, skip_missing } = raw;
        match (column, positive, expression) {
            (Some(column), Some(positive), None) => {
                Ok(LabelRule::Column(LabelColumn { column, positive, negative, skip_missing }))
            }
            (None, None, Some(text)) if negative.is_none() => {
                Ok(LabelRule::Expression { expression: Comparison::parse(&text)?, skip_missing })
            }
            _ => Err("the label needs either `column`, `positive` and `negative`, or `expression`".to_owned()),
        }
    }
}

impl From<LabelRule> for Raw {
    fn from(rule: LabelRule) -> Raw {
        match rule {
            LabelRule::Column(LabelColumn { column, positive, negative, skip_missing }) => {
                Raw { column: Some(column), positive: Some(positive), negative, skip_missing, ..Raw::default() }
            }
            LabelRule::Expression { expression, skip_missing } => {
                Raw { expression: Some(expression.to_string()), skip_missing, ..Raw::default() }
            }
        }
    }
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let operator = OPERATORS.iter().find(|(_, operator)| *operator == self.operator).map_or("", |(text, _)| text);
        write!(f, "{} {operator} {}", self.left, self.right)
    }
}

impl Comparison {
    fn parse(text: &str) -> Result<Comparison, String> {
        for (sign, operator) in OPERATORS {
            if let Some((left, right)) = text.split_once(&format!(" {sign} ")) {
                let (left, right) = (left.trim().to_owned(), right.trim().to_owned());
                if !left.is_empty() && !right.is_empty() && left != right {
                    return Ok(Comparison { left, operator, right });
                }
            }
        }
        Err(format!("the label expression `{text}` is not `left > right` (or >=, <, <=, ==, !=, between spaces)"))
    }

    /// Whether it holds for two values; `None` when they cannot be compared.
    pub(super) fn holds(&self, left: &str, right: &str) -> Option<bool> {
        let numbers = left.parse::<f64>().ok().zip(right.parse::<f64>().ok());
        let order = match numbers {
            Some((left, right)) => left.partial_cmp(&right)?,
            None => match (moment(left), moment(right)) {
                (Some(left), Some(right)) => left.cmp(&right),
                _ if matches!(self.operator, Operator::Equal | Operator::NotEqual) => left.cmp(right),
                _ => return None,
            },
        };
        Some(match self.operator {
            Operator::AtLeast => order.is_ge(),
            Operator::AtMost => order.is_le(),
            Operator::Equal => order.is_eq(),
            Operator::NotEqual => order.is_ne(),
            Operator::Above => order.is_gt(),
            Operator::Below => order.is_lt(),
        })
    }
}

/// A date or date-time; a number is none, lest `20` and a date compare.
fn moment(text: &str) -> Option<i64> {
    if text.parse::<f64>().is_ok() { None } else { seconds(text) }
}

impl LabelRule {
    /// What the outcome is read from: names of columns, or values.
    pub(super) fn sides(&self) -> Vec<&str> {
        match self {
            LabelRule::Column(label) => vec![&label.column],
            LabelRule::Expression { expression, .. } => vec![&expression.left, &expression.right],
        }
    }

    /// Whether rows without an outcome are left out.
    pub(super) fn skips_missing(&self) -> bool {
        match self {
            LabelRule::Column(label) => label.skip_missing,
            LabelRule::Expression { skip_missing, .. } => *skip_missing,
        }
    }
}
