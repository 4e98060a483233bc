//! A grown tree at rest.
//!
//! Purpose: what scoring, explaining, storing and exporting share. Nodes stand in preorder: the left child of a split
//! follows it, the right child's place is written down.
//!
//! Guarantees: a walk ends, whatever the row holds.
//!
//! Non-goals: fast scoring of many rows.

use super::bins::{Categories, Slot};
use super::grow::Place;
use super::params::DEPTH_MAX;
use super::split::Rule;

/// What the model must know of a column to read its values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reading {
    Numeric,
    Categorical(Categories),
}

/// A question about one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Test {
    /// At most this; the flag says whether a missing value goes left.
    AtMost { threshold: f32, missing_left: bool },
    /// Its bin is in this set; a missing value's never is.
    In { set: [u64; 4] },
}

/// A node of a tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Node {
    Split { column: u32, test: Test, right: u32, gain: f32, rows: u32 },
    Leaf { value: f32, rows: u32 },
}

/// Nodes in preorder.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
}

impl Test {
    /// Whether a value goes left.
    #[inline]
    pub(crate) fn goes_left(self, value: f32, reading: &Reading) -> bool {
        match (self, reading) {
            (Test::AtMost { missing_left, .. }, _) if value.is_nan() => missing_left,
            (Test::AtMost { threshold, .. }, _) => value <= threshold,
            (Test::In { set }, Reading::Categorical(categories)) => contains(&set, categories.bin(value)),
            (Test::In { .. }, Reading::Numeric) => false,
        }
    }
}

#[inline]
pub(crate) fn contains(set: &[u64; 4], bin: u8) -> bool {
    set[(bin >> 6) as usize] >> (bin & 63) & 1 == 1
}

impl Node {
    /// The training rows that reached it.
    pub(crate) fn rows(&self) -> u32 {
        match *self {
            Node::Split { rows, .. } | Node::Leaf { rows, .. } => rows,
        }
    }
}

impl Tree {
    /// Fills in the rows of splits from those of their children; `None` when they are more than 32 bits can count.
    pub(crate) fn count(mut self) -> Option<Tree> {
        // Children stand after their parents.
        for at in (0..self.nodes.len()).rev() {
            if let Node::Split { right, .. } = self.nodes[at] {
                let child = |at: usize| self.nodes.get(at).map_or(0, Node::rows);
                let sum = child(at + 1).checked_add(child(right as usize))?;
                if let Some(Node::Split { rows, .. }) = self.nodes.get_mut(at) {
                    *rows = sum;
                }
            }
        }
        Some(self)
    }

    /// The tree that was grown, with values times the learning rate.
    pub(crate) fn new(places: &[Place], slots: &[Slot], learning_rate: f64) -> Option<Tree> {
        let mut nodes: Vec<Node> = Vec::with_capacity(places.len());
        // Places to write, each with the split whose right child it is.
        let mut open: Vec<(usize, Option<usize>)> = vec![(0, None)];
        while let Some((place, parent)) = open.pop() {
            let at = nodes.len() as u32;
            if let Some(Node::Split { right, .. }) = parent.and_then(|parent| nodes.get_mut(parent)) {
                *right = at;
            }
            match places.get(place) {
                Some(Place::Split { split, left, right }) => {
                    let slot = &slots[split.slot];
                    open.push((*right, Some(at as usize)));
                    open.push((*left, None));
                    let (column, test, gain) = (slot.column as u32, test(split.rule, slot), split.gain as f32);
                    nodes.push(Node::Split { column, test, right: 0, gain, rows: 0 });
                }
                Some(Place::Leaf(leaf)) => nodes
                    .push(Node::Leaf { value: leaf_value(leaf.value, learning_rate), rows: leaf.rows.len() as u32 }),
                None => {}
            }
        }
        Tree { nodes }.count()
    }

    /// The value of the leaf that a row falls into; a column beyond the row counts as missing.
    pub(crate) fn value(&self, row: &[f32], readings: &[Reading]) -> f64 {
        let mut at = 0;
        for _ in 0..=DEPTH_MAX {
            match self.nodes.get(at) {
                Some(Node::Split { column, test, right, .. }) => {
                    let value = row.get(*column as usize).copied().unwrap_or(f32::NAN);
                    let reading = readings.get(*column as usize).unwrap_or(&Reading::Numeric);
                    at = if test.goes_left(value, reading) { at + 1 } else { *right as usize };
                }
                Some(Node::Leaf { value, .. }) => return f64::from(*value),
                None => break,
            }
        }
        0.0
    }
}

/// What a leaf adds to the score: rounded once, so that training and prediction add the same.
pub(crate) fn leaf_value(value: f64, learning_rate: f64) -> f32 {
    ((value * learning_rate) as f32).clamp(f32::MIN, f32::MAX)
}

fn test(rule: Rule, slot: &Slot) -> Test {
    match rule {
        Rule::AtMost { bin, missing_left } => Test::AtMost { threshold: slot.cuts.greatest(bin), missing_left },
        Rule::In { set } => Test::In { set },
    }
}
