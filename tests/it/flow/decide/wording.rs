//! Summaries in a model's words: taken up apart, checked, and never in the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use holdfast::domain::case::Case;
use holdfast::flow::assess::summary::{MODEL, Summary, verify, wording};
use holdfast::ports::language::{Brief, Chosen, LanguageError, Writer};

use super::world::short;
use crate::support::services::{World, position};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(a_writer_words_what_is_kept, a_writer_that_fails_is_asked_once, a_choice_out_of_range_is_the_plain_one);

/// Takes the same place of every list, and counts how often it was asked.
struct Takes {
    place: Option<usize>,
    asked: AtomicUsize,
}

#[async_trait]
impl Writer for Takes {
    async fn choose(&self, brief: Brief) -> Result<Vec<Chosen>, LanguageError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let values = ["SO-1", "SKU", "4", "2026"];
        let seen = brief.sentences.iter().flatten().find(|text| values.iter().any(|value| text.contains(value)));
        assert_eq!(seen, None, "a writer sees slots and no value");
        match self.place {
            Some(wording) => Ok(brief.orders[0].iter().map(|&sentence| Chosen { sentence, wording }).collect()),
            None => Err(LanguageError::Failed { model: "summary-writer", message: "it was not done in time".into() }),
        }
    }

    fn version(&self) -> String {
        "summary-writer/test".to_owned()
    }

    fn digest(&self) -> String {
        "0123456789abcdef".to_owned()
    }
}

fn takes(world: &World, place: Option<usize>) -> Arc<Takes> {
    let writer = Arc::new(Takes { place, asked: AtomicUsize::new(0) });
    world.services.models.writer.set(Some(writer.clone()));
    writer
}

async fn kept(world: &World, case: &Case) -> anyhow::Result<Summary> {
    let kept = world.services.store.read().await?.kept_summary(case.id, "all").await?.context("nothing is kept")?;
    Ok(serde_json::from_value(kept.document)?)
}

async fn a_writer_words_what_is_kept(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    let plain = kept(&world, &case).await?;
    ensure!(plain.model == MODEL && wording::reword(&world.services).await? == 0, "no writer, no words");
    let writer = takes(&world, Some(1));
    ensure!(wording::reword(&world.services).await? == 2, "one for each kind of reader");
    let worded = kept(&world, &case).await?;
    verify(&worded)?;
    ensure!(worded.model == "summary-writer/test@0123456789ab" && worded.text != plain.text, "{worded:?}");
    ensure!(worded.facts == plain.facts && worded.material == plain.material, "the facts are the same");
    let cited = |summary: &Summary| summary.headline.iter().map(|s| s.facts.clone()).collect::<Vec<_>>();
    let sorted = |mut lists: Vec<Vec<String>>| {
        lists.iter_mut().for_each(|list| list.sort());
        lists
    };
    ensure!(sorted(cited(&worded)) == sorted(cited(&plain)), "each sentence cites what it cited");
    ensure!(wording::reword(&world.services).await? == 0 && writer.asked.load(Ordering::Relaxed) == 2);
    // Other facts are said in plain words at once, and then worded as well.
    world.tell("inventory.position", "p3", position("SKU", "3")).await?;
    ensure!(kept(&world, &case).await?.model == MODEL);
    ensure!(wording::reword(&world.services).await? == 2);
    verify(&kept(&world, &case).await?)?;
    Ok(())
}

async fn a_writer_that_fails_is_asked_once(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    let plain = kept(&world, &case).await?;
    let writer = takes(&world, None);
    ensure!(wording::reword(&world.services).await? == 2 && wording::reword(&world.services).await? == 0);
    ensure!(writer.asked.load(Ordering::Relaxed) == 2);
    let kept = kept(&world, &case).await?;
    verify(&kept)?;
    ensure!(kept.text == plain.text && kept.model == MODEL);
    ensure!(kept.verdicts.iter().any(|verdict| verdict.contains("not done in time")), "{:?}", kept.verdicts);
    Ok(())
}

async fn a_choice_out_of_range_is_the_plain_one(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    let plain = kept(&world, &case).await?;
    takes(&world, Some(usize::MAX));
    wording::reword(&world.services).await?;
    let kept = kept(&world, &case).await?;
    verify(&kept)?;
    ensure!(kept.text == plain.text, "{}", kept.text);
    Ok(())
}
