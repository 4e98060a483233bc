//! Has a number moved, spread out, or changed its shape?
//!
//! Purpose: three views of two samples. *Level* sums the normal scores of the pooled ranks (van der Waerden 1952: never
//! less powerful than the t-test against a shift, Chernoff and Savage 1958), *spread* sums their squares (Klotz 1962),
//! *shape* is the Kolmogorov-Smirnov distance, which sees whatever the first two do not.
//!
//! Guarantees: each probability is that of dealing the pooled rows at random to two samples of these sizes, ties
//! included, so it holds for 50 rows as for 5,000 and for any distribution.
//!
//! Non-goals: bins. A binned index has a null distribution that depends on bins and rows, which is why a fixed limit on
//! it alarms always on small batches and never on large ones.

use super::column::quantile;
use super::{Change, Test};
use crate::tabular::statistics::{exact, normal, saddlepoint};

/// Fewest numbers on either side.
const NUMBERS_MIN: usize = 5;

/// The three tests of two samples of rising numbers; none where there is nothing to compare.
pub(super) fn tests(reference: &[f64], batch: &[f64]) -> Vec<Test> {
    if reference.len() < NUMBERS_MIN || batch.len() < NUMBERS_MIN {
        return Vec::new();
    }
    let groups = pool(reference, batch);
    if groups.len() < 2 {
        return Vec::new();
    }
    let rows = (reference.len() + batch.len()) as f64;
    let mut below = 0.0;
    let scores: Vec<f64> = groups
        .iter()
        .map(|group| {
            let rank = below + 0.5 * (group.pooled as f64 + 1.0);
            below += group.pooled as f64;
            normal::quantile(rank / (rows + 1.0))
        })
        .collect();
    let centre = |share: f64, of: &[f64]| quantile(of, share).unwrap_or(0.0);
    let width = |of: &[f64]| centre(0.75, of) - centre(0.25, of);
    let (distance, shape) = exact::kolmogorov_smirnov(reference, batch);
    vec![
        Test {
            change: Change::Level { before: centre(0.5, reference), now: centre(0.5, batch) },
            p: rank_test(&groups, &scores, batch.len()),
            weight: 0.6,
        },
        Test {
            change: Change::Spread { before: width(reference), now: width(batch) },
            p: rank_test(&groups, &scores.iter().map(|score| score * score).collect::<Vec<_>>(), batch.len()),
            weight: 0.15,
        },
        Test { change: Change::Shape { distance }, p: shape, weight: 0.15 },
    ]
}

/// Rows of one value: pooled, and in the batch.
struct Group {
    pooled: usize,
    batch: usize,
}

fn pool(reference: &[f64], batch: &[f64]) -> Vec<Group> {
    let (mut i, mut j) = (0, 0);
    let mut groups = Vec::new();
    while let Some(value) = [reference.get(i), batch.get(j)].into_iter().flatten().copied().reduce(f64::min) {
        let (from_i, from_j) = (i, j);
        while reference.get(i).is_some_and(|other| *other <= value) {
            i += 1;
        }
        while batch.get(j).is_some_and(|other| *other <= value) {
            j += 1;
        }
        groups.push(Group { pooled: i - from_i + j - from_j, batch: j - from_j });
    }
    groups
}

fn rank_test(groups: &[Group], scores: &[f64], drawn: usize) -> f64 {
    let pool: Vec<(f64, usize)> = groups.iter().zip(scores).map(|(group, score)| (*score, group.pooled)).collect();
    let sum = groups.iter().zip(scores).map(|(group, score)| score * group.batch as f64).sum();
    saddlepoint::sampled_sum(&pool, drawn, sum)
}
