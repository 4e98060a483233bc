//! CEL expressions (Common Expression Language) over facts: detection rules, guards, quotes, preconditions and effects.
//!
//! Guarantees: an expression is compiled once, at load, with its place in the error; evaluation is pure. Every number is a
//! double, so that `quantity > 3.0` and `quantity > 3` mean the same; it sees only what is [`Canonical`], so nothing that a
//! message says. Non-goals: times (facts carry hours).
//!
//! ```compile_fail
//! use holdfast::{domain::message::Message, flow::expression::Scope};
//! fn fill_from(message: &Message) -> Scope {
//!     Scope::new().with("message", message)
//! }
//! ```

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::common::types::{CelBool, CelDouble, CelList, CelMap, CelMapKey, CelNull, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env, Program, Value as Cel};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::action::{ActionKind, RiskTier};
use crate::domain::case::Category;
use crate::domain::payload::Tier;
use crate::flow::facts::Facts;

/// What an expression may be given: what upstream systems reported, what the service derived from that, and what a person
/// put in. Nothing of a message, a reading or anything `Untrusted` is.
pub trait Canonical: Serialize {}

/// JSON that was recorded of such values before: evidence, limits, attributes of a case, parameters.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(transparent)]
pub struct Recorded<'a, T>(pub &'a T);

impl Canonical for Recorded<'_, Value> {}
impl Canonical for Recorded<'_, Map<String, Value>> {}
impl Canonical for Facts {}
impl Canonical for ActionKind {}
impl Canonical for Category {}
impl Canonical for RiskTier {}
impl Canonical for Tier {}
impl Canonical for bool {}
impl Canonical for f64 {}
impl<T: Canonical> Canonical for Option<T> {}

/// A compiled expression with its source.
pub struct Expression {
    source: String,
    program: Program,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It does not parse.
    #[error("expression `{expression}` does not parse: {message}")]
    Syntax {
        /// Its source.
        expression: String,
        /// What the parser said.
        message: String,
    },
    /// It cannot be evaluated on these facts.
    #[error("expression `{expression}` cannot be evaluated: {message}")]
    Evaluation {
        /// Its source.
        expression: String,
        /// What the evaluator said.
        message: String,
    },
    /// It gives another type than its place needs.
    #[error("expression `{expression}` gives {actual}, its place needs {expected}")]
    Type {
        /// Its source.
        expression: String,
        /// Needed.
        expected: &'static str,
        /// Given.
        actual: String,
    },
}

/// The variables that an expression sees: converted once, lent to every evaluation, and shared by copies.
#[derive(Clone)]
pub struct Scope {
    variables: Vec<(&'static str, Arc<dyn Val>)>,
}

impl Scope {
    /// No variables.
    #[must_use]
    pub fn new() -> Self {
        Self { variables: Vec::new() }
    }

    /// With one more variable; a value that has no JSON form is null.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &impl Canonical) -> Self {
        let json = serde_json::to_value(value).unwrap_or(Value::Null);
        self.variables.push((name, Arc::from(to_cel(&json))));
        self
    }
}

impl VariableResolver for Scope {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let (_, value) = self.variables.iter().find(|(name, _)| *name == variable)?;
        Some(CowVal::Borrowed(&**value))
    }
}

impl Default for Scope {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}

impl Expression {
    /// Compiles `source`.
    ///
    /// # Errors
    /// [`ExpressionError::Syntax`].
    pub fn compile(source: &str) -> Result<Self, ExpressionError> {
        let program = Program::compile(source)
            .map_err(|e| ExpressionError::Syntax { expression: source.to_owned(), message: e.to_string() })?;
        Ok(Self { source: source.to_owned(), program })
    }

    /// Its source.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    fn run(&self, scope: &Scope) -> Result<Cel, ExpressionError> {
        // The standard library is built once: it costs far more than an evaluation.
        static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        context.set_variable_resolver(scope);
        self.program
            .execute(&context)
            .map_err(|e| ExpressionError::Evaluation { expression: self.source.clone(), message: e.to_string() })
    }

    /// Its truth.
    ///
    /// # Errors
    /// [`ExpressionError`] when it cannot be evaluated or is no boolean.
    pub fn truth(&self, scope: &Scope) -> Result<bool, ExpressionError> {
        match self.run(scope)? {
            Cel::Bool(truth) => Ok(truth),
            other => Err(self.mistyped("a boolean", &other)),
        }
    }

    /// Its number.
    ///
    /// # Errors
    /// [`ExpressionError`] when it cannot be evaluated or is no number.
    pub fn number(&self, scope: &Scope) -> Result<f64, ExpressionError> {
        match self.run(scope)? {
            Cel::Float(number) => Ok(number),
            #[expect(clippy::cast_precision_loss, reason = "literals in rules are small")]
            Cel::Int(number) => Ok(number as f64),
            other => Err(self.mistyped("a number", &other)),
        }
    }

    /// Its value as JSON; whole numbers become integers.
    ///
    /// # Errors
    /// [`ExpressionError`] when it cannot be evaluated or has no JSON form.
    pub fn json(&self, scope: &Scope) -> Result<Value, ExpressionError> {
        let value = self.run(scope)?;
        let json = value
            .json()
            .map_err(|e| ExpressionError::Evaluation { expression: self.source.clone(), message: e.to_string() })?;
        Ok(whole(json))
    }

    fn mistyped(&self, expected: &'static str, actual: &Cel) -> ExpressionError {
        ExpressionError::Type { expression: self.source.clone(), expected, actual: actual.type_of().to_string() }
    }
}

fn to_cel(json: &Value) -> Box<dyn Val> {
    match json {
        Value::Null => Box::new(CelNull),
        Value::Bool(truth) => Box::new(CelBool::from(*truth)),
        Value::Number(number) => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        Value::String(text) => Box::new(CelString::from(text.clone())),
        Value::Array(items) => Box::new(CelList::from(items.iter().map(to_cel).collect::<Vec<_>>())),
        Value::Object(members) => {
            let entry = |(name, value): (&String, &Value)| (CelMapKey::from(name.clone()), to_cel(value));
            Box::new(CelMap::from(members.iter().map(entry).collect::<HashMap<_, _>>()))
        }
    }
}

fn whole(json: Value) -> Value {
    match json {
        Value::Number(number) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
            Some(f) if f.fract() == 0.0 && f.abs() < 9e15 => Value::from(f as i64),
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(members) => members.into_iter().map(|(k, v)| (k, whole(v))).collect(),
        other => other,
    }
}
