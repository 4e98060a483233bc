//! Builds facts from canonical state.
//!
//! `cites` names the newest event behind each member: `order`, `order.ship_to`, `line`, `line.promise`, `line.status`,
//! `item`, `item.substitute`, `stock`, `stock.alternate`, `customer`, `credit`, `credit.payment`, `invoice`,
//! `integration`, `change`, `shipment`, `purchase_order`, `timetable.warehouse`, `timetable.carrier`, `timetable.supplier`. `credit` and `invoice` are cited when finance said anything of
//! them, also that they are released. Guarantee: reads through the given transaction only.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::{
    ChangeFacts, CustomerFacts, Facts, IntegrationFacts, ItemFacts, LineFacts, OrderFacts, ShipmentFacts, address,
    finance, stock, timetable,
};
use crate::domain::event::EventRef;
use crate::domain::money::Money;
use crate::domain::order::{Line, Order, Shipment};
use crate::domain::party::ObjectKind;
use crate::domain::payload::{Customer, Item, Milestone, OrderStatus};
use crate::domain::timetable::Timetable;
use crate::flow::objects::{self, Account};
use crate::ports::store::{StoreError, Transaction};

pub(super) type Cites = BTreeMap<String, EventRef>;

/// Facts of the order as a whole, then of each line that can still ship, be delivered or be invoiced.
///
/// # Errors
/// [`StoreError`].
pub async fn of_order(tx: &mut dyn Transaction, order: &Order, now: Timestamp) -> Result<Vec<Facts>, StoreError> {
    let whole = of_whole(tx, order, now).await?;
    let mut all = Vec::with_capacity(order.lines.len() + 1);
    for line in order.lines.iter().filter(|l| !l.cancelled && l.status < OrderStatus::Invoiced) {
        all.push(with_line(tx, order, line, &whole).await?);
    }
    all.insert(0, whole);
    Ok(all)
}

/// Facts of one line, whatever its state, or of the order as a whole; `None` when there is no such order or line.
///
/// # Errors
/// [`StoreError`].
pub async fn of_line(
    tx: &mut dyn Transaction,
    order_id: &str,
    line_no: Option<u32>,
    now: Timestamp,
) -> Result<Option<Facts>, StoreError> {
    let Some((order, _)) = tx.order(order_id).await? else { return Ok(None) };
    let whole = of_whole(tx, &order, now).await?;
    match line_no {
        None => Ok(Some(whole)),
        Some(number) => match order.line(number) {
            None => Ok(None),
            Some(line) => with_line(tx, &order, line, &whole).await.map(Some),
        },
    }
}

async fn of_whole(tx: &mut dyn Transaction, order: &Order, now: Timestamp) -> Result<Facts, StoreError> {
    let mut cites = Cites::new();
    let account: Account = objects::read_folded(tx, ObjectKind::Account, &order.customer_id).await?;
    let customer = customer(tx, order, &mut cites).await?;
    let credit = finance::credit(tx, (order, &account, customer.as_ref()), now, &mut cites).await?;
    let invoice = finance::invoice(tx, (order, &account), now, &mut cites).await?;
    let timetable = Timetable {
        warehouse: timetable::of_site(tx, ObjectKind::Warehouse, order.warehouse_id.as_deref(), &mut cites).await?,
        carrier: timetable::of_site(tx, ObjectKind::Carrier, order.carrier_id.as_deref(), &mut cites).await?,
        supplier: None,
    };
    let placed = order.cites.get("placed");
    let header = order.cites.get("cancelled").or(order.cites.get("change")).or(placed);
    cite(&mut cites, "order", header);
    cite(&mut cites, "order.ship_to", order.cites.get("ship_to").or(placed));
    Ok(Facts {
        now,
        order: order_facts(order, now),
        line: None,
        item: None,
        stock: None,
        customer,
        credit,
        invoice,
        integration: integration(order, now, &mut cites),
        change: change(order, None, now, &mut cites),
        shipment: shipment(order, now, &mut cites),
        purchase_order: None,
        timetable,
        cites,
    })
}

async fn with_line(tx: &mut dyn Transaction, order: &Order, line: &Line, whole: &Facts) -> Result<Facts, StoreError> {
    let now = whole.now;
    let mut facts = whole.clone();
    let cites = &mut facts.cites;
    let item = objects::read::<Item>(tx, ObjectKind::Item, &line.sku).await?;
    facts.stock = stock::stock(tx, (order, line), now, cites).await?;
    facts.purchase_order = stock::purchase_order(tx, (order, line), now, cites).await?;
    timetable::of_line(tx, &mut facts.timetable, order.warehouse_of(line), facts.purchase_order.as_ref(), cites)
        .await?;
    facts.item = match &item {
        None => None,
        Some(item) => {
            cites.insert("item".to_owned(), item.cite.clone());
            Some(ItemFacts {
                description: item.data.description.clone(),
                unit_of_measure: item.data.unit_of_measure.clone(),
                list_price: in_currency(item.data.list_price.as_ref(), &order.currency),
                substitute: stock::substitute(tx, &item.data, order.warehouse_of(line), cites).await?,
            })
        }
    };
    let placed = order.cites.get("placed");
    let aspect = |name: &str| order.cites.get(&format!("line:{}:{name}", line.line_no));
    cite(cites, "line", aspect("change").or(placed));
    cite(cites, "line.promise", aspect("promise").or(placed));
    cite(cites, "line.status", aspect("status").or(placed));
    facts.change = change(order, Some(line.line_no), now, cites);
    facts.line = Some(line_facts(order, line, item.as_ref().map(|i| &i.data), now));
    Ok(facts)
}

fn order_facts(order: &Order, now: Timestamp) -> OrderFacts {
    let kept: Vec<&Line> = order.lines.iter().filter(|l| !l.cancelled).collect();
    let lines = if kept.is_empty() { order.lines.iter().collect() } else { kept };
    let due_at = order.due_at();
    OrderFacts {
        order_id: order.order_id.clone(),
        customer_id: order.customer_id.clone(),
        po_number: order.po_number.clone(),
        channel: order.channel.clone(),
        currency: order.currency.clone(),
        ship_to: order.ship_to.clone(),
        ship_to_complete: order.ship_to.as_deref().is_some_and(address::is_complete),
        warehouse_id: order.warehouse_id.clone(),
        carrier_id: order.carrier_id.clone(),
        revision: order.revision,
        cancelled: order.cancelled,
        live: order.is_live(),
        value: order.value().to_f64(),
        line_count: count(order.lines.len()),
        open_lines: if order.cancelled { 0 } else { count(order.lines.iter().filter(|l| l.is_open()).count()) },
        status: lines.iter().map(|l| l.status).min().unwrap_or(OrderStatus::Received),
        placed_at: order.placed_at,
        due_at,
        age_h: hours(order.placed_at, now),
        due_in_h: due_at.map(|at| hours_until(at, now)),
        progress: lines.iter().map(|l| l.status as u8).max().unwrap_or(0),
    }
}

fn line_facts(order: &Order, line: &Line, item: Option<&Item>, now: Timestamp) -> LineFacts {
    let promised = line.promised_ship_at();
    let expected = item
        .and_then(|i| i.contract_prices.get(&order.customer_id).or(i.list_price.as_ref()))
        .filter(|price| price.currency == order.currency)
        .map(|price| price.amount);
    let gap = line.unit_price.zip(expected).map(|(price, expected)| price - expected);
    LineFacts {
        line_no: line.line_no,
        sku: line.sku.clone(),
        quantity: float(line.quantity),
        unit_price: line.unit_price.map(float),
        value: line.value().map(float),
        status: line.status,
        progress: line.status as u8,
        open: line.is_open() && !order.cancelled,
        allocated: line.is_allocated(),
        warehouse_id: order.warehouse_of(line).map(str::to_owned),
        requested_in_h: line.requested_ship_at.map(|at| hours_until(at, now)),
        promised_ship_at: promised,
        promised_in_h: promised.map(|at| hours_until(at, now)),
        promises: count(line.promises.len()),
        status_age_h: hours(line.status_at, now),
        expected_price: expected.map(float),
        price_accepted: line.price_accepted,
        price_gap: gap.zip(expected).and_then(|(gap, expected)| gap.checked_div(expected)).map(float),
        price_gap_amount: gap.map(|gap| float(gap * line.quantity)),
    }
}

async fn customer(
    tx: &mut dyn Transaction,
    order: &Order,
    cites: &mut Cites,
) -> Result<Option<CustomerFacts>, StoreError> {
    let known = objects::read::<Customer>(tx, ObjectKind::Customer, &order.customer_id).await?;
    Ok(known.map(|customer| {
        cites.insert("customer".to_owned(), customer.cite);
        CustomerFacts {
            credit_limit: in_currency(customer.data.credit_limit.as_ref(), &order.currency),
            credit_exposure: in_currency(customer.data.credit_exposure.as_ref(), &order.currency),
            name: customer.data.name,
            tier: customer.data.tier,
            payment_terms_days: customer.data.payment_terms_days,
        }
    }))
}

fn integration(order: &Order, now: Timestamp, cites: &mut Cites) -> Option<IntegrationFacts> {
    let (key, oldest) = order.integration.iter().min_by_key(|(key, issue)| (issue.since, *key))?;
    cite(cites, "integration", order.cites.get(&format!("integration:{key}")));
    Some(IntegrationFacts {
        system: oldest.system.clone(),
        interface: oldest.interface.clone(),
        document_type: oldest.document_type.clone(),
        error_code: oldest.error_code.clone(),
        detail: oldest.detail.clone(),
        attempt: oldest.attempt,
        since_h: hours(oldest.since, now),
        open: count(order.integration.len()),
    })
}

/// The wish of the customer; of its lines the one asked for, else the first.
fn change(order: &Order, line_no: Option<u32>, now: Timestamp, cites: &mut Cites) -> Option<ChangeFacts> {
    let wish = order.requested_change.as_ref()?;
    cite(cites, "change", order.cites.get("requested_change"));
    let released = |line: &&Line| !line.cancelled && line.status >= OrderStatus::Released;
    let touches = |line: &&Line| wish.ship_to.is_some() || wish.lines.iter().any(|w| w.line_no == line.line_no);
    let shown = wish.lines.iter().find(|w| Some(w.line_no) == line_no).or(wish.lines.first());
    Some(ChangeFacts {
        since_h: hours(wish.at, now),
        by: wish.by.clone(),
        after_release: order.lines.iter().filter(touches).any(|line| released(&line)),
        ship_to: wish.ship_to.clone(),
        line_no: shown.map(|w| w.line_no),
        quantity: shown.and_then(|w| w.quantity).map(float),
        requested_in_h: shown.and_then(|w| w.requested_ship_at).map(|at| hours_until(at, now)),
        cancels: shown.is_some_and(|w| w.cancelled),
    })
}

fn shipment(order: &Order, now: Timestamp, cites: &mut Cites) -> Option<ShipmentFacts> {
    let failed = |s: &Shipment| matches!(s.milestone, Milestone::PickupMissed | Milestone::DeliveryFailed);
    let (id, shipment) = order.shipments.iter().max_by_key(|(_, s)| (failed(s), s.at))?;
    cite(cites, "shipment", order.cites.get(&format!("shipment:{id}")));
    Some(ShipmentFacts {
        shipment_id: id.clone(),
        carrier_id: shipment.carrier_id.clone(),
        tracking_number: shipment.tracking_number.clone(),
        milestone: shipment.milestone,
        since_h: hours(shipment.at, now),
        overdue_h: shipment
            .estimated_at
            .filter(|_| shipment.milestone != Milestone::Delivered)
            .map(|at| hours(at, now)),
        detail: shipment.detail.clone(),
    })
}

fn cite(cites: &mut Cites, member: &str, event: Option<&EventRef>) {
    if let Some(event) = event {
        cites.insert(member.to_owned(), event.clone());
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

pub(super) fn float(number: Decimal) -> f64 {
    number.to_f64().unwrap_or(0.0)
}

/// The amount where it is in `currency`; amounts of another currency are not converted, so unknown.
pub(super) fn in_currency(amount: Option<&Money>, currency: &str) -> Option<f64> {
    amount.filter(|money| money.currency == currency).map(Money::to_f64)
}

/// Hours that have passed since `then`.
pub(super) fn hours(then: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(then).as_secs_f64() / 3600.0
}

/// Hours from now until `then`.
pub(in crate::flow) fn hours_until(then: Timestamp, now: Timestamp) -> f64 {
    hours(now, then)
}
