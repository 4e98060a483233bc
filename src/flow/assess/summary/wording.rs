//! Summaries in a model's words: taken up one by one, apart from everything that somebody waits for.
//!
//! The plain text is kept and served at once. Where a writer serves, each kept headline becomes a [`Brief`]; the writer's
//! choices become the same plan in other paraphrases, which pass the same check. Guarantees: the writer sees paraphrases
//! with slots, never a value; facts, frames, citations and digests of what must be read before a vote stay as they were; a
//! writer that fails or is too slow leaves the plain text, with the reason, and is not asked again for it; a summary that
//! changed meanwhile keeps its change. Non-goals: sections below the headline, which stay plain.

use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::frames::{Frames, HEADLINE, frames};
use super::{Ledger, MODEL, Summary, SummaryError, checked};
use crate::domain::case::Category;
use crate::flow::FlowError;
use crate::flow::services::Services;
use crate::in_transaction;
use crate::ports::language::{Brief, Writer};
use crate::ports::store::StoreError;

/// Summaries that are taken up at once.
const TAKEN: u32 = 8;

const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Words summaries until `shutdown` says `true` or its sender is gone.
pub async fn run(services: &Services, mut shutdown: watch::Receiver<bool>) {
    let words = async {
        loop {
            match reword(services).await {
                Ok(0) => tokio::time::sleep(POLL_INTERVAL).await,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "summaries could not be worded");
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
            }
        }
    };
    // What is not put by then is worded again after the next start: an end need not wait for a text.
    tokio::select! {
        () = words => {}
        _ = shutdown.wait_for(|stop| *stop) => {}
    }
}

/// Gives the writer its turn with the newest summaries; how many had it. None where no writer serves.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn reword(services: &Services) -> Result<usize, FlowError> {
    let Some(writer) = services.models.writer.get() else { return Ok(0) };
    let name = name(&*writer);
    let waiting = services.store.read().await?.summaries_to_word(&name, TAKEN).await?;
    for (case_id, reader, kept) in &waiting {
        // A summary of an older version of the program is made anew with its case's next change.
        let document = match serde_json::from_value::<Summary>(kept.document.clone()) {
            Ok(plain) => json!(worded(&*writer, plain).await?),
            Err(_) => kept.document.clone(),
        };
        let put: Result<bool, StoreError> = in_transaction!(services.store, |tx| {
            tx.put_wording((*case_id, reader), kept.made_at, &document, &name).await
        });
        put?;
    }
    Ok(waiting.len())
}

/// `name/version` and the beginning of the digest: another model of the same name is another writer.
fn name(writer: &dyn Writer) -> String {
    let digest = writer.digest();
    format!("{}@{}", writer.version(), digest.get(..12).unwrap_or(&digest))
}

/// The summary in the writer's words, or the plain one with the reason.
///
/// # Errors
/// [`SummaryError`].
pub async fn worded(writer: &dyn Writer, plain: Summary) -> Result<Summary, SummaryError> {
    let frames = frames()?;
    let (places, brief) = brief(frames, &plain);
    if brief.sentences.is_empty() {
        return Ok(plain);
    }
    let wordings: Vec<usize> = brief.sentences.iter().map(Vec::len).collect();
    match writer.choose(brief).await {
        Ok(chosen) => {
            let ledger = Ledger::of(&plain.facts);
            let category = ledger.get("case.category").and_then(|fact| Category::parse(fact.value.as_str()?));
            let Some(category) = category else { return Ok(plain) };
            let mut plan = plain.plan;
            for ((place, wordings), variant) in places.into_iter().zip(wordings).zip(chosen) {
                plan[place].variant = if variant < wordings { variant } else { 0 };
            }
            checked(category, &ledger, plan, name(writer))
        }
        Err(error) => {
            tracing::warn!(%error, "a summary keeps its plain words");
            let verdicts = [plain.verdicts, vec![format!("{}: {error}", name(writer))]].concat();
            let summary = Summary { model: MODEL.to_owned(), verdicts, ..plain };
            Ok(Summary { digest: super::digest_of(&summary)?, ..summary })
        }
    }
}

/// What a writer is given for a headline, and at which steps of the plan its sentences stand.
#[must_use]
pub fn brief(frames: &Frames, summary: &Summary) -> (Vec<usize>, Brief) {
    let steps = summary.plan.iter().enumerate().filter(|(_, step)| step.section == HEADLINE);
    let sentences = steps.filter_map(|(place, step)| {
        let frame = frames.get(&step.frame)?;
        Some((place, frame.written.iter().map(|written| slots(written)).collect()))
    });
    let (places, sentences) = sentences.unzip();
    (places, Brief { sentences })
}

/// A paraphrase as a writer sees it: its slots as names in angle brackets.
fn slots(written: &str) -> String {
    written.replace('{', "<").replace('}', ">")
}
