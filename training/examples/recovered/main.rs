//! Recovered money per approver hour, when approvers have limited minutes, by the order in which they work.
//!
//! `cargo run --release -p holdfast-training --example recovered -- DIR… [--capacity 0.25]`
//!
//! Each folder is one seed's world (`exc_*`, written by the datasets' example `exceptions`). The effect model learns from the
//! days before the test days. On each test day approvers have a share of the minutes that the best actions of that day
//! would take, and work through the day's cases in some order with the action that the model recommends; what they do not
//! get to is left alone. Recovered is what that saves against leaving every case alone, by the expected costs that no model
//! has seen.
//!
//! Two further figures tell the world's part from the learner's: the gap by the draws of the world itself, which chose
//! neither action (the best of several noisy means flatters itself), and the gap of the same learner when it is told what every
//! open action came to on the days that it learns from.

#[path = "../common/columns.rs"]
mod columns;
#[path = "../common/world.rs"]
mod world;

use std::error::Error;
use std::path::Path;

use holdfast_training::ranking::case::Resolved;
use holdfast_training::ranking::choose::{Choice, ChooseOptions, choose};
use holdfast_training::ranking::cost::{CostModel, CostOptions, Score};
use world::{Days, World};

const ORDERS: [&str; 6] = [
    "first in, first out",
    "due date",
    "miss probability",
    "risk x value",
    "value of intervention per minute",
    "oracle",
];

/// Where a case stands in a queue: greater keys first, then the earlier case.
struct Place {
    key: f64,
    row: usize,
    action: usize,
}

/// A row with its scores and what follows from them.
type Scored = (usize, Vec<Score>, Choice);

/// What one world came to.
struct Measured {
    /// Money and minutes by order.
    by_order: Vec<(f64, f64)>,
    gap: f64,
    /// The same by the world's own draws, and when the learner was told of every action.
    gap_drawn: f64,
    gap_told: f64,
    logged: f64,
    ours: f64,
    oracle: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut folders = Vec::new();
    let mut capacity = 0.25;
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        if argument == "--capacity" {
            capacity = given.next().ok_or("`--capacity` needs a share")?.parse()?;
        } else {
            folders.push(argument);
        }
    }
    if folders.is_empty() {
        return Err("usage: recovered DIR… [--capacity 0.25]".into());
    }
    let mut all = Vec::new();
    for folder in &folders {
        let world = World::load(Path::new(folder), "exc")?;
        let results = Results::load(Path::new(folder))?;
        let measured = measure(&world, &results, capacity)?;
        print(folder, &measured);
        all.push(measured);
    }
    println!("\nrecovered per approver hour, {:.0} % of the minutes, mean of {} worlds", 100.0 * capacity, all.len());
    for (place, name) in ORDERS.iter().enumerate() {
        let hourly = all.iter().map(|one| per_hour(one.by_order[place])).sum::<f64>() / all.len() as f64;
        let oracle = all.iter().map(|one| per_hour(one.by_order[ORDERS.len() - 1])).sum::<f64>() / all.len() as f64;
        println!("{name:<34} {hourly:>10.2} {:>7.1} %", 100.0 * hourly / oracle);
    }
    let mean = |part: &dyn Fn(&Measured) -> f64| all.iter().map(part).sum::<f64>() / all.len() as f64;
    println!("gap closed from what agents did to the best action: {:.4}", mean(&|one| one.gap));
    println!("  by the world's own draws {:.4}", mean(&|one| one.gap_drawn));
    println!("  learner told of every action {:.4}", mean(&|one| one.gap_told));
    Ok(())
}

fn per_hour((money, minutes): (f64, f64)) -> f64 {
    if minutes > 0.0 { money / minutes * 60.0 } else { 0.0 }
}

fn print(folder: &str, measured: &Measured) {
    println!(
        "\n{folder}: mean cost logged {:.2}, ours {:.2}, oracle {:.2}; gap closed {:.4}",
        measured.logged, measured.ours, measured.oracle, measured.gap
    );
    println!("{:<34} {:>12} {:>8} {:>10}", "order", "recovered", "hours", "per hour");
    for (name, &(money, minutes)) in ORDERS.iter().zip(&measured.by_order) {
        println!("{name:<34} {money:>12.2} {:>8.1} {:>10.2}", minutes / 60.0, per_hour((money, minutes)));
    }
}

/// What every action came to in the world's own future, by row and action: whether it missed, and its cost.
struct Results {
    missed: Vec<Vec<f64>>,
    costs: Vec<Vec<f64>>,
}

impl Results {
    fn load(folder: &Path) -> Result<Results, Box<dyn Error>> {
        let columns = columns::Columns::read(&folder.join("exc_counterfactual.csv.gz"))?;
        Ok(Results { missed: columns.block("elate_")?, costs: columns.block("cost_")? })
    }

    /// A resolved case for every open action; before the test days misses are those of the world's own future.
    fn told(&self, world: &World, rows: &[usize]) -> Vec<Resolved> {
        let of = |&row: &usize| {
            let resolved = &world.rows[row];
            (0..resolved.case.candidates.len()).map(move |taken| {
                let action = resolved.case.candidates[taken].action;
                let (missed, cost) = (self.missed[row][action] > 0.5, self.costs[row][action]);
                Resolved { case: resolved.case.clone(), taken, missed, cost, resolve_hours: 0.0 }
            })
        };
        rows.iter().flat_map(of).collect()
    }

    /// The gap that picks close from what agents do to the action that is best in other futures.
    fn gap(&self, world: &World, rows: &[usize], pick: impl Fn(usize) -> usize) -> f64 {
        let (mut logged, mut ours, mut oracle) = (0.0, 0.0, 0.0);
        for &row in rows {
            let cost = |place: usize| self.costs[row][world.rows[row].case.candidates[place].action];
            logged += world.behaviour[row].iter().enumerate().map(|(place, chance)| chance * cost(place)).sum::<f64>();
            ours += cost(pick(row));
            oracle += cost(best(world, row));
        }
        (logged - ours) / (logged - oracle)
    }
}

/// What a model would do in each case.
fn choices(world: &World, model: &CostModel, rows: &[usize]) -> Result<Vec<Scored>, Box<dyn Error>> {
    let mut scored = Vec::new();
    for &row in rows {
        let case = &world.rows[row].case;
        let scores = model.score(case)?;
        let choice = choose(
            &scores,
            Some(world.default[row]),
            None,
            world.schema.missing_critical(case),
            &ChooseOptions::default(),
        );
        scored.push((row, scores, choice));
    }
    Ok(scored)
}

/// The place of the action that comes first in each case.
fn firsts(scored: &[Scored]) -> Vec<usize> {
    scored.iter().map(|(_, _, choice)| choice.order.first().copied().unwrap_or_default()).collect()
}

fn measure(world: &World, results: &Results, capacity: f64) -> Result<Measured, Box<dyn Error>> {
    let (learn, test) = (world.of(&[Days::Train, Days::Validation]), world.of(&[Days::Test]));
    let model = CostModel::fit(&world.schema, &world.resolved(&learn), &CostOptions::default())?;
    let scored = choices(world, &model, &test)?;
    let picks = firsts(&scored);
    let pick = |row: usize| test.binary_search(&row).map_or(0, |place| picks[place]);
    let [logged, ours, oracle] = world.values(&test, pick);
    let told = CostModel::fit(&world.schema, &results.told(world, &learn), &CostOptions::default())?;
    let told = firsts(&choices(world, &told, &test)?);
    let told = world.values(&test, |row| test.binary_search(&row).map_or(0, |place| told[place]))[1];
    let mut by_order = vec![(0.0, 0.0); ORDERS.len()];
    let mut days: Vec<f64> = test.iter().map(|&row| world.day[row]).collect();
    days.dedup();
    for day in days {
        let today: Vec<&Scored> = scored.iter().filter(|one| world.day[one.0] == day).collect();
        let minutes = capacity * today.iter().map(|one| effort(world, one.0, best(world, one.0))).sum::<f64>();
        for (place, sum) in by_order.iter_mut().enumerate() {
            let (money, used) = work(world, queue(world, &today, place), minutes);
            sum.0 += money;
            sum.1 += used;
        }
    }
    let gap = |ours: f64| (logged - ours) / (logged - oracle);
    let (gap_drawn, gap_told) = (results.gap(world, &test, pick), gap(told));
    Ok(Measured { by_order, gap: gap(ours), gap_drawn, gap_told, logged, ours, oracle })
}

/// The day's cases with the key that an order gives them.
fn queue(world: &World, today: &[&Scored], order: usize) -> Vec<Place> {
    let place = |(row, scores, choice): &Scored| {
        let (row, miss) = (*row, scores[world.default[*row]].miss);
        let ours = choice.order.first().copied().unwrap_or_default();
        let perfect = best(world, row);
        match order {
            0 => Place { key: 0.0, row, action: ours },
            1 => Place { key: -world.slack_hours[row], row, action: ours },
            2 => Place { key: miss, row, action: ours },
            3 => Place { key: miss * world.order_value[row], row, action: ours },
            4 => Place { key: choice.value_per_minute, row, action: ours },
            _ => Place { key: saving(world, row, perfect) / effort(world, row, perfect), row, action: perfect },
        }
    };
    today.iter().map(|one| place(one)).collect()
}

/// Money saved and minutes used when a day's minutes go to the queue's cases in order.
fn work(world: &World, mut queue: Vec<Place>, minutes: f64) -> (f64, f64) {
    queue.sort_by(|a, b| b.key.total_cmp(&a.key).then(a.row.cmp(&b.row)));
    let (mut used, mut saved) = (0.0, 0.0);
    for Place { row, action, .. } in queue {
        let minutes_here = effort(world, row, action);
        if action != world.default[row] && used + minutes_here <= minutes {
            used += minutes_here;
            saved += saving(world, row, action);
        }
    }
    (saved, used)
}

fn best(world: &World, row: usize) -> usize {
    let truth = &world.truth[row];
    (0..truth.len()).min_by(|&a, &b| truth[a].total_cmp(&truth[b])).unwrap_or_default()
}

fn effort(world: &World, row: usize, action: usize) -> f64 {
    world.rows[row].case.candidates[action].effort_minutes
}

fn saving(world: &World, row: usize, action: usize) -> f64 {
    world.truth[row][world.default[row]] - world.truth[row][action]
}
