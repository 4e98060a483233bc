//! Proposing: what is bound, what is refused, what replaces what.

use anyhow::ensure;
use holdfast::domain::action::ActionKind;
use holdfast::domain::actor::{Actor, Role};
use holdfast::domain::case::CaseState;
use holdfast::domain::proposal::ProposalState;
use holdfast::flow::decide::approve;
use serde_json::json;

use super::world::{actions, ada, approve, audited, case_of, code, mispriced, person, put, short, stage, stored};
use crate::support::services::{World, position};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(
    a_proposal_is_bound_to_its_evidence,
    what_does_not_fit_is_refused,
    who_may_not_propose_leaves_a_denied_proposal,
    other_parameters_supersede,
    doing_nothing_is_queued_at_once,
);

async fn a_proposal_is_bound_to_its_evidence(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    let proposal = put(&world, &ada(), &case, ActionKind::ReallocateFromWarehouse, json!({})).await?;
    ensure!(proposal.action.parameters["from_warehouse"] == "W-2", "filled from the facts: {proposal:?}");
    ensure!(proposal.action.quote.as_ref().is_some_and(|quote| quote.to_string() == "30.00 EUR"), "{proposal:?}");
    ensure!(proposal.evidence["stock"]["available"] == 4.0 && proposal.preconditions.len() == 3);
    ensure!(stage(&proposal) == Some(0) && proposal.version == 1);
    ensure!(proposal.digest == proposal.compute_digest()? && proposal.digest.len() == 64);
    let kept = stored(&world, proposal.id).await?;
    ensure!(kept == proposal && kept.compute_digest()? == proposal.digest, "as stored, so as bound");
    let mut altered = kept.clone();
    altered.action.parameters.insert("quantity".into(), json!(9));
    ensure!(altered.compute_digest()? != proposal.digest, "another quantity is another digest");
    let case = case_of(&world, case.key.category).await?;
    ensure!(case.state == CaseState::AwaitingApproval { proposal_id: proposal.id }, "{case:?}");
    ensure!(actions(&audited(&world, proposal.id).await?) == ["proposal.submitted"]);
    Ok(())
}

async fn what_does_not_fit_is_refused(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    let refused = async |action, parameters| match put(&world, &ada(), &case, action, parameters).await {
        Ok(proposal) => format!("proposed {}", proposal.id),
        Err(error) => format!("{}: {error}", code(&error)),
    };
    let elsewhere = ActionKind::ReallocateFromWarehouse;
    let wrong = refused(elsewhere, json!({ "quantity": -1 })).await;
    ensure!(wrong.starts_with("invalid-parameters: ") && wrong.contains("`/quantity` must be more than 0"), "{wrong}");
    let too_much = refused(elsewhere, json!({ "quantity": 51 })).await;
    ensure!(
        too_much.contains("action-not-eligible") && too_much.contains("no other warehouse has enough"),
        "{too_much}"
    );
    let price = refused(ActionKind::ApprovePrice, json!({})).await;
    ensure!(price.starts_with("invalid-proposal: `approve_price` does not answer"), "{price}");
    let model = refused(ActionKind::PromoteModel, json!({})).await;
    ensure!(model.starts_with("invalid-proposal: "), "{model}");
    let first = put(&world, &ada(), &case, elsewhere, json!({})).await?;
    let twice = refused(elsewhere, json!({})).await;
    ensure!(twice.starts_with("duplicate-proposal: ") && twice.contains(&first.id.to_string()), "{twice}");
    world.tell("inventory.position", "p3", position("SKU", "100")).await?;
    let closed = refused(elsewhere, json!({})).await;
    ensure!(closed.starts_with("case-closed: "), "{closed}");
    Ok(())
}

async fn who_may_not_propose_leaves_a_denied_proposal(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    for (actor, expected) in [
        (Actor::Model { version: "miss-risk/1".into() }, "not-a-person"),
        (person("eve", &[Role::Auditor]), "not-permitted"),
        (person("root", &[Role::Admin]), "not-permitted"),
    ] {
        let error = put(&world, &actor, &case, ActionKind::RepromiseDate, json!({})).await.unwrap_err();
        ensure!(code(&error) == expected, "{actor:?}: {error}");
    }
    let denied = world.services.store.read().await?.list_proposals(&Default::default(), None, 10).await?;
    ensure!(denied.len() == 3 && denied.iter().all(|p| matches!(p.state, ProposalState::Denied { .. })), "{denied:?}");
    ensure!(actions(&audited(&world, denied[0].id).await?) == ["proposal.denied"]);
    let case = case_of(&world, case.key.category).await?;
    ensure!(!matches!(case.state, CaseState::AwaitingApproval { .. }), "a denied proposal holds no case");
    Ok(())
}

async fn other_parameters_supersede(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    let action = ActionKind::ReallocateFromWarehouse;
    let first = put(&world, &ada(), &case, action, json!({ "quantity": 6 })).await?;
    let second = put(&world, &ada(), &case, action, json!({ "quantity": 7 })).await?;
    let over = stored(&world, first.id).await?;
    ensure!(matches!(over.state, ProposalState::Superseded { by, .. } if by == second.id), "{over:?}");
    let planner = person("ben", &[Role::WarehouseManager]);
    let late = approve(&world, &planner, &first).await.unwrap_err();
    ensure!(code(&late) == "stale", "what was superseded cannot be approved: {late}");
    let queued = approve(&world, &planner, &second).await?;
    ensure!(matches!(queued.state, ProposalState::Queued { .. }), "{queued:?}");
    let third = put(&world, &ada(), &case, action, json!({ "quantity": 8 })).await.unwrap_err();
    ensure!(code(&third) == "proposal-under-way", "{third}");
    let other = put(&world, &ada(), &case, ActionKind::RepromiseDate, json!({ "delay_days": 3 })).await?;
    let back = approve::withdraw(&world.services, &ada(), other.id, other.version, "not needed".into()).await?;
    ensure!(matches!(back.state, ProposalState::Withdrawn { .. }), "{back:?}");
    Ok(())
}

async fn doing_nothing_is_queued_at_once(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = mispriced(&world, 10).await?;
    let proposal = put(&world, &ada(), &case, ActionKind::DoNothing, json!({})).await?;
    ensure!(matches!(proposal.state, ProposalState::Queued { .. }), "{proposal:?}");
    let entries = audited(&world, proposal.id).await?;
    ensure!(actions(&entries) == ["proposal.submitted", "proposal.approved", "proposal.queued"], "{entries:?}");
    Ok(())
}
