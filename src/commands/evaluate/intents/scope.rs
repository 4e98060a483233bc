//! How well heads tell texts of no class from the others.

use anyhow::Result;
use holdfast_training::language::heads::{energy, fit_floor};
use holdfast_training::tabular::metrics::roc_auc;
use serde::Serialize;

use super::{Logits, Set, answer};

/// Share of in-scope texts that may be rejected.
const REJECTED: f64 = 0.05;

/// Two scores by which to reject.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Scope {
    /// Out-of-scope texts.
    pub(super) texts: usize,
    /// Whether the bounds were set on validation texts, else on the test texts themselves.
    pub(super) bounds_from_validation: bool,
    pub(super) scores: [Score; 2],
}

/// One score, higher for texts that belong to a class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Score {
    pub(super) name: &'static str,
    /// Area under the curve of in-scope against out-of-scope texts.
    pub(super) auroc: f64,
    /// Share of the in-scope test texts below the bound.
    pub(super) rejected_in_scope: f64,
    /// Share of the in-scope test texts that are not rejected and get the right class.
    pub(super) right_in_scope: f64,
    /// Share of the out-of-scope texts below the bound.
    pub(super) rejected_out_of_scope: f64,
}

fn probability(logits: &[f64]) -> f64 {
    let max = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (max - energy(logits)).exp()
}

/// `None` without out-of-scope texts.
pub(super) fn measure(set: &Set, logits: &Logits) -> Result<Option<Scope>> {
    if set.oos.is_empty() {
        return Ok(None);
    }
    let scores = [one(set, logits, "energy", energy)?, one(set, logits, "greatest probability", probability)?];
    Ok(Some(Scope { texts: set.oos.len(), bounds_from_validation: !set.valid.is_empty(), scores }))
}

fn one(set: &Set, logits: &Logits, name: &'static str, score: fn(&[f64]) -> f64) -> Result<Score> {
    let of = |range| -> Vec<f64> { set.of(logits, range).iter().map(|row| score(row)).collect() };
    let (inside, outside) = (of(&set.test), of(&set.oos));
    let bound = if set.valid.is_empty() { fit_floor(&inside, REJECTED) } else { fit_floor(&of(&set.valid), REJECTED) };
    let below = |scores: &[f64]| scores.iter().filter(|score| **score < bound).count() as f64 / scores.len() as f64;
    let rows = set.of(logits, &set.test).iter().zip(&set.labels[set.test.clone()]).zip(&inside);
    let right = rows.filter(|((row, label), score)| answer(row) == **label && **score >= bound).count();
    let labels: Vec<bool> = inside.iter().map(|_| true).chain(outside.iter().map(|_| false)).collect();
    Ok(Score {
        name,
        auroc: roc_auc(&[inside.clone(), outside.clone()].concat(), &labels)?,
        rejected_in_scope: below(&inside),
        right_in_scope: right as f64 / inside.len() as f64,
        rejected_out_of_scope: below(&outside),
    })
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let on = if self.bounds_from_validation { "validation" } else { "these test" };
        writeln!(f, "{} texts of no class; bounds reject 5 % of the {on} texts\n", self.texts)?;
        let heads = ["AUROC", "rejected in scope", "kept and right", "rejected out of scope"];
        writeln!(f, "{:<22} {:>7} {:>18} {:>15} {:>22}", "", heads[0], heads[1], heads[2], heads[3])?;
        for score in &self.scores {
            let Score { name, auroc, rejected_in_scope, right_in_scope, rejected_out_of_scope } = score;
            writeln!(
                f,
                "{name:<22} {auroc:>7.4} {rejected_in_scope:>18.4} {right_in_scope:>15.4} {rejected_out_of_scope:>22.4}"
            )?;
        }
        Ok(())
    }
}
