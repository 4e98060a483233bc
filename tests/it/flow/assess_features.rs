//! Features: one list for serving and training, exact through JSON, null for what is not known.

use holdfast::adapters::linfa::table;
use holdfast::domain::case::Category;
use holdfast::flow::assess::features::{self, FeatureKind, Rates};
use serde_json::Value;

use super::samples::facts;

fn value(row: &[Value], name: &str) -> Value {
    let at = features::schema().iter().position(|spec| spec.name == name).unwrap();
    row[at].clone()
}

#[test]
fn a_row_fits_its_schema_and_survives_json_bit_for_bit() {
    let rates = Rates { all: Some(1.0 / 3.0), customer: Some(0.123_456_789), ..Rates::default() };
    let mut facts = facts();
    facts.order.age_h = 1.0 / 3.0;
    facts.line.as_mut().unwrap().status_age_h = f64::NAN;
    let row = features::of(&facts, &rates, Some(Category::CreditHold));
    let ours = features::schema();
    let learned = table::schema(features::SCHEMA_VERSION, &ours);
    assert_eq!((row.len(), learned.features.len()), (ours.len(), ours.len()));
    learned.check().unwrap();
    for (spec, value) in ours.iter().zip(&row) {
        let fits = match spec.kind {
            FeatureKind::Numeric => value.is_number() || value.is_null(),
            FeatureKind::Categorical => value.is_string() || value.is_null(),
        };
        assert!(fits, "{}: {value}", spec.name);
    }
    let again: Vec<Value> = serde_json::from_str(&serde_json::to_string(&row).unwrap()).unwrap();
    let bits = |row: &[Value]| row.iter().map(|v| v.as_f64().map(f64::to_bits)).collect::<Vec<_>>();
    assert_eq!(bits(&row), bits(&again));
    assert_eq!(value(&row, "age_h"), 0.3333);
    assert_eq!(value(&row, "status_age_h"), Value::Null, "what is not finite is not known");
    assert_eq!(value(&row, "category"), "credit_hold");
    let names: Vec<String> = learned.features.iter().map(|feature| feature.name.clone()).collect();
    learned.check_row(&table::to_learned(&names, &row).unwrap()).unwrap();
}

#[test]
fn the_values_say_what_the_facts_say() {
    let row = features::of(&facts(), &Rates::default(), None);
    for (name, expected) in [
        ("slack_h", 54.0),
        ("promise_margin_h", 12.0),
        ("available_ratio", 0.8),
        ("shortfall_ratio", 0.2),
        ("conflict_ratio", 0.6),
        ("alternate_ratio", 1.8),
        ("receipt_margin_h", -24.0),
        ("supply_margin_h", -24.0),
        ("over_limit_ratio", 0.1),
        ("failed_attempts", 2.0),
        ("credit_held", 1.0),
    ] {
        assert_eq!(value(&row, name), expected, "{name}");
    }
    assert_eq!(value(&row, "category"), Value::Null);
    assert_eq!(value(&row, "late_rate"), Value::Null, "no outcome is known yet");
    assert_eq!(value(&row, "milestone"), "pickup_missed");
}

#[test]
fn an_order_without_a_line_has_the_orders_own_values() {
    let mut whole = facts();
    whole.line = None;
    whole.stock = None;
    whole.order.due_in_h = Some(7.0);
    let row = features::of(&whole, &Rates::default(), Some(Category::InvalidShipTo));
    assert_eq!(value(&row, "slack_h"), 7.0);
    assert_eq!(value(&row, "quantity_log"), Value::Null);
    assert_eq!(value(&row, "warehouse"), "W-1");
}
