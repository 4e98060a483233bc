//! Typed payloads of the canonical events (CONTRACT.md section 3): what the outside world can tell the service.
//!
//! Guarantees: one variant per event type; an unknown value is `None` and never inferred; unknown members are ignored.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::case::Category;
use super::message::{Channel, SenderRole};
use super::money::Money;
use super::untrusted::Untrusted;

mod master;

pub use master::{Contact, Customer, Item, Site, Supplier, Tier};

/// A payload by its event type; `type` and `data` of a CloudEvent parse into it directly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
#[expect(missing_docs, reason = "each variant is documented by its payload")]
pub enum Payload {
    #[serde(rename = "io.holdfast.customer.upserted.v1")]
    Customer(Customer),
    #[serde(rename = "io.holdfast.supplier.upserted.v1")]
    Supplier(Supplier),
    #[serde(rename = "io.holdfast.carrier.upserted.v1")]
    Carrier(Site),
    #[serde(rename = "io.holdfast.warehouse.upserted.v1")]
    Warehouse(Site),
    #[serde(rename = "io.holdfast.item.upserted.v1")]
    Item(Item),
    #[serde(rename = "io.holdfast.order.placed.v1")]
    OrderPlaced(OrderPlaced),
    #[serde(rename = "io.holdfast.order.changed.v1")]
    OrderChanged(OrderChanged),
    #[serde(rename = "io.holdfast.order.cancelled.v1")]
    OrderCancelled(OrderCancelled),
    #[serde(rename = "io.holdfast.order.promised.v1")]
    OrderPromised(OrderPromised),
    #[serde(rename = "io.holdfast.order.status.v1")]
    OrderStatus(OrderStatusChanged),
    #[serde(rename = "io.holdfast.inventory.position.v1")]
    InventoryPosition(InventoryPosition),
    #[serde(rename = "io.holdfast.purchase_order.upserted.v1")]
    PurchaseOrder(PurchaseOrder),
    #[serde(rename = "io.holdfast.shipment.milestone.v1")]
    ShipmentMilestone(ShipmentMilestone),
    #[serde(rename = "io.holdfast.finance.condition.v1")]
    FinanceCondition(FinanceCondition),
    #[serde(rename = "io.holdfast.integration.failed.v1")]
    IntegrationFailed(IntegrationFailed),
    #[serde(rename = "io.holdfast.exception.raised.v1")]
    ExceptionRaised(ExceptionRaised),
    #[serde(rename = "io.holdfast.exception.cleared.v1")]
    ExceptionCleared(ExceptionCleared),
    #[serde(rename = "io.holdfast.message.received.v1")]
    MessageReceived(Untrusted<MessageReceived>),
    #[serde(rename = "io.holdfast.action.executed.v1")]
    ActionExecuted(ActionExecuted),
    #[serde(rename = "io.holdfast.action.failed.v1")]
    ActionFailed(ActionFailed),
    #[serde(rename = "io.holdfast.outcome.recorded.v1")]
    OutcomeRecorded(OutcomeRecorded),
}

/// Every event type that the service accepts, in the order of [`Payload`].
pub const EVENT_TYPES: [&str; 21] = [
    "io.holdfast.customer.upserted.v1",
    "io.holdfast.supplier.upserted.v1",
    "io.holdfast.carrier.upserted.v1",
    "io.holdfast.warehouse.upserted.v1",
    "io.holdfast.item.upserted.v1",
    "io.holdfast.order.placed.v1",
    "io.holdfast.order.changed.v1",
    "io.holdfast.order.cancelled.v1",
    "io.holdfast.order.promised.v1",
    "io.holdfast.order.status.v1",
    "io.holdfast.inventory.position.v1",
    "io.holdfast.purchase_order.upserted.v1",
    "io.holdfast.shipment.milestone.v1",
    "io.holdfast.finance.condition.v1",
    "io.holdfast.integration.failed.v1",
    "io.holdfast.exception.raised.v1",
    "io.holdfast.exception.cleared.v1",
    "io.holdfast.message.received.v1",
    "io.holdfast.action.executed.v1",
    "io.holdfast.action.failed.v1",
    "io.holdfast.outcome.recorded.v1",
];

/// One line of `order.placed.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct PlacedLine {
    pub line_no: u32,
    pub sku: String,
    /// In the item's unit of measure.
    #[schema(value_type = String)]
    pub quantity: Decimal,
    #[schema(value_type = String)]
    #[serde(default)]
    pub unit_price: Option<Decimal>,
    #[serde(default)]
    pub requested_ship_at: Option<Timestamp>,
    #[serde(default)]
    pub promised_ship_at: Option<Timestamp>,
}

/// `order.placed.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct OrderPlaced {
    pub order_id: String,
    pub customer_id: String,
    #[serde(default)]
    pub po_number: Option<String>,
    /// `edi`, `api`, `portal`, `phone` or `email`.
    #[serde(default)]
    pub channel: Option<String>,
    pub placed_at: Timestamp,
    pub currency: String,
    /// One text with street, postal code, place and country; `None` when the order came without one.
    #[serde(default)]
    pub ship_to: Option<String>,
    #[serde(default)]
    pub warehouse_id: Option<String>,
    #[serde(default)]
    pub carrier_id: Option<String>,
    pub lines: Vec<PlacedLine>,
}

/// What `order.changed.v1` sets on a line; a missing member keeps its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct LineChange {
    pub line_no: u32,
    #[serde(default)]
    pub sku: Option<String>,
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    pub quantity: Option<Decimal>,
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    pub unit_price: Option<Decimal>,
    #[serde(default)]
    pub requested_ship_at: Option<Timestamp>,
    #[serde(default)]
    pub warehouse_id: Option<String>,
    /// The line's part that was cancelled wholly.
    #[serde(default)]
    pub cancelled: bool,
}

/// `order.changed.v1`: `requested` marks a customer's wish that is not applied yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct OrderChanged {
    pub order_id: String,
    #[serde(default)]
    pub revision: Option<u32>,
    #[serde(default)]
    pub by: Option<String>,
    /// `true`: the customer asks for it and the order still stands as it was; `false`: it is done.
    #[serde(default)]
    pub requested: bool,
    #[serde(default)]
    pub ship_to: Option<String>,
    #[serde(default)]
    pub warehouse_id: Option<String>,
    #[serde(default)]
    pub carrier_id: Option<String>,
    #[serde(default)]
    pub lines: Vec<LineChange>,
}

/// `order.cancelled.v1`: the whole order, or one line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct OrderCancelled {
    pub order_id: String,
    #[serde(default)]
    pub line_no: Option<u32>,
    #[serde(default)]
    pub revision: Option<u32>,
    #[serde(default)]
    pub by: Option<String>,
    #[serde(default)]
    pub reason: Option<String>,
}

/// `order.promised.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct OrderPromised {
    pub order_id: String,
    pub line_no: u32,
    pub promised_ship_at: Timestamp,
}

/// How far an order or line has come; the order of variants is the order of progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names are the contract's")]
pub enum OrderStatus {
    Received,
    Validated,
    Allocated,
    Released,
    Picked,
    Packed,
    Shipped,
    Delivered,
    Invoiced,
}

/// `order.status.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct OrderStatusChanged {
    pub order_id: String,
    #[serde(default)]
    pub line_no: Option<u32>,
    pub status: OrderStatus,
    pub at: Timestamp,
}

/// `inventory.position.v1`: `available` is what no order has been allocated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct InventoryPosition {
    pub sku: String,
    pub warehouse_id: String,
    #[schema(value_type = String)]
    #[serde(default)]
    pub on_hand: Option<Decimal>,
    #[schema(value_type = String)]
    pub available: Decimal,
    #[serde(default)]
    pub next_receipt_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    pub next_receipt_quantity: Option<Decimal>,
}

/// `purchase_order.upserted.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct PurchaseOrder {
    pub purchase_order_id: String,
    pub supplier_id: String,
    pub sku: String,
    #[schema(value_type = String)]
    pub quantity: Decimal,
    #[serde(default)]
    pub due_at: Option<Timestamp>,
    #[serde(default)]
    pub confirmed_at: Option<Timestamp>,
    #[serde(default)]
    pub affects_orders: Vec<String>,
}

/// `shipment.milestone.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct ShipmentMilestone {
    pub shipment_id: String,
    pub order_id: String,
    #[serde(default)]
    pub carrier_id: Option<String>,
    #[serde(default)]
    pub tracking_number: Option<String>,
    /// The carrier's own code.
    #[serde(default)]
    pub code: Option<String>,
    /// Group of codes, such as `in_transit` or `exception`.
    #[serde(default)]
    pub category: Option<String>,
    pub milestone: Milestone,
    pub at: Timestamp,
    #[serde(default)]
    pub estimated_at: Option<Timestamp>,
    #[serde(default)]
    pub detail: Option<String>,
}

/// Normalised shipment milestones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names say it")]
pub enum Milestone {
    Booked,
    PickupScheduled,
    PickupMissed,
    PickedUp,
    InTransit,
    Delayed,
    OutForDelivery,
    DeliveryFailed,
    Delivered,
}

/// Kinds of `finance.condition.v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names are the contract's")]
pub enum FinanceKind {
    CreditHeld,
    CreditReleased,
    InvoiceBlocked,
    InvoiceReleased,
    PaymentReceived,
}

/// `finance.condition.v1`: about an order, or about a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct FinanceCondition {
    #[serde(default)]
    pub order_id: Option<String>,
    #[serde(default)]
    pub customer_id: Option<String>,
    pub kind: FinanceKind,
    #[serde(default)]
    pub amount: Option<Money>,
    #[serde(default)]
    pub invoice_number: Option<String>,
}

/// `integration.failed.v1`; `resolved` tells that a later attempt went through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct IntegrationFailed {
    pub system: String,
    pub interface: String,
    pub document_type: String,
    #[serde(default)]
    pub order_id: Option<String>,
    #[serde(default)]
    pub error_code: Option<String>,
    #[serde(default)]
    pub detail: Option<String>,
    #[serde(default)]
    pub attempt: Option<u32>,
    #[serde(default)]
    pub resolved: bool,
}

/// `exception.raised.v1`: an upstream system says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct ExceptionRaised {
    pub order_id: String,
    #[serde(default)]
    pub line_no: Option<u32>,
    pub category: Category,
    #[serde(default)]
    pub detail: Option<String>,
    #[serde(default)]
    pub attributes: Map<String, Value>,
}

/// `exception.cleared.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct ExceptionCleared {
    pub order_id: String,
    #[serde(default)]
    pub line_no: Option<u32>,
    pub category: Category,
    #[serde(default)]
    pub detail: Option<String>,
}

/// Who sent a message, from the envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct Sender {
    #[serde(default)]
    pub role: Option<SenderRole>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub email: Option<String>,
}

impl Sender {
    /// Its name, else its address.
    #[must_use]
    pub fn called(&self) -> Option<&str> {
        self.name.as_deref().or(self.email.as_deref())
    }
}

/// `message.received.v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct MessageReceived {
    pub channel: Channel,
    pub from: Sender,
    #[serde(default)]
    pub subject: Option<String>,
    pub body: String,
    #[serde(default)]
    pub in_reply_to: Option<String>,
    #[serde(default)]
    pub references: Vec<String>,
    /// The mail's own Message-ID, so that replies can be threaded.
    #[serde(default)]
    pub message_id: Option<String>,
    /// When the sender sent it; the event's time where missing.
    #[serde(default)]
    pub sent_at: Option<Timestamp>,
    /// Files that came with it: kept and shown, not read as the message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// Texts that its HTML hides from a reader's eyes: told, never read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<String>,
}

/// A file that came with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// Its file name, or the subject of a forwarded mail, where it has one.
    #[serde(default)]
    pub name: Option<String>,
    /// Its text, where it is plain text or a mail.
    #[serde(default)]
    pub text: Option<String>,
}

/// `action.executed.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct ActionExecuted {
    pub order_id: String,
    #[serde(default)]
    pub line_no: Option<u32>,
    #[serde(default)]
    pub proposal_id: Option<String>,
    pub action: String,
    #[serde(default)]
    pub receipt: Option<Value>,
}

/// `action.failed.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct ActionFailed {
    pub order_id: String,
    #[serde(default)]
    pub line_no: Option<u32>,
    #[serde(default)]
    pub proposal_id: Option<String>,
    pub action: String,
    #[serde(default)]
    pub error: Option<Value>,
}

/// `outcome.recorded.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct OutcomeRecorded {
    pub order_id: String,
    pub line_no: u32,
    #[serde(default)]
    pub shipped_at: Option<Timestamp>,
    pub missed: bool,
    #[serde(default)]
    pub split: bool,
    #[serde(default)]
    pub costs: std::collections::BTreeMap<String, Money>,
}
