//! What each column adds to a row's score: exact TreeSHAP.
//!
//! Purpose: Shapley values of a tree in which a column that is not known is averaged over the training rows of both
//! branches (Lundberg et al. 2018, path-dependent).
//!
//! Method: a leaf counts for a set of known columns where the row follows its path in each of them; in the others it counts
//! by the share of training rows. So of the columns on its path only those that the row follows can be known, and all sets
//! of a size are one coefficient of the product of `share + t` over these. Every column that the row does not follow gets
//! the same; the product without one that it follows is a division by its factor.
//!
//! Guarantees: the contributions and the base sum to the raw score; equal to the definition, summed over all subsets,
//! up to rounding; depth is bounded by [`DEPTH_MAX`](super::DEPTH_MAX), so the recursion is too.
//!
//! Non-goals: interaction values; averaging over a background set.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::booster::Booster;
use super::tree::{Node, Reading, Tree};

/// A column on the way down.
#[derive(Debug, Clone, Copy)]
struct Step {
    column: u32,
    /// Share of the training rows that follow the path when the column is not known.
    share: f64,
    /// Whether the row follows it.
    follows: bool,
}

/// The walk through one tree.
struct Walk<'a> {
    tree: &'a Tree,
    row: &'a [f32],
    readings: &'a [Reading],
    scratch: &'a mut Scratch,
    contributions: &'a mut [f64],
}

/// What walks leave to the next one.
#[derive(Default)]
struct Scratch {
    /// The columns from the root to where the walk is, each once.
    path: Vec<Step>,
    /// Coefficients of the product over what the row follows, that of `t⁰` first.
    product: Vec<f64>,
    /// At `[columns][known]`: the share of the orders of so many columns in which a certain one comes right after a certain
    /// set of so many.
    orders: Vec<Vec<f64>>,
}

impl Booster {
    /// What each column adds to the raw score of a row; the last entry is the base, the mean score of the training rows.
    /// All entries sum to [`Booster::raw`].
    pub fn contributions(&self, row: &[f32]) -> Vec<f64> {
        let mut all = vec![0.0; self.columns() + 1];
        self.explain(row, &mut all);
        all
    }

    /// The contributions of many rows (rows × (columns + 1)), on rayon's pool.
    pub fn contributions_batch(&self, rows: ArrayView2<f32>) -> Array2<f64> {
        let rows = rows.as_standard_layout();
        let (count, width) = rows.dim();
        let values = rows.as_slice().unwrap_or_default();
        let mut all = Array2::zeros((count, self.columns() + 1));
        let out = all.as_slice_mut().unwrap_or_default().par_chunks_mut(self.columns() + 1);
        out.enumerate().with_min_len(16).for_each(|(row, out)| {
            self.explain(values.get(row * width..(row + 1) * width).unwrap_or_default(), out);
        });
        all
    }

    fn explain(&self, row: &[f32], contributions: &mut [f64]) {
        let Some((base, contributions)) = contributions.split_last_mut() else { return };
        *base = self.base;
        let mut scratch = Scratch::default();
        for tree in &self.trees {
            *base += tree.mean();
            let walk = &mut Walk { tree, row, readings: &self.readings, scratch: &mut scratch, contributions };
            walk.visit(0);
        }
    }
}

impl Tree {
    /// The mean value of the training rows.
    pub(crate) fn mean(&self) -> f64 {
        let (mut sum, mut all) = (0.0, 0.0);
        for node in &self.nodes {
            if let Node::Leaf { value, rows } = node {
                sum += f64::from(*value) * f64::from(*rows);
                all += f64::from(*rows);
            }
        }
        if all > 0.0 { sum / all } else { 0.0 }
    }
}

impl Walk<'_> {
    fn visit(&mut self, at: usize) {
        match self.tree.nodes.get(at) {
            Some(Node::Leaf { value, .. }) => self.scratch.credit(f64::from(*value), self.contributions),
            Some(&Node::Split { column, test, right, rows, .. }) => {
                let value = self.row.get(column as usize).copied().unwrap_or(f32::NAN);
                let reading = self.readings.get(column as usize).unwrap_or(&Reading::Numeric);
                let goes_left = test.goes_left(value, reading);
                for (child, follows) in [(at + 1, goes_left), (right as usize, !goes_left)] {
                    let reached = self.tree.nodes.get(child).map_or(0.0, |child| f64::from(child.rows()));
                    self.step(child, Step { column, share: reached / f64::from(rows), follows });
                }
            }
            None => {}
        }
    }

    /// Goes on to `child`; a column that was met before stays one column.
    fn step(&mut self, child: usize, step: Step) {
        let before = self.scratch.path.iter().position(|earlier| earlier.column == step.column);
        match before.and_then(|before| Some((before, *self.scratch.path.get(before)?))) {
            Some((before, earlier)) => {
                let (share, follows) = (earlier.share * step.share, earlier.follows && step.follows);
                self.scratch.path[before] = Step { share, follows, ..step };
                self.visit(child);
                self.scratch.path[before] = earlier;
            }
            None => {
                self.scratch.path.push(step);
                self.visit(child);
                self.scratch.path.pop();
            }
        }
    }
}

impl Scratch {
    /// What a leaf of this value adds for each column of the path.
    fn credit(&mut self, value: f64, contributions: &mut [f64]) {
        let Scratch { path, product, orders } = self;
        while orders.len() <= path.len() {
            orders.push(of_orders(orders.len()));
        }
        let orders = orders.get(path.len()).map(Vec::as_slice).unwrap_or_default();
        product.clear();
        product.push(1.0);
        let mut left = value;
        for step in path.iter() {
            if step.follows {
                multiply(product, step.share);
            } else {
                left *= step.share;
            }
        }
        let away = -left * product.iter().zip(orders).map(|(sets, share)| sets * share).sum::<f64>();
        for step in path.iter() {
            let Some(entry) = contributions.get_mut(step.column as usize) else { continue };
            *entry +=
                if step.follows { left * (1.0 - step.share) * divided(product, step.share, orders) } else { away };
        }
    }
}

/// `known! (columns - 1 - known)! / columns!` for every number of known ones.
fn of_orders(columns: usize) -> Vec<f64> {
    let mut shares = Vec::with_capacity(columns);
    let mut share = 1.0 / columns as f64;
    for known in 0..columns {
        shares.push(share);
        share *= (known + 1) as f64 / (columns - 1 - known).max(1) as f64;
    }
    shares
}

/// Multiplies a polynomial by `share + t`.
fn multiply(product: &mut Vec<f64>, share: f64) {
    let mut below = 0.0;
    for coefficient in product.iter_mut() {
        let own = *coefficient;
        *coefficient = own * share + below;
        below = own;
    }
    product.push(below);
}

/// The coefficients of a polynomial divided by `share + t`, which divides it, each times its weight, summed.
fn divided(product: &[f64], share: f64, weights: &[f64]) -> f64 {
    let (mut quotient, mut sum) = (0.0, 0.0);
    for (coefficient, weight) in product.iter().skip(1).zip(weights).rev() {
        quotient = coefficient - share * quotient;
        sum += quotient * weight;
    }
    sum
}
