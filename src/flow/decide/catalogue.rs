//! The action catalogue as data: every action's parameters, eligibility, cost, timing, risk, executor and expected effect.
//!
//! Guarantees: every [`ActionKind`] has exactly one entry; every expression compiles and every parameter schema is in the
//! supported subset, or loading fails with entry and field; the digest names the text that was loaded. Non-goals:
//! learned effects (`ports::tabular::EffectModel`), who may approve (`policy`).

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::schema::{self, Violation};
use crate::domain::action::{ActionKind, ActionSpec, Precondition};
use crate::domain::case::Category;
use crate::domain::digest;
use crate::flow::expression::{Expression, ExpressionError, Recorded, Scope};

/// The catalogue that is built in.
pub const BUILT_IN: &str = include_str!("catalogue.toml");

/// Every action, in the order of [`ActionKind::ALL`].
#[derive(Debug)]
pub struct Catalogue {
    entries: Vec<Entry>,
    standing: BTreeMap<Category, Expression>,
    digest: String,
}

/// One action with its compiled expressions.
#[derive(Debug)]
pub struct Entry {
    /// As declared.
    pub spec: ActionSpec,
    fill: Vec<(String, Expression)>,
    guards: Vec<Expression>,
    quote: Expression,
    amount: Option<Expression>,
}

/// What is wrong with a catalogue.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// It is no catalogue at all.
    #[error("the action catalogue cannot be read: {0}")]
    Toml(#[from] toml::de::Error),
    /// A field of one entry.
    #[error("action `{action}`, field `{field}`: {message}")]
    Field {
        /// The entry.
        action: &'static str,
        /// Its field.
        field: String,
        /// What is wrong.
        message: String,
    },
    /// Not exactly one entry.
    #[error("the catalogue has {count} entries for action `{action}`; every action needs exactly one")]
    Count {
        /// The action.
        action: &'static str,
        /// How many.
        count: usize,
    },
    /// Not exactly one harm.
    #[error("`standing.{category}`: {message}")]
    Standing {
        /// The category.
        category: &'static str,
        /// What is wrong.
        message: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    standing: BTreeMap<Category, String>,
    actions: Vec<ActionSpec>,
}

impl Catalogue {
    /// Reads and checks a catalogue.
    ///
    /// # Errors
    /// [`CatalogueError`], naming entry and field.
    pub fn load(text: &str) -> Result<Self, CatalogueError> {
        let Document { standing, mut actions } = toml::from_str(text)?;
        for kind in ActionKind::ALL {
            let count = actions.iter().filter(|a| a.kind == *kind).count();
            if count != 1 {
                return Err(CatalogueError::Count { action: kind.name(), count });
            }
        }
        actions.sort_by_key(|a| a.kind);
        Ok(Self {
            entries: actions.into_iter().map(Entry::compile).collect::<Result<_, _>>()?,
            standing: compile_standing(&standing)?,
            digest: digest::hex_of_bytes(text.as_bytes()),
        })
    }

    /// The entry of an action.
    ///
    /// # Panics
    /// Never: [`Catalogue::load`] requires an entry of every kind, in order.
    #[must_use]
    pub fn entry(&self, kind: ActionKind) -> &Entry {
        &self.entries[kind as usize]
    }

    /// Every entry.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// SHA-256 of the text.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Harm of a standing condition of `category`, beside a missed date; 0 when it cannot be computed on these facts.
    #[must_use]
    pub fn standing(&self, category: Category, scope: &Scope) -> f64 {
        let harm = self.standing.get(&category).and_then(|harm| harm.number(scope).ok());
        harm.filter(|harm| harm.is_finite() && *harm > 0.0).unwrap_or(0.0)
    }
}

fn compile_standing(sources: &BTreeMap<Category, String>) -> Result<BTreeMap<Category, Expression>, CatalogueError> {
    let compile = |category: Category| {
        let error = |message: String| CatalogueError::Standing { category: category.name(), message };
        let source = sources.get(&category).ok_or_else(|| error("is missing".to_owned()))?;
        Ok((category, Expression::compile(source).map_err(|e| error(e.to_string()))?))
    };
    Category::ALL.into_iter().map(compile).collect()
}

impl Entry {
    fn compile(spec: ActionSpec) -> Result<Self, CatalogueError> {
        let action = spec.kind.name();
        let error = |field: &str, message: String| CatalogueError::Field { action, field: field.to_owned(), message };
        let compile = |field: &str, source: &str| Expression::compile(source).map_err(|e| error(field, e.to_string()));
        if spec.parameters.get("type") != Some(&Value::from("object")) {
            return Err(error("parameters", "the schema's type must be object".to_owned()));
        }
        schema::well_formed(&spec.parameters).map_err(|e| error("parameters", e))?;
        let properties = spec.parameters.get("properties").and_then(Value::as_object);
        if let Some(name) = spec.fill.keys().find(|name| properties.is_none_or(|p| !p.contains_key(*name))) {
            return Err(error(&format!("fill.{name}"), "is no parameter".to_owned()));
        }
        let timing = spec.timing.map_or([0.0; 2], |timing| [timing.open_h, timing.transit_h]);
        for (field, number) in [
            ("effort_min", spec.effort_min),
            ("lead_time_h", spec.lead_time_h),
            ("timing.open_h", timing[0]),
            ("timing.transit_h", timing[1]),
            ("prior.weight", spec.prior.weight),
        ] {
            if !number.is_finite() || number < 0.0 {
                return Err(error(field, format!("{number} is not a number from 0")));
            }
        }
        if !(0.0..=1.0).contains(&spec.prior.relief) {
            return Err(error("prior.relief", format!("{} is not a share between 0 and 1", spec.prior.relief)));
        }
        if spec.useful_before_due_h < spec.lead_time_h {
            return Err(error("useful_before_due_h", format!("is less than the lead time of {} h", spec.lead_time_h)));
        }
        for (index, condition) in spec.preconditions.iter().enumerate() {
            compile(&format!("preconditions[{index}]"), &condition.when)?;
        }
        if let Some(effect) = &spec.effect {
            compile("effect", &effect.when)?;
        }
        let fill = spec.fill.iter().map(|(name, source)| Ok((name.clone(), compile(&format!("fill.{name}"), source)?)));
        let guards = spec.guards.iter().enumerate().map(|(i, guard)| compile(&format!("guards[{i}]"), &guard.when));
        Ok(Self {
            fill: fill.collect::<Result<_, CatalogueError>>()?,
            guards: guards.collect::<Result<_, CatalogueError>>()?,
            quote: compile("quote", &spec.quote)?,
            amount: spec.amount.as_deref().map(|source| compile("amount", source)).transpose()?,
            spec,
        })
    }

    /// Whether it answers cases of `category`; a model's promotion answers none.
    #[must_use]
    pub fn answers(&self, category: Category) -> bool {
        self.spec.kind != ActionKind::PromoteModel
            && (self.spec.categories.is_empty() || self.spec.categories.contains(&category))
    }

    /// Its parameters as the facts give them; what they do not give stays out, for a person to fill.
    #[must_use]
    pub fn fill(&self, facts: &Scope) -> Map<String, Value> {
        let filled = self.fill.iter().filter_map(|(name, source)| Some((name.clone(), source.json(facts).ok()?)));
        filled.filter(|(_, value)| !value.is_null()).collect()
    }

    /// What is wrong with parameters that were given.
    #[must_use]
    pub fn violations(&self, parameters: &Map<String, Value>) -> Vec<Violation> {
        schema::violations(&self.spec.parameters, &Value::Object(parameters.clone()))
    }

    /// Reasons against it; a guard that cannot be evaluated on these facts does not hold.
    #[must_use]
    pub fn refusals(&self, scope: &Scope) -> Vec<String> {
        let failed =
            self.guards.iter().zip(&self.spec.guards).filter(|(guard, _)| !guard.truth(scope).unwrap_or(false));
        failed.map(|(_, declared)| declared.reason.clone()).collect()
    }

    /// Its direct cost.
    ///
    /// # Errors
    /// [`ExpressionError`] when it cannot be computed on these facts.
    pub fn quote(&self, scope: &Scope) -> Result<Decimal, ExpressionError> {
        amount(&self.quote, scope)
    }

    /// What it moves, for limits.
    ///
    /// # Errors
    /// [`ExpressionError`] when it cannot be computed on these facts.
    pub fn amount(&self, scope: &Scope) -> Result<Decimal, ExpressionError> {
        amount(self.amount.as_ref().unwrap_or(&self.quote), scope)
    }
}

/// An amount in whole cents; a negative or endless one is an error, so that no limit is passed by a strange number.
fn amount(expression: &Expression, scope: &Scope) -> Result<Decimal, ExpressionError> {
    let number = expression.number(scope)?;
    let amount = Decimal::from_f64(number).filter(|amount| !amount.is_sign_negative() || amount.is_zero());
    amount.map(|a| a.round_dp(2)).ok_or_else(|| ExpressionError::Type {
        expression: expression.source().to_owned(),
        expected: "an amount from 0",
        actual: number.to_string(),
    })
}

/// What a precondition or an effect sees: facts now, facts then, parameters.
#[must_use]
pub fn hindsight(facts: &Value, then: &Value, parameters: &Map<String, Value>) -> Scope {
    Scope::new().with("facts", &Recorded(facts)).with("then", &Recorded(then)).with("parameters", &Recorded(parameters))
}

/// The preconditions that do not hold; one that cannot be evaluated does not.
#[must_use]
pub fn broken(preconditions: &[Precondition], scope: &Scope) -> Vec<String> {
    let holds = |condition: &Precondition| {
        Expression::compile(&condition.when).and_then(|when| when.truth(scope)).unwrap_or(false)
    };
    preconditions.iter().filter(|c| !holds(c)).map(|c| c.says.clone()).collect()
}
