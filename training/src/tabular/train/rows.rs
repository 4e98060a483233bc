//! The rows that training works on, oldest first, and their features as columns.

use ndarray::Array2;

use super::TrainError;
use crate::tabular::encode::{Context, FeatureEncoder, Recipe};
use crate::tabular::learner::{Encoded, column_of, encode_row};
use crate::tabular::options::TrainOptions;
use crate::tabular::split::Split;
use crate::tabular::table::{Table, Value};

/// Some rows, oldest first.
pub(super) struct Rows<'a> {
    pub(super) rows: Vec<&'a [Value]>,
    pub(super) labels: Vec<bool>,
    pub(super) times: Vec<i64>,
}

impl<'a> Rows<'a> {
    pub(super) fn take(table: &'a Table, wanted: impl Fn(usize) -> bool) -> Rows<'a> {
        let mut indices: Vec<usize> = (0..table.rows.len()).filter(|&row| wanted(row)).collect();
        indices.sort_by_key(|&row| table.times[row]);
        Rows {
            rows: indices.iter().map(|&row| table.rows[row].as_slice()).collect(),
            labels: indices.iter().map(|&row| table.labels[row]).collect(),
            times: indices.iter().map(|&row| table.times[row]).collect(),
        }
    }

    pub(super) fn of_both_outcomes(self, split: Split) -> Result<Rows<'a>, TrainError> {
        match self.labels.first() {
            Some(&label) if self.labels.iter().all(|other| *other == label) => {
                Err(TrainError::OneClass { split, rows: self.labels.len(), label })
            }
            _ => Ok(self),
        }
    }

    pub(super) fn feature(&self, index: usize, first: usize) -> Vec<&'a Value> {
        self.rows.iter().take(first).filter_map(|row| row.get(index)).collect()
    }

    /// What encoders of the first so many rows are fitted with.
    pub(super) fn context(&self, first: usize, options: &TrainOptions) -> Context {
        let labels: Vec<bool> = self.labels.iter().take(first).copied().collect();
        let bad = labels.iter().filter(|label| **label).count();
        Context {
            times: self.times.iter().take(first).copied().collect(),
            base_rate: bad as f64 / labels.len().max(1) as f64,
            labels,
            outcome_delay: options.outcome_delay,
            bins_max: options.bins_max,
            smoothing: options.smoothing,
        }
    }
}

/// Encoders of one recipe, and the rows that they were fitted on.
pub(super) struct Basis {
    pub(super) encoders: Vec<FeatureEncoder>,
    pub(super) encoded: Encoded,
}

/// Fits one encoder per feature on the first so many rows.
pub(super) fn basis(table: &Table, rows: &Rows<'_>, first: usize, recipe: Recipe, context: &Context) -> Basis {
    let (mut encoders, mut columns, mut meanings) = (Vec::new(), Vec::new(), Vec::new());
    for (index, feature) in table.schema.features.iter().enumerate() {
        let fitted = FeatureEncoder::fit(feature.kind, &rows.feature(index, first), recipe, context);
        let meaning = column_of(feature.kind, recipe, table.facts.monotone.get(&feature.name).copied());
        meanings.extend(fitted.training.iter().map(|_| meaning));
        encoders.push(fitted.encoder);
        columns.extend(fitted.training);
    }
    Basis { encoders, encoded: Encoded::new(first, &columns, meanings) }
}

/// Later rows under the encoders of a basis.
pub(super) fn encode(basis: &Basis, rows: &[&[Value]]) -> Encoded {
    let width = basis.encoded.columns.len();
    let mut matrix = Array2::zeros((rows.len(), width));
    for (mut to, row) in matrix.rows_mut().into_iter().zip(rows) {
        to.iter_mut().zip(encode_row(&basis.encoders, row)).for_each(|(cell, value)| *cell = value);
    }
    Encoded { matrix, columns: basis.encoded.columns.clone() }
}
