//! The trained model.
//!
//! Guarantees: a score is the base plus one value of every tree, added in their order in f64, so a row's score is the
//! same alone and in a batch, before storing and after; scoring a row allocates nothing and never panics: a column that
//! the row lacks counts as missing, further ones are ignored.
//!
//! Non-goals: calibration.

use linfa::dataset::Pr;
use linfa::traits::PredictInplace;
use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;

use super::bins::Categories;
use super::forest::Forest;
use super::objective::Objective;
use super::params::Column;
use super::tree::{Node, Reading, Tree};

/// Boosted trees.
#[derive(Debug, Clone, PartialEq)]
pub struct Booster {
    pub(crate) objective: Objective,
    pub(crate) base: f64,
    pub(crate) readings: Vec<Reading>,
    pub(crate) trees: Vec<Tree>,
    /// The trees for scoring; none if they are beyond its layout.
    pub(crate) forest: Option<Forest>,
}

/// How much a column matters to a model.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Importance {
    /// Splits on it.
    pub splits: usize,
    /// What they took off the training loss, times two.
    pub gain: f64,
}

impl Booster {
    pub(crate) fn new(objective: Objective, base: f64, columns: &[Column]) -> Booster {
        let reading = |column: &Column| match column {
            Column::Numeric { .. } => Reading::Numeric,
            Column::Categorical => Reading::Categorical(Categories::default()),
        };
        Booster { objective, base, readings: columns.iter().map(reading).collect(), trees: Vec::new(), forest: None }
    }

    /// Prepares what scoring reads.
    pub(crate) fn compile(&mut self) {
        self.forest = Forest::new(&self.trees, &self.readings);
    }

    /// What was minimised.
    pub fn objective(&self) -> Objective {
        self.objective
    }

    /// The number of trees.
    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// The model after its first `trees` trees.
    #[must_use]
    pub fn truncated(&self, trees: usize) -> Booster {
        let mut shorter = self.clone();
        shorter.trees.truncate(trees);
        shorter.compile();
        shorter
    }

    /// The number of columns it was trained on.
    pub fn columns(&self) -> usize {
        self.readings.len()
    }

    /// The raw score without any tree.
    pub fn base(&self) -> f64 {
        self.base
    }

    /// The raw score of one row: a logit, a mean, a quantile or the log of a mean, as the objective says.
    pub fn raw(&self, row: &[f32]) -> f64 {
        match &self.forest {
            Some(forest) => forest.score(self.base, row),
            None => self.trees.iter().fold(self.base, |sum, tree| sum + tree.value(row, &self.readings)),
        }
    }

    /// The raw scores of many rows, on rayon's pool.
    pub fn raw_batch(&self, rows: ArrayView2<f32>) -> Vec<f64> {
        let rows = rows.as_standard_layout();
        let (count, width) = rows.dim();
        let values = rows.as_slice().unwrap_or_default();
        let mut scores = vec![0.0; count];
        match &self.forest {
            Some(forest) => forest.score_batch(self.base, values, width, &mut scores),
            None => scores.par_iter_mut().enumerate().with_min_len(64).for_each(|(row, score)| {
                *score = self.raw(values.get(row * width..(row + 1) * width).unwrap_or_default());
            }),
        }
        scores
    }

    /// The answer for one row on the scale of the targets: a probability, a mean or a quantile.
    pub fn response(&self, row: &[f32]) -> f64 {
        self.objective.response(self.raw(row))
    }

    /// One entry per column.
    pub fn importance(&self) -> Vec<Importance> {
        let mut all = vec![Importance::default(); self.columns()];
        for node in self.trees.iter().flat_map(|tree| &tree.nodes) {
            if let Node::Split { column, gain, .. } = node
                && let Some(one) = all.get_mut(*column as usize)
            {
                one.splits += 1;
                one.gain += f64::from(*gain);
            }
        }
        all
    }
}

impl PredictInplace<Array2<f32>, Array1<f32>> for Booster {
    /// Answers on the scale of the targets.
    fn predict_inplace<'a>(&'a self, x: &'a Array2<f32>, y: &mut Array1<f32>) {
        *y = self.raw_batch(x.view()).into_iter().map(|raw| self.objective.response(raw) as f32).collect();
    }

    fn default_target(&self, x: &Array2<f32>) -> Array1<f32> {
        Array1::zeros(x.nrows())
    }
}

impl PredictInplace<Array2<f32>, Array1<Pr>> for Booster {
    /// Probabilities; of objectives other than [`Objective::Logistic`] the answers, cut to 0 and 1.
    fn predict_inplace<'a>(&'a self, x: &'a Array2<f32>, y: &mut Array1<Pr>) {
        let probability = |raw: f64| Pr::new_unchecked(self.objective.response(raw).clamp(0.0, 1.0) as f32);
        *y = self.raw_batch(x.view()).into_iter().map(probability).collect();
    }

    fn default_target(&self, x: &Array2<f32>) -> Array1<Pr> {
        Array1::from_elem(x.nrows(), Pr::even())
    }
}
