//! Odd input: a clear error or a sane model.

use holdfast_training::tabular::boost::{BoostError, BoostParams, Booster, Column, Objective, Records};
use linfa::ParamGuard;
use linfa::traits::Fit;
use ndarray::{Array1, Array2};

use super::data::{fit, late, params};

fn try_fit(records: Array2<f32>, targets: Vec<f32>) -> Result<Booster, BoostError> {
    BoostParams::new(Objective::Logistic).leaf_rows_min(1).fit(&Records::new(records, Array1::from(targets)))
}

fn said(result: Result<Booster, BoostError>, words: &str) {
    let message = result.map(|_| ()).unwrap_err().to_string();
    assert!(message.contains(words), "{message}");
}

#[test]
fn what_cannot_be_learned_is_an_error_that_says_where() {
    let column = |values: [f32; 4]| Array2::from_shape_vec((4, 1), values.to_vec()).unwrap();
    let good = || column([1.0, 2.0, 3.0, 4.0]);
    let mixed = || vec![0.0, 1.0, 0.0, 1.0];
    said(try_fit(Array2::zeros((0, 3)), vec![]), "0 rows and 3 columns");
    said(try_fit(Array2::zeros((4, 0)), mixed()), "4 rows and 0 columns");
    said(try_fit(Array2::zeros((4, 70_000)), mixed()), "70000 columns and at most 65536");
    said(try_fit(good(), vec![0.0, 1.0]), "2 targets for 4 rows");
    said(try_fit(good(), vec![1.0; 4]), "all 4 targets that have a weight are 1");
    said(try_fit(good(), vec![0.0, 1.0, f32::NAN, 1.0]), "target of row 2 is NaN");
    said(try_fit(good(), vec![0.0, 1.0, 2.0, 1.0]), "give 0 or 1");
    said(try_fit(column([1.0; 4]), mixed()), "constant or missing");
    said(try_fit(column([f32::NAN; 4]), mixed()), "constant or missing");
    said(try_fit(column([1.0, 2.0, f32::INFINITY, 4.0]), mixed()), "column 0 of row 2 is infinite");
    let weighted = |weights: Vec<f32>| {
        let records = Records::new(good(), Array1::from(mixed())).with_weights(Array1::from(weights));
        BoostParams::new(Objective::Logistic).fit(&records)
    };
    said(weighted(vec![1.0, -1.0, 1.0, 1.0]), "weight of row 1 is -1");
    said(weighted(vec![0.0; 4]), "not all of them 0");
    said(weighted(vec![1.0; 3]), "3 weights for 4 rows");
    let categories = |values| {
        let params = BoostParams::new(Objective::Logistic).columns(vec![Column::Categorical]);
        params.fit(&Records::new(column(values), Array1::from(mixed())))
    };
    said(categories([0.0, 1.0, 0.5, 2.0]), "column 0 of row 2 is 0.5");
    said(categories([0.0, -1.0, 1.0, 2.0]), "column 0 of row 1 is -1");
    said(categories([0.0, 1.0, 1e9, 2.0]), "whole codes from 0 to 1048575");
    let narrow = BoostParams::new(Objective::Logistic).columns(vec![Column::Categorical; 2]);
    said(narrow.fit(&Records::new(good(), Array1::from(mixed()))), "1 columns and 2 are described");
}

#[test]
fn settings_are_checked() {
    let base = || BoostParams::new(Objective::Squared);
    for (params, name) in [
        (base().trees(0), "trees"),
        (base().learning_rate(0.0), "learning_rate"),
        (base().learning_rate(f64::NAN), "learning_rate"),
        (base().leaves_max(1), "leaves_max"),
        (base().bins_max(257), "bins_max"),
        (base().l2(-1.0), "l2"),
        (base().l2(f64::INFINITY), "l2"),
        (base().row_share(0.0), "row_share"),
        (base().column_share(1.5), "column_share"),
        (base().columns(vec![Column::Numeric { monotone: 2 }]), "monotone"),
        (BoostParams::new(Objective::Quantile { level: 1.0 }), "level"),
        (BoostParams::new(Objective::Tweedie { power: 2.0 }), "power"),
    ] {
        let message = params.check().map(|_| ()).unwrap_err().to_string();
        assert!(message.contains(&format!("`{name}`")), "{message}");
    }
}

#[test]
fn what_says_nothing_gives_the_base() {
    let x = Array2::from_shape_fn((100, 1), |(row, _)| row as f32);
    let booster = fit(&BoostParams::new(Objective::Squared), &Records::new(x.clone(), Array1::from_elem(100, 3.25)));
    assert_eq!((booster.trees(), booster.raw(&[5.0])), (0, 3.25));
    let few = fit(&BoostParams::new(Objective::Squared), &Records::new(x, Array1::from_shape_fn(100, |i| i as f32)));
    assert!(few.trees() > 0);
    let zeros = Records::new(Array2::from_shape_fn((50, 1), |(row, _)| row as f32), Array1::zeros(50));
    let booster = fit(&BoostParams::new(Objective::Tweedie { power: 1.5 }), &zeros);
    assert!(booster.raw(&[1.0]).is_finite() && booster.response(&[1.0]) < 1e-6);
}

#[test]
fn scoring_takes_any_row() {
    let booster = fit(&params(Objective::Logistic), &late(1000, 12));
    let usual = [0.5, f32::NAN, 0.5, 1.0, 3.0, 7.0];
    let missing = |column: usize| {
        let mut row = usual;
        row[column] = f32::NAN;
        booster.raw(&row)
    };
    for unseen in [40.0, 1e9, -1.0, -0.5, f32::INFINITY, f32::NEG_INFINITY] {
        let mut row = usual;
        row[4] = unseen;
        assert_eq!(booster.raw(&row), missing(4), "an unseen category counts as missing: {unseen}");
    }
    assert_eq!(booster.raw(&usual[..5]), booster.raw(&usual), "the constant column is not looked at");
    assert_eq!(booster.raw(&[]), booster.raw(&[f32::NAN; 6]), "absent columns are missing");
    assert_eq!(booster.raw(&[&usual[..], &[1.0; 3]].concat()), booster.raw(&usual), "further columns are ignored");
    for odd in [f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE, -0.0] {
        assert!(booster.raw(&[odd; 6]).is_finite());
    }
    let mut far = usual;
    far[0] = f32::INFINITY;
    let beyond = booster.raw(&far);
    far[0] = 1e30;
    assert_eq!(beyond, booster.raw(&far), "infinity is beyond every cut");
    assert!(booster.raw_batch(Array2::zeros((0, 6)).view()).is_empty());
}
