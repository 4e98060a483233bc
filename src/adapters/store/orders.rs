//! Writing an order with everything that finds it: its lines, its references and the actions that were carried out on it.
//!
//! Guarantee: the indexes change in the statement group that writes the document. Events are never taken back, so lines,
//! references and actions only ever come or change: one upsert per table suffices.

use std::collections::{BTreeMap, BTreeSet};

use super::Tx;
use super::cases::line_column;
use super::sql::{Argument, Row, Sql, json};
use crate::domain::action::ActionKind;
use crate::domain::message::EntityType;
use crate::domain::order::{Line, Order};
use crate::domain::party::{self, ObjectKind, normalised};
use crate::ports::store::StoreError;
use crate::ports::store::objects::Demand;

/// Rows in one statement, far below both databases' limit on arguments.
const ROWS_MAX: usize = 500;

/// Writes `order` where the stored revision still is `revision` (0: not there yet).
pub(super) async fn put(tx: &mut Tx, order: &Order, revision: i64) -> Result<(), StoreError> {
    put_document(tx, order, revision).await?;
    put_lines(tx, order).await?;
    put_actions(tx, order).await?;
    add_references(tx, ObjectKind::Order, &order.order_id, &references(order)).await
}

/// Open lines that want `sku` from `warehouse_id`, by promise.
pub(super) async fn demand(tx: &mut Tx, sku: &str, warehouse_id: &str) -> Result<Vec<Demand>, StoreError> {
    let sql = Sql::new(
        "order_lines",
        "SELECT order_id, line_no, quantity, promised_ship_at, placed_at FROM order_lines \
         WHERE wants_stock = 1 AND sku = $1 AND warehouse_id = $2 ORDER BY promised_ship_at, placed_at, order_id, line_no",
    );
    let wanted = |row: &Row| {
        Ok(Demand {
            order_id: row.text(0)?,
            line_no: row.number(1)?,
            quantity: row.parsed(2)?,
            promised_ship_at: row.optional_time(3)?,
            placed_at: row.time(4)?,
        })
    };
    sql.bind(sku).bind(warehouse_id).rows(tx).await?.iter().map(wanted).collect()
}

/// Adds references of one object; known ones stay.
pub(super) async fn add_references(
    tx: &mut Tx,
    object: ObjectKind,
    key: &str,
    references: &[(&str, String)],
) -> Result<(), StoreError> {
    for chunk in references.chunks(ROWS_MAX) {
        let rows = chunk.iter().map(|(entity, normalised)| {
            let (tail, object) = (Argument::from(party::tail(normalised)), Argument::from(object.name()));
            [Argument::from(normalised), Argument::from(*entity), object, Argument::from(key), tail]
        });
        let into = "INSERT INTO object_references (normalised, entity, object_kind, object_key, tail) ";
        Sql::new("object_references", into)
            .tuples("VALUES ", rows)
            .push(" ON CONFLICT (normalised, entity, object_kind, object_key) DO NOTHING")
            .run(tx)
            .await?;
        let shapes: BTreeSet<(String, &str)> =
            chunk.iter().map(|(entity, normalised)| (party::shape(normalised), *entity)).collect();
        let rows = shapes.into_iter().map(|(shape, entity)| [Argument::from(shape), Argument::from(entity)]);
        Sql::new("reference_shapes", "INSERT INTO reference_shapes (shape, entity) ")
            .tuples("VALUES ", rows)
            .push(" ON CONFLICT (shape, entity) DO NOTHING")
            .run(tx)
            .await?;
    }
    Ok(())
}

async fn put_document(tx: &mut Tx, order: &Order, revision: i64) -> Result<(), StoreError> {
    let sql = if revision == 0 {
        Sql::new(
            "orders",
            "INSERT INTO orders (customer_id, carrier_id, placed_at, live, as_of, revision, document, order_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (order_id) DO NOTHING",
        )
    } else {
        Sql::new(
            "orders",
            "UPDATE orders SET customer_id = $1, carrier_id = $2, placed_at = $3, live = $4, as_of = $5, \
             revision = $6, document = $7 WHERE order_id = $8 AND revision = $9",
        )
    };
    let sql = sql
        .bind(&order.customer_id)
        .bind(carrier(order))
        .bind(order.placed_at)
        .bind(order.is_live())
        .bind(order.last.0)
        .bind(revision + 1)
        .bind(json("orders", order)?)
        .bind(&order.order_id);
    let sql = if revision == 0 { sql } else { sql.bind(revision) };
    sql.run_or_conflict(tx, &order.order_id).await
}

/// The carrier that the order names, else that of its newest shipment.
fn carrier(order: &Order) -> Option<&str> {
    let shipped = || order.shipments.values().filter(|s| s.carrier_id.is_some()).max_by_key(|s| s.at);
    order.carrier_id.as_deref().or_else(|| shipped().and_then(|s| s.carrier_id.as_deref()))
}

async fn put_lines(tx: &mut Tx, order: &Order) -> Result<(), StoreError> {
    // One row per number, the first as in `Order::line`: a statement cannot write one row twice.
    let mut lines: BTreeMap<u32, &Line> = BTreeMap::new();
    for line in &order.lines {
        lines.entry(line.line_no).or_insert(line);
    }
    let lines: Vec<&Line> = lines.into_values().collect();
    for chunk in lines.chunks(ROWS_MAX) {
        Sql::new(
            "order_lines",
            "INSERT INTO order_lines (order_id, line_no, sku, warehouse_id, quantity, promised_ship_at, placed_at, live, \
             wants_stock) ",
        )
        .tuples("VALUES ", chunk.iter().map(|line| line_row(order, line)))
        .push(
            " ON CONFLICT (order_id, line_no) DO UPDATE SET sku = excluded.sku, warehouse_id = excluded.warehouse_id, \
             quantity = excluded.quantity, promised_ship_at = excluded.promised_ship_at, placed_at = excluded.placed_at, \
             live = excluded.live, wants_stock = excluded.wants_stock",
        )
        .run(tx)
        .await?;
    }
    Ok(())
}

fn line_row(order: &Order, line: &Line) -> [Argument; 9] {
    [
        Argument::from(&order.order_id),
        Argument::from(line.line_no),
        Argument::from(&line.sku),
        Argument::from(order.warehouse_of(line)),
        Argument::from(line.quantity.to_string()),
        Argument::from(line.promised_ship_at()),
        Argument::from(order.placed_at),
        Argument::from(order.is_live()),
        Argument::from(!order.cancelled && line.is_open() && !line.is_allocated()),
    ]
}

/// Actions of the catalogue that were carried out; names that it does not know teach nothing.
async fn put_actions(tx: &mut Tx, order: &Order) -> Result<(), StoreError> {
    let known = |action: &str| ActionKind::parse(action).is_some();
    let done: Vec<_> = order.actions.iter().filter(|done| !done.failed && known(&done.action)).collect();
    for chunk in done.chunks(ROWS_MAX) {
        let rows = chunk.iter().map(|done| {
            let line_no = Argument::from(line_column(done.line_no));
            [Argument::from(&order.order_id), line_no, Argument::from(done.at), Argument::from(&done.action)]
        });
        Sql::new("order_actions", "INSERT INTO order_actions (order_id, line_no, happened_at, action) ")
            .tuples("VALUES ", rows)
            .push(" ON CONFLICT (order_id, line_no, happened_at, action) DO NOTHING")
            .run(tx)
            .await?;
    }
    Ok(())
}

/// What a text may call this order by, normalised.
fn references(order: &Order) -> Vec<(&'static str, String)> {
    let tracking = order.shipments.values().filter_map(|s| s.tracking_number.as_deref());
    let named = std::iter::once((EntityType::OrderNo, order.order_id.as_str()))
        .chain(order.po_number.as_deref().map(|text| (EntityType::PoNumber, text)))
        .chain(tracking.map(|text| (EntityType::TrackingNumber, text)))
        .chain(order.finance.invoices.iter().map(|text| (EntityType::InvoiceNumber, text.as_str())));
    named.map(|(entity, text)| (entity.name(), normalised(text))).filter(|(_, text)| !text.is_empty()).collect()
}
