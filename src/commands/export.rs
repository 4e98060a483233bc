//! `holdfast export`: requests, training sets and models as files, for teams with tools of their own.
//!
//! Guarantees: a training set has the features as they were served and names the code that wrote it; a model's trees are
//! those that serve. Non-goals: reading any of it back, but for Parquet and CSV through a descriptor.

mod training_set;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::evaluate::stored;
use crate::app::App;
use crate::commands::train::open_orders;
use crate::config::Config;

/// What to write.
#[derive(clap::Subcommand)]
pub enum Command {
    /// The newest test rows of a described file, outcome hidden, as a request for `POST /v1/prioritize`.
    OpenOrders {
        /// Descriptor of the file's columns.
        #[arg(long)]
        descriptor: PathBuf,
        /// CSV file, plain or gzip.
        #[arg(long)]
        file: PathBuf,
        /// How many rows.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// The rows that the risk model is trained on, with their outcome and split.
    TrainingSet(training_set::Args),
    /// The boosted members of a risk version in LightGBM's text format, with what their columns are made of.
    Lightgbm {
        /// `miss-risk/VERSION`; the version that serves where missing.
        version: Option<String>,
        /// Folder to write to; it is made.
        #[arg(long)]
        out: PathBuf,
        /// Print what was written as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Writes to standard output, or to the files that are named.
///
/// # Errors
/// What is wrong with descriptor, file, version or folder.
pub async fn run(config: Config, command: Command) -> Result<()> {
    match command {
        Command::OpenOrders { descriptor, file, limit } => {
            println!("{}", open_orders::request(&descriptor, &file, limit)?);
            Ok(())
        }
        Command::TrainingSet(args) => training_set::run(config, args).await,
        Command::Lightgbm { version, out, json } => {
            let app = App::open(config).await?;
            let written = lightgbm(&app, version.as_deref(), &out).await?;
            if json {
                println!("{written}");
            } else {
                let files = written["files"].as_array().into_iter().flatten();
                let path = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                files.for_each(|file| println!("{}  weight {}", path(&file["file"]), file["weight"]));
                println!("{}", path(&written["encoding"]));
            }
            Ok(())
        }
    }
}

/// Writes the boosted members of a version to `out` and tells what was written.
///
/// # Errors
/// When there is no such version, it has no boosted member, or the folder cannot be written.
pub async fn lightgbm(app: &App, version: Option<&str>, out: &Path) -> Result<Value> {
    let (model, version) = stored(app, version).await?;
    let members = model.to_lightgbm();
    let name = format!("{}/{}", version.manifest.name, version.manifest.version);
    ensure!(!members.is_empty(), "`{name}` has no boosted members: its learners are linear");
    std::fs::create_dir_all(out).with_context(|| format!("`{}` cannot be made", out.display()))?;
    let mut files = Vec::new();
    for (number, member) in members.iter().enumerate() {
        let file = out.join(format!("member-{}.txt", number + 1));
        write(&file, member.text.as_bytes())?;
        files.push(json!({ "file": file, "weight": member.weight, "recipe": member.recipe }));
    }
    let encoding = out.join("encoding.json");
    write(&encoding, &model.encoding()?)?;
    Ok(json!({ "version": name, "code_version": env!("CARGO_PKG_VERSION"), "files": files, "encoding": encoding }))
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(file, bytes).with_context(|| format!("`{}` cannot be written", file.display()))
}
