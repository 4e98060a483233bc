//! Laws of two samples by counting, for any sizes and ties.
//!
//! Guarantees: the probabilities are those of every way to deal the pooled rows to the two samples, so they are right
//! for two rows as for two thousand.
//!
//! Non-goals: speed beyond a few million lattice points; the caller decides when the limit law will do.

/// Most lattice points at which [`kolmogorov_smirnov`] counts; above, both samples are large and the limit law holds.
const LATTICE_POINTS_MAX: usize = 4_000_000;
/// The limit law alone decides that a distance is not worth counting.
const COUNT_BELOW: f64 = 0.05;

/// Natural logarithm of the number of ways to draw `drawn` of `total`.
fn ln_choose(total: f64, drawn: f64) -> f64 {
    libm::lgamma(total + 1.0) - libm::lgamma(drawn + 1.0) - libm::lgamma(total - drawn + 1.0)
}

/// Twice the smaller tail, at most 1, of finding `found` marked ones among `drawn` of `total`, `marked` of which are
/// marked (Fisher's exact test). Impossible counts give 0.
pub fn hypergeometric_two_sided(total: usize, marked: usize, drawn: usize, found: usize) -> f64 {
    if marked > total || drawn > total || found > marked || found > drawn || drawn - found > total - marked {
        return 0.0;
    }
    let expected = marked as f64 * drawn as f64 / total.max(1) as f64;
    let [t, m, d, f] = [total, marked, drawn, found].map(|count| count as f64);
    let point = (ln_choose(m, f) + ln_choose(t - m, d - f) - ln_choose(t, d)).exp();
    // Outwards from the observed count the terms fall at least geometrically.
    let (mut sum, mut term, mut at) = (point, point, f);
    while term > sum * 1e-17 {
        term *= if f >= expected {
            (m - at) * (d - at) / ((at + 1.0) * (t - m - d + at + 1.0))
        } else {
            at * (t - m - d + at) / ((m - at + 1.0) * (d - at + 1.0))
        };
        at += if f >= expected { 1.0 } else { -1.0 };
        sum += term;
    }
    (2.0 * sum).min(1.0)
}

/// The largest distance between the distribution functions of two sorted samples, and the probability of at least that
/// when the pooled rows are dealt at random.
///
/// Counted exactly, given the ties, along lattice paths (Schröer and Trenkler 1995), in the form that adds up the paths
/// which *do* leave the band, so that a small probability keeps its digits (Viehmann 2021); for large samples the limit
/// law, which is conservative under ties.
pub fn kolmogorov_smirnov(first: &[f64], second: &[f64]) -> (f64, f64) {
    let (rows_first, rows_second) = (first.len(), second.len());
    if rows_first == 0 || rows_second == 0 {
        return (0.0, 1.0);
    }
    let (ends, distance) = merge(first, second);
    if distance <= 0.0 {
        return (0.0, 1.0);
    }
    let effective = rows_first as f64 * rows_second as f64 / (rows_first + rows_second) as f64;
    let limit = kolmogorov_tail(distance * effective.sqrt());
    if limit > COUNT_BELOW || rows_first.saturating_mul(rows_second) > LATTICE_POINTS_MAX {
        return (distance, limit);
    }
    (distance, paths_that_leave(rows_first, rows_second, &ends, distance))
}

/// For each count of pooled rows whether a run of equal values ends there; and the distance.
fn merge(first: &[f64], second: &[f64]) -> (Vec<bool>, f64) {
    let (mut i, mut j) = (0, 0);
    let mut ends = vec![false; first.len() + second.len() + 1];
    let mut distance: f64 = 0.0;
    while let Some(value) = [first.get(i), second.get(j)].into_iter().flatten().copied().reduce(f64::min) {
        while first.get(i) == Some(&value) {
            i += 1;
        }
        while second.get(j) == Some(&value) {
            j += 1;
        }
        if let Some(end) = ends.get_mut(i + j) {
            if *end {
                // Not a number: no order, no distance.
                return (ends, 0.0);
            }
            *end = true;
        }
        distance = distance.max((i as f64 / first.len() as f64 - j as f64 / second.len() as f64).abs());
    }
    (ends, distance)
}

/// The share of lattice paths from the origin to `(columns, rows)` that touch `distance` where a run of ties ends.
fn paths_that_leave(columns: usize, rows: usize, ends: &[bool], distance: f64) -> f64 {
    let reach = distance - 1e-12;
    let mut line = vec![0.0; rows + 1];
    for i in 0..=columns {
        let share = i as f64 / columns as f64;
        let mut left = 0.0;
        for (j, cell) in line.iter_mut().enumerate() {
            let off = (share - j as f64 / rows as f64).abs() >= reach;
            *cell = if off && ends.get(i + j).copied().unwrap_or(false) {
                1.0
            } else if i + j == 0 {
                0.0
            } else {
                (i as f64 * *cell + j as f64 * left) / (i + j) as f64
            };
            left = *cell;
        }
    }
    line.last().copied().unwrap_or(1.0).clamp(0.0, 1.0)
}

/// The limit law of the scaled distance (Kolmogorov 1933): the probability above `scaled`.
fn kolmogorov_tail(scaled: f64) -> f64 {
    if scaled < 0.3 {
        return 1.0;
    }
    let term = |k: i32| (-2.0 * f64::from(k * k) * scaled * scaled).exp() * if k % 2 == 1 { 2.0 } else { -2.0 };
    (1..=20).map(term).sum::<f64>().clamp(0.0, 1.0)
}
