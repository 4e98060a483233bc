//! Read a message: its intent, typed values, sender and where it belongs.
//!
//! Guarantees: without a model, or when it is unsure, the reading still has values and link and says in words what is
//! unknown; a full queue is an error for the caller to hand on, never a reading without an intent; text never acts.
//! Non-goals: storing the reading or changing a case.

pub mod text;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::message::{Entity, Reading, ScoredIntent, SenderRole};
use crate::domain::payload::MessageReceived;
use crate::domain::untrusted::Untrusted;
use crate::domain::weights::Weights;
use crate::flow::FlowError;
use crate::flow::assess::extract::{InContext, Known, weigh};
use crate::flow::assess::link::Linker;
use crate::flow::assess::{extract, link, sender};
use crate::flow::services::Services;
use crate::ports::language::{Classified, Embedding, Encoder, IntentClassifier, LanguageError};
use crate::ports::store::{Store, StoreError, Transaction};

/// Intents below this probability are not listed.
const NOTICEABLE: f64 = 0.05;

/// What the classifier said of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Classification {
    /// Every intent, most probable first.
    pub classified: Classified,
    /// `name/version` of the head.
    pub model: String,
    /// The embedding that it was said from.
    pub embedding: Embedding,
}

/// The models that read, each where one serves.
#[derive(Clone, Copy, Default)]
pub struct Readers<'a> {
    /// Makes of texts what the other two look at.
    pub encoder: Option<&'a dyn Encoder>,
    /// Names intents.
    pub intents: Option<&'a dyn IntentClassifier>,
    /// Tells values from other words; without an encoder, the built-in weights do, by words alone.
    pub values: Option<&'a Weights>,
}

/// What the models made of a message before the store was asked.
#[derive(Default)]
pub struct Heard<'a> {
    /// `None` when a model is missing.
    pub classification: Option<Classification>,
    /// What values are told by; `None` for words alone.
    pub values: Option<(&'a Weights, InContext)>,
}

impl Readers<'_> {
    /// What they make of a message whose sender is known as `role`.
    ///
    /// # Errors
    /// [`LanguageError`]: the queue is full or a model failed.
    pub async fn hear(&self, message: &MessageReceived, role: SenderRole) -> Result<Heard<'_>, LanguageError> {
        let Some(encoder) = self.encoder else { return Ok(Heard::default()) };
        let classification = match self.intents {
            Some(classifier) => classify(encoder, classifier, text::of(message, role)).await?,
            None => None,
        };
        let values = match self.values {
            Some(weights) => Some((weights, in_context(encoder, message, role).await?)),
            None => None,
        };
        Ok(Heard { classification, values })
    }
}

async fn classify(
    encoder: &dyn Encoder,
    classifier: &dyn IntentClassifier,
    text: String,
) -> Result<Option<Classification>, LanguageError> {
    let mut embeddings = encoder.embed(vec![text.clone()]).await?;
    let Some(vector) = embeddings.pop() else { return Ok(None) };
    let classified = classifier.classify(&text, &vector)?;
    let embedding = Embedding { encoder: encoder.version(), vector };
    Ok(Some(Classification { classified, model: classifier.version(), embedding }))
}

/// What the encoder makes of a message's words where they stand.
///
/// # Errors
/// [`LanguageError`]: the queue is full or the encoder failed.
pub async fn in_context(
    encoder: &dyn Encoder,
    message: &MessageReceived,
    role: SenderRole,
) -> Result<InContext, LanguageError> {
    let (text, at) = text::whole(message, role);
    Ok(InContext { contexts: encoder.contexts(text).await?, at })
}

impl Heard<'_> {
    /// The typed values of the message that was heard.
    #[must_use]
    pub fn values(&self, message: &MessageReceived, known: &Known, sent: Option<Date>) -> Vec<Entity> {
        let by = match &self.values {
            Some((weights, context)) => (*weights, Some(context)),
            None => (weigh::built_in(), None),
        };
        extract::extract_by(by, message.subject.as_deref(), &message.body, known, sent)
    }
}

/// As [`read`], by the models that serve.
///
/// # Errors
/// As [`read`].
pub async fn read_with(
    services: &Services,
    message: &MessageReceived,
    now: Timestamp,
) -> Result<(Reading, Option<Embedding>), FlowError> {
    let models = &services.models;
    let (encoder, intents, values) = (models.encoder.get(), models.intents.get(), models.values.get());
    let readers = Readers { encoder: encoder.as_deref(), intents: intents.as_deref(), values: values.as_deref() };
    let ranker = models.link.get();
    let linker = Linker { ranker: ranker.as_deref(), attach_min: services.settings.auto_attach_min };
    read(readers, &*services.store, message, now, linker).await
}

/// Reads a message, and gives its embedding where its intent was read. `linker` ranks where it belongs; `now` stands for the
/// time it was sent where the message says none. The models hear the role that the sender's address is known by, for a mail
/// claims none.
///
/// # Errors
/// [`FlowError::Language`] when the queue is full or a model failed, [`FlowError::Store`].
pub async fn read(
    readers: Readers<'_>,
    store: &dyn Store,
    message: &MessageReceived,
    now: Timestamp,
    linker: Linker<'_>,
) -> Result<(Reading, Option<Embedding>), FlowError> {
    let sender = sender::identify(store.read().await?.as_mut(), &message.from).await?;
    // Outside a transaction: inference must not hold one open.
    let heard = readers.hear(message, sender.role).await?;
    let mut tx = store.read().await?;
    let reading = read_in(tx.as_mut(), &heard, (message, sender), now, linker).await?;
    Ok((reading, heard.classification.map(|said| said.embedding)))
}

/// The part of [`read`] that needs the store: values and link.
async fn read_in(
    tx: &mut dyn Transaction,
    heard: &Heard<'_>,
    (message, sender): (&MessageReceived, sender::Identity),
    now: Timestamp,
    linker: Linker<'_>,
) -> Result<Reading, StoreError> {
    let classification = heard.classification.as_ref();
    let known = extract::known::load(tx, message, sender.role).await?;
    let sent = message.sent_at.unwrap_or(now).to_zoned(TimeZone::UTC).date();
    let entities = heard.values(message, &known, Some(sent));
    let top = classification.and_then(|said| said.classified.intents.first().cloned().map(|top| (top, said)));
    let sure = |(top, said): &(ScoredIntent, &Classification)| {
        !said.classified.is_strange && top.probability >= said.classified.threshold
    };
    let intent = top.filter(sure).map(|(top, _)| top);
    let intents = noticeable(classification);
    let link = {
        let read = link::Read { message, entities: &entities, known: &known, sender: &sender, intents: &intents, sent };
        link::link(tx, read, linker).await?
    };
    Ok(Reading {
        unknown: unknown(classification, intent.as_ref(), &sender),
        threshold: classification.map(|said| said.classified.threshold),
        intents,
        intent,
        entities: Untrusted::new(entities),
        trust: sender.trust,
        role: sender.role,
        party: sender.party,
        link,
        model: classification.map(|said| said.model.clone()),
        at: now,
    })
}

fn noticeable(classification: Option<&Classification>) -> Vec<ScoredIntent> {
    let intents = classification.into_iter().flat_map(|said| &said.classified.intents);
    intents.filter(|scored| scored.probability >= NOTICEABLE).cloned().collect()
}

fn unknown(
    classification: Option<&Classification>,
    intent: Option<&ScoredIntent>,
    sender: &sender::Identity,
) -> Vec<String> {
    let mut unknown = Vec::new();
    match (classification, intent) {
        (None, _) => unknown.push("the intent: no language model is loaded".to_owned()),
        (Some(said), None) if said.classified.is_strange => {
            unknown.push("the intent: the text is unlike all that the classifier has learned".to_owned());
        }
        (Some(said), None) => {
            let best = said.classified.intents.first();
            let named = best.map_or(String::new(), |best| {
                format!(
                    " (most likely `{}` at {:.2}, needed {:.2})",
                    best.intent.name(),
                    best.probability,
                    said.classified.threshold
                )
            });
            unknown.push(format!("the intent: the classifier is not sure enough{named}"));
        }
        (Some(_), Some(_)) => {}
    }
    if sender.party.is_none() {
        unknown.push("who the sender is: the address belongs to no known customer, supplier or carrier".to_owned());
    }
    unknown
}
