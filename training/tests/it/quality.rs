//! What the data-quality report says of odd columns, and the page that carries it.

use std::ops::ControlFlow;

use crate::support::shipments;
use holdfast_training::tabular::dossier::{self, About};
use holdfast_training::tabular::model::RiskModel;
use holdfast_training::tabular::options::TrainOptions;
use holdfast_training::tabular::quality::inspect;
use holdfast_training::tabular::table::{Feature, Kind, Table, Value};

fn with(kind: Kind, value: impl Fn(usize) -> Value) -> Table {
    let mut table = shipments(1000, 1);
    table.schema.features.push(Feature { name: "extra".into(), kind, label: "extra <b>".into() });
    for (row, values) in table.rows.iter_mut().enumerate() {
        values.push(value(row));
    }
    table
}

fn warning(kind: Kind, value: impl Fn(usize) -> Value) -> String {
    inspect(&with(kind, value)).last().unwrap().warning.clone()
}

#[test]
fn odd_columns_are_named_and_ordinary_ones_are_not() {
    let number = |value: f64| Value::Number(value);
    assert_eq!(warning(Kind::Numeric, |row| number((row % 97) as f64)), "");
    assert!(warning(Kind::Numeric, |_| number(7.0)).contains("the same in every row"));
    assert!(warning(Kind::Numeric, |_| Value::Missing).contains("100 % missing"));
    let stand_in = warning(Kind::Numeric, |row| number(if row % 10 == 0 { 9999.0 } else { (row % 97) as f64 }));
    assert!(stand_in.contains("9999 occurs 100 times"), "{stand_in}");
    let low = warning(Kind::Numeric, |row| number(if row % 10 == 0 { -999.0 } else { (row % 97) as f64 }));
    assert!(low.contains("-999 occurs"), "{low}");
    assert!(warning(Kind::Categorical, |row| Value::Text(format!("id-{row}"))).contains("identifier"));
    assert_eq!(warning(Kind::Categorical, |row| Value::Text(["a", "b"][row % 2].into())), "");
    let first = &inspect(&shipments(1000, 1))[0];
    assert!(first.label == "dock load" && first.missing > 0.02 && first.missing < 0.1 && first.distinct > 900);
}

#[test]
fn the_page_of_a_model_is_the_same_each_time_and_loads_nothing() {
    let table = with(Kind::Numeric, |row| Value::Number((row % 7) as f64));
    let options = TrainOptions::default();
    let (model, report) = RiskModel::train(&table, &options, &mut |_, _| ControlFlow::Continue(())).unwrap();
    let about = About {
        title: "miss-risk 1".into(),
        summary: "Late or not.".into(),
        bad: "late lines".into(),
        provenance: vec![("data digest".into(), "sha256 00".into())],
    };
    let page = || dossier::page(&model, &report, &table, &options, about.clone()).unwrap();
    let html = page();
    assert_eq!(html, page());
    for wanted in
        ["ROC curve", "Reliability", "Cumulative gains", "dock load", "extra &lt;b&gt;", "base rate", "sha256 00"]
    {
        assert!(html.contains(wanted), "{wanted} is missing");
    }
    for unwanted in ["<script", "http://", "https://", "<link", "extra <b>"] {
        assert!(!html.contains(unwanted), "{unwanted} is there");
    }
}
