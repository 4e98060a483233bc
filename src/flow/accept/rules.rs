//! Detection rules: the versioned file that says which facts make an exception.
//!
//! Guarantees: [`Rules::load`] compiles every expression and tries it on full and on sparse facts, so that a rule that
//! cannot work is refused with its id and field before it serves; finding conditions is pure. Non-goals: the lifecycle of
//! cases; see `detect`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::template::Template;
use crate::domain::case::{CaseKey, Category, Origin, Severity};
use crate::flow::expression::{Expression, ExpressionError, Recorded, Scope};
use crate::flow::facts::{self, Facts};

/// The rules that serve.
#[derive(Debug)]
pub struct Rules {
    version: String,
    limits: Value,
    owners: BTreeMap<Category, String>,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    id: String,
    category: Category,
    scope: RuleScope,
    when: Expression,
    wake_h: Option<Expression>,
    location: Option<Expression>,
    severity: Severity,
    owner: String,
    detail: Template,
    attributes: Vec<(String, Expression)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RuleScope {
    Order,
    Line,
}

/// A condition that holds: what a case says while it is open.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "see Case")]
pub struct Condition {
    pub key: CaseKey,
    pub origin: Origin,
    pub severity: Severity,
    pub owner: String,
    pub detail: String,
    pub attributes: Map<String, Value>,
    pub due_at: Option<Timestamp>,
}

/// What the rules find on an order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// At most one per key, in the order of the file.
    pub conditions: Vec<Condition>,
    /// Hours until time alone may change it.
    pub wake_h: Option<f64>,
}

/// Why a rule file is refused.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// It is not the TOML that it should be.
    #[error("rule file: {0}")]
    Syntax(String),
    /// A category has no owner.
    #[error("rule file: `owners` has no entry for category `{0}`; name the group that looks after it")]
    NoOwner(&'static str),
    /// Two rules have one id.
    #[error("rule file: rule id `{0}` is used twice; ids must differ, since cases name them")]
    DuplicateId(String),
    /// One rule is wrong.
    #[error("rule `{rule}`, field `{field}`: {message}")]
    Rule {
        /// Its id.
        rule: String,
        /// Its field.
        field: String,
        /// What is wrong and how to mend it.
        message: String,
    },
    /// The sample facts are broken (a defect of this program).
    #[error("sample facts: {0}")]
    Sample(String),
}

/// A rule that could not be evaluated on real facts.
#[derive(Debug, thiserror::Error)]
#[error("rule `{rule}`: {source}")]
pub struct RuleFailed {
    /// Its id.
    pub rule: String,
    /// What went wrong.
    pub source: ExpressionError,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    #[serde(default)]
    limits: BTreeMap<String, f64>,
    owners: BTreeMap<Category, String>,
    rule: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    category: Category,
    scope: RuleScope,
    when: String,
    #[serde(default)]
    wake_h: Option<String>,
    #[serde(default)]
    location: Option<String>,
    severity: Severity,
    #[serde(default)]
    owner: Option<String>,
    detail: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default = "enabled")]
    enabled: bool,
}

fn enabled() -> bool {
    true
}

impl Rules {
    /// The rules that come with the program.
    ///
    /// # Errors
    /// [`RulesError`] when they are broken.
    pub fn built_in() -> Result<Self, RulesError> {
        Self::load(include_str!("rules.toml"))
    }

    /// Rules from a file's text.
    ///
    /// # Errors
    /// [`RulesError`], naming the rule and field at fault.
    pub fn load(text: &str) -> Result<Self, RulesError> {
        let file: File = toml::from_str(text).map_err(|e| RulesError::Syntax(e.to_string()))?;
        if let Some(category) = Category::ALL.into_iter().find(|c| !file.owners.contains_key(c)) {
            return Err(RulesError::NoOwner(category.name()));
        }
        let limits = json!(file.limits);
        let samples = samples().map_err(|e| RulesError::Sample(e.to_string()))?;
        let mut rules: Vec<Rule> = Vec::with_capacity(file.rule.len());
        for entry in file.rule {
            if rules.iter().any(|known| known.id == entry.id) {
                return Err(RulesError::DuplicateId(entry.id));
            }
            let enabled = entry.enabled;
            let rule = Rule::compile(entry, &file.owners)?;
            for sample in &samples {
                rule.check(sample, &limits)?;
            }
            if enabled {
                rules.push(rule);
            }
        }
        Ok(Self { version: file.version, limits, owners: file.owners, rules })
    }

    /// Version of the file.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The group that looks after a category.
    #[must_use]
    pub fn owner(&self, category: Category) -> &str {
        self.owners.get(&category).map_or("", String::as_str)
    }

    /// The conditions that hold on an order, from the facts of the whole and of each line.
    ///
    /// # Errors
    /// [`RuleFailed`].
    pub fn find(&self, all: &[Facts]) -> Result<Found, RuleFailed> {
        let mut found = Found::default();
        for facts in all {
            let scope = scope_of(facts, &self.limits);
            let wanted = if facts.line.is_some() { RuleScope::Line } else { RuleScope::Order };
            for rule in self.rules.iter().filter(|rule| rule.scope == wanted) {
                let failed = |source| RuleFailed { rule: rule.id.clone(), source };
                if rule.when.truth(&scope).map_err(failed)? {
                    let condition = rule.condition(facts, &scope, &self.version).map_err(failed)?;
                    if found.conditions.iter().all(|known| known.key != condition.key) {
                        found.conditions.push(condition);
                    }
                } else if let Some(hours) = rule.wakes_in(&scope).map_err(failed)? {
                    found.wake_h = Some(found.wake_h.map_or(hours, |known: f64| known.min(hours)));
                }
            }
        }
        Ok(found)
    }
}

impl Rule {
    fn compile(entry: Entry, owners: &BTreeMap<Category, String>) -> Result<Self, RulesError> {
        let id = entry.id;
        let compiled = |field: &str, source: &str| {
            Expression::compile(source).map_err(|e| RulesError::Rule {
                rule: id.clone(),
                field: field.to_owned(),
                message: e.to_string(),
            })
        };
        let detail = Template::parse(&entry.detail).map_err(|e| RulesError::Rule {
            rule: id.clone(),
            field: "detail".to_owned(),
            message: e.to_string(),
        })?;
        let mut attributes = Vec::with_capacity(entry.attributes.len());
        for (name, source) in entry.attributes {
            let expression = compiled(&format!("attributes.{name}"), &source)?;
            attributes.push((name, expression));
        }
        Ok(Self {
            category: entry.category,
            scope: entry.scope,
            when: compiled("when", &entry.when)?,
            wake_h: entry.wake_h.map(|source| compiled("wake_h", &source)).transpose()?,
            location: entry.location.map(|source| compiled("location", &source)).transpose()?,
            severity: entry.severity,
            owner: entry.owner.or_else(|| owners.get(&entry.category).cloned()).unwrap_or_default(),
            detail,
            attributes,
            id,
        })
    }

    /// Tries every expression on sample facts: the condition on all, the others where the facts are full.
    fn check(&self, facts: &Sample, limits: &Value) -> Result<(), RulesError> {
        if (self.scope == RuleScope::Line) != facts.facts.line.is_some() {
            return Ok(());
        }
        let scope = scope_of(&facts.facts, limits);
        let wrong =
            |field: &str, message: String| RulesError::Rule { rule: self.id.clone(), field: field.to_owned(), message };
        self.when.truth(&scope).map_err(|e| wrong("when", e.to_string()))?;
        self.wakes_in(&scope).map_err(|e| wrong("wake_h", e.to_string()))?;
        if !facts.full {
            return Ok(());
        }
        self.location(&scope).map_err(|e| wrong("location", e.to_string()))?;
        for (name, expression) in &self.attributes {
            expression.json(&scope).map_err(|e| wrong(&format!("attributes.{name}"), e.to_string()))?;
        }
        let attributes = self.values(&scope).map_err(|e| wrong("attributes", e.to_string()))?;
        self.detail.check(&filling(&facts.facts, &attributes)).map_err(|e| wrong("detail", e.to_string()))
    }

    fn wakes_in(&self, scope: &Scope) -> Result<Option<f64>, ExpressionError> {
        let Some(wake) = &self.wake_h else { return Ok(None) };
        match wake.json(scope)? {
            Value::Null => Ok(None),
            Value::Number(hours) => Ok(hours.as_f64().filter(|h| *h >= 0.0)),
            other => Err(ExpressionError::Type {
                expression: wake.source().to_owned(),
                expected: "a number or null",
                actual: other.to_string(),
            }),
        }
    }

    fn location(&self, scope: &Scope) -> Result<String, ExpressionError> {
        let Some(location) = &self.location else { return Ok(String::new()) };
        match location.json(scope)? {
            Value::String(text) => Ok(text),
            other => Err(ExpressionError::Type {
                expression: location.source().to_owned(),
                expected: "a string",
                actual: other.to_string(),
            }),
        }
    }

    fn values(&self, scope: &Scope) -> Result<Map<String, Value>, ExpressionError> {
        self.attributes.iter().map(|(name, value)| Ok((name.clone(), value.json(scope)?))).collect()
    }

    fn condition(&self, facts: &Facts, scope: &Scope, version: &str) -> Result<Condition, ExpressionError> {
        let attributes = self.values(scope)?;
        let line = facts.line.as_ref();
        Ok(Condition {
            key: CaseKey {
                category: self.category,
                order_id: facts.order.order_id.clone(),
                line_no: line.map(|l| l.line_no),
                location: self.location(scope)?,
            },
            origin: Origin::Rule { rule: self.id.clone(), version: version.to_owned() },
            severity: self.severity,
            owner: self.owner.clone(),
            detail: self.detail.render(&filling(facts, &attributes)),
            attributes,
            due_at: line.map_or(facts.order.due_at, |l| l.promised_ship_at),
        })
    }
}

fn scope_of(facts: &Facts, limits: &Value) -> Scope {
    Scope::new().with("facts", facts).with("limits", &Recorded(limits))
}

/// What a detail's places are filled from.
fn filling(facts: &Facts, attributes: &Map<String, Value>) -> Value {
    let mut values = serde_json::to_value(facts).unwrap_or(Value::Null);
    if let Value::Object(members) = &mut values {
        members.insert("attributes".to_owned(), Value::Object(attributes.clone()));
    }
    values
}

struct Sample {
    facts: Facts,
    full: bool,
}

/// Facts of a line and of an order, each with everything known and with nothing known that may be unknown.
fn samples() -> Result<Vec<Sample>, serde_json::Error> {
    let line = facts::sample()?;
    let order = Facts { line: None, item: None, stock: None, purchase_order: None, ..line.clone() };
    let bare = Facts {
        item: None,
        stock: None,
        customer: None,
        credit: facts::CreditFacts::default(),
        invoice: facts::InvoiceFacts::default(),
        integration: None,
        change: None,
        shipment: None,
        purchase_order: None,
        line: line.line.clone().map(|l| facts::LineFacts {
            unit_price: None,
            value: None,
            expected_price: None,
            price_gap: None,
            price_gap_amount: None,
            promised_ship_at: None,
            promised_in_h: None,
            requested_in_h: None,
            warehouse_id: None,
            ..l
        }),
        ..line.clone()
    };
    let bare_order = Facts { line: None, ..bare.clone() };
    let full = |facts| Sample { facts, full: true };
    let sparse = |facts| Sample { facts, full: false };
    Ok(vec![full(line), full(order), sparse(bare), sparse(bare_order)])
}
