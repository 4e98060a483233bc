//! Canonical objects, orders and what finds them.

use anyhow::{Context as _, ensure};
use holdfast::domain::party::{ObjectKind, position_key};
use holdfast::domain::words::{WordRole, stems};
use holdfast::ports::store::StoreError;
use holdfast::ports::store::objects::{Demand, KnownNumber, Object, ReferenceHit, WordHit};
use rust_decimal::Decimal;
use serde_json::json;

use super::samples::{at, order, order_after};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(
    document_is_guarded_by_revision,
    objects_are_found_by_their_words,
    positions_of_an_item,
    order_is_guarded_and_found,
    demand_is_open_unallocated_lines,
    references_name_objects,
    checks_come_due,
);

async fn document_is_guarded_by_revision(db: &TestStore) -> anyhow::Result<()> {
    let new = Object { document: json!({"name": "Ä", "limit": "1.10"}), as_of: at(1), revision: 0 };
    let mut tx = db.store.write().await?;
    ensure!(tx.object(ObjectKind::Customer, "K1").await?.is_none());
    tx.put_object(ObjectKind::Customer, "K1", &new).await?;
    ensure!(matches!(tx.put_object(ObjectKind::Customer, "K1", &new).await, Err(StoreError::Conflict(_))));
    tx.commit().await?;
    let mut tx = db.store.write().await?;
    let stored = tx.object(ObjectKind::Customer, "K1").await?.context("gone")?;
    ensure!(stored == Object { revision: 1, ..new.clone() });
    tx.put_object(ObjectKind::Customer, "K1", &Object { document: json!(2), ..stored.clone() }).await?;
    ensure!(matches!(tx.put_object(ObjectKind::Customer, "K1", &stored).await, Err(StoreError::Conflict(_))));
    Ok(())
}

async fn objects_are_found_by_their_words(db: &TestStore) -> anyhow::Result<()> {
    let party = |name: &str, mail: &str| {
        let contacts = json!([{"name": "Zoë Ruiz", "email": mail}]);
        let document = json!({"name": name, "email_domains": ["North.example"], "contacts": contacts});
        Object { document, as_of: at(1), revision: 0 }
    };
    let mut tx = db.store.write().await?;
    tx.put_object(ObjectKind::Customer, "C1", &party("Bäckereien Nord", "Zoe@north.example")).await?;
    tx.put_object(ObjectKind::Supplier, "S1", &party("Nord", "x@north.example")).await?;
    let item = Object { document: json!({"description": "Icing sugar, 25 kg"}), as_of: at(1), revision: 0 };
    tx.put_object(ObjectKind::Item, "I1", &item).await?;
    tx.commit().await?;
    let mut tx = db.store.write().await?;
    let address = tx.objects_by_word(&[WordRole::Address], &["zoe@north.example".to_owned()], 5).await?;
    ensure!(address.len() == 1 && address[0].key == "C1" && address[0].kind == ObjectKind::Customer, "{address:?}");
    let roles = [WordRole::Name, WordRole::Domain, WordRole::Description];
    let words = [stems("die Backerei"), stems("nord"), vec!["north.example".to_owned()], stems("sugars")].concat();
    let keys = |hits: Vec<WordHit>| hits.into_iter().map(|hit| format!("{}/{}", hit.role.name(), hit.key)).collect();
    let found: Vec<String> = keys(tx.objects_by_word(&roles, &words, 5).await?);
    ensure!(found == ["name/C1", "name/C1", "name/S1", "domain/C1", "domain/S1", "description/I1"], "{found:?}");
    let limited: Vec<String> = keys(tx.objects_by_word(&roles, &words, 1).await?);
    ensure!(limited == ["name/C1", "name/S1", "domain/S1", "description/I1"], "{limited:?}");
    let left = Object { revision: 1, ..party("Bäckereien Nord", "new@north.example") };
    tx.put_object(ObjectKind::Customer, "C1", &left).await?;
    let gone = tx.objects_by_word(&[WordRole::Address], &["zoe@north.example".to_owned()], 5).await?;
    ensure!(gone.is_empty(), "{gone:?}");
    Ok(())
}

async fn positions_of_an_item(db: &TestStore) -> anyhow::Result<()> {
    let mut tx = db.store.write().await?;
    for (sku, warehouse, available) in [("A", "W2", 1), ("A", "W1", 2), ("A-1", "W1", 3), ("A@X", "W1", 4)] {
        let object = Object { document: json!({"available": available}), as_of: at(1), revision: 0 };
        tx.put_object(ObjectKind::Position, &position_key(sku, warehouse), &object).await?;
    }
    let found = tx.positions_of("A").await?;
    let brief: Vec<_> = found.iter().map(|(warehouse, o)| (warehouse.as_str(), &o.document["available"])).collect();
    ensure!(brief == [("W1", &json!(2)), ("W2", &json!(1))]);
    ensure!(tx.positions_of("A@X").await?[0].0 == "W1" && tx.positions_of("B").await?.is_empty());
    Ok(())
}

async fn order_is_guarded_and_found(db: &TestStore) -> anyhow::Result<()> {
    let mut tx = db.store.write().await?;
    for (id, placed) in [("O1", 1), ("O2", 3), ("O3", 2)] {
        tx.put_order(&order(id, at(placed))?, 0).await?;
    }
    ensure!(matches!(tx.put_order(&order("O1", at(1))?, 0).await, Err(StoreError::Conflict(_))));
    tx.commit().await?;
    let mut tx = db.store.write().await?;
    ensure!(tx.order("O1").await? == Some((order("O1", at(1))?, 1)) && tx.order("O9").await?.is_none());
    ensure!(tx.orders_of_customer("K1", 9).await? == ["O2", "O3", "O1"], "newest first");
    ensure!(tx.orders_of_carrier("C1", 2).await? == ["O2", "O3"]);
    ensure!(tx.orders_with_sku("SKU-1", 9).await? == ["O2", "O3", "O1"]);

    let ended = order_after("O2", at(3), vec![("order.cancelled", json!({"order_id": "O2"}))])?;
    tx.put_order(&ended, 1).await?;
    ensure!(matches!(tx.put_order(&ended, 1).await, Err(StoreError::Conflict(_))));
    ensure!(tx.orders_of_customer("K1", 9).await? == ["O3", "O1"], "only live ones");
    ensure!(tx.orders_with_sku("SKU-2", 9).await? == ["O3", "O1"] && tx.orders_of_carrier("C1", 9).await?.len() == 2);

    let object = tx.object(ObjectKind::Order, "O3").await?.context("an order is an object too")?;
    ensure!(object.revision == 1 && object.document == serde_json::to_value(order("O3", at(2))?)?);
    let document =
        serde_json::to_value(order_after("O3", at(2), vec![("order.cancelled", json!({"order_id": "O3"}))])?)?;
    tx.put_object(ObjectKind::Order, "O3", &Object { document, ..object }).await?;
    ensure!(tx.orders_of_customer("K1", 9).await? == ["O1"], "and its indexes follow");
    Ok(())
}

async fn demand_is_open_unallocated_lines(db: &TestStore) -> anyhow::Result<()> {
    let allocated = json!({"order_id": "O2", "line_no": 1, "status": "allocated", "at": at(4)});
    let moved = json!({"order_id": "O3", "lines": [{"line_no": 1, "warehouse_id": "W2", "quantity": "3.25"}]});
    let mut tx = db.store.write().await?;
    tx.put_order(&order("O1", at(1))?, 0).await?;
    tx.put_order(&order("O2", at(2))?, 0).await?;
    tx.put_order(&order("O3", at(3))?, 0).await?;
    ensure!(tx.demand("SKU-1", "W1").await?.len() == 3);
    tx.put_order(&order_after("O2", at(2), vec![("order.status", allocated)])?, 1).await?;
    tx.put_order(&order_after("O3", at(3), vec![("order.changed", moved)])?, 1).await?;
    let wanted = |order_id: &str, quantity, placed| Demand {
        order_id: order_id.to_owned(),
        line_no: 1,
        quantity,
        promised_ship_at: Some(at(86_400)),
        placed_at: at(placed),
    };
    ensure!(tx.demand("SKU-1", "W1").await? == [wanted("O1", Decimal::TEN, 1)]);
    ensure!(tx.demand("SKU-1", "W2").await? == [wanted("O3", Decimal::new(325, 2), 3)]);
    ensure!(tx.demand("SKU-2", "W1").await?.len() == 3 && tx.demand("SKU-3", "W1").await?.is_empty());
    Ok(())
}

async fn references_name_objects(db: &TestStore) -> anyhow::Result<()> {
    let milestone = json!({
        "order_id": "SO-1", "shipment_id": "S1", "tracking_number": "1z 99-x", "milestone": "picked_up", "at": at(5),
    });
    let blocked = json!({"order_id": "SO-1", "kind": "invoice_blocked", "invoice_number": "INV/7"});
    let events = vec![("shipment.milestone", milestone), ("finance.condition", blocked)];
    let mut tx = db.store.write().await?;
    tx.put_order(&order_after("SO-1", at(1), events)?, 0).await?;
    let hit = |entity: &str, object, key: &str| ReferenceHit { entity: entity.to_owned(), object, key: key.to_owned() };
    for (text, entity) in
        [("SO1", "order_no"), ("POSO19", "po_number"), ("1Z99X", "tracking_number"), ("INV7", "invoice_number")]
    {
        ensure!(tx.resolve_reference(text).await? == [hit(entity, ObjectKind::Order, "SO-1")], "{text}");
    }
    tx.add_reference("purchase_order_no", "SO1", ObjectKind::PurchaseOrder, "P1").await?;
    tx.add_reference("purchase_order_no", "SO1", ObjectKind::PurchaseOrder, "P1").await?;
    let both = [hit("order_no", ObjectKind::Order, "SO-1"), hit("purchase_order_no", ObjectKind::PurchaseOrder, "P1")];
    ensure!(tx.resolve_reference("SO1").await? == both);
    ensure!(tx.resolve_reference("SO-1").await?.is_empty(), "only normalised text");
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let keys = |found: Vec<KnownNumber>| found.into_iter().map(|number| number.normalised).collect::<Vec<_>>();
    ensure!(keys(tx.known_numbers(&texts(&["SO1", "SO2"]), &[]).await?).iter().all(|form| form == "SO1"));
    ensure!(keys(tx.known_numbers(&[], &texts(&["SO1"])).await?).contains(&"SO1".to_owned()), "by its end");
    let shapes = tx.number_shapes(&texts(&["SO9", "XX9"])).await?.context("numbers are known")?;
    ensure!(
        shapes.contains(&("SO9".to_owned(), "order_no".to_owned())) && shapes.iter().all(|(shape, _)| shape == "SO9")
    );
    Ok(())
}

async fn checks_come_due(db: &TestStore) -> anyhow::Result<()> {
    let mut tx = db.store.write().await?;
    for (id, check) in [("O1", Some(at(20))), ("O2", Some(at(10))), ("O3", None), ("O4", Some(at(5)))] {
        tx.put_order(&order(id, at(1))?, 0).await?;
        tx.set_next_check(id, check).await?;
    }
    tx.put_order(&order("O1", at(1))?, 1).await?;
    tx.put_order(&order_after("O4", at(1), vec![("order.cancelled", json!({"order_id": "O4"}))])?, 1).await?;
    ensure!(tx.orders_due_for_check(at(9), 9).await?.is_empty());
    ensure!(
        tx.orders_due_for_check(at(20), 9).await? == ["O2", "O1"],
        "oldest first; writing an order keeps its check"
    );
    ensure!(tx.orders_due_for_check(at(20), 1).await? == ["O2"]);
    tx.set_next_check("O2", None).await?;
    ensure!(tx.orders_due_for_check(at(20), 9).await? == ["O1"]);
    Ok(())
}
