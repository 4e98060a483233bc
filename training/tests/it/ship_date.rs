//! The interval of the ship date and the guard beside a risk model: coverage, abstention, what is stored.

use holdfast_training::tabular::conformal::Interval;
use holdfast_training::tabular::guard::{Guard, GuardOptions, Novel};
use holdfast_training::tabular::model::RiskModel;
use holdfast_training::tabular::options::{Rule, TrainOptions};
use holdfast_training::tabular::ship_date::{ShipDate, ShipDateError};
use holdfast_training::tabular::table::{Table, Value};

use crate::support::{Random, shipments};

/// The table without its order numbers, and hours that grow with the load and differ by carrier.
fn shipped(rows: usize, seed: u64) -> (Table, Vec<Option<f64>>) {
    let mut table = shipments(rows, seed);
    table.schema.features.truncate(3);
    table.rows.iter_mut().for_each(|row| row.truncate(3));
    let mut random = Random(seed + 1);
    let hours = table.rows.iter().map(|row| {
        let load = if let Value::Number(load) = row[0] { load } else { 0.5 };
        let slow = if row[1] == Value::Text("slow".into()) { 3.0 } else { 1.0 };
        // Every tenth is not known to have ended.
        (random.uniform() > 0.1).then(|| slow * (0.02 + 0.1 * load * random.uniform()))
    });
    let hours = hours.collect();
    (table, hours)
}

#[test]
fn the_interval_covers_what_it_promises_in_every_segment_and_reads_back_to_the_same_bytes() {
    let (table, hours) = shipped(4000, 3);
    let options = TrainOptions::default();
    let (model, coverage) = ShipDate::train(&table, &hours, Some("carrier"), &options).unwrap();
    assert!((0.87..=0.93).contains(&coverage.adaptive), "{coverage}");
    assert_eq!(coverage.segments.len(), 3);
    assert!(coverage.segments.iter().all(|segment| segment.rows > 150 && segment.coverage > 0.84), "{coverage}");
    let (again, _) = ShipDate::train(&table, &hours, Some("carrier"), &options).unwrap();
    let bytes = model.to_bytes().unwrap();
    assert_eq!(bytes, again.to_bytes().unwrap());
    let read = ShipDate::from_bytes(&bytes).unwrap();
    assert_eq!(read, model);
    let row = &table.rows[7];
    assert_eq!(read.quantiles(row).unwrap(), model.quantiles(row).unwrap());
    assert!(ShipDate::from_bytes(b"{}").is_err());
}

#[test]
fn outcomes_move_the_margins_and_the_same_outcomes_move_them_alike() {
    let (table, hours) = shipped(2000, 5);
    let (model, _) = ShipDate::train(&table, &hours, Some("carrier"), &TrainOptions::default()).unwrap();
    let (row, segment) = (&table.rows[0], model.segment(&table.rows[0]));
    let heard = || {
        let mut adaptive = model.adaptive();
        (0..50).for_each(|_| adaptive.observe(model.quantiles(row).unwrap(), &segment, 10.0));
        adaptive
    };
    let (before, after) = (model.adaptive().margins(&segment), heard().margins(&segment));
    assert!(after[1] > before[1] && after[0] <= before[0], "{before:?} {after:?}");
    assert_eq!(after.map(f64::to_bits), heard().margins(&segment).map(f64::to_bits));
    let Interval { high, .. } = model.conformal().widened(model.quantiles(row).unwrap(), after);
    assert!(high > model.conformal().interval(model.quantiles(row).unwrap(), &segment).high);
}

#[test]
fn too_little_is_said_and_not_learned_from() {
    let (table, hours) = shipped(300, 7);
    let none = vec![None; 300];
    let options = TrainOptions::default();
    let refused = ShipDate::train(&table, &none, None, &options).unwrap_err();
    assert!(matches!(refused, ShipDateError::TooFewRows { found: 0, .. }), "{refused}");
    let refused = ShipDate::train(&table, &hours[1..], None, &options).unwrap_err();
    assert!(matches!(refused, ShipDateError::Length { rows: 300, hours: 299 }), "{refused}");
}

#[test]
fn the_guard_abstains_on_what_training_never_had_and_names_the_rule_that_stands_in() {
    let (table, _) = shipped(2000, 9);
    let rule = Rule { name: "load rule".into(), feature: "load".into() };
    let novel =
        |value: &str| Novel { feature: "carrier".into(), value: value.into(), words: format!("{value} is new") };
    let options =
        GuardOptions { novel: vec![novel("drone"), novel("slow")], ignored: vec!["noise".into()], rule: Some(rule) };
    let guard = Guard::train(&table, &options, &TrainOptions::default()).unwrap();
    let guard = Guard::from_bytes(&guard.to_bytes().unwrap()).unwrap();
    let row = |load: f64, carrier: &str, noise: f64| {
        vec![Value::Number(load), Value::Text(carrier.into()), Value::Number(noise)]
    };
    assert_eq!(guard.outside(&row(0.5, "drone", 0.5)).unwrap().as_deref(), Some("drone is new"));
    assert_eq!(guard.outside(&row(0.5, "slow", 0.5)).unwrap(), None, "every third was slow: it is not new");
    assert_eq!(guard.outside(&row(0.5, "fair", 900.0)).unwrap(), None, "noise is not looked at");
    assert!(
        guard.outside(&row(90.0, "fair", 0.5)).unwrap().unwrap().contains("dock load is 90, above all of training")
    );
    let outside = table.rows[1600..].iter().filter(|row| guard.outside(row).unwrap().is_some()).count();
    assert!(outside <= 12, "{outside} of 400 ordinary rows");
    let (light, heavy) = (guard.stand_in(&row(0.05, "fair", 0.5)), guard.stand_in(&row(0.95, "fair", 0.5)));
    assert!(light.probability + 0.4 < heavy.probability, "{light:?} {heavy:?}");
    assert!(
        heavy.words.starts_with("the load rule stands in: ") && heavy.words.contains("with dock load"),
        "{heavy:?}"
    );
    let unknown = guard.stand_in(&[Value::Missing, Value::Missing, Value::Missing]);
    assert!(unknown.words.starts_with("the base rate stands in: "), "{unknown:?}");
}

#[test]
fn the_trees_of_a_mixture_are_written_for_lightgbm_with_names_of_their_columns() {
    let (table, _) = shipped(2000, 11);
    let (model, _) =
        RiskModel::train(&table, &TrainOptions::default(), &mut |_, _| std::ops::ControlFlow::Continue(())).unwrap();
    let trees = model.learners().filter(|(learner, _)| !learner.recipe().is_linear()).count();
    let members = model.to_lightgbm();
    assert_eq!(members.len(), trees);
    assert!(members.iter().all(|member| member.text.contains("feature_names=load carrier noise")));
    let encoding = String::from_utf8(model.encoding().unwrap()).unwrap();
    assert!(encoding.contains("\"offset\"") && encoding.contains("\"calibration\""));
}
