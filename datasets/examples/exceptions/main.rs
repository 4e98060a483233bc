//! A world's exceptions, what was done, and what everything else would have come to, as files to learn and measure with.
//!
//! `cargo run --release -p holdfast-datasets --example exceptions -- --seed S --confounding C --out DIR`
//!
//! Further: `--days` (150), `--orders` (100 a day), `--futures` (8 for each test case), `--forks` (40 cases tried in whole
//! worlds; 0 none), `--script FILE` (a scenario as JSON, instead of `--confounding`). Days up to 60 % are for training, up to
//! 70 % for validation, the rest for tests. Expected costs of cases before the test days are realised ones.

mod agreement;
mod files;

use std::error::Error;
use std::path::PathBuf;

use holdfast_datasets::simulator::{Case, Config, Counterfactual, Scenario, Scope, World};

/// Days after the last case in which it may come to its end.
const SETTLING_DAYS: u32 = 25;

/// What was asked for.
struct Arguments {
    seed: u64,
    scenario: Scenario,
    days: u32,
    orders: u32,
    futures: u64,
    forks: usize,
    out: PathBuf,
}

/// A case with everything that would have come of it.
pub struct Row {
    /// The case and what came of it.
    pub case: Case,
    /// For each candidate, the rest held still.
    pub counterfactuals: Vec<Counterfactual>,
    /// For each candidate, in whole worlds.
    pub forks: Option<Vec<Counterfactual>>,
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut found = Arguments {
        seed: 1,
        scenario: Scenario { confounding: 0.0, ..Scenario::default() },
        days: 150,
        orders: 100,
        futures: 8,
        forks: 40,
        out: PathBuf::new(),
    };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let value = given.next().ok_or_else(|| format!("`{name}` needs a value"))?;
        match name.as_str() {
            "--seed" => found.seed = value.parse()?,
            "--confounding" => found.scenario.confounding = value.parse()?,
            "--days" => found.days = value.parse()?,
            "--orders" => found.orders = value.parse()?,
            "--futures" => found.futures = value.parse()?,
            "--forks" => found.forks = value.parse()?,
            "--script" => found.scenario = serde_json::from_str(&std::fs::read_to_string(&value)?)?,
            "--out" => found.out = value.into(),
            _ => return Err(format!("`{name}` is not known; see the head of this example").into()),
        }
    }
    if found.out.as_os_str().is_empty() {
        return Err("usage: exceptions --seed S --confounding C --out DIR".into());
    }
    Ok(found)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let start = "2026-01-05T00:00:00Z".parse()?;
    let days = arguments.days + SETTLING_DAYS;
    let config = Config { seed: arguments.seed, start, days, orders_per_day: arguments.orders };
    let mut world = World::with(config, &arguments.scenario)?;
    let tests_from = arguments.days * 7 / 10;
    // Cases come in about this number on the test days; every so many is tried in whole worlds.
    let every =
        (arguments.orders as usize * (arguments.days - tests_from) as usize / 2 / arguments.forks.max(1)).max(1);
    let (mut rows, mut tested) = (Vec::new(), 0);
    while let Some(case) = world.next_case() {
        if case.day >= arguments.days {
            break;
        }
        let test = case.day >= tests_from;
        tested += usize::from(test);
        let futures = if test { arguments.futures } else { 0 };
        let counterfactuals = world.counterfactuals(&case, Scope::Local, futures);
        let whole = test && arguments.forks > 0 && tested % every == 1 % every;
        let forks = whole.then(|| world.counterfactuals(&case, Scope::World, 0));
        rows.push(Row { case, counterfactuals, forks });
    }
    while world.next_case().is_some() {}
    for row in &mut rows {
        row.case.outcome = world.outcome_of(&row.case);
    }
    let met = rows.len();
    rows.retain(|row| row.case.outcome.is_some());
    println!("seed {}: {met} cases, {} of them settled", arguments.seed, rows.len());
    agreement::print(&rows);
    std::fs::create_dir_all(&arguments.out)?;
    files::write(&arguments.out, &rows, arguments.days)?;
    println!("written to {}", arguments.out.display());
    Ok(())
}
