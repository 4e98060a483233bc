//! Growth of one tree, leaf by leaf.
//!
//! Purpose: split the leaf whose split gains most until the tree has its leaves (Shi 2007, as in LightGBM). The rows of
//! a leaf are a piece of one array, parted in place and kept in ascending order; a histogram is made for the child with
//! fewer rows and the other's is the difference.
//!
//! Guarantees: the tree does not depend on threads.
//!
//! Non-goals: growth by levels.

use std::collections::BinaryHeap;

use super::bins::{Binned, LANES};
use super::histogram::{Builder, Cell, Pair, Scale, subtract, total};
use super::params::BoostValidParams;
use super::split::{Finder, Node, Rule, Split};

/// A leaf of a tree that grows.
pub(crate) struct Leaf<'r> {
    /// Its rows, ascending.
    pub(crate) rows: &'r mut [u32],
    /// Room of the same length.
    spare: &'r mut [u32],
    histogram: Option<Vec<Cell>>,
    node: Node,
    depth: usize,
    split: Option<Split>,
    /// The value that its rows' scores move by, before the learning rate.
    pub(crate) value: f64,
}

impl Leaf<'_> {
    /// The least and the greatest value that monotone constraints leave to it.
    pub(crate) fn bounds(&self) -> [f64; 2] {
        self.node.bounds
    }
}

/// A node of a grown tree; children are indices.
pub(crate) enum Place<'r> {
    Leaf(Leaf<'r>),
    Split { split: Split, left: usize, right: usize },
}

/// A leaf that can be split, in the order in which leaves are taken.
#[derive(PartialEq)]
struct Open {
    gain: f64,
    place: usize,
}

impl Eq for Open {}

impl Ord for Open {
    fn cmp(&self, other: &Open) -> std::cmp::Ordering {
        self.gain.total_cmp(&other.gain).then(other.place.cmp(&self.place))
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Open) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// What growing needs again for every tree.
#[derive(Default)]
pub(crate) struct Room {
    histograms: Vec<Vec<Cell>>,
    ordered: Vec<Pair>,
}

/// Grows trees on one set of derivatives.
pub(crate) struct Grower<'a> {
    pub(crate) data: &'a Binned,
    pub(crate) params: &'a BoostValidParams,
    pub(crate) finder: Finder<'a>,
    pub(crate) builder: Builder<'a>,
}

impl Grower<'_> {
    /// Grows a tree on `rows`, which are parted into the rows of its leaves; `spare` has the same length. The root is
    /// the first place.
    pub(crate) fn grow<'r>(&self, rows: &'r mut [u32], spare: &'r mut [u32], room: &mut Room) -> Vec<Place<'r>> {
        let sums = total(self.builder.pairs, rows, &self.builder.scale);
        let node = Node { total: sums, bounds: [f64::NEG_INFINITY, f64::INFINITY] };
        let value = self.finder.value(sums, self.params.l2, node.bounds);
        let mut root = Leaf { rows, spare, histogram: None, node, depth: 0, split: None, value };
        let mut histogram = room.histograms.pop().unwrap_or_else(|| vec![Cell::default(); self.data.cells]);
        self.builder.build(root.rows, &mut room.ordered, &mut histogram);
        root.split = self.finder.find(node, &histogram);
        root.histogram = Some(histogram);
        let mut open = BinaryHeap::new();
        open.extend(root.split.as_ref().map(|split| Open { gain: split.gain, place: 0 }));
        let mut places = vec![Place::Leaf(root)];
        let mut leaves = 1;
        while leaves < self.params.leaves_max {
            let Some(Open { place, .. }) = open.pop() else { break };
            let next = places.len();
            let Some(Place::Leaf(leaf)) = places.get_mut(place) else { break };
            let Some(split) = leaf.split.take() else { break };
            let both = Place::Split { split, left: next, right: next + 1 };
            let Place::Leaf(leaf) = std::mem::replace(&mut places[place], both) else { break };
            leaves += 1;
            let children = self.divide(leaf, split, leaves < self.params.leaves_max, room);
            for (child, place) in children.into_iter().zip(next..) {
                open.extend(child.split.as_ref().map(|split| Open { gain: split.gain, place }));
                places.push(Place::Leaf(child));
            }
        }
        for place in &mut places {
            if let Place::Leaf(leaf) = place {
                room.histograms.extend(leaf.histogram.take());
            }
        }
        places
    }

    /// Parts a leaf's rows, and finds the children's splits if the tree has room for them.
    fn divide<'r>(&self, leaf: Leaf<'r>, split: Split, further: bool, room: &mut Room) -> [Leaf<'r>; 2] {
        let Leaf { rows, spare, histogram, node, depth, .. } = leaf;
        let middle = self.part(&split, rows, spare);
        let (rows_left, rows_right) = rows.split_at_mut(middle);
        let (spare_left, spare_right) = spare.split_at_mut(middle);
        let child = |rows: &'r mut [u32], spare: &'r mut [u32], total: Cell, side: usize| Leaf {
            rows,
            spare,
            histogram: None,
            node: Node { total, bounds: split.bounds[side] },
            depth: depth + 1,
            split: None,
            value: split.values[side],
        };
        let mut left = child(rows_left, spare_left, split.left, 0);
        let mut right = child(rows_right, spare_right, node.total.less(split.left), 1);
        let splittable = |leaf: &Leaf| {
            depth + 1 < self.params.depth_max && leaf.rows.len() >= self.params.leaf_rows_min.saturating_mul(2)
        };
        if let Some(mut parent) = histogram {
            if further && (splittable(&left) || splittable(&right)) {
                let mut made = room.histograms.pop().unwrap_or_else(|| vec![Cell::default(); self.data.cells]);
                let left_is_small = left.rows.len() <= right.rows.len();
                let (small, large) = if left_is_small { (&mut left, &mut right) } else { (&mut right, &mut left) };
                self.builder.build(small.rows, &mut room.ordered, &mut made);
                subtract(&mut parent, &made);
                for (leaf, histogram) in [(small, made), (large, parent)] {
                    leaf.split = if splittable(leaf) { self.finder.find(leaf.node, &histogram) } else { None };
                    if leaf.split.is_some() {
                        leaf.histogram = Some(histogram);
                    } else {
                        room.histograms.push(histogram);
                    }
                }
            } else {
                room.histograms.push(parent);
            }
        }
        [left, right]
    }

    /// Moves the rows that go left to the front, keeping the order on both sides, and returns their number.
    fn part(&self, split: &Split, rows: &mut [u32], spare: &mut [u32]) -> usize {
        let goes_left = self.sides(split);
        let bins = &self.data.groups[split.slot / LANES];
        let lane = split.slot % LANES;
        let (mut left, mut right) = (0, 0);
        for at in 0..rows.len() {
            let row = rows[at];
            let side = goes_left[bins[row as usize][lane] as usize];
            // Written to both sides and counted on one: a branch would be guessed wrong too often.
            rows[left] = row;
            spare[right] = row;
            left += usize::from(side);
            right += usize::from(!side);
        }
        rows[left..].copy_from_slice(&spare[..right]);
        left
    }

    /// For each bin of the split's column, whether it goes left.
    fn sides(&self, split: &Split) -> [bool; 256] {
        let missing = self.data.slots[split.slot].cuts.present();
        std::array::from_fn(|bin| match split.rule {
            Rule::AtMost { missing_left, .. } if bin == missing => missing_left,
            Rule::AtMost { bin: most, .. } => bin <= most,
            Rule::In { set } => set[bin >> 6] >> (bin & 63) & 1 == 1,
        })
    }
}

/// The scale's owner and the parts that share it.
pub(crate) fn grower<'a>(
    data: &'a Binned,
    params: &'a BoostValidParams,
    pairs: &'a [Pair],
    scale: Scale,
    active: &'a [bool],
    groups: &'a [bool],
    bounded: bool,
) -> Grower<'a> {
    Grower {
        data,
        params,
        finder: Finder { data, params, scale, active, bounded },
        builder: Builder { data, pairs, scale, groups },
    }
}
