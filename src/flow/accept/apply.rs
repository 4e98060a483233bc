//! What an event does to canonical state: which object it is about, how that changes, and who must be looked at again.
//!
//! Guarantees: master data is replaced only by newer events; an order is folded so that the order of arrival does not
//! matter, and events that come before its placement wait for it. Non-goals: understanding the input; see `envelope`.

use serde_json::json;

use super::detect::{Cause, reconcile_order};
use super::{messages, recheck};
use crate::domain::event::Event;
use crate::domain::message::EntityType;
use crate::domain::order::{Line, Order};
use crate::domain::party::{ObjectKind, normalised, position_key};
use crate::domain::payload::{Customer, FinanceCondition, InventoryPosition, Item, Payload, PurchaseOrder};
use crate::flow::assess;
use crate::flow::cases::Telling;
use crate::flow::error::FlowError;
use crate::flow::execute::incident;
use crate::flow::learn::{archive, outcome, promise};
use crate::flow::objects::{self, Account, Supply};
use crate::flow::services::{Ctx, Services};
use crate::ports::store::Transaction;

/// The object that an event is about, under which it is filed.
pub(super) fn object_of(event: &Event) -> (ObjectKind, String) {
    use ObjectKind as Kind;
    let (kind, key) = match &event.payload {
        Payload::Customer(c) => (Kind::Customer, &c.customer_id),
        Payload::Supplier(s) => (Kind::Supplier, &s.supplier_id),
        Payload::Carrier(site) => (Kind::Carrier, &site.id),
        Payload::Warehouse(site) => (Kind::Warehouse, &site.id),
        Payload::Item(item) => (Kind::Item, &item.sku),
        Payload::PurchaseOrder(p) => (Kind::PurchaseOrder, &p.purchase_order_id),
        Payload::InventoryPosition(p) => return (Kind::Position, position_key(&p.sku, &p.warehouse_id)),
        Payload::MessageReceived(_) => return (Kind::Message, messages::id_of(event).to_string()),
        Payload::FinanceCondition(FinanceCondition { order_id: None, customer_id, .. }) => {
            return (Kind::Account, customer_id.clone().unwrap_or_default());
        }
        Payload::IntegrationFailed(f) if f.order_id.is_none() => {
            return (Kind::Interface, format!("{}/{}", f.system, f.interface));
        }
        payload => return (Kind::Order, order_of(payload).unwrap_or_default().to_owned()),
    };
    (kind, key.clone())
}

/// The order that an order event is about.
fn order_of(payload: &Payload) -> Option<&str> {
    match payload {
        Payload::OrderPlaced(e) => Some(&e.order_id),
        Payload::OrderChanged(e) => Some(&e.order_id),
        Payload::OrderCancelled(e) => Some(&e.order_id),
        Payload::OrderPromised(e) => Some(&e.order_id),
        Payload::OrderStatus(e) => Some(&e.order_id),
        Payload::ShipmentMilestone(e) => Some(&e.order_id),
        Payload::FinanceCondition(e) => e.order_id.as_deref(),
        Payload::IntegrationFailed(e) => e.order_id.as_deref(),
        Payload::ExceptionRaised(e) => Some(&e.order_id),
        Payload::ExceptionCleared(e) => Some(&e.order_id),
        Payload::ActionExecuted(e) => Some(&e.order_id),
        Payload::ActionFailed(e) => Some(&e.order_id),
        Payload::OutcomeRecorded(e) => Some(&e.order_id),
        _ => None,
    }
}

/// Applies a recorded event.
pub(super) async fn apply(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    event: &Event,
    cause: Cause<'_>,
) -> Result<(), FlowError> {
    let (kind, key) = object_of(event);
    match &event.payload {
        Payload::Customer(customer) => customer_upserted(services, tx, ctx, (customer, event), cause).await,
        Payload::Item(item) => item_upserted(services, tx, ctx, (item, event), cause).await,
        Payload::PurchaseOrder(order) => purchase_order(services, tx, ctx, (order, event), cause).await,
        Payload::Supplier(supplier) => Ok(objects::replace(tx, kind, &key, supplier, event).await.map(drop)?),
        Payload::Carrier(site) | Payload::Warehouse(site) => {
            Ok(objects::replace(tx, kind, &key, site, event).await.map(drop)?)
        }
        Payload::InventoryPosition(position) => {
            let (before, newer): (Option<InventoryPosition>, bool) =
                objects::replace(tx, kind, &key, position, event).await?;
            if newer {
                recheck::position(services, tx, ctx, (before.as_ref(), position), cause).await?;
            }
            Ok(())
        }
        Payload::FinanceCondition(condition) if condition.order_id.is_none() => {
            let changed =
                objects::amend(tx, kind, &key, event.time, |account: &mut Account| account.apply(condition, event));
            if changed.await? {
                let orders = tx.orders_of_customer(&key, recheck::CONCERNED_MAX).await?;
                recheck::orders(services, tx, ctx, &orders, cause).await?;
            }
            Ok(())
        }
        Payload::IntegrationFailed(failure) if failure.order_id.is_none() => {
            // It concerns no order, so it is no exception of one: an incident waits for its owner instead.
            let detail = json!({ "event": event.reference, "failure": failure });
            tx.append_audit(ctx.audit("integration.failed", format!("interface:{key}"), detail)).await?;
            match cause.telling {
                Telling::Told => incident::of_interface(tx, ctx, &key, failure).await,
                Telling::Silent => Ok(()),
            }
        }
        Payload::MessageReceived(message) => messages::file(tx, ctx, event, message).await,
        _ => order_event(services, tx, ctx, (event, &key), cause).await,
    }
}

async fn customer_upserted(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    (customer, event): (&Customer, &Event),
    cause: Cause<'_>,
) -> Result<(), FlowError> {
    let key = &customer.customer_id;
    let (before, newer): (Option<Customer>, bool) =
        objects::replace(tx, ObjectKind::Customer, key, customer, event).await?;
    let credit = |c: &Customer| (c.credit_limit.clone(), c.credit_exposure.clone());
    if newer && before.as_ref().map(credit) != Some(credit(customer)) {
        let orders = tx.orders_of_customer(key, recheck::CONCERNED_MAX).await?;
        recheck::orders(services, tx, ctx, &orders, cause).await?;
    }
    Ok(())
}

async fn item_upserted(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    (item, event): (&Item, &Event),
    cause: Cause<'_>,
) -> Result<(), FlowError> {
    let (before, newer): (Option<Item>, bool) = objects::replace(tx, ObjectKind::Item, &item.sku, item, event).await?;
    let prices = |i: &Item| (i.list_price.clone(), i.contract_prices.clone());
    if newer && before.as_ref().map(prices) != Some(prices(item)) {
        let orders = tx.orders_with_sku(&item.sku, recheck::CONCERNED_MAX).await?;
        recheck::orders(services, tx, ctx, &orders, cause).await?;
    }
    Ok(())
}

/// Keeps the purchase order, shows it in its item's supply, and looks again at the orders that it says it affects.
async fn purchase_order(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    (order, event): (&PurchaseOrder, &Event),
    cause: Cause<'_>,
) -> Result<(), FlowError> {
    let number = &order.purchase_order_id;
    let (before, newer): (Option<PurchaseOrder>, bool) =
        objects::replace(tx, ObjectKind::PurchaseOrder, number, order, event).await?;
    if !newer {
        return Ok(());
    }
    if let Some(moved) = before.filter(|b| b.sku != order.sku) {
        let forget = |supply: &mut Supply| drop(supply.purchase_orders.remove(number));
        objects::amend(tx, ObjectKind::Supply, &moved.sku, event.time, forget).await?;
    }
    objects::amend(tx, ObjectKind::Supply, &order.sku, event.time, |supply: &mut Supply| supply.insert(order, event))
        .await?;
    let entity = EntityType::PurchaseOrderNo.name();
    tx.add_reference(entity, &normalised(number), ObjectKind::PurchaseOrder, number).await?;
    recheck::orders(services, tx, ctx, &order.affects_orders, cause).await
}

/// Folds an event into its order.
async fn order_event(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    (event, order_id): (&Event, &str),
    cause: Cause<'_>,
) -> Result<(), FlowError> {
    let mut stored = tx.order(order_id).await?;
    if stored.is_none() {
        // The audit entry comes first: it makes this transaction and one with the order's placement wait for each other,
        // so that one of them sees both events.
        let action = if matches!(event.payload, Payload::OrderPlaced(_)) { "order.placed" } else { "order.awaited" };
        let detail = json!({ "event": event.reference });
        tx.append_audit(ctx.audit(action, format!("order:{order_id}"), detail)).await?;
        stored = tx.order(order_id).await?;
    }
    let (before, order, revision) = match stored {
        Some((before, revision)) if before.is_next(event) => {
            let mut order = before.clone();
            order.apply(event);
            (Some(before), order, revision)
        }
        stored => {
            let Some(order) = Order::fold(&tx.events_of(ObjectKind::Order, order_id).await?) else { return Ok(()) };
            let revision = stored.as_ref().map_or(0, |(_, revision)| *revision);
            (stored.map(|(before, _)| before), order, revision)
        }
    };
    tx.put_order(&order, revision).await?;
    if before.is_none() {
        assess::case::snapshot(services, tx, &order, ctx.now).await?;
    }
    remember(services, tx, ctx, (before.as_ref(), &order), cause).await?;
    recheck::competitors(services, tx, ctx, (before.as_ref(), &order), cause).await
}

/// Finds the order's conditions and keeps what learning needs of it: a row of each case as it was found, also when the past
/// is only being loaded, and the outcome of each line that now has one.
async fn remember(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    (before, order): (Option<&Order>, &Order),
    cause: Cause<'_>,
) -> Result<(), FlowError> {
    let touched = reconcile_order(services, tx, ctx, order, cause).await?;
    if cause.telling == Telling::Silent && !touched.is_empty() {
        assess::case::keep_rows(services, tx, ctx, order).await?;
    }
    let ended = |line: &Line| line.outcome.is_some() || line.shipped_at.is_some();
    for line in order.lines.iter().filter(|line| ended(line)) {
        let was = before.and_then(|before| before.line(line.line_no));
        if was.is_some_and(|was| ended(was) && was.outcome == line.outcome) {
            continue;
        }
        if outcome::record(tx, ctx, order, line.line_no).await? {
            promise::hear(services, tx, order, line.line_no).await?;
        } else if !outcome::tell_costs(tx, &order.order_id, line).await? {
            continue;
        }
        archive::resolved(tx, ctx, &order.order_id, line.line_no).await?;
    }
    Ok(())
}
