//! Which messages a person should label next: those the classifier doubts, unlike each other and unlike what was labelled.
//!
//! A message stands where the gradient of its loss would point if the classifier's own guess were right: its doubt (the
//! probabilities less the guess) times its embedding (BADGE; Ash and others 2020, arXiv:1906.03671). Messages are taken
//! greedily, each farthest from all before it (k-centre; Sener and Savarese 2018, arXiv:1708.00489); the origin, where nothing is
//! doubted, is the first centre, and a labelled message is one with the doubt of whoever is compared with it.
//!
//! Guarantees: deterministic: the same messages, embeddings and probabilities give the same order; ties go to the newest.
//! Non-goals: messages that were read before the encoder that serves, whose embeddings cannot be compared.

use crate::domain::message::{Link, Message, Reading, ScoredIntent};
use crate::flow::error::FlowError;
use crate::flow::services::Services;

/// The newest messages that are looked at.
pub const POOL_MAX: u32 = 1000;
/// The newest corrected messages that others are compared with.
const LABELLED_MAX: u32 = 500;

/// What the order needs of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Doubted<'a> {
    /// The intents with a noticeable probability, most probable first.
    pub intents: &'a [ScoredIntent],
    /// Its unit embedding.
    pub embedding: &'a [f32],
}

/// The messages to label next, the most telling first; none where no encoder serves. `attached`: only those with (or without)
/// an order.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn next(services: &Services, attached: Option<bool>, limit: usize) -> Result<Vec<Message>, FlowError> {
    let Some(encoder) = services.models.encoder.get() else { return Ok(Vec::new()) };
    let version = encoder.version();
    let mut tx = services.store.read().await?;
    let mut pool = tx.embedded_messages(&version, false, POOL_MAX).await?;
    pool.retain(|(message, _)| attached.is_none_or(|attached| attached == is_attached(message)));
    let labelled: Vec<Vec<f32>> =
        tx.embedded_messages(&version, true, LABELLED_MAX).await?.into_iter().map(|(_, embedding)| embedding).collect();
    drop(tx);
    let doubted: Vec<Doubted<'_>> = pool
        .iter()
        .map(|(message, embedding)| Doubted {
            intents: message.reading.as_ref().map_or(&[], |reading| &reading.intents),
            embedding,
        })
        .collect();
    let chosen = order(&doubted, &labelled, limit);
    Ok(chosen.into_iter().filter_map(|place| pool.get(place).map(|(message, _)| message.clone())).collect())
}

fn is_attached(message: &Message) -> bool {
    matches!(message.reading, Some(Reading { link: Link::Attached { .. }, .. }))
}

/// Places of up to `limit` messages of `pool`, the next to label first.
#[must_use]
pub fn order(pool: &[Doubted<'_>], labelled: &[Vec<f32>], limit: usize) -> Vec<usize> {
    let norms: Vec<f64> = pool.iter().map(|one| product(one, one)).collect();
    // Squared distance to the nearest centre; with the same doubt, that of the embeddings times the doubt's.
    let mut nearest: Vec<f64> =
        pool.iter().zip(&norms).map(|(one, norm)| norm * apart(one.embedding, labelled)).collect();
    let mut chosen = Vec::new();
    while chosen.len() < limit.min(pool.len()) {
        let far = |best: Option<usize>, (place, distance): (usize, &f64)| match best {
            _ if chosen.contains(&place) => best,
            Some(best) if nearest[best] >= *distance => Some(best),
            _ => Some(place),
        };
        let Some(next) = nearest.iter().enumerate().fold(None, far) else { break };
        chosen.push(next);
        for (place, distance) in nearest.iter_mut().enumerate() {
            let to_next = norms[place] + norms[next] - 2.0 * product(&pool[place], &pool[next]);
            *distance = distance.min(to_next.max(0.0));
        }
    }
    chosen
}

/// How far an embedding is from the nearest labelled one, squared; 1, as from the origin, at most.
fn apart(embedding: &[f32], labelled: &[Vec<f32>]) -> f64 {
    labelled.iter().map(|other| (2.0 - 2.0 * dot(embedding, other)).max(0.0)).fold(1.0, f64::min)
}

/// The product of two gradients: of the doubts, times that of the embeddings.
fn product(one: &Doubted<'_>, other: &Doubted<'_>) -> f64 {
    let doubts: f64 = one
        .intents
        .iter()
        .enumerate()
        .map(|(place, scored)| {
            let of_other = other.intents.iter().position(|theirs| theirs.intent == scored.intent);
            of_other.map_or(0.0, |at| doubt(place, scored) * doubt(at, &other.intents[at]))
        })
        .sum();
    doubts * dot(one.embedding, other.embedding)
}

/// The probability, less one for the guess.
fn doubt(place: usize, scored: &ScoredIntent) -> f64 {
    scored.probability - if place == 0 { 1.0 } else { 0.0 }
}

fn dot(one: &[f32], other: &[f32]) -> f64 {
    one.iter().zip(other).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
