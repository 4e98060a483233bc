//! How far probabilities can be believed, overall and in each segment, and how sure that itself is.
//!
//! Purpose: reliability bins with Wilson intervals, and the expected calibration error beside what chance alone makes of
//! it. A plain calibration error is too large on few rows: bins of ten outcomes never match their promise exactly. So
//! every report carries three numbers: the plain error, what of it is left when the bins' own noise is taken out (the
//! spread of true errors that, with that noise on top, gives the plain error on average), and what a perfect model would
//! show on this many rows.
//!
//! Guarantees: deterministic; equal probabilities share a bin; a segment is reported with its rows, however few.
//!
//! Non-goals: mending calibration, which is [`super::calibrate`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::metrics::{self, ECE_BINS, MetricError};
use super::statistics::normal;
use super::table::Value;

/// Fewest rows of a bin, on average.
const BIN_ROWS_MIN: usize = 20;

/// One bin of a reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Rows in the bin.
    pub rows: usize,
    /// Mean probability.
    pub predicted: f64,
    /// Share of bad outcomes.
    pub observed: f64,
    /// Lower end of its 95 % interval.
    pub observed_low: f64,
    /// Upper end of its 95 % interval.
    pub observed_high: f64,
}

/// Promise and outcome of one set of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// All rows in one bin.
    pub overall: Bin,
    /// Bins of equal mass by rising probability: at most [`ECE_BINS`], and no more than one for twenty rows.
    pub bins: Vec<Bin>,
    /// Expected calibration error over these bins.
    pub ece: f64,
    /// The same less its bias; zero when chance explains it all.
    pub ece_debiased: f64,
    /// What probabilities that are exactly right would show on these rows.
    pub ece_by_chance: f64,
    /// Mean negative log likelihood, in nats.
    pub log_loss: f64,
    /// Area under the ROC curve; none when only one outcome occurred.
    pub roc_auc: Option<f64>,
}

/// The rows with one value of a categorical feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentReliability {
    /// The value.
    pub segment: String,
    /// Promise and outcome there.
    pub reliability: Reliability,
}

impl SegmentReliability {
    /// Whether the mean promise lies outside the interval of what happened.
    pub fn is_off(&self) -> bool {
        let Bin { predicted, observed_low, observed_high, .. } = self.reliability.overall;
        predicted < observed_low || predicted > observed_high
    }
}

impl Reliability {
    /// Measures `probabilities` against `labels`.
    ///
    /// # Errors
    /// [`MetricError`].
    pub fn measure(probabilities: &[f64], labels: &[bool]) -> Result<Reliability, MetricError> {
        let count = ECE_BINS.min(labels.len() / BIN_ROWS_MIN).max(1);
        let bins = bins(probabilities, labels, count)?;
        let overall = self::bins(probabilities, labels, 1)?;
        let overall = *overall.first().ok_or(MetricError::Length { scores: 0, labels: labels.len() })?;
        let total = labels.len() as f64;
        let ece = bins.iter().map(|bin| bin.rows as f64 / total * (bin.predicted - bin.observed).abs()).sum();
        Ok(Reliability {
            overall,
            ece,
            ece_debiased: debiased(&bins, ece),
            ece_by_chance: expected(&bins, 0.0),
            log_loss: metrics::log_loss(probabilities, labels)?,
            roc_auc: metrics::roc_auc(probabilities, labels).ok(),
            bins,
        })
    }

    /// Measures each value of a categorical feature by itself, the most frequent first; absent values are `missing`.
    ///
    /// # Errors
    /// [`MetricError`]; [`MetricError::Length`] also when there is not one value for each row.
    pub fn by_segment(
        values: &[&Value],
        probabilities: &[f64],
        labels: &[bool],
    ) -> Result<Vec<SegmentReliability>, MetricError> {
        if values.len() != labels.len() || probabilities.len() != labels.len() {
            return Err(MetricError::Length { scores: values.len().min(probabilities.len()), labels: labels.len() });
        }
        let mut segments: BTreeMap<String, (Vec<f64>, Vec<bool>)> = BTreeMap::new();
        for ((value, probability), label) in values.iter().zip(probabilities).zip(labels) {
            let (probabilities, labels) = segments.entry(value.to_string()).or_default();
            probabilities.push(*probability);
            labels.push(*label);
        }
        let measure = |(segment, (probabilities, labels)): (String, (Vec<f64>, Vec<bool>))| {
            Ok(SegmentReliability { segment, reliability: Reliability::measure(&probabilities, &labels)? })
        };
        let mut result: Vec<SegmentReliability> = segments.into_iter().map(measure).collect::<Result<_, _>>()?;
        result.sort_by_key(|segment| std::cmp::Reverse(segment.reliability.overall.rows));
        Ok(result)
    }
}

fn bins(probabilities: &[f64], labels: &[bool], count: usize) -> Result<Vec<Bin>, MetricError> {
    let bins = metrics::reliability(probabilities, labels, count)?;
    let with_interval = |bin: metrics::ReliabilityBin| {
        let rows = bin.rows as f64;
        let (observed_low, observed_high) = normal::wilson(bin.observed * rows, rows, normal::DEVIATIONS_95);
        Bin { rows: bin.rows, predicted: bin.predicted, observed: bin.observed, observed_low, observed_high }
    };
    Ok(bins.into_iter().map(with_interval).collect())
}

/// The calibration error to expect from bins whose true errors are normal with deviation `spread`, noise included. The
/// mean size of a centred normal is its deviation times √(2/π).
fn expected(bins: &[Bin], spread: f64) -> f64 {
    let total: f64 = bins.iter().map(|bin| bin.rows as f64).sum();
    let size = |bin: &Bin| {
        let noise = (bin.predicted * (1.0 - bin.predicted)).max(0.0) / bin.rows.max(1) as f64;
        bin.rows as f64 / total * (spread * spread + noise).sqrt()
    };
    (2.0 / std::f64::consts::PI).sqrt() * bins.iter().map(size).sum::<f64>()
}

/// The size of the true errors that make `ece` the one to expect, by bisection.
fn debiased(bins: &[Bin], ece: f64) -> f64 {
    let (mut low, mut high) = (0.0, 2.0);
    if expected(bins, low) >= ece {
        return 0.0;
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if expected(bins, middle) < ece { low = middle } else { high = middle }
    }
    (2.0 / std::f64::consts::PI).sqrt() * low
}
