//! A world as files: events to import, artefacts as they came in, and apart from both what they do not say.
//!
//! `cargo run --release -p holdfast-datasets --example events -- DIR [seed] [days] [orders a day] [scenario.json]`
//!
//! Writes `events.ndjson` (for `holdfast import`), `artefacts.ndjson`, and for evaluation only `truth.json` and
//! `artefact_truth.ndjson`, whose lines belong to those of the artefacts.

use std::error::Error;
use std::fs::{File, create_dir_all, read_to_string};
use std::io::{BufWriter, Write};
use std::path::Path;

use holdfast_datasets::simulator::{Config, Scenario, simulate_scenario};
use serde::Serialize;

fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, usual: u32| given.get(place).map_or(Ok(usual), |text| text.parse());
    let folder = Path::new(given.first().ok_or("usage: events DIR [seed] [days] [orders a day] [scenario.json]")?);
    let scenario = match given.get(4) {
        Some(path) => serde_json::from_str(&read_to_string(path)?)?,
        None => Scenario::default(),
    };
    let config = Config {
        seed: number(1, 7)?.into(),
        start: "2026-03-02T00:00:00Z".parse()?,
        days: number(2, 42)?,
        orders_per_day: number(3, 40)?,
    };
    let run = simulate_scenario(config, &scenario)?;
    create_dir_all(folder)?;
    lines(&folder.join("events.ndjson"), &run.events)?;
    lines(&folder.join("artefacts.ndjson"), &run.artefacts)?;
    lines(&folder.join("artefact_truth.ndjson"), &run.artefact_truth)?;
    std::fs::write(folder.join("truth.json"), serde_json::to_vec(&run.truth)?)?;
    println!("{} events, {} artefacts", run.events.len(), run.artefacts.len());
    Ok(())
}

fn lines<T: Serialize>(path: &Path, rows: &[T]) -> Result<(), Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(path)?);
    for row in rows {
        serde_json::to_writer(&mut file, row)?;
        file.write_all(b"\n")?;
    }
    Ok(file.flush()?)
}
