//! Stock and supply facts of a line: its position, who comes first, other warehouses, substitutes, the next purchase order.

use std::cmp::Reverse;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::build::{Cites, float, hours_until};
use super::{AlternateFacts, PurchaseOrderFacts, StockFacts, SubstituteFacts};
use crate::domain::order::{Line, Order};
use crate::domain::party::{ObjectKind, position_key};
use crate::domain::payload::{InventoryPosition, Item};
use crate::flow::objects::{self, Cited, Supply};
use crate::ports::store::objects::Demand;
use crate::ports::store::{StoreError, Transaction};

pub(super) async fn stock(
    tx: &mut dyn Transaction,
    (order, line): (&Order, &Line),
    now: Timestamp,
    cites: &mut Cites,
) -> Result<Option<StockFacts>, StoreError> {
    let Some(warehouse) = order.warehouse_of(line) else { return Ok(None) };
    let mut positions: Vec<Cited<InventoryPosition>> = Vec::new();
    for (key, object) in tx.positions_of(&line.sku).await? {
        positions.push(objects::parse(ObjectKind::Position, &key, &object.document)?);
    }
    let Some(here) = positions.iter().find(|p| p.data.warehouse_id == warehouse) else { return Ok(None) };
    let elsewhere = positions
        .iter()
        .filter(|p| p.data.warehouse_id != warehouse && p.data.available > Decimal::ZERO)
        .min_by_key(|p| (Reverse(p.data.available), &p.data.warehouse_id));
    let (ahead, competitors) = ahead_of(order, line, &tx.demand(&line.sku, warehouse).await?);
    let available = here.data.available;
    let conflict = line.quantity.min(line.quantity + ahead - available).max(Decimal::ZERO);
    cites.insert("stock".to_owned(), here.cite.clone());
    if let Some(other) = elsewhere {
        cites.insert("stock.alternate".to_owned(), other.cite.clone());
    }
    Ok(Some(StockFacts {
        warehouse_id: warehouse.to_owned(),
        on_hand: here.data.on_hand.map(float),
        available: float(available),
        next_receipt_in_h: here.data.next_receipt_at.map(|at| hours_until(at, now)),
        next_receipt_quantity: here.data.next_receipt_quantity.map(float),
        demand_ahead: float(ahead),
        competitors,
        shortfall: float((line.quantity - available).max(Decimal::ZERO)),
        conflict: float(conflict),
        alternate: elsewhere
            .map(|p| AlternateFacts { warehouse_id: p.data.warehouse_id.clone(), available: float(p.data.available) }),
    }))
}

/// What lines that come before this one want, and the other orders that want it.
fn ahead_of(order: &Order, line: &Line, demand: &[Demand]) -> (Decimal, Vec<String>) {
    let due = |at: Option<Timestamp>| at.unwrap_or(Timestamp::MAX);
    let own = (due(line.promised_ship_at()), order.placed_at, order.order_id.as_str(), line.line_no);
    let mut sum = Decimal::ZERO;
    let mut competitors = Vec::new();
    for other in demand {
        if (due(other.promised_ship_at), other.placed_at, other.order_id.as_str(), other.line_no) < own {
            sum += other.quantity;
            if other.order_id != order.order_id && !competitors.contains(&other.order_id) {
                competitors.push(other.order_id.clone());
            }
        }
    }
    competitors.sort();
    (sum, competitors)
}

/// The substitute of `item` with most stock in the line's warehouse.
pub(super) async fn substitute(
    tx: &mut dyn Transaction,
    item: &Item,
    warehouse: Option<&str>,
    cites: &mut Cites,
) -> Result<Option<SubstituteFacts>, StoreError> {
    let Some(warehouse) = warehouse else { return Ok(None) };
    let mut best: Option<Cited<InventoryPosition>> = None;
    for sku in &item.substitutes {
        let found = objects::read(tx, ObjectKind::Position, &position_key(sku, warehouse)).await?;
        let least = best.as_ref().map_or(Decimal::ZERO, |b| b.data.available);
        best = found.filter(|p: &Cited<InventoryPosition>| p.data.available > least).or(best);
    }
    Ok(best.map(|position| {
        cites.insert("item.substitute".to_owned(), position.cite);
        SubstituteFacts { sku: position.data.sku, available: float(position.data.available) }
    }))
}

pub(super) async fn purchase_order(
    tx: &mut dyn Transaction,
    (order, line): (&Order, &Line),
    now: Timestamp,
    cites: &mut Cites,
) -> Result<Option<PurchaseOrderFacts>, StoreError> {
    let supply: Supply = objects::read_folded(tx, ObjectKind::Supply, &line.sku).await?;
    Ok(supply.next_for(&order.order_id, now).map(|(number, incoming)| {
        cites.insert("purchase_order".to_owned(), incoming.cite.clone());
        PurchaseOrderFacts {
            purchase_order_id: number.clone(),
            supplier_id: incoming.supplier_id.clone(),
            quantity: float(incoming.quantity),
            due_in_h: incoming.due_at.map(|at| hours_until(at, now)),
            confirmed: incoming.confirmed,
        }
    }))
}
