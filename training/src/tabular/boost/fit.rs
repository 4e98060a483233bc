//! Boosting: tree after tree on the derivatives of what is left to explain.
//!
//! Guarantees: records, targets and weights are checked before anything is computed; the same records, settings and
//! seed give the same model on any number of threads (work is shared on rayon's pool in pieces that do not depend on
//! it, and sums over rows are whole numbers or are added in the order of fixed pieces).
//!
//! Non-goals: training beyond memory; distributed training.

use std::ops::ControlFlow;

use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::{Array1, Array2};
use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::bins::{Binned, Cuts, Matrix};
use super::booster::Booster;
use super::error::BoostError;
use super::grow::{Place, Room, grower};
use super::histogram::{CHUNK, Gradients, Scale};
use super::objective::{Objective, quantile};
use super::params::{BoostValidParams, Column};
use super::tree::{Reading, Tree, leaf_value};

/// Rows to learn from: records (rows × columns, NaN where a value is missing), one target per row, and weights or none.
pub type Records = DatasetBase<Array2<f32>, Array1<f32>>;

/// Hears the number of trees and the mean loss, and says whether to go on.
pub type Progress<'a> = dyn FnMut(usize, f64) -> ControlFlow<()> + 'a;

/// Rows are numbered in 32 bits, and half of these is kept free for sums.
const ROWS_MAX: usize = 1 << 31;
/// Columns are numbered in 16 bits where rows are scored.
const COLUMNS_MAX: usize = 1 << 16;

/// Checked rows.
struct Rows<'a> {
    matrix: Matrix<'a>,
    targets: &'a [f32],
    weights: Option<&'a [f32]>,
}

impl Fit<Array2<f32>, Array1<f32>, BoostError> for BoostValidParams {
    type Object = Booster;

    fn fit(&self, records: &Records) -> Result<Booster, BoostError> {
        self.train(records, None, None)
    }
}

impl BoostValidParams {
    /// Fits, tells `progress` the number of trees and the mean loss after each, which says whether to go on, and with a
    /// patience keeps the trees up to the one with the least loss on `watch`, which should be a later fold. Without `watch`
    /// the loss is that of the training rows.
    ///
    /// # Errors
    /// [`BoostError`].
    pub fn fit_watched(
        &self,
        train: &Records,
        watch: Option<&Records>,
        progress: &mut Progress,
    ) -> Result<Booster, BoostError> {
        self.train(train, watch, Some(progress))
    }

    fn train(
        &self,
        train: &Records,
        watch: Option<&Records>,
        progress: Option<&mut Progress>,
    ) -> Result<Booster, BoostError> {
        let columns = match self.columns.as_slice() {
            [] => vec![Column::Numeric { monotone: 0 }; train.records.ncols()],
            columns => columns.to_vec(),
        };
        let open = Open::new(train);
        let rows = open.check("training records", self.objective, columns.len())?;
        check_classes(self.objective, &rows)?;
        let watch = watch.map(Open::new);
        let watch = match &watch {
            Some(open) => Some(open.check("watched records", self.objective, columns.len())?),
            None => None,
        };
        let data = Binned::new(rows.matrix, &columns, self)?;
        let mut booster = Booster::new(self.objective, self.objective.start(rows.targets, rows.weights), &columns);
        for slot in &data.slots {
            if let Cuts::Categorical(categories) = &slot.cuts {
                booster.readings[slot.column] = Reading::Categorical(categories.clone());
            }
        }
        let run = Run { params: self, data: &data, rows, bounded: has_bounds(&data) };
        run.boost(&mut booster, watch, progress);
        booster.compile();
        Ok(booster)
    }
}

/// Records with memory in row-major order.
struct Open<'a> {
    records: ndarray::CowArray<'a, f32, ndarray::Ix2>,
    targets: ndarray::CowArray<'a, f32, ndarray::Ix1>,
    weights: ndarray::CowArray<'a, f32, ndarray::Ix1>,
}

impl<'a> Open<'a> {
    fn new(data: &'a Records) -> Open<'a> {
        Open {
            records: data.records.as_standard_layout(),
            targets: data.targets.as_standard_layout(),
            weights: data.weights.as_standard_layout(),
        }
    }

    fn check(&self, what: &'static str, objective: Objective, columns: usize) -> Result<Rows<'_>, BoostError> {
        let (rows, width) = self.records.dim();
        if rows == 0 || width == 0 {
            return Err(BoostError::Empty { rows, columns: width });
        }
        for (what, found, most) in [("rows", rows, ROWS_MAX), ("columns", width, COLUMNS_MAX)] {
            if found > most {
                return Err(BoostError::TooMany { what, found, most });
            }
        }
        if width != columns {
            return Err(BoostError::Width { what, found: width, expected: columns });
        }
        let targets = self.targets.as_slice().unwrap_or_default();
        let weights = self.weights.as_slice().filter(|weights| !weights.is_empty());
        for (what, found) in [("targets", targets.len()), ("weights", weights.map_or(rows, <[f32]>::len))] {
            if found != rows {
                return Err(BoostError::Length { what, found, rows });
            }
        }
        for (row, &value) in targets.iter().enumerate() {
            objective.accepts(value).map_err(|expected| BoostError::Target { row, value, expected })?;
        }
        let mut positive = weights.is_none();
        for (row, &value) in weights.unwrap_or_default().iter().enumerate() {
            if !(value.is_finite() && value >= 0.0) {
                return Err(BoostError::Weight { row, value });
            }
            positive |= value > 0.0;
        }
        if !positive {
            return Err(BoostError::Weight { row: 0, value: 0.0 });
        }
        Ok(Rows { matrix: Matrix { values: self.records.as_slice().unwrap_or_default(), width }, targets, weights })
    }
}

/// A logit has no start if all targets are 0 or all are 1.
fn check_classes(objective: Objective, rows: &Rows) -> Result<(), BoostError> {
    if objective != Objective::Logistic {
        return Ok(());
    }
    let counted = |row: usize| rows.weights.is_none_or(|weights| weights[row] > 0.0);
    for (label, value) in [(0, 0.0), (1, 1.0)] {
        if rows.targets.iter().enumerate().all(|(row, target)| *target == value || !counted(row)) {
            return Err(BoostError::OneClass { rows: rows.targets.len(), label });
        }
    }
    Ok(())
}

fn has_bounds(data: &Binned) -> bool {
    data.slots.iter().any(|slot| matches!(slot.cuts, Cuts::Numeric { monotone, .. } if monotone != 0))
}

/// One training.
struct Run<'a> {
    params: &'a BoostValidParams,
    data: &'a Binned,
    rows: Rows<'a>,
    bounded: bool,
}

/// Rows whose loss is followed.
struct Watched<'a> {
    rows: &'a Rows<'a>,
    scores: Vec<f64>,
}

impl Run<'_> {
    fn boost(&self, booster: &mut Booster, watch: Option<Rows>, mut progress: Option<&mut Progress>) {
        let params = self.params;
        let count = self.rows.targets.len();
        let mut scores = vec![booster.base; count];
        let mut watched = watch.as_ref().map(|rows| Watched { rows, scores: vec![booster.base; rows.targets.len()] });
        let mut best = match &watched {
            Some(watched) => (self.loss(watched.rows, &watched.scores), 0),
            None => (f64::INFINITY, 0),
        };
        let mut gradients = Gradients::new(count);
        let mut room = Room::default();
        let (mut numbers, mut spare) = (vec![0; count], vec![0; count]);
        let mut in_bag = Vec::new();
        for tree in 0..params.trees {
            let scale = gradients.update(params.objective, &scores, self.rows.targets, self.rows.weights);
            let Some(scale) = scale else { break };
            let mut random = ChaCha8Rng::seed_from_u64(params.seed);
            random.set_stream(tree as u64);
            let active = self.draw_columns(&mut random);
            let drawn = self.draw_rows(&mut random, &mut numbers, &mut in_bag);
            let (rows, spare) = (&mut numbers[..drawn], &mut spare[..drawn]);
            let mut places = self.grow(&gradients, scale, &active, rows, spare, &mut room);
            if places.len() > 1 {
                self.renew(&mut places, &scores);
                let Some(grown) = Tree::new(&places, &self.data.slots, params.learning_rate) else { break };
                self.apply(&places, &grown, &in_bag, &mut scores, &booster.readings);
                booster.trees.push(grown);
            } else if params.row_share == 1.0 && params.column_share == 1.0 {
                break;
            }
            let Some(progress) = progress.as_deref_mut() else { continue };
            let loss = match &mut watched {
                Some(watched) => {
                    if places.len() > 1 {
                        watched.add(booster);
                    }
                    self.loss(watched.rows, &watched.scores)
                }
                None => self.loss(&self.rows, &scores),
            };
            let go_on = progress(tree + 1, loss);
            if loss < best.0 {
                best = (loss, booster.trees.len());
            } else if watched.is_some() && params.patience > 0 && booster.trees.len() >= best.1 + params.patience {
                break;
            }
            if go_on.is_break() {
                break;
            }
        }
        if watched.is_some() && params.patience > 0 {
            booster.trees.truncate(best.1);
        }
    }

    fn grow<'r>(
        &self,
        gradients: &Gradients,
        scale: Scale,
        active: &[bool],
        rows: &'r mut [u32],
        spare: &'r mut [u32],
        room: &mut Room,
    ) -> Vec<Place<'r>> {
        let groups: Vec<bool> = active.chunks(super::bins::LANES).map(|lanes| lanes.contains(&true)).collect();
        let grower = grower(self.data, self.params, &gradients.pairs, scale, active, &groups, self.bounded);
        grower.grow(rows, spare, room)
    }

    fn draw_columns(&self, random: &mut ChaCha8Rng) -> Vec<bool> {
        let slots = self.data.slots.len();
        let wanted = ((slots as f64 * self.params.column_share).ceil() as usize).clamp(1, slots);
        let mut active = vec![wanted == slots; slots];
        let mut drawn = if wanted == slots { slots } else { 0 };
        while drawn < wanted {
            let slot = ((u64::from(random.next_u32()) * slots as u64) >> 32) as usize;
            drawn += usize::from(!active[slot]);
            active[slot] = true;
        }
        active
    }

    /// Writes the numbers of the drawn rows to the front of `numbers` and returns how many there are.
    fn draw_rows(&self, random: &mut ChaCha8Rng, numbers: &mut [u32], in_bag: &mut Vec<bool>) -> usize {
        if self.params.row_share == 1.0 {
            for (number, row) in numbers.iter_mut().zip(0..) {
                *number = row;
            }
            return numbers.len();
        }
        let below = (self.params.row_share * 2f64.powi(32)) as u64;
        in_bag.clear();
        in_bag.extend((0..numbers.len()).map(|_| u64::from(random.next_u32()) < below));
        let mut drawn = 0;
        for (row, _) in (0..).zip(in_bag.iter()).filter(|(_, drawn)| **drawn) {
            numbers[drawn] = row;
            drawn += 1;
        }
        drawn
    }

    /// Replaces leaf values by quantiles of the residuals where the objective asks for it.
    fn renew(&self, places: &mut [Place], scores: &[f64]) {
        let Some(level) = self.params.objective.leaf_level() else { return };
        places.par_iter_mut().for_each(|place| {
            let Place::Leaf(leaf) = place else { return };
            let residual = |row: &u32| {
                let row = *row as usize;
                let weight = self.rows.weights.map_or(1.0, |weights| f64::from(weights[row]));
                (f64::from(self.rows.targets[row]) - scores[row], weight)
            };
            let mut residuals: Vec<(f64, f64)> = leaf.rows.iter().map(residual).collect();
            let [least, greatest] = leaf.bounds();
            leaf.value = quantile(&mut residuals, level).clamp(least, greatest);
        });
    }

    /// Adds the tree to the scores: rows that it was grown on are known by leaf, others are walked down.
    fn apply(&self, places: &[Place], tree: &Tree, in_bag: &[bool], scores: &mut [f64], readings: &[Reading]) {
        let leaves: Vec<(&[u32], f64)> = places
            .iter()
            .filter_map(|place| match place {
                Place::Leaf(leaf) => Some((&*leaf.rows, f64::from(leaf_value(leaf.value, self.params.learning_rate)))),
                Place::Split { .. } => None,
            })
            .collect();
        scores.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, scores)| {
            let first = chunk * CHUNK;
            for (rows, value) in &leaves {
                let start = rows.partition_point(|row| (*row as usize) < first);
                let end = rows.partition_point(|row| (*row as usize) < first + scores.len());
                for row in &rows[start..end] {
                    scores[*row as usize - first] += value;
                }
            }
            if in_bag.is_empty() {
                return;
            }
            for (row, score) in (first..).zip(scores).filter(|(row, _)| !in_bag[*row]) {
                *score += tree.value(self.rows.matrix.row(row), readings);
            }
        });
    }

    /// The mean loss, weighted if the rows are.
    fn loss(&self, rows: &Rows, scores: &[f64]) -> f64 {
        let objective = self.params.objective;
        let sum = |(chunk, scores): (usize, &[f64])| {
            let (mut sum, mut weight) = (0.0, 0.0);
            for (row, score) in (chunk * CHUNK..).zip(scores) {
                let w = rows.weights.map_or(1.0, |weights| f64::from(weights[row]));
                sum += w * objective.loss(*score, rows.targets[row]);
                weight += w;
            }
            (sum, weight)
        };
        let parts: Vec<(f64, f64)> = scores.par_chunks(CHUNK).enumerate().map(sum).collect();
        let (sum, weight) = parts.iter().fold((0.0, 0.0), |all, part| (all.0 + part.0, all.1 + part.1));
        sum / weight
    }
}

impl Watched<'_> {
    /// Adds the newest tree to the scores.
    fn add(&mut self, booster: &Booster) {
        let Some(tree) = booster.trees.last() else { return };
        let matrix = self.rows.matrix;
        self.scores.par_iter_mut().with_min_len(512).enumerate().for_each(|(row, score)| {
            *score += tree.value(matrix.row(row), &booster.readings);
        });
    }
}
