//! `holdfast export training-set`: the rows of a training as CSV or Parquet.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use holdfast_training::tabular::options::TrainOptions;
use holdfast_training::tabular::split::Split;
use holdfast_training::tabular::table::{Table, Value};
use holdfast_training::tabular::train::splits_of;
use jiff::Timestamp;
use serde_json::json;

use crate::app::App;
use crate::commands::train::miss_risk::{self, Rows, Source};
use crate::config::Config;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Comma-separated values; an empty cell is not known.
    Csv,
    /// Parquet; only in a build with the feature `parquet`.
    Parquet,
}

/// Options of `holdfast export training-set`.
#[derive(clap::Args)]
pub struct Args {
    /// Descriptor of a file's columns; the store's history where missing.
    #[arg(long, requires = "file")]
    descriptor: Option<PathBuf>,
    /// The described file.
    #[arg(long, requires = "descriptor")]
    file: Option<PathBuf>,
    /// History from here on.
    #[arg(long, conflicts_with = "file")]
    since: Option<Timestamp>,
    /// What to write.
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    /// Where to; beside it stands `<FILE>.json`, which says what it is.
    #[arg(long)]
    out: PathBuf,
    /// Print what was written as JSON.
    #[arg(long)]
    json: bool,
}

/// Writes the rows and what they are.
///
/// # Errors
/// What is wrong with the data, or with the file.
pub async fn run(config: Config, args: Args) -> Result<()> {
    let app = App::open(config).await?;
    let source = match (args.descriptor, args.file) {
        (Some(descriptor), Some(data)) => Source::File { descriptor, data },
        _ => Source::History { since: args.since },
    };
    let Rows { mut table, delay_s, data_digest, data_window, .. } = miss_risk::rows(&app.services, &source).await?;
    let options = TrainOptions { outcome_delay: delay_s, ..TrainOptions::default() };
    // Rows that are too few to split are still rows.
    table.splits = table.splits.take().or_else(|| splits_of(&table, &options).ok());
    let about = json!({
        "schema_version": table.schema.version,
        "code_version": env!("CARGO_PKG_VERSION"),
        "rows": table.rows.len(),
        "data_digest": data_digest,
        "data_window": data_window,
        "outcome_delay_s": delay_s,
        "features": table.schema.features,
    });
    let bytes = match args.format {
        Format::Csv => csv(&table)?,
        Format::Parquet => parquet(&table, &about)?,
    };
    let beside = PathBuf::from(format!("{}.json", args.out.display()));
    super::write(&args.out, &bytes)?;
    super::write(&beside, &serde_json::to_vec_pretty(&about)?)?;
    if args.json {
        println!("{}", json!({ "file": args.out, "about": about }));
    } else {
        println!("{} rows of schema {} in {}", table.rows.len(), table.schema.version, args.out.display());
    }
    Ok(())
}

/// Times, outcomes and splits first, then the features in schema order.
fn csv(table: &Table) -> Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let names = table.schema.features.iter().map(|feature| feature.name.as_str());
    csv.write_record(["_time", "_label", "_split"].into_iter().chain(names))?;
    for (index, row) in table.rows.iter().enumerate() {
        let split = table.splits.as_ref().and_then(|splits| splits.get(index)).map_or("", |split| name(*split));
        let first = [table.times[index].to_string(), u8::from(table.labels[index]).to_string(), split.to_owned()];
        csv.write_record(first.into_iter().chain(row.iter().map(cell)))?;
    }
    csv.into_inner().context("the rows cannot be written")
}

fn cell(value: &Value) -> String {
    match value {
        Value::Missing => String::new(),
        other => other.to_string(),
    }
}

fn name(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Valid => "valid",
        Split::Test => "test",
        Split::Gap => "gap",
    }
}

#[cfg(feature = "parquet")]
fn parquet(table: &Table, about: &serde_json::Value) -> Result<Vec<u8>> {
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let members = about.as_object().into_iter().flatten().filter(|(name, _)| *name != "schema_version");
    let about: Vec<(String, String)> = members.map(|(name, value)| (name.clone(), text(value))).collect();
    holdfast_training::tabular::parquet::to_parquet(table, &[], &about).context("the rows cannot be written as Parquet")
}

#[cfg(not(feature = "parquet"))]
fn parquet(_: &Table, _: &serde_json::Value) -> Result<Vec<u8>> {
    anyhow::bail!("this program was built without Parquet: build it with `--features parquet`, or take `--format csv`")
}
