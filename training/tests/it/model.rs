//! The risk model end to end on a synthetic law.

use std::ops::ControlFlow;

use crate::support::{chain, shipments};
use holdfast_training::tabular::encode::Recipe;
use holdfast_training::tabular::learner::Learner;
use holdfast_training::tabular::metrics::log_loss;
use holdfast_training::tabular::model::{ModelError, RiskModel};
use holdfast_training::tabular::options::{Rule, TrainOptions};
use holdfast_training::tabular::split::Split;
use holdfast_training::tabular::table::{SchemaError, Table, Value};
use holdfast_training::tabular::train::TrainError;

fn quiet(_: &str, _: f64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn train(table: &Table, options: &TrainOptions) -> RiskModel {
    RiskModel::train(table, options, &mut quiet).unwrap().0
}

#[test]
fn it_learns_the_law_and_says_so() {
    let (_, report) = RiskModel::train(&shipments(4000, 1), &TrainOptions::default(), &mut quiet).unwrap();
    assert!(report.beats_baseline && report.test.roc_auc > 0.8, "{report}");
    assert!(report.test.ece < 0.08, "{report}");
    assert_eq!((report.rows.train, report.rows.valid, report.rows.test, report.rows.gap), (3200, 960, 800, 0));
    assert_eq!(report.candidates.len(), TrainOptions::default().learners.len());
    let least = report.candidates.iter().min_by(|a, b| a.valid_log_loss.total_cmp(&b.valid_log_loss)).unwrap();
    assert!(least.weight > 0.0, "the best single learner takes part: {report}");
    assert!((report.candidates.iter().map(|c| c.weight).sum::<f64>() - 1.0).abs() < 1e-12);
    assert!(report.to_string().contains("base rate"), "{report}");
}

#[test]
fn base_and_effects_sum_to_the_logit_and_the_strongest_comes_first() {
    let table = shipments(2000, 2);
    let logistic = |recipe| vec![Learner::Logistic { recipe, alpha: 10.0 }];
    let trees = |recipe| vec![Learner::Trees { recipe, leaves: 6, learning_rate: 0.1, column_share: 0.5, trees: 60 }];
    for learners in [
        logistic(Recipe::WeightOfEvidence),
        logistic(Recipe::TargetRate),
        trees(Recipe::AsOfRate),
        trees(Recipe::Native),
        TrainOptions::default().learners,
    ] {
        let model = train(&table, &TrainOptions { learners, ..TrainOptions::default() });
        for row in table.rows.iter().rev().take(200) {
            let prediction = model.predict(row).unwrap();
            let sum = model.base() + prediction.reasons.iter().map(|reason| reason.effect).sum::<f64>();
            assert!((sum - prediction.logit).abs() < 1e-9);
            assert!(prediction.reasons.iter().rev().map(|reason| reason.effect.abs()).is_sorted());
            assert_eq!(prediction.reasons.len(), 4);
            assert_eq!(prediction.probability.to_bits(), model.probability(row).unwrap().to_bits());
        }
    }
}

#[test]
fn reasons_speak_in_business_words() {
    let model = train(&shipments(2000, 3), &TrainOptions::default());
    let row = [Value::Number(0.97), Value::Text("slow".into()), Value::Number(0.5), Value::Text("SO-9999".into())];
    let prediction = model.predict(&row).unwrap();
    let first: Vec<&str> = prediction.reasons.iter().take(2).map(|reason| reason.label.as_str()).collect();
    assert!(first.contains(&"dock load") && first.contains(&"carrier"), "{:?}", prediction.reasons);
    let load = prediction.reasons.iter().find(|reason| reason.feature == "load").unwrap();
    assert!(load.effect > 0.0 && load.value == Value::Number(0.97));
    assert!(matches!(load.typical, Value::Number(typical) if (typical - 0.5).abs() < 0.05));
    assert!(prediction.probability > 0.8);
}

#[test]
fn unseen_and_missing_values_have_an_answer() {
    let model = train(&shipments(2000, 4), &TrainOptions::default());
    let answer = |carrier: Value| {
        let row = [Value::Number(0.5), carrier, Value::Number(0.5), Value::Missing];
        model.predict(&row).unwrap().logit
    };
    let of = |name: &str| answer(Value::Text(name.into()));
    assert!(of("fast") < of("never seen") && of("never seen") < of("slow"));
    assert!(of("fast") < answer(Value::Missing) && answer(Value::Missing) < of("slow"));
    let all_missing = model.predict(&vec![Value::Missing; 4]).unwrap();
    assert!(all_missing.probability > 0.0 && all_missing.probability < 1.0);
    let far = |load: f64| {
        let row = [Value::Number(load), Value::Text("fair".into()), Value::Missing, Value::Missing];
        model.predict(&row).unwrap().logit
    };
    assert_eq!(far(2.0).to_bits(), far(1e20).to_bits(), "beyond the training range nothing grows");
}

#[test]
fn rows_of_another_schema_are_refused() {
    let model = train(&shipments(1000, 5), &TrainOptions::default());
    let text = |text: &str| Value::Text(text.into());
    let short = model.predict(&[Value::Missing]).unwrap_err();
    assert_eq!(short, SchemaError::Width { expected: 4, found: 1 });
    let swapped = model.predict(&[text("slow"), text("slow"), Value::Missing, Value::Missing]).unwrap_err();
    assert!(matches!(&swapped, SchemaError::Kind { feature, .. } if feature == "load"), "{swapped}");
    let number = model.predict(&[Value::Missing, Value::Number(7.0), Value::Missing, Value::Missing]).unwrap_err();
    assert!(matches!(&number, SchemaError::Kind { feature, .. } if feature == "carrier"), "{number}");
    for odd in [f64::NAN, f64::INFINITY, 1e31] {
        let error = model.predict(&[Value::Number(odd), text("slow"), Value::Missing, Value::Missing]).unwrap_err();
        assert!(matches!(&error, SchemaError::Range { feature, .. } if feature == "load"), "{error}");
    }
}

#[test]
fn the_same_data_and_seed_give_the_same_bytes() {
    let table = shipments(1500, 6);
    let options = TrainOptions::default();
    let first = train(&table, &options).to_bytes().unwrap();
    assert_eq!(first, train(&table, &options).to_bytes().unwrap());
    let read = RiskModel::from_bytes(&first).unwrap();
    assert_eq!(read.to_bytes().unwrap(), first, "reading and writing changes nothing");
    let shuffled = {
        let mut table = table.clone();
        table.rows.reverse();
        table.labels.reverse();
        table.times.reverse();
        table
    };
    assert_eq!(first, train(&shuffled, &options).to_bytes().unwrap(), "time orders the rows, not their place");
    assert_ne!(first, train(&table, &TrainOptions { seed: 1, ..options }).to_bytes().unwrap());
}

#[test]
fn damaged_models_are_refused() {
    let text = String::from_utf8(train(&shipments(500, 7), &TrainOptions::default()).to_bytes().unwrap()).unwrap();
    let read = |text: &str| RiskModel::from_bytes(text.as_bytes()).unwrap_err();
    assert!(matches!(read("{}"), ModelError::Json(_)));
    assert!(matches!(read(&text.replace("\"format\":2", "\"format\":3")), ModelError::Format { found: 3, .. }));
    let more = text.replacen("\"columns\":[{", "\"columns\":[{\"column\":\"absent\"},{", 1);
    assert!(matches!(read(&more), ModelError::Damaged { .. }));
    let none = text.replacen("\"members\":[", "\"members\":[],\"other\":[", 1);
    assert!(matches!(read(&none), ModelError::Damaged { .. }));
}

#[test]
fn test_rows_do_not_reach_the_model() {
    let table = shipments(1000, 8);
    let options = TrainOptions::default();
    let mut changed = table.clone();
    for row in 800..1000 {
        changed.labels[row] = row % 2 == 0;
        changed.rows[row][0] = Value::Number(1e6);
    }
    assert_eq!(train(&table, &options).to_bytes().unwrap(), train(&changed, &options).to_bytes().unwrap());
}

#[test]
fn too_little_or_one_sided_data_is_refused() {
    let refuse = |table: &Table| RiskModel::train(table, &TrainOptions::default(), &mut quiet).unwrap_err();
    assert!(matches!(refuse(&shipments(199, 9)), TrainError::TooFewRows { found: 199, needed: 200 }));
    let mut table = shipments(400, 9);
    table.labels.iter_mut().for_each(|label| *label = false);
    assert!(matches!(refuse(&table), TrainError::OneClass { split: Split::Train, label: false, .. }));
    let mut table = shipments(400, 9);
    table.rows[17][0] = Value::Number(f64::INFINITY);
    let message = chain(&refuse(&table));
    assert!(message.contains("row 17") && message.contains("`load`"), "{message}");
    let mut table = shipments(400, 9);
    table.rows.iter_mut().for_each(|row| row.fill(Value::Missing));
    assert!(chain(&refuse(&table)).contains("constant"));
    let odd = Learner::Logistic { recipe: Recipe::TargetRate, alpha: f64::NAN };
    let options = TrainOptions { learners: vec![odd], ..TrainOptions::default() };
    let error = RiskModel::train(&shipments(400, 9), &options, &mut quiet).unwrap_err();
    assert!(chain(&error).contains("alpha NaN"), "{}", chain(&error));
    let odd = Learner::Logistic { recipe: Recipe::Native, alpha: 1.0 };
    let options = TrainOptions { learners: vec![odd], ..TrainOptions::default() };
    assert!(RiskModel::train(&shipments(400, 9), &options, &mut quiet).is_err());
}

#[test]
fn rules_are_baselines_and_must_exist() {
    let rule = |feature: &str| Rule { name: "by one feature".into(), feature: feature.into() };
    let options = |feature: &str| TrainOptions { rules: vec![rule(feature)], ..TrainOptions::default() };
    let (_, report) = RiskModel::train(&shipments(2000, 14), &options("load"), &mut quiet).unwrap();
    let [base_rate, load] = report.baselines.as_slice() else { unreachable!("{report}") };
    assert!(load.test.log_loss < base_rate.test.log_loss && load.test.roc_auc > 0.7, "{report}");
    assert!(report.beats_baseline, "the carrier is worth something beside the load: {report}");
    let (_, report) = RiskModel::train(&shipments(2000, 14), &options("carrier"), &mut quiet).unwrap();
    assert!(report.baselines[1].test.roc_auc > 0.6, "{report}");
    let error = RiskModel::train(&shipments(2000, 14), &options("dock"), &mut quiet).unwrap_err();
    assert!(matches!(&error, TrainError::Rule { feature, .. } if feature == "dock"), "{error}");
}

#[test]
fn the_report_warns_when_more_trees_would_help() {
    let table = shipments(2000, 18);
    let warnings = |trees, learning_rate| {
        let learner = Learner::Trees { recipe: Recipe::AsOfRate, leaves: 4, learning_rate, column_share: 1.0, trees };
        let options = TrainOptions { learners: vec![learner], ..TrainOptions::default() };
        let (_, report) = RiskModel::train(&table, &options, &mut quiet).unwrap();
        assert_eq!(report.to_string().contains("warning"), !report.warnings.is_empty());
        report.warnings.len()
    };
    assert_eq!((warnings(4, 0.05), warnings(300, 0.3)), (1, 0));
}

#[test]
fn a_caller_can_cancel() {
    let mut calls = 0;
    let mut third = |_: &str, _: f64| {
        calls += 1;
        if calls == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let error = RiskModel::train(&shipments(500, 15), &TrainOptions::default(), &mut third).unwrap_err();
    assert!(matches!(error, TrainError::Cancelled));
    assert_eq!(calls, 3);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let table = shipments(1500, 16);
    let bytes = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train(&table, &TrainOptions::default()).to_bytes().unwrap())
    };
    assert_eq!(bytes(1), bytes(2));
}

#[test]
fn outcomes_that_come_too_late_are_an_error() {
    let options = TrainOptions { outcome_delay: 25_000, fractions: [0.1, 0.1, 0.8], ..TrainOptions::default() };
    let error = RiskModel::train(&shipments(1000, 17), &options, &mut quiet).unwrap_err();
    assert!(matches!(error, TrainError::Split(_) | TrainError::NoFold { .. }), "{error}");
}

#[test]
fn an_outcome_delay_sets_rows_aside() {
    let options = TrainOptions { outcome_delay: 600, ..TrainOptions::default() };
    let (_, report) = RiskModel::train(&shipments(1000, 10), &options, &mut quiet).unwrap();
    assert_eq!(report.rows.gap, 9);
}

#[test]
fn progress_rises_from_nought_to_one() {
    let mut heard = Vec::new();
    let mut progress = |_: &str, share: f64| {
        heard.push(share);
        ControlFlow::Continue(())
    };
    RiskModel::train(&shipments(500, 11), &TrainOptions::default(), &mut progress).unwrap();
    assert!(heard.is_sorted() && heard.first() == Some(&0.0) && heard.last() == Some(&1.0));
}

#[test]
fn the_probability_is_calibrated_better_than_the_base_rate() {
    let table = shipments(3000, 12);
    let model = train(&table, &TrainOptions::default());
    let fresh = shipments(3000, 13);
    let p: Vec<f64> = fresh.rows.iter().map(|row| model.probability(row).unwrap()).collect();
    assert!(log_loss(&p, &fresh.labels).unwrap() < 0.55);
}
