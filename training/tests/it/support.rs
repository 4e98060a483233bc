//! Synthetic tables with a known law, for tests: no file, no download.

use std::error::Error;
use std::path::PathBuf;

use holdfast_training::tabular::calibrate::sigmoid;
use holdfast_training::tabular::table::{Facts, Feature, Kind, Schema, Table, Value};

/// A small deterministic generator (SplitMix64, Steele et al. 2014).
pub struct Random(pub u64);

impl Random {
    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Late risk rises with `load` and with the carrier; `noise` and `order` say nothing; `load` is sometimes missing.
pub fn shipments(rows: usize, seed: u64) -> Table {
    let feature = |name: &str, kind, label: &str| Feature { name: name.into(), kind, label: label.into() };
    let schema = Schema {
        version: "shipments-1".into(),
        features: vec![
            feature("load", Kind::Numeric, "dock load"),
            feature("carrier", Kind::Categorical, "carrier"),
            feature("noise", Kind::Numeric, "noise"),
            feature("order", Kind::Categorical, "order number"),
        ],
    };
    let mut random = Random(seed);
    let mut table =
        Table { schema, rows: vec![], labels: vec![], times: vec![], splits: None, facts: Facts::default() };
    for row in 0..rows {
        let load = random.uniform();
        let (carrier, shift) = [("slow", 1.5), ("fair", 0.0), ("fast", -1.5)][(random.uniform() * 3.0) as usize];
        table.labels.push(random.uniform() < sigmoid(4.0 * load - 2.0 + shift));
        let load = if random.uniform() < 0.05 { Value::Missing } else { Value::Number(load) };
        let noise = Value::Number(random.uniform());
        table.rows.push(vec![load, Value::Text(carrier.into()), noise, Value::Text(format!("SO-{row}"))]);
        table.times.push(row as i64 * 60);
    }
    table
}

/// An error and all its causes in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// An empty folder of this test's own.
pub fn empty_folder(test: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    if path.exists() {
        std::fs::remove_dir_all(&path).unwrap();
    }
    std::fs::create_dir_all(&path).unwrap();
    path
}
