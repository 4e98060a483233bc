//! The risk that a line misses its ship date, or why no model can say.
//!
//! Guarantee: an abstention is said in words for people; no number stands in for it.

use serde_json::{Map, Value};

use super::features::SCHEMA_VERSION;
use crate::domain::decision::Risk;
use crate::flow::services::Models;
use crate::ports::tabular::RiskModel;

/// The risk of a row of our own schema (see [`super::features::of`]).
///
/// # Errors
/// Why there is no number, in words.
pub fn of(models: &Models, features: &[Value]) -> Result<Risk, String> {
    serving(models)?.risk(SCHEMA_VERSION, features).map_err(|e| e.to_string())
}

/// The risk of features by name, as callers give them for a model that was trained on a file. A feature that is not given
/// is unknown; one that the model does not have is refused, because a misspelt name would silently be an unknown.
///
/// # Errors
/// Why there is no number, in words.
pub fn of_named(models: &Models, features: &Map<String, Value>) -> Result<Risk, String> {
    let model = serving(models)?;
    let names = model.feature_names();
    if let Some(unknown) = features.keys().find(|key| !names.contains(key)) {
        return Err(format!("model `{}` has no feature `{unknown}`; it has: {}", model.version(), names.join(", ")));
    }
    let row: Vec<Value> = names.iter().map(|name| features.get(name).cloned().unwrap_or(Value::Null)).collect();
    model.risk(&model.schema_version(), &row).map_err(|e| e.to_string())
}

fn serving(models: &Models) -> Result<std::sync::Arc<dyn RiskModel>, String> {
    models.risk.get().ok_or_else(|| "no risk model serves: train one and promote it".to_owned())
}
