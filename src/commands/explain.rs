//! `holdfast explain`: why an order has its risk, and what would bring it down.
//!
//! Guarantees: the features are those that were served, not computed again; reasons sum to the score; a way out moves only
//! what somebody can act on. Non-goals: causes; a way out says what the model would answer, not what the world will do.

use anyhow::{Context as _, Result, ensure};
use holdfast_training::tabular::counterfactual::{Choice, Lever, smallest_changes};
use holdfast_training::tabular::table::{Schema, Value};
use serde_json::json;

use super::evaluate::stored;
use crate::adapters::linfa::table::to_learned;
use crate::app::App;
use crate::config::Config;
use crate::flow::assess::features::SCHEMA_VERSION;
use crate::ports::store::cases::CaseFilter;

/// Below this risk nothing has to change.
const THRESHOLD: f64 = 0.5;
/// Reasons that are printed.
const REASONS: usize = 6;

/// Options of `holdfast explain`.
#[derive(clap::Args)]
pub struct Args {
    /// The order.
    order: String,
    /// Version of the risk model; the one that serves where missing.
    #[arg(long)]
    version: Option<String>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Explains the newest assessment of each open case of the order.
///
/// # Errors
/// When no version, no case or no assessment is there.
pub async fn run(config: Config, args: Args) -> Result<()> {
    let app = App::open(config).await?;
    let (model, version) = stored(&app, args.version.as_deref()).await?;
    let mut tx = app.services.store.read().await?;
    let filter = CaseFilter { order_id: Some(args.order.clone()), ..CaseFilter::default() };
    let cases = tx.list_cases(&filter, None, 100).await?;
    ensure!(!cases.is_empty(), "order `{}` has no exception; see `GET /v1/exceptions`", args.order);
    let names: Vec<String> = model.schema().features.iter().map(|feature| feature.name.clone()).collect();
    let levers = levers(model.schema());
    let mut told = Vec::new();
    for case in cases {
        let Some(assessment) = tx.assessments_of(case.id, 1).await?.into_iter().next() else { continue };
        if assessment.schema_version != SCHEMA_VERSION || model.schema().version != SCHEMA_VERSION {
            continue;
        }
        let row = to_learned(&names, &assessment.features)?;
        let prediction = model.predict(&row)?;
        let answer = smallest_changes(&row, &levers, THRESHOLD, |row| model.probability(row).unwrap_or(1.0))?;
        let ways: Vec<String> = answer.ways.iter().map(|way| way.words(model.schema())).collect();
        if !args.json {
            println!(
                "{} {}: {:.1} % as of {}, {}/{}",
                case.key.category.name(),
                case.id,
                100.0 * prediction.probability,
                assessment.as_of,
                version.manifest.name,
                version.manifest.version
            );
            for reason in prediction.reasons.iter().take(REASONS) {
                println!("  {:+.2}  {} {} (typically {})", reason.effect, reason.label, reason.value, reason.typical);
            }
            ways.iter().for_each(|way| println!("  would change it: {way}"));
        }
        told.push(
            json!({ "case_id": case.id, "assessment_id": assessment.id, "prediction": prediction, "ways": ways }),
        );
    }
    let none = || format!("no exception of order `{}` was assessed with schema `{SCHEMA_VERSION}` yet", args.order);
    told.first().with_context(none)?;
    if args.json {
        println!("{}", json!(told));
    }
    Ok(())
}

/// What people can act on: stock, credit, address, change requests.
fn levers(schema: &Schema) -> Vec<Lever> {
    let to = |value: f64| Choice::Values(vec![Value::Number(value)]);
    let acts = [
        ("allocated", to(1.0)),
        ("credit_held", to(0.0)),
        ("over_limit_ratio", to(0.0)),
        ("address_complete", to(1.0)),
        ("change_asked", to(0.0)),
        ("shortfall_ratio", to(0.0)),
        ("price_gap", to(0.0)),
    ];
    let place = |name: &str| schema.features.iter().position(|feature| feature.name == name);
    acts.into_iter().filter_map(|(name, choice)| Some(Lever { feature: place(name)?, choice, effort: 1.0 })).collect()
}
