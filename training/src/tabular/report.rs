//! What training found, for people and for promotion gates.

use serde::{Deserialize, Serialize};

use super::learner::Learner;
use super::metrics::{Metrics, ReliabilityBin};

/// Rows by use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitRows {
    /// Fitted on.
    pub train: usize,
    /// Of these, how many chose and calibrated, each scored by models of earlier rows alone.
    pub valid: usize,
    /// Measured on.
    pub test: usize,
    /// Set aside because their outcome was not known at the cut.
    pub gap: usize,
}

/// One setting that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The learner; trees with the number that lost least.
    pub learner: Learner,
    /// On the forward folds, after the best rising map to probabilities: what the choice goes by. The map is fitted on the
    /// same rows, so it flatters every candidate a little.
    pub valid_log_loss: f64,
    /// Its share in the model; 0 when it was not kept.
    pub weight: f64,
}

/// What a model must beat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// What it is called.
    pub name: String,
    /// On the test fold.
    pub test: Metrics,
}

/// The result of one training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Rows by use.
    pub rows: SplitRows,
    /// Share of bad outcomes in the training rows.
    pub base_rate: f64,
    /// The calibration method, chosen on the forward folds.
    pub calibration: String,
    /// Everything that was compared, in the order tried.
    pub candidates: Vec<Candidate>,
    /// The model on the test fold.
    pub test: Metrics,
    /// The base rate first, then the rules.
    pub baselines: Vec<Baseline>,
    /// The model's reliability on the test fold, by rising probability.
    pub reliability: Vec<ReliabilityBin>,
    /// What should be done about the training, such as more trees where the cap was reached.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Whether the model's test log loss is below that of every baseline.
    pub beats_baseline: bool,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let SplitRows { train, valid, test, gap } = self.rows;
        writeln!(f, "rows         train {train} (of these {valid} chose), test {test}, set aside {gap}")?;
        writeln!(f, "base rate    {:.4}", self.base_rate)?;
        writeln!(f, "calibration  {}\n", self.calibration)?;
        writeln!(f, "{:<44} {:>16} {:>7}", "candidate", "forward log loss", "share")?;
        for Candidate { learner, valid_log_loss, weight } in &self.candidates {
            let share = if *weight > 0.0 { format!("{:.0} %", 100.0 * weight) } else { String::new() };
            writeln!(f, "{:<44} {valid_log_loss:>16.4} {share:>7}", learner.to_string())?;
        }
        writeln!(f)?;
        writeln!(f, "{:<32} {:>9} {:>9} {:>9} {:>9} {:>9}", "test", "log loss", "roc auc", "pr auc", "brier", "ece")?;
        let baselines = self.baselines.iter().map(|baseline| (baseline.name.as_str(), &baseline.test));
        for (name, m) in [("model", &self.test)].into_iter().chain(baselines) {
            let Metrics { roc_auc, pr_auc, log_loss, brier, ece } = m;
            writeln!(f, "{name:<32} {log_loss:>9.4} {roc_auc:>9.4} {pr_auc:>9.4} {brier:>9.4} {ece:>9.4}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "\nwarning: {warning}")?;
        }
        write!(f, "\nbeats every baseline: {}", if self.beats_baseline { "yes" } else { "no" })
    }
}
