//! What follows an execution: pull workers, effects, incidents, emitted events and the audit chain.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use axum::http::StatusCode;
use holdfast::adapters::connectors::webhook::WebhookConnector;
use holdfast::commands::audit::{self, AuditError};
use holdfast::domain::action::{ActionKind, Executor};
use holdfast::domain::actor::{Actor, Role};
use holdfast::domain::case::{CaseState, Resolution};
use holdfast::domain::ids::WebhookId;
use holdfast::domain::proposal::ProposalState;
use holdfast::flow::FlowError;
use holdfast::flow::execute::pull::{self, Activate, Report};
use holdfast::flow::execute::{incident, reap};
use holdfast::flow::services::Settings;
use holdfast::ports::connector::Endpoint;
use holdfast::ports::store::service::Webhook;
use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};

use super::decide::world::person;
use super::execute_stage::{Outside, Stage, services_with};
use crate::support::stores::{TestStore, on_each_store};
use crate::webhook::{Receiver, SECRET};

on_each_store!(
    pull_workers_hold_jobs_by_lease,
    a_pull_worker_that_goes_away_is_noticed,
    a_failure_without_an_order_has_an_owner,
    a_question_waits_for_its_answer,
    an_effect_is_seen_or_missed,
    without_an_endpoint_it_waits_visibly,
    the_service_carries_out_its_own_actions,
    subscribers_hear_of_it,
    the_audit_chain_shows_where_it_is_broken,
);

const PULLED: ActionKind = ActionKind::ExpeditePurchaseOrder;

fn worker() -> Actor {
    Actor::Service { subject: "wms".to_owned() }
}

fn owner() -> Actor {
    person("iris", &[Role::IntegrationEngineer])
}

fn activate() -> Activate {
    Activate { topic: Some(PULLED.name().to_owned()), worker: "wms".to_owned(), max_jobs: 5, lease_ms: 30_000 }
}

fn is_lost<T>(result: &Result<T, FlowError>) -> bool {
    matches!(result, Err(FlowError::Conflict { code: "lease-lost", .. }))
}

async fn pull_workers_hold_jobs_by_lease(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::over(&test.store)?;
    let id = stage.queued("SO-1", PULLED, Executor::Pull).await?;
    stage.work().await;
    ensure!(stage.proposal(id).await?.state.name() == "queued", "the service's own workers leave it alone");
    let services = &stage.services;
    ensure!(
        pull::activate(services, &worker(), &Activate { topic: Some("other".to_owned()), ..activate() })
            .await?
            .is_empty()
    );
    let boss = person("root", &[Role::Admin, Role::OperationsManager]);
    let by_hand = pull::activate(services, &boss, &activate()).await;
    ensure!(matches!(by_hand, Err(FlowError::Denied { code: "not-permitted", .. })), "{by_hand:?}");
    let job = pull::activate(services, &worker(), &activate()).await?.pop().context("no job")?;
    let by_hand = pull::complete(services, &boss, job.key, &job.lease_token, json!({})).await;
    ensure!(matches!(by_hand, Err(FlowError::Denied { .. })), "{by_hand:?}");
    ensure!(job.order.action_digest == stage.proposal(id).await?.digest && job.order.approvals.len() == 1);
    ensure!(pull::activate(services, &worker(), &activate()).await?.is_empty(), "a leased job is not given twice");
    stage.pass_s(20);
    pull::extend(services, &worker(), job.key, &job.lease_token, 30_000).await?;
    stage.pass_s(20);
    ensure!(pull::activate(services, &worker(), &activate()).await?.is_empty(), "the lease was extended");

    let report =
        Report { retryable: true, code: "busy".to_owned(), message: "later".to_owned(), backoff_ms: Some(60_000) };
    pull::fail(services, &worker(), job.key, &job.lease_token, &report).await?;
    stage.pass_s(59);
    ensure!(pull::activate(services, &worker(), &activate()).await?.is_empty(), "the worker asked for a minute");
    stage.pass_s(1);
    let again = pull::activate(services, &worker(), &activate()).await?.pop().context("no second attempt")?;
    ensure!((again.attempt, &again.order.idempotency_key) == (2, &job.order.idempotency_key));
    let late = pull::complete(services, &worker(), job.key, &job.lease_token, json!({})).await;
    ensure!(is_lost(&late), "{late:?}");
    let done = pull::complete(services, &worker(), again.key, &again.lease_token, json!({ "po": 7 })).await?;
    ensure!(matches!(&done.state, ProposalState::Succeeded { receipt, .. } if receipt == &json!({ "po": 7 })));
    let twice = pull::complete(services, &worker(), again.key, &again.lease_token, json!({})).await;
    ensure!(is_lost(&twice), "{twice:?}");
    let foreign = pull::extend(services, &worker(), again.key, "guess", 1_000).await;
    ensure!(is_lost(&foreign), "{foreign:?}");
    Ok(())
}

async fn a_pull_worker_that_goes_away_is_noticed(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::over(&test.store)?;
    let id = stage.queued("SO-1", PULLED, Executor::Pull).await?;
    pull::activate(&stage.services, &worker(), &activate()).await?.pop().context("no job")?;
    let untouched = stage.queued("SO-2", PULLED, Executor::Pull).await?;
    ensure!(reap::reap(&stage.services).await? == 0);
    stage.world.pass_h(49);
    ensure!(reap::reap(&stage.services).await? == 2);
    ensure!(stage.proposal(id).await?.state.name() == "failed");
    ensure!(stage.proposal(untouched).await?.state.name() == "expired");
    let mut codes: Vec<String> = stage.incidents().await?.into_iter().map(|incident| incident.code).collect();
    codes.sort();
    ensure!(codes == ["abandoned", "never-started"], "{codes:?}");
    ensure!(pull::activate(&stage.services, &worker(), &activate()).await?.is_empty(), "it is not offered again");
    Ok(())
}

/// A document that could not even become an order is nobody's exception, and still has an owner.
async fn a_failure_without_an_order_has_an_owner(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::over(&test.store)?;
    let failed = |resolved: bool| {
        json!({ "system": "edi", "interface": "in", "document_type": "850", "error_code": "E-7",
        "detail": "no such customer", "resolved": resolved })
    };
    for (id, resolved) in [("f1", false), ("f2", false), ("f3", true)] {
        stage.world.tell("integration.failed", id, failed(resolved)).await?;
    }
    let incidents = stage.incidents().await?;
    ensure!(incidents.len() == 1 && incidents[0].interface.as_deref() == Some("edi/in"), "{incidents:?}");
    ensure!(
        incidents[0].owner == incident::OWNER && incidents[0].message.contains("no such customer"),
        "{incidents:?}"
    );
    let resumed = incident::resume(&stage.services, &owner(), incidents[0].id, 1).await;
    ensure!(matches!(resumed, Err(FlowError::Conflict { code: "not-resumable", .. })), "{resumed:?}");
    incident::close(&stage.services, &owner(), incidents[0].id, 1, "customer created").await?;
    stage.world.tell("integration.failed", "f4", failed(false)).await?;
    ensure!(stage.incidents().await?.len() == 2, "what fails after that waits for its owner again");
    Ok(())
}

/// A question that was sent leaves its exception waiting for the answer, until the one who was asked writes.
async fn a_question_waits_for_its_answer(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::over(&test.store)?;
    let asked = stage.queued("SO-10231", ActionKind::AskCustomer, Executor::Webhook).await?;
    stage.work().await;
    let case = stage.case_of(asked).await?;
    ensure!(
        matches!(&case.state, CaseState::AwaitingInformation { asked_of, .. } if asked_of == "customer"),
        "{:?}",
        case.state
    );
    let customer = json!({ "customer_id": "C-1", "name": "Brook Clinics", "email_domains": ["brook.example"],
        "contacts": [{ "name": "Dana", "email": "dana@brook.example" }] });
    stage.world.tell("customer.upserted", "c", customer).await?;
    let mail = json!({ "channel": "email", "from": { "email": "dana@brook.example" },
        "subject": "SO-10231", "body": "About SO-10231: yes, that is fine." });
    stage.world.tell("message.received", "answer", mail).await?;
    stage.work().await;
    let case = stage.case_of(asked).await?;
    ensure!(case.state.name() == "triaged", "{:?}", case.state);
    Ok(())
}

async fn an_effect_is_seen_or_missed(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::over(&test.store)?;
    let seen = stage.queued("SO-1", ActionKind::ReallocateFromWarehouse, Executor::Webhook).await?;
    let missed = stage.queued("SO-2", ActionKind::ReallocateFromWarehouse, Executor::Webhook).await?;
    stage.work().await;
    stage.pass_s(60);
    stage.stock("SO-1", "after", "20").await?;
    stage.pass_s(3_600);
    stage.work().await;
    let ProposalState::Succeeded { effect_seen: Some(_), .. } = stage.proposal(seen).await?.state else {
        anyhow::bail!("{:?}", stage.proposal(seen).await?.state)
    };
    let CaseState::Resolved { resolution: Resolution::ConditionCleared { .. }, .. } = stage.case_of(seen).await?.state
    else {
        anyhow::bail!("{:?}", stage.case_of(seen).await?.state)
    };
    ensure!(matches!(stage.case_of(missed).await?.state, CaseState::Monitoring { .. }));
    stage.pass_s(7 * 3_600);
    stage.work().await;
    let incidents = stage.incidents().await?;
    ensure!(incidents.len() == 1 && incidents[0].code == "no-effect-seen", "{incidents:?}");
    ensure!(incidents[0].proposal_id == Some(missed));
    ensure!(matches!(stage.case_of(missed).await?.state, CaseState::Triaged { .. }));
    let resumed = incident::resume(&stage.services, &owner(), incidents[0].id, 1).await;
    ensure!(matches!(resumed, Err(FlowError::Conflict { code: "proposal-settled", .. })), "{resumed:?}");
    let reasonless = incident::close(&stage.services, &owner(), incidents[0].id, 1, " ").await;
    ensure!(matches!(reasonless, Err(FlowError::Invalid { .. })));
    let by_machine = incident::close(&stage.services, &worker(), incidents[0].id, 1, "called them").await;
    ensure!(matches!(by_machine, Err(FlowError::Denied { code: "not-a-person", .. })), "{by_machine:?}");
    let closed = incident::close(&stage.services, &owner(), incidents[0].id, 1, "called them").await?;
    ensure!(closed.closed_at.is_some() && incident::list(&stage.services, Some(true), None, 10).await?.is_empty());
    Ok(())
}

async fn without_an_endpoint_it_waits_visibly(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::with(&test.store, None)?;
    let id = stage.queued("SO-1", ActionKind::RebookCarrier, Executor::Webhook).await?;
    stage.work().await;
    ensure!(stage.proposal(id).await?.state.name() == "queued" && stage.outside.calls().is_empty());
    let incident = stage.incidents().await?.pop().context("silent")?;
    ensure!(incident.code == "no-endpoint");
    let settings = Settings {
        action_endpoint: Some(Endpoint { url: "http://erp.example/".to_owned(), secret: String::new() }),
        ..Settings::default()
    };
    let services = services_with(&stage.world, stage.outside.clone(), settings);
    incident::resume(&services, &owner(), incident.id, incident.version).await?;
    holdfast::flow::execute::worker::Worker::new(services, "after").run_once(stage.now()).await;
    ensure!(stage.proposal(id).await?.state.name() == "succeeded");
    ensure!(stage.outside.calls().len() == 1);
    Ok(())
}

async fn the_service_carries_out_its_own_actions(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::over(&test.store)?;
    let nothing = stage.queued("SO-1", ActionKind::DoNothing, Executor::Internal).await?;
    let escalate = stage.queued("SO-2", ActionKind::EscalateToOwner, Executor::Internal).await?;
    let foreign = stage.queued("SO-3", ActionKind::CancelLine, Executor::Internal).await?;
    stage.work().await;
    ensure!(stage.proposal(nothing).await?.state.name() == "succeeded");
    ensure!(stage.proposal(escalate).await?.state.name() == "succeeded");
    ensure!(stage.proposal(foreign).await?.state.name() == "failed", "it has no hands for that");
    ensure!(stage.outside.calls().is_empty());
    ensure!(stage.incidents().await?.len() == 1);
    Ok(())
}

async fn subscribers_hear_of_it(test: &TestStore) -> anyhow::Result<()> {
    let (erp, subscriber, gone) = (Receiver::default(), Receiver::default(), Receiver::default());
    let outside = Arc::new(Outside::default());
    let connector = Arc::new(WebhookConnector::new(true)?);
    let stage = Stage::around(&test.store, Some(erp.start().await), connector, outside)?;
    let mut tx = stage.services.store.write().await?;
    for (receiver, types) in [(&subscriber, vec!["io.holdfast.proposal.executed.v1".to_owned()]), (&gone, Vec::new())] {
        let webhook = Webhook {
            id: WebhookId::new(stage.now(), &*stage.services.entropy),
            url: receiver.start().await.url,
            secret: SECRET.to_owned(),
            types,
            enabled: true,
            created_at: stage.now(),
            version: 1,
        };
        tx.insert_webhook(&webhook).await?;
    }
    tx.commit().await?;
    for _ in 0..50 {
        gone.answer(StatusCode::GONE);
    }
    let id = stage.queued("SO-1", ActionKind::ReallocateFromWarehouse, Executor::Webhook).await?;
    stage.work().await;
    let heard = subscriber.calls();
    ensure!(heard.len() == 1, "{heard:?}");
    ensure!(heard[0].json()["type"] == "io.holdfast.proposal.executed.v1");
    ensure!(heard[0].json()["data"]["proposal_id"] == json!(id));
    let order = erp.calls().pop().context("the action was not called")?;
    ensure!(order.json()["type"] == "io.holdfast.action.reallocate_from_warehouse.v1");
    ensure!(order.json()["data"]["action_digest"] == json!(stage.proposal(id).await?.digest));
    let webhooks = stage.services.store.read().await?.webhooks().await?;
    ensure!(webhooks.len() == 2 && webhooks.iter().all(|w| w.enabled != w.types.is_empty()), "{webhooks:?}");
    ensure!(stage.incidents().await?.iter().any(|incident| incident.code == "gone"));
    Ok(())
}

async fn the_audit_chain_shows_where_it_is_broken(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::over(&test.store)?;
    stage.queued("SO-1", ActionKind::DoNothing, Executor::Internal).await?;
    stage.work().await;
    let store = &*stage.services.store;
    let whole = audit::verify(store, |_| {}).await?;
    ensure!(whole.entries > 5, "{whole:?}");
    let mut lines = Vec::new();
    ensure!(audit::export(store, &mut lines, |_| {}).await? == whole.entries);
    ensure!(i64::try_from(lines.split(|byte| *byte == b'\n').count())? == whole.entries + 1);
    let mut database = AnyConnection::connect(&test.url).await?;
    for (seq, word, by) in [(5, "2026", "2025"), (3, "system", "nobody")] {
        let forge = format!("UPDATE audit SET document = REPLACE(document, '{word}', '{by}') WHERE seq = {seq}");
        database.execute(AssertSqlSafe(forge)).await?;
        let broken = audit::verify(store, |_| {}).await;
        ensure!(matches!(broken, Err(AuditError::Broken { seq: at, .. }) if at == seq), "{broken:?}");
    }
    database.execute("DELETE FROM audit WHERE seq = 1").await?;
    let broken = audit::verify(store, |_| {}).await;
    ensure!(matches!(broken, Err(AuditError::Broken { seq: 1, .. })), "{broken:?}");
    database.close().await?;
    Ok(())
}
