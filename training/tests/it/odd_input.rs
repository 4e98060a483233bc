//! Whatever comes in, training and prediction answer or refuse; they never panic.

use std::ops::ControlFlow;

use holdfast_training::tabular::encode::Recipe;
use holdfast_training::tabular::learner::Learner;
use holdfast_training::tabular::model::RiskModel;
use holdfast_training::tabular::options::TrainOptions;
use holdfast_training::tabular::table::{Facts, Feature, Kind, Schema, Table, Value};
use proptest::prelude::*;

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -10.0..10.0f64,
        2 => (-2..3i32).prop_map(f64::from),
        1 => prop_oneof![Just(0.0), Just(-0.0), Just(1e30), Just(-1e30), Just(1e-300), Just(f64::MIN_POSITIVE)],
    ]
}

fn value(kind: Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Numeric => prop_oneof![8 => number().prop_map(Value::Number), 1 => Just(Value::Missing)].boxed(),
        Kind::Categorical => prop_oneof![4 => "[ab]?", 1 => "\\PC{0,3}"].prop_map(Value::Text).boxed(),
    }
}

/// Anything at all, valid or not.
fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![any::<f64>().prop_map(Value::Number), "\\PC{0,4}".prop_map(Value::Text), Just(Value::Missing),]
}

fn table() -> impl Strategy<Value = Table> {
    let kinds = prop::collection::vec(prop_oneof![Just(Kind::Numeric), Just(Kind::Categorical)], 1..4);
    (kinds, 20usize..80).prop_flat_map(|(kinds, rows)| {
        let row: Vec<_> = kinds.iter().map(|kind| value(*kind)).collect();
        let feature =
            |(index, kind): (usize, &Kind)| Feature { name: format!("f{index}"), kind: *kind, label: String::new() };
        let schema = Schema { version: "odd".into(), features: kinds.iter().enumerate().map(feature).collect() };
        let times = prop_oneof![3 => -100i64..100, 1 => any::<i64>()];
        (
            prop::collection::vec(row, rows),
            prop::collection::vec(any::<bool>(), rows),
            prop::collection::vec(times, rows),
        )
            .prop_map(move |(rows, labels, times)| Table {
                schema: schema.clone(),
                rows,
                labels,
                times,
                splits: None,
                facts: Facts::default(),
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn train_and_predict_never_panic(
        table in table(),
        odd in prop::collection::vec(any_value(), 0..5),
        delay in prop_oneof![Just(0i64), Just(3), Just(i64::MAX)],
        alpha in prop_oneof![Just(1.0), Just(1e-12), Just(1e12)],
    ) {
        let options = TrainOptions {
            rows_min: 20,
            outcome_delay: delay,
            learners: vec![
                Learner::Logistic { recipe: Recipe::WeightOfEvidence, alpha },
                Learner::Logistic { recipe: Recipe::TargetRate, alpha },
                Learner::ElasticNet { recipe: Recipe::TargetRate, penalty: alpha, l1_ratio: 0.5 },
                Learner::Trees { recipe: Recipe::AsOfRate, leaves: 4, learning_rate: 0.1, column_share: 0.5, trees: 8 },
                Learner::Trees { recipe: Recipe::Native, leaves: 4, learning_rate: 0.1, column_share: 0.5, trees: 8 },
            ],
            fractions: [0.5, 0.2, 0.3],
            ..TrainOptions::default()
        };
        if let Ok((model, report)) = RiskModel::train(&table, &options, &mut |_, _| ControlFlow::Continue(())) {
            prop_assert!(report.test.log_loss.is_finite());
            for row in &table.rows {
                let prediction = model.predict(row).unwrap();
                prop_assert!(prediction.probability > 0.0 && prediction.probability < 1.0);
                let sum = model.base() + prediction.reasons.iter().map(|reason| reason.effect).sum::<f64>();
                prop_assert!((sum - prediction.logit).abs() < 1e-9);
            }
            let read = RiskModel::from_bytes(&model.to_bytes().unwrap()).unwrap();
            prop_assert_eq!(read, model.clone());
            // A row of odd values is refused or answered.
            if let Ok(prediction) = model.predict(&odd) {
                prop_assert!(prediction.probability.is_finite());
            }
        }
    }

    #[test]
    fn no_bytes_make_a_model_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(RiskModel::from_bytes(&bytes).is_err());
    }
}
