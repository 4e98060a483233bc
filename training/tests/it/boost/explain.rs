//! Contributions against the definition of Shapley values, computed on the exported text by other code.

use std::collections::BTreeMap;

use holdfast_training::tabular::boost::{BoostParams, Booster, Column, Objective, Records};
use ndarray::{Array1, Array2};
use proptest::prelude::*;

use super::data::{fit, late, params};
use crate::support::Random;

/// A tree read from LightGBM's text.
struct Exported {
    fields: BTreeMap<String, Vec<f64>>,
}

impl Exported {
    fn all(text: &str) -> Vec<Exported> {
        let trees = text.split("end of trees").next().unwrap().split("\nTree=").skip(1);
        let field = |line: &str| {
            let (name, values) = line.split_once('=')?;
            Some((name.to_owned(), values.split_whitespace().map(|value| value.parse().unwrap()).collect()))
        };
        trees.map(|tree| Exported { fields: tree.lines().skip(1).filter_map(field).collect() }).collect()
    }

    fn at(&self, name: &str, index: i64) -> f64 {
        self.fields[name][index as usize]
    }

    /// As LightGBM decides.
    fn goes_left(&self, node: i64, row: &[f32]) -> bool {
        let value = f64::from(row[self.at("split_feature", node) as usize]);
        let decision = self.at("decision_type", node) as u8;
        if decision & 1 == 0 {
            return if value.is_nan() { decision & 2 != 0 } else { value <= self.at("threshold", node) };
        }
        let set = self.at("threshold", node) as i64;
        let (start, end) = (self.at("cat_boundaries", set), self.at("cat_boundaries", set + 1));
        let (word, bit) = ((value / 32.0).floor(), value as u32 % 32);
        value >= 0.0 && start + word < end && self.at("cat_threshold", (start + word) as i64) as u32 >> bit & 1 == 1
    }

    /// The mean of the leaves that a row can reach when only the columns in `known` are.
    fn mean(&self, node: i64, row: &[f32], known: u32) -> f64 {
        if node < 0 {
            return self.at("leaf_value", -node - 1);
        }
        let children = [self.at("left_child", node) as i64, self.at("right_child", node) as i64];
        if known >> self.at("split_feature", node) as u32 & 1 == 1 {
            return self.mean(children[usize::from(!self.goes_left(node, row))], row, known);
        }
        let rows =
            |node: i64| if node < 0 { self.at("leaf_count", -node - 1) } else { self.at("internal_count", node) };
        children.iter().map(|child| rows(*child) / rows(node) * self.mean(*child, row, known)).sum()
    }
}

fn brute_force(trees: &[Exported], row: &[f32]) -> Vec<f64> {
    let columns = row.len();
    let worth = |known: u32| trees.iter().map(|tree| tree.mean(0, row, known)).sum::<f64>();
    let worths: Vec<f64> = (0..1 << columns).map(worth).collect();
    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
    let mut values: Vec<f64> = (0..columns)
        .map(|column| {
            let without = (0..1u32 << columns).filter(|known| known >> column & 1 == 0);
            let gain = |known: u32| {
                let orders = factorial(known.count_ones()) * factorial(columns as u32 - known.count_ones() - 1);
                orders / factorial(columns as u32) * (worths[(known | 1 << column) as usize] - worths[known as usize])
            };
            without.map(gain).sum()
        })
        .collect();
    values.push(worths[0]);
    values
}

fn assert_exact(booster: &Booster, rows: &[Vec<f32>]) {
    let trees = Exported::all(&booster.to_lightgbm(&[]));
    assert_eq!(trees.len(), booster.trees().max(1));
    for row in rows {
        let (found, wanted) = (booster.contributions(row), brute_force(&trees, row));
        let sum: f64 = found.iter().sum();
        assert!((sum - booster.raw(row)).abs() < 1e-9, "{sum} {}", booster.raw(row));
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!((found - wanted).abs() < 1e-9, "{row:?}: {found} {wanted}");
        }
    }
}

#[test]
fn equal_the_definition_on_numbers_categories_and_absence() {
    let data = late(1200, 20);
    let booster = fit(&params(Objective::Logistic).trees(6), &data);
    let rows: Vec<Vec<f32>> = data.records.rows().into_iter().take(60).map(|row| row.to_vec()).collect();
    assert_exact(&booster, &rows);
    assert_exact(&booster, &[vec![f32::NAN; 6], vec![0.5, 0.5, 0.5, 99.0, 1e6, 0.0]]);
    let batch = booster.contributions_batch(data.records.view());
    for (row, found) in rows.iter().zip(batch.rows()) {
        assert_eq!(found.to_vec(), booster.contributions(row));
    }
}

#[test]
fn a_model_without_trees_is_its_base() {
    let x = Array2::from_shape_fn((60, 2), |(row, column)| (row * (column + 1)) as f32);
    let booster = fit(&BoostParams::new(Objective::Squared), &Records::new(x, Array1::from_elem(60, 2.5)));
    assert_eq!(booster.contributions(&[1.0, 2.0]), [0.0, 0.0, 2.5]);
    assert!(booster.to_lightgbm(&["a b".into()]).contains("feature_names=a_b Column_1\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn equal_the_definition_on_any_small_trees(seed: u64, leaves in 2usize..14, columns in 1usize..6) {
        let mut random = Random(seed);
        let mut draw = |n: f64| (random.uniform() * n).floor() as f32;
        let kinds: Vec<Column> = (0..columns)
            .map(|_| if draw(2.0) == 0.0 { Column::Categorical } else { Column::Numeric { monotone: 0 } })
            .collect();
        let records = Array2::from_shape_simple_fn((150, columns), || match draw(8.0) {
            0.0 => f32::NAN,
            _ => draw(7.0),
        });
        let targets = Array1::from_shape_simple_fn(150, || draw(10.0));
        let params = BoostParams::new(Objective::Squared)
            .columns(kinds).trees(3).leaves_max(leaves).leaf_rows_min(2)
            .category_group_rows_min(2).category_smoothing(1.0);
        let rows: Vec<Vec<f32>> = records.rows().into_iter().step_by(10).map(|row| row.to_vec()).collect();
        // A table may happen to be constant.
        use linfa::traits::Fit;
        if let Ok(booster) = params.fit(&Records::new(records, targets)) {
            assert_exact(&booster, &rows);
        }
    }
}
