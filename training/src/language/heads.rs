//! An intent head: a text and its embedding in, calibrated probabilities over a closed set of classes out.
//!
//! Purpose: multinomial logistic regression (linfa's) on embeddings, its logits mixed with those of a [`WordModel`], its
//! confidence calibrated by temperatures (Guo et al. 2017), with a threshold for each class below which to abstain.
//!
//! Guarantees: penalty, mixture, temperatures and thresholds are chosen on logits of rows that neither part was fitted on:
//! the calibrating rows where there are any (an encoder that was trained on the other rows flatters them), else the folds of
//! a stratified cross-validation; the held-out rows only reach the report; the label set is closed by construction; a stored
//! head reads back to the same bytes and answers.
//!
//! What belongs to no class is told by its energy (Liu et al. 2020): a text below the floor, which few texts of the classes are,
//! gets no class however sure its probabilities look. Non-goals: learning from texts of no class.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::check::{check_embedding, check_input, check_options, check_support};
use super::choose::{self, Chosen, Mixture};
use super::fit::{Fitted, softmax};
use super::measure;
use super::threshold::fit_thresholds;
use super::words::WordModel;

pub use super::threshold::{energy, fit_floor};

/// The layout of the stored head; a reader refuses any other.
const FORMAT: u32 = 3;

/// Rows to train on and to measure on.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// One vector a row, of one width.
    pub embeddings: &'a [Vec<f32>],
    /// The text of each row.
    pub texts: &'a [String],
    /// The class of each row, an index.
    pub labels: &'a [usize],
    /// Rows that the encoder was not trained on; none where it was trained on no row.
    pub calibrating: &'a [usize],
    /// Rows that are only measured on.
    pub held_out: &'a [usize],
}

/// Settings of [`IntentHead::train`], checked before use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeadOptions {
    /// Deals the rows to folds.
    pub seed: u64,
    /// L2 penalties to compare, against the sum of the log losses.
    pub alphas: Vec<f64>,
    /// Folds of the cross-validation.
    pub folds: usize,
    /// How often an answer above the threshold should be right.
    pub target_precision: f64,
    /// Share of the rows that were chosen on which may be below the floor.
    pub below_floor: f64,
    /// Most solver steps of one fit.
    pub iterations_max: u64,
    /// Whether the calibrating rows are fitted on as well, once everything is chosen.
    pub joined: bool,
}

impl Default for HeadOptions {
    fn default() -> Self {
        HeadOptions {
            seed: 0,
            alphas: vec![0.03, 0.1, 0.3, 1.0],
            folds: 5,
            target_precision: 0.9,
            below_floor: 0.02,
            iterations_max: 200,
            joined: true,
        }
    }
}

/// A head cannot be trained, stored or used.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// A setting that makes no sense.
    #[error("the head option `{name}` is {value}: give {allowed}")]
    Option {
        /// The option.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// Labels, classes or held-out rows that do not fit.
    #[error("the training input does not fit together: {what}")]
    Input {
        /// What is wrong and how to mend it.
        what: String,
    },
    /// An embedding that cannot be used.
    #[error(
        "{place} has {found} and the head needs {width} finite numbers: embed with the encoder of the training rows"
    )]
    Embedding {
        /// Which one.
        place: String,
        /// What it has.
        found: String,
        /// Numbers needed.
        width: usize,
    },
    /// The solver gave up.
    #[error("the solver failed at alpha {alpha} ({message}): try a larger alpha")]
    Solver {
        /// The penalty.
        alpha: f64,
        /// What linfa said.
        message: String,
    },
    /// Not the JSON of a head.
    #[error("the intent head cannot be read: train it again, or restore the file")]
    Json(#[source] serde_json::Error),
    /// Of another layout, or with parts that do not fit.
    #[error("the intent head cannot be used ({what}): train it again with this version, or restore the file")]
    Damaged {
        /// What is wrong.
        what: String,
    },
}

/// A trained head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntentHead {
    format: u32,
    seed: u64,
    classes: Vec<String>,
    width: usize,
    mixture: Mixture,
    /// One a class.
    thresholds: Vec<f32>,
    floor: f64,
    intercept: Vec<f32>,
    /// Classes × width.
    weights: Vec<Vec<f32>>,
    words: WordModel,
}

/// One class on the held-out rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassReport {
    /// The class.
    pub class: String,
    /// Right answers among those that named it; 0 when none did.
    pub precision: f64,
    /// Right answers among its rows; 0 without rows.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
    /// Its held-out rows.
    pub support: usize,
    /// Below this confidence the head abstains from naming it; above 1, always.
    pub threshold: f32,
}

/// The result of one training run, measured on the held-out rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadReport {
    /// Rows fitted on.
    pub rows_train: usize,
    /// Rows measured on.
    pub rows_held_out: usize,
    /// The penalty chosen.
    pub alpha: f64,
    /// Log loss of every penalty on the rows that were chosen on, with its best mixture, in the order tried.
    pub candidates: Vec<(f64, f64)>,
    /// Share of the words in the mixture.
    pub words_share: f64,
    /// Accuracy of the embeddings alone on the rows that were chosen on.
    pub accuracy_embeddings: f64,
    /// Accuracy of the words alone on them.
    pub accuracy_words: f64,
    /// Accuracy of the mixture on them.
    pub accuracy_mixed: f64,
    /// Share of right answers, nothing abstained.
    pub accuracy: f64,
    /// Mean F1 over the classes that occur or are answered.
    pub macro_f1: f64,
    /// Mean negative log likelihood, in nats.
    pub log_loss: f64,
    /// Share of rows below the floor.
    pub strange: f64,
    /// Share of rows at or above floor and threshold of the class that is named.
    pub coverage: f64,
    /// Share of right answers among those; 0 when there are none.
    pub precision_covered: f64,
    /// One per class, in class order.
    pub classes: Vec<ClassReport>,
}

impl IntentHead {
    /// Trains on all rows but `held_out` (row indices) and measures on those. Labels index `classes`; every class
    /// needs two training rows. `progress` hears the stage and the share done, 0 to 1.
    ///
    /// # Errors
    /// [`HeadError`].
    pub fn train(
        rows: &Rows<'_>,
        classes: &[String],
        options: &HeadOptions,
        progress: &mut dyn FnMut(&str, f64),
    ) -> Result<(IntentHead, HeadReport), HeadError> {
        check_options(options)?;
        let width = check_input(rows, classes)?;
        let mut is_held_out = vec![false; rows.labels.len()];
        rows.held_out.iter().for_each(|&row| is_held_out[row] = true);
        let fitted: Vec<usize> = (0..rows.labels.len()).filter(|&row| !is_held_out[row]).collect();
        let labels: Vec<usize> = fitted.iter().map(|&row| rows.labels[row]).collect();
        check_support(&labels, classes)?;
        let chosen = choose::choose(rows, &fitted, classes.len(), options, progress)?;
        let thresholds = fit_thresholds(&chosen.confident, classes.len(), options.target_precision);
        let floor = fit_floor(&chosen.energies, options.below_floor);
        progress("fit", 0.85);
        let is_fitted = |row: &usize| options.joined || !rows.calibrating.contains(row);
        let fitted: Vec<usize> = fitted.into_iter().filter(is_fitted).collect();
        let labels: Vec<usize> = fitted.iter().map(|&row| rows.labels[row]).collect();
        let matrix = Array2::from_shape_fn((fitted.len(), width), |(row, column)| {
            f64::from(rows.embeddings[fitted[row]][column])
        });
        let model = Fitted::fit(matrix, &labels, chosen.alpha, options.iterations_max)
            .map_err(|message| HeadError::Solver { alpha: chosen.alpha, message })?;
        let texts: Vec<&str> = fitted.iter().map(|&row| rows.texts[row].as_str()).collect();
        let head = IntentHead {
            format: FORMAT,
            seed: options.seed,
            classes: classes.to_vec(),
            width,
            mixture: chosen.mixture,
            thresholds,
            floor,
            intercept: model.intercept.iter().map(|weight| *weight as f32).collect(),
            weights: model.weights.columns().into_iter().map(|c| c.iter().map(|w| *w as f32).collect()).collect(),
            words: WordModel::fit(&texts, &labels, classes.len(), options.seed),
        };
        progress("measure", 0.98);
        let report = head.report(rows, &chosen, fitted.len());
        progress("done", 1.0);
        Ok((head, report))
    }

    /// Calibrated probabilities of a text and its embedding, in class order; they sum to 1.
    ///
    /// # Errors
    /// [`HeadError::Embedding`] for another width or a number that is not finite.
    pub fn predict(&self, text: &str, embedding: &[f32]) -> Result<Vec<f32>, HeadError> {
        Ok(probabilities(&self.logits(text, embedding)?))
    }

    /// Calibrated logits, of which [`probabilities`] and [`energy`] are made.
    ///
    /// # Errors
    /// As [`IntentHead::predict`].
    pub fn logits(&self, text: &str, embedding: &[f32]) -> Result<Vec<f64>, HeadError> {
        check_embedding(embedding, self.width, || "the embedding".to_owned())?;
        Ok(self.mixed(text, embedding))
    }

    /// The confidence below which to abstain from naming a class; above 1 when no confidence reached the target precision.
    pub fn threshold(&self, class: usize) -> f32 {
        self.thresholds.get(class).copied().unwrap_or(super::threshold::ALWAYS_ABSTAIN)
    }

    /// Whether a text of these logits is of no class, as far as the floor tells.
    pub fn is_strange(&self, logits: &[f64]) -> bool {
        energy(logits) < self.floor
    }

    /// The classes, in the order of the probabilities.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Numbers in an embedding.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The head as JSON; the same head gives the same bytes.
    ///
    /// # Errors
    /// [`HeadError::Json`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, HeadError> {
        serde_json::to_vec(self).map_err(HeadError::Json)
    }

    /// Reads what [`IntentHead::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`HeadError::Json`], [`HeadError::Damaged`].
    pub fn from_bytes(bytes: &[u8]) -> Result<IntentHead, HeadError> {
        let head: IntentHead = serde_json::from_slice(bytes).map_err(HeadError::Json)?;
        let damaged = |what: String| HeadError::Damaged { what };
        if head.format != FORMAT {
            return Err(damaged(format!("format {} instead of {FORMAT}", head.format)));
        }
        let count = head.classes.len();
        let shaped = head.weights.len() == count
            && head.weights.iter().all(|row| row.len() == head.width)
            && head.words.classes() == count
            && head.thresholds.len() == count;
        if count < 2 || head.width == 0 || head.intercept.len() != count || !shaped {
            return Err(damaged("its parts differ in size".to_owned()));
        }
        let numbers = head.intercept.iter().chain(head.weights.iter().flatten()).chain(&head.thresholds);
        if !numbers.copied().all(f32::is_finite) || !head.mixture.is_finite() || !head.floor.is_finite() {
            return Err(damaged("not all its numbers are finite".to_owned()));
        }
        Ok(head)
    }

    fn mixed(&self, text: &str, embedding: &[f32]) -> Vec<f64> {
        let dot = |row: &Vec<f32>| row.iter().zip(embedding).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>();
        let own: Vec<f64> =
            self.weights.iter().zip(&self.intercept).map(|(row, bias)| dot(row) + f64::from(*bias)).collect();
        self.mixture.of(&own, &self.words.logits(text))
    }

    fn report(&self, rows: &Rows<'_>, chosen: &Chosen, rows_train: usize) -> HeadReport {
        let logits: Vec<Vec<f64>> =
            rows.held_out.iter().map(|&row| self.mixed(&rows.texts[row], &rows.embeddings[row])).collect();
        let truth: Vec<usize> = rows.held_out.iter().map(|&row| rows.labels[row]).collect();
        let answers: Vec<(usize, f32)> = logits.iter().map(|row| top(&narrow(softmax(row)))).collect();
        let strange: Vec<bool> = logits.iter().map(|row| self.is_strange(row)).collect();
        let covered = measure::covered(&answers, &truth, &self.thresholds, &strange);
        let classes = measure::classes(&self.classes, &answers, &truth, &self.thresholds);
        HeadReport {
            rows_train,
            rows_held_out: truth.len(),
            alpha: chosen.alpha,
            candidates: chosen.candidates.clone(),
            words_share: chosen.mixture.share,
            accuracy_embeddings: chosen.accuracies[0],
            accuracy_words: chosen.accuracies[1],
            accuracy_mixed: chosen.accuracies[2],
            accuracy: measure::accuracy(&answers, &truth),
            macro_f1: measure::macro_f1(&classes, &answers),
            log_loss: super::threshold::log_loss(&logits, &truth),
            strange: strange.iter().filter(|strange| **strange).count() as f64 / truth.len() as f64,
            coverage: covered.len() as f64 / truth.len() as f64,
            precision_covered: covered.iter().filter(|right| **right).count() as f64 / covered.len().max(1) as f64,
            classes,
        }
    }
}

/// Probabilities of logits.
pub fn probabilities(logits: &[f64]) -> Vec<f32> {
    narrow(softmax(logits))
}

pub(super) fn narrow(probabilities: Vec<f64>) -> Vec<f32> {
    probabilities.into_iter().map(|probability| probability as f32).collect()
}

/// The most probable class, the first among equals, and its probability.
pub(super) fn top(probabilities: &[f32]) -> (usize, f32) {
    let better = |best: (usize, f32), (index, &p): (usize, &f32)| if p > best.1 { (index, p) } else { best };
    probabilities.iter().enumerate().fold((0, f32::NEG_INFINITY), better)
}
