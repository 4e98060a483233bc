//! A guard against features that already know the outcome.
//!
//! Purpose: refuse to train when one feature alone separates the outcomes implausibly well; such a column was filled in
//! after the fact (a delivery status, an actual date).
//!
//! Guarantees: identifiers and rare categories do not trip it, because a category is judged only by earlier rows of its
//! own.
//!
//! Non-goals: weak or combined leaks. Descriptors name the known ones, and as-of features are the duty of their maker.

use super::encode::{Context, Recipe, fit_bins, rates_as_of};
use super::metrics::roc_auc;
use super::table::{Kind, Value};

/// Fewest rows of either outcome on which a feature is judged.
const OUTCOME_ROWS_MIN: usize = 10;

/// The best ROC-AUC that the feature alone reaches on the training rows, in either direction; `None` when too few rows
/// tell.
///
/// A number is judged by its value where present and by its bins (with absence as one); a category by its as-of rate.
pub fn single_feature_auc(kind: Kind, values: &[&Value], context: &Context) -> Option<f64> {
    match kind {
        Kind::Numeric => {
            let present = values.iter().zip(&context.labels).filter_map(|(value, label)| match value {
                Value::Number(number) => Some((*number, *label)),
                _ => None,
            });
            let (numbers, labels): (Vec<f64>, Vec<bool>) = present.unzip();
            let mut sorted = numbers.clone();
            sorted.sort_by(f64::total_cmp);
            let bins = fit_bins(values, &sorted, Recipe::WeightOfEvidence, context);
            let encoded: Vec<f64> = values.iter().map(|value| bins.encode(value)).collect();
            let raw = auc_either_way(&numbers, &labels);
            auc_either_way(&encoded, &context.labels).into_iter().chain(raw).reduce(f64::max)
        }
        Kind::Categorical => {
            let rates = rates_as_of(values, context);
            let seen = rates.iter().zip(&context.labels).filter(|((_, earlier), _)| *earlier > 0);
            let (rates, labels): (Vec<f64>, Vec<bool>) = seen.map(|((rate, _), label)| (*rate, *label)).unzip();
            auc_either_way(&rates, &labels)
        }
    }
}

fn auc_either_way(scores: &[f64], labels: &[bool]) -> Option<f64> {
    let bad = labels.iter().filter(|label| **label).count();
    if bad.min(labels.len() - bad) < OUTCOME_ROWS_MIN {
        return None;
    }
    roc_auc(scores, labels).ok().map(|auc| auc.max(1.0 - auc))
}
