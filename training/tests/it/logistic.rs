//! linfa's traps do not reach the caller.

use holdfast_training::tabular::logistic::{Linear, LogisticError, LogisticParams};
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
