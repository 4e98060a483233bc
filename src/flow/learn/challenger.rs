//! A risk version beside the champion: a canary for a share of the orders, or a shadow that nobody hears.
//!
//! Guarantees: which orders a canary answers for is a stable function of their ids; a shadow changes no decision; at most
//! one version stands beside the champion, and a new champion ends the comparison. Non-goals: who may place one, which is
//! the governed proposal's; judging the comparison, see `holdfast compare`.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::registry;
use crate::domain::actor::Actor;
use crate::domain::approval::Verdict;
use crate::domain::ids::ProposalId;
use crate::domain::model::{Serving, ServingRole};
use crate::domain::proposal::{ProposalState, Target};
use crate::flow::FlowError;
use crate::flow::services::{Challenger, Models, Services};
use crate::ports::registry::Loaded;
use crate::ports::store::{StoreError, Transaction};

/// The one model that can have a version beside it.
pub const NAME: &str = "miss-risk";

/// What a proposal says of a promotion.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "names say it")]
pub struct Approved {
    pub role: ServingRole,
    pub share: Option<f64>,
    pub by: Vec<String>,
}

/// Role, share and approvers by the proposal `because`; a champion of nobody where it is none on this version.
///
/// # Errors
/// [`StoreError`].
pub async fn approved(
    tx: &mut dyn Transaction,
    name: &str,
    version: &str,
    because: &str,
) -> Result<Approved, StoreError> {
    let Ok(id) = because.parse::<ProposalId>() else { return Ok(Approved::default()) };
    let target = Target::Model { name: name.to_owned(), version: version.to_owned() };
    let Some(proposal) = tx.proposal(id).await?.filter(|proposal| proposal.target == target) else {
        return Ok(Approved::default());
    };
    let parameters = &proposal.action.parameters;
    let role = parameters.get("role").cloned().and_then(|role| serde_json::from_value(role).ok()).unwrap_or_default();
    let votes = match &proposal.state {
        ProposalState::Queued { votes, .. } | ProposalState::Executing { votes, .. } => votes.as_slice(),
        _ => &[],
    };
    let approvals = votes.iter().filter(|vote| vote.verdict == Verdict::Approve);
    Ok(Approved {
        role,
        share: parameters.get("share").and_then(Value::as_f64).filter(|_| role == ServingRole::Canary),
        by: approvals.map(|vote| format!("person:{}", vote.subject)).collect(),
    })
}

/// The version beside the champion by a serving history, newest first.
#[must_use]
pub fn of(servings: &[Serving]) -> Option<&Serving> {
    let newest = servings.iter().find(|serving| serving.name == NAME)?;
    matches!(newest.role, ServingRole::Canary | ServingRole::Shadow).then_some(newest)
}

/// What served at a time: the champion of each name, and the version beside it where there was one.
#[must_use]
pub fn serving_at(servings: &[Serving], at: Timestamp) -> Vec<Serving> {
    let then: Vec<Serving> = servings.iter().filter(|serving| serving.from <= at).cloned().collect();
    let mut seen = BTreeSet::new();
    let champions = then.iter().filter(|serving| !serving.role.is_challenger() && seen.insert(serving.name.as_str()));
    champions.chain(of(&then)).cloned().collect()
}

/// Puts a version beside the champion, or takes it away.
///
/// # Errors
/// [`FlowError::Conflict`] with code `model-unusable` when it is no risk model.
pub fn install(models: &Models, serving: &Serving, loaded: Loaded) -> Result<(), FlowError> {
    let Loaded::Risk(model) = loaded else {
        return Err(FlowError::Conflict {
            code: "model-unusable",
            message: format!("`{}` is no risk model, and only such a one can stand beside the champion", serving.name),
            detail: json!({ "role": serving.role }),
        });
    };
    let share = serving.share.unwrap_or(0.0);
    let stands = serving.role != ServingRole::Retired;
    models.challenger.set(stands.then(|| Arc::new(Challenger { role: serving.role, share, model })));
    Ok(())
}

/// Ends a comparison, where one of `name` goes on.
pub fn leave(models: &Models, name: &str) {
    if name == NAME {
        models.challenger.set(None);
    }
}

/// Does what the serving history says: puts the version beside the champion that another instance put there, or takes it
/// away. Whether anything changed.
///
/// # Errors
/// [`FlowError`]; what stood there stands there then.
pub async fn follow(services: &Services) -> Result<bool, FlowError> {
    let mut tx = services.store.read().await?;
    let servings = tx.servings(Some(NAME)).await?;
    let (wanted, stands) = (of(&servings), services.models.challenger.get());
    let is = |wanted: &Serving, stands: &Challenger| {
        let version = format!("{NAME}/{}", wanted.version);
        (stands.role, stands.share, stands.model.version()) == (wanted.role, wanted.share.unwrap_or(0.0), version)
    };
    match (wanted, stands) {
        (None, None) => Ok(false),
        (Some(wanted), Some(stands)) if is(wanted, &stands) => Ok(false),
        (None, Some(_)) => {
            services.models.challenger.set(None);
            Ok(true)
        }
        (Some(wanted), _) => {
            let registered = registry::registered(tx.as_mut(), NAME, &wanted.version).await?;
            drop(tx);
            install(&services.models, wanted, registry::load(services, &registered)?)?;
            Ok(true)
        }
    }
}

/// Proposes that the champion before this one serves again.
///
/// # Errors
/// As [`crate::flow::decide::propose::propose`]; [`FlowError::NotFound`] when there was none before.
pub async fn roll_back(
    services: &Services,
    actor: &Actor,
    name: &str,
) -> Result<crate::domain::proposal::Proposal, FlowError> {
    let before = registry::previous(services.store.read().await?.as_mut(), name).await?;
    crate::flow::decide::propose::propose_model(services, actor, name, &before.version).await
}
