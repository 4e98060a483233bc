//! Risk models on tables: read, split in time order, encode, fit, calibrate, measure.
//!
//! Purpose: turn a [`table::Table`] of past cases into a [`model::RiskModel`] that gives a calibrated probability and
//! the reasons for it.
//!
//! Guarantees: encoders and learners see training rows only, settings are chosen on the validation rows, and the test
//! rows are used once, for the [`report::Report`].
//!
//! Non-goals: computing features. What a column means, and as of when it was known, is decided by whoever fills the
//! table.

pub mod boost;
pub mod calibrate;
pub mod chart;
pub mod conformal;
pub mod counterfactual;
pub mod descriptor;
pub mod dossier;
pub mod drift;
pub mod encode;
mod forward;
pub mod guard;
pub mod html;
pub mod leak;
pub mod learner;
pub mod logistic;
pub mod metrics;
pub mod model;
pub mod options;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod quality;
pub mod reliability;
pub mod report;
pub mod ship_date;
pub mod split;
mod stack;
pub mod statistics;
pub mod support;
pub mod table;
pub mod train;
mod words;
