//! Logs of the same exceptions, their actions drawn anew, under fourteen policies.

use std::error::Error;
use std::path::Path;

use holdfast_training::ranking::evaluate::estimate::{Estimator, Terms};
use holdfast_training::ranking::evaluate::interval::{Mean, Sequence};
use holdfast_training::ranking::evaluate::log::{Log, Logged};
use holdfast_training::ranking::evaluate::reward::{RewardOptions, cross_fit};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::bar;
use crate::columns::Columns;

/// Logs that are given.
const LOGS: usize = 20;
/// Logs that are drawn.
const DRAWN: usize = 1000;
const BIAS_MAX: f64 = 0.01;
const COVERAGE: std::ops::RangeInclusive<f64> = 0.93..=0.98;

/// The test days of the simulated exceptions.
struct World {
    /// Cost of each action, as it would have come out.
    costs: Vec<Vec<f64>>,
    /// Chances of the logging policy.
    behaviour: Vec<Vec<f64>>,
    /// Columns that describe the case, and each action's quote and effort.
    case: Vec<Vec<f64>>,
    quotes: Vec<Vec<f64>>,
    efforts: Vec<Vec<f64>>,
    category: Vec<f64>,
    /// Given estimates of the cost of each action.
    given: Vec<Vec<f64>>,
    actions: Vec<Vec<f64>>,
    policies: Vec<(String, Vec<usize>)>,
}

impl World {
    fn load(folder: &Path) -> Result<World, Box<dyn Error>> {
        let file = |name: &str| Columns::read(&folder.join(format!("exc_c0_{name}")));
        let (policies, actions) = (file("ope_policies.csv.gz")?, file("ope_actions20.csv.gz")?);
        let start = policies.numbers("id")?.first().copied().unwrap_or_default() as usize;
        let (candidates, outcomes, features) =
            (file("candidates.csv.gz")?, file("counterfactual.csv.gz")?, file("feat.csv")?);
        let block = |columns: &Columns, kind: &str| -> Result<Vec<Vec<f64>>, Box<dyn Error>> {
            Ok(columns.block(kind)?.split_off(start))
        };
        let mut case = vec![Vec::new(); policies.len()];
        for name in features.names().iter().filter(|name| name.starts_with("x_") || *name == "pen") {
            let values = features.numbers(name)?.split_off(start);
            case.iter_mut().zip(values).for_each(|(row, value)| row.push(value));
        }
        let choice = |name: &String| -> Result<(String, Vec<usize>), Box<dyn Error>> {
            let actions = policies.numbers(name)?.into_iter().map(|action| action as usize).collect();
            Ok((name.clone(), actions))
        };
        Ok(World {
            costs: block(&outcomes, "cost_")?,
            behaviour: block(&candidates, "pb_")?,
            quotes: block(&candidates, "quote_")?,
            efforts: block(&candidates, "effort_")?,
            case,
            category: features.numbers("cat")?.split_off(start),
            given: policies.block("q_")?,
            actions: actions.block("r")?,
            policies: policies
                .names()
                .iter()
                .filter(|name| name.starts_with("pi_"))
                .map(choice)
                .collect::<Result<_, _>>()?,
        })
    }

    /// One log with the actions of `taken`; rewards are costs, negated.
    fn log(&self, policy: &[usize], taken: impl Fn(usize) -> usize) -> Result<Log, Box<dyn Error>> {
        let logged = |row: usize| {
            let taken = taken(row);
            let behaviour = self.chances(row);
            Logged { taken, reward: -self.costs[row][taken], propensity: behaviour.get(taken).copied(), behaviour }
        };
        let rows = (0..self.costs.len()).map(logged).collect();
        let target = policy.iter().zip(&self.costs).map(|(action, costs)| one_hot(*action, costs.len())).collect();
        Ok(Log::new(rows, target)?)
    }

    /// The logging policy's chances; stored with eight digits, so they are made to sum to 1.
    fn chances(&self, row: usize) -> Vec<f64> {
        let sum: f64 = self.behaviour[row].iter().sum();
        self.behaviour[row].iter().map(|chance| chance / sum).collect()
    }

    /// The actions of one more log.
    fn draw(&self, run: u64) -> Vec<usize> {
        let mut dice = ChaCha8Rng::seed_from_u64(2026);
        dice.set_stream(run);
        let mut pick = |row: usize| {
            let mut place = (dice.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
            let chances = self.chances(row);
            let found = chances.iter().position(|chance| {
                place -= chance;
                place < 0.0
            });
            found.or(chances.iter().rposition(|chance| *chance > 0.0)).unwrap_or_default()
        };
        (0..self.costs.len()).map(&mut pick).collect()
    }

    /// The given estimates as rewards.
    fn given_rewards(&self) -> Vec<Vec<f64>> {
        self.given.iter().map(|row| row.iter().map(|cost| -cost).collect()).collect()
    }

    /// What a policy is worth on these cases.
    fn truth(&self, policy: &[usize]) -> f64 {
        let cost: f64 = policy.iter().zip(&self.costs).map(|(action, costs)| costs[*action]).sum();
        -cost / policy.len() as f64
    }

    fn describe(&self, row: usize, action: usize) -> Vec<f32> {
        let pair = self.category[row] * 6.0 + action as f64;
        let own = [self.given[row][action], self.quotes[row][action], self.efforts[row][action], pair];
        self.case[row].iter().chain(&own).map(|value| *value as f32).collect()
    }
}

fn one_hot(action: usize, actions: usize) -> Vec<f64> {
    (0..actions).map(|other| f64::from(u8::from(other == action))).collect()
}

/// Estimates of one policy over the logs.
#[derive(Default)]
struct Tally {
    errors: Vec<f64>,
    covered: Vec<bool>,
}

impl Tally {
    fn add(&mut self, terms: &Terms, truth: f64) {
        let mean = Mean::of(&terms.scores());
        // The value is a negative cost: above it means too dear.
        self.errors.push((truth - terms.value()) / truth.abs());
        self.covered.push(mean.interval(0.95).contains(truth));
    }

    fn bias(&self) -> f64 {
        self.errors.iter().sum::<f64>() / self.errors.len() as f64
    }

    fn coverage(&self) -> f64 {
        self.covered.iter().filter(|covered| **covered).count() as f64 / self.covered.len() as f64
    }
}

pub fn run(folder: &Path) -> Result<(), Box<dyn Error>> {
    let world = World::load(folder)?;
    given_logs(&world)?;
    drawn_logs(&world)
}

/// The twenty logs that are given: too few to see a bias of 1 %, enough to see that of the direct method.
fn given_logs(world: &World) -> Result<(), Box<dyn Error>> {
    println!("\n{LOGS} resampled logs of {} exceptions: relative bias, coverage of 95 %\n", world.costs.len());
    let own = own_rewards(world)?;
    let given = world.given_rewards();
    let columns =
        [Estimator::Direct, Estimator::Ips, Estimator::Snips, Estimator::DoublyRobust, Estimator::DoublyRobust];
    println!("{:<26} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9}", "policy", "cost", "DM", "IPS", "SNIPS", "DR", "own DR");
    let mut all: [Tally; 5] = Default::default();
    let (mut looks, mut width) = (0.0, 0.0);
    let count = (LOGS * world.policies.len()) as f64;
    for (name, policy) in &world.policies {
        let truth = world.truth(policy);
        let mut tallies: [Tally; 5] = Default::default();
        for (run, own) in own.iter().enumerate().take(LOGS) {
            let log = world.log(policy, |row| world.actions[row][run] as usize)?;
            for (at, estimator) in columns.iter().enumerate() {
                let rewards = if at == 4 { own } else { &given };
                let terms = estimator.terms(&log, rewards)?.ok_or("propensities are missing")?;
                tallies[at].add(&terms, truth);
                all[at].add(&terms, truth);
                if at == 3 {
                    looks += f64::from(u8::from(always_inside(&terms, truth))) / count;
                    width += Mean::of(&terms.scores()).interval(0.95).half() / truth.abs() / count;
                }
            }
        }
        let text: Vec<String> = tallies.iter().map(|tally| format!("{:>+8.2}%", 100.0 * tally.bias())).collect();
        println!("{name:<26} {:>8.2} {}", -truth, text.join(" "));
    }
    let text: Vec<String> = all.iter().map(|tally| format!("{:>8.1}%", 100.0 * tally.coverage())).collect();
    println!("{:<35} {}", "coverage over all", text.join(" "));
    println!("half width of the DR interval {:.1} % of the cost, so the mean of {LOGS} logs is sure to", 100.0 * width);
    println!(
        "about {:.1} %; the confidence sequence held at every look in {:.1} %",
        100.0 * width / 1.96 / 20f64.sqrt(),
        100.0 * looks
    );
    let coverage = all[4].coverage();
    let what = "DR with our own reward model, 95 % interval covers 93 to 98 %";
    bar(what, format!("{:.1} %", 100.0 * coverage), COVERAGE.contains(&coverage));
    Ok(())
}

/// A thousand further logs, drawn from the same chances: enough to see a bias of 1 %.
fn drawn_logs(world: &World) -> Result<(), Box<dyn Error>> {
    let given = world.given_rewards();
    let truths: Vec<f64> = world.policies.iter().map(|(_, policy)| world.truth(policy)).collect();
    let draw = |run: usize| -> Result<Vec<Terms>, String> {
        let actions = world.draw(run as u64);
        let one = |(_, policy): &(String, Vec<usize>)| {
            let log = world.log(policy, |row| actions[row]).map_err(|error| error.to_string())?;
            let terms = Estimator::DoublyRobust.terms(&log, &given).map_err(|error| error.to_string())?;
            terms.ok_or_else(|| "propensities are missing".to_owned())
        };
        world.policies.iter().map(one).collect()
    };
    let mut tallies: Vec<Tally> = world.policies.iter().map(|_| Tally::default()).collect();
    for start in (0..DRAWN).step_by(100) {
        let runs: Vec<Vec<Terms>> = (start..start + 100).into_par_iter().map(draw).collect::<Result<_, _>>()?;
        for terms in runs {
            tallies.iter_mut().zip(terms).zip(&truths).for_each(|((tally, terms), truth)| tally.add(&terms, *truth));
        }
    }
    println!("\n{DRAWN} further logs, DR: bias and coverage\n");
    for ((name, _), tally) in world.policies.iter().zip(&tallies) {
        let [bias, coverage] = [tally.bias(), tally.coverage()].map(|share| 100.0 * share);
        let error = 100.0 * Mean::of(&tally.errors).error;
        println!("{name:<26} {bias:>+7.2}% +- {error:.2} {coverage:>7.1}%");
    }
    let bias = tallies.iter().map(|tally| tally.bias().abs()).fold(0.0, f64::max);
    let coverage = tallies.iter().map(Tally::coverage).sum::<f64>() / tallies.len() as f64;
    bar("DR, bias of every policy at most 1 %", format!("{:.2} %", 100.0 * bias), bias <= BIAS_MAX);
    let what = "DR, 95 % interval covers 93 to 98 %";
    bar(what, format!("{:.1} %", 100.0 * coverage), COVERAGE.contains(&coverage));
    Ok(())
}

/// Our own estimates for each given log, aimed at the first policy and used for all.
fn own_rewards(world: &World) -> Result<Vec<Vec<Vec<f64>>>, Box<dyn Error>> {
    let policy = world.policies.first().map(|(_, policy)| policy.clone()).unwrap_or_default();
    let fit = |run: usize| {
        let log = world.log(&policy, |row| world.actions[row][run] as usize)?;
        let options = RewardOptions { seed: run as u64, repeats: 1, ..RewardOptions::default() };
        Ok(cross_fit(&log, &|row, action| world.describe(row, action), &options)?.estimates)
    };
    (0..LOGS).map(fit).collect()
}

/// Whether the truth is in the confidence sequence after every decision.
fn always_inside(terms: &Terms, truth: f64) -> bool {
    let scores = terms.scores();
    let mut sequence = Sequence::new(0.95, scores.len());
    scores.into_iter().all(|score| {
        sequence.push(score);
        sequence.interval().is_none_or(|interval| interval.contains(truth))
    })
}
