//! Trains a risk model on a described CSV file and prints the report.
//!
//! `cargo run --release -p holdfast-training --example risk -- <descriptor.toml> <data.csv[.gz]> [options.toml]`

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;

use holdfast_training::tabular::descriptor::Descriptor;
use holdfast_training::tabular::model::RiskModel;
use holdfast_training::tabular::options::TrainOptions;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [descriptor, data, options @ ..] = arguments.as_slice() else {
        return Err("usage: risk <descriptor.toml> <data.csv[.gz]> [options.toml]".into());
    };
    let options: TrainOptions = match options.first() {
        Some(path) => toml::from_str(&std::fs::read_to_string(path)?)?,
        None => TrainOptions::default(),
    };
    let table = Descriptor::load(Path::new(descriptor))?.read(Path::new(data))?;
    let (model, report) = RiskModel::train(&table, &options, &mut |stage, share| {
        eprintln!("{:>3.0} % {stage}", 100.0 * share);
        ControlFlow::Continue(())
    })?;
    println!("{report}");
    println!("model size: {} bytes", model.to_bytes()?.len());
    if let Some(row) = table.rows.last() {
        let prediction = model.predict(row)?;
        println!("\nlast row: probability {:.4}, logit {:+.4}", prediction.probability, prediction.logit);
        for reason in prediction.reasons.iter().take(5) {
            println!("  {:+.3}  {} = {} (typically {})", reason.effect, reason.label, reason.value, reason.typical);
        }
    }
    Ok(())
}
