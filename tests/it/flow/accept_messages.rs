//! Messages on their way in: kept, read, attached, corrected. Without a model the intent stays unknown and links still hold.

use anyhow::{Context as _, ensure};
use holdfast::domain::actor::Actor;
use holdfast::domain::event::EventRef;
use holdfast::domain::job::JobKind;
use holdfast::domain::message::{Correction, Intent, Link};
use holdfast::flow::FlowError;
use holdfast::flow::accept::events::ItemStatus;
use holdfast::flow::accept::messages;
use serde_json::{Value, json};

use crate::support::services::{World, event, plain_order};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(an_event_is_kept_then_read, the_api_reads_at_once, a_correction_is_an_example);

fn mail(body: &str) -> Value {
    json!({
        "channel": "email", "from": { "role": "customer", "name": "Anna", "email": "anna@alder-pumps.example" },
        "subject": "Our order", "body": body,
    })
}

async fn world(store: &TestStore) -> anyhow::Result<World> {
    let world = World::over(&store.store)?;
    let customer = json!({
        "customer_id": "C-1", "name": "Alder Pumps", "email_domains": ["alder-pumps.example"],
        "contacts": [{ "name": "Anna", "email": "anna@alder-pumps.example" }],
    });
    world.tell("customer.upserted", "c", customer).await?;
    world.tell("order.placed", "o1", plain_order("SO-10231", "SKU-1")).await?;
    world.tell("order.placed", "o2", plain_order("SO-10999", "SKU-1")).await?;
    Ok(world)
}

async fn an_event_is_kept_then_read(store: &TestStore) -> anyhow::Result<()> {
    let world = world(store).await?;
    let item = event("message.received", "m1", world.now(), mail("Where is SO-10231?"));
    let taken = world.post(item.clone()).await?;
    let id = taken.message_id.context("no message id")?;
    let kept = world.services.store.read().await?.message(id).await?.context("not kept")?;
    ensure!(kept.reading.is_none() && kept.event.id == "m1", "{kept:?}");
    let jobs = world.services.store.read().await?.count_jobs().await?;
    ensure!(jobs.iter().any(|(kind, _, count)| *kind == JobKind::ReadMessage && *count == 1), "{jobs:?}");
    messages::read_job(&world.services, id).await?;
    let read = world.services.store.read().await?.message(id).await?.context("gone")?;
    let reading = read.reading.context("not read")?;
    ensure!(matches!(&reading.link, Link::Attached { to, .. } if to.order_id == "SO-10231"), "{:?}", reading.link);
    ensure!(reading.intent.is_none() && reading.party.as_deref() == Some("C-1"), "{reading:?}");
    messages::read_job(&world.services, id).await?;
    let again = world.post(item).await?;
    ensure!(again.status == ItemStatus::Replayed && again.message_id == Some(id), "{again:?}");
    ensure!(world.services.store.read().await?.messages_of_order("SO-10231").await?.len() == 1);
    Ok(())
}

async fn the_api_reads_at_once(store: &TestStore) -> anyhow::Result<()> {
    let world = world(store).await?;
    let api = Actor::Service { subject: "portal".into() };
    let identity = EventRef { source: "/portal".into(), id: "1".into() };
    let receive = async |body: &str, identity: &EventRef| {
        let content = serde_json::from_value(mail(body)).map_err(|e| anyhow::anyhow!(e))?;
        let now = world.now();
        Ok::<_, anyhow::Error>(
            messages::receive(&world.services, api.clone(), content, Some(identity.clone()), now).await,
        )
    };
    let (message, new) = receive("Please expedite SO-10231.", &identity).await??;
    let reading = message.reading.as_ref().context("not read")?;
    ensure!(new && matches!(&reading.link, Link::Attached { to, .. } if to.order_id == "SO-10231"), "{message:?}");
    world.pass_h(1);
    let (same, new) = receive("Please expedite SO-10231.", &identity).await??;
    ensure!(!new && same == message, "{same:?}");
    let other = receive("Please cancel SO-10231.", &identity).await?;
    ensure!(matches!(other, Err(FlowError::Conflict { code: "event-conflict", .. })), "{other:?}");
    let broken = receive("a\u{0}b", &EventRef { id: "2".into(), ..identity }).await?;
    ensure!(
        matches!(&broken, Err(FlowError::Invalid { pointer: Some(pointer), .. }) if pointer == "/body"),
        "{broken:?}"
    );
    ensure!(world.services.store.read().await?.list_messages(None, None, 10).await?.len() == 1);
    Ok(())
}

async fn a_correction_is_an_example(store: &TestStore) -> anyhow::Result<()> {
    let world = world(store).await?;
    let services = &world.services;
    let clerk = Actor::Service { subject: "clerk".into() };
    let taken = world.tell("message.received", "m1", mail("About SO-10231: cancel it please.")).await?;
    let id = taken.message_id.context("no message id")?;
    let right = Correction {
        intent: Some(Intent::CancelRequest),
        order_id: Some("SO-10999".into()),
        entities: vec![],
        reason: None,
    };
    let early = messages::correct(services, clerk.clone(), id, 1, right.clone()).await;
    ensure!(matches!(early, Err(FlowError::Conflict { code: "not-read", .. })), "{early:?}");
    messages::read_job(services, id).await?;
    let version = services.store.read().await?.message(id).await?.context("gone")?.version;
    let stale = messages::correct(services, clerk.clone(), id, version + 1, right.clone()).await;
    ensure!(matches!(stale, Err(FlowError::Stale { .. })), "{stale:?}");
    let unknown = Correction { order_id: Some("SO-0".into()), ..right.clone() };
    let unknown = messages::correct(services, clerk.clone(), id, version, unknown).await;
    ensure!(matches!(unknown, Err(FlowError::Invalid { code: "unknown-order", .. })), "{unknown:?}");
    let corrected = messages::correct(services, clerk, id, version, right.clone()).await?;
    let reading = corrected.reading.as_ref().context("reading")?;
    ensure!(reading.intent.as_ref().is_some_and(|said| said.intent == Intent::CancelRequest), "{reading:?}");
    ensure!(matches!(&reading.link, Link::Attached { to, .. } if to.order_id == "SO-10999"), "{reading:?}");
    let mut tx = services.store.read().await?;
    ensure!(tx.corrections().await?.iter().any(|(message, kept)| message.id == id && *kept == right));
    ensure!(tx.messages_of_order("SO-10999").await?.len() == 1 && tx.messages_of_order("SO-10231").await?.is_empty());
    Ok(())
}
