//! Cases with a known law: waiting misses when there is little slack, expediting seldom does, splitting depends on stock.

use holdfast_training::ranking::case::{Candidate, Case, Feature, Resolved, Schema};

use crate::support::Random;

pub const WAIT: usize = 0;
pub const EXPEDITE: usize = 1;
pub const SPLIT: usize = 2;

pub fn schema() -> Schema {
    let feature = |name: &str, categorical, critical| Feature { name: name.into(), categorical, critical };
    Schema {
        features: vec![feature("slack", false, true), feature("stock", false, false), feature("tier", true, false)],
        categories: 2,
        actions: 3,
    }
}

pub fn case(random: &mut Random) -> Case {
    let tier = (random.uniform() * 3.0).floor();
    let candidate = |action: usize, quote: f64, effort_minutes: f64| Candidate { action, quote, effort_minutes };
    Case {
        category: usize::from(random.uniform() < 0.3),
        features: vec![random.uniform(), random.uniform(), tier],
        penalty: 50.0 + 150.0 * random.uniform(),
        candidates: vec![candidate(WAIT, 0.0, 1.0), candidate(EXPEDITE, 30.0, 12.0), candidate(SPLIT, 12.0, 6.0)],
    }
}

/// The chance of a miss.
pub fn miss(case: &Case, action: usize) -> f64 {
    let (slack, stock) = (case.features[0], case.features[1]);
    [0.9 - 0.7 * slack, 0.1, 0.9 - 0.8 * stock][action]
}

/// The expected cost.
pub fn cost(case: &Case, action: usize) -> f64 {
    case.candidates[action].quote + miss(case, action) * (case.penalty + 10.0) + 5.0
}

/// Resolved cases; actions at random.
pub fn resolved(rows: usize, seed: u64) -> Vec<Resolved> {
    let mut random = Random(seed);
    let one = |random: &mut Random| {
        let case = case(random);
        let taken = (random.uniform() * 3.0) as usize;
        let missed = random.uniform() < miss(&case, taken);
        let late = if missed { case.penalty + 20.0 * random.uniform() } else { 0.0 };
        let cost = case.candidates[taken].quote + late + 10.0 * random.uniform();
        Resolved { case, taken, missed, cost, resolve_hours: 1.0 + random.uniform() }
    };
    (0..rows).map(|_| one(&mut random)).collect()
}
