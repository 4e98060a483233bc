//! Training on request of the API: the same trainers as the command's, on a thread of their own.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use holdfast_training::tabular::options::TrainOptions;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::miss_risk::Source;
use super::{Progress, Trainer, effect, intents, miss_risk};
use crate::flow::services::Services;
use crate::ports::training::{Run, Trainable, Training};

/// Trains into `models`.
pub struct OnRequest {
    /// Store, loader and serving models.
    pub services: Arc<Services>,
    /// The model directory that versions are written to.
    pub models: PathBuf,
    /// Folder with the labelled messages.
    pub corpus: PathBuf,
}

#[async_trait]
impl Training for OnRequest {
    async fn train(&self, run: Run, progress: watch::Sender<f64>) -> Result<Value, String> {
        let (services, models, corpus) = (Arc::clone(&self.services), self.models.clone(), self.corpus.clone());
        let runtime = Handle::current();
        // Training computes for minutes, so it must not hold up a thread that answers requests.
        let work = move || {
            let job = OnRequest { services, models, corpus };
            runtime.block_on(job.run(run, &mut |_: &str, share: f64| {
                progress.send_replace(share);
                if progress.is_closed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }))
        };
        let done = tokio::task::spawn_blocking(work).await.map_err(|e| format!("the training broke off: {e}"))?;
        done.map_err(|e| format!("{e:#}"))
    }
}

impl OnRequest {
    async fn run(&self, run: Run, progress: &mut Progress<'_>) -> Result<Value> {
        let Run { what, actor, operation } = run;
        let services = &*self.services;
        let now = services.clock.now();
        let trainer = Trainer { services, models: &self.models, actor, now, operation: Some(operation) };
        match what {
            Trainable::MissRisk => {
                let source = Source::History { since: None };
                let trained = miss_risk::run(&trainer, &source, TrainOptions::default(), progress).await?;
                Ok(json!({ "version": trained.version, "report": trained.report }))
            }
            Trainable::Effect => {
                let (version, report) = effect::run(&trainer, progress).await?;
                Ok(json!({ "version": version, "report": report }))
            }
            Trainable::Intents => {
                let encoder = services.models.encoder.get().context("no message encoder serves")?;
                let corrections = services.store.read().await?.corrections().await?;
                let seed = TrainOptions::default().seed;
                let inputs = (self.corpus.as_path(), corrections.as_slice());
                let (version, report) = intents::keep(&trainer, &*encoder, inputs, seed, progress).await?;
                Ok(json!({ "version": version, "report": report }))
            }
        }
    }
}
