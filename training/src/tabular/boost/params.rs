//! Settings of the boosted trees, checked before use in linfa's manner.
//!
//! Guarantees: a [`BoostValidParams`] can only be had by [`linfa::ParamGuard::check`], so training never meets a
//! setting out of range. Defaults are those of LightGBM 4, so that the two can be compared without a table.
//!
//! Non-goals: choosing settings; that is done on a validation fold by the caller.

use linfa::ParamGuard;

use super::error::BoostError;
use super::objective::Objective;

/// The most bins of a column, the one for missing values included: a bin is a byte.
pub const BINS_MAX: usize = 256;
/// The most leaves of a tree.
pub const LEAVES_MAX: usize = 65_536;
/// The most splits between root and leaf.
pub const DEPTH_MAX: usize = 256;
/// The most trees of a model.
pub const TREES_MAX: usize = 100_000;

/// What a column of the records holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// A number; NaN where it is missing.
    Numeric {
        /// 1 when the prediction may only rise with the value, -1 when it may only fall, 0 when it is free.
        monotone: i8,
    },
    /// Codes 0, 1, 2, … of categories; NaN where it is missing. At prediction an unknown code counts as missing.
    Categorical,
}

/// Settings that have not been checked. Every setter takes and returns the whole.
#[derive(Debug, Clone, PartialEq)]
pub struct BoostParams(BoostValidParams);

/// Settings that have been checked.
#[derive(Debug, Clone, PartialEq)]
pub struct BoostValidParams {
    pub(crate) objective: Objective,
    pub(crate) columns: Vec<Column>,
    pub(crate) trees: usize,
    pub(crate) learning_rate: f64,
    pub(crate) leaves_max: usize,
    pub(crate) depth_max: usize,
    pub(crate) bins_max: usize,
    pub(crate) bin_rows_min: usize,
    pub(crate) leaf_rows_min: usize,
    pub(crate) leaf_weight_min: f64,
    pub(crate) gain_min: f64,
    pub(crate) l2: f64,
    pub(crate) row_share: f64,
    pub(crate) column_share: f64,
    pub(crate) category: CategoryParams,
    pub(crate) patience: usize,
    pub(crate) seed: u64,
}

/// How splits on categories are restrained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CategoryParams {
    pub(crate) l2: f64,
    pub(crate) smoothing: f64,
    pub(crate) set_max: usize,
    pub(crate) one_against_rest_max: usize,
    pub(crate) group_rows_min: usize,
}

impl BoostParams {
    /// LightGBM's defaults for this objective, every column numeric and free.
    pub fn new(objective: Objective) -> BoostParams {
        BoostParams(BoostValidParams {
            objective,
            columns: Vec::new(),
            trees: 100,
            learning_rate: 0.1,
            leaves_max: 31,
            depth_max: DEPTH_MAX,
            bins_max: 255,
            bin_rows_min: 3,
            leaf_rows_min: 20,
            leaf_weight_min: 1e-3,
            gain_min: 0.0,
            l2: 0.0,
            row_share: 1.0,
            column_share: 1.0,
            category: CategoryParams {
                l2: 10.0,
                smoothing: 10.0,
                set_max: 32,
                one_against_rest_max: 4,
                group_rows_min: 100,
            },
            patience: 0,
            seed: 0,
        })
    }

    /// What each column holds, in order. None given: all are numeric and free.
    #[must_use]
    pub fn columns(mut self, columns: Vec<Column>) -> BoostParams {
        self.0.columns = columns;
        self
    }

    /// The most trees; default 100.
    #[must_use]
    pub fn trees(mut self, trees: usize) -> BoostParams {
        self.0.trees = trees;
        self
    }

    /// What a tree's values are multiplied with; default 0.1.
    #[must_use]
    pub fn learning_rate(mut self, rate: f64) -> BoostParams {
        self.0.learning_rate = rate;
        self
    }

    /// The most leaves of a tree; default 31.
    #[must_use]
    pub fn leaves_max(mut self, leaves: usize) -> BoostParams {
        self.0.leaves_max = leaves;
        self
    }

    /// The most splits between root and leaf; default [`DEPTH_MAX`].
    #[must_use]
    pub fn depth_max(mut self, depth: usize) -> BoostParams {
        self.0.depth_max = depth;
        self
    }

    /// The most bins of a column, the one for missing values included; default 255, at most [`BINS_MAX`].
    #[must_use]
    pub fn bins_max(mut self, bins: usize) -> BoostParams {
        self.0.bins_max = bins;
        self
    }

    /// The fewest rows in a bin of a numeric column; default 3.
    #[must_use]
    pub fn bin_rows_min(mut self, rows: usize) -> BoostParams {
        self.0.bin_rows_min = rows;
        self
    }

    /// The fewest rows in a leaf, counted exactly; default 20.
    #[must_use]
    pub fn leaf_rows_min(mut self, rows: usize) -> BoostParams {
        self.0.leaf_rows_min = rows;
        self
    }

    /// The least sum of second derivatives in a leaf (XGBoost's child weight); default 0.001.
    #[must_use]
    pub fn leaf_weight_min(mut self, weight: f64) -> BoostParams {
        self.0.leaf_weight_min = weight;
        self
    }

    /// The least gain of a split; default 0.
    #[must_use]
    pub fn gain_min(mut self, gain: f64) -> BoostParams {
        self.0.gain_min = gain;
        self
    }

    /// L2 penalty on leaf values; default 0.
    #[must_use]
    pub fn l2(mut self, l2: f64) -> BoostParams {
        self.0.l2 = l2;
        self
    }

    /// Share of the rows drawn for each tree; default 1.
    #[must_use]
    pub fn row_share(mut self, share: f64) -> BoostParams {
        self.0.row_share = share;
        self
    }

    /// Share of the columns drawn for each tree; default 1.
    #[must_use]
    pub fn column_share(mut self, share: f64) -> BoostParams {
        self.0.column_share = share;
        self
    }

    /// L2 penalty that is added for splits by a set of categories; default 10.
    #[must_use]
    pub fn category_l2(mut self, l2: f64) -> BoostParams {
        self.0.category.l2 = l2;
        self
    }

    /// Pseudo weight that draws a category's mean gradient to 0 when categories are ordered, and the fewest rows of a
    /// category that takes part in the order; default 10.
    #[must_use]
    pub fn category_smoothing(mut self, smoothing: f64) -> BoostParams {
        self.0.category.smoothing = smoothing;
        self
    }

    /// The most categories on the smaller side of a split; default 32.
    #[must_use]
    pub fn category_set_max(mut self, categories: usize) -> BoostParams {
        self.0.category.set_max = categories;
        self
    }

    /// Columns of at most this many bins are split one category against the rest; default 4.
    #[must_use]
    pub fn category_one_against_rest_max(mut self, bins: usize) -> BoostParams {
        self.0.category.one_against_rest_max = bins;
        self
    }

    /// The fewest rows that a further split point in the order of categories must add; default 100.
    #[must_use]
    pub fn category_group_rows_min(mut self, rows: usize) -> BoostParams {
        self.0.category.group_rows_min = rows;
        self
    }

    /// Trees without a better loss on the watched rows after which training stops and the trees after the best are
    /// dropped; default 0: never.
    #[must_use]
    pub fn patience(mut self, trees: usize) -> BoostParams {
        self.0.patience = trees;
        self
    }

    /// The seed of row and column sampling; default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> BoostParams {
        self.0.seed = seed;
        self
    }
}

impl ParamGuard for BoostParams {
    type Checked = BoostValidParams;
    type Error = BoostError;

    fn check_ref(&self) -> Result<&BoostValidParams, BoostError> {
        let p = &self.0;
        p.objective.check()?;
        let whole = |name, value: usize, least: usize, most: usize, expected| {
            let ok = (least..=most).contains(&value);
            if ok { Ok(()) } else { Err(BoostError::Setting { name, value: value as f64, expected }) }
        };
        whole("trees", p.trees, 1, TREES_MAX, "1 to 100000")?;
        whole("leaves_max", p.leaves_max, 2, LEAVES_MAX, "2 to 65536")?;
        whole("depth_max", p.depth_max, 1, DEPTH_MAX, "1 to 256")?;
        whole("bins_max", p.bins_max, 3, BINS_MAX, "3 to 256")?;
        whole("bin_rows_min", p.bin_rows_min, 1, usize::MAX, "at least 1")?;
        whole("leaf_rows_min", p.leaf_rows_min, 1, usize::MAX, "at least 1")?;
        whole("category_set_max", p.category.set_max, 1, usize::MAX, "at least 1")?;
        let number = |name, value: f64, ok: bool, expected| {
            if value.is_finite() && ok { Ok(()) } else { Err(BoostError::Setting { name, value, expected }) }
        };
        let positive = "a finite number of at least 0";
        let share = "a number above 0 and at most 1";
        number("learning_rate", p.learning_rate, p.learning_rate > 0.0, "a finite number above 0")?;
        number("leaf_weight_min", p.leaf_weight_min, p.leaf_weight_min >= 0.0, positive)?;
        number("gain_min", p.gain_min, p.gain_min >= 0.0, positive)?;
        number("l2", p.l2, p.l2 >= 0.0, positive)?;
        number("row_share", p.row_share, p.row_share > 0.0 && p.row_share <= 1.0, share)?;
        number("column_share", p.column_share, p.column_share > 0.0 && p.column_share <= 1.0, share)?;
        number("category_l2", p.category.l2, p.category.l2 >= 0.0, positive)?;
        number("category_smoothing", p.category.smoothing, p.category.smoothing >= 0.0, positive)?;
        for column in &p.columns {
            if let Column::Numeric { monotone } = *column {
                number("monotone", f64::from(monotone), (-1..=1).contains(&monotone), "-1, 0 or 1")?;
            }
        }
        Ok(p)
    }

    fn check(self) -> Result<BoostValidParams, BoostError> {
        self.check_ref()?;
        Ok(self.0)
    }
}
