//! `holdfast demo`: a distributor's weeks are simulated and imported, models are trained on them, and the worklist that is
//! left at the end is served, with an order system that answers approved actions.
//!
//! Guarantees: everything that is shown came through the same doors that a real distributor's data would take. A second
//! start in the same folder serves what is there.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use holdfast_datasets::simulator::{Config as World, simulate};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp, TimestampRound, Unit};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::adapters::connectors::simulated::SimulatedConnector;
use crate::app::App;
use crate::commands::{serve, train};
use crate::config::{Config, DataDir};
use crate::flow::accept::events::{Arrival, ItemStatus, accept};
use crate::flow::execute::worker::Worker;
use crate::flow::services::Services;

mod erp;
mod greeting;

/// Size and place of the demonstration.
#[derive(clap::Args)]
pub struct Args {
    /// Folder for its data; a folder that was used before is served again as it is.
    #[arg(long, default_value = "data/demo")]
    dir: PathBuf,
    /// Address to serve on.
    #[arg(long, default_value = "127.0.0.1:8080")]
    bind: String,
    /// Simulated days.
    #[arg(long, default_value_t = 42)]
    days: u32,
    /// Orders on a simulated working day.
    #[arg(long, default_value_t = 40)]
    orders_per_day: u32,
    /// Seed of the simulated world.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Prepare everything and end without serving.
    #[arg(long)]
    no_serve: bool,
}

/// Prepares the demonstration and serves it.
///
/// # Errors
/// When a step fails; says which.
pub async fn run(mut config: Config, args: Args) -> Result<()> {
    config.data_dir = DataDir(args.dir.clone());
    config.store.url = None;
    config.server.bind.clone_from(&args.bind);
    config.auth.demo_login = true;
    config.validate()?;
    ensure!(
        std::net::TcpListener::bind(&args.bind).is_ok(),
        "address `{}` is taken; give another with --bind 127.0.0.1:PORT",
        args.bind
    );
    let (to_erp, from_us) = mpsc::unbounded_channel();
    let mut app = App::open(config).await?;
    let services = Arc::get_mut(&mut app.services).context("the services are shared before they are complete")?;
    services.connector = Arc::new(SimulatedConnector::new(to_erp));
    let endpoint = crate::ports::connector::Endpoint { url: "http://demo.invalid/".to_owned(), secret: String::new() };
    services.settings.action_endpoint = Some(endpoint);
    if is_empty(&app.services).await? {
        import(&app.services, &args).await?;
    } else {
        println!("serving what is in {}; remove the folder to simulate anew", args.dir.display());
    }
    if app.services.models.risk.get().is_none() {
        teach(&app).await?;
    }
    work_off(&app.services).await?;
    if args.no_serve {
        return Ok(());
    }
    tokio::spawn(erp::run(Arc::clone(&app.services), from_us));
    let greeting = greeting::compose(&app).await?;
    serve::listen(&app, |address| println!("{}", greeting.replace("{address}", address))).await
}

async fn is_empty(services: &Services) -> Result<bool> {
    Ok(services.store.read().await?.count_events().await? == 0)
}

fn bar(length: usize, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:<44} {wide_bar} {pos:>6}/{len:<6} {elapsed:>4}");
    let bar = ProgressBar::new(length as u64).with_message(what);
    style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
}

/// The simulated world ends now, so that what is left open is open now.
async fn import(services: &Services, args: &Args) -> Result<()> {
    let now = services.clock.now();
    let end = now.round(TimestampRound::new().smallest(Unit::Hour).mode(jiff::RoundMode::Floor))?;
    let start: Timestamp = end - SignedDuration::from_hours(24 * i64::from(args.days));
    let world = World { seed: args.seed, start, days: args.days, orders_per_day: args.orders_per_day };
    let events = simulate(world)?.events;
    let progress = bar(events.len(), "a distributor's weeks: accepting events");
    for chunk in events.chunks(200) {
        let items = chunk.iter().map(serde_json::to_value).collect::<Result<Vec<Value>, _>>()?;
        let results = accept(services, items, Arrival::Backfill).await?;
        let refused = results.iter().find(|r| !matches!(r.status, ItemStatus::Accepted | ItemStatus::Replayed));
        ensure!(refused.is_none(), "a simulated event was not accepted: {refused:?}");
        progress.inc(chunk.len() as u64);
    }
    progress.finish();
    Ok(())
}

/// Trains on the imported history, and serves what beats its baseline.
async fn teach(app: &App) -> Result<()> {
    println!("learning from what came of the orders");
    train::command::bootstrap(app).await
}

/// Reads waiting messages and assesses open orders, until no work is due.
async fn work_off(services: &Arc<Services>) -> Result<()> {
    let waiting = services.store.read().await?.count_jobs().await?.iter().map(|(_, _, n)| n).sum::<i64>();
    let progress = bar(usize::try_from(waiting)?, "reading messages, assessing open orders");
    let worker = Worker::new(Arc::clone(services), "demo");
    loop {
        let done = worker.run_once(services.clock.now()).await;
        if done == 0 {
            break;
        }
        progress.inc(done as u64);
    }
    progress.finish();
    Ok(())
}
