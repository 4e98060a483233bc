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

/// Last characters of a normalised number by which its abbreviations find it.
pub const TAIL: usize = 4;

/// The last [`TAIL`] characters of a normalised number; all of a shorter one.
#[must_use]
pub fn tail(normalised: &str) -> &str {
    let at = normalised.char_indices().rev().nth(TAIL - 1).map_or(0, |(at, _)| at);
    &normalised[at..]
}

/// The shape of a normalised number: its letters, and a 9 for every digit.
#[must_use]
pub fn shape(normalised: &str) -> String {
    normalised.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect()
}

/// Runs of an item number's parts, normalised, that people call it by: `62052RS` and `6205` of `BRG-6205-2RS`.
#[must_use]
pub fn item_parts(item: &str) -> Vec<String> {
    let parts: Vec<String> = item.split(|c: char| !c.is_alphanumeric()).map(normalised).collect();
    let whole = parts.len();
    let runs = (0..whole).flat_map(|from| (from + 1..=whole).map(move |to| (from, to)));
    let runs = runs.filter(|(from, to)| to - from < whole).map(|(from, to)| parts[from..to].concat());
    let digits = |run: &String| run.bytes().filter(u8::is_ascii_digit).count();
    runs.filter(|run| run.len() >= 3 && digits(run) >= 2).collect()
}
