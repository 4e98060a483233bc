//! Generated records with a known law.

use holdfast_training::tabular::boost::{BoostParams, Booster, Column, Objective, Records};
use linfa::ParamGuard;
use linfa::traits::Fit;
use ndarray::{Array1, Array2};

use crate::support::Random;

/// Columns of [`late`].
pub const COLUMNS: [Column; 6] = [
    Column::Numeric { monotone: 0 },
    Column::Numeric { monotone: 0 },
    Column::Numeric { monotone: 0 },
    Column::Categorical,
    Column::Categorical,
    Column::Numeric { monotone: 0 },
];

/// Load, slack (often missing, and then late), noise, carrier of 3, site of 40, constant; target: late or not.
pub fn late(rows: usize, seed: u64) -> Records {
    let mut random = Random(seed);
    let mut records = Array2::zeros((rows, COLUMNS.len()));
    let mut targets = Array1::zeros(rows);
    for (mut record, target) in records.rows_mut().into_iter().zip(&mut targets) {
        let (load, slack) = (random.uniform(), random.uniform());
        let missing = random.uniform() < 0.2;
        let carrier = (random.uniform() * 3.0).floor();
        let site = (random.uniform() * 40.0).floor();
        let effect = if missing { 1.0 } else { -2.0 * slack };
        let site_effect = if (site as u32 * 7).is_multiple_of(3) { 1.5 } else { -0.5 };
        let logit = 3.0 * load - 1.0 + effect + [0.8, 0.0, -0.8][carrier as usize] + site_effect;
        *target = if random.uniform() < 1.0 / (1.0 + (-logit).exp()) { 1.0 } else { 0.0 };
        let slack = if missing { f64::NAN } else { slack };
        let noise = random.uniform();
        for (cell, value) in record.iter_mut().zip([load, slack, noise, carrier, site, 7.0]) {
            *cell = value as f32;
        }
    }
    Records::new(records, targets)
}

/// Small trees on [`COLUMNS`].
pub fn params(objective: Objective) -> BoostParams {
    BoostParams::new(objective).columns(COLUMNS.to_vec()).trees(40).leaves_max(12)
}

/// A fitted model.
pub fn fit(params: &BoostParams, records: &Records) -> Booster {
    params.check_ref().unwrap().fit(records).unwrap()
}

/// The mean loss of a model's raw scores.
pub fn loss(booster: &Booster, records: &Records) -> f64 {
    let raw = booster.raw_batch(records.records.view());
    let sum: f64 = raw.iter().zip(&records.targets).map(|(raw, y)| booster.objective().loss(*raw, *y)).sum();
    sum / raw.len() as f64
}
