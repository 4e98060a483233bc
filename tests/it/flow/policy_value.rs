//! Off-policy evaluation in the product: by the decision log, and by files.

use std::fmt::Write as _;
use std::process::{Command, Output};

use anyhow::ensure;
use holdfast::adapters::linfa::policy_value::LibraryJudge;
use holdfast::domain::case::Category;
use holdfast::domain::decision::{Decision, RankedCase};
use holdfast::domain::ids::{CaseId, DecisionId};
use holdfast::domain::outcome::Outcome;
use holdfast::flow::FlowError;
use holdfast::flow::decide::explore::ExplorationSettings;
use holdfast::flow::decide::inline::InlineCase;
use holdfast::flow::decide::prioritize::{PrioritizeRequest, prioritize};
use holdfast::flow::learn::policy_value::{PastDecisions, Taken};
use holdfast::flow::services::Settings;
use holdfast::ports::policy_value::{Logged, PolicyJudge as _, PolicyValue};
use jiff::Timestamp;
use serde_json::json;

use super::decide::world::ada;
use crate::support::folder::Folder;
use crate::support::services::World;
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(the_log_of_the_store_is_judged_or_refused);

/// A reproducible place between 0 and 1.
pub fn place(text: &str) -> f64 {
    holdfast::domain::digest::place_of(text)
}

/// Whether the line of a case was missed, with what was recommended.
type Missed<'a> = &'a dyn Fn(&Decision, &RankedCase) -> bool;

/// Decisions on `cases` exceptions whose outcomes are known: those of inline facts, put on record as exceptions of the
/// service.
pub async fn decided(world: &World, cases: usize, missed: Missed<'_>) -> anyhow::Result<Vec<Decision>> {
    let mut decisions = Vec::new();
    for start in (0..cases).step_by(50) {
        let inline = |number: usize| InlineCase {
            opened_at: None,
            attributes: serde_json::Map::new(),
            category: Category::InventoryShortage,
            facts: json!({
                "order": { "order_id": format!("SO-{number}"), "currency": "EUR", "value": 20000.0, "due_in_h": 100.0 },
                "line": { "line_no": 1, "sku": "A", "quantity": 5.0, "value": 20000.0 },
            }),
            reference: format!("SO-{number}"),
            features: None,
        };
        let inline = (start..cases.min(start + 50)).map(inline).collect();
        let request = PrioritizeRequest { inline, explain: true, ..PrioritizeRequest::default() };
        let mut decision = prioritize(&world.services, request, &ada()).await?;
        let named = |reference: &str| CaseId(uuid::Uuid::from_u128(1 + reference[3..].parse::<u128>().unwrap()));
        for case in &mut decision.output {
            case.case_id = case.reference.take().map(|reference| named(&reference));
        }
        for input in &mut decision.input {
            let id = named(input["reference"].as_str().unwrap());
            (input["case_id"], input["reference"]) = (json!(id), json!(null));
        }
        decision.id = DecisionId::of_digest(&holdfast::domain::digest::of_bytes(format!("{cases} {start}").as_bytes()));
        let mut tx = world.services.store.write().await?;
        tx.insert_decision(&decision).await?;
        for case in &decision.output {
            let order_id = case.order_id.clone().unwrap();
            let missed = missed(&decision, case);
            let known_at = world.now() + jiff::SignedDuration::from_hours(90);
            let outcome = Outcome {
                missed,
                ..serde_json::from_value(json!({
                    "order_id": order_id, "line_no": 1, "missed": missed, "split": false, "known_at": known_at,
                }))?
            };
            tx.insert_outcome(&outcome).await?;
        }
        tx.commit().await?;
        decisions.push(decision);
    }
    Ok(decisions)
}

/// What the catalogue's belief is worth by what is on record.
async fn believed(world: &World, taken: Taken, since: Option<Timestamp>) -> Result<PolicyValue, FlowError> {
    PastDecisions::read(&world.services, since).await?.value(&world.services, None, taken).await
}

/// Three in ten, whatever was done.
fn by_lot(_: &Decision, case: &RankedCase) -> bool {
    place(case.order_id.as_deref().unwrap()) < 0.3
}

async fn the_log_of_the_store_is_judged_or_refused(store: &TestStore) -> anyhow::Result<()> {
    let exploration = ExplorationSettings { share: 0.4, tie_cost: 1000.0, per_day: 100_000 };
    let world = World::with(&store.store, Settings { exploration, ..Settings::default() })?;
    let nothing = believed(&world, Taken::Recommended, None).await;
    ensure!(nothing.is_err_and(|error| error.to_string().contains("the log cannot be used")), "an empty log");
    decided(&world, 40, &by_lot).await?;
    let few = believed(&world, Taken::Recommended, None).await?;
    ensure!(few.rows == 40 && few.estimates.is_empty(), "{few:?}");
    ensure!(few.refused.is_some_and(|why| why.contains("and 50 are needed")), "too few to say anything");
    decided(&world, 300, &by_lot).await?;
    let found = believed(&world, Taken::Recommended, None).await?;
    ensure!(found.refused.is_none() && found.biased.is_none() && found.rows == 300, "{found:?}");
    let names: Vec<&str> = found.estimates.iter().map(|estimate| estimate.estimator.as_str()).collect();
    ensure!(names == ["DM", "IPS", "SNIPS", "DR", "SNDR", "Switch-DR", "DRos"], "{names:?}");
    ensure!(found.effective_rows.is_some_and(|rows| rows > 150.0 && rows < 300.0), "{:?}", found.effective_rows);
    ensure!(found.any_time.is_some_and(|[low, high]| found.estimates.iter().all(|e| low < e.value && e.value < high)));
    let later = world.now() + jiff::SignedDuration::from_hours(1);
    let none = believed(&world, Taken::Recommended, Some(later)).await;
    ensure!(none.is_err(), "no decision is that late");
    let done = believed(&world, Taken::CarriedOut, None).await?;
    ensure!(done.biased.is_some_and(|why| why.contains("300 of 300 decisions have no propensity")));
    ensure!(done.estimates.len() == 1 && done.estimates[0].estimator == "DM" && done.effective_rows.is_none());
    Ok(())
}

/// Two actions; the second is worth 0.7 against 0.3, and the log takes it half of the time.
fn bandit(rows: usize, promised: f64) -> Vec<Logged> {
    let row = |row: usize| {
        let taken = usize::from(place(&format!("take {row}")) < 0.5);
        let good = place(&format!("reward {row}")) < [0.3, 0.7][taken];
        let expected = place(&format!("miss {row}"));
        Logged {
            category: ["stock", "credit"][row % 2].to_owned(),
            taken,
            reward: f64::from(u8::from(good)),
            propensity: Some(0.5),
            behaviour: vec![0.5, 0.5],
            target: vec![0.0, 1.0],
            incumbent: vec![1.0, 0.0],
            columns: vec![vec![0.0, 1.0], vec![1.0, 0.0]],
            promised,
            miss: Some((expected, place(&format!("missed {row}")) < expected)),
        }
    };
    (0..rows).map(row).collect()
}

#[test]
fn the_gate_tells_every_check() {
    let verdict = LibraryJudge.gate(&bandit(1500, 0.7)).unwrap();
    assert!(verdict.passed && verdict.rows == 1500, "{verdict:?}");
    let kinds: Vec<&str> = verdict.checks.iter().map(|check| check.kind.as_str()).collect();
    assert_eq!(kinds, ["support", "gain", "agreement", "flattery", "category", "category", "calibration"]);
    let boast = LibraryJudge.gate(&bandit(1500, 0.9)).unwrap();
    let failed: Vec<&str> = boast.checks.iter().filter(|check| !check.passed).map(|c| c.kind.as_str()).collect();
    assert_eq!((boast.passed, failed.as_slice()), (false, &["flattery"][..]));
    let mut worse = bandit(1500, 0.3);
    worse.iter_mut().for_each(|row| std::mem::swap(&mut row.target, &mut row.incumbent));
    let verdict = LibraryJudge.gate(&worse).unwrap();
    assert!(!verdict.passed && verdict.checks.iter().any(|check| check.kind == "gain" && !check.passed));
    let mut alone = bandit(1500, 0.7);
    alone.iter_mut().for_each(|row| (row.propensity, row.behaviour) = (None, Vec::new()));
    assert!(!LibraryJudge.gate(&alone).unwrap().passed, "nothing passes for want of propensities");
}

fn evaluate(folder: &Folder, text: &str, arguments: &[&str]) -> Output {
    let file = folder.path().join("log.csv");
    std::fs::write(&file, text).unwrap();
    Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .args(["evaluate", "policy", "--log", file.to_str().unwrap()])
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap()
}

#[test]
fn a_file_is_judged_labelled_or_refused() {
    let folder = Folder::new().unwrap();
    let text = |with: bool| {
        let mut text = format!("row,action,reward,{}pi_e_argmax,q_add_0,q_add_1\n", if with { "pscore," } else { "" });
        for (number, row) in bandit(600, 0.0).iter().enumerate() {
            let chance = if with { "0.5," } else { "" };
            writeln!(text, "{number},{},{},{chance}1,0.4,0.6", row.taken, row.reward).unwrap();
        }
        text
    };
    let judged = evaluate(&folder, &text(true), &["--format", "bandit", "--json"]);
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
    let said: serde_json::Value = serde_json::from_slice(&judged.stdout).unwrap();
    let doubly = said["estimates"].as_array().unwrap().iter().find(|one| one["estimator"] == "DR").unwrap();
    assert!((doubly["value"].as_f64().unwrap() - 0.7).abs() < 0.06, "{said:#}");
    let biased = evaluate(&folder, &text(false), &["--format", "bandit"]);
    let said = String::from_utf8_lossy(&biased.stdout).into_owned();
    assert!(said.contains("600 of 600 decisions have no propensity") && said.contains("DM"), "{said}");
    assert!(!said.contains("IPS"), "{said}");
    let mut cases = "action,cost,propensity,cat,x_age,pi,quote_0,quote_1,feas_0,feas_1,pb_0,pb_1\n".to_owned();
    for number in 0..200 {
        writeln!(cases, "0,{number},1,3,1,1,5,6,1,1,1,0").unwrap();
    }
    let refused = evaluate(&folder, &cases, &["--format", "exceptions"]);
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{said}{}", String::from_utf8_lossy(&refused.stderr));
    assert!(said.contains("100.0 % of the policy's choices can never occur in the log"), "{said}");
    let missing = evaluate(&folder, "action,reward\n1,2\n", &["--format", "bandit"]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("has no column `pi_e_argmax`"));
}
