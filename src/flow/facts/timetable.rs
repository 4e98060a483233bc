//! The hours of those whom a line depends on, from their master data.

use super::PurchaseOrderFacts;
use super::build::Cites;
use crate::domain::party::ObjectKind;
use crate::domain::payload::{Site, Supplier};
use crate::domain::timetable::{Service, Timetable};
use crate::flow::objects::{self, Cited};
use crate::ports::store::{StoreError, Transaction};

/// The service of a warehouse or carrier, where it is named and told its zone.
pub(super) async fn of_site(
    tx: &mut dyn Transaction,
    kind: ObjectKind,
    id: Option<&str>,
    cites: &mut Cites,
) -> Result<Option<Service>, StoreError> {
    let Some(id) = id else { return Ok(None) };
    let site: Option<Cited<Site>> = objects::read(tx, kind, id).await?;
    Ok(site.and_then(|site| {
        let service = site.data.service()?;
        cites.insert(format!("timetable.{}", kind.name()), site.cite);
        Some(service)
    }))
}

/// Puts a line's own warehouse and the supplier of what it waits for in place of what the order as a whole has.
pub(super) async fn of_line(
    tx: &mut dyn Transaction,
    timetable: &mut Timetable,
    warehouse: Option<&str>,
    waits_for: Option<&PurchaseOrderFacts>,
    cites: &mut Cites,
) -> Result<(), StoreError> {
    let known = timetable.warehouse.as_ref().map(|service| service.party.as_str());
    if warehouse.is_some() && warehouse != known {
        cites.remove("timetable.warehouse");
        timetable.warehouse = of_site(tx, ObjectKind::Warehouse, warehouse, cites).await?;
    }
    let Some(waits_for) = waits_for else { return Ok(()) };
    let supplier: Option<Cited<Supplier>> = objects::read(tx, ObjectKind::Supplier, &waits_for.supplier_id).await?;
    timetable.supplier = supplier.and_then(|supplier| {
        let service = supplier.data.service()?;
        cites.insert("timetable.supplier".to_owned(), supplier.cite);
        Some(service)
    });
    Ok(())
}
