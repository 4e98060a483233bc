//! Master data of the simulated distributor: sites, carriers, suppliers, items, customers and how they behave.
//!
//! Guarantees: made from the seed alone; names and domains are invented (`.example`). Non-goals: change over time,
//! which the engine does.

use super::calendar::{DAY, HOUR};
use super::names;
use super::points::{Point, points};
use super::random::Streams;
use super::scenario::Scenario;
use super::shared::Shared;
use super::windows::Windows;

/// Lines of an order on average, from the table in `orders`.
pub(super) const LINES_PER_ORDER: f64 = 2.25;
/// Mean of the quantity factor in `orders`.
pub(super) const QUANTITY_FACTOR: f64 = 1.26;
/// Orders of a calendar day relative to those of a working day.
const WORKING_SHARE: f64 = 0.75;
/// Lines of an order are not always ready for the same truck.
const SHIPMENTS_PER_ORDER: f64 = 1.4;
/// Days from an order to its payment that credit limits are made for.
const CREDIT_DAYS: f64 = 26.0;

#[derive(Clone, Debug)]
pub(super) struct Warehouse {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) zone: &'static str,
    pub(super) posix: &'static str,
    pub(super) cut_off: i64,
    /// Lines that can be picked in a working day.
    pub(super) capacity: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Carrier {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) domain: &'static str,
    pub(super) cut_off: i64,
    pub(super) transit_days: usize,
    /// Places in its trucks, in shipments of an ordinary day.
    pub(super) trucks: f64,
    /// What its hub passes on in a day, in what comes in on an ordinary one.
    pub(super) hub: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Supplier {
    pub(super) id: String,
    pub(super) name: &'static str,
    pub(super) domain: String,
    pub(super) contact: &'static str,
    pub(super) lead_days: f64,
    /// Probability that a purchase order comes later than confirmed.
    pub(super) slip: f64,
    /// Probability that it comes short.
    pub(super) partial: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) sku: String,
    pub(super) description: String,
    pub(super) unit: &'static str,
    pub(super) list_cents: i64,
    /// What a unit costs the company.
    pub(super) cost_cents: i64,
    pub(super) substitutes: Vec<usize>,
    pub(super) supplier: usize,
    pub(super) popularity: f64,
    pub(super) typical_quantity: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    A,
    B,
    C,
}

impl Tier {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Customer {
    pub(super) id: String,
    pub(super) name: &'static str,
    pub(super) tier: Tier,
    pub(super) domain: String,
    pub(super) contacts: [&'static str; 2],
    pub(super) limit: i64,
    pub(super) exposure: i64,
    pub(super) terms_days: i64,
    pub(super) channel: &'static str,
    pub(super) warehouse: usize,
    pub(super) carrier: usize,
    pub(super) address: String,
    pub(super) points: Vec<Point>,
    pub(super) weight: f64,
    /// First moment in which it orders.
    pub(super) orders_from: i64,
    /// Days for which a new price stays unknown to the customer's system.
    pub(super) price_lag_days: i64,
    /// How surely and soon the customer answers, 0 to 1.
    pub(super) responsive: f64,
    /// By how much, as a share, its need may move before it wants an order changed.
    pub(super) tolerance: f64,
    /// When its engineers replace parts.
    pub(super) engineering: Windows,
    /// How often it pays only after being pressed; hidden.
    pub(super) default_risk: f64,
}

/// All master data.
#[derive(Clone, Debug)]
pub(super) struct Catalog {
    pub(super) warehouses: Vec<Warehouse>,
    pub(super) carriers: Vec<Carrier>,
    pub(super) suppliers: Shared<Vec<Supplier>>,
    pub(super) items: Shared<Vec<Item>>,
    pub(super) customers: Vec<Shared<Customer>>,
    /// Expected units per calendar day, by item and warehouse.
    pub(super) demand: Shared<Vec<Vec<f64>>>,
    /// Sum of the weights of those that order from the start.
    pub(super) weight: f64,
}

impl Catalog {
    pub(super) fn new(streams: Streams, (start, days): (i64, u32), orders_per_day: u32, scenario: &Scenario) -> Self {
        let orders_per_day = f64::from(orders_per_day);
        let mut warehouses = warehouses();
        let suppliers = suppliers(streams);
        let items = items(streams, suppliers.len());
        let span = (start, start + (i64::from(days) + 60) * DAY);
        let mut customers = customers(streams, warehouses.len(), span, scenario);
        let known = names::CUSTOMERS.len();
        let shares = shares(&customers[..known], warehouses.len());
        for (warehouse, share) in warehouses.iter_mut().zip(&shares) {
            let tightness = streams.dice(warehouse.id, "capacity").between(1.04, 1.2);
            warehouse.capacity = (orders_per_day * LINES_PER_ORDER * share * tightness).max(4.0);
        }
        let popularity: f64 = items.iter().map(|item| item.popularity).sum();
        let lines = orders_per_day * LINES_PER_ORDER * WORKING_SHARE;
        let demand: Vec<Vec<f64>> = items
            .iter()
            .map(|item| {
                let units = lines * item.popularity / popularity * item.typical_quantity * QUANTITY_FACTOR;
                shares.iter().map(|share| units * share).collect()
            })
            .collect();
        let line_value: f64 = items
            .iter()
            .map(|item| item.popularity / popularity * item.typical_quantity * QUANTITY_FACTOR * item.list_cents as f64)
            .sum();
        let weight = customers[..known].iter().map(|customer| customer.weight).sum();
        credit(streams, &mut customers, lines * line_value / weight);
        Self {
            warehouses,
            carriers: carriers(),
            suppliers: suppliers.into(),
            items: items.into(),
            customers: customers.into_iter().map(Shared::from).collect(),
            demand: demand.into(),
            weight,
        }
    }

    /// Shipments on an ordinary working day, by carrier and warehouse.
    pub(super) fn usual_shipments(&self, orders_per_day: u32) -> Vec<Vec<f64>> {
        let (carriers, sites) = (self.carriers.len(), self.warehouses.len());
        let mut usual = vec![vec![0.0; sites]; carriers];
        for who in &self.customers[..names::CUSTOMERS.len()] {
            let orders = f64::from(orders_per_day) * who.weight / self.weight;
            for (carrier, row) in usual.iter_mut().enumerate() {
                let by = if carrier == who.carrier { 0.8 } else { 0.0 } + 0.2 / carriers as f64;
                for (site, cell) in row.iter_mut().enumerate() {
                    let from = if site == who.warehouse { 0.86 } else { 0.0 } + 0.14 / sites as f64;
                    *cell += orders * by * from * SHIPMENTS_PER_ORDER;
                }
            }
        }
        usual
    }
}

fn warehouses() -> Vec<Warehouse> {
    const CENTRAL: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
    const WESTERN: &str = "WET0WEST,M3.5.0/1,M10.5.0";
    let site =
        |id, name, zone, posix, cut_off| Warehouse { id, name, zone, posix, cut_off: cut_off * HOUR, capacity: 0.0 };
    vec![
        site("WH-1", "Kassel distribution centre", "Europe/Berlin", CENTRAL, 14),
        site("WH-2", "Zaragoza distribution centre", "Europe/Madrid", CENTRAL, 13),
        site("WH-3", "Lodz distribution centre", "Europe/Warsaw", CENTRAL, 15),
        site("WH-4", "Porto cross-dock", "Europe/Lisbon", WESTERN, 12),
    ]
}

fn carriers() -> Vec<Carrier> {
    let carrier = |id, name, domain, hour: i64, transit_days, trucks, hub| Carrier {
        id,
        name,
        domain,
        cut_off: hour * HOUR,
        transit_days,
        trucks,
        hub,
    };
    vec![
        carrier("CAR-1", "Velo Freight", "velofreight.example", 17, 1, 1.9, 1.22),
        carrier("CAR-2", "Nordline Logistics", "nordline.example", 16, 2, 1.6, 1.15),
        carrier("CAR-3", "Bluebox Parcel", "bluebox.example", 18, 1, 1.75, 1.12),
        carrier("CAR-4", "Iberia Cargo Road", "iberiacargo.example", 16, 2, 1.5, 1.1),
        carrier("CAR-5", "Ostrans Spedition", "ostrans.example", 15, 3, 1.4, 1.07),
    ]
}

fn suppliers(streams: Streams) -> Vec<Supplier> {
    names::SUPPLIERS
        .iter()
        .enumerate()
        .map(|(index, &(name, domain, contact))| {
            let id = format!("SUP-{:02}", index + 1);
            let mut dice = streams.dice(&id, "character");
            Supplier {
                name,
                domain: format!("{domain}.example"),
                contact,
                lead_days: dice.between(3.0, 10.0),
                slip: dice.between(0.08, 0.45),
                partial: dice.between(0.02, 0.12),
                id,
            }
        })
        .collect()
}

fn items(streams: Streams, suppliers: usize) -> Vec<Item> {
    let mut items: Vec<Item> = names::ITEMS
        .iter()
        .map(|&(sku, description, unit, euro)| {
            let mut dice = streams.dice(sku, "character");
            let list_cents = (euro * dice.between(85.0, 115.0)) as i64;
            let rank = dice.unit();
            Item {
                sku: sku.to_owned(),
                description: description.to_owned(),
                unit,
                list_cents,
                cost_cents: (list_cents as f64 * streams.dice(sku, "cost").between(0.55, 0.78)) as i64,
                substitutes: Vec::new(),
                supplier: dice.whole(0, suppliers as i64 - 1) as usize,
                popularity: 0.25 + 2.5 * rank * rank,
                typical_quantity: (dice.between(30_000.0, 110_000.0) / list_cents as f64).clamp(2.0, 400.0),
            }
        })
        .collect();
    // Items of one family are authored side by side and may stand in for each other.
    for index in 0..items.len() {
        let family: Vec<usize> = (0..items.len())
            .filter(|&other| other != index && items[other].sku[..3] == items[index].sku[..3])
            .filter(|&other| items[other].unit == items[index].unit)
            .take(2)
            .collect();
        if streams.dice(&items[index].sku, "substitutes").chance(0.6) {
            items[index].substitutes = family;
        }
    }
    items
}

fn customers(streams: Streams, warehouses: usize, span: (i64, i64), scenario: &Scenario) -> Vec<Customer> {
    let newcomer = scenario.new_account().map(|day| span.0 + i64::from(day) * DAY);
    let known = names::CUSTOMERS.iter().map(|names| (names, i64::MIN));
    known
        .chain(newcomer.map(|from| (&names::NEWCOMER, from)))
        .enumerate()
        .map(|(index, (&(name, domain, address), orders_from))| {
            let id = format!("C-{}", 1001 + index);
            let mut dice = streams.dice(&id, "character");
            let tier = [Tier::A, Tier::B, Tier::B, Tier::C, Tier::C][index % 5];
            let channel = dice.pick(match tier {
                Tier::A => &["edi", "edi", "api"],
                Tier::B => &["edi", "portal", "email"],
                Tier::C => &["portal", "phone", "email"],
            });
            let manual = matches!(channel, "phone" | "email");
            let weight = dice.between(0.5, 1.5) * [3.0, 1.4, 0.7][tier as usize];
            let risk = dice.unit();
            Customer {
                name,
                tier,
                domain: format!("{domain}.example"),
                contacts: [dice.pick(&names::PEOPLE[..20]), dice.pick(&names::PEOPLE[20..])],
                limit: 0,
                exposure: 0,
                terms_days: dice.pick(&[14, 30, 30, 45]),
                channel,
                warehouse: index % warehouses,
                carrier: dice.whole(0, 4) as usize,
                address: address.to_owned(),
                points: points(streams, &id, address, manual, span),
                weight,
                orders_from,
                price_lag_days: dice.whole(1, 14),
                responsive: dice.between(0.25, 0.95),
                tolerance: dice.between(0.12, 0.3),
                engineering: Windows::drawn(streams, &id, "engineering", span, (180.0, 900.0), (10.0, 24.0)),
                default_risk: 0.3 * risk * risk,
                id,
            }
        })
        .collect()
}

/// The part of all orders that goes to each warehouse; one in seven goes elsewhere than home.
fn shares(customers: &[Customer], warehouses: usize) -> Vec<f64> {
    let total: f64 = customers.iter().map(|customer| customer.weight).sum();
    (0..warehouses)
        .map(|warehouse| {
            let home: f64 = customers
                .iter()
                .filter(|customer| customer.warehouse == warehouse)
                .map(|customer| customer.weight)
                .sum();
            0.86 * home / total + 0.14 / warehouses as f64
        })
        .collect()
}

/// `daily_cents` are of a customer of weight 1.
fn credit(streams: Streams, customers: &mut [Customer], daily_cents: f64) {
    for customer in customers {
        let mut dice = streams.dice(&customer.id, "credit");
        let usual = daily_cents * customer.weight * CREDIT_DAYS;
        customer.limit = ((usual * dice.between(1.0, 2.0)) as i64 / 100_000 + 4) * 100_000;
        customer.exposure = ((usual * dice.between(0.6, 1.0)) as i64).min(customer.limit);
    }
}
