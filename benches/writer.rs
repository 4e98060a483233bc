//! Tokens a second of a user's own model: `cargo bench --bench writer -- --model DIR [--prompt 256] [--tokens 128] [--rounds 5]`.
//!
//! Prints one line of JSON, medians over the rounds, which `benches/peers/writer.sh` puts beside llama.cpp on the same file.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark fails by panicking")]

use std::path::PathBuf;
use std::time::Duration;

use holdfast::adapters::candle::writer::{CandleWriter, Limits};
use serde_json::json;

fn argument(name: &str, default: &str) -> String {
    std::env::args().skip_while(|a| a != name).nth(1).unwrap_or_else(|| default.to_owned())
}

fn main() {
    let count = |name: &str, default: &str| argument(name, default).parse::<usize>().expect("a number");
    let (prompt, tokens, rounds) = (count("--prompt", "256"), count("--tokens", "128"), count("--rounds", "5"));
    let dir = PathBuf::from(argument("--model", ""));
    // A benchmark trusts what it is given: it pins what it finds.
    let pinned = CandleWriter::digest_of(&dir).unwrap();
    let limits = Limits { tokens: 1024, time: Duration::from_secs(600) };
    let mut writer = CandleWriter::load(&dir, Some(&pinned), limits).unwrap();
    // Any tokens do: what they are does not change what a product costs.
    let prompt: Vec<u32> = (0..prompt).map(|at| u32::try_from(at * 7 % 251).unwrap()).collect();
    let mut paces: Vec<[Duration; 2]> = (0..=rounds).map(|_| writer.pace(&prompt, tokens).unwrap()).collect();
    // The first round warms up.
    paces.remove(0);
    let median = |which: usize| {
        let mut all: Vec<f64> = paces.iter().map(|pace| pace[which].as_secs_f64()).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let [read, written] = [prompt.len() as f64 / median(0), tokens as f64 / median(1)];
    println!("{}", json!({ "read_per_s": read, "written_per_s": written }));
}
