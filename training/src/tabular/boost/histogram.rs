//! Sums of derivatives per bin, in whole numbers.
//!
//! Purpose: a tree's cost is the time in which these sums are made. Derivatives are scaled to whole numbers once per
//! tree ([`quantise`]) and each bin keeps the sum of first derivatives in one 64-bit word, and that of second
//! derivatives together with the number of rows in another.
//!
//! Guarantees: whole numbers add up to the same whatever the order, so sums do not depend on threads, a sibling is the
//! parent less its brother exactly, and row counts are exact. The scale is such that no sum overflows: first
//! derivatives keep 30 bits relative to the greatest, second derivatives at least 32 bits of their sum.
//!
//! Non-goals: floating-point histograms.

use rayon::prelude::*;

use super::bins::{Binned, LANES};
use super::objective::{Derivatives, Objective};

/// Rows of a task when work on rows is shared between threads; fixed, so that sums of floats are too.
pub(crate) const CHUNK: usize = 8192;
/// Fewer bin updates than this are done by one thread.
const SHARED_UPDATES_MIN: usize = 1 << 16;

/// One row's derivatives, scaled.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pair {
    first: i32,
    second: u32,
}

/// Sums over rows; also one bin of a histogram.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Cell {
    /// First derivatives.
    first: i64,
    /// Second derivatives, shifted left by [`Scale::shift`], plus the number of rows.
    second: u64,
}

impl Cell {
    #[inline]
    pub(crate) fn add(&mut self, other: Cell) {
        self.first = self.first.wrapping_add(other.first);
        self.second = self.second.wrapping_add(other.second);
    }

    #[inline]
    pub(crate) fn less(self, other: Cell) -> Cell {
        Cell { first: self.first.wrapping_sub(other.first), second: self.second.wrapping_sub(other.second) }
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Cell::default()
    }

    /// The sum of first derivatives, scaled.
    #[inline]
    pub(crate) fn first(self) -> f64 {
        self.first as f64
    }

    /// The sum of second derivatives, scaled.
    #[inline]
    pub(crate) fn second(self, scale: &Scale) -> f64 {
        (self.second >> scale.shift) as f64
    }

    #[inline]
    pub(crate) fn rows(self, scale: &Scale) -> u64 {
        self.second & ((1 << scale.shift) - 1)
    }
}

/// What one unit of the scaled derivatives stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) first: f64,
    pub(crate) second: f64,
    /// Bits that count rows.
    shift: u32,
}

impl Scale {
    #[inline]
    fn cell(&self, pair: Pair) -> Cell {
        Cell { first: i64::from(pair.first), second: u64::from(pair.second) << self.shift | 1 }
    }
}

/// The buffers of a tree's derivatives.
pub(crate) struct Gradients {
    derivatives: Vec<Derivatives>,
    pub(crate) pairs: Vec<Pair>,
}

impl Gradients {
    pub(crate) fn new(rows: usize) -> Gradients {
        Gradients { derivatives: vec![[0.0; 2]; rows], pairs: vec![Pair::default(); rows] }
    }

    /// Computes and scales the derivatives at the scores; `None` when there is nothing left to learn from.
    pub(crate) fn update(
        &mut self,
        objective: Objective,
        scores: &[f64],
        targets: &[f32],
        weights: Option<&[f32]>,
    ) -> Option<Scale> {
        let parts: Vec<(Derivatives, f64)> = self
            .derivatives
            .par_chunks_mut(CHUNK)
            .enumerate()
            .map(|(chunk, out)| {
                let rows = chunk * CHUNK..chunk * CHUNK + out.len();
                objective.derive(&scores[rows.clone()], &targets[rows.clone()], weights.map(|w| &w[rows]), out);
                let most = |most: Derivatives, d: &Derivatives| [most[0].max(d[0].abs()), most[1].max(d[1])];
                (out.iter().fold([0.0; 2], most), out.iter().map(|d| f64::from(d[1])).sum())
            })
            .collect();
        let most = parts.iter().fold([0.0_f32; 2], |most, part| [most[0].max(part.0[0]), most[1].max(part.0[1])]);
        let sum: f64 = parts.iter().map(|part| part.1).sum();
        let usable = most[0] > 0.0 && most[0].is_finite() && sum > 0.0 && sum.is_finite();
        if !usable {
            return None;
        }
        let shift = usize::BITS - self.pairs.len().leading_zeros();
        // Powers of two scale a float without rounding it.
        let first = 2f64.powi(29 - exponent(f64::from(most[0])));
        let second_of_sum = (62 - shift as i32).min(50) - exponent(sum);
        let second = 2f64.powi(second_of_sum.min(30 - exponent(f64::from(most[1]))));
        let pairs = self.pairs.par_chunks_mut(CHUNK).zip(self.derivatives.par_chunks(CHUNK));
        pairs.for_each(|(pairs, derivatives)| {
            for (pair, d) in pairs.iter_mut().zip(derivatives) {
                *pair = Pair { first: (f64::from(d[0]) * first) as i32, second: (f64::from(d[1]) * second) as u32 };
            }
        });
        Some(Scale { first: 1.0 / first, second: 1.0 / second, shift })
    }
}

/// The whole number e with 2^e <= value < 2^(e + 1), kept where powers of two are normal numbers.
fn exponent(value: f64) -> i32 {
    (((value.to_bits() >> 52) & 0x7FF) as i32 - 1023).clamp(-900, 900)
}

/// The sums over `rows`.
pub(crate) fn total(pairs: &[Pair], rows: &[u32], scale: &Scale) -> Cell {
    let sum = |mut sum: Cell, row: &u32| {
        sum.add(scale.cell(pairs[*row as usize]));
        sum
    };
    rows.iter().fold(Cell::default(), sum)
}

/// Bins of a group; a few more cells than bins, since arrays 4,096 bytes apart would compete for the same cache lines.
type Lanes = [[Cell; 260]; LANES];

/// Makes histograms of sets of rows.
pub(crate) struct Builder<'a> {
    pub(crate) data: &'a Binned,
    pub(crate) pairs: &'a [Pair],
    pub(crate) scale: Scale,
    /// Groups with a column that takes part in this tree.
    pub(crate) groups: &'a [bool],
}

impl Builder<'_> {
    /// Fills `histogram` with the sums over `rows`; `ordered` is room for their derivatives.
    pub(crate) fn build(&self, rows: &[u32], ordered: &mut Vec<Pair>, histogram: &mut [Cell]) {
        let all = rows.len() == self.pairs.len();
        if !all {
            ordered.clear();
            ordered.extend(rows.iter().map(|row| self.pairs[*row as usize]));
        }
        let pairs = if all { self.pairs } else { ordered.as_slice() };
        let rows = (!all).then_some(rows);
        let shared = pairs.len() * self.data.slots.len() >= SHARED_UPDATES_MIN;
        let mut tasks = Vec::with_capacity(self.data.groups.len());
        let mut rest = histogram;
        for (group, slots) in self.data.slots.chunks(LANES).enumerate() {
            let cells = slots.iter().map(|slot| slot.cells().len()).sum();
            let (cells, others) = rest.split_at_mut(cells);
            rest = others;
            if self.groups[group] {
                tasks.push((group, cells));
            }
        }
        let run = |(group, cells): (usize, &mut [Cell])| self.build_group(group, rows, pairs, cells);
        if shared {
            tasks.into_par_iter().for_each(run);
        } else {
            tasks.into_iter().for_each(run);
        }
    }

    fn build_group(&self, group: usize, rows: Option<&[u32]>, pairs: &[Pair], mut cells: &mut [Cell]) {
        let mut lanes: Lanes = [[Cell::default(); 260]; LANES];
        let bins = &self.data.groups[group];
        match rows {
            Some(rows) => {
                for (&row, &pair) in rows.iter().zip(pairs) {
                    add(&mut lanes, bins[row as usize], self.scale.cell(pair));
                }
            }
            None => {
                for (&bins, &pair) in bins.iter().zip(pairs) {
                    add(&mut lanes, bins, self.scale.cell(pair));
                }
            }
        }
        for (slot, lane) in self.data.slots.iter().skip(group * LANES).zip(&lanes) {
            let (own, others) = std::mem::take(&mut cells).split_at_mut(slot.cells().len());
            own.copy_from_slice(&lane[..own.len()]);
            cells = others;
        }
    }
}

#[inline]
fn add(lanes: &mut Lanes, bins: [u8; LANES], cell: Cell) {
    for (lane, bin) in lanes.iter_mut().zip(bins) {
        lane[bin as usize].add(cell);
    }
}

/// Turns a parent's histogram into that of the child whose brother is given.
pub(crate) fn subtract(parent: &mut [Cell], brother: &[Cell]) {
    for (cell, other) in parent.iter_mut().zip(brother) {
        *cell = cell.less(*other);
    }
}
