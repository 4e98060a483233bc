//! The binary: the subcommands, and nothing else.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use holdfast::commands;
use holdfast::config::Config;

// Rows are made on the database's thread and freed on the caller's, which the system's allocator takes badly: it cost a
// quarter of an import.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Triage of order exceptions: predict, read, explain, rank; execute only what was approved.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    /// Configuration file; `holdfast.toml` is read where it exists.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// Log as JSON lines.
    #[arg(long, global = true)]
    log_json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Simulate a distributor's weeks, train, and serve the result.
    Demo(commands::demo::Args),
    /// Serve API and pages, with workers beside them.
    Serve(commands::serve::Args),
    /// Run workers without the API.
    Work(commands::work::Args),
    /// Bring the database to this version's schema.
    Migrate,
    /// Validate configuration, rules, catalogue, policies and models.
    Check,
    /// Import events from NDJSON or CSV files.
    Import(commands::import::Args),
    /// Train a model.
    #[command(subcommand)]
    Train(commands::train::command::Command),
    /// Measure a version of the risk model on rows that it has not learned from. Exit code 3: it does not beat its baseline.
    Evaluate(commands::evaluate::Evaluate),
    /// Measure two versions of the risk model on the same rows. Exit code 3: the second is worse.
    Compare(commands::evaluate::Compare),
    /// Say why an order has its risk, and what would change it.
    Explain(commands::explain::Args),
    /// Compare new cases with those that the risk model learned from, and its promises with what happened. Exit code 3:
    /// drift.
    Drift(commands::drift::Args),
    /// Compute decisions of the log again and compare them byte for byte. Exit code 3: one is not identical.
    Replay(commands::replay::Args),
    /// Say what would be read in a mail, without taking it in.
    Read(commands::read::Args),
    /// Write requests and data sets to files.
    #[command(subcommand)]
    Export(commands::export::Command),
    /// Issue a token of the local issuer.
    Token(commands::token::Args),
    /// Verify or export the audit log.
    #[command(subcommand)]
    Audit(commands::audit::Command),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    holdfast::telemetry::start(cli.log_json);
    let done = match Config::load(cli.config.as_deref()) {
        Err(error) => Err(error.into()),
        Ok(config) => match cli.command {
            Command::Demo(args) => commands::demo::run(config, args).await,
            Command::Serve(args) => commands::serve::run(config, args).await,
            Command::Work(args) => commands::work::command(config, args).await,
            Command::Migrate => commands::migrate::run(config).await,
            Command::Check => commands::check::run(config).await,
            Command::Import(args) => commands::import::command(config, args).await,
            Command::Train(command) => commands::train::command::run(config, command).await,
            Command::Evaluate(args) => commands::evaluate::evaluate(config, args).await,
            Command::Compare(args) => commands::evaluate::compare(config, args).await,
            Command::Explain(args) => commands::explain::run(config, args).await,
            Command::Drift(args) => commands::drift::run(config, args).await,
            Command::Replay(args) => commands::replay::run(config, args).await,
            Command::Read(args) => commands::read::run(config, args).await,
            Command::Export(command) => commands::export::run(config, command).await,
            Command::Token(args) => commands::token::run(config, args),
            Command::Audit(command) => commands::audit::command(config, command).await,
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("holdfast: {error:#}");
            if error.is::<commands::Refused>() { ExitCode::from(3) } else { ExitCode::FAILURE }
        }
    }
}
