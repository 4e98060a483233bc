//! The best split of a leaf by a set of categories.
//!
//! Purpose: a column of few bins is split one against the rest. Otherwise bins are put in the order of their mean
//! gradient and the best cut of that order is taken, which is the best of all subsets for a convex loss (Fisher 1958);
//! smoothing, an extra penalty and limits on the subset keep rare categories from being learned by heart.
//!
//! Guarantees: missing values take part as a category, so their side is learned; the set that a rule names never holds
//! them, so what was never seen goes where the missing ones go.
//!
//! Non-goals: monotone constraints; categories have no order.

use super::histogram::Cell;
use super::split::{Candidate, Finder, Node, Rule};

/// The best split by categories; the last of `cells` holds what is missing.
pub(crate) fn find(finder: &Finder, node: Node, cells: &[Cell]) -> Option<Candidate> {
    let few = cells.len() <= finder.params.category.one_against_rest_max + 1;
    if few { one_against_rest(finder, node, cells) } else { ordered(finder, node, cells) }
}

fn one_against_rest(finder: &Finder, node: Node, cells: &[Cell]) -> Option<Candidate> {
    let mut best: Option<Candidate> = None;
    for (bin, &cell) in cells.iter().enumerate() {
        let rest = node.total.less(cell);
        if cell.is_empty() || finder.allows(cell, rest) != Ok(true) {
            continue;
        }
        let l2 = finder.params.l2;
        let score = finder.score(cell, l2, node.bounds) + finder.score(rest, l2, node.bounds);
        if best.as_ref().is_none_or(|best| score > best.score) {
            best = Some(candidate(node, cells, &[bin], cell, score, l2));
        }
    }
    best
}

fn ordered(finder: &Finder, node: Node, cells: &[Cell]) -> Option<Candidate> {
    let limits = finder.params.category;
    let scale = &finder.scale;
    let smoothing = limits.smoothing / scale.second;
    let mut order: Vec<(usize, f64)> = Vec::with_capacity(cells.len());
    for (bin, cell) in cells.iter().enumerate() {
        if !cell.is_empty() && cell.rows(scale) as f64 >= limits.smoothing {
            order.push((bin, cell.first() / (cell.second(scale) + smoothing)));
        }
    }
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let bins: Vec<usize> = order.into_iter().map(|(bin, _)| bin).collect();
    let most = limits.set_max.min(bins.len().div_ceil(2));
    let l2 = finder.params.l2 + limits.l2;
    let mut best: Option<(bool, usize, Cell, f64)> = None;
    for from_the_end in [false, true] {
        let (mut left, mut rows_in_group) = (Cell::default(), 0);
        for count in 1..=most {
            let at = if from_the_end { bins.len() - count } else { count - 1 };
            let Some(&cell) = bins.get(at).and_then(|bin| cells.get(*bin)) else { break };
            left.add(cell);
            rows_in_group += cell.rows(scale);
            let right = node.total.less(left);
            let Ok(enough) = finder.allows(left, right) else { break };
            if right.rows(scale) < limits.group_rows_min as u64 {
                break;
            }
            if !enough || rows_in_group < limits.group_rows_min as u64 {
                continue;
            }
            rows_in_group = 0;
            let score = finder.score(left, l2, node.bounds) + finder.score(right, l2, node.bounds);
            if best.is_none_or(|best| score > best.3) {
                best = Some((from_the_end, count, left, score));
            }
        }
    }
    let (from_the_end, count, left, score) = best?;
    let side = if from_the_end { bins.get(bins.len() - count..)? } else { bins.get(..count)? };
    Some(candidate(node, cells, side, left, score, l2))
}

/// The split of `side`, with sums `sums`, from the rest; turned round if `side` holds the missing values.
fn candidate(node: Node, cells: &[Cell], side: &[usize], sums: Cell, score: f64, l2: f64) -> Candidate {
    let missing = cells.len().saturating_sub(1);
    let mut set = [0u64; 4];
    let mut insert = |bin: usize| set[(bin >> 6) & 3] |= 1 << (bin & 63);
    if side.contains(&missing) {
        (0..missing).filter(|bin| !side.contains(bin)).for_each(&mut insert);
        return Candidate { score, rule: Rule::In { set }, left: node.total.less(sums), l2 };
    }
    side.iter().copied().for_each(&mut insert);
    Candidate { score, rule: Rule::In { set }, left: sums, l2 }
}
