//! Backfills from files.

use std::io::Write as _;

use anyhow::{Context as _, ensure};
use holdfast::commands::import::{Args, Report, run};
use holdfast::domain::job::JobKind;
use holdfast::ports::store::service::Webhook;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::folder::Folder;
use crate::support::services::{START, World, event, item, plain_order, position};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(ndjson_is_resumable_and_silent, csv_rows_are_events);

fn args(file: std::path::PathBuf, kind: Option<&str>) -> Args {
    Args { files: vec![file], format: None, kind: kind.map(str::to_owned), json: true }
}

/// Orders of the past year, newest first, each with its stock too short.
fn history() -> anyhow::Result<Vec<Value>> {
    let mut lines = vec![event("item.upserted", "i", START.parse()?, item("SKU-H"))];
    for day in 0..150_i64 {
        let time = START.parse::<jiff::Timestamp>()?.checked_sub(SignedDuration::from_hours(24 * day))?;
        let mut order = plain_order(&format!("SO-H{day}"), &format!("SKU-H{day}"));
        order["placed_at"] = json!(time);
        lines.push(event("order.placed", &format!("o{day}"), time, order));
        lines.push(event("inventory.position", &format!("p{day}"), time, position(&format!("SKU-H{day}"), "1")));
    }
    Ok(lines)
}

async fn ndjson_is_resumable_and_silent(store: &TestStore) -> anyhow::Result<()> {
    let (world, folder) = (World::over(&store.store)?, Folder::new()?);
    let webhook = Webhook {
        id: holdfast::domain::ids::WebhookId::new(world.now(), &*world.services.entropy),
        url: "https://example.test/hook".into(),
        secret: "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz".into(),
        types: Vec::new(),
        enabled: true,
        created_at: world.now(),
        version: 1,
    };
    let mut tx = store.store.write().await?;
    tx.insert_webhook(&webhook).await?;
    tx.commit().await?;
    let path = folder.path().join("history.ndjson");
    let mut file = std::fs::File::create(&path)?;
    for line in history()? {
        writeln!(file, "{line}")?;
    }
    writeln!(file, "{{ no json\n\n{}", json!({ "specversion": "1.0" }))?;
    let first = run(world.services.clone(), args(path.clone(), None)).await?;
    let expected = Report { files: 1, rows: 303, accepted: 301, dead_lettered: 2, ..Report::default() };
    ensure!(first == expected, "{first:?}");
    let again = run(world.services.clone(), args(path, None)).await?;
    ensure!(again.replayed == 301 && again.accepted == 0, "{again:?}");
    let case = world.open_cases("SO-H100").await?.pop().context("the shortage of that day")?;
    let then = START.parse::<jiff::Timestamp>()?.checked_sub(SignedDuration::from_hours(2400))?;
    ensure!(case.opened_at == then, "judged at its own time: {case:?}");
    let jobs = world.services.store.read().await?.count_jobs().await?;
    ensure!(jobs.iter().all(|(kind, _, _)| *kind != JobKind::DeliverEvent), "the past is told to nobody: {jobs:?}");
    Ok(())
}

async fn csv_rows_are_events(store: &TestStore) -> anyhow::Result<()> {
    let (world, folder) = (World::over(&store.store)?, Folder::new()?);
    let path = folder.path().join("orders.csv");
    std::fs::write(
        &path,
        "id,time,order_id,customer_id,placed_at,currency,ship_to,lines.0.line_no,lines.0.sku,lines.0.quantity,lines.0.unit_price,lines.1.line_no,lines.1.sku,lines.1.quantity\n\
         1,2026-01-05T08:00:00Z,SO-A,C-1,2026-01-05T08:00:00Z,EUR,\"Am Kanal 55, 48147 Muenster, DE\",1,SKU-A,3,2.50,2,SKU-B,4\n\
         ,2026-01-06T08:00:00Z,SO-B,C-1,2026-01-06T08:00:00Z,EUR,,1,SKU-A,3,,,,\n\
         3,2026-01-06T08:00:00Z,SO-C,C-1,2026-01-06T08:00:00Z,EUR,,1,SKU-A,none,,,,\n",
    )?;
    ensure!(run(world.services.clone(), args(path.clone(), None)).await.is_err(), "rows need a type");
    ensure!(run(world.services.clone(), args(path.clone(), Some("order.paid"))).await.is_err(), "that exists");
    let report = run(world.services.clone(), args(path.clone(), Some("order.placed"))).await?;
    ensure!((report.rows, report.accepted, report.dead_lettered) == (3, 2, 1), "{report:?}");
    let order = world.order("SO-A").await?.context("no order")?;
    ensure!(
        order.lines.len() == 2 && order.lines[1].sku == "SKU-B" && order.lines[1].unit_price.is_none(),
        "{order:?}"
    );
    ensure!(order.lines[0].quantity == "3".parse()? && order.lines[0].unit_price == Some("2.50".parse()?));
    let again = run(world.services.clone(), args(path, Some("order.placed"))).await?;
    ensure!((again.replayed, again.accepted) == (2, 0), "a row without an id is known by its content: {again:?}");
    Ok(())
}
