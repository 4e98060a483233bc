//! Time and memory of the boosted trees, printed as one line of JSON.
//!
//! `cargo bench -p holdfast-training --bench boost` measures a generated set. `benches/peers/boost_speed.py` gives the
//! arguments `name=value` to measure the same files as LightGBM:
//!
//! - `do=train`: seconds and peak memory of training; `model=` writes the artefact, `text=` LightGBM's format;
//! - `do=score`: of `model=`, nanoseconds for one row and rows per second in batch;
//! - `do=explain`: raw scores and contributions of the first `rows` rows, written to `out=` as f64.
//!
//! `data=` is a folder with `records.f32` (row-major) and `targets.f32`, `columns=` their number, `categorical=` the
//! indices of the categorical ones.

#![expect(clippy::unwrap_used, reason = "a benchmark may stop at what it did not expect")]

use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use holdfast_training::tabular::boost::{BoostParams, Booster, Column, Objective, Records};
use linfa::ParamGuard;
use linfa::traits::Fit;
use ndarray::{Array1, Array2, Axis, Slice};
use serde_json::{Value, json};

/// Rows that are scored one by one.
const SINGLE_ROWS: usize = 20_000;

struct Arguments(BTreeMap<String, String>);

impl Arguments {
    fn text<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.0.get(name).map_or(default, String::as_str)
    }

    fn number(&self, name: &str, default: usize) -> usize {
        self.0.get(name).map_or(default, |value| value.parse().unwrap())
    }
}

fn main() {
    let split = |argument: String| argument.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let arguments = Arguments(std::env::args().skip(1).filter_map(split).collect());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(arguments.number("threads", 1)).build().unwrap();
    let answer = pool.install(|| match arguments.text("do", "both") {
        "train" => train(&arguments).1,
        "score" => {
            let booster = Booster::from_bytes(&fs::read(arguments.text("model", "model.hfbt")).unwrap()).unwrap();
            score(&arguments, &booster, &read(&arguments))
        }
        "explain" => explain(&arguments),
        _ => {
            let (booster, trained) = train(&arguments);
            json!({ "train": trained, "score": score(&arguments, &booster, &read(&arguments)) })
        }
    });
    println!("{answer}");
}

/// The files that `data=` names, or a generated set.
fn read(arguments: &Arguments) -> Records {
    let Some(folder) = arguments.0.get("data") else { return generated(arguments.number("rows", 50_000)) };
    let numbers = |name: &str| -> Vec<f32> {
        let bytes = fs::read(Path::new(folder).join(name)).unwrap();
        bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
    };
    let columns = arguments.number("columns", 1);
    let values = numbers("records.f32");
    let records = Array2::from_shape_vec((values.len() / columns, columns), values).unwrap();
    Records::new(records, Array1::from(numbers("targets.f32")))
}

fn generated(rows: usize) -> Records {
    let mut state = 1u64;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let records = Array2::from_shape_simple_fn((rows, 20), &mut uniform);
    let late = |row: ndarray::ArrayView1<f32>| 3.0 * row[0] - 2.0 * row[1] * row[2] + row[3] - 1.5 + uniform();
    let targets = records.rows().into_iter().map(late).map(|score| if score > 0.5 { 1.0 } else { 0.0 }).collect();
    Records::new(records, targets)
}

fn params(arguments: &Arguments, columns: usize) -> BoostParams {
    let mut kinds = vec![Column::Numeric { monotone: 0 }; columns];
    for index in arguments.text("categorical", "").split(',').filter(|index| !index.is_empty()) {
        kinds[index.parse::<usize>().unwrap()] = Column::Categorical;
    }
    let objective = match arguments.text("objective", "binary") {
        "regression" => Objective::Squared,
        "quantile" => Objective::Quantile { level: 0.9 },
        "tweedie" => Objective::Tweedie { power: 1.5 },
        _ => Objective::Logistic,
    };
    BoostParams::new(objective)
        .columns(kinds)
        .trees(arguments.number("trees", 100))
        .leaves_max(arguments.number("leaves", 31))
        .bins_max(arguments.number("bins", 255))
}

fn train(arguments: &Arguments) -> (Booster, Value) {
    let records = read(arguments);
    let params = params(arguments, records.records.ncols());
    let few = params.clone().trees(2).check().unwrap();
    let params = params.check().unwrap();
    for _ in 0..arguments.number("warm", 0) {
        black_box(few.fit(&records).unwrap());
    }
    let before = memory("VmRSS:");
    // Forget the peak so far.
    fs::write("/proc/self/clear_refs", "5").ok();
    let start = Instant::now();
    let booster = params.fit(&records).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let peak = memory("VmHWM:").saturating_sub(before);
    for (name, bytes) in [("model", booster.to_bytes()), ("text", booster.to_lightgbm(&[]).into_bytes())] {
        if let Some(path) = arguments.0.get(name) {
            fs::write(path, bytes).unwrap();
        }
    }
    let raw = booster.raw_batch(records.records.view());
    let loss = raw.iter().zip(&records.targets).map(|(raw, y)| booster.objective().loss(*raw, *y)).sum::<f64>();
    let size = booster.to_bytes().len();
    let answer = json!({
        "seconds": seconds, "peak_kb": peak, "trees": booster.trees(), "loss": loss / raw.len() as f64, "bytes": size,
    });
    (booster, answer)
}

/// A figure of this process in KiB; 0 where the system has no such file.
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn score(arguments: &Arguments, booster: &Booster, records: &Records) -> Value {
    let columns = records.records.ncols();
    let values = records.records.as_slice().unwrap();
    let repeats = arguments.number("repeats", 5);
    let few = values.len().min(SINGLE_ROWS * columns);
    let (mut row, mut batch, mut sum) = (f64::INFINITY, f64::INFINITY, 0.0);
    for _ in 0..repeats {
        let start = Instant::now();
        sum = values[..few].chunks_exact(columns).map(|row| booster.raw(black_box(row))).sum::<f64>();
        row = row.min(start.elapsed().as_secs_f64() / (few / columns) as f64);
        let start = Instant::now();
        black_box(booster.raw_batch(records.records.view()));
        batch = batch.min(start.elapsed().as_secs_f64());
    }
    json!({ "row_ns": row * 1e9, "rows_per_second": records.records.nrows() as f64 / batch, "sum": sum })
}

fn explain(arguments: &Arguments) -> Value {
    let booster = Booster::from_bytes(&fs::read(arguments.text("model", "model.hfbt")).unwrap()).unwrap();
    let records = read(arguments).records;
    let rows = arguments.number("rows", records.nrows()).min(records.nrows());
    let records = records.slice_axis(Axis(0), Slice::from(..rows));
    let raw = booster.raw_batch(records.view());
    let start = Instant::now();
    let contributions = booster.contributions_batch(records.view());
    let seconds = start.elapsed().as_secs_f64();
    let all = raw.iter().zip(contributions.rows()).flat_map(|(raw, row)| [*raw].into_iter().chain(row.to_vec()));
    let bytes: Vec<u8> = all.flat_map(f64::to_le_bytes).collect();
    fs::write(arguments.text("out", "explained.f64"), bytes).unwrap();
    json!({ "rows": rows, "seconds": seconds })
}
