//! The risk that a line misses its ship date and the interval in which it ships, or why no model can say.
//!
//! Guarantees: an abstention is said in words for people, with the declared rule that stands in; no other number does. The
//! margins of an interval are read once, recorded, and given back on a replay, so that what outcomes taught since changes
//! nothing. Non-goals: learning from outcomes, see `flow::learn::promise`.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::features::SCHEMA_VERSION;
use crate::domain::decision::{Abstention, Risk};
use crate::domain::model::ServingRole;
use crate::domain::outcome::Shadow;
use crate::flow::services::Models;
use crate::ports::store::{StoreError, Transaction};
use crate::ports::tabular::{RiskModel, TabularError};

/// How the reasons of a risk are computed: a decision that was recorded by another method cannot be computed again.
pub const REASONS_VERSION: &str = "shapley/2";

/// Seconds of an hour.
const HOUR_S: f64 = 3600.0;

/// What is asked beside the row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked<'a> {
    /// The order, which decides whether the champion or a canary answers.
    pub order_id: &'a str,
    /// The time that the row is of.
    pub as_of: Timestamp,
    /// The margins in force, see [`margins`].
    pub margins: Option<[f64; 2]>,
}

/// The risk of a row of our own schema (see [`super::features::of`]).
///
/// # Errors
/// Why there is no number, in words, and what stands in.
pub fn of(models: &Models, asked: &Asked<'_>, features: &[Value]) -> Result<Risk, Abstention> {
    said(&*answering(models, asked.order_id)?, SCHEMA_VERSION, asked, features)
}

/// The risk of features by name, as callers give them for a model that was trained on a file. A feature that is not given
/// is unknown; one that the model does not have is refused, because a misspelt name would silently be an unknown.
///
/// # Errors
/// Why there is no number, in words, and what stands in.
pub fn of_named(models: &Models, asked: &Asked<'_>, features: &Map<String, Value>) -> Result<Risk, Abstention> {
    let model = answering(models, asked.order_id)?;
    let names = model.feature_names();
    if let Some(unknown) = features.keys().find(|key| !names.contains(key)) {
        let known = names.join(", ");
        return Err(format!("model `{}` has no feature `{unknown}`; it has: {known}", model.version()).into());
    }
    let row: Vec<Value> = names.iter().map(|name| features.get(name).cloned().unwrap_or(Value::Null)).collect();
    said(&*model, &model.schema_version(), asked, &row)
}

/// The margins in force for a row, after the outcomes heard so far; to be recorded with what is said.
///
/// # Errors
/// [`StoreError`].
pub async fn margins(
    models: &Models,
    tx: &mut dyn Transaction,
    order_id: &str,
    features: &[Value],
) -> Result<Option<[f64; 2]>, StoreError> {
    let Some(model) = models.risk_for(order_id) else { return Ok(None) };
    let version = model.version();
    let state = tx.model_state(&version).await?;
    Ok(model.margins(state.as_ref().map(|state| state.document.as_str()), features))
}

/// What a version in the shadow says of a row.
#[must_use]
pub fn shadow(models: &Models, features: &[Value]) -> Option<Shadow> {
    let challenger = models.challenger.get().filter(|challenger| challenger.role == ServingRole::Shadow)?;
    let said = challenger.model.risk(SCHEMA_VERSION, features).ok()?;
    Some(Shadow { model: said.model, miss_probability: said.miss_probability })
}

fn said(model: &dyn RiskModel, schema: &str, asked: &Asked<'_>, row: &[Value]) -> Result<Risk, Abstention> {
    let mut risk = model.risk(schema, row).map_err(abstained)?;
    if let Some(([low, high], basis)) = model.ships(row, asked.margins) {
        // What is open now ships later.
        let at = |hours: f64| asked.as_of.checked_add(seconds(hours.max(0.0))).unwrap_or(Timestamp::MAX);
        (risk.ships, risk.ships_basis) = (Some([at(low), at(high)]), Some(basis));
    }
    Ok(risk)
}

#[expect(clippy::cast_possible_truncation, reason = "a cast of floats saturates, and the time then does")]
fn seconds(hours: f64) -> SignedDuration {
    SignedDuration::from_secs((hours * HOUR_S).round() as i64)
}

fn abstained(error: TabularError) -> Abstention {
    let why = error.to_string();
    match error {
        TabularError::Outside { fallback, .. } => Abstention { why, fallback: Some(fallback) },
        _ => Abstention { why, fallback: None },
    }
}

fn answering(models: &Models, order_id: &str) -> Result<std::sync::Arc<dyn RiskModel>, Abstention> {
    models.risk_for(order_id).ok_or_else(|| "no risk model serves: train one and promote it".to_owned().into())
}
