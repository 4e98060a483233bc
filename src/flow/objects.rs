//! Canonical documents beside orders: how master data, accounts and supplies are stored and read.
//!
//! A master data document is the event's payload with one member more, `cite`: the event that set it. So it parses as its
//! payload type, and as [`Cited`] where the source matters. Guarantees: a document is replaced only by a newer event, by
//! (event time, identity). Non-goals: orders, which are folded; see `domain::order`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::event::{Event, EventRef};
use crate::domain::money::Money;
use crate::domain::party::ObjectKind;
use crate::domain::payload::{FinanceCondition, FinanceKind, PurchaseOrder};
use crate::ports::store::objects::Object;
use crate::ports::store::{StoreError, Transaction};

/// Member of a document that names the event which set it.
const CITE: &str = "cite";

/// A document's content and the event that set it.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "names say it")]
pub struct Cited<T> {
    pub data: T,
    pub cite: EventRef,
}

/// The content of a master data document.
///
/// # Errors
/// [`StoreError::Inconsistent`] when it is not what its kind stores.
pub fn parse<T: DeserializeOwned>(kind: ObjectKind, key: &str, document: &Value) -> Result<Cited<T>, StoreError> {
    let wrong =
        |message: String| StoreError::Inconsistent { table: "objects", row: format!("{}:{key}", kind.name()), message };
    let cite = document.get(CITE).cloned().unwrap_or(Value::Null);
    Ok(Cited {
        data: T::deserialize(document).map_err(|e| wrong(e.to_string()))?,
        cite: serde_json::from_value(cite).map_err(|e| wrong(format!("`cite`: {e}")))?,
    })
}

/// Reads a master data document.
///
/// # Errors
/// [`StoreError`].
pub async fn read<T: DeserializeOwned>(
    tx: &mut dyn Transaction,
    kind: ObjectKind,
    key: &str,
) -> Result<Option<Cited<T>>, StoreError> {
    tx.object(kind, key).await?.map(|object| parse(kind, key, &object.document)).transpose()
}

/// Replaces a master data document unless what is stored is as new as `event`; returns what it replaced, and whether it
/// did.
///
/// # Errors
/// [`StoreError`].
pub async fn replace<T: Serialize + DeserializeOwned>(
    tx: &mut dyn Transaction,
    kind: ObjectKind,
    key: &str,
    data: &T,
    event: &Event,
) -> Result<(Option<T>, bool), StoreError> {
    let stored = tx.object(kind, key).await?;
    let revision = stored.as_ref().map_or(0, |object| object.revision);
    let before = match &stored {
        None => None,
        Some(object) => {
            let known: Cited<T> = parse(kind, key, &object.document)?;
            if (object.as_of, &known.cite) >= event.order_key() {
                return Ok((Some(known.data), false));
            }
            Some(known.data)
        }
    };
    let mut document = to_document(kind, key, data)?;
    if let Value::Object(members) = &mut document {
        members.insert(CITE.to_owned(), to_document(kind, key, &event.reference)?);
    }
    tx.put_object(kind, key, &Object { document, as_of: event.time, revision }).await?;
    Ok((before, true))
}

fn to_document(kind: ObjectKind, key: &str, data: &impl Serialize) -> Result<Value, StoreError> {
    serde_json::to_value(data).map_err(|e| StoreError::Inconsistent {
        table: "objects",
        row: format!("{}:{key}", kind.name()),
        message: e.to_string(),
    })
}

/// What finance says of a customer as a whole; the newest statement of each kind holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Account {
    pub credit: Option<Stated>,
    pub invoice: Option<Stated>,
    pub payment: Option<Stated>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Stated {
    /// Held or blocked, not released.
    pub holds: bool,
    pub at: Timestamp,
    pub amount: Option<Money>,
    pub cite: EventRef,
}

impl Account {
    /// Takes a statement in, unless a newer one of its kind is known.
    pub fn apply(&mut self, condition: &FinanceCondition, event: &Event) {
        let (aspect, holds) = match condition.kind {
            FinanceKind::CreditHeld => (&mut self.credit, true),
            FinanceKind::CreditReleased => (&mut self.credit, false),
            FinanceKind::InvoiceBlocked => (&mut self.invoice, true),
            FinanceKind::InvoiceReleased => (&mut self.invoice, false),
            FinanceKind::PaymentReceived => (&mut self.payment, true),
        };
        if aspect.as_ref().is_none_or(|known| (known.at, &known.cite) < event.order_key()) {
            *aspect =
                Some(Stated { holds, at: event.time, amount: condition.amount.clone(), cite: event.reference.clone() });
        }
    }
}

/// The purchase orders of one item, by number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Supply {
    pub purchase_orders: BTreeMap<String, Incoming>,
}

/// A purchase order as its item's supply shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names say it")]
pub struct Incoming {
    pub supplier_id: String,
    pub quantity: Decimal,
    pub due_at: Option<Timestamp>,
    pub confirmed: bool,
    pub affects_orders: Vec<String>,
    pub cite: EventRef,
}

impl Supply {
    /// Purchase orders that were due so long ago are forgotten here (their own documents stay).
    const KEPT_H: i64 = 90 * 24;

    /// Takes a purchase order in.
    pub fn insert(&mut self, order: &PurchaseOrder, event: &Event) {
        let oldest =
            event.time.saturating_sub(jiff::SignedDuration::from_hours(Self::KEPT_H)).unwrap_or(Timestamp::MIN);
        self.purchase_orders.retain(|_, known| known.due_at.is_none_or(|due| due >= oldest));
        let incoming = Incoming {
            supplier_id: order.supplier_id.clone(),
            quantity: order.quantity,
            due_at: order.due_at,
            confirmed: order.confirmed_at.is_some(),
            affects_orders: order.affects_orders.clone(),
            cite: event.reference.clone(),
        };
        self.purchase_orders.insert(order.purchase_order_id.clone(), incoming);
    }

    /// The purchase order that an order line waits for: one that names the order, else the next one due.
    #[must_use]
    pub fn next_for(&self, order_id: &str, now: Timestamp) -> Option<(&String, &Incoming)> {
        let due = |incoming: &Incoming| incoming.due_at.unwrap_or(Timestamp::MAX);
        let named = self.purchase_orders.iter().filter(|(_, p)| p.affects_orders.iter().any(|o| o == order_id));
        let coming = self.purchase_orders.iter().filter(|(_, p)| due(p) >= now);
        named.min_by_key(|(_, p)| due(p)).or_else(|| coming.min_by_key(|(_, p)| due(p)))
    }
}

/// Reads a document that is folded from several events, changes it, and writes it where it changed.
///
/// # Errors
/// [`StoreError`].
pub async fn amend<T: Serialize + DeserializeOwned + Default + PartialEq + Clone + Send>(
    tx: &mut dyn Transaction,
    kind: ObjectKind,
    key: &str,
    as_of: Timestamp,
    change: impl FnOnce(&mut T) + Send,
) -> Result<bool, StoreError> {
    let stored = tx.object(kind, key).await?;
    let mut object = stored.unwrap_or(Object { document: Value::Null, as_of, revision: 0 });
    let before: T = folded(kind, key, &object.document)?;
    let mut after = before.clone();
    change(&mut after);
    if after == before {
        return Ok(false);
    }
    object.document = to_document(kind, key, &after)?;
    object.as_of = object.as_of.max(as_of);
    tx.put_object(kind, key, &object).await?;
    Ok(true)
}

/// Reads a document that is folded from several events; an unknown one is empty.
///
/// # Errors
/// [`StoreError`].
pub async fn read_folded<T: DeserializeOwned + Default>(
    tx: &mut dyn Transaction,
    kind: ObjectKind,
    key: &str,
) -> Result<T, StoreError> {
    match tx.object(kind, key).await? {
        None => Ok(T::default()),
        Some(object) => folded(kind, key, &object.document),
    }
}

fn folded<T: DeserializeOwned + Default>(kind: ObjectKind, key: &str, document: &Value) -> Result<T, StoreError> {
    if document.is_null() {
        return Ok(T::default());
    }
    T::deserialize(document).map_err(|e| StoreError::Inconsistent {
        table: "objects",
        row: format!("{}:{key}", kind.name()),
        message: e.to_string(),
    })
}
