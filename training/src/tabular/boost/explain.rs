//! What each column adds to a row's score: exact TreeSHAP.
//!
//! Purpose: Shapley values of a tree in which a column that is not known is averaged over the training rows of both
//! branches (Lundberg et al. 2018, path-dependent).
//!
//! Method: a leaf counts for a set of known columns where the row follows its path in each of them; in the others it counts
//! by the share of training rows. The weight of a set of `k` of `n - 1` columns, `k! (n - 1 - k)! / n!`, is the integral of
//! `x^k (1 - x)^(n - 1 - k)` from 0 to 1, so the sum over all sets is the integral of a product with one factor for each
//! column. It is a polynomial of degree `n - 1`: Gauss and Legendre's rule with half as many nodes is exact, and every term
//! of it is positive, so nothing cancels however long the path.
//!
//! Guarantees: the contributions and the base sum to the raw score; equal to the definition, summed over all subsets,
//! up to rounding; depth is bounded by [`DEPTH_MAX`](super::DEPTH_MAX), so the recursion is too.
//!
//! Non-goals: interaction values; averaging over a background set.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::booster::Booster;
use super::tree::{Node, Reading, Tree};

/// Steps that bring a node to the last bit from where it is begun.
const NEWTON_STEPS: usize = 8;

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

/// A node of a rule of quadrature between 0 and 1.
#[derive(Debug, Clone, Copy)]
struct Abscissa {
    at: f64,
    weight: f64,
}

/// What walks leave to the next one.
#[derive(Default)]
struct Scratch {
    /// The columns from the root to where the walk is, each once.
    path: Vec<Step>,
    /// At each node the product over the columns of the path that the row follows.
    products: Vec<f64>,
    /// The rule for each number of columns.
    rules: Vec<Vec<Abscissa>>,
}

impl Booster {
    /// What each column adds to the raw score of a row; the last entry is the base, the mean score of the training rows.
    /// All entries sum to [`Booster::raw`].
    pub fn contributions(&self, row: &[f32]) -> Vec<f64> {
        let mut all = vec![0.0; self.columns() + 1];
        self.explain(row, &mut Scratch::default(), &mut all);
        all
    }

    /// The contributions of many rows (rows × (columns + 1)), on rayon's pool.
    pub fn contributions_batch(&self, rows: ArrayView2<f32>) -> Array2<f64> {
        let rows = rows.as_standard_layout();
        let (count, width) = rows.dim();
        let values = rows.as_slice().unwrap_or_default();
        let mut all = Array2::zeros((count, self.columns() + 1));
        let out = all.as_slice_mut().unwrap_or_default().par_chunks_mut(self.columns() + 1);
        out.enumerate().with_min_len(16).for_each_init(Scratch::default, |scratch, (row, out)| {
            self.explain(values.get(row * width..(row + 1) * width).unwrap_or_default(), scratch, out);
        });
        all
    }

    fn explain(&self, row: &[f32], scratch: &mut Scratch, contributions: &mut [f64]) {
        let Some((base, contributions)) = contributions.split_last_mut() else { return };
        *base = self.base;
        for tree in &self.trees {
            *base += tree.mean();
            Walk { tree, row, readings: &self.readings, scratch, contributions }.visit(0);
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
        let Scratch { path, products, rules } = self;
        while rules.len() <= path.len() {
            rules.push(rule(rules.len().div_ceil(2)));
        }
        let rule = rules.get(path.len()).map(Vec::as_slice).unwrap_or_default();
        let followed = path.iter().filter(|step| step.follows).count();
        let apart = path.len() - followed;
        let left: f64 = value * path.iter().filter(|step| !step.follows).map(|step| step.share).product::<f64>();
        products.clear();
        products.extend(rule.iter().map(|node| {
            let factors = path.iter().filter(|step| step.follows).map(|step| step.factor(node.at));
            node.weight * factors.product::<f64>() * (1.0 - node.at).powi(apart.saturating_sub(1) as i32)
        }));
        let away = -left * products.iter().sum::<f64>();
        if apart > 0 {
            products.iter_mut().zip(rule).for_each(|(product, node)| *product *= 1.0 - node.at);
        }
        for step in path.iter() {
            let Some(entry) = contributions.get_mut(step.column as usize) else { continue };
            *entry += if step.follows {
                let others = products.iter().zip(rule).map(|(product, node)| product / step.factor(node.at));
                left * (1.0 - step.share) * others.sum::<f64>()
            } else {
                away
            };
        }
    }
}

impl Step {
    fn factor(self, at: f64) -> f64 {
        self.share * (1.0 - at) + at
    }
}

/// Gauss and Legendre's rule with so many nodes between 0 and 1, exact for polynomials of degree `2 nodes - 1`; each node
/// by Newton's method from Tricomi's estimate.
fn rule(nodes: usize) -> Vec<Abscissa> {
    let count = nodes as f64;
    let node = |place: usize| {
        let mut x = (std::f64::consts::PI * (place as f64 + 0.75) / (count + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..NEWTON_STEPS {
            let (mut below, mut value) = (1.0, x);
            for degree in 2..=nodes {
                let degree = degree as f64;
                (below, value) = (value, ((2.0 * degree - 1.0) * x * value - (degree - 1.0) * below) / degree);
            }
            slope = count * (x * value - below) / (x * x - 1.0);
            x -= value / slope;
        }
        Abscissa { at: 0.5 * (1.0 - x), weight: 1.0 / ((1.0 - x * x) * slope * slope) }
    };
    (0..nodes).map(node).collect()
}
