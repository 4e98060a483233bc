//! `holdfast serve`: API and pages, with workers beside them, until interrupted.

use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::sync::watch;

use crate::app::App;
use crate::commands::train::on_request::OnRequest;
use crate::commands::train::schedule;
use crate::commands::work;
use crate::config::Config;
use crate::ports::training::Training;
use crate::web::auth::{Auth, AuthOptions, External};
use crate::web::state::{WebSettings, WebState};

/// No options beyond the configuration.
#[derive(clap::Args)]
pub struct Args {}

/// Serves until the process is interrupted.
///
/// # Errors
/// When a part cannot be used or the address cannot be bound.
pub async fn run(config: Config, _: Args) -> Result<()> {
    let app = App::open(config).await?;
    listen(&app, |address| tracing::info!(%address, "holdfast serves")).await
}

/// Serves an opened app; `ready` is told the address once it listens.
///
/// # Errors
/// When the address cannot be bound.
pub async fn listen(app: &App, ready: impl FnOnce(&str)) -> Result<()> {
    let bind = &app.config.server.bind;
    let listener = tokio::net::TcpListener::bind(bind)
        .await
        .with_context(|| format!("address `{bind}` cannot be bound; set server.bind"))?;
    let (stop, stopped) = watch::channel(false);
    app.load_writer();
    app.build_archive().await;
    let names = (0..app.config.server.workers).map(|number| format!("serve-{number}"));
    let workers = work::start(&app.services, names, &stopped);
    let training: Arc<dyn Training> = Arc::new(trains(app));
    let (services, settings) = (Arc::clone(&app.services), app.config.training.clone());
    let scheduled = tokio::spawn(schedule::run(services, Arc::clone(&training), settings, stopped));
    ready(&format!("http://{}", listener.local_addr()?));
    axum::serve(listener, crate::web::router(state(app, training)?)).with_graceful_shutdown(interrupted()).await?;
    stop.send_replace(true);
    work::ended(workers).await?;
    // A training under way would take minutes to end; what it leaves behind is marked failed by whoever comes next.
    scheduled.abort();
    Ok(())
}

fn trains(app: &App) -> OnRequest {
    OnRequest {
        services: Arc::clone(&app.services),
        models: app.config.data_dir.join("models"),
        corpus: "datasets/messages".into(),
    }
}

/// The issuer and verifier of tokens.
///
/// # Errors
/// When a key cannot be read.
pub fn auth(config: &Config) -> Result<Auth> {
    let external = match (&config.auth.external_issuer, &config.auth.external_jwks) {
        (Some(issuer), Some(jwks_file)) => Some(External {
            issuer: issuer.clone(),
            audience: config.auth.audience.clone(),
            jwks_file: jwks_file.clone(),
        }),
        _ => None,
    };
    let options = AuthOptions { issuer: config.auth.issuer.clone(), audience: config.auth.audience.clone(), external };
    std::fs::create_dir_all(&config.data_dir.0)?;
    Ok(Auth::open(&config.data_dir.0, options)?)
}

fn state(app: &App, training: Arc<dyn Training>) -> Result<WebState> {
    let handle = prometheus()?;
    let settings = WebSettings {
        demo_login: app.config.auth.demo_login,
        secure_cookie: app.config.server.is_encrypted(),
        ..WebSettings::default()
    };
    let auth = Arc::new(auth(&app.config)?);
    let state = WebState::new(Arc::clone(&app.services), auth, Arc::new(move || handle.render()), settings);
    Ok(state.with_training(training))
}

/// The process has one recorder, however often something serves in it.
fn prometheus() -> Result<PrometheusHandle> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new().install_recorder().context("the metrics recorder cannot be installed")?;
    Ok(HANDLE.get_or_init(|| handle).clone())
}

/// Ends on SIGINT or SIGTERM.
pub(crate) async fn interrupted() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
        }
        Err(_) => {
            let _ = interrupt.await;
        }
    }
}
