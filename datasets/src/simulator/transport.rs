//! From the packing table to the customer's door and to the invoice.
//!
//! Guarantees: a line ships when its shipment is picked up, and its outcome is told at that moment. Non-goals: tours.

use serde_json::{Map, Value, json};

use super::calendar::{DAY, HOUR};
use super::event::{money, time};
use super::mail::{Mail, Situation};
use super::orders::Stage;
use super::points::Record;
use super::world::{LineKey, Task, World};

const TMS: &str = "/tms/main";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Leg {
    Booked,
    PickedUp,
    Delayed,
    OutForDelivery,
    Failed,
    Delivered,
}

#[derive(Clone, Debug)]
pub(super) struct Shipment {
    pub(super) id: String,
    /// The same in every world that knows this shipment.
    pub(super) key: String,
    pub(super) order: usize,
    pub(super) lines: Vec<usize>,
    pub(super) carrier: usize,
    pub(super) warehouse: usize,
    pub(super) tracking: String,
    pub(super) due: i64,
    pub(super) attempt: u32,
    leg: Leg,
    token: u32,
    /// When the goods and the invoice reached the customer; 0 while they have not.
    pub(super) delivered: i64,
    pub(super) invoiced: i64,
}

impl World {
    /// A packed line joins its order's shipment of the next pick-up.
    pub(super) fn hand_over(&mut self, key: LineKey) {
        let (carrier, warehouse) = (self.orders[key.0].carrier, self.line(key).warehouse);
        let due = self.calendars[warehouse].next_at(self.now + HOUR / 4, self.catalog.carriers[carrier].cut_off);
        let joins = self.orders[key.0].shipments.iter().copied().find(|&index| {
            let shipment = &self.shipments[index];
            shipment.leg == Leg::Booked && shipment.warehouse == warehouse && shipment.due == due
        });
        if let Some(index) = joins {
            self.shipments[index].lines.push(key.1);
            return;
        }
        let (index, (key_of, line)) = (self.shipments.len(), key);
        let id = format!("SH-{}", 700_001 + index);
        let key = format!("{}/{}", self.orders[key_of].key, self.orders[key_of].shipments.len());
        let tracking = format!(
            "{}{:09}",
            ["VF", "NL", "BB", "IC", "OS"][carrier],
            self.dice(&key, "tracking").whole(0, 999_999_999)
        );
        let lines = vec![line];
        self.orders[key_of].shipments.push(index);
        let shipment = Shipment {
            id,
            key,
            order: key_of,
            lines,
            carrier,
            warehouse,
            tracking,
            due,
            attempt: 0,
            leg: Leg::Booked,
            token: 0,
            delivered: 0,
            invoiced: 0,
        };
        self.shipments.push(shipment.into());
        self.tell_milestone(index, "booked", None, None);
        self.tell_milestone(index, "pickup_scheduled", Some(due), None);
        self.schedule(due, Task::Pickup { shipment: index, token: 0 });
    }

    fn tell_milestone(&mut self, index: usize, milestone: &str, estimated: Option<i64>, detail: Option<&str>) {
        let shipment = &self.shipments[index];
        let order = self.orders[shipment.order].id.clone();
        let category = match milestone {
            "pickup_missed" | "delayed" | "delivery_failed" => "exception",
            "booked" | "pickup_scheduled" => "pre_transit",
            "delivered" => "delivered",
            _ => "in_transit",
        };
        let carrier = &self.catalog.carriers[shipment.carrier];
        let data = json!({
            "shipment_id": shipment.id, "order_id": order, "carrier_id": carrier.id, "tracking_number": shipment.tracking,
            "code": format!("{}-{}", &carrier.name[..2].to_uppercase(), milestone.len() * 7),
            "category": category, "milestone": milestone, "at": time(self.now),
            "estimated_at": estimated.map(time), "detail": detail,
        });
        self.tell(TMS, "shipment.milestone", &order, data);
        if category != "pre_transit" {
            self.hear_carrier(index, milestone, estimated);
        }
    }

    /// Gives a shipment another pick-up, possibly with another carrier.
    pub(super) fn book_pickup(&mut self, index: usize, carrier: usize, due: i64) {
        let shipment = &mut self.shipments[index];
        shipment.token += 1;
        shipment.attempt += 1;
        (shipment.carrier, shipment.due) = (carrier, due);
        let token = shipment.token;
        self.tell_milestone(index, "pickup_scheduled", Some(due), None);
        self.schedule(due, Task::Pickup { shipment: index, token });
    }

    /// Why the pick-up is missed, if it is; else the shipment takes a place in the truck.
    fn pickup_fault(&mut self, index: usize) -> Option<(&'static str, &'static str)> {
        let shipment = &self.shipments[index];
        let place = (shipment.carrier, shipment.warehouse, shipment.due);
        if self.carriage.is_out(shipment.carrier, self.now) {
            return Some(("carrier outage", "no service today"));
        }
        let places = self.carriage.places(self.streams, self.catalog.carriers[shipment.carrier].id, place);
        let now = self.now;
        self.loaded.retain(|other, _| other.2 >= now - DAY);
        let others = self.others_in_truck(place);
        let loaded = self.loaded.entry(place).or_insert(others);
        if f64::from(*loaded) + 1.0 > places {
            return Some(("carrier's truck was full", "not loaded, vehicle full"));
        }
        *loaded += 1;
        None
    }

    /// In a world where the rest is held still, trucks carry others' goods all the same.
    fn others_in_truck(&self, place: (usize, usize, i64)) -> u32 {
        if !self.is_local() {
            return 0;
        }
        let mut dice = self.dice(format_args!("{place:?}"), "others in the truck");
        (self.carriage.usual(place.0, place.1) * dice.between(0.4, 1.4)).round() as u32
    }

    pub(super) fn pick_up(&mut self, index: usize, token: u32) {
        let shipment = &self.shipments[index];
        if shipment.token != token || shipment.leg != Leg::Booked {
            return;
        }
        let (order, attempt, warehouse, carrier) =
            (shipment.order, shipment.attempt, shipment.warehouse, shipment.carrier);
        let mut dice = self.dice(&shipment.key, &format!("pick-up {attempt}"));
        if let Some((cause, detail)) = self.pickup_fault(index) {
            self.tell_milestone(index, "pickup_missed", None, Some(detail));
            self.raise_for_shipment(index, cause);
            self.mail_carrier(Situation::PickupFailure, index, dice.between(0.2, 3.0));
            // Without anybody's doing the carrier comes again a working day later, or the day after that.
            let days = usize::from(dice.chance(0.35)) + 1;
            let cut_off = self.catalog.carriers[carrier].cut_off;
            let due = self.calendars[warehouse].at(self.now, days, cut_off).max(self.now + HOUR);
            let shipment = &mut self.shipments[index];
            (shipment.attempt, shipment.due) = (attempt + 1, due);
            self.schedule(due, Task::Pickup { shipment: index, token });
            return;
        }
        self.shipments[index].leg = Leg::PickedUp;
        self.tell_milestone(index, "picked_up", None, None);
        self.end_for_shipment(index, "picked up");
        for line in self.shipments[index].lines.clone() {
            self.ship((order, line));
        }
        let transit = self.catalog.carriers[carrier].transit_days;
        let next = self.calendars[warehouse].at(self.now, transit, 9 * HOUR).max(self.now + 6 * HOUR);
        self.schedule(next, Task::Transit { shipment: index, token });
        self.tell_milestone(index, "in_transit", Some(next), None);
    }

    fn mail_carrier(&mut self, situation: Situation, shipment: usize, hours: f64) {
        let mut mail = Mail::about(situation, self.shipments[shipment].order, None);
        mail.shipment = Some(shipment);
        self.schedule(self.now + (hours * HOUR as f64) as i64, Task::Send(mail));
    }

    /// A line leaves the house: stock, status and outcome.
    fn ship(&mut self, key: LineKey) {
        let line = self.line_mut(key);
        if line.cancelled {
            return;
        }
        line.stage = Stage::Shipped;
        let (number, promised, split) = (line.number, line.promised, line.split);
        let (item, warehouse, quantity, cost) = (line.item, line.warehouse, line.quantity, line.cost_cents);
        let value = quantity * line.price_cents;
        let missed = self.now > promised;
        let now = self.now;
        self.line_mut(key).shipped = now;
        self.bins[item][warehouse].on_hand -= quantity;
        self.bins[item][warehouse].picked -= quantity;
        self.tell_status(key);
        let order = &self.orders[key.0];
        let mut costs = Map::<String, Value>::new();
        if cost > 0 {
            costs.insert("action".to_owned(), money(cost));
        }
        if missed {
            let rate = [8, 5, 3][self.catalog.customers[order.customer].tier as usize];
            costs.insert("penalty".to_owned(), money(value * rate / 100));
        }
        let id = order.id.clone();
        let data = json!({
            "order_id": id, "line_no": number, "shipped_at": time(self.now), "missed": missed, "split": split, "costs": costs,
        });
        self.tell("/erp/main", "outcome.recorded", &format!("{id}/{number}"), data);
    }

    /// The next moment of a shipment on its way.
    pub(super) fn transit(&mut self, index: usize, token: u32) {
        let shipment = &self.shipments[index];
        if shipment.token != token {
            return;
        }
        let (leg, warehouse, order) = (shipment.leg, shipment.warehouse, shipment.order);
        let left_over = self.carriage.left_over(shipment.carrier, self.now);
        let point = &self.catalog.customers[self.orders[order].customer].points[self.orders[order].point];
        let (bad, closed) = (point.record == Record::Wrong, point.is_closed(self.now));
        let mut dice = self.dice(&shipment.key, &format!("transit {leg:?} {}", shipment.attempt));
        match leg {
            Leg::PickedUp if dice.chance(left_over) => {
                let next = self.calendars[warehouse].at(self.now, dice.whole(1, 3) as usize, 9 * HOUR);
                self.enter(index, Leg::Delayed, "delayed", Some(next));
                self.raise_for_shipment(index, "delayed at the carrier's hub");
                self.mail_carrier(Situation::TransitDelay, index, dice.between(0.2, 4.0));
                self.schedule(next, Task::Transit { shipment: index, token });
            }
            Leg::PickedUp | Leg::Delayed | Leg::Failed => {
                self.enter(index, Leg::OutForDelivery, "out_for_delivery", None);
                self.end_for_shipment(index, "moving again");
                let next = self.now + (dice.between(1.0, 7.0) * HOUR as f64) as i64;
                self.schedule(next, Task::Transit { shipment: index, token });
            }
            Leg::OutForDelivery if self.shipments[index].attempt < 6 && (bad || closed) => {
                self.shipments[index].attempt += 1;
                self.orders[order].failed_deliveries += 1;
                self.enter(index, Leg::Failed, "delivery_failed", None);
                let cause = if bad { "address was corrected wrongly" } else { "delivery point was closed" };
                self.raise_for_shipment(index, cause);
                self.mail_carrier(Situation::DeliveryFailure, index, dice.between(0.2, 3.0));
                let next = self.calendars[warehouse].at(self.now, dice.whole(2, 4) as usize, 9 * HOUR);
                self.schedule(next, Task::Transit { shipment: index, token });
            }
            Leg::OutForDelivery => self.deliver(index),
            Leg::Booked | Leg::Delivered => {}
        }
    }

    fn enter(&mut self, index: usize, leg: Leg, milestone: &str, estimated: Option<i64>) {
        self.shipments[index].leg = leg;
        self.tell_milestone(index, milestone, estimated, None);
    }

    fn deliver(&mut self, index: usize) {
        self.enter(index, Leg::Delivered, "delivered", None);
        self.shipments[index].delivered = self.now;
        self.end_for_shipment(index, "delivered");
        self.reach(index, Stage::Delivered);
        let mut dice = self.dice(&self.shipments[index].key, "after delivery");
        let at = self.calendars[0].add_work(self.now, dice.between(1.0, 8.0));
        self.schedule(at, Task::Invoice(index));
        if dice.chance(0.02) {
            let mut mail = Mail::about(Situation::DeliveryClaim, self.shipments[index].order, None);
            mail.shipment = Some(index);
            self.schedule(at + 3 * HOUR, Task::Send(mail));
        }
    }

    fn reach(&mut self, index: usize, stage: Stage) {
        let order = self.shipments[index].order;
        for line in self.shipments[index].lines.clone() {
            if !self.line((order, line)).cancelled {
                self.line_mut((order, line)).stage = stage;
                self.tell_status((order, line));
            }
        }
    }

    /// Billing looks at a delivered shipment: what the customer does not know of does not match, and without a proof of
    /// delivery nothing is billed.
    pub(super) fn invoice(&mut self, index: usize) {
        let shipment = &self.shipments[index];
        let cause = if let Some(cause) = self.differs(index) {
            Some(cause)
        } else if self.carriage.scanner_fails(shipment.carrier, shipment.delivered) {
            Some("proof of delivery is missing")
        } else {
            None
        };
        if let Some(cause) = cause {
            self.tell_invoice(index, "invoice_blocked");
            self.raise_for_invoice(index, cause);
        } else {
            self.bill(index);
        }
    }

    /// Whether the customer knows of something else than what was shipped.
    fn differs(&self, index: usize) -> Option<&'static str> {
        let shipment = &self.shipments[index];
        let mut lines = shipment.lines.iter().map(|&line| &self.orders[shipment.order].lines[line]);
        lines
            .any(|line| !line.cancelled && (line.quantity, line.price_cents) != line.agreed)
            .then_some("order and shipment do not match")
    }

    fn tell_invoice(&mut self, index: usize, kind: &str) {
        let (order, number) = (self.shipments[index].order, invoice_number(index));
        let data = json!({
            "order_id": self.orders[order].id, "customer_id": self.catalog.customers[self.orders[order].customer].id,
            "kind": kind, "amount": money(self.shipment_value(index)), "invoice_number": number,
        });
        let id = self.orders[order].id.clone();
        self.tell("/finance/ledger", "finance.condition", &id, data);
    }

    fn shipment_value(&self, index: usize) -> i64 {
        let shipment = &self.shipments[index];
        let lines = shipment.lines.iter().map(|&line| &self.orders[shipment.order].lines[line]);
        lines.filter(|line| !line.cancelled).map(|line| line.quantity * line.price_cents).sum()
    }

    /// A blocked invoice goes out after all.
    pub(super) fn release_invoice(&mut self, index: usize) {
        self.tell_invoice(index, "invoice_released");
        self.bill(index);
    }

    fn bill(&mut self, index: usize) {
        self.take_invoice(index, &invoice_number(index), self.differs(index).is_none());
        self.reach(index, Stage::Invoiced);
        let (order, cents) = (self.shipments[index].order, self.shipment_value(index));
        let customer = self.orders[order].customer;
        self.shipments[index].invoiced = self.now;
        let mut dice = self.dice(&self.shipments[index].key, "payment");
        let who = &self.catalog.customers[customer];
        let (terms, slow) = (who.terms_days as f64, who.default_risk);
        let at = self.now + (terms * (dice.between(0.4, 1.0) + slow) * DAY as f64) as i64;
        let due = self.now + (terms * DAY as f64) as i64;
        self.unpaid[customer].push(due);
        self.schedule(at, Task::Payment { customer, cents, due });
        if dice.chance(0.015) {
            let mut mail = Mail::about(Situation::InvoiceQuery, order, None);
            mail.shipment = Some(index);
            self.schedule(self.now + DAY + 3 * HOUR, Task::Send(mail));
        }
    }

    /// Brings the next attempt of a shipment on its way forward.
    pub(super) fn deliver_sooner(&mut self, index: usize, at: i64) {
        let shipment = &mut self.shipments[index];
        if matches!(shipment.leg, Leg::Delayed | Leg::Failed) {
            shipment.token += 1;
            let token = shipment.token;
            self.schedule(at, Task::Transit { shipment: index, token });
        }
    }

    /// Whether the goods are still in the house.
    pub(super) fn is_waiting_for_pickup(&self, index: usize) -> bool {
        self.shipments[index].leg == Leg::Booked
    }

    /// The warehouse that a shipment leaves from.
    pub(super) fn leaves_from(&self, index: usize) -> usize {
        self.shipments[index].warehouse
    }
}

/// Invoices are numbered like their shipments.
pub(super) fn invoice_number(shipment: usize) -> String {
    format!("INV-{}", 900_001 + shipment)
}
