//! Training a [`RiskModel`]: check, split, guard, compare, calibrate, measure.
//!
//! Guarantees: encoders and weights come from the training rows, the recipe, penalty and calibration from the
//! validation rows, and the test rows only reach the report. The same table and options give the same bytes.
//!
//! Non-goals: refitting on the later rows after the choice; the model that is measured is the model that is returned.

use ndarray::Array2;

use super::calibrate::Calibration;
use super::encode::{Context, FeatureEncoder, Recipe};
use super::leak;
use super::logistic::{Linear, LogisticError, LogisticParams};
use super::metrics::{self, ECE_BINS, MetricError, Metrics};
use super::model::{Parts, RiskModel};
use super::options::{OptionsError, TrainOptions};
use super::report::{Candidate, Report, SplitRows};
use super::split::{self, Split, SplitError};
use super::table::{Table, TableError, Value};

/// A risk model cannot be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A setting that makes no sense.
    #[error("the training options cannot be used")]
    Options(#[source] OptionsError),
    /// The table itself.
    #[error("the training table cannot be used")]
    Table(#[source] TableError),
    /// Too little to learn from.
    #[error("the table has {found} rows and training needs at least {needed}: collect more, or lower `rows_min`")]
    TooFewRows {
        /// Rows of the table.
        found: usize,
        /// Rows needed.
        needed: usize,
    },
    /// The splits.
    #[error("the table cannot be split in time order")]
    Split(#[source] SplitError),
    /// A split with one outcome only.
    #[error("all {rows} rows of the {split:?} split have the outcome {label}: collect rows of both, or move the cuts")]
    OneClass {
        /// Which.
        split: Split,
        /// Its rows.
        rows: usize,
        /// Its only outcome.
        label: bool,
    },
    /// A feature that knows the outcome.
    #[error(
        "feature `{feature}` alone reaches ROC-AUC {auc:.4} (limit {limit}): it was probably filled in after the outcome; \
         declare it a leak, or raise `leak_auc` if it was known in time"
    )]
    Leak {
        /// The feature.
        feature: String,
        /// What it reaches on the training rows.
        auc: f64,
        /// The limit in force.
        limit: f64,
    },
    /// The learner.
    #[error("the logistic regression on {recipe} encodings failed")]
    Logistic {
        /// The encoding.
        recipe: Recipe,
        /// Why.
        #[source]
        source: LogisticError,
    },
    /// A measure.
    #[error("the model cannot be measured")]
    Metric(#[source] MetricError),
}

/// The rows of one split, oldest first.
struct Fold<'a> {
    rows: Vec<&'a [Value]>,
    labels: Vec<bool>,
    times: Vec<i64>,
}

impl<'a> Fold<'a> {
    fn take(table: &'a Table, splits: &[Split], split: Split) -> Result<Fold<'a>, TrainError> {
        let mut indices: Vec<usize> = (0..splits.len()).filter(|&row| splits[row] == split).collect();
        indices.sort_by_key(|&row| table.times[row]);
        let fold = Fold {
            rows: indices.iter().map(|&row| table.rows[row].as_slice()).collect(),
            labels: indices.iter().map(|&row| table.labels[row]).collect(),
            times: indices.iter().map(|&row| table.times[row]).collect(),
        };
        match fold.labels.first() {
            Some(&label) if fold.labels.iter().all(|other| *other == label) => {
                Err(TrainError::OneClass { split, rows: fold.labels.len(), label })
            }
            _ => Ok(fold),
        }
    }

    fn feature(&self, index: usize) -> Vec<&'a Value> {
        self.rows.iter().filter_map(|row| row.get(index)).collect()
    }
}

/// The best setting so far.
struct Best {
    candidate: Candidate,
    encoders: Vec<FeatureEncoder>,
    linear: Linear,
    valid_logits: Vec<f64>,
}

impl RiskModel {
    /// Trains on `table` and measures on its test rows. `progress` hears the stage and the share done, 0 to 1.
    ///
    /// # Errors
    /// [`TrainError`].
    pub fn train(
        table: &Table,
        options: &TrainOptions,
        progress: &mut dyn FnMut(&str, f64),
    ) -> Result<(RiskModel, Report), TrainError> {
        options.check().map_err(TrainError::Options)?;
        progress("check", 0.0);
        table.check().map_err(TrainError::Table)?;
        if table.rows.len() < options.rows_min {
            return Err(TrainError::TooFewRows { found: table.rows.len(), needed: options.rows_min });
        }
        let splits = splits_of(table, options).map_err(TrainError::Split)?;
        let train = Fold::take(table, &splits, Split::Train)?;
        let valid = Fold::take(table, &splits, Split::Valid)?;
        let test = Fold::take(table, &splits, Split::Test)?;
        let context = context_of(&train, options);
        progress("leaks", 0.02);
        refuse_leaks(table, &train, &context, options)?;
        let (best, candidates) = compare(table, &train, &valid, &context, options, progress)?;
        progress("calibrate", 0.95);
        let calibration = Calibration::choose(&best.valid_logits, &valid.labels).map_err(TrainError::Metric)?;
        let Best { candidate, encoders, linear, .. } = best;
        let model = RiskModel::assemble(Parts {
            seed: options.seed,
            schema: table.schema.clone(),
            recipe: candidate.recipe,
            encoders,
            linear,
            calibration: calibration.clone(),
        });
        progress("measure", 0.97);
        let probabilities: Result<Vec<f64>, _> = test.rows.iter().map(|row| model.probability(row)).collect();
        let probabilities = probabilities.map_err(|error| TrainError::Table(TableError::Schema(error)))?;
        let measured = Metrics::measure(&probabilities, &test.labels).map_err(TrainError::Metric)?;
        let baseline = Metrics::of_base_rate(context.base_rate, &test.labels).map_err(TrainError::Metric)?;
        let (rows_train, rows_valid, rows_test) = (train.rows.len(), valid.rows.len(), test.rows.len());
        let gap = table.rows.len() - rows_train - rows_valid - rows_test;
        let report = Report {
            rows: SplitRows { train: rows_train, valid: rows_valid, test: rows_test, gap },
            base_rate: context.base_rate,
            chosen: candidate.recipe,
            alpha: candidate.alpha,
            calibration: calibration.name().to_owned(),
            candidates,
            test: measured,
            baseline,
            reliability: metrics::reliability(&probabilities, &test.labels, ECE_BINS).map_err(TrainError::Metric)?,
            beats_baseline: measured.log_loss < baseline.log_loss,
        };
        progress("done", 1.0);
        Ok((model, report))
    }
}

fn splits_of(table: &Table, options: &TrainOptions) -> Result<Vec<Split>, SplitError> {
    match &table.splits {
        Some(splits) => split::check_order(&table.times, splits).map(|()| splits.clone()),
        None => split::by_time(&table.times, options.fractions, options.outcome_delay),
    }
}

fn context_of(train: &Fold<'_>, options: &TrainOptions) -> Context {
    let bad = train.labels.iter().filter(|label| **label).count();
    Context {
        labels: train.labels.clone(),
        times: train.times.clone(),
        base_rate: bad as f64 / train.labels.len() as f64,
        outcome_delay: options.outcome_delay,
        bins_max: options.bins_max,
        smoothing: options.smoothing,
    }
}

fn refuse_leaks(table: &Table, train: &Fold<'_>, context: &Context, options: &TrainOptions) -> Result<(), TrainError> {
    for (index, feature) in table.schema.features.iter().enumerate() {
        if let Some(auc) = leak::single_feature_auc(feature.kind, &train.feature(index), context)
            && auc >= options.leak_auc
        {
            return Err(TrainError::Leak { feature: feature.name.clone(), auc, limit: options.leak_auc });
        }
    }
    Ok(())
}

/// Fits every recipe with every penalty; keeps the one with the lowest validation log loss, the first among equals.
fn compare(
    table: &Table,
    train: &Fold<'_>,
    valid: &Fold<'_>,
    context: &Context,
    options: &TrainOptions,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<(Best, Vec<Candidate>), TrainError> {
    let total = (options.recipes.len() * options.alphas.len()) as f64;
    let mut candidates = Vec::new();
    let mut best: Option<Best> = None;
    for &recipe in &options.recipes {
        let (encoders, matrix) = encode(table, train, recipe, context);
        let valid_rows: Vec<Vec<f64>> = valid.rows.iter().map(|row| columns_of(&encoders, row)).collect();
        for &alpha in &options.alphas {
            progress(&format!("fit: {recipe}, alpha {alpha}"), 0.05 + 0.9 * candidates.len() as f64 / total);
            let params = LogisticParams { alpha, iterations_max: options.iterations_max };
            let linear = Linear::fit(&matrix, &train.labels, params)
                .map_err(|source| TrainError::Logistic { recipe, source })?;
            let valid_logits: Vec<f64> = valid_rows.iter().map(|row| linear.score(row.iter().copied())).collect();
            let probabilities: Vec<f64> =
                valid_logits.iter().map(|&logit| Calibration::Identity.apply(logit)).collect();
            let valid_log_loss = metrics::log_loss(&probabilities, &valid.labels).map_err(TrainError::Metric)?;
            let candidate = Candidate { recipe, alpha, valid_log_loss };
            candidates.push(candidate.clone());
            if best.as_ref().is_none_or(|best| valid_log_loss < best.candidate.valid_log_loss) {
                best = Some(Best { candidate, encoders: encoders.clone(), linear, valid_logits });
            }
        }
    }
    let best = best.ok_or(TrainError::Metric(MetricError::Length { scores: 0, labels: valid.labels.len() }))?;
    Ok((best, candidates))
}

/// Fits one encoder per feature; also the training matrix, rows × columns in feature order.
fn encode(table: &Table, train: &Fold<'_>, recipe: Recipe, context: &Context) -> (Vec<FeatureEncoder>, Array2<f64>) {
    let mut encoders = Vec::new();
    let mut columns = Vec::new();
    for (index, feature) in table.schema.features.iter().enumerate() {
        let fitted = FeatureEncoder::fit(feature.kind, &train.feature(index), recipe, context);
        encoders.push(fitted.encoder);
        columns.extend(fitted.training);
    }
    let matrix = Array2::from_shape_fn((train.rows.len(), columns.len()), |(row, column)| columns[column][row]);
    (encoders, matrix)
}

fn columns_of(encoders: &[FeatureEncoder], row: &[Value]) -> Vec<f64> {
    let parts = encoders.iter().zip(row);
    parts.flat_map(|(encoder, value)| encoder.columns.iter().map(move |column| column.encode(value))).collect()
}
