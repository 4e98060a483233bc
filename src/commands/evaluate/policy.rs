//! `holdfast evaluate policy`: what a ranking would have been worth, by decisions that another one took.
//!
//! Guarantees: of the store only decisions whose outcome is known count, of a file every row; without support it refuses
//! (exit code 3), without propensities it gives the direct method alone and says that it is biased. Non-goals: promotion, see
//! `flow::learn::effect_gate`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde_json::json;

use super::logs::{self, Format};
use crate::adapters::linfa::effect::LinfaEffect;
use crate::adapters::linfa::policy_value::LibraryJudge;
use crate::app::App;
use crate::commands::Refused;
use crate::config::Config;
use crate::flow::learn::policy_value::{PastDecisions, Taken};
use crate::flow::learn::registry::EFFECT;
use crate::ports::policy_value::{PolicyJudge as _, PolicyValue};
use crate::ports::tabular::EffectModel;

/// Options of `holdfast evaluate policy`.
#[derive(clap::Args)]
pub struct Args {
    /// Version of the effect model to rank by; the one that serves where missing, `none` for the catalogue's belief.
    #[arg(long, conflicts_with = "log")]
    effect: Option<String>,
    /// Judge by what was carried out instead of what was recommended: nobody knows with which probability people choose.
    #[arg(long, conflicts_with = "log")]
    carried_out: bool,
    /// Decisions from here on.
    #[arg(long, conflicts_with = "log")]
    since: Option<Timestamp>,
    /// A CSV log (plain or gzip) instead of the store's decisions.
    #[arg(long, requires = "format")]
    log: Option<PathBuf>,
    /// How the log is written.
    #[arg(long, requires = "log")]
    format: Option<Format>,
    /// CSV file (plain or gzip) with the policy's choices, by `id`; the log itself where missing.
    #[arg(long, requires = "log")]
    choices: Option<PathBuf>,
    /// Column with the number of the action that the policy chooses.
    #[arg(long, requires = "log")]
    policy: Option<String>,
    /// Probability with which the policy keeps to its choice; else it chooses any action alike.
    #[arg(long, requires = "log", default_value_t = 1.0)]
    keeps: f64,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Prints what a policy is worth.
///
/// # Errors
/// When there is no log or it cannot be used; [`Refused`] when it does not support the policy.
pub async fn run(config: Config, args: Args) -> Result<()> {
    let found = match (&args.log, args.format) {
        (Some(log), Some(format)) => {
            let policy = logs::Policy { choices: args.choices.clone(), column: args.policy.clone(), keeps: args.keeps };
            LibraryJudge.value(&logs::read(log, format, &policy)?)?
        }
        _ => of_store(config, &args).await?,
    };
    if args.json {
        println!("{}", json!(found));
    } else {
        print(&found);
    }
    match found.refused {
        Some(why) => Err(Refused(format!("the log does not support this policy: {why}")).into()),
        None => Ok(()),
    }
}

async fn of_store(config: Config, args: &Args) -> Result<PolicyValue> {
    let app = App::open(config).await?;
    let effect = match args.effect.as_deref() {
        None => app.services.models.effect.get(),
        Some("none") => None,
        Some(version) => Some(stored(&app, version).await?),
    };
    let taken = if args.carried_out { Taken::CarriedOut } else { Taken::Recommended };
    let past = PastDecisions::read(&app.services, args.since).await?;
    past.value(&app.services, effect, taken)
        .await
        .context("decisions count once their outcome is known; see `GET /v1/decisions/{id}`")
}

async fn stored(app: &App, version: &str) -> Result<Arc<dyn EffectModel>> {
    let version = version.strip_prefix("effect/").unwrap_or(version);
    let known = app.services.store.read().await?.model_version(EFFECT, version).await?;
    let Some(known) = known else { bail!("`{EFFECT}/{version}` is not registered here; see `GET /v1/models`") };
    Ok(Arc::new(LinfaEffect::load(&super::directory(app, &known)?)?))
}

fn print(found: &PolicyValue) {
    let known = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            println!("{name:<22} {value}");
        }
    };
    println!("{:<22} {}", "decisions", found.rows);
    known("effective decisions", found.effective_rows.map(|rows| format!("{rows:.1}")));
    known("greatest weight", found.weight_max.map(|weight| format!("{weight:.2}")));
    known("never in the log", found.unsupported_mass.map(|mass| format!("{:.2} % of the choices", 100.0 * mass)));
    known("model of the rewards", found.reward_model.as_ref().map(|model| format!("{model}, cross-fitted")));
    known("biased", found.biased.clone());
    known("refused", found.refused.clone());
    if found.estimates.is_empty() {
        return;
    }
    println!("\n{:<12} {:>12} {:>11}   {:<26} bootstrap", "", "mean reward", "error", "95 % interval");
    for one in &found.estimates {
        let range = |[low, high]: [f64; 2]| format!("[{low:.4}, {high:.4}]");
        println!(
            "{:<12} {:>12.4} {:>11.4}   {:<26} {}",
            one.estimator,
            one.value,
            one.error,
            range(one.interval),
            range(one.bootstrap)
        );
    }
    if let Some([low, high]) = found.any_time {
        println!("\nat every look (anytime-valid, DR): [{low:.4}, {high:.4}]");
    }
}
