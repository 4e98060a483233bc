//! From values to bins: where each column is cut, and the binned matrix that trees are grown on.
//!
//! Purpose: numeric columns are cut at quantiles (each frequent value gets a bin of its own), categories get a bin each,
//! the most frequent first. The last bin of every column holds what is missing; for categories also what is too rare
//! to have a bin.
//!
//! Guarantees: a cut lies at or above the greatest training value below it and below the next, so training rows fall on
//! the same side whether the bin or the value is compared; columns that say nothing are left out; every value of the
//! records is checked.
//!
//! Non-goals: sparse data; bundling of exclusive columns.

use rayon::prelude::*;

use super::error::BoostError;
use super::params::{BoostValidParams, Column};

/// The greatest code of a category; codes are looked up in a table of this length at most.
pub const CATEGORY_MAX: u32 = (1 << 20) - 1;

/// Columns whose bins lie side by side in the matrix, so that one read serves all of them.
pub(crate) const LANES: usize = 4;

/// Rows that quantiles are computed from; with more, they are drawn evenly.
const SAMPLE_ROWS: usize = 200_000;

/// Records in row-major order.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) width: usize,
}

impl<'a> Matrix<'a> {
    pub(crate) fn rows(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    pub(crate) fn row(&self, row: usize) -> &'a [f32] {
        self.values.get(row * self.width..(row + 1) * self.width).unwrap_or_default()
    }

    fn column(&self, column: usize) -> impl Iterator<Item = f32> + 'a {
        self.values.iter().skip(column).step_by(self.width.max(1)).copied()
    }
}

/// The categories that have a bin, and how to find it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Categories {
    /// The code of each bin.
    pub(crate) codes: Vec<u32>,
    /// The bin of each low code; `codes.len()` where it has none.
    table: Vec<u8>,
    /// The codes beyond the table in ascending order, each with its bin: a table for them would waste memory.
    sparse: Vec<(u32, u8)>,
}

impl Categories {
    /// At most 255 distinct codes of at most [`CATEGORY_MAX`]; `None` otherwise.
    pub(crate) fn new(codes: Vec<u32>) -> Option<Categories> {
        let other = u8::try_from(codes.len()).ok()?;
        let mut sparse: Vec<(u32, u8)> = codes.iter().copied().zip(0..other).collect();
        sparse.sort_unstable();
        let distinct = sparse.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if !distinct || sparse.last().is_some_and(|last| last.0 > CATEGORY_MAX) {
            return None;
        }
        let table_max = 64 + 16 * codes.len() as u32;
        let low = sparse.partition_point(|entry| entry.0 < table_max);
        let length = sparse.get(..low)?.last().map_or(0, |last| last.0 as usize + 1);
        let mut table = vec![other; length];
        for (code, bin) in sparse.drain(..low) {
            *table.get_mut(code as usize)? = bin;
        }
        Some(Categories { codes, table, sparse })
    }

    /// The bin of a value; the last one, `codes.len()`, for anything without a bin.
    #[inline]
    pub(crate) fn bin(&self, value: f32) -> u8 {
        // -1 < value < 0 would be truncated to code 0; NaN fails the comparison.
        let code = if value >= 0.0 { value as usize } else { usize::MAX };
        match self.table.get(code) {
            Some(bin) => *bin,
            None => self.bin_of_high(code),
        }
    }

    fn bin_of_high(&self, code: usize) -> u8 {
        let found = self.sparse.binary_search_by_key(&code, |entry| entry.0 as usize);
        found.ok().and_then(|at| self.sparse.get(at)).map_or(self.codes.len() as u8, |entry| entry.1)
    }
}

/// How one column is cut.
#[derive(Debug, Clone)]
pub(crate) enum Cuts {
    /// The greatest value of every bin but the last.
    Numeric { edges: Vec<f32>, monotone: i8 },
    /// One bin per category.
    Categorical(Categories),
}

impl Cuts {
    /// Bins of present values; one more holds the missing ones.
    pub(crate) fn present(&self) -> usize {
        match self {
            Cuts::Numeric { edges, .. } => edges.len() + 1,
            Cuts::Categorical(categories) => categories.codes.len(),
        }
    }

    /// The greatest number in a bin: infinity in the last.
    pub(crate) fn greatest(&self, bin: usize) -> f32 {
        match self {
            Cuts::Numeric { edges, .. } => edges.get(bin).copied().unwrap_or(f32::INFINITY),
            Cuts::Categorical(_) => f32::INFINITY,
        }
    }

    #[inline]
    fn bin(&self, value: f32) -> u8 {
        match self {
            Cuts::Numeric { edges, .. } if value.is_nan() => (edges.len() + 1) as u8,
            Cuts::Numeric { edges, .. } => edges.partition_point(|edge| *edge < value) as u8,
            Cuts::Categorical(categories) => categories.bin(value),
        }
    }
}

/// A column that takes part in training.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// Its index in the records.
    pub(crate) column: usize,
    pub(crate) cuts: Cuts,
    /// Its first cell in a histogram.
    pub(crate) offset: usize,
}

impl Slot {
    /// Its cells in a histogram.
    pub(crate) fn cells(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.cuts.present() + 1
    }
}

/// The binned training rows.
pub(crate) struct Binned {
    pub(crate) slots: Vec<Slot>,
    /// The bins of slots 0 to 3 of every row, then those of slots 4 to 7, ….
    pub(crate) groups: Vec<Vec<[u8; LANES]>>,
    /// Cells of a histogram.
    pub(crate) cells: usize,
}

impl Binned {
    /// Cuts and bins the records.
    ///
    /// # Errors
    /// [`BoostError::Infinite`], [`BoostError::Category`], [`BoostError::Constant`].
    pub(crate) fn new(records: Matrix, columns: &[Column], params: &BoostValidParams) -> Result<Binned, BoostError> {
        let cut = |(column, kind): (usize, &Column)| cut(records, column, *kind, params);
        let cuts = columns.par_iter().enumerate().map(cut).collect::<Result<Vec<_>, BoostError>>()?;
        let mut cells = 0;
        let mut slots = Vec::new();
        for (column, cuts) in cuts.into_iter().enumerate() {
            if let Some(cuts) = cuts {
                let slot = Slot { column, cuts, offset: cells };
                cells = slot.cells().end;
                slots.push(slot);
            }
        }
        if slots.is_empty() {
            return Err(BoostError::Constant { columns: columns.len() });
        }
        let groups = slots.par_chunks(LANES).map(|slots| group(records, slots)).collect();
        Ok(Binned { slots, groups, cells })
    }
}

fn group(records: Matrix, slots: &[Slot]) -> Vec<[u8; LANES]> {
    let bins = |row: &[f32]| {
        let mut bins = [0; LANES];
        for (bin, slot) in bins.iter_mut().zip(slots) {
            *bin = row.get(slot.column).map_or(0, |value| slot.cuts.bin(*value));
        }
        bins
    };
    records.values.par_chunks_exact(records.width).with_min_len(4096).map(bins).collect()
}

/// Cuts one column; `None` when it is the same in every row.
fn cut(records: Matrix, column: usize, kind: Column, params: &BoostValidParams) -> Result<Option<Cuts>, BoostError> {
    match kind {
        Column::Numeric { monotone } => {
            let missing = check_numbers(records, column)?;
            let distinct = distinct_values(records, column);
            let edges = edges(&distinct, params.bins_max - 1, params.bin_rows_min);
            let says_something = !edges.is_empty() || (missing && !distinct.is_empty());
            Ok(says_something.then_some(Cuts::Numeric { edges, monotone }))
        }
        Column::Categorical => {
            let (counts, missing) = count_categories(records, column)?;
            let mut codes: Vec<u32> = (0..).zip(&counts).filter(|(_, n)| **n > 0).map(|(code, _)| code).collect();
            let several = codes.len() + usize::from(missing) > 1;
            codes.sort_by_key(|&code| std::cmp::Reverse(counts.get(code as usize).copied()));
            codes.truncate(params.bins_max - 1);
            let cuts = Categories::new(codes).filter(|_| several).map(Cuts::Categorical);
            Ok(cuts.filter(|cuts| cuts.present() > 0))
        }
    }
}

/// Whether a value is missing.
fn check_numbers(records: Matrix, column: usize) -> Result<bool, BoostError> {
    let mut missing = false;
    for (row, value) in records.column(column).enumerate() {
        missing |= value.is_nan();
        if value.is_infinite() {
            return Err(BoostError::Infinite { row, column });
        }
    }
    Ok(missing)
}

/// How often each code occurs, and whether a value is missing.
fn count_categories(records: Matrix, column: usize) -> Result<(Vec<u32>, bool), BoostError> {
    let mut counts: Vec<u32> = Vec::new();
    let mut missing = false;
    for (row, value) in records.column(column).enumerate() {
        if value.is_nan() {
            missing = true;
            continue;
        }
        if !(value >= 0.0 && value <= CATEGORY_MAX as f32 && value.fract() == 0.0) {
            return Err(BoostError::Category { row, column, value, most: CATEGORY_MAX });
        }
        let code = value as usize;
        if code >= counts.len() {
            counts.resize(code + 1, 0);
        }
        counts[code] += 1;
    }
    Ok((counts, missing))
}

/// The distinct present values in ascending order, each with its number of rows.
fn distinct_values(records: Matrix, column: usize) -> Vec<(f32, usize)> {
    let rows = records.rows();
    let step = rows.div_ceil(SAMPLE_ROWS).max(1);
    let mut keys: Vec<u32> =
        records.column(column).step_by(step).filter(|value| !value.is_nan()).map(|v| key(v + 0.0)).collect();
    keys.sort_unstable();
    keys.chunk_by(|a, b| a == b).filter_map(|run| Some((value(*run.first()?), run.len()))).collect()
}

/// Bits that sort as the number does.
fn key(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// The number of a [`key`].
fn value(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & !(1 << 31) } else { !key })
}

/// Cuts between distinct values so that at most `most` bins arise, of `rows_min` rows or more and of even size as far
/// as the frequent values allow.
fn edges(distinct: &[(f32, usize)], most: usize, rows_min: usize) -> Vec<f32> {
    let total: usize = distinct.iter().map(|d| d.1).sum();
    let all = distinct.len() <= most;
    let frequent = |rows: usize| !all && rows * most >= total;
    let (mut rest_rows, mut rest_bins) = (total, most);
    for &(_, rows) in distinct {
        if frequent(rows) {
            rest_rows -= rows;
            rest_bins = rest_bins.saturating_sub(1);
        }
    }
    let mut edges = Vec::new();
    let mut rows_in_bin = 0;
    for pair in distinct.windows(2) {
        let [(low, rows), (high, rows_next)] = *pair else { break };
        rows_in_bin += rows;
        if !frequent(rows) {
            rest_rows -= rows;
        }
        let even = rest_rows.saturating_add(rows_in_bin).div_ceil(rest_bins.max(1));
        let full = if all {
            true
        } else {
            frequent(rows) || rows_in_bin >= even || (frequent(rows_next) && 2 * rows_in_bin >= even)
        };
        if full && rows_in_bin >= rows_min {
            edges.push(between(low, high));
            if !frequent(rows) {
                rest_bins = rest_bins.saturating_sub(1);
            }
            rows_in_bin = 0;
            if edges.len() + 1 >= most {
                break;
            }
        }
    }
    edges
}

/// A cut with `low <= cut < high`.
fn between(low: f32, high: f32) -> f32 {
    let middle = ((f64::from(low) + f64::from(high)) / 2.0) as f32;
    if middle < high { middle } else { low }
}
