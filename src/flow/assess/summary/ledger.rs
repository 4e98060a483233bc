//! The ledger: every fact that a summary may say, by role, and the only source of a value in a sentence.
//!
//! Guarantees: a role has one fact; a fact has one rendering, its type, its value, where it stands and since when it holds;
//! a derived fact names its formula and inputs. Non-goals: wording, see `frames` and `plan`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::render::Said;
use crate::domain::event::EventRef;

/// Of what type a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SummaryFactType)]
#[expect(missing_docs, reason = "names say it")]
pub enum Kind {
    /// A name or an identifier.
    Name,
    Number,
    Amount,
    Percent,
    Time,
    Duration,
    /// Verbatim text of others, between quotation marks.
    Quote,
    /// A status, side or phrase of our own.
    Words,
}

/// On what a fact rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SummaryBasis)]
pub enum Basis {
    /// Canonical state, or computed from it.
    Fact,
    /// What a model or the ranking makes of it.
    Inference,
    /// What somebody says; true only that they said it.
    Claim,
}

/// How a value was computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SummaryFormula)]
pub struct Formula {
    /// In terms of the inputs.
    pub says: String,
    /// Roles of the inputs.
    pub inputs: Vec<String>,
}

/// A fact that sentences may cite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Fact {
    /// `F1`, `F2`, … in the order of the ledger.
    pub id: String,
    /// What it is in this case, such as `stock.available`; frames name facts by it.
    pub role: String,
    /// The type of its value.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// On what it rests.
    pub basis: Basis,
    /// What it is, in words.
    pub label: String,
    /// The value; null where it is not known.
    pub value: Value,
    /// The value as sentences say it, byte for byte.
    pub rendering: String,
    /// The event that says so; `None` for what was computed.
    pub event: Option<EventRef>,
    /// Where it stands among the facts.
    pub path: String,
    /// Since when, or as of when, it holds.
    pub valid_at: Option<Timestamp>,
    /// How it was computed; `None` for what was told.
    pub formula: Option<Formula>,
}

/// Roles that a model or the ranking fills.
const INFERRED: [&str; 6] = ["risk.", "option.", "options.count", "recommendation.", "parameter.", "refused."];
/// Roles that tell what somebody says.
const CLAIMED: [&str; 5] = ["message.", "customer.latest.", "customer.earlier.", "other.", "conflict."];

fn basis_of(role: &str, kind: Kind) -> Basis {
    let any = |prefixes: &[&str]| prefixes.iter().any(|prefix| role.starts_with(prefix));
    match kind {
        Kind::Quote => Basis::Claim,
        _ if any(&CLAIMED) => Basis::Claim,
        _ if any(&INFERRED) => Basis::Inference,
        _ => Basis::Fact,
    }
}

/// Facts by role.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    facts: Vec<Fact>,
    by_role: BTreeMap<String, usize>,
    as_of: Option<Timestamp>,
}

impl Ledger {
    /// An empty one, whose facts hold as of a time.
    #[must_use]
    pub fn new(as_of: Option<Timestamp>) -> Self {
        Self { facts: Vec::new(), by_role: BTreeMap::new(), as_of }
    }

    /// The one that a summary was worded from.
    #[must_use]
    pub fn of(facts: &[Fact]) -> Self {
        let by_role = facts.iter().enumerate().map(|(at, fact)| (fact.role.clone(), at)).collect();
        Self { facts: facts.to_vec(), by_role, as_of: None }
    }

    /// Enters a fact; the first one under a role stands.
    pub(super) fn put(
        &mut self,
        role: impl Into<String>,
        label: impl Into<String>,
        value: impl Into<Value>,
        said: Said,
        event: Option<&EventRef>,
    ) -> &mut Self {
        let role = role.into();
        if !self.by_role.contains_key(&role) {
            self.by_role.insert(role.clone(), self.facts.len());
            self.facts.push(Fact {
                id: format!("F{}", self.facts.len() + 1),
                kind: said.kind,
                basis: basis_of(&role, said.kind),
                label: label.into(),
                value: value.into(),
                rendering: said.text,
                event: event.cloned(),
                path: role.clone(),
                valid_at: self.as_of,
                formula: None,
                role,
            });
        }
        self
    }

    /// Enters a fact of which only role, type, rendering and value are known.
    pub fn enter(&mut self, role: &str, kind: Kind, rendering: &str, value: impl Into<Value>) {
        self.put(role, role, value, Said::new(kind, rendering), None);
    }

    /// Says how the fact of a role was computed.
    pub(super) fn derived(&mut self, role: &str, says: &str, inputs: &[&str]) {
        if let Some(at) = self.by_role.get(role) {
            let inputs = inputs.iter().map(|&input| input.to_owned()).collect();
            self.facts[*at].formula = Some(Formula { says: says.to_owned(), inputs });
        }
    }

    /// Says where the fact of a role stands and since when it holds.
    pub(super) fn stands(&mut self, role: &str, path: String, valid_at: Option<Timestamp>) {
        if let Some(at) = self.by_role.get(role) {
            self.facts[*at].path = path;
            self.facts[*at].valid_at = valid_at.or(self.as_of);
        }
    }

    /// Whether a role has a fact.
    #[must_use]
    pub fn has(&self, role: &str) -> bool {
        self.by_role.contains_key(role)
    }

    /// The fact of a role.
    #[must_use]
    pub fn get(&self, role: &str) -> Option<&Fact> {
        self.by_role.get(role).map(|at| &self.facts[*at])
    }

    /// Every fact, in order.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }
}
