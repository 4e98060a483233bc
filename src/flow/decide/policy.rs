//! The one place that says who may do what to a proposal: Cedar policies over a strict schema.
//!
//! Guarantees: every path asks [`Policy::authorize`]; what no policy permits is denied, and so is everything when a policy
//! fails to evaluate; policies that do not fit the schema, or lack an id and a reason, stop the service from starting; a
//! verdict names the policies that decided. Non-goals: which stages there are, see `governance`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicyId, PolicySet, Request,
    RestrictedExpression, Schema, ValidationMode, Validator,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::governance::{self, Governance, GovernanceError, Question};
use crate::domain::action::{ActionKind, RiskTier};
use crate::domain::actor::{Actor, Role};
use crate::domain::approval::Requirement;
use crate::domain::digest;
use crate::domain::message::closed_set;
use crate::domain::proposal::{Proposal, ProposalState};
use crate::flow::FlowError;

const SCHEMA: &str = include_str!("policy/holdfast.cedarschema");
const POLICIES: &str = include_str!("policy/holdfast.cedar");

/// Codes of a denial, the weightiest first: when several policies forbid, the first of these is told.
pub const CODES: [&str; 5] = ["not-a-person", "separation-of-duties", "role-missing", "limit-exceeded", NOT_PERMITTED];
const NOT_PERMITTED: &str = "not-permitted";

closed_set! {
    /// What can be done to a proposal; the names are the schema's actions.
    Act {
        Propose = "propose",
        Approve = "approve",
        Reject = "reject",
        Withdraw = "withdraw",
        RequestInformation = "request_information",
        ProvideInformation = "provide_information",
        Reassign = "reassign",
        Escalate = "escalate",
        Expire = "expire",
        Execute = "execute",
    }
}

/// Loaded policies and governance rules.
pub struct Policy {
    policies: PolicySet,
    schema: Schema,
    notes: BTreeMap<PolicyId, Note>,
    governance: Governance,
    version: String,
}

struct Note {
    id: String,
    reason: String,
    code: &'static str,
}

/// Who wants to do what to which proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "names say it")]
pub struct AuthzRequest {
    pub actor: Actor,
    pub act: Act,
    pub on: Resource,
}

/// A proposal as policy sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "see the schema")]
pub struct Resource {
    pub action: ActionKind,
    pub tier: RiskTier,
    pub amount: Option<Decimal>,
    pub currency: Option<String>,
    pub proposer: String,
    #[serde(default)]
    pub trained_by: Option<String>,
    pub state: String,
    #[serde(default)]
    pub stage_roles: Vec<Role>,
    #[serde(default)]
    pub voters: Vec<String>,
}

/// The answer, with the ids of the policies that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "names say it")]
pub enum Verdict {
    Allow { policies: Vec<String> },
    Deny { code: &'static str, reason: String, policies: Vec<String> },
}

/// Why policies cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A file of the policy directory.
    #[error("policy file `{path}` cannot be read")]
    Read {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The schema or the policies do not parse.
    #[error("the {what} cannot be parsed: {message}")]
    Parse {
        /// `policy schema` or `policies`.
        what: &'static str,
        /// Why.
        message: String,
    },
    /// The policies do not fit the schema.
    #[error("the policies do not fit their schema: {0}")]
    Invalid(String),
    /// A policy that cannot explain itself.
    #[error("policy `{policy}`: {message}")]
    Annotation {
        /// Which.
        policy: String,
        /// What is missing.
        message: String,
    },
    /// The stages.
    #[error(transparent)]
    Governance(#[from] GovernanceError),
}

impl Policy {
    /// The policies of `dir` (`holdfast.cedarschema`, `holdfast.cedar`, `governance.toml`, all three), or those that are
    /// built in.
    ///
    /// # Errors
    /// [`PolicyError`]; the service must not start then.
    pub fn load(dir: Option<&Path>) -> Result<Self, PolicyError> {
        let Some(dir) = dir else { return Self::parse(SCHEMA, POLICIES, governance::BUILT_IN) };
        let read = |name: &str| {
            let path = dir.join(name);
            std::fs::read_to_string(&path)
                .map_err(|source| PolicyError::Read { path: path.display().to_string(), source })
        };
        Self::parse(&read("holdfast.cedarschema")?, &read("holdfast.cedar")?, &read("governance.toml")?)
    }

    /// Policies from their texts.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn parse(schema: &str, policies: &str, governance: &str) -> Result<Self, PolicyError> {
        let version = digest::hex_of_bytes([schema, policies, governance].join("\0").as_bytes());
        let parse = |what: &'static str, message: String| PolicyError::Parse { what, message };
        let (schema, _) = Schema::from_cedarschema_str(schema).map_err(|e| parse("policy schema", e.to_string()))?;
        let policies = PolicySet::from_str(policies).map_err(|e| parse("policies", e.to_string()))?;
        let checked = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
        if !checked.validation_passed() {
            let errors: Vec<String> = checked.validation_errors().map(ToString::to_string).collect();
            return Err(PolicyError::Invalid(errors.join("; ")));
        }
        let notes = policies.policies().map(|p| Ok((p.id().clone(), note(p)?))).collect::<Result<_, PolicyError>>()?;
        Ok(Self { policies, schema, notes, governance: Governance::load(governance)?, version })
    }

    /// Digest over policies, schema and governance rules.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Ids of every policy, for the tests that want each to have decided a case.
    #[must_use]
    pub fn ids(&self) -> Vec<&str> {
        self.notes.values().map(|note| note.id.as_str()).collect()
    }

    /// Who must agree.
    ///
    /// # Errors
    /// [`FlowError::Denied`] when the rules cannot say: nothing goes without them.
    pub fn requirement(&self, question: &Question) -> Result<Requirement, FlowError> {
        self.governance.requirement(question).map_err(|error| FlowError::Denied {
            code: NOT_PERMITTED,
            reason: error.to_string(),
            policies: Vec::new(),
        })
    }

    /// Whether the actor may do it. The only function that says so.
    #[must_use]
    pub fn authorize(&self, request: &AuthzRequest) -> Verdict {
        match self.ask(request) {
            Ok(verdict) => verdict,
            Err(message) => Verdict::Deny {
                code: NOT_PERMITTED,
                reason: format!("the policies cannot decide this request, so it is denied: {message}"),
                policies: Vec::new(),
            },
        }
    }

    fn ask(&self, request: &AuthzRequest) -> Result<Verdict, String> {
        let principal = self.principal(&request.actor)?;
        let resource = self.resource(&request.on)?;
        let action = uid("Action", request.act.name())?;
        let context = self.context(request)?;
        let asked = Request::new(principal.uid(), action, resource.uid(), context, Some(&self.schema));
        let asked = asked.map_err(|e| e.to_string())?;
        let entities = Entities::from_entities([principal, resource], Some(&self.schema)).map_err(|e| e.to_string())?;
        let response = Authorizer::new().is_authorized(&asked, &self.policies, &entities);
        if let Some(error) = response.diagnostics().errors().next() {
            return Err(error.to_string());
        }
        let deciding: Vec<&Note> = response.diagnostics().reason().filter_map(|id| self.notes.get(id)).collect();
        Ok(match response.decision() {
            Decision::Allow => Verdict::Allow { policies: ids(&deciding) },
            Decision::Deny => denial(request, &deciding),
        })
    }

    fn context(&self, request: &AuthzRequest) -> Result<Context, String> {
        let held = request.actor.person().map_or(&[][..], |person| &person.roles[..]);
        let limit = self.governance.limit_cents(held.iter().filter(|role| request.on.stage_roles.contains(role)));
        let pairs = [("limit_cents".to_owned(), RestrictedExpression::new_long(limit))];
        Context::from_pairs(pairs).map_err(|e| e.to_string())
    }

    fn principal(&self, actor: &Actor) -> Result<Entity, String> {
        let (kind, id) = match actor {
            Actor::Person(person) => ("Person", person.subject.as_str()),
            Actor::Service { subject } => ("Service", subject.as_str()),
            Actor::Model { version } => ("Model", version.as_str()),
            Actor::System => ("System", "system"),
        };
        let mut attributes = HashMap::from([("label".to_owned(), RestrictedExpression::new_string(actor.label()))]);
        if let Some(person) = actor.person() {
            attributes.insert("roles".to_owned(), names(person.roles.iter().map(|role| role.name())));
        }
        Entity::new(uid(kind, id)?, attributes, HashSet::new()).map_err(|e| e.to_string())
    }

    fn resource(&self, on: &Resource) -> Result<Entity, String> {
        let text = |value: &str| RestrictedExpression::new_string(value.to_owned());
        let cents = self.governance.cents(on.amount, on.currency.as_deref());
        let tier = serde_json::to_value(on.tier).unwrap_or(Value::Null);
        let mut attributes = HashMap::from([
            ("action".to_owned(), text(on.action.name())),
            ("tier".to_owned(), text(tier.as_str().unwrap_or_default())),
            ("amount_cents".to_owned(), RestrictedExpression::new_long(cents)),
            ("proposer".to_owned(), text(&on.proposer)),
            ("state".to_owned(), text(&on.state)),
            ("stage_roles".to_owned(), names(on.stage_roles.iter().map(|role| role.name()))),
            ("voters".to_owned(), names(on.voters.iter().map(String::as_str))),
        ]);
        if let Some(trainer) = &on.trained_by {
            attributes.insert("trained_by".to_owned(), text(trainer));
        }
        Entity::new(uid("Proposal", "proposal")?, attributes, HashSet::new()).map_err(|e| e.to_string())
    }
}

impl AuthzRequest {
    /// That `actor` executes it.
    #[must_use]
    pub fn execute(actor: &Actor, on: Resource) -> Self {
        Self { actor: actor.clone(), act: Act::Execute, on }
    }
}

impl Resource {
    /// Some approved proposal of an action, where it is not known which.
    #[must_use]
    pub fn queued(action: ActionKind) -> Self {
        Self {
            action,
            tier: RiskTier::Low,
            amount: None,
            currency: None,
            proposer: String::new(),
            trained_by: None,
            state: "queued".to_owned(),
            stage_roles: Vec::new(),
            voters: Vec::new(),
        }
    }

    /// A proposal as policy sees it; the trainer of a model stands in the evidence, under the digest.
    #[must_use]
    pub fn of(proposal: &Proposal) -> Self {
        let evidence =
            |pointer: &str| proposal.evidence.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned);
        let waiting = match &proposal.state {
            ProposalState::AwaitingApproval(waiting) => Some(waiting),
            _ => None,
        };
        let stage = waiting.and_then(|w| w.requirement.stages.get(w.stage).map(|stage| (w, stage)));
        let mut stage_roles = stage.map(|(_, stage)| stage.roles.clone()).unwrap_or_default();
        if let Some((_, stage)) = stage.filter(|(waiting, _)| waiting.escalated) {
            stage_roles.extend(&stage.escalate_to);
        }
        Self {
            action: proposal.action.kind,
            tier: proposal.tier,
            amount: proposal.action.amount,
            currency: proposal
                .action
                .quote
                .as_ref()
                .map(|q| q.currency.clone())
                .or_else(|| evidence("/order/currency")),
            proposer: proposal.proposer.label(),
            trained_by: evidence("/model/trained_by"),
            state: proposal.state.name().to_owned(),
            stage_roles,
            voters: waiting
                .map(|w| w.votes.iter().map(|v| format!("person:{}", v.subject)).collect())
                .unwrap_or_default(),
        }
    }
}

impl Verdict {
    /// The deciding policies of an allowed request, or the denial as an error.
    ///
    /// # Errors
    /// [`FlowError::Denied`].
    pub fn allowed(self) -> Result<Vec<String>, FlowError> {
        match self {
            Self::Allow { policies } => Ok(policies),
            Self::Deny { code, reason, policies } => Err(FlowError::Denied { code, reason, policies }),
        }
    }
}

fn note(policy: &cedar_policy::Policy) -> Result<Note, PolicyError> {
    let wrong =
        |message: &str| PolicyError::Annotation { policy: policy.id().to_string(), message: message.to_owned() };
    let text = |key: &str| policy.annotation(key).filter(|text| !text.is_empty());
    let id = text("id").ok_or_else(|| wrong("needs an @id"))?.to_owned();
    let reason = text("reason").ok_or_else(|| wrong("needs a @reason"))?.to_owned();
    let code = match (policy.effect(), text("code")) {
        (cedar_policy::Effect::Permit, _) => NOT_PERMITTED,
        (cedar_policy::Effect::Forbid, given) => CODES
            .into_iter()
            .find(|code| Some(*code) == given)
            .ok_or_else(|| wrong(&format!("forbids and needs a @code, one of {}", CODES.join(", "))))?,
    };
    Ok(Note { id, reason, code })
}

fn denial(request: &AuthzRequest, deciding: &[&Note]) -> Verdict {
    let code = CODES.into_iter().find(|code| deciding.iter().any(|note| note.code == *code)).unwrap_or(NOT_PERMITTED);
    let reasons: Vec<&str> =
        deciding.iter().filter(|note| note.code == code).map(|note| note.reason.as_str()).collect();
    let reason = if reasons.is_empty() {
        let act = request.act.name().replace('_', " ");
        format!("no policy permits `{}` to {act} a proposal that is {}", request.actor.label(), request.on.state)
    } else {
        reasons.join("; ")
    };
    Verdict::Deny { code, reason, policies: ids(deciding) }
}

/// Sorted, so that records of equal decisions are equal.
fn ids(notes: &[&Note]) -> Vec<String> {
    let mut ids: Vec<String> = notes.iter().map(|note| note.id.clone()).collect();
    ids.sort();
    ids
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, String> {
    let kind = EntityTypeName::from_str(kind).map_err(|e| e.to_string())?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> RestrictedExpression {
    RestrictedExpression::new_set(names.map(|name| RestrictedExpression::new_string(name.to_owned())))
}
