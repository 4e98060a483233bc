//! The decision log: what was recommended, what people made of it, what came of it.

use anyhow::{Context as _, ensure};
use holdfast::domain::action::ActionKind;
use holdfast::domain::actor::Role;
use holdfast::domain::approval::Verdict;
use holdfast::domain::case::{Case, Category};
use holdfast::domain::choice::{ReasonCode, ResponseKind, ResponsePart};
use holdfast::domain::decision::{Decision, DecisionRecord};
use holdfast::flow::assess::case::assess_order;
use holdfast::flow::decide::approve::{self, Why};
use holdfast::flow::decide::log::{self, NewResponse, Without};
use holdfast::flow::decide::prioritize::{PrioritizeRequest, prioritize, replay};
use holdfast::flow::decide::propose::{ProposeRequest, propose};
use serde_json::json;

use super::world::{ada, case_of, code, person, short};
use crate::support::services::{World, item, plain_order, position};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(what_people_make_of_a_recommendation_is_kept, an_assessment_keeps_what_it_recommends);

async fn record(world: &World, decision: &Decision) -> anyhow::Result<DecisionRecord> {
    log::read(world.services.store.read().await?.as_mut(), decision.id).await?.context("no such decision")
}

/// An order of ten at 1,000 that lacks six, with fifty in another warehouse: worth shipping from there.
async fn dear(world: &World) -> anyhow::Result<Case> {
    let mut item = item("SKU");
    item["list_price"]["amount"] = json!("1000.00");
    world.tell("item.upserted", "i", item).await?;
    world.tell("inventory.position", "p1", position("SKU", "4")).await?;
    let elsewhere = json!({ "sku": "SKU", "warehouse_id": "W-2", "available": "50" });
    world.tell("inventory.position", "p2", elsewhere).await?;
    let mut order = plain_order("SO-1", "SKU");
    order["lines"][0]["unit_price"] = json!("1000.00");
    world.tell("order.placed", "o", order).await?;
    case_of(world, Category::InventoryShortage).await
}

async fn what_people_make_of_a_recommendation_is_kept(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = dear(&world).await?;
    let request = PrioritizeRequest { ids: vec![case.id], explain: true, ..PrioritizeRequest::default() };
    let decision = prioritize(&world.services, request, &ada()).await?;
    let best = decision.output[0].chosen().context("nothing is recommended")?.action;
    ensure!(best == ActionKind::ReallocateFromWarehouse, "{best:?}");
    let put = async |action, parameters: serde_json::Value| {
        let parameters = parameters.as_object().cloned().unwrap_or_default();
        let request = ProposeRequest { case_id: case.id, action, parameters, decision_id: Some(decision.id) };
        propose(&world.services, &ada(), request).await
    };
    let accepted = put(best, json!({})).await?;
    ensure!(accepted.decision_id == Some(decision.id) && !accepted.explored);
    let edited = put(best, json!({ "quantity": 6.0 })).await?;
    let later = NewResponse {
        case_id: case.id,
        kind: Without::Defer,
        reason_code: ReasonCode::NeedsInformation,
        reason: Some("the supplier answers tomorrow".to_owned()),
    };
    log::respond(&world.services, &ada(), decision.id, later.clone()).await?;
    let stranger = NewResponse { case_id: holdfast::domain::ids::CaseId(uuid::Uuid::from_u128(1)), ..later };
    let refused = log::respond(&world.services, &ada(), decision.id, stranger).await.unwrap_err();
    ensure!(code(&refused) == "invalid-request", "{refused}");
    let planner = person("ben", &[Role::SupplyPlanner]);
    let why = Why { words: Some("too dear".to_owned()), code: Some(ReasonCode::TooCostly), read: None };
    approve::vote(&world.services, &planner, edited.id, edited.version, Verdict::Reject, why).await?;
    let record = record(&world, &decision).await?;
    ensure!(record.decision == decision, "the decision itself is as it was answered");
    let [followed] = record.followed.as_slice() else { anyhow::bail!("{:?}", record.followed) };
    let told: Vec<_> = followed.responses.iter().map(|r| (r.part, r.kind, r.reason_code)).collect();
    ensure!(told.contains(&(ResponsePart::Reader, ResponseKind::Accept, None)), "{told:?}");
    ensure!(
        told.contains(&(ResponsePart::Reader, ResponseKind::Defer, Some(ReasonCode::NeedsInformation))),
        "{told:?}"
    );
    ensure!(told.contains(&(ResponsePart::Approver, ResponseKind::Reject, Some(ReasonCode::TooCostly))), "{told:?}");
    let edit = followed.responses.iter().find(|r| r.kind == ResponseKind::Edit).context("no edit")?;
    ensure!(edit.action == Some(best) && edit.parameters.get("quantity") == Some(&json!(6.0)), "{edit:?}");
    let states: Vec<_> = followed.proposals.iter().map(|p| (p.proposal_id, p.state.as_str())).collect();
    ensure!(states == [(accepted.id, "superseded"), (edited.id, "rejected")], "{states:?}");
    ensure!(followed.outcomes.is_empty(), "nothing has come of it yet");
    world.pass_h(80);
    let shipped = json!({ "order_id": "SO-1", "line_no": 1, "status": "shipped", "at": world.now() });
    world.tell("order.status", "s", shipped).await?;
    let record = self::record(&world, &decision).await?;
    ensure!(record.followed[0].outcomes.iter().any(|outcome| outcome.missed), "{:?}", record.followed);
    Ok(())
}

async fn an_assessment_keeps_what_it_recommends(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    assess_order(&world.services, "SO-1", world.now()).await?;
    let case = case_of(&world, case.key.category).await?;
    let assessment = case.assessment.clone().context("not assessed")?;
    let id = assessment.decision_id.context("no decision")?;
    let decision = world.services.store.read().await?.decision(id).await?.context("not kept")?;
    ensure!(decision.output[0].chosen().map(|best| best.action) == assessment.best_action, "{decision:?}");
    let found = replay(&world.services, id).await?;
    ensure!(found.identical, "{found:?}");
    let proposal = super::world::put(&world, &ada(), &case, ActionKind::ReallocateFromWarehouse, json!({})).await?;
    ensure!(proposal.decision_id == Some(id), "what is proposed follows the latest recommendation");
    let before = world.services.store.read().await?.decision_ids().await?.len();
    world.pass_h(1);
    world.tell("inventory.position", "again", position("SKU", "4")).await?;
    assess_order(&world.services, "SO-1", world.now()).await?;
    let after = world.services.store.read().await?.decision_ids().await?.len();
    ensure!(after == before, "the same recommendation again is no new one: {before} and {after}");
    Ok(())
}
