//! The effect model measured on simulated exceptions: how far it closes the gap to the oracle, and what its queue saves.
//!
//! `cargo run --release -p holdfast-training --example effect -- <folder of the exceptions> [world] [--validate]`
//!
//! Learns from train and validation days and measures on test days; with `--validate`, which is how settings were
//! chosen, learns from train days and measures on validation days. The world is `exc_c0` unless another is named.

#[path = "../common/columns.rs"]
mod columns;
mod gap;
mod queue;
#[path = "../common/world.rs"]
mod world;

use std::error::Error;
use std::path::Path;

use world::{Days, World};

/// Prints one bar.
pub fn bar(what: &str, found: String, passed: bool) {
    println!("{} {what}: {found}", if passed { "PASS" } else { "FAIL" });
}

fn main() -> Result<(), Box<dyn Error>> {
    let (flags, arguments): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let (folder, name) = match arguments.as_slice() {
        [folder] => (folder, "exc_c0"),
        [folder, name] => (folder, name.as_str()),
        _ => return Err("usage: effect <folder of the exceptions> [world] [--validate]".into()),
    };
    let world = World::load(Path::new(folder), name)?;
    let validate = flags.iter().any(|flag| flag == "--validate");
    let learn = if validate { world.of(&[Days::Train]) } else { world.of(&[Days::Train, Days::Validation]) };
    let measure = world.of(&[if validate { Days::Validation } else { Days::Test }]);
    println!("{name}: {} cases to learn from, {} to measure on", learn.len(), measure.len());
    let model = gap::run(&world, &learn, &measure)?;
    queue::run(&world, &model, &measure)
}
