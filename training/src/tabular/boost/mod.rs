//! Histogram gradient-boosted trees on linfa's traits.
//!
//! Purpose: what linfa lacks. [`BoostParams`] are linfa's checked hyper-parameters, [`BoostValidParams`] implements its
//! `Fit`, [`Booster`] its `PredictInplace`: leaf-wise trees on binned columns (Friedman 2001; Ke et al. 2017) for yes
//! or no, amounts, quantiles and amounts that are often 0, with sample weights, missing values, categories and monotone
//! constraints.
//!
//! Guarantees: the same records, settings and seed give the same bytes on any number of threads; leaves hold the fewest
//! rows asked for, counted exactly; odd input is an error that names the row and the column; no stored bytes make a
//! reader panic.
//!
//! Non-goals: encoding of text, choice of settings, calibration; see the modules beside this one.
//!
//! ```text
//! let params = BoostParams::new(Objective::Logistic).leaves_max(15).check()?;
//! let booster = params.fit(&Records::new(records, targets))?;
//! let logit = booster.raw(&row);
//! ```

mod artefact;
mod bins;
mod booster;
mod error;
mod explain;
mod fit;
mod forest;
mod grow;
mod histogram;
mod lightgbm;
mod objective;
mod params;
mod split;
mod split_category;
mod tree;

pub use artefact::ArtefactError;
pub use bins::CATEGORY_MAX;
pub use booster::{Booster, Importance};
pub use error::BoostError;
pub use fit::{Progress, Records};
pub use objective::Objective;
pub use params::{BINS_MAX, BoostParams, BoostValidParams, Column, DEPTH_MAX, LEAVES_MAX, TREES_MAX};
