//! The learners that compete, what each leaves behind, and how a fitted one is asked.
//!
//! Guarantees: what is fitted answers any encoded row with a finite logit; its effects and its base sum to that logit.
//!
//! Non-goals: choosing among learners, see [`super::train`].

use std::ops::ControlFlow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use linfa::ParamGuard;
use linfa::traits::Fit;
use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::boost::{BoostError, BoostParams, Booster, Column, Objective, Records};
use super::encode::{FeatureEncoder, Recipe};
use super::logistic::{ElasticNetParams, Linear, LogisticError, LogisticParams};
use super::table::{Kind, Monotone};

/// Share of rows that each tree is grown on: trees that differ err less together.
const ROW_SHARE: f64 = 0.7;
/// Fits of a kept tree learner.
const TREE_BAGS: usize = 3;
/// Trees on a forward fold without a lower loss after which the rest are not grown.
const PATIENCE: usize = 60;
/// L2 penalty on the leaves.
const LEAF_L2: f64 = 5.0;

/// A learner and its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "learner", rename_all = "snake_case", deny_unknown_fields)]
pub enum Learner {
    /// linfa's logistic regression.
    Logistic {
        /// How features are encoded.
        recipe: Recipe,
        /// L2 penalty on the standardised weights, against the sum of the log losses.
        alpha: f64,
    },
    /// linfa's elastic net on the outcomes as 0 and 1: a linear score that leaves columns out.
    ElasticNet {
        /// How features are encoded.
        recipe: Recipe,
        /// Penalty on the standardised weights, against half the mean squared error.
        penalty: f64,
        /// Share of the penalty on their size rather than their square, 0 to 1.
        l1_ratio: f64,
    },
    /// Boosted trees.
    Trees {
        /// How features are encoded.
        recipe: Recipe,
        /// Most leaves of a tree.
        leaves: usize,
        /// What a tree's values are multiplied with.
        learning_rate: f64,
        /// Share of the columns that each tree may split on.
        column_share: f64,
        /// Most trees; of a kept learner, those that it has.
        trees: usize,
    },
}

impl Learner {
    /// How features are encoded for it.
    pub fn recipe(&self) -> Recipe {
        match self {
            Learner::Logistic { recipe, .. } | Learner::ElasticNet { recipe, .. } | Learner::Trees { recipe, .. } => {
                *recipe
            }
        }
    }

    /// The most trees that it may have; 0 where it has none.
    pub(crate) fn trees(&self) -> usize {
        if let Learner::Trees { trees, .. } = self { *trees } else { 0 }
    }

    /// How often it is fitted, each time with other draws: their mean varies less than one of them.
    pub(crate) fn bags(&self) -> usize {
        match self {
            Learner::Logistic { .. } | Learner::ElasticNet { .. } => 1,
            Learner::Trees { .. } => TREE_BAGS,
        }
    }

    /// Whether it can promise that the risk only rises, or only falls, with a feature.
    pub(crate) fn keeps_monotone(&self) -> bool {
        matches!(self, Learner::Trees { recipe, .. } if !recipe.is_linear())
    }

    /// Whether it is the other learner but for native categories instead of as-of rates.
    pub(crate) fn is_native_twin_of(&self, other: &Learner) -> bool {
        let mut twin = other.clone();
        match &mut twin {
            Learner::Trees { recipe, .. } if *recipe == Recipe::AsOfRate => *recipe = Recipe::Native,
            _ => return false,
        }
        *self == twin
    }

    /// Learners that err alike.
    pub(crate) fn family(&self) -> Family {
        match self {
            Learner::Logistic { .. } | Learner::ElasticNet { .. } => Family::Linear,
            Learner::Trees { recipe, .. } => Family::Trees(*recipe),
        }
    }

    /// What is wrong with the settings, in words.
    pub(crate) fn fault(&self) -> Option<String> {
        match self {
            Learner::Logistic { recipe, .. } | Learner::ElasticNet { recipe, .. } if !recipe.is_linear() => {
                Some(format!("{self} on codes or absent numbers"))
            }
            Learner::Logistic { alpha, .. } if !(alpha.is_finite() && *alpha > 0.0) => Some(format!("alpha {alpha}")),
            Learner::ElasticNet { penalty, l1_ratio, .. }
                if !(penalty.is_finite() && *penalty > 0.0 && (0.0..=1.0).contains(l1_ratio)) =>
            {
                Some(format!("penalty {penalty}, share of it on size {l1_ratio}"))
            }
            Learner::Logistic { .. } | Learner::ElasticNet { .. } => None,
            Learner::Trees { leaves, learning_rate, column_share, trees, .. } => {
                let params = boost_params(*leaves, *learning_rate, *column_share, *trees).check();
                params.err().map(|error| error.to_string())
            }
        }
    }
}

/// See [`Learner::family`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    Linear,
    Trees(Recipe),
}

impl std::fmt::Display for Learner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Learner::Logistic { recipe, alpha } => write!(f, "logistic, {recipe}, alpha {alpha}"),
            Learner::ElasticNet { recipe, penalty, .. } => write!(f, "elastic net, {recipe}, penalty {penalty}"),
            Learner::Trees { recipe, leaves, column_share, trees, .. } => {
                write!(f, "{trees} trees of {leaves} leaves on {:.0} %, {recipe}", 100.0 * column_share)
            }
        }
    }
}

fn boost_params(leaves: usize, learning_rate: f64, column_share: f64, trees: usize) -> BoostParams {
    BoostParams::new(Objective::Logistic)
        .leaves_max(leaves)
        .learning_rate(learning_rate)
        .trees(trees)
        .row_share(ROW_SHARE)
        .column_share(column_share)
        .l2(LEAF_L2)
}

/// What trees make of a feature's columns.
pub(crate) fn column_of(kind: Kind, recipe: Recipe, monotone: Option<Monotone>) -> Column {
    let direction = match monotone {
        _ if recipe.is_linear() => 0,
        Some(Monotone::Rising) => 1,
        Some(Monotone::Falling) => -1,
        None => 0,
    };
    match kind {
        Kind::Categorical if recipe == Recipe::Native => Column::Categorical,
        Kind::Categorical => Column::Numeric { monotone: 0 },
        Kind::Numeric => Column::Numeric { monotone: direction },
    }
}

/// The features of some rows in one recipe: rows × columns, and what each column holds.
pub(crate) struct Encoded {
    pub(crate) matrix: Array2<f64>,
    pub(crate) columns: Vec<Column>,
}

impl Encoded {
    pub(crate) fn new(rows: usize, columns: &[Vec<f64>], meanings: Vec<Column>) -> Encoded {
        let cell = |(row, column): (usize, usize)| columns[column][row];
        Encoded { matrix: Array2::from_shape_fn((rows, columns.len()), cell), columns: meanings }
    }

    fn records(&self, labels: &[bool]) -> Records {
        let targets: Array1<f32> = labels.iter().map(|label| f32::from(u8::from(*label))).collect();
        Records::new(self.matrix.mapv(|value| value as f32), targets)
    }
}

/// A learner cannot be fitted.
#[derive(Debug, thiserror::Error)]
pub enum LearnerError {
    /// Logistic regression.
    #[error(transparent)]
    Logistic(#[from] LogisticError),
    /// Boosted trees.
    #[error(transparent)]
    Boost(#[from] BoostError),
}

/// What a learner leaves behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fitted {
    /// Weights.
    Linear(Linear),
    /// Trees, in their own format.
    Trees(#[serde(serialize_with = "to_text", deserialize_with = "from_text")] Booster),
}

pub(crate) fn to_text<S: Serializer>(booster: &Booster, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&STANDARD.encode(booster.to_bytes()))
}

pub(crate) fn from_text<'de, D: Deserializer<'de>>(from: D) -> Result<Booster, D::Error> {
    use serde::de::Error;
    let bytes = STANDARD.decode(String::deserialize(from)?).map_err(D::Error::custom)?;
    Booster::from_bytes(&bytes).map_err(D::Error::custom)
}

impl Fitted {
    /// Fits on all rows.
    pub(crate) fn fit(
        learner: &Learner,
        rows: &Encoded,
        labels: &[bool],
        iterations_max: u64,
        seed: u64,
    ) -> Result<Fitted, LearnerError> {
        Ok(match learner {
            Learner::Logistic { alpha, .. } => {
                Fitted::Linear(Linear::fit(&rows.matrix, labels, LogisticParams { alpha: *alpha, iterations_max })?)
            }
            Learner::ElasticNet { penalty, l1_ratio, .. } => {
                let params = ElasticNetParams { penalty: *penalty, l1_ratio: *l1_ratio, iterations_max };
                Fitted::Linear(Linear::fit_elastic_net(&rows.matrix, labels, params)?)
            }
            Learner::Trees { leaves, learning_rate, column_share, trees, .. } => {
                let params = boost_params(*leaves, *learning_rate, *column_share, *trees);
                let params = params.columns(rows.columns.clone()).seed(seed).check()?;
                Fitted::Trees(params.fit(&rows.records(labels))?)
            }
        })
    }

    /// As [`Fitted::fit`]; trees also tell the loss on `later` rows after each of them.
    pub(crate) fn fit_watched(
        learner: &Learner,
        (rows, labels): (&Encoded, &[bool]),
        (later, later_labels): (&Encoded, &[bool]),
        iterations_max: u64,
        seed: u64,
    ) -> Result<(Fitted, Vec<f64>), LearnerError> {
        let Learner::Trees { leaves, learning_rate, column_share, trees, .. } = learner else {
            return Ok((Fitted::fit(learner, rows, labels, iterations_max, seed)?, Vec::new()));
        };
        let mut losses = Vec::with_capacity(*trees);
        let params = boost_params(*leaves, *learning_rate, *column_share, *trees);
        let params = params.columns(rows.columns.clone()).seed(seed).check()?;
        let later = later.records(later_labels);
        let mut best = (f64::INFINITY, 0);
        let booster = params.fit_watched(&rows.records(labels), Some(&later), &mut |trees, loss| {
            losses.push(loss);
            if loss < best.0 {
                best = (loss, trees);
            }
            if trees >= best.1 + PATIENCE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok((Fitted::Trees(booster), losses))
    }

    /// The logits of many rows.
    pub(crate) fn logits(&self, matrix: ArrayView2<f64>) -> Vec<f64> {
        match self {
            Fitted::Linear(linear) => matrix.rows().into_iter().map(|row| linear.score(row.iter().copied())).collect(),
            Fitted::Trees(booster) => booster.raw_batch(matrix.mapv(|value| value as f32).view()),
        }
    }

    /// The logit of one row.
    pub(crate) fn logit(&self, row: &[f64]) -> f64 {
        match self {
            Fitted::Linear(linear) => linear.score(row.iter().copied()),
            Fitted::Trees(booster) => booster.raw(&narrow(row)),
        }
    }

    /// What each column adds to the logit, against [`Fitted::base`].
    pub(crate) fn effects(&self, row: &[f64]) -> Vec<f64> {
        match self {
            Fitted::Linear(linear) => row.iter().enumerate().map(|(at, value)| linear.effect(at, *value)).collect(),
            Fitted::Trees(booster) => {
                let mut effects = booster.contributions(&narrow(row));
                effects.pop();
                effects
            }
        }
    }

    /// The logit from which effects are counted.
    pub(crate) fn base(&self) -> f64 {
        match self {
            Fitted::Linear(linear) => linear.intercept(),
            Fitted::Trees(booster) => booster.contributions(&[]).last().copied().unwrap_or_default(),
        }
    }

    /// Whether it can answer rows of so many columns.
    pub(crate) fn fits(&self, columns: usize) -> bool {
        match self {
            Fitted::Linear(linear) => linear.width() == columns && linear.is_sound(),
            Fitted::Trees(booster) => booster.columns() == columns && booster.objective() == Objective::Logistic,
        }
    }
}

fn narrow(row: &[f64]) -> Vec<f32> {
    row.iter().map(|value| *value as f32).collect()
}

/// One row of columns.
pub(crate) fn encode_row(encoders: &[FeatureEncoder], row: &[super::table::Value]) -> Vec<f64> {
    let parts = encoders.iter().zip(row);
    parts.flat_map(|(encoder, value)| encoder.columns.iter().map(move |column| column.encode(value))).collect()
}
