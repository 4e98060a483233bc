//! Trains a risk model on a described CSV file and prints the report.
//!
//! `cargo run --release -p holdfast-training --example risk -- <descriptor.toml> <data.csv[.gz]> [options.toml] [flags]`
//!
//! - `--seed=N` replaces the options' seed;
//! - `--scores=FILE` writes `row,split,time,probability` as CSV, one line a row of the table, so that other programs can
//!   measure the model;
//! - `--table=FILE` writes the table as it was read (`row,split,time,label`, then the features, `n:` before the name of a
//!   number and `c:` before that of a category, nothing where a value is missing) and trains nothing.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;

use holdfast_training::tabular::descriptor::Descriptor;
use holdfast_training::tabular::model::RiskModel;
use holdfast_training::tabular::options::TrainOptions;
use holdfast_training::tabular::split::Split;
use holdfast_training::tabular::table::{Kind, Table, Value};
use holdfast_training::tabular::train::splits_of;

fn main() -> Result<(), Box<dyn Error>> {
    let (flags, paths): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|a| a.starts_with("--"));
    let [descriptor, data, options @ ..] = paths.as_slice() else {
        return Err(
            "usage: risk <descriptor.toml> <data.csv[.gz]> [options.toml] [--seed=N] [--scores=FILE] [--table=FILE]"
                .into(),
        );
    };
    let flag = |name: &str| flags.iter().find_map(|flag| flag.strip_prefix(name)?.strip_prefix('='));
    let mut options: TrainOptions = match options.first() {
        Some(path) => toml::from_str(&std::fs::read_to_string(path)?)?,
        None => TrainOptions::default(),
    };
    if let Some(seed) = flag("--seed") {
        options.seed = seed.parse()?;
    }
    let table = Descriptor::load(Path::new(descriptor))?.read(Path::new(data))?;
    if let Some(path) = flag("--table") {
        return write_table(&table, &splits_of(&table, &options)?, path);
    }
    let (model, report) = RiskModel::train(&table, &options, &mut |stage, share| {
        eprintln!("{:>3.0} % {stage}", 100.0 * share);
        ControlFlow::Continue(())
    })?;
    println!("{report}");
    println!("model size: {} bytes", model.to_bytes()?.len());
    if let Some(path) = flag("--scores") {
        write_scores(&model, &table, &splits_of(&table, &options)?, path)?;
    }
    if let Some(row) = table.rows.last() {
        let prediction = model.predict(row)?;
        println!("\nlast row: probability {:.4}, logit {:+.4}", prediction.probability, prediction.logit);
        for reason in prediction.reasons.iter().take(5) {
            println!("  {:+.3}  {} = {} (typically {})", reason.effect, reason.label, reason.value, reason.typical);
        }
    }
    Ok(())
}

fn name(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Valid => "valid",
        Split::Test => "test",
        Split::Gap => "gap",
    }
}

fn write_scores(model: &RiskModel, table: &Table, splits: &[Split], path: &str) -> Result<(), Box<dyn Error>> {
    let mut file = csv::Writer::from_path(path)?;
    file.write_record(["row", "split", "time", "probability"])?;
    for (row, (split, time)) in splits.iter().zip(&table.times).enumerate() {
        let probability = model.probability(&table.rows[row])?;
        file.write_record([&row.to_string(), name(*split), &time.to_string(), &probability.to_string()])?;
    }
    Ok(file.flush()?)
}

fn write_table(table: &Table, splits: &[Split], path: &str) -> Result<(), Box<dyn Error>> {
    let mut file = csv::Writer::from_path(path)?;
    let mut header: Vec<String> = ["row", "split", "time", "label"].map(str::to_owned).to_vec();
    header.extend(table.schema.features.iter().map(|feature| match feature.kind {
        Kind::Numeric => format!("n:{}", feature.name),
        Kind::Categorical => format!("c:{}", feature.name),
    }));
    file.write_record(&header)?;
    for (row, values) in table.rows.iter().enumerate() {
        let label = u8::from(table.labels[row]).to_string();
        let first = [row.to_string(), name(splits[row]).to_owned(), table.times[row].to_string(), label];
        let cell = |value: &Value| if *value == Value::Missing { String::new() } else { value.to_string() };
        file.write_record(first.into_iter().chain(values.iter().map(cell)))?;
    }
    Ok(file.flush()?)
}
