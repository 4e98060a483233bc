//! A version beside the champion: canary and shadow, by governed promotion, and the way back.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use holdfast::domain::actor::Role;
use holdfast::domain::decision::Risk;
use holdfast::domain::digest;
use holdfast::domain::model::{ModelVersion, Serving, ServingRole};
use holdfast::domain::proposal::Proposal;
use holdfast::flow::assess::features::SCHEMA_VERSION;
use holdfast::flow::assess::risk::{self, Asked};
use holdfast::flow::decide::prioritize::{PrioritizeRequest, prioritize, replay};
use holdfast::flow::decide::propose;
use holdfast::flow::execute::worker::Worker;
use holdfast::flow::learn::{challenger, registry};
use holdfast::flow::services::Challenger;
use holdfast::ports::tabular::{RiskModel, TabularError};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::decide::world::{ada, person, short};
use super::learn::{School, line};
use super::promotion::approved;
use crate::support::services::{World, plain_order};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(a_shadow_is_kept_beside_the_champion_and_heard_by_nobody, a_canary_answers_for_its_orders_and_replays);

/// Proposes with these parameters, lets a person approve, and lets it take effect.
async fn place(school: &School, version: &ModelVersion, parameters: Value) -> anyhow::Result<Proposal> {
    let (name, parameters) = ((version.name.as_str(), version.version.as_str()), parameters.as_object().cloned());
    let who = person("ada", &[Role::DataScientist]);
    let proposal = propose::propose_model_as(school.services(), &who, name, &parameters.unwrap_or_default()).await?;
    take_effect(school, &proposal).await?;
    Ok(proposal)
}

async fn take_effect(school: &School, proposal: &Proposal) -> anyhow::Result<()> {
    approved(school, proposal).await?;
    Worker::new(school.world.services.clone(), "w").run_once(school.world.now()).await;
    let done = school.services().store.read().await?.proposal(proposal.id).await?.context("no proposal")?;
    ensure!(done.state.name() == "succeeded", "{:?}", done.state);
    Ok(())
}

async fn newest(school: &School) -> anyhow::Result<Serving> {
    let servings = school.services().store.read().await?.servings(Some("miss-risk")).await?;
    servings.into_iter().next().context("nothing served")
}

/// The version that answers for an order.
fn answers(school: &School, order_id: &str) -> anyhow::Result<String> {
    let asked = Asked { order_id, as_of: school.world.now(), margins: None };
    let said = risk::of(&school.services().models, &asked, &line(1, false).0.features);
    Ok(said.map_err(|abstained| anyhow::anyhow!(abstained.why))?.model)
}

#[tokio::test]
async fn a_canary_takes_its_share_becomes_champion_and_is_rolled_back() -> anyhow::Result<()> {
    let mut school = School::open().await?;
    school.live_through(900, false).await?;
    let first = school.train().await?.version;
    place(&school, &first, json!({})).await?;
    school.world.pass_h(1);
    let second = school.train().await?.version;
    let name = |version: &ModelVersion| format!("miss-risk/{}", version.version);

    let ada = person("ada", &[Role::DataScientist]);
    for (parameters, why) in [
        (json!({ "role": "canary" }), "a canary needs its share"),
        (json!({ "role": "shadow", "share": 0.1 }), "nothing else has one"),
        (json!({ "role": "retired" }), "does not stand beside"),
    ] {
        let version = (second.name.as_str(), second.version.as_str());
        let parameters = parameters.as_object().cloned().unwrap_or_default();
        let refused = propose::propose_model_as(school.services(), &ada, version, &parameters).await.unwrap_err();
        ensure!(refused.to_string().contains(why), "{refused}");
    }

    place(&school, &second, json!({ "role": "canary", "share": 0.25 })).await?;
    let serving = newest(&school).await?;
    ensure!((serving.role, serving.share) == (ServingRole::Canary, Some(0.25)), "{serving:?}");
    ensure!(serving.approved_by == ["person:mara"], "{serving:?}");
    school.restart();
    ensure!(registry::restore(school.services()).await?.problems.is_empty());
    let mut canaries = 0;
    for number in 0..400 {
        let order_id = format!("SO-{number}");
        let canary = digest::place_of(&order_id) < 0.25;
        canaries += u32::from(canary);
        ensure!(answers(&school, &order_id)? == name(if canary { &second } else { &first }), "{order_id}");
    }
    ensure!((70..=130).contains(&canaries), "{canaries} of 400");

    school.world.pass_h(1);
    place(&school, &second, json!({ "role": "champion" })).await?;
    ensure!(school.services().models.challenger.get().is_none(), "the comparison is over");
    ensure!(answers(&school, "SO-1")? == name(&second) && answers(&school, "SO-2")? == name(&second));

    school.world.pass_h(1);
    let back = challenger::roll_back(school.services(), &ada, "miss-risk").await?;
    take_effect(&school, &back).await?;
    ensure!(answers(&school, "SO-1")? == name(&first));
    let servings = school.services().store.read().await?.servings(None).await?;
    let ago = |minutes: i64| {
        let then = challenger::serving_at(&servings, school.world.now() - SignedDuration::from_mins(minutes));
        then.into_iter().map(|serving| (serving.version, serving.role)).collect::<Vec<_>>()
    };
    let (one, two) = (first.version.clone(), second.version.clone());
    ensure!(ago(0) == [(one.clone(), ServingRole::Champion)], "{:?}", ago(0));
    ensure!(ago(30) == [(two.clone(), ServingRole::Champion)], "{:?}", ago(30));
    ensure!(ago(90) == [(one, ServingRole::Champion), (two, ServingRole::Canary)], "{:?}", ago(90));
    ensure!(ago(1000).is_empty());
    Ok(())
}

/// Always says the same.
struct Says(&'static str, f64);

impl RiskModel for Says {
    fn risk(&self, _: &str, _: &[Value]) -> Result<Risk, TabularError> {
        Ok(Risk {
            miss_probability: self.1,
            reasons: vec![],
            model: self.version(),
            model_digest: "d".into(),
            ships: None,
            ships_basis: None,
        })
    }

    fn version(&self) -> String {
        format!("miss-risk/{}", self.0)
    }

    fn feature_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn schema_version(&self) -> String {
        SCHEMA_VERSION.to_owned()
    }
}

fn beside(world: &World, role: ServingRole, share: f64) {
    world.services.models.risk.set(Some(Arc::new(Says("champion", 0.25))));
    let challenger = Challenger { role, share, model: Arc::new(Says("challenger", 0.75)) };
    world.services.models.challenger.set(Some(Arc::new(challenger)));
}

async fn a_shadow_is_kept_beside_the_champion_and_heard_by_nobody(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    beside(&world, ServingRole::Shadow, 0.0);
    world.tell("order.placed", "o", plain_order("SO-1", "SKU")).await?;
    let kept = world.services.store.read().await?.assessments_of_line("SO-1", 1).await?;
    let kept = kept.first().context("no assessment")?;
    ensure!(kept.miss_probability == Some(0.25) && kept.model.as_deref() == Some("miss-risk/champion"));
    let shadow = kept.shadow.as_ref().context("no shadow")?;
    ensure!((shadow.miss_probability, shadow.model.as_str()) == (0.75, "miss-risk/challenger"));
    Ok(())
}

async fn a_canary_answers_for_its_orders_and_replays(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    let request = PrioritizeRequest { ids: vec![case.id], ..PrioritizeRequest::default() };
    let place = digest::place_of("SO-1");
    for (share, expected) in [(place, 0.25), (place + 1e-9, 0.75)] {
        beside(&world, ServingRole::Canary, share);
        let decision = prioritize(&world.services, request.clone(), &ada()).await?;
        let said = decision.output[0].risk.as_ref().map(|risk| risk.miss_probability);
        ensure!(said == Some(expected), "{share}: {said:?}");
        ensure!(decision.versions["risk_canary"].starts_with("miss-risk/challenger for "), "{:?}", decision.versions);
        ensure!(replay(&world.services, decision.id).await?.identical);
        world.services.models.challenger.set(None);
        let without = replay(&world.services, decision.id).await?;
        ensure!(!without.identical && without.differences[0].contains("`risk_canary`"), "{without:?}");
    }
    Ok(())
}
