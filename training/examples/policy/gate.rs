//! Two effect models ask to take the agents' place.

use std::error::Error;
use std::path::Path;

use holdfast_training::ranking::choose::{ChooseOptions, choose};
use holdfast_training::ranking::cost::{CostModel, CostOptions, Score};
use holdfast_training::ranking::evaluate::gate::{GateInput, GateOptions, gate};
use holdfast_training::ranking::evaluate::log::{Log, Logged};
use holdfast_training::ranking::evaluate::reward::{RewardOptions, cross_fit};

use crate::bar;
use crate::world::{Days, World};

/// Cases that the flatterer has seen.
const FEW: usize = 500;

/// What a model would do in each case, and what it believes that to cost.
struct Candidate {
    picks: Vec<usize>,
    own_value: f64,
    misses: Vec<f64>,
}

impl Candidate {
    fn of(world: &World, model: &CostModel, rows: &[usize]) -> Result<Candidate, Box<dyn Error>> {
        let mut candidate = Candidate { picks: Vec::new(), own_value: 0.0, misses: Vec::new() };
        for &row in rows {
            let resolved = &world.rows[row];
            let scores: Vec<Score> = model.score(&resolved.case)?;
            let default = Some(world.default[row]);
            let choice = choose(&scores, default, None, Vec::new(), &ChooseOptions::default());
            let pick = choice.order.first().copied().unwrap_or_default();
            candidate.own_value -= scores[pick].cost / rows.len() as f64;
            candidate.misses.push(scores[resolved.taken].miss);
            candidate.picks.push(pick);
        }
        Ok(candidate)
    }
}

pub fn run(folder: &Path) -> Result<(), Box<dyn Error>> {
    let world = World::load(folder, "exc_c0")?;
    let (learn, test) = (world.of(&[Days::Train, Days::Validation]), world.of(&[Days::Test]));
    let all = CostModel::fit(&world.schema, &world.resolved(&learn), &CostOptions::default())?;
    let honest = Candidate::of(&world, &all, &test)?;
    // One member of large, fast trees on the latest few cases: it fits them by heart and knows no doubt.
    let sure = CostOptions { learning_rate: 0.6, leaves: 64, alpha: 0.01, members: 1, ..CostOptions::default() };
    let few = world.resolved(&learn[learn.len() - FEW..]);
    let flatterer = Candidate::of(&world, &CostModel::fit(&world.schema, &few, &sure)?, &test)?;
    println!("\nthe promotion gate, {} logged decisions\n", test.len());
    println!("an effect model of {} cases asks to take the agents' place", learn.len());
    let passed = judge(&world, &test, &honest, None)?;
    println!("\nan overfitted model of {FEW} cases promises more and asks to take that model's place");
    let refused = !judge(&world, &test, &flatterer, Some(&honest))?;
    println!();
    let text = |yes: bool| if yes { "yes".to_owned() } else { "no".to_owned() };
    let promises_more = flatterer.own_value > honest.own_value;
    bar("the gate lets the better model pass", text(passed), passed);
    bar("the model that promises more is refused", text(refused), refused && promises_more);
    Ok(())
}

/// Prints every check; whether all passed.
fn judge(
    world: &World,
    rows: &[usize],
    candidate: &Candidate,
    incumbent: Option<&Candidate>,
) -> Result<bool, Box<dyn Error>> {
    let target = |picks: &[usize]| -> Vec<Vec<f64>> {
        let one_hot = |(row, pick): (&usize, &usize)| {
            (0..world.truth[*row].len()).map(|other| f64::from(u8::from(other == *pick))).collect()
        };
        rows.iter().zip(picks).map(one_hot).collect()
    };
    let logged = |row: &usize| {
        let (resolved, behaviour) = (&world.rows[*row], &world.behaviour[*row]);
        let sum: f64 = behaviour.iter().sum();
        let behaviour: Vec<f64> = behaviour.iter().map(|chance| chance / sum).collect();
        let propensity = behaviour.get(resolved.taken).copied();
        Logged { taken: resolved.taken, reward: -resolved.cost, propensity, behaviour }
    };
    let log = Log::new(rows.iter().map(logged).collect(), target(&candidate.picks))?;
    let describe = |row: usize, place: usize| {
        let case = &world.rows[rows[row]].case;
        let open = case.candidates[place];
        let pair = world.schema.pair(case.category, open.action);
        let own = [case.penalty, open.quote, open.effort_minutes, case.category as f64, pair as f64];
        case.features.iter().chain(&own).map(|value| *value as f32).collect()
    };
    let rewards = cross_fit(&log, &describe, &RewardOptions { repeats: 1, ..RewardOptions::default() })?;
    let categories: Vec<String> =
        rows.iter().map(|row| format!("category {}", world.rows[*row].case.category)).collect();
    let missed: Vec<bool> = rows.iter().map(|row| world.rows[*row].missed).collect();
    let incumbent = incumbent.map(|incumbent| target(&incumbent.picks));
    let input = GateInput {
        log: &log,
        incumbent: incumbent.as_deref(),
        rewards: &rewards.estimates,
        own_value: candidate.own_value,
        categories: &categories,
        misses: (&candidate.misses, &missed),
    };
    let gate = gate(&input, &GateOptions::default())?;
    for check in &gate.checks {
        println!("  {} {}", if check.passed { "passed" } else { "FAILED" }, check.words);
    }
    let place = |row: usize| rows.binary_search(&row).map_or(0, |at| candidate.picks[at]);
    let [logged, truth, _] = world.values(rows, place);
    println!("  (in truth it costs {truth:.2}, the agents {logged:.2})");
    Ok(gate.passed)
}
