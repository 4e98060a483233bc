//! From ranked candidates to a link: attach, show and ask, or leave alone.
//!
//! Guarantees: nothing is attached below the bound, against a conflict, by the number that a stranger names, or where the text
//! names several orders; what is shown carries its clues. Non-goals: probabilities.

use std::collections::BTreeSet;

use super::pair::{Match, described_instead};
use super::pool::{Belongs, Candidate, Pool, Target};
use super::{Read, fit, question};
use crate::domain::case::Case;
use crate::domain::message::{Clue, ConflictWith, Intent, Link, LinkCandidate};
use crate::domain::order::Order;
use crate::domain::payload::PurchaseOrder;
use crate::ports::store::{StoreError, Transaction};

/// Candidates that are shown to a person.
const SHOWN_MAX: usize = 5;
/// Below this share of the best one's probability a candidate is not worth showing.
const SHOWN_SHARE: f64 = 0.05;
/// What the rule gives the one order of its own that a known sender refers to, or answers in the thread of.
const RULE_SURE: f64 = 0.95;
const RULE_REFERENCE: f64 = 0.4;
const RULE_REST: f64 = 0.1;

/// Candidates with what the ranker says of them.
pub(super) struct Ranked {
    pub(super) pool: Pool,
    pub(super) matches: Vec<Match>,
    pub(super) probabilities: Vec<f64>,
    pub(super) bound: f64,
}

/// Probabilities where no ranker is loaded.
pub(super) fn by_rule(pool: &Pool) -> Vec<f64> {
    let direct = pool.candidates.iter().filter(|candidate| candidate.is_direct()).count();
    let of = |candidate: &Candidate| match (candidate.is_direct(), candidate.belongs) {
        (true, Belongs::Own) if direct == 1 => RULE_SURE,
        (true, _) => RULE_REFERENCE,
        (false, _) => RULE_REST / pool.candidates.len() as f64,
    };
    pool.candidates.iter().map(of).collect()
}

/// Decides.
pub(super) async fn decide(tx: &mut dyn Transaction, ranked: Ranked, read: &Read<'_>) -> Result<Link, StoreError> {
    let Ranked { pool, matches, probabilities, bound } = ranked;
    let direct = pool.candidates.iter().any(Candidate::is_direct);
    let top = read.intents.first();
    if !direct && top.is_some_and(|top| top.intent == Intent::Irrelevant && top.probability > 0.5) {
        return Ok(Link::Nothing { reason: "it is no business message".to_owned() });
    }
    let mut order: Vec<usize> = (0..pool.candidates.len()).collect();
    order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]).then(a.cmp(b)));
    let Some(&first) = order.first() else {
        return Ok(Link::Nothing { reason: "it names no known order and its sender has none".to_owned() });
    };
    let reason = against(&pool, &matches, probabilities[first], bound);
    let Some(reason) = reason else {
        return attach(tx, &pool.candidates[first], &matches[first], probabilities[first], read).await;
    };
    let least = probabilities[first] * SHOWN_SHARE;
    let mut shown: Vec<(Order, LinkCandidate)> = Vec::new();
    for index in order.into_iter().filter(|index| probabilities[*index] >= least) {
        let (candidate, found, probability) = (&pool.candidates[index], &matches[index], probabilities[index]);
        match &candidate.target {
            Target::Order(order, cases) => {
                shown.push((order.as_ref().clone(), filed(order, cases, candidate, found, probability, read)));
            }
            Target::PurchaseOrder(purchase_order) => {
                shown.extend(supplied(tx, purchase_order, candidate, found, probability, read).await?);
            }
        }
    }
    // An order can be a candidate by itself and through a purchase order.
    let mut seen = BTreeSet::new();
    shown.retain(|(order, _)| seen.insert(order.order_id.clone()));
    shown.truncate(SHOWN_MAX);
    let question = if pool.conflict.is_some() { None } else { question::ask(&shown, read.message) };
    let ranked = shown.into_iter().map(|(_, one)| one).collect();
    Ok(Link::Candidates { ranked, reason, conflict: pool.conflict, question })
}

/// Targets that the text names outside of quotations.
fn named(pool: &Pool) -> Vec<&str> {
    pool.candidates.iter().filter(|candidate| candidate.is_named()).map(Candidate::id).collect()
}

/// A number alone, from an address that nobody is known at: anybody may have read it somewhere.
fn is_stranger(pool: &Pool) -> bool {
    pool.stranger && pool.candidates.iter().any(Candidate::is_direct)
}

/// The rule that keeps the message from being attached, whatever its probability.
pub(super) fn barred(pool: &Pool, found: &[Match]) -> Option<String> {
    if let Some(conflict) = &pool.conflict {
        let whose = match conflict.with {
            ConflictWith::AnotherCustomer => "customer",
            ConflictWith::AnotherSupplier => "supplier",
        };
        let (value, target, party) = (&conflict.value, &conflict.target, &conflict.party);
        return Some(format!(
            "`{value}` is `{target}` of another {whose} than the sender's or the named one (`{party}`)"
        ));
    }
    if is_stranger(pool) {
        return Some("it names an order, and nobody is known at its sender's address".to_owned());
    }
    let named = named(pool);
    if named.len() > 1 {
        return Some(format!("it names several orders: {}", named.join(", ")));
    }
    let (named, described) = described_instead(pool, found)?;
    Some(format!("it names `{named}`, and its items and quantities are those of `{described}`"))
}

/// What stands against attaching the best candidate.
fn against(pool: &Pool, found: &[Match], probability: f64, bound: f64) -> Option<String> {
    let barred = barred(pool, found);
    if barred.is_some() || probability >= bound {
        return barred;
    }
    Some(match named(pool).len() {
        0 => "it names no order; these are the orders that it may be about".to_owned(),
        _ => format!("the best candidate has {probability:.2}, attaching needs {bound:.2}"),
    })
}

async fn attach(
    tx: &mut dyn Transaction,
    candidate: &Candidate,
    found: &Match,
    probability: f64,
    read: &Read<'_>,
) -> Result<Link, StoreError> {
    match &candidate.target {
        Target::Order(order, cases) => {
            let to = filed(order, cases, candidate, found, probability, read);
            Ok(Link::Attached { to, purchase_order_id: None, also: Vec::new() })
        }
        Target::PurchaseOrder(purchase_order) => {
            let purchase_order_id = purchase_order.purchase_order_id.clone();
            let supplied = supplied(tx, purchase_order, candidate, found, probability, read).await?;
            let mut also = supplied.into_iter().map(|(_, one)| one);
            match also.next() {
                Some(to) => Ok(Link::Attached { to, purchase_order_id: Some(purchase_order_id), also: also.collect() }),
                None => Ok(Link::PurchaseOrder { purchase_order_id, probability, clues: found.clues(candidate) }),
            }
        }
    }
}

/// The orders that a purchase order supplies.
async fn supplied(
    tx: &mut dyn Transaction,
    purchase_order: &PurchaseOrder,
    candidate: &Candidate,
    found: &Match,
    probability: f64,
    read: &Read<'_>,
) -> Result<Vec<(Order, LinkCandidate)>, StoreError> {
    let mut orders = Vec::new();
    for order_id in &purchase_order.affects_orders {
        let Some((order, _)) = tx.order(order_id).await? else { continue };
        let cases = tx.open_cases_of(order_id).await?;
        let mut one = filed(&order, &cases, candidate, found, probability, read);
        let supply = Clue::Supply { purchase_order_id: purchase_order.purchase_order_id.clone() };
        if !one.clues.contains(&supply) {
            one.clues.insert(0, supply);
        }
        orders.push((order, one));
    }
    Ok(orders)
}

/// An order as a candidate, with the open case that the message fits.
fn filed(
    order: &Order,
    cases: &[Case],
    candidate: &Candidate,
    found: &Match,
    probability: f64,
    read: &Read<'_>,
) -> LinkCandidate {
    let case_id = fit::choose(cases, order, read.intents, &found.items_named()).map(|case| case.id);
    let mut clues = found.clues(candidate);
    clues.extend(case_id.map(|case_id| Clue::Case { case_id }));
    LinkCandidate { order_id: order.order_id.clone(), case_id, probability, clues }
}
