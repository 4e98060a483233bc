//! The trees laid out for scoring.
//!
//! Purpose: a walk down a tree waits for memory and guesses branches wrong, so eight walks are made side by side without
//! a branch: eight trees for one row, eight rows for one tree of a batch. For that every test is made the same test. A
//! row is first written as whole numbers: a number as a key of the same order, a missing one as the least or the greatest
//! key, by where its splits send it; a category as words with one bit for each split that sends it left. Then a row goes
//! left when its word, shifted by the node's shift, is at most the node's threshold: a shift of 0 compares keys, any
//! other brings one bit into the sign.
//!
//! Guarantees: the same leaf as [`Tree::value`] finds, and values added in the order of the trees; no allocation for one
//! row.
//!
//! Non-goals: forests that need more than [`WORDS_MAX`] words a row or have trees of more than 65,536 nodes; these are
//! walked tree by tree.

use rayon::prelude::*;

use super::bins::Categories;
use super::tree::{Node, Reading, Test, Tree, contains};

/// Words of a row: what eleven bits can number.
const WORDS_MAX: usize = 1 << COLUMN_BITS;
/// Words of a row in the common case; clearing more for every row would take time.
const WORDS_FEW: usize = 256;
const COLUMN_BITS: u32 = 11;
/// Walks side by side.
const LANES: usize = 8;
/// Rows that share a tree while it is in the cache.
const BLOCK: usize = 32;

/// A node in eight bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Packed {
    /// Greatest shifted word that goes left; in a leaf all do.
    threshold: i32,
    /// Bits 0 to 10: the word; 11 to 15: the shift; 16 to 31: how far behind the left child stands, with the right one
    /// next to it; 0 in a leaf.
    meta: u32,
}

/// Where a walk stays.
const LEAF: Packed = Packed { threshold: i32::MAX, meta: 0 };

/// A number as it is written for scoring.
#[derive(Debug, Clone, PartialEq)]
struct Number {
    column: u32,
    /// The key of a missing value.
    missing: i32,
}

/// A category as it is written for scoring.
#[derive(Debug, Clone, PartialEq)]
struct Category {
    column: u32,
    categories: Categories,
    /// Words of each bin.
    words: usize,
    /// For each bin, the last one for what is missing, its words.
    table: Vec<i32>,
}

/// The trees laid out for scoring.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Forest {
    nodes: Vec<Packed>,
    /// The value of each node that is a leaf.
    values: Vec<f32>,
    roots: Vec<u32>,
    numbers: Vec<Number>,
    categories: Vec<Category>,
    /// Words of a row.
    words: usize,
}

impl Forest {
    /// Lays out the trees; `None` if they are beyond the layout.
    pub(crate) fn new(trees: &[Tree], readings: &[Reading]) -> Option<Forest> {
        let layout = Layout::new(trees, readings);
        let words = layout.words();
        if words > WORDS_MAX {
            return None;
        }
        let mut forest = Forest {
            nodes: Vec::new(),
            values: Vec::new(),
            roots: Vec::new(),
            numbers: layout.numbers.clone(),
            categories: layout.categories(readings),
            words,
        };
        let mut placer = Placer { layout: &layout, used: vec![0; readings.len()] };
        for tree in trees {
            forest.roots.push(u32::try_from(forest.nodes.len()).ok()?);
            placer.place(tree, &mut forest)?;
        }
        Some(forest)
    }

    /// The raw score of one row.
    pub(crate) fn score(&self, base: f64, row: &[f32]) -> f64 {
        if self.words <= WORDS_FEW {
            self.score_within::<WORDS_FEW>(base, row)
        } else {
            self.score_within::<WORDS_MAX>(base, row)
        }
    }

    fn score_within<const WORDS: usize>(&self, base: f64, row: &[f32]) -> f64 {
        let mut words = [0; WORDS];
        self.write(row, &mut words);
        let words = [&words; LANES];
        let mut sum = base;
        for roots in self.roots.chunks(LANES) {
            // A short last piece walks its last tree several times and adds it once.
            let last = roots.len() - 1;
            let leaves = self.walk(std::array::from_fn(|lane| roots[lane.min(last)]), words);
            for leaf in leaves.iter().take(roots.len()) {
                sum += self.value(*leaf);
            }
        }
        sum
    }

    /// The raw scores of many rows of `width` numbers, on rayon's pool.
    pub(crate) fn score_batch(&self, base: f64, values: &[f32], width: usize, scores: &mut [f64]) {
        scores.par_chunks_mut(BLOCK).with_min_len(8).enumerate().for_each(|(block, scores)| {
            let rows = values.get(block * BLOCK * width..).unwrap_or_default();
            if self.words <= WORDS_FEW {
                self.score_block::<WORDS_FEW>(base, rows, width, scores);
            } else {
                self.score_block::<WORDS_MAX>(base, rows, width, scores);
            }
        });
    }

    fn score_block<const WORDS: usize>(&self, base: f64, values: &[f32], width: usize, scores: &mut [f64]) {
        let mut words = vec![[0; WORDS]; scores.len()];
        for (row, words) in words.iter_mut().enumerate() {
            self.write(values.get(row * width..(row + 1) * width).unwrap_or_default(), words);
        }
        scores.fill(base);
        for &root in &self.roots {
            for (scores, words) in scores.chunks_mut(LANES).zip(words.chunks(LANES)) {
                let last = words.len() - 1;
                let leaves = self.walk([root; LANES], std::array::from_fn(|lane| &words[lane.min(last)]));
                for (score, leaf) in scores.iter_mut().zip(leaves) {
                    *score += self.value(leaf);
                }
            }
        }
    }

    /// Writes a row as words; a column that it lacks is missing.
    fn write(&self, row: &[f32], words: &mut [i32]) {
        let value = |column: u32| row.get(column as usize).copied().unwrap_or(f32::NAN);
        let (numbers, mut rest) = words.split_at_mut(self.numbers.len());
        for (word, number) in numbers.iter_mut().zip(&self.numbers) {
            let value = value(number.column);
            *word = if value.is_nan() { number.missing } else { key(value) };
        }
        for category in &self.categories {
            let bin = category.categories.bin(value(category.column)) as usize;
            let from = category.table.get(bin * category.words..(bin + 1) * category.words).unwrap_or_default();
            let (to, others) = std::mem::take(&mut rest).split_at_mut(category.words);
            to.copy_from_slice(from);
            rest = others;
        }
    }

    /// The leaves that eight walks end in.
    #[inline(always)]
    fn walk<const WORDS: usize>(&self, roots: [u32; LANES], words: [&[i32; WORDS]; LANES]) -> [u32; LANES] {
        let mut at = roots;
        loop {
            // The end is looked for at every second step only.
            for lane in 0..LANES {
                at[lane] = self.step(at[lane], words[lane]);
            }
            let mut moved = 0;
            for lane in 0..LANES {
                let next = self.step(at[lane], words[lane]);
                moved |= next ^ at[lane];
                at[lane] = next;
            }
            if moved == 0 {
                return at;
            }
        }
    }

    #[inline(always)]
    fn step<const WORDS: usize>(&self, at: u32, words: &[i32; WORDS]) -> u32 {
        let node = self.nodes.get(at as usize).copied().unwrap_or(LEAF);
        let word = words[node.meta as usize & (WORDS - 1)].wrapping_shl(node.meta >> COLUMN_BITS);
        at + (node.meta >> 16) + u32::from(word > node.threshold)
    }

    #[inline(always)]
    fn value(&self, leaf: u32) -> f64 {
        f64::from(self.values.get(leaf as usize).copied().unwrap_or(0.0))
    }
}

/// A whole number that is less, equal or greater as the float is.
#[inline]
fn key(value: f32) -> i32 {
    // Both zeros are one number.
    let bits = (value + 0.0).to_bits() as i32;
    bits ^ (((bits >> 31) as u32) >> 1) as i32
}

/// Which word stands for what.
struct Layout {
    numbers: Vec<Number>,
    /// For each column and side of the missing values, its word.
    number_words: Vec<[Option<u32>; 2]>,
    /// For each categorical column, its sets in the order of the trees' nodes.
    sets: Vec<Vec<[u64; 4]>>,
    /// For each categorical column, its first word.
    category_words: Vec<usize>,
}

impl Layout {
    fn new(trees: &[Tree], readings: &[Reading]) -> Layout {
        let mut layout = Layout {
            numbers: Vec::new(),
            number_words: vec![[None; 2]; readings.len()],
            sets: vec![Vec::new(); readings.len()],
            category_words: vec![0; readings.len()],
        };
        for node in trees.iter().flat_map(|tree| &tree.nodes) {
            let Node::Split { column, test, .. } = *node else { continue };
            match test {
                Test::AtMost { missing_left, .. } => {
                    let word = &mut layout.number_words[column as usize][usize::from(missing_left)];
                    if word.is_none() {
                        *word = Some(layout.numbers.len() as u32);
                        let missing = if missing_left { i32::MIN } else { i32::MAX };
                        layout.numbers.push(Number { column, missing });
                    }
                }
                Test::In { set } => layout.sets[column as usize].push(set),
            }
        }
        let mut next = layout.numbers.len();
        for (first, sets) in layout.category_words.iter_mut().zip(&layout.sets) {
            *first = next;
            next += sets.len().div_ceil(32);
        }
        layout
    }

    fn words(&self) -> usize {
        self.numbers.len() + self.sets.iter().map(|sets| sets.len().div_ceil(32)).sum::<usize>()
    }

    fn categories(&self, readings: &[Reading]) -> Vec<Category> {
        let mut all = Vec::new();
        for ((column, reading), sets) in (0..).zip(readings).zip(&self.sets) {
            let Reading::Categorical(categories) = reading else { continue };
            if sets.is_empty() {
                continue;
            }
            let words = sets.len().div_ceil(32);
            let mut table = vec![0i32; (categories.codes.len() + 1) * words];
            for (bin, table) in (0..=u8::MAX).zip(table.chunks_mut(words)) {
                for (index, _) in sets.iter().enumerate().filter(|(_, set)| contains(set, bin)) {
                    table[index >> 5] |= 1 << (index & 31);
                }
            }
            all.push(Category { column, categories: categories.clone(), words, table });
        }
        all
    }
}

/// Writes trees into a forest.
struct Placer<'a> {
    layout: &'a Layout,
    /// For each column, how many of its sets have been placed.
    used: Vec<usize>,
}

impl Placer<'_> {
    /// Writes one tree level by level, so that the nodes that every row meets share cache lines.
    fn place(&mut self, tree: &Tree, forest: &mut Forest) -> Option<()> {
        // Sets are numbered in the order of the nodes.
        let packed: Vec<Packed> = tree.nodes.iter().map(|node| self.pack(node)).collect::<Option<_>>()?;
        let first = forest.nodes.len();
        let mut order = vec![0];
        let mut at = 0;
        while let Some(&node) = order.get(at) {
            let mut out = *packed.get(node)?;
            let value = match *tree.nodes.get(node)? {
                Node::Leaf { value, .. } => value,
                Node::Split { right, .. } => {
                    let behind = u16::try_from(order.len() - at).ok()?;
                    out.meta |= u32::from(behind) << 16;
                    order.extend([node + 1, right as usize]);
                    0.0
                }
            };
            forest.nodes.push(out);
            forest.values.push(value);
            at += 1;
        }
        (forest.nodes.len() - first == tree.nodes.len()).then_some(())
    }

    fn pack(&mut self, node: &Node) -> Option<Packed> {
        let Node::Split { column, test, .. } = *node else { return Some(LEAF) };
        match test {
            Test::AtMost { threshold, missing_left } => {
                let word = (*self.layout.number_words.get(column as usize)?)[usize::from(missing_left)]?;
                Some(Packed { threshold: key(threshold), meta: word })
            }
            Test::In { .. } => {
                let used = self.used.get_mut(column as usize)?;
                let word = self.layout.category_words.get(column as usize)? + (*used >> 5);
                let shift = 31 - (*used & 31) as u32;
                *used += 1;
                Some(Packed { threshold: -1, meta: word as u32 | shift << COLUMN_BITS })
            }
        }
    }
}
