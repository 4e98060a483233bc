//! What each column adds to a row's score: exact TreeSHAP.
//!
//! Purpose: Shapley values of a tree in which a column that is not known is averaged over the training rows of both
//! branches (Lundberg et al. 2018, algorithm 2, path-dependent). One pass down the tree carries, for every number of
//! known columns, the share of their orders in which the path is taken.
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
    /// None at the root.
    column: Option<u32>,
    /// Share of the training rows that follow the path when the column is not known.
    unknown: f64,
    /// 1 if the row follows the path when the column is known, else 0.
    known: f64,
    /// Share of the orders of columns, for one number of known ones.
    weight: f64,
}

/// The walk through one tree.
struct Walk<'a> {
    tree: &'a Tree,
    row: &'a [f32],
    readings: &'a [Reading],
    /// The paths from the root to where the walk is, one behind the other.
    steps: Vec<Step>,
    contributions: &'a mut [f64],
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
        let mut steps = Vec::new();
        for tree in &self.trees {
            *base += tree.mean();
            steps.clear();
            let mut walk = Walk { tree, row, readings: &self.readings, steps, contributions };
            walk.visit(0, 0, Step { column: None, unknown: 1.0, known: 1.0, weight: 0.0 });
            steps = walk.steps;
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
    /// Goes down from node `at`; `start` is where the parent's path begins in `steps`, `step` leads to this node.
    fn visit(&mut self, at: usize, start: usize, mut step: Step) {
        let own = self.steps.len();
        self.steps.extend_from_within(start..);
        // A column met before: its earlier step is taken back, and the two shares are multiplied.
        let before = self.steps[own..].iter().position(|other| other.column.is_some() && other.column == step.column);
        if let Some(before) = before {
            let earlier = unwind(&mut self.steps, own, before);
            step.unknown *= earlier.unknown;
            step.known *= earlier.known;
        }
        extend(&mut self.steps, own, step);
        match self.tree.nodes.get(at) {
            Some(Node::Leaf { value, .. }) => {
                let path = &self.steps[own..];
                for index in 1..path.len() {
                    let Step { column, unknown, known, .. } = path[index];
                    let entry = column.and_then(|column| self.contributions.get_mut(column as usize));
                    if let Some(entry) = entry {
                        *entry += unwound_weight(path, index) * (known - unknown) * f64::from(*value);
                    }
                }
            }
            Some(&Node::Split { column, test, right, rows, .. }) => {
                let value = self.row.get(column as usize).copied().unwrap_or(f32::NAN);
                let reading = self.readings.get(column as usize).unwrap_or(&Reading::Numeric);
                let goes_left = test.goes_left(value, reading);
                for (child, taken) in [(at + 1, goes_left), (right as usize, !goes_left)] {
                    let share = self.tree.nodes.get(child).map_or(0.0, |child| f64::from(child.rows()));
                    let unknown = share / f64::from(rows);
                    let known = if taken { 1.0 } else { 0.0 };
                    self.visit(child, own, Step { column: Some(column), unknown, known, weight: 0.0 });
                }
            }
            None => {}
        }
        self.steps.truncate(own);
    }
}

/// Adds a step to the path that begins at `start`.
fn extend(steps: &mut Vec<Step>, start: usize, step: Step) {
    let length = steps.len() - start;
    steps.push(Step { weight: if length == 0 { 1.0 } else { 0.0 }, ..step });
    let path = &mut steps[start..];
    let size = (length + 1) as f64;
    for index in (0..length).rev() {
        path[index + 1].weight += step.known * path[index].weight * (index + 1) as f64 / size;
        path[index].weight *= step.unknown * (length - index) as f64 / size;
    }
}

/// Takes the step at `index` out of the path that begins at `start`, as if it had never been added.
fn unwind(steps: &mut Vec<Step>, start: usize, index: usize) -> Step {
    let path = &mut steps[start..];
    let taken = path[index];
    let last = path.len() - 1;
    let size = (last + 1) as f64;
    let mut next = path[last].weight;
    for at in (0..last).rev() {
        let weight = path[at].weight;
        if taken.known != 0.0 {
            path[at].weight = next * size / ((at + 1) as f64 * taken.known);
            next = weight - path[at].weight * taken.unknown * (last - at) as f64 / size;
        } else {
            path[at].weight = weight * size / (taken.unknown * (last - at) as f64);
        }
    }
    // Weights stay where they are, columns move up.
    for at in index..last {
        path[at] = Step { weight: path[at].weight, ..path[at + 1] };
    }
    steps.pop();
    taken
}

/// The sum of the weights that [`unwind`] would leave.
fn unwound_weight(path: &[Step], index: usize) -> f64 {
    let taken = path[index];
    let last = path.len() - 1;
    let size = (last + 1) as f64;
    let mut next = path[last].weight;
    let mut sum = 0.0;
    for at in (0..last).rev() {
        if taken.known != 0.0 {
            let weight = next * size / ((at + 1) as f64 * taken.known);
            sum += weight;
            next = path[at].weight - weight * taken.unknown * (last - at) as f64 / size;
        } else {
            sum += path[at].weight * size / (taken.unknown * (last - at) as f64);
        }
    }
    sum
}
