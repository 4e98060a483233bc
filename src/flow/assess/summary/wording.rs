//! Summaries in a model's words: taken up one by one, apart from everything that somebody waits for.
//!
//! The plain text is kept and served at once. Where a writer serves, each kept headline becomes a brief ([`offer`]);
//! the writer's choices become a plan of the same facts in other words, which passes the same check. Guarantees: the writer sees
//! paraphrases with slots, never a value; facts and digests of what must be read before a vote stay as they were; a
//! writer that fails or is too slow leaves the plain text, with the reason, and is not asked again for it; a summary that
//! changed meanwhile keeps its change. Non-goals: sections below the headline, which stay plain.

use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::frames::{HEADLINE, frames};
use super::offer::{self, Offer};
use super::{Ledger, MODEL, Summary, SummaryError, checked};
use crate::domain::case::Category;
use crate::flow::FlowError;
use crate::flow::services::Services;
use crate::in_transaction;
use crate::ports::language::{Chosen, Writer};
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
    let Some((category, offer)) = offer::of(frames()?, &plain) else { return Ok(plain) };
    match writer.choose(offer.brief.clone()).await {
        Ok(chosen) => taken(plain, (category, &offer), &chosen, name(writer)),
        Err(error) => {
            tracing::warn!(%error, "a summary keeps its plain words");
            let verdicts = [plain.verdicts, vec![format!("{}: {error}", name(writer))]].concat();
            let summary = Summary { model: MODEL.to_owned(), verdicts, ..plain };
            Ok(Summary { digest: super::digest_of(&summary)?, ..summary })
        }
    }
}

/// The summary with what was chosen of an offer for its headline, checked as ever; `model` chose.
///
/// # Errors
/// [`SummaryError`].
pub fn taken(
    plain: Summary,
    (category, offer): (Category, &Offer),
    chosen: &[Chosen],
    model: String,
) -> Result<Summary, SummaryError> {
    let ledger = Ledger::of(&plain.facts);
    let below = plain.plan.into_iter().filter(|step| step.section != HEADLINE);
    checked(category, &ledger, offer.taken(chosen).into_iter().chain(below).collect(), model)
}
