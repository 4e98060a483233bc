//! A trained risk model behind [`RiskModel`](crate::ports::tabular::RiskModel).
//!
//! Guarantees: a row outside what training had is refused with the declared rule's answer; the interval of the ship date
//! is a function of the row and the margins that are given. Non-goals: keeping what outcomes teach, which the store does.

use std::path::Path;

use holdfast_training::tabular::conformal::Interval;
use holdfast_training::tabular::conformal::adaptive::Adaptive;
use holdfast_training::tabular::counterfactual::{Choice, Lever, smallest_changes};
use holdfast_training::tabular::guard::Guard;
use holdfast_training::tabular::model::{Prediction, Reason as LearnedReason, RiskModel as Learned};
use holdfast_training::tabular::ship_date::ShipDate;
use holdfast_training::tabular::table::{Schema, Value as Cell};
use serde_json::Value;

use super::LinfaError;
use super::table::{CellError, from_learned, to_learned};
use crate::domain::decision::{Fallback, Reason, Risk, ShipsBasis};
use crate::ports::tabular::{RiskModel, TabularError};

/// The manifest's kind.
pub const KIND: &str = "risk";
/// The model's file.
pub const FILE: &str = "risk.json";
/// The file of the ship date's interval, where the version has one.
pub const SHIP_DATE: &str = "ship_date.json";
/// The file of what training had, and of the rule that stands in, where the version has one.
pub const GUARD: &str = "guard.json";
/// The file of what later rows are compared with, where the version has one.
pub const DRIFT: &str = "drift.json";
/// Reasons that a prediction carries.
const REASONS_MAX: usize = 8;
/// Below this risk nothing has to change.
const THRESHOLD: f64 = 0.5;

/// A loaded risk model.
pub struct LinfaRisk {
    model: Learned,
    ship_date: Option<ShipDate>,
    guard: Option<Guard>,
    version: String,
    digest: String,
}

impl LinfaRisk {
    /// Loads a version directory.
    ///
    /// # Errors
    /// [`LinfaError`].
    pub fn load(dir: &Path) -> Result<Self, LinfaError> {
        let (stored, version) = super::read(dir, KIND)?;
        let has = |path: &str| stored.manifest.files.iter().any(|file| file.path == path);
        let model = Learned::from_bytes(&stored.read(FILE)?).map_err(|e| unusable(&version, e))?;
        let ship_date = match has(SHIP_DATE) {
            true => Some(ShipDate::from_bytes(&stored.read(SHIP_DATE)?).map_err(|e| unusable(&version, e))?),
            false => None,
        };
        let guard = match has(GUARD) {
            true => Some(Guard::from_bytes(&stored.read(GUARD)?).map_err(|e| unusable(&version, e))?),
            false => None,
        };
        Ok(Self { model, ship_date, guard, version, digest: stored.digest })
    }

    fn refused(&self, message: String) -> TabularError {
        TabularError::Row { model: self.version.clone(), message }
    }

    fn row(&self, features: &[Value]) -> Result<Vec<Cell>, CellError> {
        to_learned(&self.feature_names(), features)
    }

    fn within(&self, row: &[Cell]) -> Result<(), TabularError> {
        let Some(guard) = &self.guard else { return Ok(()) };
        let Some(why) = guard.outside(row).map_err(|e| self.refused(e.to_string()))? else { return Ok(()) };
        let rule = guard.stand_in(row);
        let fallback = Fallback { miss_probability: rule.probability, rule: rule.words };
        Err(TabularError::Outside { model: self.version.clone(), why, fallback })
    }

    /// What has been heard so far; what was calibrated where there is nothing, or nothing that can be read.
    fn adaptive(&self, state: Option<&str>) -> Option<Adaptive> {
        let learned = state.and_then(|state| serde_json::from_str(state).ok());
        learned.or_else(|| Some(self.ship_date.as_ref()?.adaptive()))
    }
}

fn unusable(version: &str, source: impl std::error::Error + Send + Sync + 'static) -> LinfaError {
    LinfaError::Content { version: version.to_owned(), expected: KIND, source: Box::new(source) }
}

impl RiskModel for LinfaRisk {
    fn risk(&self, schema_version: &str, features: &[Value]) -> Result<Risk, TabularError> {
        let expected = &self.model.schema().version;
        if expected != schema_version {
            return Err(TabularError::Schema {
                model: self.version.clone(),
                expected: expected.clone(),
                actual: schema_version.to_owned(),
            });
        }
        let row = self.row(features).map_err(|e| self.refused(e.to_string()))?;
        self.within(&row)?;
        let Prediction { probability, reasons, .. } =
            self.model.predict(&row).map_err(|e| self.refused(e.to_string()))?;
        Ok(Risk {
            miss_probability: probability,
            reasons: reasons.into_iter().take(REASONS_MAX).map(reason).collect(),
            model: self.version.clone(),
            model_digest: self.digest.clone(),
            ships: None,
            ships_basis: None,
        })
    }

    fn ships(&self, features: &[Value], margins: Option<[f64; 2]>) -> Option<([f64; 2], ShipsBasis)> {
        let ship_date = self.ship_date.as_ref()?;
        let row = self.row(features).ok()?;
        let (predicted, segment) = (ship_date.quantiles(&row).ok()?, ship_date.segment(&row));
        let margins = margins.unwrap_or_else(|| ship_date.adaptive().margins(&segment));
        let Interval { low, high } = ship_date.conformal().widened(predicted, margins);
        let coverage = ship_date.conformal().coverage();
        let basis = ShipsBasis { coverage, segment, predicted_h: [predicted.low, predicted.high], margins };
        Some(([low, high], basis))
    }

    fn margins(&self, state: Option<&str>, features: &[Value]) -> Option<[f64; 2]> {
        let ship_date = self.ship_date.as_ref()?;
        let segment = ship_date.segment(&self.row(features).ok()?);
        Some(self.adaptive(state)?.margins(&segment))
    }

    fn heard(&self, state: Option<&str>, basis: &ShipsBasis, hours: f64) -> Option<String> {
        let mut adaptive = self.adaptive(state)?;
        let [low, high] = basis.predicted_h;
        adaptive.observe(Interval { low, high }, &basis.segment, hours);
        serde_json::to_string(&adaptive).ok()
    }

    fn ways_out(&self, features: &[Value]) -> Vec<String> {
        self.row(features).map(|row| ways_out(&self.model, &row)).unwrap_or_default()
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn feature_names(&self) -> Vec<String> {
        self.model.schema().features.iter().map(|feature| feature.name.clone()).collect()
    }

    fn schema_version(&self) -> String {
        self.model.schema().version.clone()
    }
}

/// The smallest changes to what people can act on that would bring the row's probability below a half, in words.
#[must_use]
pub fn ways_out(model: &Learned, row: &[Cell]) -> Vec<String> {
    let probability = |row: &[Cell]| model.probability(row).unwrap_or(1.0);
    let answer = smallest_changes(row, &levers(model.schema()), THRESHOLD, probability);
    answer.map(|answer| answer.ways.iter().map(|way| way.words(model.schema())).collect()).unwrap_or_default()
}

/// What people can act on: stock, credit, address, change requests.
fn levers(schema: &Schema) -> Vec<Lever> {
    let to = |value: f64| Choice::Values(vec![Cell::Number(value)]);
    let acts = [
        ("allocated", to(1.0)),
        ("credit_held", to(0.0)),
        ("over_limit_ratio", to(0.0)),
        ("address_complete", to(1.0)),
        ("change_asked", to(0.0)),
        ("shortfall_ratio", to(0.0)),
        ("price_gap", to(0.0)),
    ];
    let place = |name: &str| schema.features.iter().position(|feature| feature.name == name);
    acts.into_iter().filter_map(|(name, choice)| Some(Lever { feature: place(name)?, choice, effort: 1.0 })).collect()
}

fn reason(learned: LearnedReason) -> Reason {
    let LearnedReason { feature, label, value, typical, effect } = learned;
    Reason { feature, label, value: from_learned(&value), typical: from_learned(&typical), effect }
}
