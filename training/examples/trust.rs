//! Coverage of ship-date intervals, and abstention outside support, on generated lead times.
//!
//! `cargo run --release -p holdfast-training --example trust -- [seeds]`
//!
//! Lanes differ in how long they take and in how much that varies with the load. Boosted trees predict the 5 % and the
//! 95 % quantile from lane, load and a column that says nothing; calibration makes up for what they miss. Then every lead
//! time grows by 20 %.

mod common;

use std::error::Error;

use common::Dice;
use holdfast_training::tabular::boost::{BoostError, BoostParams, Booster, Column, Objective, Records};
use holdfast_training::tabular::conformal::adaptive::Adaptive;
use holdfast_training::tabular::conformal::{Conformal, ConformalOptions, Interval};
use holdfast_training::tabular::support::{Support, SupportOptions};
use holdfast_training::tabular::table::{Feature, Kind, Schema, Value};
use linfa::ParamGuard;
use linfa::traits::Fit;
use ndarray::{Array1, Array2};

/// Name, typical days, log deviation, share of orders.
const LANES: [(&str, f64, f64, f64); 8] = [
    ("courier", 1.5, 0.45, 0.22),
    ("road north", 4.0, 0.15, 0.20),
    ("road south", 5.0, 0.30, 0.18),
    ("rail", 9.0, 0.10, 0.12),
    ("sea short", 14.0, 0.12, 0.10),
    ("sea long", 34.0, 0.08, 0.08),
    ("air", 3.0, 0.55, 0.07),
    ("broker", 12.0, 0.40, 0.03),
];
const SHIFT: f64 = 1.2;
const ORDERS_BEFORE: usize = 1000;
const DAYS_BETWEEN_ORDERS: f64 = 0.05;

struct Order {
    lane: &'static str,
    load: f64,
    noise: f64,
    days: f64,
}

fn orders(count: usize, dice: &mut Dice, stretch: f64) -> Vec<Order> {
    let mut order = || {
        let mut place = dice.uniform();
        let lane = LANES.iter().find(|(.., share)| {
            place -= share;
            place < 0.0
        });
        let (lane, typical, deviation, _) = *lane.unwrap_or(&LANES[0]);
        let load = dice.uniform();
        // Busier means slower, and less predictable.
        let days = typical * (1.0 + 0.3 * load) * (deviation * (0.7 + 0.6 * load) * dice.normal()).exp();
        Order { lane, load, noise: dice.uniform(), days: days * stretch }
    };
    (0..count).map(|_| order()).collect()
}

/// The 5 % and the 95 % quantile by boosted trees.
struct Quantiles([Booster; 2]);

impl Quantiles {
    fn row(order: &Order) -> [f32; 3] {
        let lane = LANES.iter().position(|(lane, ..)| *lane == order.lane).unwrap_or_default();
        [lane as f32, order.load as f32, order.noise as f32]
    }

    fn fit(orders: &[Order]) -> Result<Quantiles, BoostError> {
        let records = Array2::from_shape_fn((orders.len(), 3), |(row, column)| Quantiles::row(&orders[row])[column]);
        let days = Array1::from_iter(orders.iter().map(|order| order.days as f32));
        let data = Records::new(records, days);
        let columns = vec![Column::Categorical, Column::Numeric { monotone: 0 }, Column::Numeric { monotone: 0 }];
        let fit = |level: f64| {
            let params = BoostParams::new(Objective::Quantile { level }).columns(columns.clone());
            params.trees(60).leaves_max(15).check()?.fit(&data)
        };
        Ok(Quantiles([fit(0.05)?, fit(0.95)?]))
    }

    fn of(&self, order: &Order) -> Interval {
        let row = Quantiles::row(order);
        let [low, high] = [0, 1].map(|side| self.0[side].raw(&row));
        Interval { low, high }
    }
}

fn calibrated(dice: &mut Dice) -> Result<(Quantiles, Conformal), Box<dyn Error>> {
    let quantiles = Quantiles::fit(&orders(4000, dice, 1.0))?;
    let rows = orders(4000, dice, 1.0);
    let predictions: Vec<Interval> = rows.iter().map(|order| quantiles.of(order)).collect();
    let days: Vec<f64> = rows.iter().map(|order| order.days).collect();
    let lanes: Vec<&str> = rows.iter().map(|order| order.lane).collect();
    let conformal = Conformal::fit(&predictions, &days, &lanes, ConformalOptions::default())?;
    Ok((quantiles, conformal))
}

/// Rows, and those inside the prediction, the split-conformal and the adaptive interval.
type Tally = [f64; 4];

fn print(name: &str, tally: &Tally) {
    let share = |index: usize| 100.0 * tally[index] / tally[0].max(1.0);
    println!("{name:<16} {:>7} {:>9.1} % {:>9.1} % {:>9.1} %", tally[0], share(1), share(2), share(3));
}

fn coverage(seed: u64) -> Result<(), Box<dyn Error>> {
    let mut dice = Dice::new(seed);
    let (quantiles, conformal) = calibrated(&mut dice)?;
    let mut adaptive = Adaptive::new(conformal.clone());
    let mut tallies: Vec<(&str, Tally)> = LANES.iter().map(|lane| (lane.0, Tally::default())).collect();
    for order in orders(7000, &mut dice, 1.0) {
        let prediction = quantiles.of(&order);
        let inside = [
            true,
            prediction.contains(order.days),
            conformal.interval(prediction, order.lane).contains(order.days),
            adaptive.interval(prediction, order.lane).contains(order.days),
        ];
        adaptive.observe(prediction, order.lane, order.days);
        let tally = tallies.iter_mut().find(|(lane, _)| *lane == order.lane).map(|(_, tally)| tally);
        tally.into_iter().flatten().zip(inside).for_each(|(count, inside)| *count += f64::from(u8::from(inside)));
    }
    println!("90 % intervals, no change, seed {seed}\n");
    println!("{:<16} {:>7} {:>11} {:>11} {:>11}", "lane", "orders", "predicted", "conformal", "adaptive");
    let sum = |index: usize| tallies.iter().map(|(_, tally)| tally[index]).sum::<f64>();
    print("all", &[0, 1, 2, 3].map(sum));
    tallies.iter().for_each(|(lane, tally)| print(lane, tally));
    Ok(())
}

/// What is known of the n-th order since the shift: shares inside the split-conformal interval, inside the adaptive one,
/// and inside the adaptive one when outcomes are only known with time; and how many of the latter were known by then.
type Since = [f64; 4];

fn recovery(seeds: u64, outcomes: usize) -> Result<Vec<Since>, Box<dyn Error>> {
    let mut shares = vec![Since::default(); outcomes];
    for seed in 0..seeds {
        let mut dice = Dice::new(1000 + seed);
        let (quantiles, conformal) = calibrated(&mut dice)?;
        let mut adaptive = Adaptive::new(conformal.clone());
        let mut late = Adaptive::new(conformal.clone());
        let mut open: Vec<(f64, Order)> = Vec::new();
        let mut heard = 0.0;
        let before = orders(ORDERS_BEFORE, &mut dice, 1.0).into_iter();
        let all = before.chain(orders(outcomes, &mut dice, SHIFT)).enumerate();
        for (index, order) in all {
            let now = index as f64 * DAYS_BETWEEN_ORDERS;
            // What has shipped is known; what is open beyond its interval has failed it, and that is known too.
            open.retain(|(since, order)| {
                let elapsed = now - since;
                let prediction = quantiles.of(order);
                let known = elapsed >= order.days || elapsed > late.interval(prediction, order.lane).high;
                if known {
                    late.observe(prediction, order.lane, elapsed.min(order.days));
                    heard += f64::from(u8::from(*since >= ORDERS_BEFORE as f64 * DAYS_BETWEEN_ORDERS));
                }
                !known
            });
            let prediction = quantiles.of(&order);
            let inside = [
                conformal.interval(prediction, order.lane),
                adaptive.interval(prediction, order.lane),
                late.interval(prediction, order.lane),
            ];
            if let Some(share) = index.checked_sub(ORDERS_BEFORE).and_then(|at| shares.get_mut(at)) {
                let inside = inside.map(|interval| f64::from(u8::from(interval.contains(order.days))));
                share.iter_mut().zip(inside.into_iter().chain([heard])).for_each(|(sum, x)| *sum += x / seeds as f64);
            }
            adaptive.observe(prediction, order.lane, order.days);
            open.push((now, order));
        }
    }
    Ok(shares)
}

fn mean(rows: &[Since], side: usize) -> f64 {
    rows.iter().map(|row| row[side]).sum::<f64>() / rows.len().max(1) as f64
}

/// A row for the support test: lane, load, weight (never missing), and one of 400 SKUs.
fn values(order: &Order, dice: &mut Dice) -> Vec<Value> {
    let weight = (1.0 + order.load + 0.5 * dice.normal()).exp();
    let sku = format!("SKU-{}", (400.0 * dice.uniform()) as usize);
    vec![Value::Text(order.lane.into()), Value::Number(order.load), Value::Number(weight), Value::Text(sku)]
}

fn support(seed: u64) -> Result<(), Box<dyn Error>> {
    let mut dice = Dice::new(seed);
    let mut rows = |count: usize| -> Vec<Vec<Value>> {
        let orders = orders(count, &mut dice, 1.0);
        orders.iter().map(|order| values(order, &mut dice)).collect()
    };
    let (training, calibration, fresh) = (rows(4000), rows(2000), rows(20_000));
    let feature = |(name, kind): (&str, Kind)| Feature { name: name.into(), kind, label: name.into() };
    let features =
        [("lane", Kind::Categorical), ("load", Kind::Numeric), ("weight", Kind::Numeric), ("SKU", Kind::Categorical)];
    let schema = Schema { version: "support-1".into(), features: features.into_iter().map(feature).collect() };
    let [training, calibration] =
        [&training, &calibration].map(|rows| rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let support = Support::fit(&schema, &training, &calibration, &SupportOptions::default())?;
    println!("\nabstention outside support, at most 1 % of ordinary rows\n");
    type Change = fn(&mut Vec<Value>);
    let cases: [(&str, Change); 5] = [
        ("ordinary", |_| {}),
        ("new SKU", |row| row[3] = Value::Text("SKU-new".into())),
        ("new lane", |row| row[0] = Value::Text("drone".into())),
        ("weight far above", |row| row[2] = Value::Number(1000.0)),
        ("no weight", |row| row[2] = Value::Missing),
    ];
    for (name, change) in cases {
        let (mut outside, mut words) = (0usize, String::new());
        for row in &fresh {
            let mut row = row.clone();
            change(&mut row);
            let judgement = support.judge(&row)?;
            outside += usize::from(judgement.outside);
            words = judgement.to_string();
        }
        println!("{name:<30} {:>6.2} %  {words}", 100.0 * outside as f64 / fresh.len() as f64);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let seeds: u64 = std::env::args().nth(1).map_or(Ok(50), |text| text.parse())?;
    coverage(1)?;
    println!("\nevery lead time 20 % longer, mean of {seeds} seeds, orders every {DAYS_BETWEEN_ORDERS} days\n");
    println!("{:<16} {:>11} {:>11} {:>26}", "orders since", "conformal", "adaptive", "adaptive, outcomes late");
    let shares = recovery(seeds, 2000)?;
    for (index, block) in shares.chunks(100).enumerate().filter(|(index, _)| *index < 10 || index % 5 == 4) {
        let [fixed, adaptive, late] = [0, 1, 2].map(|side| 100.0 * mean(block, side));
        println!("{:>6} to {:>5} {fixed:>9.1} % {adaptive:>9.1} % {late:>24.1} %", index * 100 + 1, index * 100 + 100);
    }
    for (side, name) in ["conformal", "adaptive", "adaptive, outcomes late"].iter().enumerate() {
        let back = (100..shares.len()).find(|&end| mean(&shares[end - 100..end], side) >= 0.88);
        match back {
            Some(end) => {
                let heard = if side == 2 { shares[end - 1][3] } else { end as f64 };
                println!("{name}: the last 100 orders are back at 88 % after {end} orders, {heard:.0} outcomes known");
            }
            None => println!("{name}: never back at 88 %"),
        }
    }
    support(2)
}
