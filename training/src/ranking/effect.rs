//! What an action takes off the predicted risk of missing the date, per category of exception.
//!
//! Purpose: relief = 1 − θ, where θ is the ratio of observed to predicted misses among the cases of a (category,
//! action) pair in which the action was taken. Predicted means before the action, by the risk model as of the decision.
//!
//! Method: Gamma-Poisson empirical Bayes, as for standardised mortality ratios (Clayton and Kaldor 1987). A prior of
//! relief `r` and weight `w` acts as `w` further cases whose ratio is `1 − r`. With `n` cases of mean predicted risk
//! `p`, `E = n·p` predicted and `O` observed misses, θ ~ Gamma(w·p·(1 − r) + O, rate w·p + E), so its mean is `(w·(1 −
//! r) + n·O/E) / (w + n)`. A pair without a prior of its own takes the pooled ratio of its action over all categories,
//! itself shrunk to "no effect", as a prior of weight [`POOLED_WEIGHT`].
//!
//! Guarantees: relief lies in [−1, 1] (negative: the action made it worse), deviations are positive and finite.
//!
//! Non-goals: confounding. Actions chosen for the hard cases look worse unless the predicted risk knows why they are
//! hard.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Pseudo cases of a pooled prior.
pub const POOLED_WEIGHT: f64 = 10.0;
/// The mean predicted risk is taken to be at least this, so that a pseudo case weighs something.
const RISK_MIN: f64 = 0.01;
/// The mean predicted risk when there is no case at all.
const RISK_UNKNOWN: f64 = 0.5;

/// One resolved case in which an action was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectRow {
    /// Category of the exception.
    pub category: String,
    /// The action taken.
    pub action: String,
    /// Probability of a miss before the action, 0 to 1.
    pub predicted_miss: f64,
    /// Whether the date was missed.
    pub missed: bool,
}

/// What is believed of a pair before any case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prior {
    /// Category of the exception.
    pub category: String,
    /// The action.
    pub action: String,
    /// Share of the predicted miss risk that the action removes, −1 to 1.
    pub relief: f64,
    /// How many cases this belief is worth; positive.
    pub weight: f64,
}

/// What an action does in a category.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Share of the predicted miss risk removed, −1 to 1.
    pub relief: f64,
    /// Posterior standard deviation of the relief.
    pub sd: f64,
    /// Cases that it rests on, priors not counted.
    pub cases: u64,
}

/// A row or a prior cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EffectError {
    /// A probability out of range.
    #[error("effect row {row} predicts a miss with probability {value}: give a number between 0 and 1")]
    Probability {
        /// Index of the row.
        row: usize,
        /// Its value.
        value: f64,
    },
    /// A prior out of range, or given twice.
    #[error(
        "the prior of `{action}` in `{category}` ({what}) cannot be used: give one per pair, relief -1 to 1, weight > 0"
    )]
    Prior {
        /// The category.
        category: String,
        /// The action.
        action: String,
        /// What is wrong.
        what: String,
    },
}

/// Cases of one pair, or of several together.
#[derive(Debug, Clone, Copy, Default)]
struct Cases {
    count: u64,
    predicted: f64,
    missed: f64,
}

impl Cases {
    fn add(&mut self, row: &EffectRow) {
        self.count += 1;
        self.predicted += row.predicted_miss;
        self.missed += f64::from(u8::from(row.missed));
    }

    /// Mean predicted risk, or `otherwise` without cases.
    fn risk(&self, otherwise: f64) -> f64 {
        let mean = if self.count > 0 { self.predicted / self.count as f64 } else { otherwise };
        mean.max(RISK_MIN)
    }

    /// The posterior under a prior of `relief` worth `weight` cases.
    fn posterior(&self, relief: f64, weight: f64, risk: f64) -> Effect {
        let shape = weight * risk * (1.0 - relief) + self.missed;
        let rate = weight * risk + self.predicted;
        // A prior of full relief has no spread of its own; half a miss keeps its doubt visible.
        let sd = shape.max(0.5).sqrt() / rate;
        Effect { relief: (1.0 - shape / rate).clamp(-1.0, 1.0), sd, cases: self.count }
    }
}

/// Effects by category and action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectTable {
    pairs: BTreeMap<String, BTreeMap<String, Effect>>,
    /// Per action over all categories, for pairs that were never seen.
    actions: BTreeMap<String, Effect>,
    unknown: Effect,
}

impl EffectTable {
    /// Estimates every pair that occurs in `rows` or `priors`.
    ///
    /// # Errors
    /// [`EffectError`], naming the row or pair.
    pub fn fit(rows: &[EffectRow], priors: &[Prior]) -> Result<EffectTable, EffectError> {
        let mut believed = check(rows, priors)?;
        let mut pairs: BTreeMap<(&str, &str), Cases> = believed.keys().map(|pair| (*pair, Cases::default())).collect();
        let mut actions: BTreeMap<&str, Cases> = BTreeMap::new();
        let mut all = Cases::default();
        for row in rows {
            pairs.entry((&row.category, &row.action)).or_default().add(row);
            actions.entry(&row.action).or_default().add(row);
            all.add(row);
        }
        let risk = all.risk(RISK_UNKNOWN);
        let pooled: BTreeMap<String, Effect> = actions
            .iter()
            .map(|(action, cases)| ((*action).to_owned(), cases.posterior(0.0, POOLED_WEIGHT, cases.risk(risk))))
            .collect();
        let mut table = EffectTable {
            pairs: BTreeMap::new(),
            actions: BTreeMap::new(),
            unknown: Cases::default().posterior(0.0, POOLED_WEIGHT, risk),
        };
        for ((category, action), cases) in pairs {
            let (relief, weight) = believed
                .remove(&(category, action))
                .unwrap_or_else(|| (pooled.get(action).map_or(0.0, |effect| effect.relief), POOLED_WEIGHT));
            let effect = cases.posterior(relief, weight, cases.risk(risk));
            table.pairs.entry(category.to_owned()).or_default().insert(action.to_owned(), effect);
        }
        // A pooled effect says nothing of cases in a category that has none.
        table.actions = pooled
            .into_iter()
            .map(|(action, effect)| {
                let elsewhere = Cases::default().posterior(effect.relief, POOLED_WEIGHT, risk);
                (action, elsewhere)
            })
            .collect();
        Ok(table)
    }

    /// The effect of `action` in `category`; for a pair never seen, that of the action elsewhere; else no effect, in
    /// doubt.
    pub fn effect(&self, category: &str, action: &str) -> Effect {
        let elsewhere = || self.actions.get(action).copied();
        self.pair(category, action).or_else(elsewhere).unwrap_or(self.unknown)
    }

    /// The effect of `action` in `category` where that pair was seen or believed in.
    pub fn pair(&self, category: &str, action: &str) -> Option<Effect> {
        self.pairs.get(category)?.get(action).copied()
    }
}

/// Relief and weight believed, by category and action.
type Beliefs<'a> = BTreeMap<(&'a str, &'a str), (f64, f64)>;

/// Checks rows and priors; returns the priors.
fn check<'a>(rows: &[EffectRow], priors: &'a [Prior]) -> Result<Beliefs<'a>, EffectError> {
    if let Some(row) = rows.iter().position(|row| !(0.0..=1.0).contains(&row.predicted_miss)) {
        return Err(EffectError::Probability { row, value: rows[row].predicted_miss });
    }
    let mut believed = BTreeMap::new();
    for Prior { category, action, relief, weight } in priors {
        let error = |what: String| EffectError::Prior { category: category.clone(), action: action.clone(), what };
        let usable = (-1.0..=1.0).contains(relief) && weight.is_finite() && *weight > 0.0;
        if !usable {
            return Err(error(format!("relief {relief}, weight {weight}")));
        }
        if believed.insert((category.as_str(), action.as_str()), (*relief, *weight)).is_some() {
            return Err(error("given twice".to_owned()));
        }
    }
    Ok(believed)
}
