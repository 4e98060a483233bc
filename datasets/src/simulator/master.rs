//! Telling master data, and what changes in it: prices, exposure, days.
//!
//! Guarantees: everything an order refers to was told before the order. Non-goals: new customers or items in a run.

use serde_json::json;

use super::calendar::{DAY, HOUR};
use super::event::{decimal, money};
use super::mail::{Mail, Situation};
use super::world::{Task, World};

const ERP: &str = "/erp/main";

fn local(seconds: i64) -> String {
    format!("{:02}:{:02}", seconds / HOUR, seconds % HOUR / 60)
}

impl World {
    /// The first moment: master data, stock, purchase orders on their way, payments to come, price changes.
    pub(super) fn open(&mut self) {
        for site in self.catalog.warehouses.clone() {
            let data = json!({
                "warehouse_id": site.id, "name": site.name,
                "cut_off_local_time": local(site.cut_off), "time_zone": site.zone,
            });
            self.tell(ERP, "warehouse.upserted", site.id, data);
        }
        for carrier in self.catalog.carriers.clone() {
            let data = json!({
                "carrier_id": carrier.id, "name": carrier.name, "email_domains": [carrier.domain],
                "cut_off_local_time": local(carrier.cut_off), "time_zone": self.catalog.warehouses[0].zone,
            });
            self.tell(ERP, "carrier.upserted", carrier.id, data);
        }
        for supplier in (*self.catalog.suppliers).clone() {
            let data = json!({
                "supplier_id": supplier.id, "name": supplier.name, "email_domains": [supplier.domain],
                "contacts": [{ "name": supplier.contact, "email": address(supplier.contact, &supplier.domain) }],
            });
            self.tell(ERP, "supplier.upserted", &supplier.id, data);
        }
        for item in 0..self.catalog.items.len() {
            self.tell_item(item);
        }
        for customer in 0..self.catalog.customers.len() {
            self.tell_customer(customer);
            self.schedule_old_payments(customer);
        }
        self.open_stock();
        for item in 0..self.catalog.items.len() {
            for at in self.prices.changes(item) {
                if at > self.now {
                    self.schedule(at, Task::PriceChange(item));
                }
            }
        }
    }

    fn tell_item(&mut self, item: usize) {
        let (list, valid) = (self.prices.list(item, self.now), self.prices.valid(item, self.now));
        let contracts: serde_json::Map<_, _> =
            valid.map(|(who, cents)| (self.catalog.customers[who].id.clone(), money(cents))).collect();
        let item = &self.catalog.items[item];
        let substitutes: Vec<_> = item.substitutes.iter().map(|&other| self.catalog.items[other].sku.clone()).collect();
        let sku = item.sku.clone();
        let data = json!({
            "sku": sku, "description": item.description, "unit_of_measure": item.unit,
            "list_price": money(list), "substitutes": substitutes, "contract_prices": contracts,
        });
        self.tell(ERP, "item.upserted", &sku, data);
    }

    pub(super) fn tell_customer(&mut self, customer: usize) {
        let who = &self.catalog.customers[customer];
        self.told_exposure[customer] = who.exposure;
        let contacts: Vec<_> =
            who.contacts.iter().map(|&name| json!({ "name": name, "email": address(name, &who.domain) })).collect();
        let id = who.id.clone();
        let data = json!({
            "customer_id": id, "name": who.name, "tier": who.tier.name(), "email_domains": [who.domain],
            "contacts": contacts, "credit_limit": money(who.limit), "credit_exposure": money(who.exposure),
            "payment_terms_days": who.terms_days,
        });
        self.tell(ERP, "customer.upserted", &id, data);
    }

    /// What a customer owed before the first day is paid over four weeks.
    fn schedule_old_payments(&mut self, customer: usize) {
        let part = self.catalog.customers[customer].exposure / 10;
        for number in 0..10 {
            let id = &self.catalog.customers[customer].id;
            let mut dice = self.dice(format_args!("{id}/{number}"), "old payment");
            let at = self.now + (dice.between(0.0, 28.0) * DAY as f64) as i64;
            self.unpaid[customer].push(at);
            self.schedule(at, Task::Payment { customer, cents: part, due: at });
        }
    }

    /// Midnight: exposure that moved, credit that has room again, today's orders and today's noise.
    pub(super) fn start_day(&mut self, day: u32) {
        for customer in 0..self.told_exposure.len() * usize::from(!self.muted) {
            let who = &self.catalog.customers[customer];
            if (who.exposure - self.told_exposure[customer]).abs() * 25 > who.limit {
                self.tell_customer(customer);
            }
        }
        for trouble in self.held.clone() {
            let order = &self.orders[self.troubles[trouble].order];
            let who = &self.catalog.customers[order.customer];
            if who.exposure + order.value_cents <= who.limit {
                self.schedule(self.now + 8 * HOUR, Task::Clears { trouble, why: "payment made room" });
            }
        }
        self.move_needs(day);
        if self.is_local() {
            return;
        }
        self.plan_orders(day);
        let working = self.calendars[0].is_working_day(self.now);
        let mut dice = self.dice(day, "irrelevant mail");
        for _ in 0..dice.whole(0, if working { 4 } else { 1 }) {
            let at = self.now + (dice.between(5.0, 20.0) * HOUR as f64) as i64;
            self.schedule(at, Task::Send(Mail::new(Situation::Irrelevant)));
        }
    }

    /// Something about an item's prices changed at this moment.
    pub(super) fn change_price(&mut self, item: usize) {
        self.tell_item(item);
        if !self.prices.rises(item, self.now) {
            return;
        }
        let mut mail = Mail::new(Situation::CostChange);
        mail.supplier = Some(self.catalog.items[item].supplier);
        mail.item = Some(item);
        self.schedule(self.now + 3 * HOUR, Task::Send(mail));
    }

    pub(super) fn pay(&mut self, customer: usize, cents: i64, due: i64) {
        self.unpaid[customer].retain(|&other| other != due);
        let who = &mut self.catalog.customers[customer];
        who.exposure = (who.exposure - cents).max(0);
        let id = who.id.clone();
        let data = json!({ "customer_id": id, "kind": "payment_received", "amount": money(cents) });
        self.tell("/finance/ledger", "finance.condition", &id, data);
        let mut dice = self.dice(format_args!("{id}/{}", self.now), "payment notice");
        let held = self
            .held
            .iter()
            .map(|&index| self.troubles[index].order)
            .find(|&order| self.orders[order].customer == customer);
        if let Some(order) = held.filter(|_| dice.chance(0.5)) {
            let mut mail = Mail::about(Situation::PaymentNotice, order, None);
            mail.amount = Some(decimal(cents));
            self.schedule(self.now + HOUR, Task::Send(mail));
        }
    }
}

/// `Anna Keller` at `x.example` is `anna.keller@x.example`.
pub(super) fn address(name: &str, domain: &str) -> String {
    format!("{}@{domain}", name.to_lowercase().replace(' ', "."))
}
