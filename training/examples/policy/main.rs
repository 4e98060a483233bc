//! Off-policy evaluation measured: against Open Bandit Pipeline, against the truth, and what it refuses.
//!
//! `cargo run --release -p holdfast-training --example policy -- <folder with ope/ and ranking/>`
//!
//! 1. Seven estimators with the reward models given beside the logs, against Open Bandit Pipeline's figures.
//! 2. The same with our own cross-fitted reward model, against the true values.
//! 3. The Open Bandit logs: which of them can carry an estimate.
//! 4. Resampled logs of exceptions under fourteen policies: bias and coverage.
//! 5. The promotion gate: an honest effect model passes, one that flatters itself does not.

#[path = "../common/columns.rs"]
mod columns;
mod exceptions;
mod gate;
mod obp;
mod open_bandit;
#[path = "../common/world.rs"]
#[expect(dead_code, reason = "the queue of the other example needs more columns")]
mod world;

use std::error::Error;
use std::path::Path;

/// Prints one bar.
pub fn bar(what: &str, found: String, passed: bool) {
    println!("{} {what}: {found}", if passed { "PASS" } else { "FAIL" });
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder] = arguments.as_slice() else {
        return Err("usage: policy <folder with ope/ and ranking/>".into());
    };
    let folder = Path::new(folder);
    obp::run(&folder.join("ope"))?;
    open_bandit::run(&folder.join("ope").join("obd_small"))?;
    exceptions::run(&folder.join("ranking"))?;
    gate::run(&folder.join("ranking"))
}
