//! Canonical objects beside orders: the document kinds that events are folded into.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::message::closed_set;

closed_set! {
    /// Kinds of canonical objects; each is stored as one document under (kind, key). An account is what finance says of a
    /// customer as a whole, a supply the purchase orders of one item, an interface a link to another system.
    ObjectKind {
        Customer = "customer",
        Supplier = "supplier",
        Carrier = "carrier",
        Warehouse = "warehouse",
        Item = "item",
        Position = "position",
        PurchaseOrder = "purchase_order",
        Order = "order",
        Message = "message",
        Account = "account",
        Supply = "supply",
        Interface = "interface",
    }
}

/// The key of a stock position.
#[must_use]
pub fn position_key(sku: &str, warehouse_id: &str) -> String {
    format!("{sku}@{warehouse_id}")
}

/// The form in which references are stored and looked up: upper case, only letters and digits.
#[must_use]
pub fn normalised(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}
