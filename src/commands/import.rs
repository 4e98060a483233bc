//! `holdfast import`: a backfill of events from files.
//!
//! NDJSON has a CloudEvent per line; CSV has an event of one type per row (see [`rows`]). Guarantees: every row is taken
//! in, known already, or kept as a dead letter; an import that is broken off is run again and goes on where it was, since
//! what is known changes nothing; rows may stand in any order. Non-goals: deleting, and files of other formats.

mod rows;

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::ValueEnum;
use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::app::App;
use crate::config::Config;
use crate::flow::Services;
use crate::flow::accept::events::{self, Arrival, ItemResult, ItemStatus};

/// Rows that are read before they are taken in.
const BATCH: usize = 2000;

/// Batches in flight on a database with several writers.
const LANES: u64 = 4;

/// What to import.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {
    /// Files to import; `.gz` is unpacked, `-` reads standard input.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Format of the files; by their ending where it is not given.
    #[arg(long)]
    pub format: Option<Format>,
    /// Event type of CSV rows, such as `order.placed`.
    #[arg(long)]
    pub kind: Option<String>,
    /// Print the report as JSON and show no progress.
    #[arg(long)]
    pub json: bool,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A CloudEvent per line.
    Ndjson,
    /// A header and a row per event.
    Csv,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Files that were read to their end.
    pub files: usize,
    /// Rows that were read.
    pub rows: usize,
    /// New events.
    pub accepted: usize,
    /// Known events.
    pub replayed: usize,
    /// Events whose identity is known with another body.
    pub conflicts: usize,
    /// Rows that were not understood and are kept.
    pub dead_lettered: usize,
}

impl Report {
    fn count(&mut self, results: &[ItemResult]) {
        for result in results {
            self.rows += 1;
            match result.status {
                ItemStatus::Accepted => self.accepted += 1,
                ItemStatus::Replayed => self.replayed += 1,
                ItemStatus::Conflict => self.conflicts += 1,
                ItemStatus::DeadLettered => self.dead_lettered += 1,
            }
        }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} rows of {} files: {} new, {} known, {} in conflict, {} kept as dead letters",
            self.rows, self.files, self.accepted, self.replayed, self.conflicts, self.dead_lettered
        )
    }
}

/// Imports into the configured store and prints the report.
///
/// # Errors
/// As [`run`], and when the store cannot be opened.
pub async fn command(config: Config, args: Args) -> anyhow::Result<()> {
    let app = App::open(config).await?;
    let json = args.json;
    let report = run(app.services.clone(), args).await?;
    if json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}

/// Imports the files and reports what became of their rows.
///
/// # Errors
/// When a file cannot be read or the store fails; rows before it are imported.
pub async fn run(services: Arc<Services>, args: Args) -> anyhow::Result<Report> {
    let progress = if args.json { ProgressBar::hidden() } else { bar(&args.files) };
    let mut report = Report::default();
    for path in &args.files {
        let place = path.display().to_string();
        progress.set_message(place.clone());
        let format = args.format.unwrap_or_else(|| format_of(path));
        let input = open(path, &progress).with_context(|| format!("`{place}` cannot be opened"))?;
        let mut rows = rows::Rows::new(input, format, args.kind.as_deref(), path).with_context(|| place.clone())?;
        loop {
            let batch = rows.next_batch(BATCH).with_context(|| format!("`{place}` cannot be read"))?;
            if batch.is_empty() {
                break;
            }
            for results in take_in(&services, batch).await? {
                report.count(&results);
            }
        }
        report.files += 1;
    }
    progress.finish_and_clear();
    Ok(report)
}

/// Takes a batch in: in one lane where the database has one writer, else in lanes that keep events of one subject in order.
async fn take_in(services: &Arc<Services>, batch: Vec<Value>) -> anyhow::Result<Vec<Vec<ItemResult>>> {
    let lanes = if services.store.kind() == "sqlite" { 1 } else { LANES };
    let mut split: Vec<Vec<Value>> = (0..lanes).map(|_| Vec::new()).collect();
    for item in batch {
        let lane = usize::try_from(lane_of(&item) % lanes)?;
        split[lane].push(item);
    }
    let mut tasks = JoinSet::new();
    for items in split.into_iter().filter(|items| !items.is_empty()) {
        let services = Arc::clone(services);
        tasks.spawn(async move { events::accept(&services, items, Arrival::Backfill).await });
    }
    let mut all = Vec::new();
    while let Some(done) = tasks.join_next().await {
        all.push(done??);
    }
    Ok(all)
}

fn lane_of(item: &Value) -> u64 {
    let key = ["/data/order_id", "/data/sku", "/data/customer_id", "/subject", "/id"]
        .iter()
        .find_map(|pointer| item.pointer(pointer).and_then(Value::as_str));
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

fn format_of(path: &Path) -> Format {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    if plain.ends_with(".csv") { Format::Csv } else { Format::Ndjson }
}

fn open(path: &Path, progress: &ProgressBar) -> std::io::Result<Box<dyn Read + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let file = progress.wrap_read(BufReader::new(File::open(path)?));
    let packed = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    Ok(if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

fn bar(files: &[PathBuf]) -> ProgressBar {
    let bytes = files.iter().filter_map(|path| path.metadata().ok()).map(|about| about.len()).sum();
    let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
