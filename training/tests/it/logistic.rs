//! linfa's traps do not reach the caller.

use holdfast_training::tabular::logistic::{ElasticNetParams, Linear, LogisticError, LogisticParams};
use ndarray::{Array2, array};

const PARAMS: LogisticParams = LogisticParams { alpha: 1.0, iterations_max: 100 };

#[test]
fn the_score_is_that_of_the_bad_outcome_whichever_is_the_majority() {
    for bad_above in [2.0, 8.0] {
        let matrix = Array2::from_shape_fn((10, 1), |(row, _)| row as f64);
        let labels: Vec<bool> = (0..10).map(|row| f64::from(row) >= bad_above).collect();
        let linear = Linear::fit(&matrix, &labels, PARAMS).unwrap();
        assert!(linear.score([9.0]) > linear.score([0.0]), "bad from {bad_above}");
        assert!(linear.score([9.0]) > 0.0 || bad_above > 5.0);
    }
}

#[test]
fn constant_columns_get_no_weight() {
    let matrix = array![[0.0, 7.0], [1.0, 7.0], [2.0, 7.0], [3.0, 7.0]];
    let linear = Linear::fit(&matrix, &[false, false, true, true], PARAMS).unwrap();
    assert!(linear.effect(1, 1e6).abs() < f64::EPSILON);
    assert!(linear.effect(0, 1.5).abs() < 1e-12, "the mean has no effect");
}

#[test]
fn unusable_input_is_named() {
    let two = array![[0.0], [1.0]];
    let fit = |matrix: &Array2<f64>, labels: &[bool], params| Linear::fit(matrix, labels, params).unwrap_err();
    assert_eq!(fit(&two, &[true, true], PARAMS), LogisticError::OneClass { rows: 2, label: true });
    assert_eq!(fit(&Array2::zeros((0, 3)), &[], PARAMS), LogisticError::Length { rows: 0, labels: 0 });
    assert_eq!(fit(&array![[1.0], [1.0]], &[true, false], PARAMS), LogisticError::Constant { columns: 1 });
    let nan = fit(&array![[f64::NAN], [1.0]], &[true, false], PARAMS);
    assert_eq!(nan, LogisticError::NotFinite { row: 0, column: 0 });
    let alpha = LogisticParams { alpha: -1.0, ..PARAMS };
    assert!(matches!(fit(&two, &[true, false], alpha), LogisticError::Setting { name: "alpha", .. }));
}

#[test]
fn an_elastic_net_agrees_on_the_side_and_leaves_noise_out() {
    let matrix = Array2::from_shape_fn((200, 2), |(row, column)| ((row * [7, 61][column]) % 200) as f64);
    let labels: Vec<bool> = (0..200).map(|row| matrix[[row, 0]] + 20.0 * f64::from(row as i32 % 3) > 110.0).collect();
    let net = |penalty| {
        let params = ElasticNetParams { penalty, l1_ratio: 0.9, iterations_max: 200 };
        Linear::fit_elastic_net(&matrix, &labels, params)
    };
    let linear = net(0.05).unwrap();
    assert!(linear.score([190.0, 100.0]) > 1.0 && linear.score([10.0, 100.0]) < -1.0, "{linear:?}");
    assert!(linear.effect(1, 0.0).abs() < 1e-12, "{linear:?}");
    assert!(net(10.0).unwrap().effect(0, 0.0).abs() < 1e-12, "nothing is worth so much");
    assert!(matches!(net(f64::NAN), Err(LogisticError::Setting { name: "penalty", .. })));
}
