//! Canonical objects and references; orders, which have indexes of their own, are in [`super::orders`].

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use super::sql::{Argument, Row, Sql, json};
use super::{Tx, orders};
use crate::domain::order::Order;
use crate::domain::party::{ObjectKind, item_parts, normalised};
use crate::domain::words::{self, WordRole};
use crate::ports::store::StoreError;
use crate::ports::store::objects::{Demand, KnownNumber, Object, Objects, ReferenceHit, WordHit};

/// Rows in one statement, far below both databases' limit on arguments.
const ROWS_MAX: usize = 500;

#[async_trait]
impl Objects for Tx {
    async fn object(&mut self, kind: ObjectKind, key: &str) -> Result<Option<Object>, StoreError> {
        let sql = match kind {
            ObjectKind::Order => {
                Sql::new("orders", "SELECT order_id, document, as_of, revision FROM orders WHERE order_id = $1")
            }
            _ => Sql::new("objects", "SELECT key, document, as_of, revision FROM objects WHERE kind = $2 AND key = $1"),
        };
        let sql = sql.bind(key);
        let sql = if kind == ObjectKind::Order { sql } else { sql.bind(kind.name()) };
        sql.row(self).await?.as_ref().map(object).transpose()
    }

    async fn put_object(&mut self, kind: ObjectKind, key: &str, object: &Object) -> Result<(), StoreError> {
        if kind == ObjectKind::Order {
            // Whoever writes an order as a document must not leave its indexes behind.
            let order: Order = serde_json::from_value(object.document.clone()).map_err(|e| {
                StoreError::Inconsistent { table: "orders", row: key.to_owned(), message: e.to_string() }
            })?;
            return orders::put(self, &order, object.revision).await;
        }
        let sku = (kind == ObjectKind::Position).then(|| sku_of(key));
        let document = json("objects", &object.document)?;
        let sql = if object.revision == 0 {
            Sql::new(
                "objects",
                "INSERT INTO objects (sku, as_of, revision, document, kind, key) VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT (kind, key) DO NOTHING",
            )
        } else {
            Sql::new(
                "objects",
                "UPDATE objects SET sku = $1, as_of = $2, revision = $3, document = $4 \
                 WHERE kind = $5 AND key = $6 AND revision = $7",
            )
        };
        let sql = sql.bind(sku).bind(object.as_of).bind(object.revision + 1).bind(document).bind(kind.name()).bind(key);
        let sql = if object.revision == 0 { sql } else { sql.bind(object.revision) };
        sql.run_or_conflict(self, key).await?;
        if kind == ObjectKind::Item {
            let parts = item_parts(key).into_iter().map(|part| ("sku_part", part));
            let names: Vec<(&str, String)> = std::iter::once(("sku", normalised(key))).chain(parts).collect();
            orders::add_references(self, kind, key, &names).await?;
        }
        put_words(self, kind, key, &object.document).await
    }

    async fn objects_by_word(
        &mut self,
        roles: &[WordRole],
        words: &[String],
        limit: u32,
    ) -> Result<Vec<WordHit>, StoreError> {
        let mut found = Vec::new();
        for chunk in words.chunks(ROWS_MAX) {
            let roles = roles.iter().map(|role| role.name());
            let sql = Sql::new(
                "object_words",
                "SELECT key, word, role, kind FROM (SELECT word, role, kind, key, \
                 ROW_NUMBER() OVER (PARTITION BY word, role ORDER BY key DESC, kind) AS place FROM object_words WHERE word IN ",
            );
            let sql = sql.list("", chunk).list(" AND role IN ", roles).with(") AS w WHERE place <= ", limit);
            found.extend(word_hits(self, sql).await?);
        }
        found.sort();
        Ok(found)
    }

    async fn words_of(
        &mut self,
        kind: ObjectKind,
        role: WordRole,
        keys: &[String],
    ) -> Result<Vec<WordHit>, StoreError> {
        let mut found = Vec::new();
        for chunk in keys.chunks(ROWS_MAX) {
            let sql = Sql::new(
                "object_words",
                "SELECT key, word, role, kind FROM object_words WHERE kind = $1 AND role = $2 AND key IN ",
            );
            found.extend(word_hits(self, sql.bind(kind.name()).bind(role.name()).list("", chunk)).await?);
        }
        found.sort();
        Ok(found)
    }

    async fn positions_of(&mut self, sku: &str) -> Result<Vec<(String, Object)>, StoreError> {
        let sql = Sql::new("objects", "SELECT key, document, as_of, revision FROM objects WHERE sku = $1 ORDER BY key");
        let position = |row: &Row| {
            let key = row.text(0)?;
            let warehouse = key.get(sku.len() + 1..).ok_or_else(|| row.broken("not the key of a position"))?;
            Ok((warehouse.to_owned(), object(row)?))
        };
        sql.bind(sku).rows(self).await?.iter().map(position).collect()
    }

    async fn order(&mut self, order_id: &str) -> Result<Option<(Order, i64)>, StoreError> {
        let sql = Sql::new("orders", "SELECT order_id, document, revision FROM orders WHERE order_id = $1");
        let row = sql.bind(order_id).row(self).await?;
        row.map(|row| Ok((row.document(1)?, row.integer(2)?))).transpose()
    }

    async fn put_order(&mut self, order: &Order, revision: i64) -> Result<(), StoreError> {
        orders::put(self, order, revision).await
    }

    async fn demand(&mut self, sku: &str, warehouse_id: &str) -> Result<Vec<Demand>, StoreError> {
        orders::demand(self, sku, warehouse_id).await
    }

    async fn orders_of_customer(&mut self, customer_id: &str, limit: u32) -> Result<Vec<String>, StoreError> {
        Sql::new("orders", "SELECT order_id FROM orders WHERE live = 1 AND customer_id = $1")
            .bind(customer_id)
            .with(" ORDER BY placed_at DESC, order_id DESC LIMIT ", limit)
            .texts(self)
            .await
    }

    async fn every_order_of_customer(&mut self, customer_id: &str, limit: u32) -> Result<Vec<String>, StoreError> {
        Sql::new("orders", "SELECT order_id FROM orders WHERE customer_id = $1")
            .bind(customer_id)
            .with(" ORDER BY placed_at DESC, order_id DESC LIMIT ", limit)
            .texts(self)
            .await
    }

    async fn orders_of_customer_with_sku(
        &mut self,
        customer_id: &str,
        sku: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        Sql::new(
            "order_lines",
            "SELECT DISTINCT o.order_id, o.placed_at FROM orders o JOIN order_lines l ON l.order_id = o.order_id \
             WHERE o.customer_id = $1 AND l.sku = $2",
        )
        .bind(customer_id)
        .bind(sku)
        .with(" ORDER BY o.placed_at DESC, o.order_id DESC LIMIT ", limit)
        .texts(self)
        .await
    }

    async fn orders_of_carrier(&mut self, carrier_id: &str, limit: u32) -> Result<Vec<String>, StoreError> {
        Sql::new("orders", "SELECT order_id FROM orders WHERE live = 1 AND carrier_id = $1")
            .bind(carrier_id)
            .with(" ORDER BY placed_at DESC, order_id DESC LIMIT ", limit)
            .texts(self)
            .await
    }

    async fn orders_with_sku(&mut self, sku: &str, limit: u32) -> Result<Vec<String>, StoreError> {
        Sql::new("order_lines", "SELECT DISTINCT order_id, placed_at FROM order_lines WHERE live = 1 AND sku = $1")
            .bind(sku)
            .with(" ORDER BY placed_at DESC, order_id DESC LIMIT ", limit)
            .texts(self)
            .await
    }

    async fn orders_due_for_check(&mut self, now: Timestamp, limit: u32) -> Result<Vec<String>, StoreError> {
        Sql::new("orders", "SELECT order_id FROM orders WHERE live = 1 AND next_check_at <= $1")
            .bind(now)
            .with(" ORDER BY next_check_at, order_id LIMIT ", limit)
            .texts(self)
            .await
    }

    async fn set_next_check(&mut self, order_id: &str, at: Option<Timestamp>) -> Result<(), StoreError> {
        Sql::new("orders", "UPDATE orders SET next_check_at = $1 WHERE order_id = $2")
            .bind(at)
            .bind(order_id)
            .run(self)
            .await?;
        Ok(())
    }

    async fn resolve_reference(&mut self, normalised: &str) -> Result<Vec<ReferenceHit>, StoreError> {
        let sql = Sql::new(
            "object_references",
            "SELECT normalised, entity, object_kind, object_key FROM object_references WHERE normalised = $1 \
             ORDER BY entity, object_kind, object_key",
        );
        let hit = |row: &Row| {
            Ok(ReferenceHit { entity: row.text(1)?, object: row.member(2, ObjectKind::parse)?, key: row.text(3)? })
        };
        sql.bind(normalised).rows(self).await?.iter().map(hit).collect()
    }

    async fn known_numbers(&mut self, forms: &[String], tails: &[String]) -> Result<Vec<KnownNumber>, StoreError> {
        let mut found = Vec::new();
        for (column, values) in [(" WHERE normalised IN ", forms), (" WHERE tail IN ", tails)] {
            for chunk in values.chunks(ROWS_MAX) {
                let text = "SELECT normalised, entity, object_kind, object_key FROM object_references";
                let sql = Sql::new("object_references", text).list(column, chunk);
                for row in sql.push(" ORDER BY normalised, entity, object_kind, object_key").rows(self).await? {
                    let hit = ReferenceHit {
                        entity: row.text(1)?,
                        object: row.member(2, ObjectKind::parse)?,
                        key: row.text(3)?,
                    };
                    found.push(KnownNumber { normalised: row.text(0)?, hit });
                }
            }
        }
        Ok(found)
    }

    async fn number_shapes(&mut self, shapes: &[String]) -> Result<Option<Vec<(String, String)>>, StoreError> {
        let any = Sql::new("reference_shapes", "SELECT shape FROM reference_shapes LIMIT 1").texts(self).await?;
        if any.is_empty() {
            return Ok(None);
        }
        let mut found = Vec::new();
        for chunk in shapes.chunks(ROWS_MAX) {
            let sql = Sql::new("reference_shapes", "SELECT shape, entity FROM reference_shapes")
                .list(" WHERE shape IN ", chunk);
            for row in sql.push(" ORDER BY shape, entity").rows(self).await? {
                found.push((row.text(0)?, row.text(1)?));
            }
        }
        Ok(Some(found))
    }

    async fn add_reference(
        &mut self,
        entity: &str,
        normalised: &str,
        object: ObjectKind,
        key: &str,
    ) -> Result<(), StoreError> {
        orders::add_references(self, object, key, &[(entity, normalised.to_owned())]).await
    }
}

/// Selects (key, word, role, kind).
async fn word_hits(tx: &mut Tx, sql: Sql) -> Result<Vec<WordHit>, StoreError> {
    let hit = |row: &Row| {
        Ok(WordHit {
            key: row.text(0)?,
            word: row.text(1)?,
            role: row.member(2, WordRole::parse)?,
            kind: row.member(3, ObjectKind::parse)?,
        })
    };
    sql.rows(tx).await?.iter().map(hit).collect()
}

/// Replaces what the object is found by: a contact that left must not stay known.
async fn put_words(tx: &mut Tx, kind: ObjectKind, key: &str, document: &Value) -> Result<(), StoreError> {
    let Some(found) = words::of_object(kind, document) else { return Ok(()) };
    let delete = Sql::new("object_words", "DELETE FROM object_words WHERE kind = $1 AND key = $2");
    delete.bind(kind.name()).bind(key).run(tx).await?;
    for chunk in found.chunks(ROWS_MAX) {
        let row = |(role, word): &(WordRole, String)| {
            [Argument::from(kind.name()), Argument::from(key), Argument::from(role.name()), Argument::from(word)]
        };
        Sql::new("object_words", "INSERT INTO object_words (kind, key, role, word) VALUES ")
            .tuples("", chunk.iter().map(row))
            .run(tx)
            .await?;
    }
    Ok(())
}

/// Selects (key, document, `as_of`, revision).
fn object(row: &Row) -> Result<Object, StoreError> {
    Ok(Object { document: row.document(1)?, as_of: row.time(2)?, revision: row.integer(3)? })
}

/// The item in the key of a stock position, see [`crate::domain::party::position_key`].
fn sku_of(key: &str) -> &str {
    key.rsplit_once('@').map_or(key, |(sku, _)| sku)
}
