//! `holdfast explain`: why an order has its risk and what would bring it down, or what there is to say of a case.
//!
//! Guarantees: the features are those that were served, not computed again; reasons sum to the score; a way out moves only
//! what somebody can act on; a summary is of the same facts and frames as the API's, in plain words. Non-goals: causes; a way out says what the model would
//! answer, not what the world will do.

pub(super) mod summary;

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::evaluate::stored;
use crate::adapters::linfa::risk::{LinfaRisk, ways_out};
use crate::adapters::linfa::table::to_learned;
use crate::app::App;
use crate::config::Config;
use crate::domain::ids::CaseId;
use crate::flow::assess::features::SCHEMA_VERSION;
use crate::flow::assess::summary::Reader;
use crate::ports::store::cases::CaseFilter;
use crate::ports::tabular::{RiskModel as _, TabularError};

/// Reasons that are printed.
const REASONS: usize = 6;

/// Options of `holdfast explain`.
#[derive(clap::Args)]
pub struct Args {
    /// The order, or a case as `EX-<id>`: then its summary.
    #[arg(required_unless_present = "context")]
    subject: Option<String>,
    /// JSON lines of contexts (`datasets/summaries`): a summary of each as one line of JSON.
    #[arg(long, conflicts_with_all = ["subject", "version"])]
    context: Option<PathBuf>,
    /// Leave amounts of credit and invoices out of summaries.
    #[arg(long)]
    without_finance: bool,
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
    if let Some(path) = &args.context {
        return summary::of_contexts(path, args.reader());
    }
    let subject = args.subject.clone().unwrap_or_default();
    let app = App::open(config).await?;
    if let Some(id) = subject.strip_prefix("EX-").and_then(|id| id.parse().ok()) {
        return summary::of_case(&app, CaseId(id), args.reader(), args.json).await;
    }
    risk(&app, &subject, &args).await
}

impl Args {
    fn reader(&self) -> Reader {
        Reader { sees_finance: !self.without_finance }
    }
}

async fn risk(app: &App, order: &str, args: &Args) -> Result<()> {
    let (model, version) = stored(app, args.version.as_deref()).await?;
    let mut tx = app.services.store.read().await?;
    let filter = CaseFilter { order_id: Some(order.to_owned()), ..CaseFilter::default() };
    let cases = tx.list_cases(&filter, None, 100).await?;
    ensure!(!cases.is_empty(), "order `{order}` has no exception; see `GET /v1/exceptions`");
    let names: Vec<String> = model.schema().features.iter().map(|feature| feature.name.clone()).collect();
    let judged = LinfaRisk::load(&version.dir).ok();
    let mut told = Vec::new();
    for case in cases {
        let Some(assessment) = tx.assessments_of(case.id, 1).await?.into_iter().next() else { continue };
        if assessment.schema_version != SCHEMA_VERSION || model.schema().version != SCHEMA_VERSION {
            continue;
        }
        let row = to_learned(&names, &assessment.features)?;
        let prediction = model.predict(&row)?;
        let ways = ways_out(&model, &row);
        // What was said then: the interval as it was promised, or why the version abstained.
        let answer = judged.as_ref().map(|judged| judged.risk(SCHEMA_VERSION, &assessment.features));
        let abstained = answer.and_then(|answer| match answer {
            Err(TabularError::Outside { why, fallback, .. }) => Some(format!("{why}; {}", fallback.rule)),
            _ => None,
        });
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
            if let Some(why) = &abstained {
                println!("  abstains: {why}");
            }
            if let (Some([low, high]), Some(basis)) = (assessment.ships, &assessment.ships_basis) {
                println!("  ships between {low} and {high} ({:.0} % of such lines do)", 100.0 * basis.coverage);
            }
            for reason in prediction.reasons.iter().take(REASONS) {
                println!("  {:+.2}  {} {} (typically {})", reason.effect, reason.label, reason.value, reason.typical);
            }
            ways.iter().for_each(|way| println!("  would change it: {way}"));
        }
        told.push(json!({
            "case_id": case.id,
            "assessment_id": assessment.id,
            "prediction": prediction,
            "abstained": abstained,
            "ships": assessment.ships,
            "ships_basis": assessment.ships_basis,
            "ways": ways,
        }));
    }
    let none = || format!("no exception of order `{order}` was assessed with schema `{SCHEMA_VERSION}` yet");
    told.first().with_context(none)?;
    if args.json {
        println!("{}", json!(told));
    }
    Ok(())
}
