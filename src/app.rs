//! The composition root: the only place that picks adapters.
//!
//! Guarantees: rules, catalogue and policies are compiled and validated before anything listens; what served last serves
//! again after a restart; a model that is missing leaves its slot empty and says so, it never stops the service.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use holdfast_training::artifact::MANIFEST;

use crate::adapters::candle::writer::{CandleWriter, HostedWriter, Limits};
use crate::adapters::clock::{OffsetClock, SystemClock, SystemEntropy};
use crate::adapters::connectors::webhook::WebhookConnector;
use crate::adapters::linfa::policy_value::LibraryJudge;
use crate::adapters::mail::MimeReader;
use crate::adapters::models::ModelDirectory;
use crate::adapters::vectors::{ExactVectors, QdrantVectors};
use crate::config::Config;
use crate::config::models::Models as ModelSettings;
use crate::domain::actor::{Actor, Person};
use crate::flow::accept::rules::Rules;
use crate::flow::decide::catalogue::{self, Catalogue};
use crate::flow::decide::policy::Policy;
use crate::flow::decide::queue::{self, QueueRules};
use crate::flow::learn::{archive, registry};
use crate::flow::services::{Models, Services, Settings};
use crate::flow::sla::{self, ServiceLevels};
use crate::ports::clock::Clock;
use crate::ports::connector::Endpoint;
use crate::ports::language::Writer;
use crate::ports::registry::ModelLoader;
use crate::ports::store::Store;
use crate::ports::vectors::VectorStore;

/// The service with its adapters, not listening yet.
pub struct App {
    /// What it was built from.
    pub config: Config,
    /// What the flow is given.
    pub services: Arc<Services>,
}

impl App {
    /// Opens database, vectors and models, and validates rules, catalogue and policies.
    ///
    /// # Errors
    /// Says which part cannot be used, and why.
    pub async fn open(config: Config) -> Result<Self> {
        let services = services(&config).await?;
        let restored = registry::restore(&services).await.context("the models that served last cannot be restored")?;
        for problem in &restored.problems {
            tracing::warn!(problem, "a model is missing; what needs it abstains");
        }
        Ok(Self { config, services: Arc::new(services) })
    }

    /// Builds the archive of resolved cases where it is not whole, for what keeps it; without it ranking has no evidence, and the
    /// log says why.
    pub async fn build_archive(&self) {
        match archive::ensure(&self.services).await {
            Ok(0) => {}
            Ok(cases) => tracing::info!(cases, "the archive of resolved cases was built from the store"),
            Err(error) => tracing::warn!(%error, "the archive of resolved cases is not there; ranking has no evidence"),
        }
    }

    /// Loads the configured writer, for what words summaries; without it they keep their plain words, and the log says why.
    pub fn load_writer(&self) {
        match writer(&self.config) {
            Ok(writer) => self.services.models.writer.set(writer),
            Err(problem) => tracing::error!(
                problem = format!("{problem:#}"),
                "summaries keep their plain words: the writer cannot be loaded"
            ),
        }
    }
}

/// The database of a configuration, migrated.
///
/// # Errors
/// When it cannot be opened.
pub async fn store(config: &Config) -> Result<Arc<dyn Store>> {
    std::fs::create_dir_all(&config.data_dir.0)
        .with_context(|| format!("data folder `{}` cannot be made", config.data_dir.0.display()))?;
    crate::adapters::store::open(&config.store_url()).await.context("the database cannot be opened")
}

/// The clock of a configuration.
#[must_use]
pub fn clock(config: &Config) -> Arc<dyn Clock> {
    match &config.server.clock_offset_file {
        None => Arc::new(SystemClock),
        Some(file) => Arc::new(OffsetClock { file: file.clone() }),
    }
}

/// The model directories of a configuration: shipped versions, and those trained here.
#[must_use]
pub fn loader(config: &Config) -> Arc<dyn ModelLoader> {
    let models = &config.models;
    let directory = ModelDirectory::new(models.shipped.clone(), config.data_dir.join("models"), models.queue);
    Arc::new(directory.with_encoder_path(models.encoder_path))
}

/// The writer of a configuration, on its own thread.
fn writer(config: &Config) -> Result<Option<Arc<dyn Writer>>> {
    let models = &config.models;
    let Some(dir) = &models.writer else { return Ok(None) };
    let writer = candle_writer(models, dir)?;
    for warning in writer.warnings() {
        tracing::warn!(warning, "the writer is slower than it could be");
    }
    let name = dir.file_name().map_or_else(|| "writer".into(), |name| name.to_string_lossy());
    Ok(Some(Arc::new(HostedWriter::start(writer, format!("summary-writer/{name}"), models.queue)?)))
}

/// The writer of a directory: a shipped version by its manifest, any other by the digest that is pinned.
///
/// # Errors
/// When it cannot be loaded; says why.
pub fn candle_writer(models: &ModelSettings, dir: &Path) -> Result<CandleWriter> {
    let limits = Limits {
        tokens: usize::try_from(models.writer_tokens)?,
        time: Duration::from_secs(u64::from(models.writer_seconds)),
    };
    if models.writer_digest.is_none() && dir.starts_with(&models.shipped) && dir.join(MANIFEST).is_file() {
        return Ok(CandleWriter::load_version(dir, limits)?);
    }
    Ok(CandleWriter::load(dir, models.writer_digest.as_deref(), limits)?)
}

async fn vectors(config: &Config) -> Result<Arc<dyn VectorStore>> {
    Ok(match &config.vectors.qdrant_url {
        Some(url) => Arc::new(
            QdrantVectors::new(url, config.vectors.qdrant_api_key.as_deref()).context("qdrant cannot be reached")?,
        ),
        None => {
            Arc::new(ExactVectors::open(&config.data_dir.join("vectors")).context("the vector files cannot be opened")?)
        }
    })
}

/// Everything that the flow needs, with empty model slots.
async fn services(config: &Config) -> Result<Services> {
    let rules = match &config.flow.rules {
        None => Rules::built_in()?,
        path => Rules::load(&text(path.as_deref(), "")?)?,
    };
    Ok(Services {
        store: store(config).await?,
        clock: clock(config),
        entropy: Arc::new(SystemEntropy),
        models: Arc::new(Models::default()),
        loader: loader(config),
        judge: Arc::new(LibraryJudge),
        vectors: vectors(config).await?,
        connector: Arc::new(WebhookConnector::new(config.connector.allow_private)?),
        mail: Arc::new(MimeReader),
        rules: Arc::new(rules),
        catalogue: Arc::new(Catalogue::load(catalogue::BUILT_IN)?),
        queue: Arc::new(QueueRules::load(&text(config.flow.queue.as_deref(), queue::BUILT_IN)?)?),
        service_levels: Arc::new(ServiceLevels::load(&text(config.flow.service_levels.as_deref(), sla::BUILT_IN)?)?),
        policy: Arc::new(Policy::load(config.flow.policies.as_deref())?),
        settings: settings(config),
    })
}

/// The text of a file that replaces a built-in one.
fn text(path: Option<&Path>, built_in: &str) -> Result<String> {
    match path {
        None => Ok(built_in.to_owned()),
        Some(path) => std::fs::read_to_string(path).with_context(|| path.display().to_string()),
    }
}

fn settings(config: &Config) -> Settings {
    let action_endpoint = match (&config.connector.action_url, &config.connector.action_secret) {
        (Some(url), Some(secret)) => Some(Endpoint { url: url.clone(), secret: secret.clone() }),
        _ => None,
    };
    Settings {
        reopen_window_h: config.flow.reopen_window_h,
        auto_attach_min: config.flow.auto_attach_min,
        proposal_ttl_h: config.flow.proposal_ttl_h,
        lease_s: config.flow.lease_s,
        attempts_max: config.flow.attempts_max,
        action_endpoint,
        minute_cost: config.flow.minute_cost,
        miss_penalty: config.flow.miss_penalty,
        exploration: config.exploration.settings(),
    }
}

/// The person who runs a command at the machine: `subject` where given, else the operating system's user, so that who trains
/// a version is known when somebody is asked to approve it. Without either it is a service.
#[must_use]
pub fn operator(subject: Option<&str>) -> Actor {
    let user = || ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let subject = subject.map(str::to_owned).or_else(user).filter(|subject| !subject.trim().is_empty());
    match subject {
        Some(subject) => Actor::Person(Person { name: subject.clone(), subject, roles: Vec::new() }),
        None => Actor::Service { subject: "command-line".to_owned() },
    }
}
