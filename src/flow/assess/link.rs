//! Link: the order and the case that a message belongs to, by identifiers, thread, sender and items.
//!
//! Guarantees: it attaches only above the given bound, to one order (a supplier's message: to the orders of one purchase
//! order); a reference to another party's order than the sender's is never attached but shown with that reason; a message
//! that names several orders goes to a person. Non-goals: acting; an attachment is a filing, not an approval.

mod evidence;
mod fit;
mod score;

use crate::domain::message::{Clue, Entity, EntityType, Intent, Link, LinkCandidate, ScoredIntent};
use crate::domain::order::Order;
use crate::domain::payload::MessageReceived;
use crate::flow::assess::extract::Known;
use crate::flow::assess::sender::Identity;
use crate::ports::store::{StoreError, Transaction};
use evidence::Evidence;

/// Candidates that are shown to a person.
const SHOWN_MAX: usize = 5;

/// Where a message belongs. `intents` are its likely ones, most probable first; `bound` is the probability from which it is attached without a person.
///
/// # Errors
/// [`StoreError`].
pub async fn link(
    tx: &mut dyn Transaction,
    message: &MessageReceived,
    entities: &[Entity],
    known: &Known,
    sender: &Identity,
    intents: &[ScoredIntent],
    bound: f64,
) -> Result<Link, StoreError> {
    let skus = skus(entities);
    let evidence = evidence::gather(tx, message, entities, known, sender, &skus).await?;
    if evidence.clues.is_empty() {
        let supplied =
            evidence.purchase_orders.first().map(|id| format!("purchase order `{id}` supplies no known order"));
        let reason = supplied.unwrap_or_else(|| "it names no known order and its sender has none open".to_owned());
        return Ok(Link::Nothing { reason });
    }
    let first = intents.first();
    if !evidence.is_direct && first.is_some_and(|top| top.intent == Intent::Irrelevant && top.probability > 0.5) {
        return Ok(Link::Nothing { reason: "it is no business message".to_owned() });
    }
    let candidates = candidates(tx, &evidence, sender, intents, &skus).await?;
    Ok(decide(candidates, evidence, bound))
}

fn skus(entities: &[Entity]) -> Vec<String> {
    let of = |entity: &Entity| (entity.kind == EntityType::Sku).then(|| entity.value.clone()).flatten();
    let mut skus: Vec<String> = entities.iter().filter_map(of).collect();
    skus.sort();
    skus.dedup();
    skus
}

/// Scores every order that some clue speaks for, most probable first.
async fn candidates(
    tx: &mut dyn Transaction,
    evidence: &Evidence,
    sender: &Identity,
    intents: &[ScoredIntent],
    skus: &[String],
) -> Result<Vec<LinkCandidate>, StoreError> {
    let (mut scored, mut odds) = (Vec::new(), Vec::new());
    for (order_id, clues) in &evidence.clues {
        let Some((order, _)) = tx.order(order_id).await? else { continue };
        let cases = tx.open_cases_of(order_id).await?;
        let case_id = fit::choose(&cases, &order, intents, skus).map(|case| case.id);
        let clues = completed(clues, &order, skus);
        odds.push(score::log_odds(&clues, sender.trust, case_id.is_some()));
        scored.push(LinkCandidate { order_id: order_id.clone(), case_id, probability: 0.0, clues });
    }
    let probabilities =
        if evidence.is_supply() { odds.into_iter().map(score::alone).collect() } else { score::shared(&odds) };
    scored.iter_mut().zip(probabilities).for_each(|(candidate, probability)| candidate.probability = probability);
    scored.sort_by(|a, b| b.probability.total_cmp(&a.probability).then(a.order_id.cmp(&b.order_id)));
    Ok(scored)
}

/// The clues, with the items of the order that the message names.
fn completed(clues: &[Clue], order: &Order, skus: &[String]) -> Vec<Clue> {
    let named = skus.iter().filter(|sku| order.lines.iter().any(|line| !line.cancelled && line.sku == **sku));
    clues.iter().cloned().chain(named.map(|sku| Clue::Item { sku: sku.clone() })).collect()
}

fn decide(mut candidates: Vec<LinkCandidate>, evidence: Evidence, bound: f64) -> Link {
    let Some(first) = candidates.first() else {
        return Link::Nothing { reason: "the orders it points to are not known".to_owned() };
    };
    let sure = first.probability >= bound;
    let reason = match (&evidence.conflict, &evidence.referenced[..], sure) {
        (Some(conflict), _, _) => Some(conflict.clone()),
        (None, [_, _, ..], _) if !evidence.is_supply() => {
            Some(format!("it names several orders: {}", evidence.referenced.join(", ")))
        }
        (None, _, _) if evidence.purchase_orders.len() > 1 => {
            Some(format!("it names several purchase orders: {}", evidence.purchase_orders.join(", ")))
        }
        (None, _, true) => None,
        (None, _, false) if evidence.is_direct => {
            Some(format!("the best candidate has {:.2}, attaching needs {bound:.2}", first.probability))
        }
        (None, _, false) => Some("it names no order; these are orders of its sender".to_owned()),
    };
    if let Some(reason) = reason {
        candidates.truncate(SHOWN_MAX);
        return Link::Candidates { ranked: candidates, reason };
    }
    let to = candidates.remove(0);
    let purchase_order_id = evidence.is_supply().then(|| evidence.purchase_orders.first().cloned()).flatten();
    let also = if evidence.is_supply() { candidates } else { Vec::new() };
    Link::Attached { to, purchase_order_id, also }
}
