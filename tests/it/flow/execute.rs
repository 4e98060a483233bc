//! Execution: once or visibly not, whoever races, crashes or changes the world in between.

use anyhow::{Context as _, ensure};
use holdfast::domain::action::{ActionKind, Executor};
use holdfast::domain::case::{CaseState, Category, Origin};
use holdfast::domain::digest;
use holdfast::domain::job::{JobError, JobKind};
use holdfast::domain::proposal::{FailureCause, ProposalState};
use holdfast::flow::execute::{pull, start};
use holdfast::ports::connector::Call;
use holdfast::ports::store::audit::AuditFilter;
use holdfast::ports::store::jobs::Claim;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::execute_stage::Stage;
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(
    racing_workers_execute_once,
    a_long_drain_leases_from_now,
    a_state_without_its_votes_calls_nothing,
    a_crash_between_start_and_finish_doubles_nothing,
    a_broken_precondition_calls_nothing,
    an_expired_proposal_calls_nothing,
    an_altered_proposal_calls_nothing,
    a_failing_connector_becomes_visible,
    a_panic_stops_nothing_else,
);

const ACTION: ActionKind = ActionKind::ReallocateFromWarehouse;

async fn racing_workers_execute_once(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::over(&test.store)?;
    let mut proposals = Vec::new();
    for number in 0..25 {
        proposals.push(stage.queued(&format!("SO-{number}"), ACTION, Executor::Webhook).await?);
    }
    let (one, two) = (stage.worker(), stage.worker());
    tokio::join!(one.run_once(stage.now()), two.run_once(stage.now()));
    let calls = stage.outside.calls();
    ensure!(calls.len() == proposals.len() && calls.values().all(|times| *times == 1), "{calls:?}");
    for id in proposals {
        let proposal = stage.proposal(id).await?;
        ensure!(proposal.state.name() == "succeeded", "{:?}", proposal.state);
        let case = stage.case_of(id).await?;
        ensure!(
            matches!(case.state, CaseState::Monitoring { proposal_id, .. } if proposal_id == id),
            "{:?}",
            case.state
        );
        let order = stage.world.order(&case.key.order_id).await?.context("no order")?;
        ensure!(order.actions.iter().filter(|done| done.proposal_id == Some(id.to_string())).count() == 1);
    }
    ensure!(stage.incidents().await?.is_empty());
    Ok(())
}

/// A drain goes on looking at the time at which it began; its leases must not be over before they begin.
async fn a_long_drain_leases_from_now(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::over(&test.store)?;
    stage.queued("SO-1", ACTION, Executor::Webhook).await?;
    let began = stage.now();
    stage.pass_s(120);
    let (one, two) = (stage.worker(), stage.worker());
    tokio::join!(one.run_once(began), two.run_once(stage.now()));
    let calls = stage.outside.calls();
    ensure!(calls.len() == 1 && calls.values().all(|times| *times == 1), "{calls:?}");
    Ok(())
}

/// What is stored as approved is not believed: the votes must be there, under the policies that apply.
async fn a_state_without_its_votes_calls_nothing(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::over(&test.store)?;
    let forged = stage.queued("SO-1", ACTION, Executor::Webhook).await?;
    let outdated = stage.queued("SO-2", ACTION, Executor::Webhook).await?;
    let mut tx = stage.services.store.write().await?;
    let mut proposal = tx.proposal(forged).await?.context("no proposal")?;
    let ProposalState::Queued { votes, .. } = &mut proposal.state else { anyhow::bail!("{:?}", proposal.state) };
    votes.clear();
    tx.update_proposal(&proposal).await?;
    let mut proposal = tx.proposal(outdated).await?.context("no proposal")?;
    proposal.policy_version = "of last year".to_owned();
    proposal.digest = proposal.compute_digest()?;
    tx.update_proposal(&proposal).await?;
    tx.commit().await?;
    stage.work().await;
    ensure!(stage.outside.calls().is_empty(), "{:?}", stage.outside.calls());
    let state = stage.proposal(forged).await?.state;
    let not_permitted =
        |cause: &FailureCause| matches!(cause, FailureCause::Executor { code, .. } if code == "not-permitted");
    ensure!(matches!(&state, ProposalState::Failed { cause, .. } if not_permitted(cause)), "{state:?}");
    let state = stage.proposal(outdated).await?.state;
    let broken = |cause: &FailureCause| matches!(cause, FailureCause::PreconditionBroken { says } if says[0].contains("policies"));
    ensure!(matches!(&state, ProposalState::Failed { cause, .. } if broken(cause)), "{state:?}");
    Ok(())
}

async fn a_crash_between_start_and_finish_doubles_nothing(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::over(&test.store)?;
    let id = stage.queued("SO-1", ACTION, Executor::Webhook).await?;
    let services = &stage.services;
    let claim = Claim {
        kinds: vec![JobKind::ExecuteAction],
        pull: false,
        topic: None,
        worker: "dies".to_owned(),
        limit: 1,
        now: stage.now(),
        lease_until: stage.now() + SignedDuration::from_secs(60),
    };
    let token = |_| digest::hex(&services.entropy.bytes());
    let mut tx = services.store.write().await?;
    let job = tx.claim(&claim, &token).await?.pop().context("no job")?;
    tx.commit().await?;
    let started = start::begin(services, &job, stage.now()).await?;
    let start::Started::Run { order } = started else { anyhow::bail!("{started:?}") };
    let endpoint = services.settings.action_endpoint.clone().context("no endpoint")?;
    let data = json!(order);
    let key = order.idempotency_key.as_str();
    let call = Call { idempotency_key: key, endpoint: &endpoint, event_type: "test", at: stage.now(), data: &data };
    services.connector.deliver(call).await.map_err(|e| anyhow::anyhow!("{e:?}"))?;

    // The worker dies here. While its lease holds, nobody else touches the action.
    stage.work().await;
    ensure!(stage.proposal(id).await?.state.name() == "executing");
    stage.pass_s(61);
    stage.work().await;
    let done = stage.proposal(id).await?;
    ensure!(done.state.name() == "succeeded", "{:?}", done.state);
    ensure!(stage.outside.calls() == [(key.to_owned(), 2)].into(), "{:?}", stage.outside.calls());

    // What the dead worker says when it comes back changes nothing.
    let late =
        pull::complete(services, &holdfast::domain::actor::Actor::System, job.id, &job.lease_token, json!(2)).await;
    let Err(error) = late else { anyhow::bail!("a late completion was taken") };
    ensure!(matches!(error, holdfast::flow::FlowError::Conflict { code: "lease-lost", .. }), "{error:?}");
    ensure!(stage.proposal(id).await? == done);
    Ok(())
}

async fn a_broken_precondition_calls_nothing(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::over(&test.store)?;
    let id = stage.queued("SO-1", ACTION, Executor::Webhook).await?;
    stage.stock("SO-1", "second", "1").await?;
    stage.work().await;
    let ProposalState::Failed { cause: FailureCause::PreconditionBroken { says }, .. } =
        stage.proposal(id).await?.state
    else {
        anyhow::bail!("{:?}", stage.proposal(id).await?.state)
    };
    ensure!(says == ["the stock is what it was, or more"]);
    ensure!(stage.outside.calls().is_empty());
    ensure!(matches!(stage.case_of(id).await?.state, CaseState::Triaged { .. }));
    ensure!(audited(&stage, "proposal.failed").await? == 1);
    ensure!(stage.work().await == 0, "its job is over");
    Ok(())
}

async fn an_expired_proposal_calls_nothing(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::over(&test.store)?;
    let id = stage.queued("SO-1", ACTION, Executor::Webhook).await?;
    stage.world.pass_h(48);
    stage.work().await;
    ensure!(matches!(stage.proposal(id).await?.state, ProposalState::Expired { .. }));
    ensure!(stage.outside.calls().is_empty());
    ensure!(matches!(stage.case_of(id).await?.state, CaseState::Triaged { .. }));
    Ok(())
}

async fn an_altered_proposal_calls_nothing(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::over(&test.store)?;
    let id = stage.queued("SO-1", ACTION, Executor::Webhook).await?;
    let mut proposal = stage.proposal(id).await?;
    proposal.action.parameters.insert("quantity".to_owned(), json!(600));
    let mut tx = stage.services.store.write().await?;
    tx.update_proposal(&proposal).await?;
    tx.commit().await?;
    stage.work().await;
    let failed = stage.proposal(id).await?;
    let ProposalState::Failed { cause: FailureCause::Executor { code, .. }, .. } = &failed.state else {
        anyhow::bail!("{:?}", failed.state)
    };
    ensure!(code == "digest-mismatch" && stage.outside.calls().is_empty());
    let incidents = stage.incidents().await?;
    ensure!(incidents.len() == 1 && incidents[0].code == "digest-mismatch", "{incidents:?}");
    Ok(())
}

async fn a_failing_connector_becomes_visible(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::over(&test.store)?;
    let id = stage.queued("SO-1", ActionKind::RebookCarrier, Executor::Webhook).await?;
    let owner = stage.case_of(id).await?.owner;
    let wait = SignedDuration::from_mins(30);
    let busy = |after| JobError::Retry { code: "http-503".to_owned(), message: "busy".to_owned(), after };
    stage.outside.answers.lock().unwrap().extend([busy(Some(wait)), busy(None), busy(None), busy(None), busy(None)]);
    stage.work().await;
    stage.pass_s(29 * 60);
    ensure!(stage.work().await == 0, "the receiver asked for half an hour");
    for _ in 0..6 {
        stage.pass_s(120);
        stage.work().await;
    }
    let calls = stage.outside.calls();
    ensure!(calls.len() == 1 && calls.values().all(|times| *times == 5), "{calls:?}");
    ensure!(audited(&stage, "proposal.attempt_failed").await? == 4);
    let failed = stage.proposal(id).await?;
    ensure!(failed.state.name() == "failed", "{:?}", failed.state);
    ensure!(matches!(stage.case_of(id).await?.state, CaseState::Triaged { .. }));
    let incidents = stage.incidents().await?;
    ensure!(incidents.len() == 1 && incidents[0].code == "http-503" && incidents[0].owner == owner, "{incidents:?}");
    let raised = stage.world.open_cases("SO-1").await?;
    let raised = raised.iter().find(|case| case.key.category == Category::IntegrationFailure).context("no case")?;
    ensure!(raised.origin == Origin::Execution && raised.owner == "integration", "{raised:?}");
    let order = stage.world.order("SO-1").await?.context("no order")?;
    ensure!(order.actions.iter().filter(|action| action.failed).count() == 1);
    Ok(())
}

async fn a_panic_stops_nothing_else(test: &TestStore) -> anyhow::Result<()> {
    let stage = Stage::over(&test.store)?;
    *stage.outside.panics_on.lock().unwrap() = Some("SO-1".to_owned());
    let mut ids = Vec::new();
    for order in ["SO-0", "SO-1", "SO-2"] {
        ids.push(stage.queued(order, ACTION, Executor::Webhook).await?);
    }
    stage.work().await;
    let mut states = Vec::new();
    for id in &ids {
        states.push(stage.proposal(*id).await?.state.name());
    }
    ensure!(states == ["succeeded", "executing", "succeeded"], "{states:?}");
    *stage.outside.panics_on.lock().unwrap() = None;
    stage.pass_s(10);
    stage.work().await;
    ensure!(stage.proposal(ids[1]).await?.state.name() == "succeeded");
    Ok(())
}

async fn audited(stage: &Stage, action: &str) -> anyhow::Result<usize> {
    let filter = AuditFilter { subject: None, action: Some(action.to_owned()) };
    let entries = stage.services.store.read().await?.audit_after(0, &filter, 1_000).await?;
    ensure!(entries.iter().all(|entry| entry.detail != Value::Null));
    Ok(entries.len())
}
