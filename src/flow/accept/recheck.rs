//! Which other orders an event concerns: those that compete for stock, belong to a customer, or hold an item.
//!
//! Guarantee: the first [`AT_ONCE`] of them are looked at in the event's own transaction, the others by the next sweep; so
//! one event never holds the store for long and none is forgotten.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::detect::{Cause, reconcile_order};
use crate::domain::order::Order;
use crate::domain::party::{ObjectKind, position_key};
use crate::domain::payload::InventoryPosition;
use crate::flow::error::FlowError;
use crate::flow::objects;
use crate::flow::services::{Ctx, Services};
use crate::ports::store::{StoreError, Transaction};

/// Orders that are looked at with the event.
const AT_ONCE: usize = 20;

/// Orders that one event may concern; beyond it only a direct event on the order helps.
pub(super) const CONCERNED_MAX: u32 = 10_000;

/// Looks again at `orders`.
pub(super) async fn orders(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    orders: &[String],
    cause: Cause<'_>,
) -> Result<(), FlowError> {
    let (now, later) = orders.split_at(orders.len().min(AT_ONCE));
    for order_id in now {
        if let Some((order, _)) = tx.order(order_id).await? {
            reconcile_order(services, tx, ctx, &order, cause).await?;
        }
    }
    for order_id in later {
        tx.set_next_check(order_id, Some(ctx.now)).await?;
    }
    Ok(())
}

/// Looks again at the orders that want an item of a warehouse whose availability changed. Where there is enough for all
/// before and after, nothing can have changed.
pub(super) async fn position(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    (before, after): (Option<&InventoryPosition>, &InventoryPosition),
    cause: Cause<'_>,
) -> Result<(), FlowError> {
    let demand = tx.demand(&after.sku, &after.warehouse_id).await?;
    let wanted: Decimal = demand.iter().map(|d| d.quantity).sum();
    let had_enough = before.is_some_and(|b| b.available >= wanted);
    if demand.is_empty()
        || before.is_some_and(|b| b.available == after.available)
        || (had_enough && after.available >= wanted)
    {
        return Ok(());
    }
    orders(services, tx, ctx, &distinct(demand.into_iter().map(|d| d.order_id), ""), cause).await
}

/// Looks again at the orders that compete with this one where what it wants changed and there is not enough for all.
pub(super) async fn competitors(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    (before, after): (Option<&Order>, &Order),
    cause: Cause<'_>,
) -> Result<(), FlowError> {
    let was = before.map(wants).unwrap_or_default();
    let is = wants(after);
    let keys: std::collections::BTreeSet<_> = was.keys().chain(is.keys()).cloned().collect();
    for key in keys.into_iter().filter(|key| was.get(key) != is.get(key)) {
        let most = sum(was.get(&key)).max(sum(is.get(&key)));
        let others = contested(tx, &key, &after.order_id, most).await?;
        orders(services, tx, ctx, &others, cause).await?;
    }
    Ok(())
}

type Wants = BTreeMap<(String, String), Vec<(u32, Decimal, Option<jiff::Timestamp>)>>;

/// What an order's unallocated open lines want, by item and warehouse.
fn wants(order: &Order) -> Wants {
    let mut wants = Wants::new();
    if order.cancelled {
        return wants;
    }
    for line in order.lines.iter().filter(|l| l.is_open() && !l.is_allocated()) {
        if let Some(warehouse) = order.warehouse_of(line) {
            let key = (line.sku.clone(), warehouse.to_owned());
            wants.entry(key).or_default().push((line.line_no, line.quantity, line.promised_ship_at()));
        }
    }
    wants
}

fn sum(wanted: Option<&Vec<(u32, Decimal, Option<jiff::Timestamp>)>>) -> Decimal {
    wanted.into_iter().flatten().map(|(_, quantity, _)| *quantity).sum()
}

/// The other orders that want the item, where it does not suffice for them and `own`.
async fn contested(
    tx: &mut dyn Transaction,
    (sku, warehouse): &(String, String),
    order_id: &str,
    own: Decimal,
) -> Result<Vec<String>, StoreError> {
    let mut demand = tx.demand(sku, warehouse).await?;
    demand.retain(|d| d.order_id != order_id);
    if demand.is_empty() {
        return Ok(Vec::new());
    }
    let position = objects::read::<InventoryPosition>(tx, ObjectKind::Position, &position_key(sku, warehouse)).await?;
    let wanted: Decimal = demand.iter().map(|d| d.quantity).sum();
    match position {
        Some(position) if position.data.available < wanted + own => {
            Ok(distinct(demand.into_iter().map(|d| d.order_id), order_id))
        }
        _ => Ok(Vec::new()),
    }
}

fn distinct(ids: impl Iterator<Item = String>, except: &str) -> Vec<String> {
    let mut seen = Vec::new();
    for id in ids {
        if id != except && !seen.contains(&id) {
            seen.push(id);
        }
    }
    seen
}
