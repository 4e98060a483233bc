//! What is learned.

use std::ops::ControlFlow;

use holdfast_training::tabular::boost::{BoostParams, Column, Objective, Records};
use linfa::ParamGuard;
use linfa::dataset::Pr;
use linfa::prelude::Predict;
use linfa::traits::Fit;
use ndarray::{Array1, Array2};

use super::data::{COLUMNS, fit, late, loss, params};
use crate::support::Random;

#[test]
fn learns_numbers_categories_and_absence() {
    let (train, test) = (late(4000, 1), late(4000, 2));
    let booster = fit(&params(Objective::Logistic), &train);
    // The law's own loss is 0.487 here, the base rate's 0.668.
    let found = loss(&booster, &test);
    assert!(found < 0.53, "{found}");
    let importance = booster.importance();
    assert!(importance[0].gain > 5.0 * importance[2].gain, "load matters more than noise: {importance:?}");
    assert!(importance[4].gain > importance[2].gain);
    assert_eq!(importance[5].splits, 0, "a constant column cannot be split");
    let mut row = vec![0.5, f32::NAN, 0.5, 1.0, 1.0, 7.0];
    let missing = booster.raw(&row);
    row[1] = 0.9;
    assert!(missing > booster.raw(&row) + 1.0, "an absent slack is late, as in training");
}

#[test]
fn answers_the_same_alone_in_a_batch_and_by_linfa() {
    let data = late(1500, 3);
    let booster = fit(&params(Objective::Logistic), &data);
    let batch = booster.raw_batch(data.records.view());
    for (row, raw) in data.records.rows().into_iter().zip(&batch) {
        assert_eq!(booster.raw(&row.to_vec()), *raw);
    }
    let probabilities: Array1<Pr> = booster.predict(&data.records);
    let answers: Array1<f32> = booster.predict(&data.records);
    for ((p, a), raw) in probabilities.iter().zip(&answers).zip(&batch) {
        assert_eq!(**p, *a);
        assert!((f64::from(*a) - 1.0 / (1.0 + (-raw).exp())).abs() < 1e-6);
    }
    let turned = data.records.t().as_standard_layout().reversed_axes().to_owned();
    assert_eq!(booster.raw_batch(turned.view()), batch, "the layout in memory does not matter");
}

/// One column, target 2x + noise of known quantiles.
fn line(rows: usize, seed: u64) -> Records {
    let mut random = Random(seed);
    let x = Array2::from_shape_fn((rows, 1), |_| random.uniform() as f32);
    let y = x.column(0).mapv(|x| 10.0 + 4.0 * x + random.uniform() as f32);
    Records::new(x, y)
}

#[test]
fn squared_finds_the_mean_and_quantiles_cover_their_share() {
    let (train, test) = (line(5000, 4), line(5000, 5));
    let small = |objective| BoostParams::new(objective).leaves_max(8);
    let mean = fit(&small(Objective::Squared), &train);
    assert!((mean.raw(&[0.5]) - 12.5).abs() < 0.1, "{}", mean.raw(&[0.5]));
    for level in [0.1, 0.5, 0.9] {
        let booster = fit(&small(Objective::Quantile { level }), &train);
        let raw = booster.raw_batch(test.records.view());
        let below = raw.iter().zip(&test.targets).filter(|(raw, y)| f64::from(**y) <= **raw).count();
        let share = below as f64 / raw.len() as f64;
        assert!((share - level).abs() < 0.03, "{level}: {share}");
    }
}

#[test]
fn tweedie_finds_the_mean_of_amounts_that_are_often_zero() {
    let mut random = Random(6);
    let x = Array2::from_shape_fn((8000, 1), |_| (random.uniform() * 2.0).floor() as f32);
    let y = x.column(0).mapv(|x| {
        let present = random.uniform() < 0.3;
        if present { (1.0 + 3.0 * x) * (0.5 + random.uniform() as f32) } else { 0.0 }
    });
    let booster = fit(&BoostParams::new(Objective::Tweedie { power: 1.5 }), &Records::new(x, y));
    assert!((booster.response(&[0.0]) - 0.3).abs() < 0.03, "{}", booster.response(&[0.0]));
    assert!((booster.response(&[1.0]) - 1.2).abs() < 0.1, "{}", booster.response(&[1.0]));
}

#[test]
fn monotone_columns_stay_monotone() {
    let data = late(3000, 7);
    for sign in [1, -1] {
        let mut columns = COLUMNS.to_vec();
        // Noise and slack are constrained too, whatever the data say.
        for column in [0, 1, 2] {
            columns[column] = Column::Numeric { monotone: sign };
        }
        for objective in [Objective::Logistic, Objective::Squared, Objective::Quantile { level: 0.7 }] {
            let booster = fit(&params(objective).columns(columns.clone()).leaf_rows_min(5), &data);
            for row in data.records.rows().into_iter().take(200) {
                for column in [0, 1, 2] {
                    let mut row = row.to_vec();
                    let scores: Vec<f64> = (0..=20)
                        .map(|step| {
                            row[column] = step as f32 / 20.0;
                            booster.raw(&row)
                        })
                        .collect();
                    let ordered = scores.windows(2).all(|w| f64::from(sign) * (w[1] - w[0]) >= 0.0);
                    assert!(ordered, "{objective:?} {sign} {column}: {scores:?}");
                }
            }
        }
    }
}

#[test]
fn early_stopping_keeps_the_best_trees() {
    let (train, later) = (late(800, 8), late(800, 9));
    let params = params(Objective::Logistic).trees(400).learning_rate(0.3).patience(10);
    let mut losses = Vec::new();
    let params = params.check().unwrap();
    let booster = params.fit_watched(&train, Some(&later), &mut |_, loss| {
        losses.push(loss);
        ControlFlow::Continue(())
    });
    let booster = booster.unwrap();
    assert!(losses.len() < 400);
    let best = losses.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).map(|(at, _)| at + 1).unwrap();
    assert_eq!((booster.trees(), losses.len()), (best, best + 10));
    assert!((loss(&booster, &later) - losses[best - 1]).abs() < 1e-9);
}

#[test]
fn whoever_watches_can_stop_and_keeps_what_was_grown() {
    let data = late(800, 8);
    let stop = |trees, _| if trees == 7 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let params = params(Objective::Logistic).trees(50).check().unwrap();
    let stopped = params.fit_watched(&data, None, &mut { stop }).unwrap();
    assert_eq!(stopped, Fit::fit(&params, &data).unwrap().truncated(7));
}

#[test]
fn a_weight_counts_as_that_many_rows() {
    let data = late(1000, 10);
    let weights: Array1<f32> = (0..1000).map(|row| [1.0, 2.0, 3.0][row % 3]).collect();
    let repeated: Vec<usize> = (0..1000).flat_map(|row| std::iter::repeat_n(row, [1, 2, 3][row % 3])).collect();
    let duplicates = Records::new(
        data.records.select(ndarray::Axis(0), &repeated),
        data.targets.select(ndarray::Axis(0), &repeated),
    );
    // Limits and bins by rows differ between the two, so none may bind.
    let free = |objective| {
        BoostParams::new(objective)
            .columns(COLUMNS.to_vec())
            .trees(5)
            .leaves_max(6)
            .bin_rows_min(1)
            .leaf_rows_min(1)
            .leaf_weight_min(5.0)
            .category_smoothing(0.0)
            .category_group_rows_min(1)
    };
    let mut rounded = data.records.clone();
    rounded.mapv_inplace(|value| (value * 50.0).floor() / 50.0);
    let mut duplicates_rounded = duplicates.records.clone();
    duplicates_rounded.mapv_inplace(|value| (value * 50.0).floor() / 50.0);
    for objective in [Objective::Logistic, Objective::Squared, Objective::Quantile { level: 0.3 }] {
        let weighted = Records::new(rounded.clone(), data.targets.clone()).with_weights(weights.clone());
        let plain = Records::new(duplicates_rounded.clone(), duplicates.targets.clone());
        let (a, b) = (fit(&free(objective), &weighted), fit(&free(objective), &plain));
        for row in rounded.rows().into_iter().take(300) {
            let (a, b) = (a.raw(&row.to_vec()), b.raw(&row.to_vec()));
            assert!((a - b).abs() < 1e-4, "{objective:?}: {a} {b}");
        }
    }
}
