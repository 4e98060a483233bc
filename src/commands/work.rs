//! `holdfast work`: workers without the web, to scale out over one database.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::config::Config;
use crate::flow::Services;
use crate::flow::assess::summary::wording;
use crate::flow::execute::worker::Worker;

/// Runs `workers` workers until `shutdown` says `true`; each finishes what it has begun. `host` makes their names unique
/// among machines.
///
/// # Errors
/// When a worker itself panicked.
pub async fn run(
    services: Arc<Services>,
    host: &str,
    workers: usize,
    shutdown: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for number in 1..=workers {
        let worker = Worker::new(Arc::clone(&services), format!("{host}/{number}"));
        let shutdown = shutdown.clone();
        tasks.spawn(async move { worker.run(shutdown).await });
    }
    // Apart from the workers: a text takes seconds, and what was approved must not wait for it.
    tasks.spawn(async move { wording::run(&services, shutdown).await });
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    Ok(())
}

/// How many workers.
#[derive(clap::Args)]
pub struct Args {
    /// Workers in this process.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Makes the workers' names unique among machines.
    #[arg(long, default_value = "work")]
    host: String,
}

/// Works until interrupted.
///
/// # Errors
/// When a part cannot be opened or a worker panicked.
pub async fn command(config: Config, args: Args) -> anyhow::Result<()> {
    let app = App::open(config).await?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        crate::commands::serve::interrupted().await;
        stop.send_replace(true);
    });
    run(app.services, &args.host, args.workers, stopped).await
}
