//! What speaks for which order.
//!
//! Guarantees: references come before everything else; only a message without any is compared with its sender's open
//! orders; a reference that several orders share is the sender's own where one of them is.

use std::collections::BTreeMap;

use crate::domain::message::{Clue, Entity, EntityType, Link, SenderRole};
use crate::domain::order::Order;
use crate::domain::party::ObjectKind;
use crate::domain::party::normalised;
use crate::domain::payload::{MessageReceived, PurchaseOrder};
use crate::flow::assess::extract::Known;
use crate::flow::assess::sender::Identity;
use crate::ports::store::objects::ReferenceHit;
use crate::ports::store::{StoreError, Transaction};

/// Orders of a sender, or with an item, that are looked at when the text names none.
const OPEN_ORDERS_MAX: u32 = 50;

/// Clues by order, and what stands against attaching.
#[derive(Default)]
pub(super) struct Evidence {
    pub(super) clues: BTreeMap<String, Vec<Clue>>,
    /// Orders that the text names.
    pub(super) referenced: Vec<String>,
    /// Purchase orders that the text names.
    pub(super) purchase_orders: Vec<String>,
    /// Whether text or thread point to an order, rather than its sender alone.
    pub(super) is_direct: bool,
    /// Why nothing may be attached.
    pub(super) conflict: Option<String>,
}

impl Evidence {
    /// Whether the orders were found through a purchase order only, so that several can be right at once.
    pub(super) fn is_supply(&self) -> bool {
        self.referenced.is_empty() && !self.purchase_orders.is_empty()
    }

    fn add(&mut self, order_id: &str, clue: Clue) {
        let clues = self.clues.entry(order_id.to_owned()).or_default();
        if !clues.contains(&clue) {
            clues.push(clue);
        }
    }

    /// Adds whose order it is: a clue where it is the sender's, a conflict where it is another customer's.
    fn weigh(&mut self, order: &Order, belongs: Belongs, because: &str, sender: &Identity) {
        match belongs {
            Belongs::Own => self.add(&order.order_id, Clue::Sender),
            Belongs::Other => {
                let party = sender.party.as_deref().unwrap_or_default();
                let order_id = &order.order_id;
                let conflict = format!(
                    "`{because}` points to order `{order_id}` of another customer than the sender's (`{party}`)"
                );
                self.conflict.get_or_insert(conflict);
            }
            Belongs::Unsaid => {}
        }
    }

    fn refer(&mut self, order_id: &str, clue: Clue) {
        if !self.referenced.iter().any(|known| known == order_id) {
            self.referenced.push(order_id.to_owned());
        }
        self.add(order_id, clue);
    }
}

pub(super) async fn gather(
    tx: &mut dyn Transaction,
    message: &MessageReceived,
    entities: &[Entity],
    known: &Known,
    sender: &Identity,
    skus: &[String],
) -> Result<Evidence, StoreError> {
    let mut evidence = Evidence::default();
    for entity in entities {
        let value = entity.value.as_deref().unwrap_or(&entity.text);
        if let Some(hits) = known.references.get(&normalised(value)) {
            reference(tx, &mut evidence, (entity.kind, value), hits, sender).await?;
        }
    }
    thread(tx, &mut evidence, message, sender).await?;
    evidence.is_direct = !evidence.clues.is_empty();
    if !evidence.is_direct && evidence.purchase_orders.is_empty() {
        open_orders(tx, &mut evidence, sender, skus).await?;
    }
    Ok(evidence)
}

/// Adds what one reference points to.
async fn reference(
    tx: &mut dyn Transaction,
    evidence: &mut Evidence,
    (entity, value): (EntityType, &str),
    hits: &[ReferenceHit],
    sender: &Identity,
) -> Result<(), StoreError> {
    let clue = Clue::Reference { entity, value: value.to_owned() };
    let mut orders = Vec::new();
    for hit in hits {
        match hit.object {
            ObjectKind::Order => {
                if let Some((order, _)) = tx.order(&hit.key).await? {
                    orders.push((belongs(&order, sender), order));
                }
            }
            ObjectKind::PurchaseOrder => supply(tx, evidence, &hit.key, sender).await?,
            _ => {}
        }
    }
    // Two customers may use one number; the sender's own order is meant then.
    let own = orders.iter().any(|(belongs, _)| *belongs == Belongs::Own);
    orders.retain(|(belongs, _)| !own || *belongs == Belongs::Own);
    for (belongs, order) in orders {
        evidence.refer(&order.order_id, clue.clone());
        evidence.weigh(&order, belongs, value, sender);
    }
    Ok(())
}

/// Adds the orders that a purchase order supplies.
async fn supply(
    tx: &mut dyn Transaction,
    evidence: &mut Evidence,
    purchase_order_id: &str,
    sender: &Identity,
) -> Result<(), StoreError> {
    let Some(object) = tx.object(ObjectKind::PurchaseOrder, purchase_order_id).await? else { return Ok(()) };
    let purchase_order: PurchaseOrder =
        serde_json::from_value(object.document).map_err(|error| StoreError::Inconsistent {
            table: "purchase_order",
            row: purchase_order_id.to_owned(),
            message: error.to_string(),
        })?;
    if !evidence.purchase_orders.iter().any(|known| known == purchase_order_id) {
        evidence.purchase_orders.push(purchase_order_id.to_owned());
    }
    let own = sender.role == SenderRole::Supplier && sender.party.as_deref() == Some(&purchase_order.supplier_id);
    if sender.role == SenderRole::Supplier && sender.party.is_some() && !own {
        let conflict = format!("purchase order `{purchase_order_id}` is with another supplier than the sender");
        evidence.conflict.get_or_insert(conflict);
    }
    for order_id in &purchase_order.affects_orders {
        evidence.add(order_id, Clue::Supply { purchase_order_id: purchase_order_id.to_owned() });
        if own {
            evidence.add(order_id, Clue::Sender);
        }
    }
    Ok(())
}

/// Adds the orders that the messages before it in its thread were attached to.
async fn thread(
    tx: &mut dyn Transaction,
    evidence: &mut Evidence,
    message: &MessageReceived,
    sender: &Identity,
) -> Result<(), StoreError> {
    for mail_id in message.in_reply_to.iter().chain(&message.references) {
        let before = tx.message_by_mail_id(mail_id).await?.and_then(|message| message.reading);
        let Some(Link::Attached { to, .. }) = before.map(|reading| reading.link) else { continue };
        let Some((order, _)) = tx.order(&to.order_id).await? else { continue };
        evidence.add(&order.order_id, Clue::Thread);
        evidence.weigh(&order, belongs(&order, sender), mail_id, sender);
    }
    Ok(())
}

/// Adds the sender's live orders, narrowed to the named items where some of them have one.
async fn open_orders(
    tx: &mut dyn Transaction,
    evidence: &mut Evidence,
    sender: &Identity,
    skus: &[String],
) -> Result<(), StoreError> {
    let mut orders = match (sender.role, sender.party.as_deref()) {
        (SenderRole::Customer, Some(party)) => tx.orders_of_customer(party, OPEN_ORDERS_MAX).await?,
        (SenderRole::Carrier, Some(party)) => tx.orders_of_carrier(party, OPEN_ORDERS_MAX).await?,
        _ => Vec::new(),
    };
    let mut with_item = Vec::new();
    for sku in skus {
        with_item.extend(tx.orders_with_sku(sku, OPEN_ORDERS_MAX).await?);
    }
    let is_party = !orders.is_empty();
    if is_party && orders.iter().any(|order| with_item.contains(order)) {
        orders.retain(|order| with_item.contains(order));
    } else if sender.role == SenderRole::Supplier {
        orders = with_item;
    }
    for order_id in orders {
        let clues = evidence.clues.entry(order_id).or_default();
        if is_party && clues.is_empty() {
            clues.push(Clue::Sender);
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Belongs {
    Own,
    Other,
    Unsaid,
}

/// Whose order it is. A carrier may speak of any order; only the one that carries it is a clue.
fn belongs(order: &Order, sender: &Identity) -> Belongs {
    let Some(party) = sender.party.as_deref() else { return Belongs::Unsaid };
    let carriers =
        || order.carrier_id.iter().chain(order.shipments.values().filter_map(|shipment| shipment.carrier_id.as_ref()));
    match sender.role {
        SenderRole::Customer if order.customer_id == party => Belongs::Own,
        SenderRole::Customer => Belongs::Other,
        SenderRole::Carrier if carriers().any(|carrier| carrier == party) => Belongs::Own,
        _ => Belongs::Unsaid,
    }
}
