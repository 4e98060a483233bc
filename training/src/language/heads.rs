//! An intent head: an embedding in, calibrated probabilities over a closed set of classes out.
//!
//! Purpose: multinomial logistic regression (linfa's) on embeddings, its penalty chosen by stratified cross-validation,
//! its confidence calibrated by one temperature (Guo et al. 2017), with a threshold below which to abstain.
//!
//! Guarantees: penalty, temperature and threshold are chosen on out-of-fold logits of the training rows; the held-out
//! rows only reach the report; the label set is closed by construction; a stored head reads back to the same bytes and
//! answers.
//!
//! Non-goals: recognising what belongs to no class. The threshold abstains on doubt, which is not the same.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::fit::{self, Fitted, softmax};
use super::threshold::{fit_temperature, fit_threshold, log_loss};

/// The layout of the stored head; a reader refuses any other.
const FORMAT: u32 = 1;

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
    /// Most solver steps of one fit.
    pub iterations_max: u64,
}

impl Default for HeadOptions {
    fn default() -> Self {
        HeadOptions {
            seed: 0,
            alphas: vec![0.03, 0.1, 0.3, 1.0],
            folds: 5,
            target_precision: 0.95,
            iterations_max: 200,
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
    temperature: f64,
    threshold: f32,
    intercept: Vec<f32>,
    /// Classes × width.
    weights: Vec<Vec<f32>>,
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
    /// Out-of-fold log loss of every penalty, before the temperature, in the order tried.
    pub candidates: Vec<(f64, f64)>,
    /// The temperature.
    pub temperature: f64,
    /// Below this confidence the head abstains; above 1, always.
    pub threshold: f32,
    /// Share of right answers, nothing abstained.
    pub accuracy: f64,
    /// Mean F1 over the classes that occur or are answered.
    pub macro_f1: f64,
    /// Mean negative log likelihood, in nats.
    pub log_loss: f64,
    /// Share of rows at or above the threshold.
    pub coverage: f64,
    /// Share of right answers among those; 0 when there are none.
    pub precision_covered: f64,
    /// One per class, in class order.
    pub classes: Vec<ClassReport>,
}

impl IntentHead {
    /// Trains on all rows but `held_out` (row indices) and measures on those. `labels` index `classes`; every class
    /// needs two training rows. `progress` hears the stage and the share done, 0 to 1.
    ///
    /// # Errors
    /// [`HeadError`].
    pub fn train(
        embeddings: &[Vec<f32>],
        labels: &[usize],
        classes: &[String],
        held_out: &[usize],
        options: &HeadOptions,
        progress: &mut dyn FnMut(&str, f64),
    ) -> Result<(IntentHead, HeadReport), HeadError> {
        check_options(options)?;
        let width = check_input(embeddings, labels, classes, held_out)?;
        let mut is_held_out = vec![false; labels.len()];
        held_out.iter().for_each(|&row| is_held_out[row] = true);
        let rows: Vec<usize> = (0..labels.len()).filter(|&row| !is_held_out[row]).collect();
        let train_labels: Vec<usize> = rows.iter().map(|&row| labels[row]).collect();
        check_support(&train_labels, classes)?;
        let matrix =
            Array2::from_shape_fn((rows.len(), width), |(row, column)| f64::from(embeddings[rows[row]][column]));
        let chosen = choose_alpha(&matrix, &train_labels, classes.len(), options, progress)?;
        let temperature = fit_temperature(&chosen.logits, &train_labels);
        let confident: Vec<(f32, bool)> = chosen
            .logits
            .iter()
            .zip(&train_labels)
            .map(|(logits, &label)| {
                let (best, confidence) = top(&narrow(softmax(logits, temperature)));
                (confidence, best == label)
            })
            .collect();
        progress("fit", 0.85);
        let fitted = Fitted::fit(matrix, &train_labels, chosen.alpha, options.iterations_max)
            .map_err(|message| HeadError::Solver { alpha: chosen.alpha, message })?;
        let head = IntentHead {
            format: FORMAT,
            seed: options.seed,
            classes: classes.to_vec(),
            width,
            temperature,
            threshold: fit_threshold(&confident, options.target_precision),
            intercept: fitted.intercept.iter().map(|weight| *weight as f32).collect(),
            weights: fitted.weights.columns().into_iter().map(|c| c.iter().map(|w| *w as f32).collect()).collect(),
        };
        progress("measure", 0.98);
        let logits: Vec<Vec<f64>> = held_out.iter().map(|&row| head.logits(&embeddings[row])).collect();
        let truth: Vec<usize> = held_out.iter().map(|&row| labels[row]).collect();
        let report = head.report(&logits, &truth, &chosen, rows.len());
        progress("done", 1.0);
        Ok((head, report))
    }

    /// Calibrated probabilities in class order; they sum to 1.
    ///
    /// # Errors
    /// [`HeadError::Embedding`] for another width or a number that is not finite.
    pub fn predict(&self, embedding: &[f32]) -> Result<Vec<f32>, HeadError> {
        check_embedding(embedding, self.width, || "the embedding".to_owned())?;
        Ok(narrow(softmax(&self.logits(embedding), self.temperature)))
    }

    /// The confidence below which to abstain; above 1 when no confidence reached the target precision.
    pub fn threshold(&self) -> f32 {
        self.threshold
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
        let shaped = head.weights.len() == count && head.weights.iter().all(|row| row.len() == head.width);
        if count < 2 || head.width == 0 || head.intercept.len() != count || !shaped {
            return Err(damaged("its parts differ in size".to_owned()));
        }
        let finite = head.intercept.iter().chain(head.weights.iter().flatten()).all(|weight| weight.is_finite());
        let scaled = head.temperature.is_finite() && head.temperature > 0.0;
        if !finite || !head.threshold.is_finite() || !scaled {
            return Err(damaged("not all its numbers are finite".to_owned()));
        }
        Ok(head)
    }

    fn logits(&self, embedding: &[f32]) -> Vec<f64> {
        let dot = |row: &Vec<f32>| row.iter().zip(embedding).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>();
        self.weights.iter().zip(&self.intercept).map(|(row, bias)| dot(row) + f64::from(*bias)).collect()
    }

    fn report(&self, logits: &[Vec<f64>], truth: &[usize], chosen: &Chosen, rows_train: usize) -> HeadReport {
        let answers: Vec<(usize, f32)> =
            logits.iter().map(|row| top(&narrow(softmax(row, self.temperature)))).collect();
        let total = truth.len() as f64;
        let hits = answers.iter().zip(truth).filter(|((answer, _), label)| answer == *label).count();
        let covered: Vec<bool> = answers
            .iter()
            .zip(truth)
            .filter(|((_, confidence), _)| *confidence >= self.threshold)
            .map(|((answer, _), label)| answer == label)
            .collect();
        let classes: Vec<ClassReport> =
            self.classes.iter().enumerate().map(|(index, name)| class_report(name, index, &answers, truth)).collect();
        let named = |index: usize| answers.iter().any(|(answer, _)| *answer == index);
        let occurring: Vec<f64> = classes
            .iter()
            .enumerate()
            .filter(|(index, class)| class.support > 0 || named(*index))
            .map(|(_, class)| class.f1)
            .collect();
        HeadReport {
            rows_train,
            rows_held_out: truth.len(),
            alpha: chosen.alpha,
            candidates: chosen.candidates.clone(),
            temperature: self.temperature,
            threshold: self.threshold,
            accuracy: hits as f64 / total,
            macro_f1: occurring.iter().sum::<f64>() / occurring.len() as f64,
            log_loss: log_loss(logits, truth, self.temperature),
            coverage: covered.len() as f64 / total,
            precision_covered: covered.iter().filter(|right| **right).count() as f64 / covered.len().max(1) as f64,
            classes,
        }
    }
}

fn class_report(name: &str, index: usize, answers: &[(usize, f32)], truth: &[usize]) -> ClassReport {
    let support = truth.iter().filter(|label| **label == index).count();
    let named = answers.iter().filter(|(answer, _)| *answer == index).count();
    let hits = answers.iter().zip(truth).filter(|((answer, _), label)| *answer == index && **label == index).count();
    let share = |of: usize| hits as f64 / of.max(1) as f64;
    ClassReport {
        class: name.to_owned(),
        precision: share(named),
        recall: share(support),
        f1: 2.0 * hits as f64 / (named + support).max(1) as f64,
        support,
    }
}

/// The penalty with the least out-of-fold log loss, and its logits.
struct Chosen {
    alpha: f64,
    logits: Vec<Vec<f64>>,
    candidates: Vec<(f64, f64)>,
}

fn choose_alpha(
    matrix: &Array2<f64>,
    labels: &[usize],
    classes: usize,
    options: &HeadOptions,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<Chosen, HeadError> {
    let folds = fit::folds(labels, classes, options.folds, options.seed);
    let mut chosen = Chosen { alpha: 0.0, logits: Vec::new(), candidates: Vec::new() };
    let mut least = f64::INFINITY;
    for (done, &alpha) in options.alphas.iter().enumerate() {
        progress(&format!("cross-validate alpha {alpha}"), 0.85 * done as f64 / options.alphas.len() as f64);
        let logits = fit::out_of_fold(matrix, labels, &folds, alpha, options.iterations_max)
            .map_err(|message| HeadError::Solver { alpha, message })?;
        let loss = log_loss(&logits, labels, 1.0);
        chosen.candidates.push((alpha, loss));
        if loss < least {
            least = loss;
            (chosen.alpha, chosen.logits) = (alpha, logits);
        }
    }
    Ok(chosen)
}

fn narrow(probabilities: Vec<f64>) -> Vec<f32> {
    probabilities.into_iter().map(|probability| probability as f32).collect()
}

/// The most probable class, the first among equals, and its probability.
fn top(probabilities: &[f32]) -> (usize, f32) {
    let better = |best: (usize, f32), (index, &p): (usize, &f32)| if p > best.1 { (index, p) } else { best };
    probabilities.iter().enumerate().fold((0, f32::NEG_INFINITY), better)
}

fn check_options(options: &HeadOptions) -> Result<(), HeadError> {
    let alphas = !options.alphas.is_empty() && options.alphas.iter().all(|alpha| alpha.is_finite() && *alpha > 0.0);
    let precision = options.target_precision;
    let checks: [(&'static str, bool, String, &'static str); 4] = [
        ("alphas", alphas, format!("{:?}", options.alphas), "one or more positive numbers"),
        ("folds", (2..=20).contains(&options.folds), options.folds.to_string(), "2 to 20"),
        ("target_precision", precision > 0.0 && precision <= 1.0, precision.to_string(), "more than 0, at most 1"),
        ("iterations_max", options.iterations_max > 0, options.iterations_max.to_string(), "at least 1"),
    ];
    match checks.into_iter().find(|(_, holds, ..)| !holds) {
        Some((name, _, value, allowed)) => Err(HeadError::Option { name, value, allowed }),
        None => Ok(()),
    }
}

/// Checks shapes and indices; the width of the embeddings.
fn check_input(
    embeddings: &[Vec<f32>],
    labels: &[usize],
    classes: &[String],
    held_out: &[usize],
) -> Result<usize, HeadError> {
    let rows = embeddings.len();
    let input = |what: String| Err(HeadError::Input { what });
    if rows != labels.len() {
        return input(format!("{rows} embeddings and {} labels; give one label for each", labels.len()));
    }
    if classes.len() < 2 {
        return input(format!("{} classes; give at least two", classes.len()));
    }
    if let Some(row) = labels.iter().position(|label| *label >= classes.len()) {
        return input(format!("row {row} has label {} of {} classes; labels count from 0", labels[row], classes.len()));
    }
    if held_out.is_empty() {
        return input("no held-out rows; name some to measure on".to_owned());
    }
    if let Some(row) = held_out.iter().find(|row| **row >= rows) {
        return input(format!("held-out row {row} is not among the {rows} rows; rows count from 0"));
    }
    let width = embeddings.first().map_or(0, Vec::len);
    for (row, embedding) in embeddings.iter().enumerate() {
        check_embedding(embedding, width.max(1), || format!("embedding {row}"))?;
    }
    Ok(width)
}

fn check_support(train_labels: &[usize], classes: &[String]) -> Result<(), HeadError> {
    for (index, class) in classes.iter().enumerate() {
        let found = train_labels.iter().filter(|label| **label == index).count();
        if found < 2 {
            let what = format!("class `{class}` has {found} training rows; give it at least two, or leave it out");
            return Err(HeadError::Input { what });
        }
    }
    Ok(())
}

fn check_embedding(embedding: &[f32], width: usize, place: impl Fn() -> String) -> Result<(), HeadError> {
    if embedding.len() != width {
        return Err(HeadError::Embedding { place: place(), found: format!("{} numbers", embedding.len()), width });
    }
    match embedding.iter().position(|number| !number.is_finite()) {
        Some(at) => Err(HeadError::Embedding { place: place(), found: format!("{} at {at}", embedding[at]), width }),
        None => Ok(()),
    }
}
