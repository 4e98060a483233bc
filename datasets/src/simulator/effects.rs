//! What comes of an action: whether it is possible, how long it takes, whether it works and what it changes.
//!
//! Guarantees: chances depend on the context (severity, supplier, customer, carrier, load), so that a model can learn
//! them; every change is told by an event. Non-goals: costs beyond one amount per action.

use serde_json::json;

use super::calendar::HOUR;
use super::edi::Fault;
use super::event::{decimal, time};
use super::orders::Stage;
use super::points::Record;
use super::truth::Category;
use super::world::{LineKey, World};

impl World {
    /// Whether the action makes sense as things stand.
    pub(super) fn is_possible(&self, trouble: usize, action: &str) -> bool {
        let about = &self.troubles[trouble];
        let key = about.line.map(|line| (about.order, line));
        let in_house = about.shipment.is_some_and(|shipment| self.is_waiting_for_pickup(shipment));
        let part = |key: LineKey| {
            let line = self.line(key);
            let left = self.bins[line.item][line.warehouse].available;
            left > 0 && left * 10 >= line.quantity * 4
        };
        match (about.category, action) {
            (_, "reallocate_from_warehouse") => key.is_some_and(|key| self.stock_elsewhere(key).is_some()),
            (Category::InventoryShortage, "split_shipment") => key.is_some_and(part),
            (_, "substitute_item") => key.is_some_and(|key| self.substitute(key).is_some()),
            (_, "expedite_purchase_order") => key.is_some_and(|key| {
                let line = self.line(key);
                self.next_receipt(line.item, line.warehouse)
                    .is_some_and(|receipt| !self.purchase_orders[receipt].expedited)
            }),
            (Category::ShipmentStatusFailure, "rebook_carrier" | "reschedule_pickup" | "repromise_date") => in_house,
            (Category::ShipmentStatusFailure, "reschedule_delivery" | "upgrade_service" | "open_carrier_claim") => {
                !in_house
            }
            (Category::PricingDiscrepancy, "release_unaffected_lines") => self.orders[about.order].lines.len() > 1,
            (Category::CreditHold, "release_partial") => self.orders[about.order].lines.len() > 1,
            (Category::ShipmentStatusFailure | Category::InvoiceReleaseDelay, "cancel_line") => false,
            (_, "escalate_to_owner") => !about.escalated,
            _ => true,
        }
    }

    /// Working hours until an action has had its effect.
    pub(super) fn effort_hours(&self, trouble: usize, action: &str) -> f64 {
        let about = &self.troubles[trouble];
        let customer = &self.catalog.customers[self.orders[about.order].customer];
        let usual = match action {
            "reallocate_from_warehouse" => 2.5,
            "substitute_item" | "request_prepayment" | "ask_customer" => 4.0 + 10.0 * (1.0 - customer.responsive),
            "request_address" => 1.5 + 14.0 * (1.0 - customer.responsive),
            "expedite_purchase_order" | "ask_supplier" => 4.0,
            "raise_credit_limit" | "request_price_review" | "request_billing_review" => 8.0,
            "request_credit_review" | "open_integration_incident" => 11.0,
            "enter_manually" => 3.5,
            "do_nothing" => 5.0,
            "repromise_date" | "hold_order" | "open_carrier_claim" => 8.0,
            "approve_price" | "retry_transaction" | "release_credit_hold" | "release_invoice" => 0.7,
            _ => 1.5,
        };
        usual * (0.6 + 0.8 * about.severity)
    }

    /// Probability that an action does what it is for.
    fn success(&self, trouble: usize, action: &str) -> f64 {
        let about = &self.troubles[trouble];
        let customer = &self.catalog.customers[self.orders[about.order].customer];
        let usual = match action {
            "do_nothing" | "notify_customer" | "ask_supplier" | "ask_customer" | "hold_order" | "escalate_to_owner" => {
                return 0.0;
            }
            "cancel_line" | "split_shipment" | "release_partial" | "repromise_date" | "release_unaffected_lines" => {
                return 1.0;
            }
            "reallocate_from_warehouse" => 0.94,
            "substitute_item" => 0.45 + 0.4 * customer.responsive,
            "expedite_purchase_order" => {
                let line = about.line.map(|line| self.orders[about.order].lines[line].item);
                1.0 - line.map_or(0.5, |item| self.catalog.suppliers[self.catalog.items[item].supplier].slip)
            }
            "request_address" | "request_prepayment" => 0.35 + 0.6 * customer.responsive,
            "correct_address" => 0.9,
            "retry_transaction" if self.persists(trouble) => 0.0,
            "retry_transaction" => 0.95,
            "resend_document" if about.fault == Some(Fault::Twice) => 0.85,
            "resend_document" if self.persists(trouble) => 0.05,
            "resend_document" => 0.6,
            "enter_manually" => 0.97,
            "raise_credit_limit" => [0.9, 0.65, 0.35][customer.tier as usize],
            "request_credit_review" => [0.85, 0.65, 0.5][customer.tier as usize],
            "release_credit_hold" => 0.9,
            "upgrade_service" | "reschedule_delivery" => 0.75,
            "reschedule_pickup" | "rebook_carrier" => 0.85,
            "open_carrier_claim" => 0.1,
            _ => 0.85,
        };
        (usual * (1.15 - 0.45 * about.severity)).min(0.98)
    }

    /// The moment in which an action bears fruit or does not.
    pub(super) fn effect(&mut self, trouble: usize, attempt: u32) {
        if !self.troubles[trouble].is_open() {
            return;
        }
        let action = self.troubles[trouble].action;
        let mut dice = self.dice(&self.troubles[trouble].key, &format!("effect {attempt}"));
        let lucky = dice.chance(self.success(trouble, action));
        let worked = lucky && self.is_possible(trouble, action) && self.apply(trouble, action);
        if worked {
            let about = &mut self.troubles[trouble];
            about.spent_cents += about.direct_cents;
        }
        if let Some(decision) = self.troubles[trouble].truth.decisions.last_mut() {
            decision.worked = Some(worked);
        }
        self.troubles[trouble].escalated |= action == "escalate_to_owner";
        if self.troubles[trouble].is_open() {
            self.plan_handling(trouble, attempt + 1);
        }
    }

    /// Changes the world; `false` when it would not let itself be changed.
    fn apply(&mut self, trouble: usize, action: &'static str) -> bool {
        if action == "cancel_line" {
            self.cancel_for(trouble);
            return true;
        }
        match self.troubles[trouble].category {
            Category::InventoryShortage | Category::AllocationConflict => self.apply_to_stock(trouble, action),
            Category::InvalidShipTo => self.apply_to_address(trouble, action),
            Category::PricingDiscrepancy => self.apply_to_price(trouble, action),
            Category::CreditHold => self.apply_to_credit(trouble, action),
            Category::OrderChange => self.apply_to_change(trouble, action),
            Category::ShipmentStatusFailure => self.apply_to_shipment(trouble, action),
            Category::IntegrationFailure => {
                if action == "open_integration_incident" {
                    self.mend(trouble);
                }
                self.clears(trouble, action);
                true
            }
            Category::InvoiceReleaseDelay => {
                self.clears(trouble, action);
                true
            }
        }
    }

    fn cancel_for(&mut self, trouble: usize) {
        let (order, line) = (self.troubles[trouble].order, self.troubles[trouble].line);
        let lines = 0..self.orders[order].lines.len();
        for index in lines.filter(|&index| line.is_none_or(|line| line == index)) {
            self.cancel_line((order, index), "customer_service", "could not be delivered as ordered");
        }
    }

    fn spend(&mut self, key: LineKey, cents: i64) {
        self.line_mut(key).cost_cents += cents;
    }

    fn apply_to_stock(&mut self, trouble: usize, action: &'static str) -> bool {
        let Some(index) = self.troubles[trouble].line else { return false };
        let key = (self.troubles[trouble].order, index);
        let (item, warehouse, number) = (self.line(key).item, self.line(key).warehouse, self.line(key).number);
        match action {
            "reallocate_from_warehouse" => {
                let Some(other) = self.stock_elsewhere(key) else { return false };
                self.wait_for(key, item, other);
                self.spend(key, 4_500);
                let site = self.catalog.warehouses[other].id;
                self.tell_change(key.0, json!({ "lines": [{ "line_no": number, "warehouse_id": site }] }));
            }
            "substitute_item" => {
                let Some(other) = self.substitute(key) else { return false };
                let price = self.prices.agreed(other, self.orders[key.0].customer, self.now);
                self.wait_for(key, other, warehouse);
                self.line_mut(key).price_cents = price;
                self.confirm(key);
                let sku = self.catalog.items[other].sku.clone();
                let line = json!({ "line_no": number, "sku": sku, "unit_price": decimal(price) });
                self.tell_change(key.0, json!({ "lines": [line] }));
            }
            "split_shipment" | "release_partial" => {
                let left = self.bins[item][warehouse].available;
                let quantity = self.line(key).quantity.min(left);
                if quantity <= 0 {
                    return false;
                }
                let line = self.line_mut(key);
                line.cut += line.quantity - quantity;
                (line.split, line.preferred, line.quantity) = (true, true, quantity);
                self.confirm(key);
                self.spend(key, 1_800);
                let line = json!({ "line_no": number, "quantity": quantity.to_string() });
                self.tell_change(key.0, json!({ "lines": [line] }));
            }
            "reallocate_from_order" => self.line_mut(key).preferred = true,
            "expedite_purchase_order" => return self.expedite(key),
            "repromise_date" => {
                self.repromise(key);
                return true;
            }
            _ => return false,
        }
        self.clears(trouble, action);
        true
    }

    /// The customer hears of a change that it did not ask for, and confirms it or does not answer.
    fn confirm(&mut self, key: LineKey) {
        let order = &self.orders[key.0];
        let responsive = self.catalog.customers[order.customer].responsive;
        if self.dice(format_args!("{}/{}", order.key, key.1), "confirms").chance(responsive) {
            self.agree(key);
        }
    }

    /// Whether what made a document fail is still so.
    fn persists(&self, trouble: usize) -> bool {
        let about = &self.troubles[trouble];
        let items = self.items_of(about.order);
        let customer = self.orders[about.order].customer;
        about.blocks == Stage::Validated
            && about.fault.is_some_and(|fault| self.edi.persists(fault, customer, &items, self.now))
    }

    /// The cause is mended and not only the document.
    fn mend(&mut self, trouble: usize) {
        let (order, fault) = (self.troubles[trouble].order, self.troubles[trouble].fault);
        let (items, customer, now) = (self.items_of(order), self.orders[order].customer, self.now);
        if let Some(fault) = fault {
            self.edi.mend(fault, customer, &items, now);
        }
    }

    /// The supplier hurries; the condition stands until the goods are there.
    fn expedite(&mut self, key: LineKey) -> bool {
        let Some(receipt) = self.next_receipt(self.line(key).item, self.line(key).warehouse) else { return false };
        self.purchase_orders[receipt].expedited = true;
        self.spend(key, 9_500);
        let left = self.purchase_orders[receipt].due - self.now;
        self.move_receipt(receipt, self.now + (left as f64 * 0.4) as i64);
        true
    }

    /// Tells a later date; what the customer was told first still counts.
    fn repromise(&mut self, key: LineKey) {
        let days = self.days_to_receipt(key).map_or(5, |days| days as usize + 1);
        let warehouse = self.line(key).warehouse;
        let promised = self.calendars[warehouse].at(self.now, days, 19 * HOUR);
        self.line_mut(key).yields = true;
        self.tell_promise(key, promised);
    }

    pub(super) fn tell_promise(&mut self, key: LineKey, promised: i64) {
        let (id, number) = (self.order(key).id.clone(), self.line(key).number);
        let data = json!({ "order_id": id, "line_no": number, "promised_ship_at": time(promised) });
        self.tell("/erp/main", "order.promised", &format!("{id}/{number}"), data);
    }

    fn apply_to_address(&mut self, trouble: usize, action: &'static str) -> bool {
        let order = self.troubles[trouble].order;
        if !matches!(action, "request_address" | "correct_address") {
            return false;
        }
        let guessed = action == "correct_address";
        let mut dice = self.dice(&self.troubles[trouble].key, "address");
        let wrong = guessed && dice.chance(0.1 + 0.25 * self.troubles[trouble].severity);
        let (customer, point) = (self.orders[order].customer, self.orders[order].point);
        let point = &mut self.catalog.customers[customer].points[point];
        point.record = if wrong { Record::Wrong } else { Record::Complete };
        let address = point.address.clone();
        self.orders[order].ship_to = Some(address.clone());
        self.tell_change(order, json!({ "ship_to": address }));
        self.clears(trouble, action);
        true
    }

    fn apply_to_price(&mut self, trouble: usize, action: &'static str) -> bool {
        let (order, Some(index)) = (self.troubles[trouble].order, self.troubles[trouble].line) else { return false };
        let (id, number) = (self.orders[order].id.clone(), self.orders[order].lines[index].number);
        let (item, customer) = (self.orders[order].lines[index].item, self.orders[order].customer);
        let due = self.prices.agreed(item, customer, self.now);
        match action {
            "release_unaffected_lines" => {
                let others = (0..self.orders[order].lines.len()).filter(|&other| other != index).collect();
                self.spare(trouble, others);
                return true;
            }
            "approve_price" => {
                let data = json!({
                    "order_id": id, "line_no": number, "category": "pricing_discrepancy", "detail": "price approved for this line",
                });
                self.tell("/erp/main", "exception.cleared", &format!("{id}/{number}"), data);
            }
            _ => {
                self.orders[order].lines[index].price_cents = due;
                self.tell_change(order, json!({ "lines": [{ "line_no": number, "unit_price": decimal(due) }] }));
                if action == "request_price_review" {
                    self.agree((order, index));
                }
            }
        }
        let now = self.now;
        self.prices.tell(item, customer, now);
        self.clears(trouble, action);
        true
    }

    fn apply_to_credit(&mut self, trouble: usize, action: &'static str) -> bool {
        let order = self.troubles[trouble].order;
        let customer = self.orders[order].customer;
        match action {
            "release_partial" => {
                self.spare(trouble, vec![0]);
                return true;
            }
            "raise_credit_limit" => {
                let who = &mut self.catalog.customers[customer];
                who.limit += (who.limit / 5).max(self.orders[order].value_cents);
                self.tell_customer(customer);
                self.risk_default(order);
            }
            "request_prepayment" => {
                self.pay(customer, self.orders[order].value_cents, 0);
            }
            _ => self.risk_default(order),
        }
        self.clears(trouble, action);
        true
    }

    /// Goods that leave on credit beyond the limit may never be paid.
    fn risk_default(&mut self, order: usize) {
        let risk = self.catalog.customers[self.orders[order].customer].default_risk;
        if self.dice(&self.orders[order].key, "default").chance(risk) {
            for line in &mut self.orders[order].lines {
                line.lost_cents += line.quantity * line.price_cents * 3 / 10;
            }
        }
    }

    fn apply_to_shipment(&mut self, trouble: usize, action: &'static str) -> bool {
        let Some(shipment) = self.troubles[trouble].shipment else { return false };
        let (order, carrier) = (self.shipments[shipment].order, self.shipments[shipment].carrier);
        let warehouse = self.leaves_from(shipment);
        match action {
            "rebook_carrier" => {
                let best = if carrier == 0 { 2 } else { 0 };
                let due = self.calendars[warehouse].next_at(self.now, self.catalog.carriers[best].cut_off);
                self.book_pickup(shipment, best, due);
                let line = self.orders[order].lines.iter().position(|line| line.stage == Stage::Packed);
                if let Some(line) = line {
                    self.spend((order, line), 6_000);
                }
            }
            "reschedule_pickup" => {
                let due = self.calendars[warehouse].add_work(self.now, 3.0).min(self.shipments[shipment].due);
                self.book_pickup(shipment, carrier, due);
            }
            "reschedule_delivery" | "upgrade_service" => {
                let (customer, point) = (self.orders[order].customer, self.orders[order].point);
                let point = &mut self.catalog.customers[customer].points[point];
                if point.record == Record::Wrong {
                    point.record = Record::Complete;
                }
                let due = self.calendars[warehouse].next_at(self.now, 9 * HOUR);
                self.deliver_sooner(shipment, due);
            }
            "repromise_date" => {
                let promised = self.shipments[shipment].due + HOUR;
                let lines: Vec<usize> = (0..self.orders[order].lines.len())
                    .filter(|&line| self.orders[order].lines[line].stage == Stage::Packed)
                    .collect();
                for line in lines {
                    self.tell_promise((order, line), promised);
                }
            }
            _ => return false,
        }
        true
    }
}
