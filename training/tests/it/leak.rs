//! Features that know the outcome stop training.

use std::ops::ControlFlow;

use crate::support::shipments;
use holdfast_training::tabular::model::RiskModel;
use holdfast_training::tabular::options::TrainOptions;
use holdfast_training::tabular::table::{Feature, Kind, Table, Value};
use holdfast_training::tabular::train::TrainError;

fn with(kind: Kind, value: impl Fn(usize, bool) -> Value) -> Table {
    let mut table = shipments(1000, 1);
    table.schema.features.push(Feature { name: "extra".into(), kind, label: "extra".into() });
    for (row, label) in table.labels.iter().enumerate() {
        table.rows[row].push(value(row, *label));
    }
    table
}

fn leaks(table: &Table, options: &TrainOptions) -> bool {
    match RiskModel::train(table, options, &mut |_, _| ControlFlow::Continue(())) {
        Ok(_) => false,
        Err(TrainError::Leak { feature, .. }) => feature == "extra",
        Err(other) => unreachable!("{other}"),
    }
}

#[test]
fn numbers_categories_and_absences_that_know_the_outcome_are_refused() {
    let options = TrainOptions::default();
    let text = |text: &str| Value::Text(text.into());
    assert!(leaks(
        &with(Kind::Numeric, |row, late| Value::Number(row as f64 + if late { 1e6 } else { 0.0 })),
        &options
    ));
    assert!(leaks(
        &with(Kind::Numeric, |row, late| Value::Number(row as f64 - if late { 1e6 } else { 0.0 })),
        &options
    ));
    assert!(leaks(&with(Kind::Numeric, |_, late| if late { Value::Missing } else { Value::Number(1.0) }), &options));
    assert!(leaks(&with(Kind::Categorical, |_, late| text(if late { "LATE" } else { "SHIPPED" })), &options));
}

#[test]
fn identifiers_and_honest_features_pass() {
    let options = TrainOptions::default();
    assert!(!leaks(&with(Kind::Categorical, |row, _| Value::Text(format!("id-{row}"))), &options));
    assert!(!leaks(&with(Kind::Numeric, |row, _| Value::Number(row as f64)), &options));
}

#[test]
fn the_guard_can_be_switched_off() {
    let options = TrainOptions { leak_auc: 1.1, ..TrainOptions::default() };
    let table = with(Kind::Categorical, |_, late| Value::Text(late.to_string()));
    assert!(!leaks(&table, &options));
}
