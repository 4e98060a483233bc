//! What is known of a table beside its cells: late features, groups, delays, directions, computed outcomes.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::support::{chain, empty_folder, shipments};
use holdfast_training::tabular::descriptor::{Descriptor, DescriptorError};
use holdfast_training::tabular::encode::Recipe;
use holdfast_training::tabular::learner::Learner;
use holdfast_training::tabular::model::RiskModel;
use holdfast_training::tabular::options::TrainOptions;
use holdfast_training::tabular::report::Report;
use holdfast_training::tabular::split::Split;
use holdfast_training::tabular::table::{Monotone, Table, Value};
use holdfast_training::tabular::train::{TrainError, splits_of};

const HEAD: &str = "name = \"toy\"\nsource = \"made up\"\nlicence = \"CC0-1.0\"\nschema_version = \"toy-1\"\n";
const TAIL: &str = "\n[split.time]\nfractions = [0.5, 0.25, 0.25]\ngap = 0\n\n[[features]]\ncolumn = \"days\"\nkind = \"numeric\"\n\
                    label = \"scheduled days\"\n";

fn light() -> TrainOptions {
    let trees = |recipe| Learner::Trees { recipe, leaves: 4, learning_rate: 0.1, column_share: 1.0, trees: 40 };
    let logistic = Learner::Logistic { recipe: Recipe::TargetRate, alpha: 10.0 };
    let learners = vec![logistic, trees(Recipe::AsOfRate), trees(Recipe::Native)];
    TrainOptions { learners, ..TrainOptions::default() }
}

fn train(table: &Table) -> Result<(RiskModel, Report), TrainError> {
    RiskModel::train(table, &light(), &mut |_, _| ControlFlow::Continue(()))
}

fn describe(test: &str, middle: &str, tail: &str) -> (PathBuf, Result<Descriptor, DescriptorError>) {
    let folder = empty_folder(test);
    let path = folder.join("toy.toml");
    fs::write(&path, format!("{HEAD}{middle}{tail}")).unwrap();
    (folder.join("toy.csv"), Descriptor::load(&path))
}

fn read(test: &str, middle: &str, tail: &str, data: &str) -> Result<Table, DescriptorError> {
    let (path, descriptor) = describe(test, middle, tail);
    fs::write(&path, data).unwrap();
    descriptor?.read(&path)
}

#[test]
fn a_feature_that_was_known_too_late_stops_training_by_name() {
    let mut table = shipments(400, 21);
    let on_time: Vec<Option<i64>> = table.times.iter().map(|time| Some(*time)).collect();
    table.facts.known_at.insert("load".into(), on_time.clone());
    train(&table).unwrap();
    let mut late = on_time;
    late[7] = Some(table.times[7] + 1);
    late[9] = Some(table.times[9] + 60);
    late[11] = None;
    table.facts.known_at.insert("noise".into(), late);
    let error = train(&table).unwrap_err();
    assert!(matches!(&error, TrainError::PostDated { feature, rows: 2, row: 7, .. } if feature == "noise"), "{error}");
    table.facts.known_at.insert("dock".into(), vec![None; 400]);
    assert!(chain(&train(&table).unwrap_err()).contains("`dock`"));
}

#[test]
fn a_group_on_both_sides_of_a_cut_stops_training_by_name() {
    let mut table = shipments(400, 22);
    let orders = |lines: usize| (0..400).map(|row| (row % 5 > 0).then(|| format!("SO-{}", row / lines))).collect();
    table.facts.groups = Some(orders(4));
    train(&table).unwrap();
    table.facts.groups = Some(orders(7));
    let error = train(&table).unwrap_err();
    assert!(matches!(&error, TrainError::Group { groups, .. } if *groups > 0), "{error}");
    table.facts.groups = Some(vec![None; 3]);
    assert!(chain(&train(&table).unwrap_err()).contains("3 groups"));
}

#[test]
fn a_delay_of_the_table_sets_rows_aside_before_every_cut() {
    let mut table = shipments(1000, 23);
    table.facts.outcome_delay = 600;
    let (_, report) = train(&table).unwrap();
    assert_eq!(report.rows.gap, 9, "of those that end before the test");
    let given = |row: usize| {
        if row < 700 {
            Split::Train
        } else if row < 800 {
            Split::Valid
        } else {
            Split::Test
        }
    };
    let by_time = splits_of(&table, &light()).unwrap();
    table.splits = Some((0..1000).map(given).collect());
    assert_eq!(splits_of(&table, &light()).unwrap(), by_time, "given or not");
    assert_eq!(train(&table).unwrap().1.rows.gap, 9);
}

#[test]
fn a_rising_risk_never_falls() {
    let mut table = shipments(1500, 24);
    table.facts.monotone.insert("load".into(), Monotone::Rising);
    table.facts.monotone.insert("noise".into(), Monotone::Falling);
    let (model, report) = train(&table).unwrap();
    assert!(report.candidates.iter().all(|c| matches!(c.learner, Learner::Trees { .. })), "{report}");
    let logit = |load: f64, noise: f64| {
        let row = [Value::Number(load), Value::Text("fair".into()), Value::Number(noise), Value::Missing];
        model.predict(&row).unwrap().logit
    };
    for step in 0..50 {
        let [now, next] = [step, step + 1].map(|step| f64::from(step) / 50.0);
        assert!(logit(next, 0.5) >= logit(now, 0.5) - 1e-12, "load {now}");
        assert!(logit(0.5, next) <= logit(0.5, now) + 1e-12, "noise {now}");
    }
    let learners = vec![Learner::Logistic { recipe: Recipe::TargetRate, alpha: 1.0 }];
    let options = TrainOptions { learners, ..TrainOptions::default() };
    let error = RiskModel::train(&table, &options, &mut |_, _| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, TrainError::Monotone), "{error}");
    table.facts.monotone.insert("carrier".into(), Monotone::Rising);
    assert!(chain(&train(&table).unwrap_err()).contains("`carrier` cannot be monotone"));
}

#[test]
fn an_outcome_may_be_a_comparison() {
    let data = "at,real,days,kind\n1,5,4,a\n2,4,4,a\n3,3,4,b\n4,NA,4,b\n5,7,4.5,c\n6,1,9,c\n";
    let common = "time_column = \"at\"\nignored = [\"kind\"]\n\n[label]\n";
    let days = |operator: &str| format!("{common}expression = \"real {operator} days\"\nskip_missing = true\n");
    let labels = |test: &str, operator: &str| read(test, &days(operator), TAIL, data).unwrap().labels;
    assert_eq!(labels("expression_above", ">"), [true, false, false, true, false]);
    assert_eq!(labels("expression_at_most", "<="), [false, true, true, false, true]);
    let table = read("expression_times", &days(">"), TAIL, data).unwrap();
    assert_eq!(table.times, [1, 2, 3, 5, 6], "the open order is left out");
    let fixed = format!("{common}expression = \"real >= 4\"\nskip_missing = true\n");
    assert_eq!(read("expression_number", &fixed, TAIL, data).unwrap().labels, [true, true, false, true, false]);
    let strict = format!("{common}expression = \"real > days\"\n");
    let error = chain(&read("expression_missing", &strict, TAIL, data).unwrap_err());
    assert!(error.contains("line 5, column `real`"), "{error}");
}

#[test]
fn dates_and_texts_compare_and_nonsense_is_refused() {
    let data =
        "promised,delivered,days\n2024-01-03,2024-01-04,1\n2024-01-03,2024-01-03,2\n2024-01-09,2024-01-03T10:00:00,3\n";
    let label = |text: &str| {
        format!(
            "leaks = [{{ column = \"delivered\", reason = \"the outcome\" }}]\nignored = [\"promised\"]\n\n[label]\n{text}\n"
        )
    };
    let tail = TAIL.replace("[0.5, 0.25, 0.25]", "[0.34, 0.33, 0.33]");
    let of = |test: &str, text: &str| read(test, &label(text), &tail, data);
    assert_eq!(of("expression_dates", "expression = \"delivered > promised\"").unwrap().labels, [true, false, false]);
    assert_eq!(of("expression_date", "expression = \"delivered >= 2024-01-04\"").unwrap().labels, [true, false, false]);
    assert_eq!(of("expression_text", "expression = \"promised == 2024-01-09\"").unwrap().labels, [false, false, true]);
    let error = chain(&of("expression_mixed", "expression = \"delivered > days\"").unwrap_err());
    assert!(error.contains("line 2, column `delivered`"), "{error}");
    for (test, text) in [
        ("expression_none", "expression = \"delivered\""),
        ("expression_both", "expression = \"delivered > promised\"\ncolumn = \"late\""),
        ("expression_half", "column = \"late\""),
        ("expression_values", "expression = \"1 > 2\""),
    ] {
        assert!(of(test, text).is_err(), "{text}");
    }
    let features = format!("{}\n[[features]]\ncolumn = \"delivered\"\nkind = \"categorical\"\nlabel = \"d\"\n", TAIL);
    let both = "ignored = [\"promised\"]\n\n[label]\nexpression = \"delivered > days\"\n";
    let error = read("expression_features", both, &features, data).unwrap_err();
    assert!(matches!(error, DescriptorError::Roles { second: "label", .. }), "{error}");
}

#[test]
fn a_descriptor_says_when_what_is_known() {
    let data = "at,seen,order,days,late\n10,9,a,1,yes\n20,,a,2,no\n30,31,b,3,perhaps\n40,40,,4,yes\n";
    let middle = "time_column = \"at\"\noutcome_delay = 5\ngroup_column = \"order\"\n\n\
                  [label]\ncolumn = \"late\"\npositive = \"yes\"\n";
    let tail = format!("{TAIL}known_at = \"seen\"\nmonotone = \"falling\"\n");
    let table = read("facts_described", middle, &tail, data).unwrap();
    assert_eq!(table.labels, [true, false, false, true]);
    assert_eq!(table.facts.outcome_delay, 5);
    assert_eq!(table.facts.known_at["days"], [Some(9), None, Some(31), Some(40)]);
    assert_eq!(table.facts.groups.unwrap(), [Some("a".into()), Some("a".into()), Some("b".into()), None]);
    assert_eq!(table.facts.monotone["days"], Monotone::Falling);
    let gap = tail.replace("gap = 0", "gap = 7");
    assert_eq!(read("facts_gap", middle, &gap, data).unwrap().facts.outcome_delay, 7);
}

#[test]
fn without_categories_no_learner_is_tried_twice() {
    let mut table = shipments(600, 25);
    assert_eq!(train(&table).unwrap().1.candidates.len(), 3);
    for row in &mut table.rows {
        row.truncate(1);
    }
    table.schema.features.truncate(1);
    assert_eq!(train(&table).unwrap().1.candidates.len(), 2);
}
