//! What would change the outcome: smallest by hand, pairs when one is not enough, never an undeclared move.

use crate::support::{Random, chain};
use holdfast_training::tabular::calibrate::sigmoid;
use holdfast_training::tabular::counterfactual::{Choice, CounterfactualError, Lever, smallest_changes};
use holdfast_training::tabular::table::{Feature, Kind, Schema, Value};

fn number(row: &[Value], index: usize) -> f64 {
    match row[index] {
        Value::Number(number) => number,
        _ => 0.0,
    }
}

/// Late with the load (0), less late with days of notice (1); the slow carrier (2) is worse.
fn model(row: &[Value]) -> f64 {
    let slow = if row[2] == Value::Text("slow".into()) { 1.0 } else { 0.0 };
    sigmoid(number(row, 0) - 0.5 * number(row, 1) + 1.5 * slow)
}

fn case(load: f64) -> Vec<Value> {
    vec![Value::Number(load), Value::Number(2.0), Value::Text("slow".into())]
}

fn days(step: Option<f64>) -> Lever {
    Lever { feature: 1, choice: Choice::Range { low: 0.0, high: 10.0, step }, effort: 1.0 }
}

fn carrier() -> Lever {
    let values = ["slow", "fair", "dear"].map(|name| Value::Text(name.into()));
    Lever { feature: 2, choice: Choice::Values(values.to_vec()), effort: 0.7 }
}

#[test]
fn the_smallest_single_change_is_found() {
    // Logit 0.9 − 1 + 1.5 = 1.4; to zero it needs 2.8 more days, or another carrier.
    let answer = smallest_changes(&case(0.9), &[carrier(), days(None)], 0.5, model).unwrap();
    assert!((answer.probability - sigmoid(1.4)).abs() < 1e-12);
    assert_eq!(answer.ways.len(), 2);
    let first = &answer.ways[0];
    assert_eq!(first.changes[0].feature, 1);
    let Value::Number(to) = first.changes[0].to else { unreachable!("a number") };
    assert!((4.8..4.82).contains(&to) && first.probability < 0.5 && (first.effort - 0.28).abs() < 0.01, "{first:?}");
    assert_eq!(answer.ways[1].changes[0].to, Value::Text("dear".into()), "the first by name among equals");
    // In whole days, exactly at 0.5 is not below it.
    let answer = smallest_changes(&case(1.0), &[days(Some(1.0))], 0.5, model).unwrap();
    assert_eq!(answer.ways[0].changes[0].to, Value::Number(6.0));
    let answer = smallest_changes(&case(0.9), &[days(Some(1.0))], 0.5, model).unwrap();
    assert_eq!(answer.ways[0].changes[0].to, Value::Number(5.0));
}

#[test]
fn two_are_changed_where_one_is_not_enough() {
    // Logit 5.5 − 1 + 1.5 = 6; ten days alone leave 2, the carrier alone 4.5; both need ten days at least.
    let answer = smallest_changes(&case(5.5), &[carrier(), days(None)], 0.65, model).unwrap();
    assert_eq!(answer.ways.len(), 1);
    let way = &answer.ways[0];
    assert_eq!(way.changes.iter().map(|change| change.feature).collect::<Vec<_>>(), [2, 1]);
    assert!(way.probability < 0.65 && way.probability > 0.64, "{way:?}");
    let schema = Schema {
        version: "1".into(),
        features: [("load", Kind::Numeric), ("days", Kind::Numeric), ("carrier", Kind::Categorical)]
            .map(|(name, kind)| Feature { name: name.into(), kind, label: format!("the {name}") })
            .to_vec(),
    };
    let words = way.words(&schema);
    assert!(words.starts_with("the carrier dear instead of slow and the days 9.") && words.ends_with(" %"), "{words}");
    let answer = smallest_changes(&case(9.0), &[carrier(), days(None)], 0.5, model).unwrap();
    assert!(answer.ways.is_empty() && (answer.lowest - sigmoid(4.0)).abs() < 1e-9, "{answer:?}");
}

#[test]
fn no_change_is_needed_or_allowed() {
    assert!(smallest_changes(&case(-5.0), &[days(None)], 0.5, model).unwrap().ways.is_empty());
    assert!(smallest_changes(&case(1.0), &[], 0.5, model).unwrap().ways.is_empty());
    let missing = vec![Value::Number(1.0), Value::Missing, Value::Text("slow".into())];
    let answer = smallest_changes(&missing, &[days(Some(1.0))], 0.5, model).unwrap();
    assert_eq!((answer.ways[0].changes[0].from.clone(), answer.ways[0].effort), (Value::Missing, 1.0));
    assert!(smallest_changes(&case(1.0), &[days(None)], 0.5, |_| f64::NAN).unwrap().ways.is_empty());
}

#[test]
fn what_is_offered_holds_and_is_minimal() {
    let mut random = Random(11);
    for _ in 0..300 {
        let [a, b, c] = [0; 3].map(|_| 6.0 * random.uniform() - 3.0);
        let wavy = move |row: &[Value]| sigmoid(a + b * number(row, 0) + (c * number(row, 1)).sin());
        let row = [Value::Number(random.uniform()), Value::Number(5.0 * random.uniform())];
        let lever =
            |feature, high| Lever { feature, choice: Choice::Range { low: 0.0, high, step: None }, effort: 1.0 };
        let levers = [lever(0, 1.0), lever(1, 5.0)];
        let answer = smallest_changes(&row, &levers, 0.4, wavy).unwrap();
        for way in &answer.ways {
            let mut changed = row.clone();
            for change in &way.changes {
                assert_eq!(change.from, row[change.feature]);
                changed[change.feature] = change.to.clone();
            }
            assert!(wavy(&changed) < 0.4 && wavy(&changed) == way.probability);
            for change in &way.changes {
                // One step of a thousandth back towards the present value.
                let (Value::Number(from), Value::Number(to)) = (&change.from, &change.to) else { continue };
                let step = [1.0, 5.0][change.feature] / 1000.0;
                let mut back = changed.clone();
                back[change.feature] = Value::Number(to - step * (to - from).signum());
                assert!((to - from).abs() <= step || wavy(&back) >= 0.4 - 1e-9 || way.changes.len() == 2, "{way:?}");
            }
        }
    }
}

#[test]
fn levers_that_make_no_sense_are_refused() {
    let refuse = |levers: &[Lever]| smallest_changes(&case(1.0), levers, 0.5, model).unwrap_err();
    assert_eq!(refuse(&[days(None), days(None)]), CounterfactualError::Feature { feature: 1, width: 3 });
    assert_eq!(refuse(&[Lever { feature: 7, ..days(None) }]), CounterfactualError::Feature { feature: 7, width: 3 });
    assert!(chain(&refuse(&[days(Some(0.0))])).contains("the step 0"));
    assert!(chain(&refuse(&[Lever { effort: f64::NAN, ..days(None) }])).contains("the effort NaN"));
    let turned = Choice::Range { low: 1.0, high: 0.0, step: None };
    assert!(chain(&refuse(&[Lever { choice: turned, ..days(None) }])).contains("starts at 1"));
}
