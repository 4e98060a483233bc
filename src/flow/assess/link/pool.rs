//! The candidates of a message: every order and purchase order that something speaks for, found through indexes.
//!
//! Guarantees: what is read grows with what a message names and with the orders of its sender, never with all open orders;
//! the same state gives the same candidates in the same order. Non-goals: which of them it is.

use std::collections::{BTreeMap, BTreeSet};

use super::Read;
use super::said::{Mention, Said};
use crate::domain::case::Case;
use crate::domain::message::{Conflict, ConflictWith, Link, SenderRole};
use crate::domain::order::Order;
use crate::domain::party::ObjectKind;
use crate::domain::payload::{MessageReceived, PurchaseOrder};
use crate::domain::words::WordRole;
use crate::flow::assess::sender::Identity;
use crate::ports::store::objects::WordHit;
use crate::ports::store::{StoreError, Transaction};

/// Newest orders of a party that are looked at.
const ORDERS_MAX: u32 = 40;
/// Orders of one item, or of a party that is only named.
const FEWER_MAX: u32 = 15;
/// Items and parties that words may bring.
const NAMED_MAX: usize = 3;
/// A word that more objects have says nothing of any.
const COMMON: u32 = 8;
/// Words that have to speak for a party or an item, each counting one over the number of objects that have it.
const NAMED_MIN: f64 = 0.5;
/// A party that this much speaks for is meant: two words of its name that no other has.
const NAMED_SURE: f64 = 1.9;

/// Where a message may belong.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Order(Box<Order>, Vec<Case>),
    PurchaseOrder(PurchaseOrder),
}

/// Whose a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belongs {
    Own,
    Other,
    Unsaid,
}

/// A target with what speaks for it besides its own facts.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) target: Target,
    pub(super) belongs: Belongs,
    pub(super) mentions: Vec<Mention>,
    pub(super) thread: bool,
    /// How strongly its party is named, and by which words.
    pub(super) named: (f64, Vec<String>),
}

impl Candidate {
    pub(super) fn id(&self) -> &str {
        match &self.target {
            Target::Order(order, _) => &order.order_id,
            Target::PurchaseOrder(order) => &order.purchase_order_id,
        }
    }

    pub(super) fn key(&self) -> (ObjectKind, String) {
        let kind = match &self.target {
            Target::Order(..) => ObjectKind::Order,
            Target::PurchaseOrder(_) => ObjectKind::PurchaseOrder,
        };
        (kind, self.id().to_owned())
    }

    /// The items that it is about, with quantities.
    pub(super) fn items(&self) -> Vec<(&str, rust_decimal::Decimal)> {
        match &self.target {
            Target::Order(order, _) => order.lines.iter().map(|line| (line.sku.as_str(), line.quantity)).collect(),
            Target::PurchaseOrder(order) => vec![(&order.sku, order.quantity)],
        }
    }

    /// Whether the text names it outside of quotations.
    pub(super) fn is_named(&self) -> bool {
        self.mentions.iter().any(|mention| !mention.quoted)
    }

    /// Whether text or thread point to it.
    pub(super) fn is_direct(&self) -> bool {
        self.thread || !self.mentions.is_empty()
    }
}

/// The candidates, and what is known of their items.
#[derive(Debug, Default)]
pub(super) struct Pool {
    pub(super) candidates: Vec<Candidate>,
    /// Stems of items' descriptions.
    pub(super) descriptions: BTreeMap<String, BTreeSet<String>>,
    pub(super) conflict: Option<Conflict>,
    /// Whether nobody is known at the sender's address; a colleague is nobody's party and no stranger.
    pub(super) stranger: bool,
}

type Key = (ObjectKind, String);

/// What points where, before anything is read.
#[derive(Default)]
struct Pointed {
    mentions: BTreeMap<Key, Vec<Mention>>,
    threads: BTreeSet<Key>,
    found: BTreeSet<Key>,
    parties: BTreeMap<Key, (f64, Vec<String>)>,
}

impl Pointed {
    fn orders(&mut self, ids: Vec<String>) {
        self.found.extend(ids.into_iter().map(|id| (ObjectKind::Order, id)));
    }
}

/// Finds the candidates.
pub(super) async fn gather(tx: &mut dyn Transaction, said: &Said, about: &Read<'_>) -> Result<Pool, StoreError> {
    let sender = about.sender;
    let mut pointed = Pointed::default();
    for mention in &said.mentions {
        for hit in mention.hits.iter().filter(|hit| matches!(hit.object, ObjectKind::Order | ObjectKind::PurchaseOrder))
        {
            pointed.mentions.entry((hit.object, hit.key.clone())).or_default().push(mention.clone());
        }
    }
    thread(tx, about.message, &mut pointed).await?;
    of_sender(tx, said, sender, &mut pointed).await?;
    let is_customer = sender.role == SenderRole::Customer && sender.party.is_some();
    if !is_customer {
        named_parties(tx, said, sender, &mut pointed).await?;
    }
    let mut pool = read(tx, pointed, sender).await?;
    let address = about.message.from.email.is_some();
    let nobody = sender.party.is_none() && sender.role != SenderRole::Internal;
    pool.stranger = nobody && (address || sender.role == SenderRole::Unknown);
    Ok(pool)
}

/// What the messages before it in its thread were attached to.
async fn thread(tx: &mut dyn Transaction, message: &MessageReceived, pointed: &mut Pointed) -> Result<(), StoreError> {
    for mail_id in message.in_reply_to.iter().chain(&message.references) {
        let before = tx.message_by_mail_id(mail_id).await?.and_then(|message| message.reading);
        let key = match before.map(|reading| reading.link) {
            Some(
                Link::Attached { purchase_order_id: Some(id), .. } | Link::PurchaseOrder { purchase_order_id: id, .. },
            ) => (ObjectKind::PurchaseOrder, id),
            Some(Link::Attached { to, .. }) => (ObjectKind::Order, to.order_id),
            _ => continue,
        };
        pointed.threads.insert(key);
    }
    Ok(())
}

/// The sender's own orders: the newest, and those with an item that the text names or describes.
async fn of_sender(
    tx: &mut dyn Transaction,
    said: &Said,
    sender: &Identity,
    pointed: &mut Pointed,
) -> Result<(), StoreError> {
    let Some(party) = sender.party.as_deref() else { return Ok(()) };
    match sender.role {
        SenderRole::Customer => {
            pointed.orders(tx.every_order_of_customer(party, ORDERS_MAX).await?);
            if pointed.found.len() >= ORDERS_MAX as usize {
                for sku in items(tx, said).await? {
                    pointed.orders(tx.orders_of_customer_with_sku(party, &sku, FEWER_MAX).await?);
                }
            }
        }
        SenderRole::Carrier => pointed.orders(tx.orders_of_carrier(party, ORDERS_MAX).await?),
        SenderRole::Supplier => {
            let hits = tx.objects_by_word(&[WordRole::Supplier], &[party.to_owned()], ORDERS_MAX).await?;
            pointed.found.extend(hits.into_iter().map(|hit| (hit.kind, hit.key)));
        }
        SenderRole::Internal | SenderRole::Unknown => {}
    }
    Ok(())
}

/// Items that the text names, and those that its words describe best.
async fn items(tx: &mut dyn Transaction, said: &Said) -> Result<Vec<String>, StoreError> {
    let stems: Vec<String> = said.stems.iter().cloned().collect();
    let hits = tx.objects_by_word(&[WordRole::Description], &stems, COMMON).await?;
    let described = strongest(hits).into_iter().map(|((_, sku), _)| sku);
    Ok(said.skus.iter().cloned().chain(described).take(NAMED_MAX).collect())
}

/// Parties that the text names, with their orders and purchase orders; where it names none, the orders of the items that it
/// names.
async fn named_parties(
    tx: &mut dyn Transaction,
    said: &Said,
    sender: &Identity,
    pointed: &mut Pointed,
) -> Result<(), StoreError> {
    let stems: Vec<String> = said.stems.iter().cloned().collect();
    let hits = tx.objects_by_word(&[WordRole::Name, WordRole::Contact], &stems, COMMON).await?;
    for (key, named) in strongest(hits) {
        match key.0 {
            ObjectKind::Customer => pointed.orders(tx.every_order_of_customer(&key.1, FEWER_MAX).await?),
            ObjectKind::Supplier if sender.party.is_none() => {
                let hits = tx.objects_by_word(&[WordRole::Supplier], std::slice::from_ref(&key.1), FEWER_MAX).await?;
                pointed.found.extend(hits.into_iter().map(|hit| (hit.kind, hit.key)));
            }
            _ => continue,
        }
        pointed.parties.insert(key, named);
    }
    if sender.party.is_none() && pointed.parties.is_empty() {
        for sku in items(tx, said).await? {
            pointed.orders(tx.orders_with_sku(&sku, FEWER_MAX).await?);
        }
    }
    Ok(())
}

/// The objects that most of the words speak for, strongest first. A person needs two words of the name: first names are
/// common.
fn strongest(hits: Vec<WordHit>) -> Vec<(Key, (f64, Vec<String>))> {
    let mut having: BTreeMap<(WordRole, &str), usize> = BTreeMap::new();
    for hit in &hits {
        *having.entry((hit.role, &hit.word)).or_default() += 1;
    }
    let mut found: BTreeMap<Key, (f64, BTreeSet<String>)> = BTreeMap::new();
    for hit in &hits {
        let count = having[&(hit.role, hit.word.as_str())];
        if count >= COMMON as usize {
            continue;
        }
        let entry = found.entry((hit.kind, hit.key.clone())).or_default();
        entry.0 += if hit.role == WordRole::Contact { 0.4 } else { 1.0 } / count as f64;
        entry.1.insert(hit.word.clone());
    }
    let mut found: Vec<_> = found
        .into_iter()
        .filter(|(_, (weight, _))| *weight >= NAMED_MIN)
        .map(|(key, (weight, words))| (key, (weight, words.into_iter().collect::<Vec<_>>())))
        .collect();
    found.sort_by(|a, b| b.1.0.total_cmp(&a.1.0).then(a.0.cmp(&b.0)));
    found.truncate(NAMED_MAX);
    found
}

/// Reads what was pointed to.
async fn read(tx: &mut dyn Transaction, pointed: Pointed, sender: &Identity) -> Result<Pool, StoreError> {
    let mut keys = pointed.found.clone();
    keys.extend(pointed.threads.iter().cloned());
    keys.extend(pointed.mentions.keys().cloned());
    let mut pool = Pool::default();
    for key in keys {
        let target = match key.0 {
            ObjectKind::Order => match tx.order(&key.1).await? {
                Some((order, _)) => Target::Order(Box::new(order), tx.open_cases_of(&key.1).await?),
                None => continue,
            },
            _ => match purchase_order(tx, &key.1).await? {
                Some(order) => Target::PurchaseOrder(order),
                None => continue,
            },
        };
        let party = match &target {
            Target::Order(order, _) => (ObjectKind::Customer, order.customer_id.clone()),
            Target::PurchaseOrder(order) => (ObjectKind::Supplier, order.supplier_id.clone()),
        };
        pool.candidates.push(Candidate {
            belongs: belongs(&target, sender),
            mentions: pointed.mentions.get(&key).cloned().unwrap_or_default(),
            thread: pointed.threads.contains(&key),
            named: pointed.parties.get(&party).cloned().unwrap_or_default(),
            target,
        });
    }
    settle(&mut pool, sender);
    named_instead(&mut pool, &pointed.parties);
    let skus: BTreeSet<String> =
        pool.candidates.iter().flat_map(|candidate| candidate.items()).map(|(sku, _)| sku.to_owned()).collect();
    let skus: Vec<String> = skus.into_iter().collect();
    for hit in tx.words_of(ObjectKind::Item, WordRole::Description, &skus).await? {
        pool.descriptions.entry(hit.key).or_default().insert(hit.word);
    }
    Ok(pool)
}

/// Two customers may use one number: the sender's own order is meant then. A reference to another's is a conflict.
fn settle(pool: &mut Pool, sender: &Identity) {
    let own: BTreeSet<String> = pool
        .candidates
        .iter()
        .filter(|candidate| candidate.belongs == Belongs::Own)
        .flat_map(|candidate| candidate.mentions.iter().map(|mention| mention.value.clone()))
        .collect();
    for candidate in pool.candidates.iter_mut().filter(|candidate| candidate.belongs == Belongs::Other) {
        candidate.mentions.retain(|mention| !own.contains(&mention.value));
        let (Some(party), Some(mention)) = (&sender.party, candidate.mentions.first()) else { continue };
        let with = match candidate.target {
            Target::Order(..) => ConflictWith::AnotherCustomer,
            Target::PurchaseOrder(_) => ConflictWith::AnotherSupplier,
        };
        let (value, target, party) = (mention.value.clone(), candidate.id().to_owned(), party.clone());
        pool.conflict.get_or_insert(Conflict { with, value, target, party });
    }
    pool.candidates.retain(|candidate| candidate.belongs != Belongs::Other || candidate.is_direct());
}

/// A reference to the order of one customer, in a text that names another and not that one, is a conflict.
fn named_instead(pool: &mut Pool, parties: &BTreeMap<Key, (f64, Vec<String>)>) {
    let weight = |id: &str| parties.get(&(ObjectKind::Customer, id.to_owned())).map_or(0.0, |(weight, _)| *weight);
    let customers = parties.iter().filter(|((kind, _), _)| *kind == ObjectKind::Customer);
    let Some(((_, party), (most, _))) = customers.max_by(|a, b| a.1.0.total_cmp(&b.1.0)) else { return };
    if *most < NAMED_SURE {
        return;
    }
    for candidate in &pool.candidates {
        let (Target::Order(order, _), Some(mention)) = (&candidate.target, candidate.mentions.first()) else {
            continue;
        };
        if weight(&order.customer_id) <= most - NAMED_SURE / 2.0 {
            let (value, target, party) = (mention.value.clone(), candidate.id().to_owned(), party.clone());
            let with = ConflictWith::AnotherCustomer;
            pool.conflict.get_or_insert(Conflict { with, value, target, party });
        }
    }
}

async fn purchase_order(tx: &mut dyn Transaction, id: &str) -> Result<Option<PurchaseOrder>, StoreError> {
    let Some(object) = tx.object(ObjectKind::PurchaseOrder, id).await? else { return Ok(None) };
    serde_json::from_value(object.document).map(Some).map_err(|error| StoreError::Inconsistent {
        table: "purchase_order",
        row: id.to_owned(),
        message: error.to_string(),
    })
}

/// Whose it is. A carrier may speak of any order; only the one that it carries is its own.
fn belongs(target: &Target, sender: &Identity) -> Belongs {
    let Some(party) = sender.party.as_deref() else { return Belongs::Unsaid };
    match (sender.role, target) {
        (SenderRole::Customer, Target::Order(order, _)) if order.customer_id == party => Belongs::Own,
        (SenderRole::Customer, Target::Order(..)) => Belongs::Other,
        (SenderRole::Carrier, Target::Order(order, _)) => {
            let shipped = order.shipments.values().filter_map(|shipment| shipment.carrier_id.as_ref());
            let own = order.carrier_id.iter().chain(shipped).any(|carrier| carrier == party);
            if own { Belongs::Own } else { Belongs::Unsaid }
        }
        (SenderRole::Supplier, Target::PurchaseOrder(order)) if order.supplier_id == party => Belongs::Own,
        (SenderRole::Supplier, Target::PurchaseOrder(_)) => Belongs::Other,
        _ => Belongs::Unsaid,
    }
}
