//! Canonical objects: one document per (kind, key), and the indexes that find orders.

use async_trait::async_trait;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

use super::StoreError;
use crate::domain::order::Order;
use crate::domain::party::ObjectKind;
use crate::domain::words::WordRole;

/// A stored document.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// The document.
    pub document: Value,
    /// Event time of the newest event that is folded in.
    pub as_of: Timestamp,
    /// Optimistic lock; 0 for an object that is not stored yet.
    pub revision: i64,
}

/// An open line that wants stock.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "names say it")]
pub struct Demand {
    pub order_id: String,
    pub line_no: u32,
    pub quantity: Decimal,
    pub promised_ship_at: Option<Timestamp>,
    pub placed_at: Timestamp,
}

/// A reference in a text to an order or a purchase order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "names say it")]
pub struct ReferenceHit {
    /// `order_no`, `po_number`, `purchase_order_no`, `tracking_number`, `invoice_number`.
    pub entity: String,
    pub object: ObjectKind,
    pub key: String,
}

/// A number that the store knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownNumber {
    /// Upper case, only letters and digits.
    pub normalised: String,
    /// What it names; the `entity` of an item's is `sku`.
    pub hit: ReferenceHit,
}

/// An object that is found by a word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "names say it")]
pub struct WordHit {
    pub word: String,
    pub role: WordRole,
    pub kind: ObjectKind,
    pub key: String,
}

/// Canonical state.
#[async_trait]
pub trait Objects {
    /// One document.
    async fn object(&mut self, kind: ObjectKind, key: &str) -> Result<Option<Object>, StoreError>;

    /// Writes a document where the stored revision still is `object.revision` (0: not there yet) and raises it.
    async fn put_object(&mut self, kind: ObjectKind, key: &str, object: &Object) -> Result<(), StoreError>;

    /// Objects that are found by one of `words` in one of `roles` (see [`crate::domain::words::of_object`]), by word, role,
    /// kind and key; at most `limit` of each word and role, those of the greatest keys.
    async fn objects_by_word(
        &mut self,
        roles: &[WordRole],
        words: &[String],
        limit: u32,
    ) -> Result<Vec<WordHit>, StoreError>;

    /// The words in one role of objects of one kind, by word and key.
    async fn words_of(&mut self, kind: ObjectKind, role: WordRole, keys: &[String])
    -> Result<Vec<WordHit>, StoreError>;

    /// Every position of an item, by warehouse.
    async fn positions_of(&mut self, sku: &str) -> Result<Vec<(String, Object)>, StoreError>;

    /// An order with its revision.
    async fn order(&mut self, order_id: &str) -> Result<Option<(Order, i64)>, StoreError>;

    /// Writes an order, its open lines and its references (order number, PO, tracking, invoices), optimistic by revision.
    async fn put_order(&mut self, order: &Order, revision: i64) -> Result<(), StoreError>;

    /// Open lines that want `sku` from `warehouse_id` and have no stock yet.
    async fn demand(&mut self, sku: &str, warehouse_id: &str) -> Result<Vec<Demand>, StoreError>;

    /// Live orders of a customer, newest first.
    async fn orders_of_customer(&mut self, customer_id: &str, limit: u32) -> Result<Vec<String>, StoreError>;

    /// Orders of a customer, open or closed, newest first.
    async fn every_order_of_customer(&mut self, customer_id: &str, limit: u32) -> Result<Vec<String>, StoreError>;

    /// Orders of a customer with a line of `sku`, open or closed, newest first.
    async fn orders_of_customer_with_sku(
        &mut self,
        customer_id: &str,
        sku: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError>;

    /// Live orders of a carrier, newest first.
    async fn orders_of_carrier(&mut self, carrier_id: &str, limit: u32) -> Result<Vec<String>, StoreError>;

    /// Live orders with a line of `sku`, newest first.
    async fn orders_with_sku(&mut self, sku: &str, limit: u32) -> Result<Vec<String>, StoreError>;

    /// Live orders whose conditions should be looked at again by `now` (deadlines that passed without an event), oldest
    /// first.
    async fn orders_due_for_check(&mut self, now: Timestamp, limit: u32) -> Result<Vec<String>, StoreError>;

    /// Sets when the order should be looked at again.
    async fn set_next_check(&mut self, order_id: &str, at: Option<Timestamp>) -> Result<(), StoreError>;

    /// What a normalised reference (upper case, only letters and digits) names.
    async fn resolve_reference(&mut self, normalised: &str) -> Result<Vec<ReferenceHit>, StoreError>;

    /// Numbers that are one of `forms` (normalised), or end on one of `tails` (their last characters, see
    /// [`crate::domain::party::TAIL`]), by form.
    async fn known_numbers(&mut self, forms: &[String], tails: &[String]) -> Result<Vec<KnownNumber>, StoreError>;

    /// Entities of the known numbers of each of `shapes` (see [`crate::domain::party::shape`]); `None` where the store knows
    /// no number at all.
    async fn number_shapes(&mut self, shapes: &[String]) -> Result<Option<Vec<(String, String)>>, StoreError>;

    /// Adds a reference.
    async fn add_reference(
        &mut self,
        entity: &str,
        normalised: &str,
        object: ObjectKind,
        key: &str,
    ) -> Result<(), StoreError>;
}
