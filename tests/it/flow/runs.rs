//! Training runs: by the clock, by one instance, never left running, never kept when cancelled.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use holdfast::commands::train::Trainer;
use holdfast::commands::train::schedule;
use holdfast::config::training::Training as Settings;
use holdfast::flow::learn::runs;
use holdfast::ports::store::service::OperationState;
use holdfast::ports::training::{Run, Trainable, Training};
use holdfast_training::tabular::options::TrainOptions;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::decide::world::ada;
use super::learn::School;
use crate::support::services::World;
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(a_period_is_trained_in_once, what_a_crash_left_running_is_marked_failed);

/// Trains at once.
struct Quick;

#[async_trait]
impl Training for Quick {
    async fn train(&self, run: Run, _: watch::Sender<f64>) -> Result<Value, String> {
        Ok(json!({ "trained": run.what, "by": run.actor.label() }))
    }
}

async fn a_period_is_trained_in_once(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let (services, what) = (&*world.services, Trainable::MissRisk);
    let training: Arc<dyn Training> = Arc::new(Quick);
    let settings = Settings { every_h: 24, models: vec![what] };
    schedule::look(services, &training, &settings).await?;
    ensure!(runs::begin_scheduled(services, what, 24).await?.is_none(), "another instance finds it begun");
    ensure!(runs::begin_scheduled(services, Trainable::Effect, 24).await?.is_some(), "of another model it is not");
    world.pass_h(24);
    let (operation, run) = runs::begin_scheduled(services, what, 24).await?.context("the next period has begun")?;
    runs::follow(services, training, run, operation.clone()).await;
    let ended = services.store.read().await?.operation(operation.id).await?.context("no operation")?;
    ensure!(ended.state == OperationState::Succeeded && ended.result["by"] == "system", "{ended:?}");
    Ok(())
}

async fn what_a_crash_left_running_is_marked_failed(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let services = &*world.services;
    let (operation, _) = runs::begin(services, &ada(), Trainable::MissRisk).await?;
    ensure!(runs::end_abandoned(services).await? == 0, "it may still be alive");
    world.pass_h(1);
    ensure!(runs::end_abandoned(services).await? == 1);
    ensure!(runs::end_abandoned(services).await? == 0, "once");
    let ended = services.store.read().await?.operation(operation.id).await?.context("no operation")?;
    ensure!(ended.state == OperationState::Failed && ended.result["error"].as_str().is_some(), "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn a_cancelled_run_registers_nothing_and_leaves_no_files() -> anyhow::Result<()> {
    let school = School::open().await?;
    school.live_through(900, false).await?;
    let services = school.services();
    let (mut operation, _) = runs::begin(services, &ada(), Trainable::MissRisk).await?;
    operation.state = OperationState::Cancelled;
    let mut tx = services.store.write().await?;
    tx.put_operation(&operation).await?;
    tx.commit().await?;
    let trainer = Trainer { operation: Some(operation.id), ..school.trainer() };
    let refused = school.train_as(&trainer, TrainOptions::default()).await.unwrap_err();
    ensure!(format!("{refused:#}").contains("was cancelled; nothing was kept"), "{refused:#}");
    ensure!(services.store.read().await?.model_versions().await?.is_empty());
    let left = std::fs::read_dir(school.models.path().join("miss-risk"))?.count();
    ensure!(left == 0, "{left} folders are left");
    Ok(())
}
