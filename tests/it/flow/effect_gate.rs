//! The gate before an effect version is proposed: who flatters itself is refused, who is better passes, and who cannot be
//! judged is proposed only as unproven.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use holdfast::domain::action::{ActionCall, ActionKind, RiskTier};
use holdfast::domain::actor::{Actor, Role};
use holdfast::domain::case::Category;
use holdfast::domain::decision::{Decision, RankedCase};
use holdfast::domain::digest;
use holdfast::domain::ids::ProposalId;
use holdfast::domain::model::Provenance;
use holdfast::domain::outcome::Offer;
use holdfast::domain::proposal::{Proposal, ProposalState, Target, hours_after};
use holdfast::flow::decide::explore::ExplorationSettings;
use holdfast::flow::decide::propose::propose_model_as;
use holdfast::flow::learn::effect_gate::{Gate, Ruling};
use holdfast::flow::learn::registry;
use holdfast::flow::services::{Ctx, Settings};
use holdfast::ports::registry::{Described, LoadError, Loaded, ModelLoader};
use holdfast::ports::tabular::{Effect, EffectCase, EffectModel};
use serde_json::{Map, Value, json};

use super::decide::world::{code, person};
use super::policy_value::{decided, place};
use crate::support::services::World;
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(the_flatterer_is_refused_and_the_better_one_passes, without_exploring_nothing_is_proven);

/// Misses without help, and with the one action that helps.
const MISSES: (f64, f64) = (0.5, 0.1);

/// A model that expects `misses` of one action and what is true of all that do not help.
#[derive(Clone, Copy)]
struct Says {
    action: ActionKind,
    misses: f64,
}

impl EffectModel for Says {
    fn effects(&self, _: &str, case: &EffectCase<'_>) -> Option<Vec<Effect>> {
        let effect = |offer: &Offer| {
            let miss = if offer.action == self.action { self.misses } else { MISSES.0 };
            Effect { miss, residual: offer.standing, deviation: 1.0, support: 500 }
        };
        Some(case.stakes.offers.iter().map(effect).collect())
    }

    fn usual_distance(&self, _: Category) -> Option<f64> {
        None
    }

    fn version(&self) -> String {
        format!("effect/{}", self.action.name())
    }

    fn digest(&self) -> String {
        digest::hex(self.action.name().as_bytes())
    }
}

/// Versions by path.
struct Shelf(BTreeMap<String, Says>);

impl Shelf {
    fn of(&self, path: &str) -> Result<Says, LoadError> {
        let missing = || LoadError { path: path.to_owned(), message: "it is not there".to_owned() };
        self.0.get(path).copied().ok_or_else(missing)
    }
}

impl ModelLoader for Shelf {
    fn versions(&self) -> Vec<Result<Described, LoadError>> {
        self.0.keys().map(|path| self.describe(path)).collect()
    }

    fn describe(&self, path: &str) -> Result<Described, LoadError> {
        let (name, version) = path.split_once('/').unwrap();
        let origin = json!({ "data_window": null, "data_digest": "d", "schema_version": "s", "seed": 1, "code_version": "1",
            "created_at": "2026-03-01T00:00:00Z", "licence": "own", "source": "told" });
        Ok(Described {
            name: name.to_owned(),
            version: version.to_owned(),
            digest: self.of(path)?.digest(),
            path: path.to_owned(),
            metrics: BTreeMap::new(),
            beats_baseline: true,
            trained_by: None,
            origin: serde_json::from_value::<Provenance>(origin).unwrap(),
        })
    }

    fn report(&self, _: &str) -> Result<Option<String>, LoadError> {
        Ok(None)
    }

    fn card(&self, _: &str) -> Result<Option<String>, LoadError> {
        Ok(None)
    }

    fn load(&self, path: &str, _: Option<&str>) -> Result<Loaded, LoadError> {
        Ok(Loaded::Effect(Arc::new(self.of(path)?)))
    }
}

/// Proposes that a model of that name ranks.
async fn proposed(world: &mut World, name: &str, says: Says, parameters: Value) -> anyhow::Result<Proposal> {
    let path = format!("effect/{name}");
    Arc::get_mut(&mut world.services).unwrap().loader = Arc::new(Shelf([(path.clone(), says)].into()));
    let services = &world.services;
    let ctx = Ctx { now: world.now(), entropy: &*services.entropy, actor: Actor::System };
    registry::register(services, &ctx, &path, "person:trainer").await?;
    let parameters = parameters.as_object().cloned().unwrap_or_default();
    let ada = person("ada", &[Role::DataScientist]);
    Ok(propose_model_as(services, &ada, ("effect", name), &parameters).await?)
}

/// Puts on record that what was recommended was carried out.
async fn carried_out(world: &World, decisions: &[Decision]) -> anyhow::Result<()> {
    let mut tx = world.services.store.write().await?;
    for decision in decisions {
        for ranked in &decision.output {
            let chosen = ranked.chosen().context("nothing recommended")?.action;
            if chosen != ActionKind::DoNothing {
                tx.insert_proposal(&succeeded(world, decision, ranked, chosen)?).await?;
            }
        }
    }
    Ok(tx.commit().await?)
}

fn succeeded(world: &World, decision: &Decision, ranked: &RankedCase, kind: ActionKind) -> anyhow::Result<Proposal> {
    let (case_id, order_id) = (ranked.case_id.context("no case")?, ranked.order_id.clone().context("no order")?);
    let at = hours_after(world.now(), 1);
    Ok(Proposal {
        id: ProposalId::new(world.now(), &*world.services.entropy),
        target: Target::Order { case_id, order_id, line_no: Some(1) },
        action: ActionCall { kind, parameters: Map::new(), quote: None, amount: None },
        tier: RiskTier::Low,
        proposer: Actor::System,
        decision_id: Some(decision.id),
        explored: false,
        evidence: Value::Null,
        preconditions: Vec::new(),
        effect: None,
        policy_version: world.services.policy.version().to_owned(),
        digest: String::new(),
        created_at: world.now(),
        expires_at: hours_after(world.now(), 48),
        state: ProposalState::Succeeded { votes: Vec::new(), receipt: Value::Null, at, effect_seen: None },
        version: 1,
    })
}

/// What the belief recommends, and the last of the actions that are explored beside it.
fn tied(decision: &Decision) -> (ActionKind, ActionKind) {
    let chances = &decision.output[0].choice.as_ref().unwrap().chances;
    let last = chances.iter().rfind(|chance| chance.probability > 0.0).unwrap();
    (chances[0].action, last.action)
}

/// A world in which one action helps, by what was recommended and then done on `cases` exceptions.
async fn lived(store: &TestStore, share: f64, cases: usize) -> anyhow::Result<(World, ActionKind, ActionKind)> {
    let exploration = ExplorationSettings { share, tie_cost: 1000.0, per_day: 100_000 };
    let world = World::with(&store.store, Settings { exploration, ..Settings::default() })?;
    let helps = std::cell::OnceCell::new();
    let missed = |decision: &Decision, ranked: &RankedCase| {
        let helps = *helps.get_or_init(|| tied(decision));
        let (without, with) = MISSES;
        let done = ranked.chosen().map(|chosen| chosen.action);
        let chance = if helps.0 != helps.1 && done == Some(helps.1) { with } else { without };
        place(ranked.order_id.as_deref().unwrap()) < chance
    };
    let decisions = decided(&world, cases, &missed).await?;
    carried_out(&world, &decisions).await?;
    let (first, last) = *helps.get().context("nothing decided")?;
    Ok((world, first, last))
}

fn gate_of(proposal: &Proposal) -> anyhow::Result<Gate> {
    Ok(serde_json::from_value(proposal.evidence["gate"].clone())?)
}

async fn the_flatterer_is_refused_and_the_better_one_passes(store: &TestStore) -> anyhow::Result<()> {
    let (mut world, believed, helps) = lived(store, 0.8, 1200).await?;
    anyhow::ensure!(believed != helps, "nothing was explored");
    // It takes the same choice as the belief, and promises that it never fails.
    let flatterer = Says { action: believed, misses: 0.0 };
    let refused = proposed(&mut world, "flatterer", flatterer, json!({})).await.unwrap_err();
    let refused = refused.downcast_ref::<holdfast::flow::FlowError>().context("another error")?;
    anyhow::ensure!(code(refused) == "gate-refused", "{refused}");
    let said = refused.to_string();
    anyhow::ensure!(said.contains("it promises") && said.contains("gain 0.000"), "{said}");
    let still = proposed(&mut world, "again", flatterer, json!({ "unproven": true })).await;
    anyhow::ensure!(still.is_err(), "what was proven wrong is not unproven");

    let better = proposed(&mut world, "better", Says { action: helps, misses: MISSES.1 }, json!({})).await?;
    let gate = gate_of(&better)?;
    anyhow::ensure!((gate.ruling, gate.decisions) == (Ruling::Passed, 1200), "{gate}");
    let kinds: Vec<&str> = gate.checks.iter().map(|check| check.kind.as_str()).collect();
    anyhow::ensure!(kinds == ["support", "gain", "agreement", "flattery", "category", "calibration"], "{kinds:?}");
    let mut other = better.clone();
    other.evidence["gate"]["decisions"] = json!(5);
    anyhow::ensure!(better.compute_digest()? == better.digest && other.compute_digest()? != better.digest);
    Ok(())
}

async fn without_exploring_nothing_is_proven(store: &TestStore) -> anyhow::Result<()> {
    let (mut world, believed, _) = lived(store, 0.0, 100).await?;
    let other = Says { action: ActionKind::DoNothing, misses: MISSES.1 };
    anyhow::ensure!(believed != other.action, "{believed:?}");
    let refused = proposed(&mut world, "other", other, json!({})).await.unwrap_err();
    let refused = refused.downcast_ref::<holdfast::flow::FlowError>().context("another error")?;
    anyhow::ensure!(code(refused) == "gate-unproven", "{refused}");
    let anyway = proposed(&mut world, "anyway", other, json!({ "unproven": true })).await?;
    let gate = gate_of(&anyway)?;
    anyhow::ensure!((gate.ruling, gate.decisions) == (Ruling::Unproven, 100), "{gate}");
    let direct = gate.direct.as_ref().and_then(|direct| direct.biased.as_ref());
    anyhow::ensure!(direct.is_some_and(|why| why.contains("100 of 100 decisions have no propensity")), "{gate}");
    anyhow::ensure!(anyway.action.parameters["unproven"] == json!(true), "who approves sees it");
    Ok(())
}
