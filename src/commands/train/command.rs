//! `holdfast train`: the command line over the trainers, and the first training of a demonstration.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use holdfast_training::tabular::options::TrainOptions;
use serde_json::json;

use super::miss_risk::Source;
use super::{Trainer, bar, effect, encoder, intents, link, miss_risk, values, writer};
use crate::app::App;
use crate::commands::Refused;
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::model::ModelVersion;
use crate::flow::learn::registry;
use crate::flow::services::Ctx;

/// The seed where none is given.
const SEED: u64 = 7;

/// What is said where a training needs an encoder and none serves.
const NO_ENCODER: &str = "no message encoder is loaded; see `holdfast check`";

/// What to train.
#[derive(clap::Subcommand)]
pub enum Command {
    /// The probability that a line misses its ship date.
    MissRisk(MissRisk),
    /// What actions change, from what was done and what came of it.
    Effect(Effect),
    /// The intents of messages, from the corpus and from corrections.
    Intents(Intents),
    /// The sentence encoder, from the corpus: an hour of one processor.
    Encoder(encoder::Args),
    /// Which words of a message are values, by what the encoder makes of them.
    Values(OfCorpus),
    /// Which order a message belongs to, from the corpus and its worlds.
    Link(OfCorpus),
    /// The decoder that words summaries, from the authored contexts: a quarter of an hour of one processor.
    Writer(writer::Args),
}

/// Options of every training.
#[derive(clap::Args)]
pub struct Common {
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Let the version serve at once where nothing of its name has served yet; otherwise promotion is proposed and approved.
    #[arg(long)]
    bootstrap: bool,
    /// Who trains: this person may not approve the version's promotion. The operating system's user where missing.
    #[arg(long = "as", value_name = "SUBJECT")]
    subject: Option<String>,
}

/// `holdfast train effect`.
#[derive(clap::Args)]
pub struct Effect {
    #[command(flatten)]
    common: Common,
}

/// `holdfast train miss-risk`.
#[derive(clap::Args)]
pub struct MissRisk {
    /// Descriptor of a file's columns; the store's history where missing.
    #[arg(long, requires = "file")]
    descriptor: Option<PathBuf>,
    /// CSV file, plain or gzip.
    #[arg(long, requires = "descriptor")]
    file: Option<PathBuf>,
    /// TOML file with settings of the training; the defaults for what it leaves out.
    #[arg(long)]
    options: Option<PathBuf>,
    /// Seed of whatever is drawn; that of `--options`, or 7, where missing.
    #[arg(long)]
    seed: Option<u64>,
    /// Fewest rows that it trains on.
    #[arg(long)]
    rows_min: Option<usize>,
    #[command(flatten)]
    common: Common,
}

/// `holdfast train intents`.
#[derive(clap::Args)]
pub struct Intents {
    /// Folder with the labelled messages.
    #[arg(long, default_value = "datasets/messages")]
    corpus: PathBuf,
    /// Seed of whatever is drawn.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    #[command(flatten)]
    common: Common,
}

/// `holdfast train link` and `holdfast train values`.
#[derive(clap::Args)]
pub struct OfCorpus {
    /// Folder with the labelled messages and their worlds.
    #[arg(long, default_value = "datasets/messages")]
    corpus: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// Trains, prints the report, and says what to do with the version.
///
/// # Errors
/// When the data cannot be used; says what, where and how to mend it.
pub async fn run(config: Config, command: Command) -> Result<()> {
    let app = App::open(config).await?;
    let models = app.config.data_dir.join("models");
    let common = match &command {
        Command::Encoder(args) => {
            // Needs nothing of the store, and computes for an hour.
            return tokio::task::block_in_place(|| encoder::command(args, app.services.clock.now()));
        }
        Command::Writer(args) => {
            return tokio::task::block_in_place(|| writer::command(args, app.services.clock.now()));
        }
        Command::MissRisk(args) => &args.common,
        Command::Effect(args) => &args.common,
        Command::Intents(args) => &args.common,
        Command::Link(args) | Command::Values(args) => &args.common,
    };
    let trainer = trainer(&app, &models, common.subject.as_deref());
    match command {
        Command::Encoder(_) | Command::Writer(_) => Ok(()),
        Command::MissRisk(args) => {
            let source = match (args.descriptor, args.file) {
                (Some(descriptor), Some(data)) => Source::File { descriptor, data },
                _ => Source::History { since: None },
            };
            let mut options = options(args.options.as_deref())?;
            options.seed = args.seed.unwrap_or(options.seed);
            options.rows_min = args.rows_min.unwrap_or(options.rows_min);
            let trained = miss_risk::run(&trainer, &source, options, &mut bar()).await?;
            told(&app, &args.common, &trained.version, &trained.report, &json!(trained.report)).await
        }
        Command::Effect(Effect { common }) => {
            let (version, report) = effect::run(&trainer, &mut bar()).await?;
            told(&app, &common, &version, &report, &json!(report)).await
        }
        Command::Intents(args) => {
            let (version, report) = train_intents(&app, &trainer, &args).await?;
            told(&app, &args.common, &version, &report, &json!(report)).await
        }
        Command::Values(OfCorpus { corpus, common }) => {
            let encoder = app.services.models.encoder.get().context(NO_ENCODER)?;
            let (version, report) = values::run(&trainer, &*encoder, &corpus, &mut bar()).await?;
            told(&app, &common, &version, &report, &json!(report)).await
        }
        Command::Link(OfCorpus { corpus, common }) => {
            let (version, report) = link::run(&trainer, &corpus, &mut bar()).await?;
            told(&app, &common, &version, &report, &json!(report)).await
        }
    }
}

async fn train_intents(app: &App, trainer: &Trainer<'_>, args: &Intents) -> Result<(ModelVersion, intents::Report)> {
    let encoder = app.services.models.encoder.get().context(NO_ENCODER)?;
    let corrections = app.services.store.read().await?.corrections().await?;
    let inputs = (args.corpus.as_path(), corrections.as_slice());
    intents::keep(trainer, &*encoder, inputs, args.seed, &mut bar()).await
}

fn trainer<'a>(app: &'a App, models: &'a Path, subject: Option<&str>) -> Trainer<'a> {
    let (services, now) = (&*app.services, app.services.clock.now());
    Trainer { services, models, actor: crate::app::operator(subject), now, operation: None }
}

/// The settings of a file, or the defaults.
fn options(file: Option<&Path>) -> Result<TrainOptions> {
    let Some(file) = file else { return Ok(TrainOptions { seed: SEED, ..TrainOptions::default() }) };
    let text = std::fs::read_to_string(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    toml::from_str(&text).with_context(|| format!("`{}` holds no training options", file.display()))
}

async fn told(
    app: &App,
    common: &Common,
    version: &ModelVersion,
    report: &(impl std::fmt::Display + Sync),
    json: &serde_json::Value,
) -> Result<()> {
    if common.json {
        println!("{}", json!({ "version": version, "report": json }));
    } else {
        println!("{report}\n\nregistered {}/{}", version.name, version.version);
    }
    if common.bootstrap {
        serve_first(app, version, &crate::app::operator(common.subject.as_deref())).await?;
    } else if !common.json {
        println!("propose its promotion with POST /v1/models/{}/versions/{}/promotion", version.name, version.version);
    }
    Ok(())
}

/// Lets a first version serve without a proposal: there is nobody's decision to protect yet.
async fn serve_first(app: &App, version: &ModelVersion, actor: &Actor) -> Result<()> {
    let mut tx = app.services.store.read().await?;
    let served = registry::servings(&mut *tx, Some(&version.name)).await?;
    drop(tx);
    ensure!(served.is_empty(), "a version of `{}` has served before; propose the promotion of this one", version.name);
    if !version.beats_baseline {
        let why = format!("`{}/{}` does not beat its baseline and may not serve", version.name, version.version);
        return Err(Refused(why).into());
    }
    let ctx = Ctx { now: app.services.clock.now(), entropy: &*app.services.entropy, actor: actor.clone() };
    registry::serve(&app.services, &ctx, &version.name, &version.version, "bootstrap").await?;
    Ok(())
}

/// Trains risk and effect on imported history and lets them serve where they beat their baselines.
///
/// # Errors
/// When the history cannot be read.
pub async fn bootstrap(app: &App) -> Result<()> {
    let models = app.config.data_dir.join("models");
    let trainer = trainer(app, &models, None);
    let (source, options) = (Source::History { since: None }, TrainOptions::default());
    let risk = miss_risk::run(&trainer, &source, options, &mut bar()).await?;
    println!("miss risk\n{}", risk.report);
    serve_first(app, &risk.version, &trainer.actor).await?;
    let (effect, report) = effect::run(&trainer, &mut bar()).await?;
    println!("effects of actions\n{report}");
    if effect.beats_baseline {
        serve_first(app, &effect, &trainer.actor).await?;
    }
    Ok(())
}
