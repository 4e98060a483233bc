//! Intervals cover as often as they say.

use holdfast_training::ranking::evaluate::estimate::Estimator;
use holdfast_training::ranking::evaluate::interval::{Interval, Mean, Sequence, bootstrap};

use super::bandit;
use crate::support::Random;

#[test]
fn normal_and_bootstrap_intervals_cover() {
    let truth = bandit::value(bandit::target);
    let logs = 300;
    let mut covered = [0usize; 2];
    for seed in 0..logs {
        let (contexts, log) = bandit::log(400, 1000 + seed);
        let rewards: Vec<Vec<f64>> = contexts.iter().map(|x| vec![0.3, 0.5 - 0.2 * x, 0.5]).collect();
        let terms = Estimator::DoublyRobust.terms(&log, &rewards).unwrap().unwrap();
        let intervals = [Mean::of(&terms.scores()).interval(0.95), bootstrap(&terms, 0.95, 200, seed)];
        for (covered, interval) in covered.iter_mut().zip(intervals) {
            *covered += usize::from(interval.contains(truth));
        }
    }
    for covered in covered {
        let share = covered as f64 / logs as f64;
        assert!((0.91..=0.99).contains(&share), "{share}");
    }
}

/// Whether the interval after every draw holds `truth`.
fn holds(level: f64, truth: f64, draws: usize, mut draw: impl FnMut() -> f64) -> bool {
    let mut sequence = Sequence::new(level, draws);
    (0..draws).all(|_| {
        sequence.push(draw());
        sequence.interval().is_none_or(|interval| interval.contains(truth))
    })
}

#[test]
fn the_sequence_holds_at_every_look_and_the_normal_interval_does_not() {
    let runs = 300;
    let (mut held, mut normal) = (0usize, 0usize);
    for seed in 0..runs {
        // Mostly 0 and seldom 4: as skewed as weighted rewards.
        let draw = |random: &mut Random| if random.uniform() < 0.1 { 4.0 } else { 0.0 };
        let mut random = Random(seed + 1);
        held += usize::from(holds(0.95, 0.4, 2000, || draw(&mut random)));
        let mut random = Random(seed + 1);
        let scores: Vec<f64> = (0..2000).map(|_| draw(&mut random)).collect();
        let inside = |rows: usize| Mean::of(&scores[..rows]).interval(0.95).contains(0.4);
        normal += usize::from((50..2000).step_by(25).all(inside));
    }
    let [held, normal] = [held, normal].map(|count| count as f64 / runs as f64);
    assert!(held > 0.93, "{held}");
    assert!(normal < 0.8, "peeking is what the sequence is for: {normal}");
}

#[test]
fn a_sequence_is_wider_than_an_interval_but_not_by_much() {
    let mut random = Random(9);
    let scores: Vec<f64> = (0..4000).map(|_| random.uniform()).collect();
    let mut sequence = Sequence::new(0.95, 4000);
    assert_eq!(sequence.interval(), None);
    scores.iter().for_each(|score| sequence.push(*score));
    let (always, once) = (sequence.interval().unwrap().half(), Mean::of(&scores).interval(0.95).half());
    assert!(always > 1.2 * once && always < 2.0 * once, "{always} {once}");
    assert_eq!(Mean::of(&[]).interval(0.95), Interval { low: 0.0, high: 0.0 });
}
