//! Whom to ask about next: doubtful messages first, none like another before it, none like what was labelled.

use std::sync::Arc;

use anyhow::ensure;
use async_trait::async_trait;
use holdfast::domain::actor::Actor;
use holdfast::domain::ids::MessageId;
use holdfast::domain::message::{Correction, Intent, ScoredIntent};
use holdfast::flow::accept::messages;
use holdfast::flow::learn::to_label::{self, Doubted, order};
use holdfast::ports::language::{Classified, Contexts, Encoder, IntentClassifier, LanguageError};
use serde_json::json;

use crate::support::services::World;
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(the_queue_follows_what_was_read_and_corrected);

fn scored(pairs: &[(Intent, f64)]) -> Vec<ScoredIntent> {
    pairs.iter().map(|(intent, probability)| ScoredIntent { intent: *intent, probability: *probability }).collect()
}

#[test]
fn the_doubtful_come_first_and_no_two_alike() {
    let sure = scored(&[(Intent::OrderStatus, 0.9)]);
    let torn = scored(&[(Intent::OrderStatus, 0.5), (Intent::ExpediteRequest, 0.45)]);
    let nearly = scored(&[(Intent::OrderStatus, 0.52), (Intent::ExpediteRequest, 0.45)]);
    let unsure = scored(&[(Intent::CancelRequest, 0.6), (Intent::QuantityChange, 0.3)]);
    let (north, near_north, east) = ([1.0_f32, 0.0], [0.9998_f32, 0.02], [0.0_f32, 1.0]);
    let of = |intents, embedding| Doubted { intents, embedding };
    let pool = [of(&sure, &east[..]), of(&torn, &north[..]), of(&nearly, &near_north[..]), of(&unsure, &east[..])];
    assert_eq!(order(&pool, &[], 4), [1, 3, 0, 2], "the most torn, then what is unlike it, its double last");
    assert_eq!(order(&pool, &[], 2), [1, 3]);
    assert_eq!(order(&pool, &[vec![1.0, 0.0]], 1), [3], "what is like a labelled one has time");
    assert_eq!(order(&[], &[], 3), Vec::<usize>::new());
    let alike = [of(&torn, &north[..]), of(&torn, &north[..])];
    assert_eq!(order(&alike, &[], 2), [0, 1], "ties go to the newest, which stands first");
}

/// Embeds by the first word and is as sure as the second word says.
struct Plain;

#[async_trait]
impl Encoder for Plain {
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, LanguageError> {
        let of = |text: &String| if text.contains("north") { vec![1.0, 0.0] } else { vec![0.0, 1.0] };
        Ok(texts.iter().map(of).collect())
    }

    async fn contexts(&self, _: String) -> Result<Contexts, LanguageError> {
        Ok(Contexts { ranges: Vec::new(), states: Vec::new() })
    }

    fn width(&self) -> usize {
        2
    }

    fn version(&self) -> String {
        "plain/1".to_owned()
    }
}

impl IntentClassifier for Plain {
    fn classify(&self, text: &str, _: &[f32]) -> Result<Classified, LanguageError> {
        let probability = if text.contains("torn") { 0.5 } else { 0.95 };
        let intents = scored(&[(Intent::OrderStatus, probability), (Intent::CancelRequest, 1.0 - probability)]);
        Ok(Classified { intents, threshold: 0.7, is_strange: false })
    }

    fn version(&self) -> String {
        "plain-head/1".to_owned()
    }
}

async fn the_queue_follows_what_was_read_and_corrected(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let services = &world.services;
    let clerk = Actor::Service { subject: "clerk".into() };
    ensure!(to_label::next(services, None, 10).await?.is_empty(), "nothing serves");
    services.models.encoder.set(Some(Arc::new(Plain)));
    services.models.intents.set(Some(Arc::new(Plain)));
    let receive = async |body: &str| {
        let content = serde_json::from_value(json!({ "channel": "chat", "from": {}, "body": body }))?;
        Ok::<_, anyhow::Error>(messages::receive(services, clerk.clone(), content, None, world.now()).await?.0)
    };
    let north = receive("north torn").await?;
    let again = receive("north torn again").await?;
    let east = receive("east torn").await?;
    let sure = receive("north sure").await?;
    // As an event, which a job reads.
    let told = json!({ "channel": "chat", "from": {}, "body": "east sure" });
    let told = world.tell("message.received", "m", told).await?.message_id.unwrap();
    messages::read_job(services, told).await?;
    let ids = async || -> anyhow::Result<Vec<MessageId>> {
        Ok(to_label::next(services, None, 10).await?.iter().map(|message| message.id).collect())
    };
    let first = ids().await?;
    ensure!(first.len() == 5 && first == ids().await?, "{first:?}");
    ensure!([north.id, again.id, east.id].contains(&first[0]) && first[..2].contains(&east.id), "{first:?}");
    ensure!(!(first[..2].contains(&north.id) && first[..2].contains(&again.id)), "two alike: {first:?}");
    let said = Correction { intent: Some(Intent::CancelRequest), order_id: None, entities: vec![], reason: None };
    messages::correct(services, clerk.clone(), again.id, again.version, said).await?;
    let then = ids().await?;
    ensure!(!then.contains(&again.id) && then[0] == east.id, "what is labelled is not asked again: {then:?}");
    ensure!(then.contains(&north.id) && then.contains(&sure.id), "{then:?}");
    ensure!(to_label::next(services, None, 1).await?.len() == 1);
    ensure!(to_label::next(services, Some(true), 10).await?.is_empty(), "none names an order");
    Ok(())
}
