//! Have the shares of categories moved, and are there new ones?
//!
//! Purpose: three views of two tables of counts. *Category* tests each frequent category by itself (Fisher's exact test,
//! Bonferroni over the categories), *mix* all of them together (Pearson's chi-square), *unseen* the rows of categories
//! that the other rows do not have. The law of the last two is sampled by dealing the pooled rows at random, because
//! with rare categories the chi-square law is wrong by orders of magnitude where alarms are decided.
//!
//! Guarantees: sampled probabilities are valid at any number of draws (sequential Monte Carlo test of Besag and Clifford
//! 1991) and depend on the seed only.
//!
//! Non-goals: likeness of categories.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Change, Test};
use crate::tabular::statistics::exact;

/// Categories that are tested by themselves; the rest are one.
const CATEGORIES_MAX: usize = 30;
/// Draws at least as extreme as the data after which sampling stops: the answer is "nothing unusual".
const EXTREME_MAX: usize = 10;
/// Most draws.
const DRAWS_MAX: usize = 200_000;
/// Fewest rows on either side.
const ROWS_MIN: usize = 5;

/// Counts of one category: pooled, and in the batch.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    pooled: usize,
    batch: usize,
}

/// The tests of two tables of counts. `level` is the probability at which any of them would raise an alarm; sampling
/// resolves that much and no more.
pub(super) fn tests(
    reference: &BTreeMap<String, usize>,
    batch: &BTreeMap<String, usize>,
    level: f64,
    seed: u64,
) -> Vec<Test> {
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    for (category, &rows) in reference {
        counts.entry(category).or_default().pooled += rows;
    }
    for (category, &rows) in batch {
        let count = counts.entry(category).or_default();
        count.pooled += rows;
        count.batch += rows;
    }
    let drawn: usize = batch.values().sum();
    let total: usize = counts.values().map(|count| count.pooled).sum();
    if drawn < ROWS_MIN || total < drawn + ROWS_MIN || counts.len() < 2 {
        return Vec::new();
    }
    let shares = Shares { total, drawn };
    let frequent = frequent(&counts);
    let each = shares.each(&frequent);
    // An alarm needs no second witness, and the draws that would resolve it are the dear ones.
    let settled = each.p < level * each.weight;
    let draws = if settled { 0 } else { (2.0 / (level * 0.2)).ceil().clamp(1000.0, DRAWS_MAX as f64) as usize };
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let grouped: Vec<Count> = frequent.iter().map(|(_, count)| *count).collect();
    let mix = shares.sampled(&grouped, draws, &mut generator, |counts| shares.chi_square(counts));
    let mut tests = vec![each, Test { change: Change::Mix { categories: counts.len() }, p: mix, weight: 0.3 }];
    let all: Vec<Count> = counts.values().copied().collect();
    if all.iter().any(|count| count.pooled <= drawn) {
        let p = shares.sampled(&all, draws, &mut generator, rows_of_own);
        let now = rows_of_own(&all) / drawn as f64;
        tests.push(Test { change: Change::Unseen { now }, p, weight: 0.2 });
    }
    tests
}

/// The most frequent categories by pooled rows, by name among equals, and the rest as one without a name.
fn frequent<'a>(counts: &BTreeMap<&'a str, Count>) -> Vec<(Option<&'a str>, Count)> {
    let mut order: Vec<(Option<&str>, Count)> = counts.iter().map(|(name, count)| (Some(*name), *count)).collect();
    order.sort_by_key(|(_, count)| std::cmp::Reverse(count.pooled));
    if order.len() > CATEGORIES_MAX {
        let rest = order.split_off(CATEGORIES_MAX).into_iter().fold(Count::default(), |sum, (_, count)| Count {
            pooled: sum.pooled + count.pooled,
            batch: sum.batch + count.batch,
        });
        order.push((None, rest));
    }
    order
}

/// Rows whose category no row of the other side has.
fn rows_of_own(counts: &[Count]) -> f64 {
    counts.iter().filter(|count| count.batch == count.pooled).map(|count| count.batch as f64).sum()
}

/// The sizes of pool and batch.
struct Shares {
    total: usize,
    drawn: usize,
}

impl Shares {
    /// The most extreme category.
    fn each(&self, counts: &[(Option<&str>, Count)]) -> Test {
        let share = |rows: usize, of: usize| rows as f64 / of.max(1) as f64;
        let mut best = Test { change: Change::Mix { categories: counts.len() }, p: 1.0, weight: 0.4 };
        // What is rare is left to the mix and to what is unseen, which say more about it.
        let named: Vec<(&str, Count)> = counts.iter().filter_map(|(name, count)| Some(((*name)?, *count))).collect();
        for (name, count) in &named {
            let p = exact::hypergeometric_two_sided(self.total, count.pooled, self.drawn, count.batch);
            let p = (p * named.len() as f64).min(1.0);
            if p < best.p {
                let before = share(count.pooled - count.batch, self.total - self.drawn);
                let now = share(count.batch, self.drawn);
                let category = (*name).to_owned();
                best = Test { change: Change::Category { category, before, now }, p, weight: 0.4 };
            }
        }
        best
    }

    /// Pearson's statistic of the batch, up to a constant factor.
    fn chi_square(&self, counts: &[Count]) -> f64 {
        let expected = self.drawn as f64 / self.total as f64;
        let square = |count: &Count| {
            let off = count.batch as f64 - expected * count.pooled as f64;
            off * off / count.pooled.max(1) as f64
        };
        counts.iter().map(square).sum()
    }

    /// The probability that random batches have a statistic as large as the real one.
    fn sampled(
        &self,
        counts: &[Count],
        draws: usize,
        generator: &mut ChaCha8Rng,
        statistic: impl Fn(&[Count]) -> f64,
    ) -> f64 {
        let observed = statistic(counts) * (1.0 - 1e-9);
        let repeated = counts.iter().enumerate().flat_map(|(code, count)| std::iter::repeat_n(code, count.pooled));
        let mut codes: Vec<usize> = repeated.collect();
        let mut random = counts.to_vec();
        let mut extreme = 0;
        for draw in 1..=draws {
            random.iter_mut().for_each(|count| count.batch = 0);
            for place in 0..self.drawn.min(codes.len()) {
                let other = place + below(generator, codes.len() - place);
                codes.swap(place, other);
                if let Some(count) = codes.get(place).and_then(|code| random.get_mut(*code)) {
                    count.batch += 1;
                }
            }
            if statistic(&random) >= observed {
                extreme += 1;
                if extreme == EXTREME_MAX {
                    return EXTREME_MAX as f64 / draw as f64;
                }
            }
        }
        (extreme + 1) as f64 / (draws + 1) as f64
    }
}

/// Uniform below `bound`, with a bias of at most `bound / 2³²`.
fn below(generator: &mut ChaCha8Rng, bound: usize) -> usize {
    ((u64::from(generator.next_u32()) * bound as u64) >> 32) as usize
}
