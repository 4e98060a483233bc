//! Randomness: one stream per (entity, purpose), derived from the seed by hashing.
//!
//! Guarantees: a draw for one entity and purpose never shifts another's; only exact float operations, so that every
//! platform draws the same. Non-goals: cryptographic strength, textbook distributions.

use std::fmt::Display;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Where streams come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streams {
    seed: u64,
}

impl Streams {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The stream of one purpose of one entity; asking again starts it again.
    pub(super) fn dice(self, entity: impl Display, purpose: &str) -> Dice {
        let mut state = self.seed ^ fnv1a(&format!("{entity}\u{1f}{purpose}"));
        let mut seed = [0_u8; 32];
        for word in seed.chunks_exact_mut(8) {
            word.copy_from_slice(&splitmix(&mut state).to_le_bytes());
        }
        Dice(ChaCha8Rng::from_seed(seed))
    }
}

/// One stream.
#[derive(Clone, Debug)]
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// Uniform in `[0, 1)`.
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform between two numbers.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform whole number, both ends included.
    pub(super) fn whole(&mut self, low: i64, high: i64) -> i64 {
        (low + (self.unit() * (high - low + 1) as f64) as i64).min(high)
    }

    /// Right-skewed with mean 1: mostly 0.4 to 1.0, now and then up to 3.
    pub(super) fn skewed(&mut self) -> f64 {
        let tail = self.unit();
        self.between(0.4, 1.0) + 2.1 * tail * tail * tail * tail * tail * tail
    }

    /// A member of a table that has at least one.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[((self.unit() * from.len() as f64) as usize).min(from.len() - 1)]
    }

    /// An index drawn by weight; the last one where rounding leaves nothing.
    pub(super) fn weighted(&mut self, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let total: f64 = weights.clone().sum();
        let mut left = self.unit() * total;
        let mut last = 0;
        for (index, weight) in weights.enumerate() {
            if weight > 0.0 {
                last = index;
            }
            if left < weight {
                return index;
            }
            left -= weight;
        }
        last
    }
}

fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
