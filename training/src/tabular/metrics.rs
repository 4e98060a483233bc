//! How good probabilities are: discrimination, sharpness, calibration.
//!
//! Guarantees: ties are handled exactly (equal scores are never ordered by their position), and a measure that is
//! undefined for its input is an error, never a NaN.
//!
//! Non-goals: thresholds and costs; those belong to decisions.

use serde::{Deserialize, Serialize};

/// Bins of the expected calibration error.
pub const ECE_BINS: usize = 15;

/// Probabilities are kept this far from 0 and 1 in the log loss.
const LOG_LOSS_CLIP: f64 = 1e-15;

/// A measure is undefined for its input.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MetricError {
    /// No rows, or not one label per probability.
    #[error("{scores} probabilities and {labels} labels cannot be compared: give one label for each, and at least one")]
    Length {
        /// Probabilities.
        scores: usize,
        /// Labels.
        labels: usize,
    },
    /// Only one outcome among the labels.
    #[error("all {rows} labels are {label}: ranking measures need rows of both outcomes")]
    OneClass {
        /// Labels.
        rows: usize,
        /// The only outcome.
        label: bool,
    },
    /// Not a probability.
    #[error("the score {score} of row {row} is not a probability between 0 and 1")]
    Score {
        /// Index of the row.
        row: usize,
        /// The score.
        score: f64,
    },
}

/// The measures of one set of probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Chance that a bad case scores above a good one, ties counted half.
    pub roc_auc: f64,
    /// Average precision.
    pub pr_auc: f64,
    /// Mean negative log likelihood, in nats.
    pub log_loss: f64,
    /// Mean squared error of the probability.
    pub brier: f64,
    /// Expected calibration error over [`ECE_BINS`] bins of equal mass.
    pub ece: f64,
}

/// One bin of a reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Rows in the bin.
    pub rows: usize,
    /// Mean probability.
    pub predicted: f64,
    /// Share of bad outcomes.
    pub observed: f64,
}

impl Metrics {
    /// All measures of `probabilities` against `labels`.
    ///
    /// # Errors
    /// [`MetricError`].
    pub fn measure(probabilities: &[f64], labels: &[bool]) -> Result<Metrics, MetricError> {
        Ok(Metrics {
            roc_auc: roc_auc(probabilities, labels)?,
            pr_auc: pr_auc(probabilities, labels)?,
            log_loss: log_loss(probabilities, labels)?,
            brier: brier(probabilities, labels)?,
            ece: ece(probabilities, labels)?,
        })
    }

    /// What always answering `rate` scores on `labels`: the bar that a model has to clear.
    ///
    /// # Errors
    /// [`MetricError`].
    pub fn of_base_rate(rate: f64, labels: &[bool]) -> Result<Metrics, MetricError> {
        Metrics::measure(&vec![rate; labels.len()], labels)
    }
}

/// Area under the ROC curve by ranks (Mann and Whitney 1947); equal scores count half. Scores may be any finite
/// numbers.
///
/// # Errors
/// [`MetricError::Length`], [`MetricError::OneClass`].
pub fn roc_auc(scores: &[f64], labels: &[bool]) -> Result<f64, MetricError> {
    let (good, bad) = both_classes(scores, labels)?;
    let mut below = 0.0;
    let mut pairs = 0.0;
    for group in tied_groups(scores).iter().rev() {
        let positives = group.iter().filter(|&&row| labels[row]).count() as f64;
        let negatives = group.len() as f64 - positives;
        pairs += positives * (below + 0.5 * negatives);
        below += negatives;
    }
    Ok(pairs / (good * bad))
}

/// Average precision: the mean precision over the positives, from the top; tied scores enter together. Scores may be
/// any finite numbers.
///
/// # Errors
/// [`MetricError::Length`], [`MetricError::OneClass`].
pub fn pr_auc(scores: &[f64], labels: &[bool]) -> Result<f64, MetricError> {
    let (_, bad) = both_classes(scores, labels)?;
    let (mut seen, mut hits, mut area) = (0.0, 0.0, 0.0);
    for group in tied_groups(scores) {
        let positives = group.iter().filter(|&&row| labels[row]).count() as f64;
        seen += group.len() as f64;
        hits += positives;
        area += positives / bad * (hits / seen);
    }
    Ok(area)
}

/// Mean negative log likelihood, in nats.
///
/// # Errors
/// [`MetricError::Length`], [`MetricError::Score`].
pub fn log_loss(probabilities: &[f64], labels: &[bool]) -> Result<f64, MetricError> {
    mean_of(probabilities, labels, |p, label| {
        let p = p.clamp(LOG_LOSS_CLIP, 1.0 - LOG_LOSS_CLIP);
        if label { -p.ln() } else { -(-p).ln_1p() }
    })
}

/// Mean squared error of the probability (Brier 1950).
///
/// # Errors
/// [`MetricError::Length`], [`MetricError::Score`].
pub fn brier(probabilities: &[f64], labels: &[bool]) -> Result<f64, MetricError> {
    mean_of(probabilities, labels, |p, label| (p - f64::from(u8::from(label))).powi(2))
}

/// Expected calibration error over [`ECE_BINS`] bins of equal mass.
///
/// # Errors
/// [`MetricError::Length`], [`MetricError::Score`].
pub fn ece(probabilities: &[f64], labels: &[bool]) -> Result<f64, MetricError> {
    let bins = reliability(probabilities, labels, ECE_BINS)?;
    let rows = labels.len() as f64;
    Ok(bins.iter().map(|bin| bin.rows as f64 / rows * (bin.predicted - bin.observed).abs()).sum())
}

/// At most `bins` bins of near equal mass, by rising probability; equal probabilities share a bin, so there may be
/// fewer.
///
/// # Errors
/// [`MetricError::Length`], [`MetricError::Score`].
pub fn reliability(probabilities: &[f64], labels: &[bool], bins: usize) -> Result<Vec<ReliabilityBin>, MetricError> {
    check_probabilities(probabilities, labels)?;
    let total = labels.len() as f64;
    let mut result = Vec::new();
    let (mut rows, mut predicted, mut observed, mut taken) = (0usize, 0.0, 0.0, 0usize);
    for group in tied_groups(probabilities).iter().rev() {
        for &row in group {
            predicted += probabilities[row];
            observed += f64::from(u8::from(labels[row]));
        }
        rows += group.len();
        let done = taken + rows;
        let full = done as f64 * bins.max(1) as f64 >= (result.len() + 1) as f64 * total;
        if full || done == labels.len() {
            result.push(ReliabilityBin { rows, predicted: predicted / rows as f64, observed: observed / rows as f64 });
            (rows, predicted, observed, taken) = (0, 0.0, 0.0, done);
        }
    }
    Ok(result)
}

/// Row indices from the highest score down, equal scores in one group.
fn tied_groups(scores: &[f64]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for row in order {
        match groups.last_mut() {
            Some(group) if group.first().is_some_and(|&first| scores[first] == scores[row]) => group.push(row),
            _ => groups.push(vec![row]),
        }
    }
    groups
}

fn check_length(scores: &[f64], labels: &[bool]) -> Result<(), MetricError> {
    if scores.is_empty() || scores.len() != labels.len() {
        return Err(MetricError::Length { scores: scores.len(), labels: labels.len() });
    }
    Ok(())
}

/// Counts of the good and the bad outcomes, both above zero.
fn both_classes(scores: &[f64], labels: &[bool]) -> Result<(f64, f64), MetricError> {
    check_length(scores, labels)?;
    let bad = labels.iter().filter(|label| **label).count();
    if bad == 0 || bad == labels.len() {
        return Err(MetricError::OneClass { rows: labels.len(), label: bad > 0 });
    }
    Ok(((labels.len() - bad) as f64, bad as f64))
}

fn check_probabilities(probabilities: &[f64], labels: &[bool]) -> Result<(), MetricError> {
    check_length(probabilities, labels)?;
    match probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
        Some(row) => Err(MetricError::Score { row, score: probabilities[row] }),
        None => Ok(()),
    }
}

fn mean_of(probabilities: &[f64], labels: &[bool], loss: impl Fn(f64, bool) -> f64) -> Result<f64, MetricError> {
    check_probabilities(probabilities, labels)?;
    let sum: f64 = probabilities.iter().zip(labels).map(|(&p, &label)| loss(p, label)).sum();
    Ok(sum / labels.len() as f64)
}
