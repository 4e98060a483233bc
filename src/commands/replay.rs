//! `holdfast replay`: decisions of the log, computed again in this process and compared byte for byte.
//!
//! Guarantees: only reads; the same sample and seed choose the same decisions of the same log. Non-goals: decisions of
//! another version of models, policies or settings than serve now; these are counted as what they are, not identical.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use super::Refused;
use crate::app::App;
use crate::config::Config;
use crate::domain::digest;
use crate::domain::ids::DecisionId;
use crate::flow::decide::prioritize::replay;

/// Differences that are printed.
const SHOWN: usize = 10;

/// Options of `holdfast replay`.
#[derive(clap::Args)]
pub struct Args {
    /// How many decisions, drawn at random; all where there are fewer.
    #[arg(long, default_value_t = 1000)]
    sample: usize,
    /// Seed of the draw.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Replays a sample of the decision log.
///
/// # Errors
/// When there is no decision; [`Refused`] when one is not identical.
pub async fn run(config: Config, args: Args) -> Result<()> {
    let app = App::open(config).await?;
    let ids = app.services.store.read().await?.decision_ids().await?;
    ensure!(!ids.is_empty(), "there is no decision in the log yet; see `POST /v1/prioritize`");
    let (all, sample) = (ids.len(), sample(ids, &args));
    let mut unlike: BTreeMap<String, usize> = BTreeMap::new();
    let mut identical = 0;
    for id in &sample {
        let found = replay(&app.services, *id).await?;
        if found.identical {
            identical += 1;
            continue;
        }
        if unlike.len() < SHOWN {
            println!("{id} differs: {}", found.differences.join("; "));
        }
        *unlike.entry(found.differences.join("; ")).or_default() += 1;
    }
    println!("{identical} of {} decisions identical (of {all} in the log, seed {})", sample.len(), args.seed);
    if identical == sample.len() {
        return Ok(());
    }
    Err(Refused(format!("{} decisions do not come out as recorded", sample.len() - identical)).into())
}

/// The decisions whose digest with the seed is least.
fn sample(mut ids: Vec<DecisionId>, args: &Args) -> Vec<DecisionId> {
    ids.sort_by_cached_key(|id| digest::of_bytes(format!("{}:{id}", args.seed).as_bytes()));
    ids.truncate(args.sample);
    ids
}
