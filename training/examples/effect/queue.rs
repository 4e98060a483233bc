//! What a queue saves when approvers have a quarter of the minutes that all cases would take, and what abstaining keeps.

use std::error::Error;

use holdfast_training::ranking::choose::{Choice, ChooseOptions, choose};
use holdfast_training::ranking::cost::{CostModel, Score};
use holdfast_training::ranking::queue::{QueueOptions, Waiting, plan};

use crate::bar;
use crate::world::World;

/// Its key, row, action and minutes.
type Place = (f64, usize, usize, f64);

const CAPACITY: f64 = 0.25;
const CAPTURED_MIN: f64 = 0.95;

/// A case with the action that would be taken in it.
struct Item {
    row: usize,
    action: usize,
    minutes: f64,
    scores: Vec<Score>,
    choice: Choice,
}

pub fn run(world: &World, model: &CostModel, measure: &[usize]) -> Result<(), Box<dyn Error>> {
    let mut items = Vec::new();
    for &row in measure {
        let case = &world.rows[row].case;
        let scores = model.score(case)?;
        let choice = choose(&scores, Some(world.default[row]), None, Vec::new(), &ChooseOptions::default());
        let action = choice.order.first().copied().unwrap_or_default();
        items.push(Item { row, action, minutes: case.candidates[action].effort_minutes, scores, choice });
    }
    let best = |row: usize| {
        let truth = &world.truth[row];
        (0..truth.len()).min_by(|&a, &b| truth[a].total_cmp(&truth[b])).unwrap_or_default()
    };
    let effort = |row: usize, action: usize| world.rows[row].case.candidates[action].effort_minutes;
    let capacity = CAPACITY * measure.iter().map(|&row| effort(row, best(row))).sum::<f64>();
    let waiting = measure.iter().map(|&row| world.truth[row][world.default[row]]).sum::<f64>() / measure.len() as f64;
    let perfect: Vec<(f64, usize, usize, f64)> = measure
        .iter()
        .map(|&row| {
            let (action, truth) = (best(row), &world.truth[row]);
            let minutes = effort(row, action);
            ((truth[world.default[row]] - truth[action]) / minutes, row, action, minutes)
        })
        .collect();
    let keyed = |key: &dyn Fn(&Item) -> f64| -> Vec<Place> {
        items.iter().map(|item| (key(item), item.row, item.action, item.minutes)).collect()
    };
    let miss = |item: &Item| item.scores[world.default[item.row]].miss;
    let by: [(&str, Vec<Place>); 6] = [
        ("first in, first out", keyed(&|item| -world.day[item.row])),
        ("due date", keyed(&|item| -world.slack_hours[item.row])),
        ("miss probability", keyed(&miss)),
        ("risk x value", keyed(&|item| miss(item) * world.order_value[item.row])),
        ("value of intervention per minute", keyed(&|item| item.choice.value_per_minute)),
        ("oracle", perfect),
    ];
    println!("\nqueue at {:.0} % of the minutes that the best actions take ({capacity:.0})\n", 100.0 * CAPACITY);
    println!("{:<34} {:>9} {:>8} {:>9}", "order", "mean cost", "handled", "captured");
    println!("{:<34} {waiting:>9.2} {:>8}", "nobody acts", 0);
    let results = by.map(|(name, keys)| (name, handle(world, keys, capacity, measure.len(), waiting)));
    let oracle = waiting - results[5].1.0;
    for (name, (cost, handled)) in &results {
        println!("{name:<34} {cost:>9.2} {handled:>8} {:>8.1}%", 100.0 * (waiting - cost) / oracle);
    }
    let captured = (waiting - results[4].1.0) / oracle;
    bar(
        "the queue captures at least 95 % of the oracle's saving",
        format!("{:.1} %", 100.0 * captured),
        captured >= CAPTURED_MIN,
    );
    promise(world, &items, capacity);
    abstain(world, &items);
    Ok(())
}

/// Mean cost and cases handled when minutes go to the greatest keys first.
fn handle(
    world: &World,
    mut keys: Vec<(f64, usize, usize, f64)>,
    capacity: f64,
    cases: usize,
    waiting: f64,
) -> (f64, usize) {
    keys.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let (mut minutes, mut saved, mut handled) = (0.0, 0.0, 0);
    for (_, row, action, effort) in keys {
        if action != world.default[row] && minutes + effort <= capacity {
            minutes += effort;
            handled += 1;
            saved += world.truth[row][world.default[row]] - world.truth[row][action];
        }
    }
    (waiting - saved / cases as f64, handled)
}

/// What the plan promises against what it would save.
fn promise(world: &World, items: &[Item], capacity: f64) {
    let waiting = |item: &Item| Waiting {
        value: item.choice.value,
        effort_minutes: item.minutes,
        waited_minutes: 0.0,
        useful_minutes: None,
        pinned: false,
    };
    let cases: Vec<Waiting> = items.iter().map(waiting).collect();
    let plan = plan(&cases, capacity, &QueueOptions::default());
    let saved = |index: &usize| {
        let item = &items[*index];
        world.truth[item.row][world.default[item.row]] - world.truth[item.row][item.action]
    };
    let saved: f64 = plan.handled.iter().map(saved).sum();
    println!(
        "the plan handles {} cases in {:.0} minutes and promises {:.0}; it saves {saved:.0} ({:+.1} %)",
        plan.handled.len(),
        plan.minutes,
        plan.saved,
        100.0 * (saved / plan.saved - 1.0)
    );
}

/// What is kept of the benefit when cases without a recommendation are left to the agents.
fn abstain(world: &World, items: &[Item]) {
    let logged = |row: usize| -> f64 {
        world.truth[row].iter().zip(&world.behaviour[row]).map(|(cost, chance)| cost * chance).sum()
    };
    let benefit = |item: &Item| logged(item.row) - world.truth[item.row][item.action];
    let all: f64 = items.iter().map(benefit).sum();
    let recommended: Vec<&Item> = items.iter().filter(|item| item.choice.recommended().is_some()).collect();
    let kept: f64 = recommended.iter().map(|item| benefit(item)).sum();
    println!(
        "recommends {:.1} % of the cases and keeps {:.1} % of the benefit; the others are left to the agents",
        100.0 * recommended.len() as f64 / items.len() as f64,
        100.0 * kept / all
    );
}
