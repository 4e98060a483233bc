//! A thousand decisions of one process, computed again by another.

use std::process::Command;

use anyhow::ensure;
use holdfast::domain::case::Category;
use holdfast::flow::decide::explore::ExplorationSettings;
use holdfast::flow::decide::inline::InlineCase;
use holdfast::flow::decide::prioritize::{PrioritizeRequest, prioritize};
use holdfast::flow::services::Settings;
use serde_json::json;

use super::world::ada;
use crate::support::folder::Folder;
use crate::support::services::World;
use crate::support::stores;

const DECISIONS: usize = 1000;

/// Facts that differ in category, value, time, tier and stock.
fn inline(number: usize) -> InlineCase {
    let category = Category::ALL[number % Category::ALL.len()];
    let name = format!("SO-{number}");
    let value = 100.0 + (number * 7919 % 9973) as f64;
    let tier = ["A", "B", "C"][number % 3];
    let due_in_h = (number * 31 % 400) as f64 - 50.0;
    InlineCase {
        opened_at: None,
        attributes: serde_json::Map::new(),
        category,
        facts: json!({
            "order": { "order_id": name, "currency": "EUR", "value": value, "due_in_h": due_in_h },
            "line": { "line_no": 1, "sku": "A", "quantity": 1.0 + (number % 17) as f64, "value": value / 3.0 },
            "customer": { "name": "Kran AG", "tier": tier },
        }),
        reference: name,
        features: None,
    }
}

fn holdfast(url: &str, folder: &Folder, arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .args(arguments)
        .current_dir(folder.path())
        .env("HOLDFAST_DATA_DIR", folder.path())
        .env("HOLDFAST_STORE__URL", url)
        .env("HOLDFAST_MODELS__SHIPPED", folder.path().join("none"))
        .env("HOLDFAST_LOG", "warn")
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_computes_a_thousand_decisions_again() -> anyhow::Result<()> {
    let (store, folder) = (stores::sqlite().await?, Folder::new()?);
    let exploration = ExplorationSettings { share: 0.9, tie_cost: 30.0, per_day: 400 };
    let plain = World::over(&store.store)?;
    let exploring = World::with(&store.store, Settings { exploration, ..Settings::default() })?;
    for number in 0..DECISIONS {
        let world = if number % 2 == 0 { &plain } else { &exploring };
        let cases = if number % 50 == 0 { 5 } else { 1 };
        let inline = (0..cases).map(|case| inline(number * 5 + case)).collect();
        prioritize(&world.services, PrioritizeRequest { inline, ..PrioritizeRequest::default() }, &ada()).await?;
    }
    let explored = exploring.services.store.read().await?.explored("2026-03-02").await?.len();
    ensure!(explored > 20, "some of it was explored: {explored}");
    let all = holdfast(&store.url, &folder, &["replay", "--sample", "1000", "--seed", "7"]);
    let said = String::from_utf8_lossy(&all.stdout).into_owned();
    ensure!(all.status.success(), "{said}{}", String::from_utf8_lossy(&all.stderr));
    ensure!(said.contains("1000 of 1000 decisions identical (of 1000 in the log, seed 7)"), "{said}");
    Ok(())
}

#[tokio::test]
async fn what_is_not_as_recorded_is_told() -> anyhow::Result<()> {
    let (store, folder) = (stores::sqlite().await?, Folder::new()?);
    let world = World::over(&store.store)?;
    let request = PrioritizeRequest { inline: vec![inline(3)], ..PrioritizeRequest::default() };
    let mut decision = prioritize(&world.services, PrioritizeRequest { explain: true, ..request }, &ada()).await?;
    decision.id = holdfast::domain::ids::DecisionId::of_digest(&[9; 32]);
    decision.output[0].value += 1.0;
    let mut tx = world.services.store.write().await?;
    tx.insert_decision(&decision).await?;
    tx.commit().await?;
    let output = holdfast(&store.url, &folder, &["replay"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.code() == Some(3), "{said}{}", String::from_utf8_lossy(&output.stderr));
    ensure!(said.contains("1 of 2 decisions identical") && said.contains("place 0 of the answer"), "{said}");
    Ok(())
}
