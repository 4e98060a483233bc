//! The one integration binary of `holdfast-training`; it uses the public interface only.
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod abstain;
mod artifact;
mod boost;
mod calibrate;
mod conformal;
mod counterfactual;
mod descriptor;
mod drift;
mod facts;
mod heads;
mod html;
mod leak;
mod link;
mod logistic;
mod metrics;
mod model;
mod odd_input;
#[cfg(feature = "parquet")]
mod parquet;
mod quality;
mod ranking;
mod reliability;
mod ship_date;
mod sparse;
mod split;
mod statistics;
mod support;
mod tune;
mod write;
