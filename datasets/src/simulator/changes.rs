//! What customers want changed, and what is done about it.
//!
//! Guarantees: before release a change is simply done; after it, it is a request that holds the line up until somebody
//! answers. Non-goals: changes of a shipped line.

use serde_json::{Value, json};

use super::calendar::DAY;
use super::event::time;
use super::mail::{Mail, Situation};
use super::orders::Stage;
use super::points::Record;
use super::truth::Category;
use super::world::{LineKey, World};

/// A wish about one line, or about the order's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Quantity(i64),
    Item(usize),
    Postpone(i64),
    Address(String),
    Cancel,
}

impl World {
    /// A customer wants the first line changed that has not left yet.
    pub(super) fn customer_change(&mut self, order: usize, change: Change) {
        let open = self.orders[order].lines.iter().position(|line| !line.cancelled && line.stage < Stage::Packed);
        let Some(index) = open else { return };
        let line = &self.orders[order].lines[index];
        let situation = match &change {
            Change::Quantity(_) => Situation::QuantityChange,
            Change::Item(_) => Situation::ItemChange,
            Change::Postpone(_) => Situation::PostponeRequest,
            Change::Address(_) => Situation::ShipToChange,
            Change::Cancel => Situation::CancelRequest,
        };
        let requested = line.stage >= Stage::Released;
        self.orders[order].change = Some(change.clone());
        let mut mail = Mail::about(situation, order, Some(index));
        mail.change = Some(change.clone());
        self.request_change((order, index), &change);
        self.send(mail);
        if requested {
            let mut data = self.describe((order, index), &change);
            data["requested"] = json!(true);
            data["by"] = json!("customer");
            self.tell_change_as_is(order, data);
            self.raise(Category::OrderChange, order, Some(index), "need changed after release");
        } else if self.make((order, index), &change) {
            self.agree((order, index));
        }
    }

    fn describe(&self, key: LineKey, change: &Change) -> Value {
        let number = self.line(key).number;
        let line = match change {
            Change::Quantity(quantity) => json!({ "line_no": number, "quantity": quantity.to_string() }),
            Change::Item(item) => json!({ "line_no": number, "sku": self.catalog.items[*item].sku }),
            Change::Postpone(at) => json!({ "line_no": number, "requested_ship_at": time(*at - DAY / 2) }),
            Change::Cancel => json!({ "line_no": number, "cancelled": true }),
            Change::Address(address) => return json!({ "ship_to": address }),
        };
        json!({ "lines": [line] })
    }

    /// Tells a change that was made.
    pub(super) fn tell_change(&mut self, order: usize, mut data: Value) {
        self.orders[order].revision += 1;
        data["revision"] = json!(self.orders[order].revision);
        data["requested"] = json!(false);
        data["by"] = json!("customer_service");
        self.tell_change_as_is(order, data);
    }

    fn tell_change_as_is(&mut self, order: usize, mut data: Value) {
        let id = self.orders[order].id.clone();
        data["order_id"] = json!(id);
        self.tell("/erp/main", "order.changed", &id, data);
    }

    /// The customer knows the line as it is now.
    pub(super) fn agree(&mut self, key: LineKey) {
        let line = self.line_mut(key);
        line.agreed = (line.quantity, line.price_cents);
    }

    /// Carries a change out where stock allows it.
    fn make(&mut self, key: LineKey, change: &Change) -> bool {
        let line = self.line(key);
        let (item, warehouse, before) = (line.item, line.warehouse, line.quantity);
        let holds_stock = line.stage >= Stage::Allocated;
        match change {
            Change::Quantity(quantity) => {
                let more = quantity - before;
                if holds_stock {
                    if more > self.bins[item][warehouse].available {
                        return false;
                    }
                    self.bins[item][warehouse].available -= more;
                }
                self.line_mut(key).quantity = *quantity;
            }
            Change::Item(other) => {
                if holds_stock {
                    if self.bins[*other][warehouse].available < before {
                        return false;
                    }
                    self.bins[*other][warehouse].available -= before;
                    self.bins[item][warehouse].available += before;
                    self.line_mut(key).item = *other;
                } else {
                    self.wait_for(key, *other, warehouse);
                }
                let price = self.prices.agreed(*other, self.orders[key.0].customer, self.now);
                self.line_mut(key).price_cents = price;
            }
            Change::Postpone(at) => {
                self.line_mut(key).promised = *at;
                self.tell_promise(key, *at);
            }
            Change::Address(address) => {
                let customer = self.orders[key.0].customer;
                let points = &mut self.catalog.customers[customer].points;
                if let Some(index) = points.iter().position(|point| point.address == *address) {
                    points[index].record = Record::Complete;
                    self.orders[key.0].point = index;
                }
                self.orders[key.0].ship_to = Some(address.clone());
            }
            Change::Cancel => {
                self.line_mut(key).released_customer = true;
                self.cancel_line(key, "customer", "no longer needed");
                return true;
            }
        }
        let mut data = self.describe(key, change);
        if let Change::Item(_) = change {
            data["lines"][0]["unit_price"] = json!(super::event::decimal(self.line(key).price_cents));
        }
        self.tell_change(key.0, data);
        self.settle_stock(key, change, item);
        true
    }

    /// Positions and waiting lines after a change of quantity or item.
    fn settle_stock(&mut self, key: LineKey, change: &Change, before: usize) {
        let (item, warehouse) = (self.line(key).item, self.line(key).warehouse);
        if matches!(change, Change::Quantity(_) | Change::Item(_)) {
            self.stock_changed(item, warehouse);
        }
        if item != before {
            self.stock_changed(before, warehouse);
        }
        if let Change::Address(_) = change {
            let bad = self.orders[key.0].troubles.clone().into_iter();
            let cured =
                bad.filter(|&index| self.troubles[index].category == Category::InvalidShipTo).collect::<Vec<_>>();
            for index in cured {
                self.clears(index, "customer sent an address");
            }
        }
    }

    /// The customer gets what it no longer needs; the more it minds, the likelier some of it comes back.
    fn reject(&mut self, trouble: usize, key: LineKey) {
        self.tell_change(key.0, json!({ "lines": [] }));
        let mut dice = self.dice(&self.troubles[trouble].key, "returned");
        if dice.chance(0.15 + 0.6 * self.troubles[trouble].severity) {
            let line = self.line_mut(key);
            line.lost_cents += 2_500 + line.quantity * line.price_cents * 8 / 100;
        }
    }

    /// An agent answers a request.
    pub(super) fn apply_to_change(&mut self, trouble: usize, action: &'static str) -> bool {
        let (order, Some(index)) = (self.troubles[trouble].order, self.troubles[trouble].line) else { return false };
        let Some(change) = self.orders[order].change.clone() else { return false };
        match action {
            "accept_change" => {
                if !self.make((order, index), &change) {
                    return false;
                }
                self.agree((order, index));
            }
            "accept_partial_change" => match change {
                Change::Quantity(wanted) => {
                    let half = (self.orders[order].lines[index].quantity + wanted) / 2;
                    if !self.make((order, index), &Change::Quantity(half)) {
                        return false;
                    }
                }
                _ => return false,
            },
            "reject_change" => self.reject(trouble, (order, index)),
            _ => return false,
        }
        // The warehouse has to touch the line again.
        let rework = if action == "reject_change" { 0.02 } else { 3.0 };
        self.clears(trouble, action);
        if !self.orders[order].lines[index].cancelled {
            self.advance_in((order, index), rework);
        }
        true
    }
}
