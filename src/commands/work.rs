//! `holdfast work`: workers without the web, to scale out over one database.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::config::Config;
use crate::flow::Services;
use crate::flow::assess::summary::wording;
use crate::flow::execute::worker::Worker;

/// Starts a worker for each of `names`, and what words summaries, until `shutdown` says `true`; each finishes what it has
/// begun.
pub fn start(
    services: &Arc<Services>,
    names: impl Iterator<Item = String>,
    shutdown: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for name in names {
        let (worker, shutdown) = (Worker::new(Arc::clone(services), name), shutdown.clone());
        tasks.spawn(async move { worker.run(shutdown).await });
    }
    // Apart from the workers: a text takes seconds, and what was approved must not wait for it.
    let (services, shutdown) = (Arc::clone(services), shutdown.clone());
    tasks.spawn(async move { wording::run(&services, shutdown).await });
    tasks
}

/// Waits until everything that was started has ended.
///
/// # Errors
/// When a worker itself panicked.
pub async fn ended(mut tasks: JoinSet<()>) -> anyhow::Result<()> {
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
    app.load_writer();
    app.build_archive().await;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        crate::commands::serve::interrupted().await;
        stop.send_replace(true);
    });
    let names = (1..=args.workers).map(|number| format!("{}/{number}", args.host));
    ended(start(&app.services, names, &stopped)).await
}
