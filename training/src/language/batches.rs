//! The order in which texts are learned: shuffled, then neighbours in length together.
//!
//! Guarantees: every text is in one batch of an epoch; the order depends on seed and epoch only.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Batches whose texts are sorted by length together; more would show the same neighbours every time.
const POOL_BATCHES: usize = 8;

/// The batches of one epoch: indices of texts.
pub(super) fn epoch(lengths: &[usize], batch: usize, seed: u64, epoch: usize) -> Vec<Vec<usize>> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed ^ (epoch as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.shuffle(&mut generator);
    let mut batches = Vec::new();
    for pool in order.chunks_mut(batch * POOL_BATCHES) {
        pool.sort_by_key(|&text| lengths[text]);
        batches.extend(pool.chunks(batch).map(<[usize]>::to_vec));
    }
    batches.shuffle(&mut generator);
    batches
}

/// Deals a batch to `shards` of about as many tokens each.
pub(super) fn deal(batch: &[usize], shards: usize) -> Vec<Vec<usize>> {
    let mut dealt = vec![Vec::new(); shards];
    for (at, &text) in batch.iter().enumerate() {
        // There and back, so that no shard gets the longer of every pair.
        let (round, place) = (at / shards, at % shards);
        dealt[if round % 2 == 0 { place } else { shards - 1 - place }].push(text);
    }
    dealt.retain(|shard| !shard.is_empty());
    dealt
}
