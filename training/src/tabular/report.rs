//! What training found, for people and for promotion gates.

use serde::{Deserialize, Serialize};

use super::encode::Recipe;
use super::metrics::{Metrics, ReliabilityBin};

/// Rows by use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitRows {
    /// Fitted on.
    pub train: usize,
    /// Chosen and calibrated on.
    pub valid: usize,
    /// Measured on.
    pub test: usize,
    /// Set aside because their outcome was not known at the cut.
    pub gap: usize,
}

/// One setting that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The encoding.
    pub recipe: Recipe,
    /// The L2 penalty.
    pub alpha: f64,
    /// On the validation fold, before calibration.
    pub valid_log_loss: f64,
}

/// The result of one training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Rows by use.
    pub rows: SplitRows,
    /// Share of bad outcomes in the training rows.
    pub base_rate: f64,
    /// The encoding with the lowest validation log loss.
    pub chosen: Recipe,
    /// Its L2 penalty.
    pub alpha: f64,
    /// The calibration method, chosen on the second half of the validation fold.
    pub calibration: String,
    /// Everything that was compared, in the order tried.
    pub candidates: Vec<Candidate>,
    /// The model on the test fold.
    pub test: Metrics,
    /// Always answering the base rate, on the test fold.
    pub baseline: Metrics,
    /// The model's reliability on the test fold, by rising probability.
    pub reliability: Vec<ReliabilityBin>,
    /// Whether the model's test log loss is below the baseline's.
    pub beats_baseline: bool,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let SplitRows { train, valid, test, gap } = self.rows;
        writeln!(f, "rows         train {train}, validation {valid}, test {test}, set aside {gap}")?;
        writeln!(f, "base rate    {:.4}", self.base_rate)?;
        writeln!(f, "chosen       {}, alpha {}, calibration {}", self.chosen, self.alpha, self.calibration)?;
        writeln!(f)?;
        writeln!(f, "{:<28} {:>8} {:>20}", "candidate", "alpha", "validation log loss")?;
        for candidate in &self.candidates {
            let Candidate { recipe, alpha, valid_log_loss } = candidate;
            writeln!(f, "{:<28} {alpha:>8} {valid_log_loss:>20.4}", recipe.to_string())?;
        }
        writeln!(f)?;
        writeln!(f, "{:<12} {:>9} {:>9} {:>9} {:>9} {:>9}", "test", "log loss", "roc auc", "pr auc", "brier", "ece")?;
        for (name, m) in [("model", &self.test), ("base rate", &self.baseline)] {
            let Metrics { roc_auc, pr_auc, log_loss, brier, ece } = m;
            writeln!(f, "{name:<12} {log_loss:>9.4} {roc_auc:>9.4} {pr_auc:>9.4} {brier:>9.4} {ece:>9.4}")?;
        }
        write!(f, "\nbeats the base rate: {}", if self.beats_baseline { "yes" } else { "no" })
    }
}
