//! Governance rules as data: which persons must agree to what, and up to which amount a role may.
//!
//! Guarantees: rules are tried in order and the first match decides; the last must match everything; amounts are compared
//! in one currency, and one that cannot be converted is above every limit; an action that does something always has a
//! stage. Non-goals: who a person is and whether they may vote, see `policy`.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use serde::Deserialize;

use crate::domain::action::{ActionKind, RiskTier};
use crate::domain::actor::Role;
use crate::domain::approval::{Requirement, Stage};
use crate::domain::case::Category;
use crate::domain::payload::Tier;
use crate::flow::expression::{Expression, ExpressionError, Scope};

/// The rules that are built in.
pub const BUILT_IN: &str = include_str!("policy/governance.toml");

/// Loaded rules.
#[derive(Debug)]
pub struct Governance {
    currency: String,
    rates: BTreeMap<String, Decimal>,
    limits: BTreeMap<Role, Decimal>,
    rules: Vec<(Rule, Expression)>,
}

/// What is wrong with the rules.
#[derive(Debug, thiserror::Error)]
pub enum GovernanceError {
    /// Not readable.
    #[error("the governance rules cannot be read: {0}")]
    Toml(#[from] toml::de::Error),
    /// A rule is wrong.
    #[error("governance rule `{rule}`: {message}")]
    Rule {
        /// Its id.
        rule: String,
        /// What is wrong.
        message: String,
    },
    /// There is no rule for everything.
    #[error("the last governance rule must have `when = \"true\"` and a stage, so that nothing goes without approval")]
    NoCatchAll,
    /// The currency has no rate.
    #[error(
        "`rates.{currency}` must be 1, it is the currency that amounts are compared in, and no rate may be below 0"
    )]
    Rates {
        /// The currency.
        currency: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    currency: String,
    rates: BTreeMap<String, f64>,
    limits: BTreeMap<Role, f64>,
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    id: String,
    when: String,
    stages: Vec<Stage>,
}

/// What a requirement depends on; amounts in `currency`.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "names say it")]
pub struct Question {
    pub action: ActionKind,
    pub tier: RiskTier,
    pub category: Option<Category>,
    pub amount: Option<Decimal>,
    pub currency: Option<String>,
    pub reversible: bool,
    pub order_value: f64,
    pub customer_tier: Option<Tier>,
}

impl Governance {
    /// Reads and checks the rules.
    ///
    /// # Errors
    /// [`GovernanceError`].
    pub fn load(text: &str) -> Result<Self, GovernanceError> {
        let Document { currency, rates, limits, rules } = toml::from_str(text)?;
        let decimals: Option<BTreeMap<_, _>> = rates
            .into_iter()
            .map(|(name, rate)| Some((name, Decimal::from_f64(rate).filter(|r| *r > Decimal::ZERO)?)))
            .collect();
        let rates = decimals
            .filter(|rates| rates.get(&currency) == Some(&Decimal::ONE))
            .ok_or_else(|| GovernanceError::Rates { currency: currency.clone() })?;
        if rules.last().is_none_or(|rule| rule.when.trim() != "true" || rule.stages.is_empty()) {
            return Err(GovernanceError::NoCatchAll);
        }
        let limits = limits.into_iter().map(|(role, most)| (role, Decimal::from_f64(most).unwrap_or_default()));
        Ok(Self {
            currency,
            rates,
            limits: limits.collect(),
            rules: rules.into_iter().map(checked).collect::<Result<_, _>>()?,
        })
    }

    /// What must be agreed before the action may execute.
    ///
    /// # Errors
    /// [`GovernanceError::Rule`] when a rule cannot be evaluated, or leaves an action that does something without a stage.
    pub fn requirement(&self, question: &Question) -> Result<Requirement, GovernanceError> {
        let scope = self.scope(question);
        for (rule, when) in &self.rules {
            let error = |message: String| GovernanceError::Rule { rule: rule.id.clone(), message };
            if !when.truth(&scope).map_err(|e: ExpressionError| error(e.to_string()))? {
                continue;
            }
            if rule.stages.is_empty() && question.action != ActionKind::DoNothing {
                return Err(error(format!(
                    "gives no stage for `{}`; only `do_nothing` may go without",
                    question.action.name()
                )));
            }
            return Ok(Requirement { rule: rule.id.clone(), stages: rule.stages.clone() });
        }
        Err(GovernanceError::NoCatchAll)
    }

    fn scope(&self, question: &Question) -> Scope {
        let order_value = Decimal::from_f64(question.order_value);
        Scope::new()
            .with("action", &question.action)
            .with("category", &question.category)
            .with("tier", &question.tier)
            .with("customer_tier", &question.customer_tier)
            .with("reversible", &question.reversible)
            .with("amount", &self.comparable(question.amount, question.currency.as_deref()))
            .with("order_value", &self.comparable(order_value, question.currency.as_deref()))
    }

    fn comparable(&self, amount: Option<Decimal>, currency: Option<&str>) -> f64 {
        self.converted(amount, currency).and_then(|a| a.to_f64()).unwrap_or(f64::MAX)
    }

    /// `amount` in the governance currency; zero needs no rate.
    fn converted(&self, amount: Option<Decimal>, currency: Option<&str>) -> Option<Decimal> {
        let amount = amount?;
        if amount.is_zero() {
            return Some(amount);
        }
        amount.checked_mul(*self.rates.get(currency?)?)
    }

    /// `amount` in cents of the governance currency, rounded up; the highest number there is when it cannot be converted.
    #[must_use]
    pub fn cents(&self, amount: Option<Decimal>, currency: Option<&str>) -> i64 {
        let cents = self.converted(amount, currency).and_then(|a| a.checked_mul(Decimal::ONE_HUNDRED));
        cents.and_then(|c| c.ceil().to_i64()).unwrap_or(i64::MAX)
    }

    /// The highest amount in cents that any of `roles` may approve; 0 without roles.
    #[must_use]
    pub fn limit_cents<'a>(&self, roles: impl Iterator<Item = &'a Role>) -> i64 {
        let limit =
            |role: &Role| self.limits.get(role).map_or(i64::MAX, |most| self.cents(Some(*most), Some(&self.currency)));
        roles.map(limit).max().unwrap_or(0)
    }
}

fn checked(rule: Rule) -> Result<(Rule, Expression), GovernanceError> {
    let error = |message: String| GovernanceError::Rule { rule: rule.id.clone(), message };
    let when = Expression::compile(&rule.when).map_err(|e| error(e.to_string()))?;
    if let Some(stage) = rule.stages.iter().find(|s| s.quorum == 0 || s.roles.is_empty() || s.escalate_after_h == 0) {
        return Err(error(format!("stage `{}` needs roles, a quorum and hours until it escalates", stage.name)));
    }
    Ok((rule, when))
}
