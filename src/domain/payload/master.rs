//! Payloads of master data: parties, sites and items.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::calendar::{ClockTime, Hours};
use crate::domain::money::Money;
use crate::domain::timetable::Service;

/// A person at a customer or supplier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Contact {
    /// Name as written.
    pub name: String,
    /// Mail address.
    pub email: String,
}

/// A customer's importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "A is the most important")]
pub enum Tier {
    A,
    B,
    C,
}

/// `customer.upserted.v1`: amounts are in the customer's `currency`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct Customer {
    pub customer_id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    #[serde(default)]
    pub email_domains: Vec<String>,
    #[serde(default)]
    pub contacts: Vec<Contact>,
    #[serde(default)]
    pub credit_limit: Option<Money>,
    #[serde(default)]
    pub credit_exposure: Option<Money>,
    #[serde(default)]
    pub payment_terms_days: Option<u32>,
}

/// `supplier.upserted.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct Supplier {
    pub supplier_id: String,
    pub name: String,
    #[serde(default)]
    pub email_domains: Vec<String>,
    #[serde(default)]
    pub contacts: Vec<Contact>,
    /// IANA zone of `service_calendar`.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// When it works; around the clock where it is missing.
    #[serde(default)]
    pub service_calendar: Option<Hours>,
    /// Open hours from a request to the dispatch of what it hurries.
    #[serde(default)]
    pub lead_time_h: Option<f64>,
}

/// `carrier.upserted.v1` and `warehouse.upserted.v1`: a place or service with a daily cut-off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct Site {
    /// `carrier_id` or `warehouse_id`.
    #[serde(alias = "carrier_id", alias = "warehouse_id")]
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub email_domains: Vec<String>,
    /// Last local time at which a hand-over still goes out the same day, `HH:MM`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub cut_off_local_time: Option<ClockTime>,
    /// IANA zone of all local times.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// When it works, and of a carrier when it picks up; around the clock where it is missing.
    #[serde(default)]
    pub service_calendar: Option<Hours>,
    /// Local times at which a warehouse begins to pick, `HH:MM`; at any time where there are none.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub pick_waves: Vec<ClockTime>,
    /// Open hours of a warehouse from picking to hand-over.
    #[serde(default)]
    pub processing_h: Option<f64>,
}

impl Site {
    /// Its service; `None` where its zone is not known.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        Some(Service {
            party: self.id.clone(),
            time_zone: self.time_zone.clone()?,
            service_calendar: self.service_calendar.clone().unwrap_or_else(Hours::always),
            cut_off_local_time: self.cut_off_local_time,
            pick_waves: self.pick_waves.clone(),
            lead_time_h: self.processing_h,
        })
    }
}

impl Supplier {
    /// Its service; `None` where its zone is not known.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        Some(Service {
            party: self.supplier_id.clone(),
            time_zone: self.time_zone.clone()?,
            service_calendar: self.service_calendar.clone().unwrap_or_else(Hours::always),
            cut_off_local_time: None,
            pick_waves: Vec::new(),
            lead_time_h: self.lead_time_h,
        })
    }
}

/// `item.upserted.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "field names are the contract's")]
pub struct Item {
    pub sku: String,
    pub description: String,
    pub unit_of_measure: String,
    #[serde(default)]
    pub list_price: Option<Money>,
    #[serde(default)]
    pub substitutes: Vec<String>,
    /// Contract prices that replace the list price, by customer id.
    #[serde(default)]
    pub contract_prices: std::collections::BTreeMap<String, Money>,
}
