//! A stage for executions: short orders with approved proposals, and an outside that can be scripted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use async_trait::async_trait;
use holdfast::domain::action::{
    ActionCall, ActionKind, ActionSpec, EffectPrior, Executor, ExpectedEffect, Precondition, RiskTier,
};
use holdfast::domain::actor::Actor;
use holdfast::domain::approval::{Verdict, Vote};
use holdfast::domain::case::{Case, CaseState};
use holdfast::domain::ids::{CaseId, ProposalId};
use holdfast::domain::job::{Incident, JobError};
use holdfast::domain::proposal::{Proposal, ProposalState, Target, hours_after};
use holdfast::flow::execute::enqueue;
use holdfast::flow::execute::worker::Worker;
use holdfast::flow::services::{Ctx, Settings};
use holdfast::flow::{FlowError, Services, cases, facts};
use holdfast::in_transaction;
use holdfast::ports::connector::{Call, Connector, Endpoint};
use holdfast::ports::store::Store;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::support::services::{World, item, plain_order, position};

/// The outside world: does the work of each key once, as the contract asks of it.
#[derive(Default)]
pub struct Outside {
    /// Calls by idempotency key.
    pub calls: Mutex<BTreeMap<String, u32>>,
    /// What it answers before it goes well.
    pub answers: Mutex<VecDeque<JobError>>,
    /// A call for this order panics.
    pub panics_on: Mutex<Option<String>>,
}

impl Outside {
    pub fn calls(&self) -> BTreeMap<String, u32> {
        self.calls.lock().unwrap().clone()
    }
}

#[async_trait]
impl Connector for Outside {
    async fn deliver(&self, call: Call<'_>) -> Result<Value, JobError> {
        let poisoned = self.panics_on.lock().unwrap().clone();
        assert!(poisoned.is_none() || call.data["order_id"].as_str() != poisoned.as_deref(), "told to panic");
        *self.calls.lock().unwrap().entry(call.idempotency_key.to_owned()).or_default() += 1;
        tokio::task::yield_now().await;
        match self.answers.lock().unwrap().pop_front() {
            Some(error) => Err(error),
            None => Ok(json!({ "reference": call.idempotency_key })),
        }
    }
}

pub struct Stage {
    pub world: World,
    pub services: Arc<Services>,
    pub outside: Arc<Outside>,
}

impl Stage {
    pub fn over(store: &Arc<dyn Store>) -> anyhow::Result<Self> {
        let endpoint = Endpoint { url: "http://erp.example/actions".to_owned(), secret: String::new() };
        Self::with(store, Some(endpoint))
    }

    pub fn with(store: &Arc<dyn Store>, action_endpoint: Option<Endpoint>) -> anyhow::Result<Self> {
        let outside = Arc::new(Outside::default());
        Self::around(store, action_endpoint, outside.clone(), outside)
    }

    pub fn around(
        store: &Arc<dyn Store>,
        action_endpoint: Option<Endpoint>,
        connector: Arc<dyn Connector>,
        outside: Arc<Outside>,
    ) -> anyhow::Result<Self> {
        let world = World::over(store)?;
        let services = services_with(&world, connector, Settings { action_endpoint, ..Settings::default() });
        Ok(Self { world, services, outside })
    }

    pub fn worker(&self) -> Worker {
        Worker::new(self.services.clone(), "test")
    }

    pub async fn work(&self) -> usize {
        self.worker().run_once(self.now()).await
    }

    pub fn now(&self) -> Timestamp {
        self.world.now()
    }

    pub fn pass_s(&self, seconds: i64) {
        self.world.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// An order whose line is short, with its case.
    pub async fn short_order(&self, order: &str) -> anyhow::Result<Case> {
        let sku = format!("SKU-{order}");
        self.world.tell("item.upserted", &format!("{order}-i"), item(&sku)).await?;
        self.stock(order, "first", "4").await?;
        self.world.tell("order.placed", &format!("{order}-o"), plain_order(order, &sku)).await?;
        self.world.open_cases(order).await?.into_iter().next().context("no case")
    }

    /// Says what is in stock for an order's line.
    pub async fn stock(&self, order: &str, event: &str, available: &str) -> anyhow::Result<()> {
        let position = position(&format!("SKU-{order}"), available);
        self.world.tell("inventory.position", &format!("{order}-p-{event}"), position).await.map(drop)
    }

    /// A short order with a proposal that persons approved and that is queued for `executor`.
    pub async fn queued(&self, order: &str, kind: ActionKind, executor: Executor) -> anyhow::Result<ProposalId> {
        let case = self.short_order(order).await?;
        self.queue(&case, kind, executor).await
    }

    pub async fn queue(&self, case: &Case, kind: ActionKind, executor: Executor) -> anyhow::Result<ProposalId> {
        let services = &self.services;
        let queued: Result<ProposalId, FlowError> = in_transaction!(services.store, |tx| {
            let ctx = Ctx { now: self.now(), entropy: &*services.entropy, actor: Actor::System };
            queue_in(services, &mut *tx, &ctx, case.id, kind, executor).await
        });
        Ok(queued?)
    }

    pub async fn proposal(&self, id: ProposalId) -> anyhow::Result<Proposal> {
        self.services.store.read().await?.proposal(id).await?.context("no proposal")
    }

    pub async fn case_of(&self, id: ProposalId) -> anyhow::Result<Case> {
        let Target::Order { case_id, .. } = self.proposal(id).await?.target else { anyhow::bail!("no case") };
        self.services.store.read().await?.case(case_id).await?.context("no case")
    }

    pub async fn incidents(&self) -> anyhow::Result<Vec<Incident>> {
        Ok(self.services.store.read().await?.list_incidents(None, None, 100).await?)
    }
}

/// The world's services with another outside and other settings.
pub fn services_with(world: &World, connector: Arc<dyn Connector>, settings: Settings) -> Arc<Services> {
    let base = &world.services;
    Arc::new(Services {
        store: base.store.clone(),
        clock: base.clock.clone(),
        entropy: base.entropy.clone(),
        models: base.models.clone(),
        loader: base.loader.clone(),
        judge: base.judge.clone(),
        vectors: base.vectors.clone(),
        rules: base.rules.clone(),
        catalogue: base.catalogue.clone(),
        queue: Arc::clone(&world.services.queue),
        service_levels: Arc::clone(&world.services.service_levels),
        policy: base.policy.clone(),
        mail: base.mail.clone(),
        connector,
        settings,
    })
}

async fn queue_in(
    services: &Services,
    tx: &mut dyn holdfast::ports::store::Transaction,
    ctx: &Ctx<'_>,
    case_id: CaseId,
    kind: ActionKind,
    executor: Executor,
) -> Result<ProposalId, FlowError> {
    let missing = || FlowError::NotFound { kind: "case", id: case_id.to_string() };
    let case = tx.case(case_id).await?.ok_or_else(missing)?;
    let facts = facts::of_line(tx, &case.key.order_id, case.key.line_no, ctx.now).await?;
    let proposal = approved(services, ctx, &case, kind, json!(facts))?;
    tx.insert_proposal(&proposal).await?;
    let case = match case.state {
        CaseState::New => cases::transition(tx, ctx, case, CaseState::Triaged { at: ctx.now }, Value::Null).await?,
        _ => case,
    };
    let next = CaseState::AwaitingApproval { proposal_id: proposal.id };
    cases::transition(tx, ctx, case, next, Value::Null).await?;
    enqueue::enqueue(tx, ctx, &services.settings, &spec(kind, executor), proposal).await.map(|p| p.id)
}

fn approved(
    services: &Services,
    ctx: &Ctx<'_>,
    case: &Case,
    kind: ActionKind,
    evidence: Value,
) -> Result<Proposal, FlowError> {
    let vote = Vote {
        stage: 0,
        subject: "ada".to_owned(),
        name: "Ada".to_owned(),
        verdict: Verdict::Approve,
        reason: None,
        reason_code: None,
        at: ctx.now,
        policies: Vec::new(),
    };
    let key = &case.key;
    let mut proposal = Proposal {
        id: ProposalId::new(ctx.now, ctx.entropy),
        target: Target::Order { case_id: case.id, order_id: key.order_id.clone(), line_no: key.line_no },
        action: ActionCall {
            kind,
            parameters: Map::from_iter([("quantity".to_owned(), json!(6))]),
            quote: None,
            amount: None,
        },
        tier: RiskTier::Low,
        proposer: Actor::System,
        decision_id: None,
        explored: false,
        evidence,
        preconditions: vec![Precondition {
            says: "the stock is what it was, or more".to_owned(),
            when: "facts.stock.available >= then.stock.available".to_owned(),
        }],
        effect: Some(ExpectedEffect {
            says: "the stock covers the line".to_owned(),
            when: "facts.stock.shortfall == 0.0".to_owned(),
            within_h: 8,
        }),
        policy_version: services.policy.version().to_owned(),
        digest: String::new(),
        created_at: ctx.now,
        expires_at: hours_after(ctx.now, 48),
        state: ProposalState::Approved { votes: vec![vote], at: ctx.now },
        version: 1,
    };
    proposal.digest = proposal.compute_digest()?;
    Ok(proposal)
}

fn spec(kind: ActionKind, executor: Executor) -> ActionSpec {
    ActionSpec {
        kind,
        title: kind.name().to_owned(),
        categories: Vec::new(),
        parameters: Value::Null,
        fill: BTreeMap::new(),
        guards: Vec::new(),
        quote: "0.0".to_owned(),
        amount: None,
        effort_min: 1.0,
        lead_time_h: 1.0,
        useful_before_due_h: 1.0,
        timing: None,
        reversible: true,
        compensation: None,
        tier: RiskTier::Low,
        executor,
        effect: None,
        prior: EffectPrior { relief: 0.0, weight: 1.0 },
        preconditions: Vec::new(),
    }
}
