//! `holdfast export open-orders`: the rows of a described file, outcome hidden, as a request for `POST /v1/prioritize`.
//!
//! A model that was trained on a file is asked by feature name; this makes the question out of the rows that the training
//! kept for testing, newest last, as if their orders were still open.

use std::path::Path;

use holdfast_training::tabular::descriptor::Descriptor;
use holdfast_training::tabular::split::Split;
use serde_json::{Map, Value, json};

use crate::adapters::linfa::table::from_learned;
use crate::domain::case::Category;

/// What each order is taken to be worth, in no currency: such files rarely say, and with equal values the risk alone ranks.
const VALUE: f64 = 10_000.0;
/// ISO 4217: no currency.
const CURRENCY: &str = "XXX";

/// The request body for the newest `limit` test rows of `data`.
///
/// # Errors
/// What is wrong with the descriptor or the data.
pub fn request(descriptor: &Path, data: &Path, limit: usize) -> anyhow::Result<Value> {
    let described = Descriptor::load(descriptor)?;
    let table = described.read(data)?;
    let is_test = |row: &usize| table.splits.as_ref().is_none_or(|splits| splits.get(*row) == Some(&Split::Test));
    let mut rows: Vec<usize> = (0..table.rows.len()).filter(is_test).collect();
    rows.sort_by_key(|&row| table.times[row]);
    let newest = rows.split_off(rows.len().saturating_sub(limit));
    let case = |row: usize| {
        let named = table.schema.features.iter().zip(&table.rows[row]);
        let features: Map<String, Value> = named.map(|(f, cell)| (f.name.clone(), from_learned(cell))).collect();
        let reference = format!("{}-{}", described.name, row + 1);
        json!({
            "facts": { "order": { "order_id": reference, "currency": CURRENCY, "value": VALUE } },
            "reference": reference,
            "category": Category::ShipmentStatusFailure,
            "features": features,
        })
    };
    let inline: Vec<Value> = newest.into_iter().map(case).collect();
    Ok(json!({ "inline": inline, "explain": true }))
}
