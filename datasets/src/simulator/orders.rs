//! Orders and their lines: what customers ask for, and what is wrong with it from the start.
//!
//! Guarantees: identifiers rise with time; every customer orders by a stream of its own; a wrong price comes from what its
//! system believes, a wrong address from our records. Non-goals: what becomes of a line, which `fulfil` does.

use std::collections::BTreeSet;

use serde_json::json;

use super::calendar::{DAY, HOUR};
use super::event::{CURRENCY, decimal, time};
use super::mail::{Mail, Situation};
use super::random::Dice;
use super::truth::Category;
use super::world::{Task, World};

/// Days after the promise until a customer no longer waits for a line that is not even released.
const PATIENCE_DAYS: i64 = 5;

/// How far a line has come, in the order of progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Received,
    Validated,
    Allocated,
    Released,
    Picked,
    Packed,
    Shipped,
    Delivered,
    Invoiced,
}

impl Stage {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Validated => "validated",
            Self::Allocated => "allocated",
            Self::Released => "released",
            Self::Picked => "picked",
            Self::Packed => "packed",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Invoiced => "invoiced",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) number: u32,
    pub(super) item: usize,
    pub(super) quantity: i64,
    pub(super) price_cents: i64,
    pub(super) warehouse: usize,
    /// The promise that an outcome is measured against: the first, unless the customer asked for another date.
    pub(super) promised: i64,
    pub(super) stage: Stage,
    pub(super) cancelled: bool,
    pub(super) split: bool,
    /// May take stock that older lines wait for.
    pub(super) preferred: bool,
    /// Promised anew, so that younger lines may go first.
    pub(super) yields: bool,
    /// What acting on it has cost.
    pub(super) cost_cents: i64,
    /// Quantity and price that the customer knows of.
    pub(super) agreed: (i64, i64),
    /// Called off because the customer no longer needs it.
    pub(super) released_customer: bool,
    /// Units cut off, and what was given away or lost on the line, in cents.
    pub(super) cut: i64,
    pub(super) lost_cents: i64,
    /// When it left; 0 while it has not.
    pub(super) shipped: i64,
    /// Only the task with the latest token advances the line.
    pub(super) token: u32,
}

impl Line {
    /// What the line is worth as the customer knows it; cents.
    pub(super) fn agreed_value(&self) -> i64 {
        self.agreed.0 * self.agreed.1
    }
}

#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) id: String,
    /// The same in every world that knows this order: customer, day and number of the day.
    pub(super) key: String,
    pub(super) customer: usize,
    pub(super) placed: i64,
    /// What the customer needed when it ordered.
    pub(super) need: f64,
    /// Where it is to go, of the customer's delivery points.
    pub(super) point: usize,
    pub(super) po_number: String,
    pub(super) carrier: usize,
    pub(super) ship_to: Option<String>,
    pub(super) revision: u32,
    pub(super) value_cents: i64,
    /// Whether its value is part of the customer's exposure.
    pub(super) counted: bool,
    pub(super) change: Option<super::changes::Change>,
    pub(super) lines: Vec<Line>,
    pub(super) troubles: Vec<usize>,
    pub(super) shipments: Vec<usize>,
    /// Deliveries that failed.
    pub(super) failed_deliveries: u32,
    /// Role of the last sender and the message's id.
    pub(super) last_mail: Option<(&'static str, String)>,
}

impl World {
    /// Decides how many orders come today, from whom and when.
    pub(super) fn plan_orders(&mut self, day: u32) {
        let monday = (self.now / DAY + 3) % 7 == 0;
        let season = if (day / 7) % 4 == 2 { 1.25 } else { 1.0 };
        let share = if !self.calendars[0].is_working_day(self.now) {
            0.1
        } else if monday {
            1.25
        } else {
            0.95
        };
        let usual = f64::from(self.config.orders_per_day) * share * season * self.scenario.surge(day);
        for customer in 0..self.catalog.customers.len() {
            let who = &self.catalog.customers[customer];
            if self.now < who.orders_from {
                continue;
            }
            let electronic = matches!(who.channel, "edi" | "api");
            let expected = usual * who.weight / self.catalog.weight * self.needs[customer];
            let mut dice = self.dice(&who.id, &format!("orders of day {day}"));
            // Somebody asks for something or does not, in each of several moments of the day.
            let moments = (3.0 * expected) as u32 + 3;
            let mut arrivals: Vec<i64> = (0..moments)
                .filter(|_| dice.chance(expected / f64::from(moments)))
                .collect::<Vec<_>>()
                .into_iter()
                .map(|_| {
                    let hour = if electronic { dice.between(1.0, 21.0) } else { dice.between(6.5, 16.5) };
                    self.now + (hour * HOUR as f64) as i64
                })
                .collect();
            arrivals.sort_unstable();
            for (number, at) in arrivals.into_iter().enumerate() {
                self.schedule(at, Task::PlaceOrder { customer, of_day: day, number: number as u32 });
            }
        }
    }

    pub(super) fn place_order(&mut self, customer: usize, of_day: u32, number: u32) {
        let index = self.orders.len();
        let who = &self.catalog.customers[customer];
        let key = format!("{}/{of_day}/{number}", who.id);
        let mut dice = self.dice(&key, "order");
        let warehouse = if dice.chance(0.86) {
            who.warehouse
        } else {
            dice.whole(0, self.catalog.warehouses.len() as i64 - 1) as usize
        };
        let carrier =
            if dice.chance(0.8) { who.carrier } else { dice.whole(0, self.catalog.carriers.len() as i64 - 1) as usize };
        let newest = who.points.iter().rposition(|point| point.opens <= self.now).unwrap_or(0);
        let point = if dice.chance(0.8) { 0 } else { newest };
        let ship_to = who.points[point].on_record();
        let po_number = customer_number(&who.id, of_day, number, &mut dice);
        let count = [1, 1, 2, 2, 2, 3, 3, 4][dice.whole(0, 7) as usize];
        let lines: Vec<Line> =
            (1..=count).map(|number| self.new_line(number, customer, warehouse, &mut dice)).collect();
        let value_cents = lines.iter().map(|line| line.quantity * line.price_cents).sum();
        let order = Order {
            id: format!("SO-{}", 200_001 + index),
            key,
            customer,
            placed: self.now,
            need: self.needs[customer],
            point,
            po_number,
            carrier,
            ship_to,
            revision: 1,
            value_cents,
            counted: false,
            change: None,
            lines,
            troubles: Vec::new(),
            shipments: Vec::new(),
            failed_deliveries: 0,
            last_mail: None,
        };
        self.orders.push(order.into());
        self.recent[customer].push_back(index);
        self.tell_order(index, warehouse);
        self.start_order(index);
    }

    fn new_line(&self, number: u32, customer: usize, warehouse: usize, dice: &mut Dice) -> Line {
        let who = &self.catalog.customers[customer];
        let item = dice.weighted(self.catalog.items.iter().map(|item| item.popularity));
        let bulk = if dice.chance(0.06) { dice.between(2.5, 5.0) } else { 1.0 };
        let quantity = ((self.catalog.items[item].typical_quantity * dice.between(0.4, 1.8) * bulk) as i64).max(1);
        let price_cents = self.prices.quoted(item, customer, self.now, who.price_lag_days);
        let days = match who.tier {
            super::catalog::Tier::A => dice.whole(1, 2),
            super::catalog::Tier::B => dice.whole(1, 3),
            super::catalog::Tier::C => dice.whole(1, 4),
        };
        let promised = self.calendars[warehouse].at(self.now, days as usize, 19 * HOUR);
        Line {
            number,
            item,
            quantity,
            price_cents,
            warehouse,
            promised,
            stage: Stage::Received,
            cancelled: false,
            split: false,
            preferred: false,
            yields: false,
            cost_cents: 0,
            agreed: (quantity, price_cents),
            released_customer: false,
            cut: 0,
            lost_cents: 0,
            shipped: 0,
            token: 0,
        }
    }

    fn tell_order(&mut self, index: usize, warehouse: usize) {
        let order = &self.orders[index];
        let who = &self.catalog.customers[order.customer];
        let lines: Vec<_> = order
            .lines
            .iter()
            .map(|line| {
                json!({
                    "line_no": line.number, "sku": self.catalog.items[line.item].sku, "quantity": line.quantity.to_string(),
                    "unit_price": decimal(line.price_cents),
                    "requested_ship_at": time(line.promised - DAY / 2), "promised_ship_at": time(line.promised),
                })
            })
            .collect();
        let data = json!({
            "order_id": order.id, "customer_id": who.id, "po_number": order.po_number, "channel": who.channel,
            "placed_at": time(self.now), "currency": CURRENCY, "ship_to": order.ship_to,
            "warehouse_id": self.catalog.warehouses[warehouse].id, "carrier_id": self.catalog.carriers[order.carrier].id,
            "lines": lines,
        });
        let (id, source) = (order.id.clone(), if who.channel == "edi" { "/edi/gateway" } else { "/erp/main" });
        self.tell(source, "order.placed", &id, data);
    }

    /// The first look at a new order: what is wrong with it shows at once; the rest goes on.
    fn start_order(&mut self, index: usize) {
        let customer = self.orders[index].customer;
        for line in 0..self.orders[index].lines.len() {
            let place = &self.orders[index].lines[line];
            let (item, price, warehouse) = (place.item, place.price_cents, place.warehouse);
            let patience = place.promised + PATIENCE_DAYS * DAY;
            self.unallocated.entry((item, warehouse)).or_insert_with(|| BTreeSet::new().into()).insert((index, line));
            self.tell_status((index, line));
            let expected = self.prices.agreed(item, customer, self.now);
            if (price - expected).abs() * 50 > expected {
                let cause = if price == self.prices.list(item, self.now - DAY * 15) {
                    "customer orders at the old list price"
                } else {
                    "customer orders at a contract price that ended"
                };
                self.raise(Category::PricingDiscrepancy, index, Some(line), cause);
            }
            self.advance_in((index, line), 0.1);
            self.schedule(patience, Task::GiveUp { line: (index, line) });
        }
        if !self.orders[index].ship_to.as_deref().is_some_and(has_postal_code) {
            let cause = if self.orders[index].ship_to.is_some() {
                "delivery point on record without postal code"
            } else {
                "delivery point not on record"
            };
            self.raise(Category::InvalidShipTo, index, None, cause);
        }
        self.check_credit(index);
        if matches!(self.catalog.customers[customer].channel, "edi" | "api") {
            self.schedule(self.now + HOUR / 30, Task::Document(index));
        }
        let mut dice = self.dice(&self.orders[index].key, "papers");
        if dice.chance(0.02) {
            let at = self.calendars[0].add_work(self.now, dice.between(2.0, 30.0));
            self.schedule(at, Task::Send(Mail::about(Situation::DocumentRequest, index, None)));
        }
    }
}

/// Addresses of this company's countries have four digits in a row before a space, dash or comma.
pub(super) fn has_postal_code(address: &str) -> bool {
    address
        .split([' ', ',', '-'])
        .any(|part| matches!(part.len(), 4 | 5) && part.bytes().all(|byte| byte.is_ascii_digit()))
        || address.split([' ', ',']).any(|part| part.len() == 6 && part.as_bytes()[2] == b'-')
}

/// Customers number their orders in their own ways.
fn customer_number(customer: &str, day: u32, of_day: u32, dice: &mut Dice) -> String {
    let number = 4_000 + i64::from(day) * 97 + i64::from(of_day) * 3 + dice.whole(0, 2);
    match customer.bytes().last().unwrap_or_default() % 4 {
        0 => format!("PO-{number}"),
        1 => format!("45000{number:05}"),
        2 => format!("B{number}/26"),
        _ => format!("PO {number}"),
    }
}
