//! The best split of a leaf.
//!
//! Purpose: from a leaf's histogram, find the column and the cut that lower the loss most: the gain of Chen & Guestrin
//! 2016, `G_l²/(H_l+λ) + G_r²/(H_r+λ) - G²/(H+λ)`.
//!
//! Guarantees: both children keep the fewest rows (counted exactly) and the least weight; rows with a missing value go
//! to the side where they lower the loss more, and where a leaf has none, to the side with more rows; the first of equal
//! splits wins, so the choice does not depend on threads; under a monotone constraint the children's values are in
//! order and stay within the leaf's bounds.
//!
//! Non-goals: exact splits between raw values.

use super::bins::{Binned, Cuts};
use super::histogram::{Cell, Scale};
use super::params::BoostValidParams;
use super::split_category;

/// A gain below this share of the leaf's own score is rounding.
const GAIN_SHARE_MIN: f64 = 1e-10;

/// Which rows go left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rule {
    /// Bins up to this one, and perhaps the missing ones.
    AtMost { bin: usize, missing_left: bool },
    /// The bins in this set. The last bin, of what is missing, is never in it.
    In { set: [u64; 4] },
}

/// A split that was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Split {
    pub(crate) gain: f64,
    pub(crate) slot: usize,
    pub(crate) rule: Rule,
    pub(crate) left: Cell,
    /// The children's values.
    pub(crate) values: [f64; 2],
    /// The children's bounds, from monotone constraints.
    pub(crate) bounds: [[f64; 2]; 2],
}

/// A leaf to be split.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) total: Cell,
    pub(crate) bounds: [f64; 2],
}

/// A candidate on one column: score of the children (without the leaf's own), rule, sums on the left, penalty.
#[derive(Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) score: f64,
    pub(crate) rule: Rule,
    pub(crate) left: Cell,
    pub(crate) l2: f64,
}

/// The rules that hold for all leaves of a tree, in scaled units.
pub(crate) struct Finder<'a> {
    pub(crate) data: &'a Binned,
    pub(crate) params: &'a BoostValidParams,
    pub(crate) scale: Scale,
    /// Slots that take part in this tree.
    pub(crate) active: &'a [bool],
    /// Whether any column is monotone, so that values must respect bounds.
    pub(crate) bounded: bool,
}

impl Finder<'_> {
    /// The best split of a leaf, if one helps.
    pub(crate) fn find(&self, node: Node, histogram: &[Cell]) -> Option<Split> {
        let rows_min = self.params.leaf_rows_min as u64;
        if node.total.rows(&self.scale) < rows_min.saturating_mul(2) {
            return None;
        }
        let own = self.score(node.total, self.params.l2, node.bounds);
        let mut best: Option<(usize, Candidate)> = None;
        for (slot, active) in self.data.slots.iter().enumerate().zip(self.active) {
            let (index, slot) = slot;
            let Some(cells) = histogram.get(slot.cells()).filter(|_| *active) else { continue };
            let found = match &slot.cuts {
                Cuts::Numeric { monotone, .. } => self.numeric(node, cells, *monotone),
                Cuts::Categorical(_) => split_category::find(self, node, cells),
            };
            if let Some(found) = found
                && best.as_ref().is_none_or(|(_, best)| found.score > best.score)
            {
                best = Some((index, found));
            }
        }
        let (slot, candidate) = best?;
        // Scaled sums squared over scaled sums: back to the unit of the loss.
        let gain = (candidate.score - own) * self.scale.first * self.scale.first / self.scale.second;
        let rounding = own.abs() * GAIN_SHARE_MIN * self.scale.first * self.scale.first / self.scale.second;
        (gain > self.params.gain_min.max(rounding)).then(|| self.complete(node, slot, candidate, gain))
    }

    fn complete(&self, node: Node, slot: usize, candidate: Candidate, gain: f64) -> Split {
        let Candidate { rule, left, l2, .. } = candidate;
        let right = node.total.less(left);
        let values = [self.value(left, l2, node.bounds), self.value(right, l2, node.bounds)];
        let mut bounds = [node.bounds; 2];
        let monotone = match self.data.slots.get(slot).map(|slot| &slot.cuts) {
            Some(Cuts::Numeric { monotone, .. }) => *monotone,
            _ => 0,
        };
        // Whatever is grown below, the children's sides of the middle keep them in order.
        let middle = (values[0] + values[1]) / 2.0;
        match monotone {
            1 => (bounds[0][1], bounds[1][0]) = (middle, middle),
            -1 => (bounds[0][0], bounds[1][1]) = (middle, middle),
            _ => {}
        }
        Split { gain, slot, rule, left, values, bounds }
    }

    /// The value of a leaf with these sums, in the unit of the raw score.
    pub(crate) fn value(&self, sums: Cell, l2: f64, bounds: [f64; 2]) -> f64 {
        let weight = sums.second(&self.scale) * self.scale.second + l2;
        if weight <= 0.0 {
            return 0.0_f64.clamp(bounds[0], bounds[1]);
        }
        (-sums.first() * self.scale.first / weight).clamp(bounds[0], bounds[1])
    }

    /// What a leaf with these sums takes off the loss, times two, in scaled units.
    pub(crate) fn score(&self, sums: Cell, l2: f64, bounds: [f64; 2]) -> f64 {
        let weight = sums.second(&self.scale) + l2 / self.scale.second;
        if weight <= 0.0 {
            return 0.0;
        }
        if !self.bounded {
            return sums.first() * sums.first() / weight;
        }
        // In scaled units a value is (first / second) times what it is in the unit of the raw score.
        let value = self.value(sums, l2, bounds) * self.scale.second / self.scale.first;
        -(2.0 * sums.first() * value + weight * value * value)
    }

    /// Whether both sides of a split keep the fewest rows and the least weight; `Err` when no further row can help,
    /// since the right side only shrinks.
    pub(crate) fn allows(&self, left: Cell, right: Cell) -> Result<bool, ()> {
        let rows_min = self.params.leaf_rows_min as u64;
        let weight_min = self.params.leaf_weight_min / self.scale.second;
        if right.rows(&self.scale) < rows_min || right.second(&self.scale) < weight_min {
            return Err(());
        }
        Ok(left.rows(&self.scale) >= rows_min && left.second(&self.scale) >= weight_min)
    }

    fn numeric(&self, node: Node, cells: &[Cell], monotone: i8) -> Option<Candidate> {
        let (missing, present) = cells.split_last()?;
        let scan = |start: Cell, present: &[Cell]| {
            if self.bounded {
                self.scan_bounded(node, start, present, monotone)
            } else {
                self.scan(node, start, present)
            }
        };
        let candidate = |(bin, left, score): (usize, Cell, f64), missing_left| Candidate {
            score,
            rule: Rule::AtMost { bin, missing_left },
            left,
            l2: self.params.l2,
        };
        if missing.is_empty() {
            let (bin, left, score) = scan(Cell::default(), present)?;
            let left_has_more = 2 * left.rows(&self.scale) > node.total.rows(&self.scale);
            return Some(candidate((bin, left, score), left_has_more));
        }
        let right = scan(Cell::default(), present).map(|found| candidate(found, false));
        // With the missing rows on the left, the right needs a present bin.
        let left = scan(*missing, &present[..present.len().saturating_sub(1)]).map(|found| candidate(found, true));
        match (right, left) {
            (Some(right), Some(left)) if left.score > right.score => Some(left),
            (Some(right), _) => Some(right),
            (None, left) => left,
        }
    }

    /// The best cut after one of the `present` bins, with `start` on the left from the outset: bin, sums on the left,
    /// score. Scores are compared as fractions, multiplied out, since dividing would take most of the time.
    fn scan(&self, node: Node, start: Cell, present: &[Cell]) -> Option<(usize, Cell, f64)> {
        let l2 = self.params.l2 / self.scale.second;
        let (first, second) = (node.total.first(), node.total.second(&self.scale) + l2);
        let (rows, rows_min) = (node.total.rows(&self.scale), self.params.leaf_rows_min as u64);
        let weight_min = self.params.leaf_weight_min / self.scale.second + l2;
        let mut left = start;
        let mut best = None;
        let (mut best_over, mut best_under) = (-1.0, 1.0);
        for (bin, cell) in present.iter().enumerate() {
            if cell.is_empty() {
                continue;
            }
            left.add(*cell);
            let left_rows = left.rows(&self.scale);
            if left_rows < rows_min {
                continue;
            }
            if rows - left_rows < rows_min {
                break;
            }
            let (g_left, h_left) = (left.first(), left.second(&self.scale) + l2);
            let (g_right, h_right) = (first - g_left, second + l2 - h_left);
            if h_left < weight_min || h_right < weight_min {
                continue;
            }
            let over = g_left * g_left * h_right + g_right * g_right * h_left;
            let under = h_left * h_right;
            if over * best_under > best_over * under {
                (best_over, best_under) = (over, under);
                best = Some((bin, left));
            }
        }
        best.map(|(bin, left)| (bin, left, best_over / best_under)).filter(|found| found.2.is_finite())
    }

    /// As [`Self::scan`], with values kept within the leaf's bounds and in the order of the constraint.
    fn scan_bounded(&self, node: Node, start: Cell, present: &[Cell], monotone: i8) -> Option<(usize, Cell, f64)> {
        let l2 = self.params.l2;
        let mut left = start;
        let mut best: Option<(usize, Cell, f64)> = None;
        for (bin, cell) in present.iter().enumerate() {
            if cell.is_empty() {
                continue;
            }
            left.add(*cell);
            let right = node.total.less(left);
            match self.allows(left, right) {
                Err(()) => break,
                Ok(false) => continue,
                Ok(true) => {}
            }
            let rise = self.value(right, l2, node.bounds) - self.value(left, l2, node.bounds);
            if f64::from(monotone) * rise < 0.0 {
                continue;
            }
            let score = self.score(left, l2, node.bounds) + self.score(right, l2, node.bounds);
            if best.is_none_or(|best| score > best.2) {
                best = Some((bin, left, score));
            }
        }
        best.filter(|found| found.2.is_finite())
    }
}
