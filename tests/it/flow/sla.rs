//! Service targets: counted in the team's hours, paused while others are asked, told once.

use anyhow::{Context as _, ensure};
use holdfast::domain::actor::Actor;
use holdfast::domain::audit::AuditEntry;
use holdfast::domain::case::{Case, CaseState};
use holdfast::domain::ids::WebhookId;
use holdfast::domain::job::JobKind;
use holdfast::domain::sla::SlaTimer;
use holdfast::flow::cases;
use holdfast::flow::execute::worker::Worker;
use holdfast::flow::services::Ctx;
use holdfast::flow::sla::{BUILT_IN, ServiceLevels, SlaStatus, timer};
use holdfast::ports::store::audit::AuditFilter;
use holdfast::ports::store::jobs::Claim;
use holdfast::ports::store::service::Webhook;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::decide::world::short;
use crate::support::services::World;
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(stages_are_reached_once, waiting_for_others_does_not_count, a_crash_repeats_nothing);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

async fn work(world: &World) {
    Worker::new(world.services.clone(), "w").run_once(world.now()).await;
}

/// The case as stored now.
async fn stored(world: &World, case: &Case) -> anyhow::Result<Case> {
    world.services.store.read().await?.case(case.id).await?.context("no such case")
}

async fn status(world: &World, case: &Case) -> anyhow::Result<SlaStatus> {
    let case = stored(world, case).await?;
    world.services.service_levels.status(&case, world.now()).context("no timer")
}

async fn entries(world: &World, case: &Case) -> anyhow::Result<Vec<AuditEntry>> {
    let filter = AuditFilter { subject: Some(format!("case:{}", case.id)), action: None };
    Ok(world.services.store.read().await?.audit_after(0, &filter, 200).await?)
}

/// What the log says of the timer: (action, percent, when it was reached).
async fn spoken(world: &World, case: &Case) -> anyhow::Result<Vec<(String, Value, Value)>> {
    let entries = entries(world, case).await?;
    let of = |e: AuditEntry| (e.action, e.detail["percent"].clone(), e.detail["reached_at"].clone());
    Ok(entries.into_iter().filter(|e| ["sla.warned", "sla.breached"].contains(&e.action.as_str())).map(of).collect())
}

async fn listen(world: &World) -> anyhow::Result<()> {
    let webhook = Webhook {
        id: WebhookId::new(world.now(), &*world.services.entropy),
        url: "https://example.invalid/hook".into(),
        secret: "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0".into(),
        types: vec!["io.holdfast.sla.breached.v1".into()],
        enabled: true,
        created_at: world.now(),
        version: 1,
    };
    let mut tx = world.services.store.write().await?;
    tx.insert_webhook(&webhook).await?;
    Ok(tx.commit().await?)
}

async fn deliveries(world: &World) -> anyhow::Result<i64> {
    let counts = world.services.store.read().await?.count_jobs().await?;
    Ok(counts.iter().filter(|(kind, ..)| *kind == JobKind::DeliverEvent).map(|(_, _, count)| count).sum())
}

/// Eight hours of supply planning, which works from eight to six: opened at nine, so used up at five.
async fn stages_are_reached_once(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    listen(&world).await?;
    let case = short(&world).await?;
    work(&world).await;
    let begun = status(&world, &case).await?;
    ensure!(begun.left_min == 480 && begun.breaches_at == Some(at("2026-03-02T17:00:00Z")), "{begun:?}");
    world.pass_h(4);
    work(&world).await;
    let half = json!("2026-03-02T13:00:00Z");
    ensure!(spoken(&world, &case).await? == [("sla.warned".to_owned(), json!(50), half)]);
    // Nobody works until the next morning; then every stage is told late, with its own time.
    world.pass_h(20);
    timer(&world.services, case.id, world.now()).await?;
    timer(&world.services, case.id, world.now()).await?;
    ensure!(deliveries(&world).await? == 1, "a breach is told once");
    work(&world).await;
    let said = spoken(&world, &case).await?;
    let told: Vec<_> =
        said.iter().map(|(action, percent, at)| (action.as_str(), percent.as_u64(), at.as_str())).collect();
    ensure!(
        told[1..]
            == [
                ("sla.warned", Some(75), Some("2026-03-02T15:00:00Z")),
                ("sla.warned", Some(90), Some("2026-03-02T16:12:00Z")),
                ("sla.breached", Some(100), Some("2026-03-02T17:00:00Z")),
            ],
        "{told:?}"
    );
    let over = status(&world, &case).await?;
    ensure!(over.left_min == -120 && over.breached_at == Some(at("2026-03-02T17:00:00Z")), "an hour today: {over:?}");
    ensure!(over.breaches_at.is_none() && !over.paused);
    // It ends with its case: no alarm of a closed one does anything.
    world.tell("inventory.position", "p9", crate::support::services::position("SKU", "400")).await?;
    ensure!(!stored(&world, &case).await?.state.is_open());
    let ended = stored(&world, &case).await?.sla.context("no timer")?;
    ensure!(ended.running_since().is_none());
    world.pass_h(48);
    work(&world).await;
    ensure!(spoken(&world, &case).await?.len() == 4 && status(&world, &case).await?.left_min == -120);
    Ok(())
}

async fn change(world: &World, case: &Case, next: CaseState) -> anyhow::Result<()> {
    let ctx = Ctx { now: world.now(), entropy: &*world.services.entropy, actor: Actor::System };
    let case = stored(world, case).await?;
    let mut tx = world.services.store.write().await?;
    cases::transition(tx.as_mut(), &ctx, case, next, Value::Null).await?;
    Ok(tx.commit().await?)
}

/// The timer from nothing but the log of its case.
fn derived(entries: &[AuditEntry]) -> anyhow::Result<SlaTimer> {
    let mut timer = None;
    for entry in entries {
        let detail = &entry.detail;
        timer = match (entry.action.as_str(), timer) {
            ("sla.started", None) => {
                let target = u32::try_from(detail["target_min"].as_u64().context("no target")?)?;
                let text = |name: &str| detail[name].as_str().map(str::to_owned).context("no text");
                Some(SlaTimer::started(target, &text("team")?, &text("version")?, text("since")?.parse()?))
            }
            ("sla.warned" | "sla.breached", Some(timer)) => {
                let stage = u8::try_from(detail["percent"].as_u64().context("no stage")?)?;
                Some(SlaTimer::reaching(timer, stage, detail["reached_at"].as_str().context("no time")?.parse()?))
            }
            ("case.transitioned" | "case.resolved" | "case.cancelled", Some(timer)) => {
                let to: CaseState = serde_json::from_value(detail["to"].clone())?;
                Some(timer.after(to.pace(), entry.at))
            }
            (_, timer) => timer,
        };
    }
    timer.context("never started")
}

async fn waiting_for_others_does_not_count(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    work(&world).await;
    world.pass_h(3);
    change(&world, &case, CaseState::AwaitingInformation { asked_of: "supplier".into(), since: world.now() }).await?;
    work(&world).await;
    world.pass_h(48);
    work(&world).await;
    let paused = status(&world, &case).await?;
    ensure!(paused.paused && paused.left_min == 300 && paused.breaches_at.is_none(), "{paused:?}");
    ensure!(spoken(&world, &case).await?.is_empty(), "nothing is reached while it waits");
    change(&world, &case, CaseState::Triaged { at: world.now() }).await?;
    work(&world).await;
    let again = status(&world, &case).await?;
    // Wednesday noon and five hours left.
    ensure!(again.breaches_at == Some(at("2026-03-04T17:00:00Z")) && !again.paused, "{again:?}");
    world.pass_h(2);
    work(&world).await;
    ensure!(spoken(&world, &case).await?.len() == 1, "half is used after three hours and one");
    let timer = stored(&world, &case).await?.sla.context("no timer")?;
    ensure!(timer.runs.len() == 2 && derived(&entries(&world, &case).await?)? == timer, "{timer:?}");
    Ok(())
}

/// A worker that dies after its work and before it says so has its job done again by another.
async fn a_crash_repeats_nothing(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    listen(&world).await?;
    let case = short(&world).await?;
    work(&world).await;
    world.pass_h(30);
    let claim = Claim {
        kinds: vec![JobKind::CaseTimer],
        pull: false,
        topic: None,
        worker: "dies".to_owned(),
        limit: 10,
        now: world.now(),
        lease_until: world.now() + SignedDuration::from_secs(60),
    };
    let mut tx = world.services.store.write().await?;
    let jobs = tx.claim(&claim, &|id| format!("token-{id}")).await?;
    tx.commit().await?;
    ensure!(jobs.len() == 1, "{jobs:?}");
    timer(&world.services, case.id, world.now()).await?;
    let before = (spoken(&world, &case).await?, deliveries(&world).await?);
    ensure!(before.0.len() == 4 && before.1 == 1, "{before:?}");
    world.pass_h(1);
    Worker::new(world.services.clone(), "another").run_once(world.now()).await;
    ensure!(spoken(&world, &case).await? == before.0);
    let counts = world.services.store.read().await?.count_jobs().await?;
    ensure!(!counts.iter().any(|(kind, ..)| *kind == JobKind::CaseTimer), "no alarm is left: {counts:?}");
    Ok(())
}

#[test]
fn service_levels_say_what_is_wrong() {
    assert!(ServiceLevels::load(BUILT_IN).is_ok());
    let error = |from: &str, to: &str| ServiceLevels::load(&BUILT_IN.replacen(from, to, 1)).unwrap_err().to_string();
    assert!(error("credit_hold = 8.0", "").contains("`targets_h.credit_hold`: is missing"));
    assert!(error("credit_hold = 8.0", "credit_hold = 0.0").contains("is not from a minute to"));
    assert!(error("time_zone = \"UTC\"", "time_zone = \"Mars\"").contains("`calendar`: `Mars` is no time zone"));
    let error = error("06:00-12:00", "06:00-05:00");
    assert!(error.contains("ends before it begins"), "{error}");
}
