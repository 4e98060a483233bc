//! Attention of one sequence over itself, head by head, in single precision.
//!
//! Guarantees: nothing outside of the sequence is read or written, so no mask and no padding is needed; a sequence's
//! result does not depend on its neighbours. Non-goals: other masks than none.

use crate::buffer::Buffer;
use crate::lanes::Lanes;
use crate::math;

/// A score that no softmax notices, and no infinity.
const NEVER: f32 = -1e30;
/// Queries that are worked on together.
const QUERIES: usize = 4;
/// Vectors of keys, or of a head's columns, that are worked on together.
const VECTORS: usize = 2;

/// The sizes of the heads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heads {
    pub(crate) count: usize,
    /// Columns of a head, padded to a multiple of sixteen.
    pub(crate) width: usize,
    /// Columns of all heads, padded; queries, keys and values follow one another in rows of three times this.
    pub(crate) stride: usize,
}

/// Memory that is used again: the keys of a head, transposed, and the scores of a few queries.
pub(crate) struct Room {
    keys: Buffer<f32>,
    scores: Buffer<f32>,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self { keys: Buffer::new(), scores: Buffer::new() }
    }
}

/// `qkv` and `out` are the rows of one sequence; queries come already scaled.
#[inline(always)]
pub(crate) fn attend<L: Lanes>(l: L, heads: Heads, qkv: &[f32], room: &mut Room, out: &mut [f32]) {
    let tokens = qkv.len() / (3 * heads.stride);
    let padded = tokens.next_multiple_of(VECTORS * 16);
    room.keys.grow(padded * heads.width);
    room.scores.grow(padded * QUERIES);
    for row in out.chunks_exact_mut(heads.stride).take(tokens) {
        row[heads.count * heads.width..].fill(0.0);
    }
    for number in 0..heads.count {
        let head = Head { heads, column: number * heads.width, tokens, padded, qkv };
        let keys = &mut room.keys.all_mut()[..padded * heads.width];
        head.transpose_keys(l, keys);
        let scores = &mut room.scores.all_mut()[..padded * QUERIES];
        let mut query = 0;
        while query < tokens {
            query += match tokens - query {
                QUERIES.. => head.answer::<L, QUERIES>(l, query, keys, scores, out),
                3 => head.answer::<L, 3>(l, query, keys, scores, out),
                2 => head.answer::<L, 2>(l, query, keys, scores, out),
                _ => head.answer::<L, 1>(l, query, keys, scores, out),
            };
        }
    }
}

#[derive(Clone, Copy)]
struct Head<'a> {
    heads: Heads,
    column: usize,
    tokens: usize,
    padded: usize,
    qkv: &'a [f32],
}

impl Head<'_> {
    /// The row of a token from the head's query (0), key (1) or value (2) on.
    #[inline(always)]
    fn part(&self, token: usize, which: usize) -> &[f32] {
        &self.qkv[token * 3 * self.heads.stride + which * self.heads.stride + self.column..]
    }

    #[inline(always)]
    fn transpose_keys<L: Lanes>(&self, l: L, keys: &mut [f32]) {
        let whole = self.tokens / L::WIDTH * L::WIDTH;
        for column in (0..self.heads.width).step_by(L::WIDTH) {
            for token in (0..whole).step_by(L::WIDTH) {
                let from = &self.part(token, 1)[column..];
                let to = &mut keys[column * self.padded + token..];
                l.transpose(from, 3 * self.heads.stride, to, self.padded);
            }
        }
        for token in whole..self.tokens {
            let from = &self.part(token, 1)[..self.heads.width];
            for (column, &key) in from.iter().enumerate() {
                keys[column * self.padded + token] = key;
            }
        }
        // What an earlier sequence left must not be a NaN times zero: the scores there are overwritten, but cheap to
        // keep finite.
        for column in keys.chunks_exact_mut(self.padded) {
            column[self.tokens..].fill(0.0);
        }
    }

    /// `R` queries from `query` on; gives `R`.
    #[inline(always)]
    fn answer<L: Lanes, const R: usize>(
        &self,
        l: L,
        query: usize,
        keys: &[f32],
        scores: &mut [f32],
        out: &mut [f32],
    ) -> usize {
        self.score::<L, R>(l, query, keys, scores);
        let mut factors = [0.0; R];
        for (scores, factor) in scores.chunks_exact_mut(self.padded).zip(&mut factors) {
            *factor = softmax(l, scores, self.tokens);
        }
        let mut column = 0;
        while column < self.heads.width {
            column += if self.heads.width - column >= VECTORS * L::WIDTH {
                self.mix::<L, R, VECTORS>(l, query, column, scores, &factors, out)
            } else {
                self.mix::<L, R, 1>(l, query, column, scores, &factors, out)
            };
        }
        R
    }

    #[inline(always)]
    fn score<L: Lanes, const R: usize>(&self, l: L, query: usize, keys: &[f32], scores: &mut [f32]) {
        for token in (0..self.padded).step_by(VECTORS * L::WIDTH) {
            let mut sums = [[l.splat(0.0); VECTORS]; R];
            for (column, keys) in keys.chunks_exact(self.padded).enumerate() {
                let keys = &keys[token..][..VECTORS * L::WIDTH];
                let loaded = [l.load(keys), l.load(&keys[L::WIDTH..])];
                for (i, sums) in sums.iter_mut().enumerate() {
                    let q = l.splat(self.part(query + i, 0)[column]);
                    for (sum, &key) in sums.iter_mut().zip(&loaded) {
                        *sum = l.fma(q, key, *sum);
                    }
                }
            }
            for (i, sums) in sums.iter().enumerate() {
                for (j, &sum) in sums.iter().enumerate() {
                    l.store(sum, &mut scores[i * self.padded + token + j * L::WIDTH..]);
                }
            }
        }
    }

    #[inline(always)]
    fn mix<L: Lanes, const R: usize, const P: usize>(
        &self,
        l: L,
        query: usize,
        column: usize,
        scores: &[f32],
        factors: &[f32; R],
        out: &mut [f32],
    ) -> usize {
        let mut sums = [[l.splat(0.0); P]; R];
        for token in 0..self.tokens {
            let values = &self.part(token, 2)[column..][..P * L::WIDTH];
            let mut loaded = [l.splat(0.0); P];
            for (j, loaded) in loaded.iter_mut().enumerate() {
                *loaded = l.load(&values[j * L::WIDTH..]);
            }
            for (i, sums) in sums.iter_mut().enumerate() {
                let p = l.splat(scores[i * self.padded + token]);
                for (sum, &value) in sums.iter_mut().zip(&loaded) {
                    *sum = l.fma(p, value, *sum);
                }
            }
        }
        for (i, (sums, &factor)) in sums.iter().zip(factors).enumerate() {
            for (j, &sum) in sums.iter().enumerate() {
                let at = (query + i) * self.heads.stride + self.column + column + j * L::WIDTH;
                l.store(l.mul(sum, l.splat(factor)), &mut out[at..]);
            }
        }
        P * L::WIDTH
    }
}

/// Leaves the exponentials in place and gives what they must be multiplied with.
#[inline(always)]
fn softmax<L: Lanes>(l: L, scores: &mut [f32], tokens: usize) -> f32 {
    scores[tokens..].fill(NEVER);
    let mut highest = l.splat(NEVER);
    for scores in scores.chunks_exact(L::WIDTH) {
        highest = l.max(highest, l.load(scores));
    }
    let highest = l.splat(l.highest(highest));
    let mut sum = l.splat(0.0);
    for scores in scores.chunks_exact_mut(L::WIDTH) {
        let e = math::exp(l, l.sub(l.load(scores), highest));
        sum = l.add(sum, e);
        l.store(e, scores);
    }
    1.0 / l.sum(sum)
}
