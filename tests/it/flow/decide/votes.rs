//! Voting: separation of duties, versions, stages, time, and what is no longer true.

use anyhow::ensure;
use holdfast::domain::action::ActionKind;
use holdfast::domain::actor::{Actor, Role};
use holdfast::domain::approval::Verdict;
use holdfast::domain::case::CaseState;
use holdfast::domain::ids::WebhookId;
use holdfast::domain::job::JobKind;
use holdfast::domain::proposal::{Proposal, ProposalState};
use holdfast::flow::FlowError;
use holdfast::flow::assess::summary::{Reader, kept};
use holdfast::flow::decide::approve::{self, Why};
use holdfast::ports::store::service::Webhook;
use serde_json::json;

use super::world::{actions, ada, approve, audited, case_of, code, mispriced, person, put, short, stage, stored};
use crate::support::services::{World, position};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(
    nobody_approves_alone,
    two_stages_need_two_persons,
    a_rejection_gives_the_case_back,
    what_changed_is_not_approved,
    what_changed_materially_is_read_before_a_vote,
    a_waiting_stage_escalates_and_then_expires,
    questions_and_handing_on,
    nothing_waits_on_a_closed_case,
);

async fn nobody_approves_alone(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    let proposal = put(&world, &ada(), &case, ActionKind::ReallocateFromWarehouse, json!({})).await?;
    for (actor, expected) in [
        (ada(), "separation-of-duties"),
        (Actor::Service { subject: "workflow".into() }, "not-a-person"),
        (Actor::Model { version: "m/1".into() }, "not-a-person"),
        (Actor::System, "not-a-person"),
        (person("root", &[Role::Admin]), "role-missing"),
    ] {
        let error = approve(&world, &actor, &proposal).await.unwrap_err();
        ensure!(code(&error) == expected, "{actor:?}: {error}");
    }
    let denials = audited(&world, proposal.id).await?;
    ensure!(actions(&denials).iter().filter(|action| **action == "proposal.act_denied").count() == 5, "{denials:?}");
    let planner = person("ben", &[Role::SupplyPlanner]);
    let old = Proposal { version: 7, ..proposal.clone() };
    ensure!(code(&approve(&world, &planner, &old).await.unwrap_err()) == "stale");
    let queued = approve(&world, &planner, &proposal).await?;
    let ProposalState::Queued { votes, job_id } = &queued.state else { anyhow::bail!("{queued:?}") };
    ensure!(votes.len() == 1 && votes[0].policies == ["stage-votes"], "{votes:?}");
    let job = world.services.store.read().await?.job(*job_id).await?;
    ensure!(job.is_some_and(|(job, _)| job.kind == JobKind::ExecuteAction && job.proposal_id == Some(proposal.id)));
    let again = approve(&world, &planner, &proposal).await?;
    ensure!(again == queued, "the same vote sent twice is one");
    let other = person("cleo", &[Role::SupplyPlanner]);
    ensure!(code(&approve(&world, &other, &queued).await.unwrap_err()) == "invalid-transition");
    Ok(())
}

async fn two_stages_need_two_persons(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = mispriced(&world, 300).await?;
    let proposal = put(&world, &ada(), &case, ActionKind::ApprovePrice, json!({})).await?;
    ensure!(proposal.action.amount.is_some_and(|amount| amount.to_string() == "600"), "{:?}", proposal.action);
    let both = person("ben", &[Role::PricingApprover, Role::FinanceApprover]);
    let once = approve(&world, &both, &proposal).await?;
    ensure!(stage(&once) == Some(1), "{once:?}");
    let twice = approve(&world, &both, &once).await.unwrap_err();
    ensure!(code(&twice) == "separation-of-duties", "one person counts once over all stages: {twice}");
    let pricing = person("dan", &[Role::PricingApprover]);
    ensure!(code(&approve(&world, &pricing, &once).await.unwrap_err()) == "role-missing");
    let done = approve(&world, &person("cleo", &[Role::FinanceApprover]), &once).await?;
    ensure!(matches!(done.state, ProposalState::Queued { .. }), "{done:?}");
    Ok(())
}

async fn a_rejection_gives_the_case_back(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    let proposal = put(&world, &ada(), &case, ActionKind::ReallocateFromWarehouse, json!({})).await?;
    let planner = person("ben", &[Role::SupplyPlanner]);
    let vote = async |words: Option<String>| {
        let why = Why { words, ..Why::default() };
        approve::vote(&world.services, &planner, proposal.id, proposal.version, Verdict::Reject, why).await
    };
    ensure!(code(&vote(Some("  ".into())).await.unwrap_err()) == "reason-missing");
    let rejected = vote(Some("W-2 is being counted".into())).await?;
    ensure!(matches!(rejected.state, ProposalState::Rejected { .. }), "{rejected:?}");
    ensure!(actions(&audited(&world, proposal.id).await?).ends_with(&["proposal.voted", "proposal.rejected"]));
    let case = case_of(&world, case.key.category).await?;
    ensure!(matches!(case.state, CaseState::Triaged { .. }), "{case:?}");
    put(&world, &ada(), &case, ActionKind::ReallocateFromWarehouse, json!({})).await?;
    Ok(())
}

async fn what_changed_is_not_approved(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    let proposal = put(&world, &ada(), &case, ActionKind::ReallocateFromWarehouse, json!({})).await?;
    let taken = json!({ "sku": "SKU", "warehouse_id": "W-2", "available": "3" });
    world.tell("inventory.position", "p3", taken).await?;
    let planner = person("ben", &[Role::SupplyPlanner]);
    let error = approve(&world, &planner, &proposal).await.unwrap_err();
    let FlowError::Conflict { code: "approval-stale", detail, .. } = &error else { anyhow::bail!("{error}") };
    ensure!(detail["broken"] == json!(["the other warehouse still has the quantity"]), "{detail}");
    let kept = stored(&world, proposal.id).await?;
    ensure!(kept == proposal, "nothing changed");
    let why = Why { words: Some("it is gone".to_owned()), ..Why::default() };
    let vote = approve::vote(&world.services, &planner, proposal.id, proposal.version, Verdict::Reject, why).await?;
    ensure!(matches!(vote.state, ProposalState::Rejected { .. }), "what is stale can still be rejected");
    Ok(())
}

async fn what_changed_materially_is_read_before_a_vote(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    let proposal = put(&world, &ada(), &case, ActionKind::ReallocateFromWarehouse, json!({})).await?;
    let planner = person("ben", &[Role::SupplyPlanner]);
    let since = async |now| -> anyhow::Result<_> {
        let mut tx = world.services.store.read().await?;
        Ok(kept::since(tx.as_mut(), &proposal, Reader::of(&planner), now).await?)
    };
    let before = since(world.now()).await?.unwrap();
    ensure!(before.changed.is_empty() && before.age.events_since == 0, "{before:?}");
    world.pass_h(1);
    let after_an_hour = since(world.now()).await?.unwrap();
    ensure!(after_an_hour.material == before.material, "the clock alone changes nothing: {after_an_hour:?}");
    world.tell("inventory.position", "p3", position("SKU", "3")).await?;
    let now = since(world.now()).await?.unwrap();
    ensure!(
        now.age.events_since == 1 && now.changed.iter().any(|change| change.starts_with("available: 4")),
        "{now:?}"
    );
    let error = approve(&world, &planner, &proposal).await.unwrap_err();
    let FlowError::Conflict { code: "summary-stale", detail, .. } = &error else { anyhow::bail!("{error}") };
    ensure!(detail["material"] == json!(now.material) && detail["events_since"] == 1, "{detail}");
    let vote = |read: String| {
        let why = Why { read: Some(read), ..Why::default() };
        approve::vote(&world.services, &planner, proposal.id, proposal.version, Verdict::Approve, why)
    };
    ensure!(code(&vote(before.material.clone()).await.unwrap_err()) == "summary-stale", "what was is not what is");
    let queued = vote(now.material).await?;
    ensure!(matches!(queued.state, ProposalState::Queued { .. }), "{queued:?}");
    Ok(())
}

async fn a_waiting_stage_escalates_and_then_expires(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    listen(&world).await?;
    let case = mispriced(&world, 100).await?;
    let proposal = put(&world, &ada(), &case, ActionKind::ApprovePrice, json!({})).await?;
    let operations = person("olga", &[Role::OperationsManager]);
    world.pass_h(3);
    approve::timer(&world.services, proposal.id, world.now()).await?;
    ensure!(stored(&world, proposal.id).await? == proposal, "an early timer changes nothing");
    ensure!(code(&approve(&world, &operations, &proposal).await.unwrap_err()) == "role-missing");
    world.pass_h(1);
    approve::timer(&world.services, proposal.id, world.now()).await?;
    approve::timer(&world.services, proposal.id, world.now()).await?;
    let escalated = stored(&world, proposal.id).await?;
    ensure!(matches!(&escalated.state, ProposalState::AwaitingApproval(waiting) if waiting.escalated), "{escalated:?}");
    let entries = audited(&world, proposal.id).await?;
    ensure!(actions(&entries).iter().filter(|action| **action == "proposal.escalated").count() == 1, "{entries:?}");
    let jobs = world.services.store.read().await?.count_jobs().await?;
    let told = jobs.iter().filter(|(kind, ..)| *kind == JobKind::DeliverEvent).map(|(.., count)| count).sum::<i64>();
    ensure!(told == 1, "one breach is told: {jobs:?}");

    world.pass_h(44);
    let late = approve(&world, &operations, &escalated).await.unwrap_err();
    ensure!(code(&late) == "expired", "{late}");
    let expired = stored(&world, proposal.id).await?;
    ensure!(matches!(expired.state, ProposalState::Expired { .. }), "{expired:?}");
    let case = case_of(&world, case.key.category).await?;
    ensure!(matches!(case.state, CaseState::Triaged { .. }), "{case:?}");
    approve::timer(&world.services, proposal.id, world.now()).await?;
    ensure!(stored(&world, proposal.id).await? == expired, "a late timer changes nothing");
    Ok(())
}

/// A subscriber to breaches only.
async fn listen(world: &World) -> anyhow::Result<()> {
    let webhook = Webhook {
        id: WebhookId::new(world.now(), &*world.services.entropy),
        url: "https://example.invalid/hook".into(),
        secret: "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0".into(),
        types: vec!["io.holdfast.sla.breached.v1".into()],
        enabled: true,
        created_at: world.now(),
        version: 1,
    };
    let mut tx = world.services.store.write().await?;
    tx.insert_webhook(&webhook).await?;
    tx.commit().await?;
    Ok(())
}

async fn questions_and_handing_on(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    let proposal = put(&world, &ada(), &case, ActionKind::ReallocateFromWarehouse, json!({})).await?;
    let services = &world.services;
    let planner = person("ben", &[Role::SupplyPlanner]);
    let asked =
        approve::request_information(services, &planner, proposal.id, proposal.version, "why not W-3?".into()).await?;
    ensure!(
        matches!(&asked.state, ProposalState::AwaitingApproval(waiting) if waiting.information_requested.is_some())
    );
    let stranger = person("eve", &[Role::PricingApprover]);
    let denied = approve::provide_information(services, &stranger, asked.id, asked.version, "x".into()).await;
    ensure!(code(&denied.unwrap_err()) == "not-permitted");
    let told = approve::provide_information(services, &ada(), asked.id, asked.version, "it is closed".into()).await?;
    ensure!(matches!(&told.state, ProposalState::AwaitingApproval(waiting) if waiting.information_requested.is_none()));
    let hand = async |role| approve::reassign(services, &planner, told.id, told.version, role, "hers".into()).await;
    ensure!(code(&hand(Role::FinanceApprover).await.unwrap_err()) == "role-not-in-stage");
    hand(Role::WarehouseManager).await?;
    let entries = audited(&world, proposal.id).await?;
    ensure!(actions(&entries).ends_with(&["proposal.reassigned"]), "{entries:?}");
    approve(&world, &person("cleo", &[Role::WarehouseManager]), &told).await?;
    Ok(())
}

async fn nothing_waits_on_a_closed_case(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    let proposal = put(&world, &ada(), &case, ActionKind::ReallocateFromWarehouse, json!({})).await?;
    world.tell("inventory.position", "p3", position("SKU", "400")).await?;
    ensure!(world.open_cases("SO-1").await?.is_empty(), "the shortage is over");
    let over = stored(&world, proposal.id).await?;
    ensure!(matches!(over.state, ProposalState::Withdrawn { .. }), "{over:?}");
    ensure!(actions(&audited(&world, proposal.id).await?).last() == Some(&"proposal.withdrawn"));
    Ok(())
}
