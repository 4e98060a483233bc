//! A bandit with a known law: three actions, one context, rewards of 0 and 1.

use holdfast_training::ranking::evaluate::log::{Log, Logged};

use crate::support::Random;

/// Chance of a reward of 1.
pub fn mean(x: f64, action: usize) -> f64 {
    [0.2 + 0.3 * x, 0.7 - 0.4 * x, 0.4][action]
}

/// What the logging policy does.
pub fn behaviour(x: f64) -> Vec<f64> {
    vec![0.6 - 0.3 * x, 0.2 + 0.1 * x, 0.2 + 0.2 * x]
}

/// The better of the first two actions, nine times of ten.
pub fn target(x: f64) -> Vec<f64> {
    let best = usize::from(mean(x, 1) > mean(x, 0));
    (0..3).map(|action| if action == best { 0.9 } else { 0.05 }).collect()
}

/// Contexts and the log of `rows` decisions under [`target`].
pub fn log(rows: usize, seed: u64) -> (Vec<f64>, Log) {
    let mut random = Random(seed);
    let mut contexts = Vec::new();
    let mut logged = Vec::new();
    for _ in 0..rows {
        let x = random.uniform();
        let behaviour = behaviour(x);
        let taken = pick(&behaviour, random.uniform());
        let reward = f64::from(u8::from(random.uniform() < mean(x, taken)));
        logged.push(Logged { taken, reward, propensity: Some(behaviour[taken]), behaviour });
        contexts.push(x);
    }
    let target = contexts.iter().map(|x| target(*x)).collect();
    (contexts, Log::new(logged, target).unwrap())
}

fn pick(chances: &[f64], place: f64) -> usize {
    let mut sum = 0.0;
    chances
        .iter()
        .position(|chance| {
            sum += chance;
            place < sum
        })
        .unwrap_or(chances.len() - 1)
}

/// The value of a policy, by the middle of 10,000 slices of the context.
pub fn value(policy: impl Fn(f64) -> Vec<f64>) -> f64 {
    let slice = |at: usize| {
        let x = (at as f64 + 0.5) / 10_000.0;
        policy(x).iter().enumerate().map(|(action, chance)| chance * mean(x, action)).sum::<f64>()
    };
    (0..10_000).map(slice).sum::<f64>() / 10_000.0
}

/// The true mean rewards.
pub fn truth(contexts: &[f64]) -> Vec<Vec<f64>> {
    contexts.iter().map(|x| (0..3).map(|action| mean(*x, action)).collect()).collect()
}
