//! The points of curves over thresholds.
//!
//! Guarantees: equal scores move together, so no curve depends on the order of the rows; every curve begins and ends
//! where it must and has at most a few hundred points.
//!
//! Non-goals: areas; they are in [`crate::tabular::metrics`].

/// Most points of a curve.
const POINTS_MAX: usize = 400;

/// Rows and bad outcomes at or above each score, from the highest down, beginning with none.
fn counts(scores: &[f64], labels: &[bool]) -> Vec<(f64, f64)> {
    let mut rows: Vec<(f64, bool)> = scores.iter().copied().zip(labels.iter().copied()).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut seen, mut bad) = (0.0, 0.0);
    let mut result = vec![(0.0, 0.0)];
    for group in rows.chunk_by(|a, b| a.0 == b.0) {
        seen += group.len() as f64;
        bad += group.iter().filter(|row| row.1).count() as f64;
        result.push((seen, bad));
    }
    result
}

/// At most [`POINTS_MAX`] of the points, the first and the last among them.
fn thinned(points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    let stride = points.len().div_ceil(POINTS_MAX).max(1);
    let last = points.len().saturating_sub(1);
    points.into_iter().enumerate().filter(|(at, _)| at % stride == 0 || *at == last).map(|(_, point)| point).collect()
}

fn totals(counts: &[(f64, f64)]) -> (f64, f64) {
    counts.last().copied().unwrap_or((0.0, 0.0))
}

/// False against true alarms, as shares.
pub fn roc(scores: &[f64], labels: &[bool]) -> Vec<[f64; 2]> {
    let counts = counts(scores, labels);
    let (rows, bad) = totals(&counts);
    let share = |(seen, hits): &(f64, f64)| [(seen - hits) / (rows - bad).max(1.0), hits / bad.max(1.0)];
    thinned(counts.iter().map(share).collect())
}

/// Share of the bad outcomes that are found, against the share of the alarms that are right.
pub fn precision_recall(scores: &[f64], labels: &[bool]) -> Vec<[f64; 2]> {
    let counts = counts(scores, labels);
    let (_, bad) = totals(&counts);
    let points = counts.iter().filter(|(seen, _)| *seen > 0.0).map(|(seen, hits)| [hits / bad.max(1.0), hits / seen]);
    thinned(points.collect())
}

/// Share of the rows that are looked at, the riskiest first, against the share of the bad outcomes among them.
pub fn gains(scores: &[f64], labels: &[bool]) -> Vec<[f64; 2]> {
    let counts = counts(scores, labels);
    let (rows, bad) = totals(&counts);
    thinned(counts.iter().map(|(seen, hits)| [seen / rows.max(1.0), hits / bad.max(1.0)]).collect())
}

/// The height of a rising curve at `x`, linear between its points.
pub fn height(points: &[[f64; 2]], x: f64) -> f64 {
    let after = points.partition_point(|[at, _]| *at <= x);
    match (after.checked_sub(1).and_then(|before| points.get(before)), points.get(after)) {
        (Some([x0, y0]), Some([x1, y1])) if x1 > x0 => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
        (Some([_, y]), _) | (None, Some([_, y])) => *y,
        (None, None) => 0.0,
    }
}
