//! Resolved cases that can be searched by likeness, and what the nearest of them say.
//!
//! Purpose: evidence that a person can check. [`Archive`] is exact search over standardised features within a category,
//! for this library and its tests; the service searches through its vector port and hands what it finds to
//! [`evidence`], which is pure.
//!
//! Guarantees: ties are broken by the order of the rows; a Wilson interval stands beside every rate, so that two cases of
//! two do not read as certainty.
//!
//! Non-goals: approximate search; learned distances.

use serde::{Deserialize, Serialize};

use super::case::{Case, CaseError, Resolved, Schema};
use super::frame::Frame;
use crate::tabular::statistics::normal;

/// Neighbours that evidence is drawn from.
pub const NEIGHBOURS: usize = 20;
/// The neighbour whose distance says how novel a case is.
pub const NOVELTY_NEIGHBOUR: usize = 5;
/// Resolved cases of a category from which the usual distance is measured.
const NOVELTY_SAMPLE: usize = 400;
/// Share of a category's own cases that lie within the usual distance.
const NOVELTY_QUANTILE: f64 = 0.995;

/// One resolved case near the one in question.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Which resolved case, as the archive counts them.
    pub row: usize,
    /// How far it is, in standard deviations.
    pub distance: f64,
    /// The action taken.
    pub action: usize,
    /// Whether the date was missed.
    pub missed: bool,
    /// All that it cost; money.
    pub cost: f64,
    /// Hours until it was resolved.
    pub resolve_hours: f64,
}

/// What the neighbours with one action say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The action.
    pub action: usize,
    /// Neighbours in which it was taken.
    pub count: usize,
    /// Share of them on time.
    pub on_time: f64,
    /// Lower end of its 95 % Wilson interval.
    pub on_time_low: f64,
    /// Upper end of its 95 % Wilson interval.
    pub on_time_high: f64,
    /// Median hours until resolved.
    pub resolve_hours_median: f64,
    /// Mean cost; money.
    pub cost_mean: f64,
}

/// The evidence per action, most neighbours first.
pub fn evidence(neighbours: &[Neighbour]) -> Vec<Evidence> {
    let mut actions: Vec<usize> = neighbours.iter().map(|neighbour| neighbour.action).collect();
    actions.sort_unstable();
    actions.dedup();
    let of = |action: usize| {
        let cases: Vec<&Neighbour> = neighbours.iter().filter(|neighbour| neighbour.action == action).collect();
        let count = cases.len();
        let on_time = cases.iter().filter(|case| !case.missed).count() as f64;
        let (on_time_low, on_time_high) = normal::wilson(on_time, count as f64, normal::DEVIATIONS_95);
        Evidence {
            action,
            count,
            on_time: on_time / count as f64,
            on_time_low,
            on_time_high,
            resolve_hours_median: median(cases.iter().map(|case| case.resolve_hours).collect()),
            cost_mean: cases.iter().map(|case| case.cost).sum::<f64>() / count as f64,
        }
    };
    let mut all: Vec<Evidence> = actions.into_iter().map(of).collect();
    all.sort_by_key(|evidence| std::cmp::Reverse(evidence.count));
    all
}

/// A model's cost as a belief worth `belief` cases, moved by the evidence on the same action: the mean of both, by
/// weight. `support` are the cases of the pair that the model has learned from; the belief grows with them, so that
/// evidence counts while data is thin and fades as the model learns.
pub fn blend(cost: f64, support: usize, evidence: Option<&Evidence>, belief: f64) -> f64 {
    let Some(evidence) = evidence else { return cost };
    let weight = belief + support as f64;
    let count = evidence.count as f64;
    if weight + count > 0.0 { (weight * cost + count * evidence.cost_mean) / (weight + count) } else { cost }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.get(middle.wrapping_sub(1))) {
        (Some(upper), Some(lower)) if values.len().is_multiple_of(2) => 0.5 * (lower + upper),
        (Some(upper), _) => *upper,
        _ => 0.0,
    }
}

/// How novel a case is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Novelty {
    /// Distance to the fifth-nearest resolved case; infinite when there are fewer.
    pub distance: f64,
    /// The distance within which 99.5 % of the category's own cases find theirs.
    pub usual: f64,
}

impl Novelty {
    /// Whether it lies beyond what is usual.
    pub fn is_novel(self) -> bool {
        self.distance > self.usual
    }
}

/// Resolved cases of all categories.
#[derive(Debug, Clone)]
pub struct Archive {
    frame: Frame,
    /// By category: rows with their encoding.
    categories: Vec<Vec<(usize, Vec<f64>)>>,
    usual: Vec<f64>,
    rows: Vec<Neighbour>,
}

impl Archive {
    /// Over resolved cases.
    ///
    /// # Errors
    /// [`CaseError`], naming the case.
    pub fn new(schema: &Schema, rows: &[Resolved]) -> Result<Archive, CaseError> {
        schema.check_resolved(rows)?;
        let frame = Frame::fit(schema, rows, &vec![0.0; rows.len()]);
        let mut categories = vec![Vec::new(); schema.categories];
        let mut known = Vec::with_capacity(rows.len());
        for (row, resolved) in rows.iter().enumerate() {
            if let Some(category) = categories.get_mut(resolved.case.category) {
                category.push((row, frame.linear(&resolved.case)));
            }
            known.push(Neighbour {
                row,
                distance: 0.0,
                action: resolved.chosen().map_or(0, |chosen| chosen.action),
                missed: resolved.missed,
                cost: resolved.cost,
                resolve_hours: resolved.resolve_hours,
            });
        }
        let usual = categories.iter().map(|members| usual_distance(std::slice::from_ref(members))).collect();
        Ok(Archive { frame, categories, usual, rows: known })
    }

    /// The `count` nearest resolved cases of the same category, nearest first.
    ///
    /// # Errors
    /// [`CaseError`] when the case is not of the archive's schema.
    pub fn nearest(&self, case: &Case, count: usize) -> Result<Vec<Neighbour>, CaseError> {
        self.frame.schema.check(0, case)?;
        let members = self.categories.get(case.category).map_or(&[][..], Vec::as_slice);
        let found = nearest(members, &self.frame.linear(case), count);
        let neighbour = |(square, row): (f64, usize)| {
            self.rows.get(row).map(|known| Neighbour { distance: square.sqrt(), ..*known })
        };
        Ok(found.into_iter().filter_map(neighbour).collect())
    }

    /// How novel a case is.
    ///
    /// # Errors
    /// [`CaseError`] when the case is not of the archive's schema.
    pub fn novelty(&self, case: &Case) -> Result<Novelty, CaseError> {
        let nearest = self.nearest(case, NOVELTY_NEIGHBOUR)?;
        let distance = nearest.get(NOVELTY_NEIGHBOUR - 1).map_or(f64::INFINITY, |neighbour| neighbour.distance);
        Ok(Novelty { distance, usual: self.usual.get(case.category).copied().unwrap_or_default() })
    }
}

/// Squared distance and row of the nearest members.
fn nearest(members: &[(usize, Vec<f64>)], point: &[f64], count: usize) -> Vec<(f64, usize)> {
    let square = |other: &[f64]| point.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    let mut all: Vec<(f64, usize)> = members.iter().map(|(row, other)| (square(other), *row)).collect();
    let order = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    if count < all.len() {
        all.select_nth_unstable_by(count, order);
        all.truncate(count);
    }
    all.sort_unstable_by(order);
    all
}

/// The distance within which the cases of a category, given as rows and points, find their fifth neighbour in their own
/// group, themselves not counted: the 99.5 % quantile over some 400 of them, of each group in proportion. Groups are what
/// is not searched together, such as currencies; 0 when none has six.
pub fn usual_distance(groups: &[Vec<(usize, Vec<f64>)>]) -> f64 {
    let step = groups.iter().map(Vec::len).sum::<usize>().div_ceil(NOVELTY_SAMPLE).max(1);
    let of_group = |members: &Vec<(usize, Vec<f64>)>| -> Vec<f64> {
        let fifth = |(_, point): &(usize, Vec<f64>)| {
            nearest(members, point, NOVELTY_NEIGHBOUR + 1).get(NOVELTY_NEIGHBOUR).map(|found| found.0.sqrt())
        };
        members.iter().step_by(step).filter_map(fifth).collect()
    };
    let mut distances: Vec<f64> = groups.iter().flat_map(of_group).collect();
    distances.sort_by(f64::total_cmp);
    let at = (NOVELTY_QUANTILE * distances.len() as f64) as usize;
    distances.get(at).or(distances.last()).copied().unwrap_or_default()
}
