//! Conditions: how they appear, whom they hold up, and how they end.
//!
//! Guarantees: at most one open condition per (category, order, line, shipment); each has its twin in the truth.
//! Non-goals: what agents do about it.

use serde_json::json;

use super::calendar::HOUR;
use super::edi::Fault;
use super::event::{money, timestamp};
use super::mail::{Mail, Situation};
use super::orders::Stage;
use super::truth::{Category, Condition};
use super::world::{LineKey, Task, World};

#[derive(Clone, Debug)]
pub(super) struct Trouble {
    /// The same in every world that knows this condition.
    pub(super) key: String,
    pub(super) category: Category,
    pub(super) order: usize,
    pub(super) line: Option<usize>,
    pub(super) shipment: Option<usize>,
    pub(super) severity: f64,
    pub(super) opened: i64,
    /// For a failed document: the step that waits for it, and why it failed.
    pub(super) blocks: Stage,
    pub(super) fault: Option<Fault>,
    /// Lines that an agent let go on although the condition stands.
    spared: Vec<usize>,
    pub(super) escalated: bool,
    /// The action under way.
    pub(super) action: &'static str,
    open: bool,
    /// What people's time and actions have cost, and what the action under way will cost if it works.
    pub(super) spent_cents: i64,
    pub(super) direct_cents: i64,
    /// Failed deliveries of the order before the first decision.
    pub(super) failed_before: u32,
    pub(super) truth: Condition,
}

impl Trouble {
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether a line of the order may go on all the same.
    pub(super) fn spares(&self, line: usize) -> bool {
        let own =
            matches!(self.category, Category::InventoryShortage | Category::AllocationConflict | Category::OrderChange);
        (own && self.line.is_some_and(|mine| mine != line)) || self.spared.contains(&line)
    }
}

impl World {
    /// A condition that the events show from now on; `None` when it is open already.
    pub(super) fn raise(
        &mut self,
        category: Category,
        order: usize,
        line: Option<usize>,
        cause: &'static str,
    ) -> Option<usize> {
        self.raise_full(category, order, line, None, cause)
    }

    /// A transport condition.
    pub(super) fn raise_for_shipment(&mut self, shipment: usize, cause: &'static str) {
        self.raise_full(Category::ShipmentStatusFailure, self.shipments[shipment].order, None, Some(shipment), cause);
    }

    /// A billing condition.
    pub(super) fn raise_for_invoice(&mut self, shipment: usize, cause: &'static str) {
        self.raise_full(Category::InvoiceReleaseDelay, self.shipments[shipment].order, None, Some(shipment), cause);
        if self.dice(&self.shipments[shipment].key, "invoice question").chance(0.3) {
            let mut mail = Mail::about(Situation::InvoiceQuery, self.shipments[shipment].order, None);
            mail.shipment = Some(shipment);
            self.schedule(self.now + 9 * HOUR, Task::Send(mail));
        }
    }

    fn raise_full(
        &mut self,
        category: Category,
        order: usize,
        line: Option<usize>,
        shipment: Option<usize>,
        cause: &'static str,
    ) -> Option<usize> {
        let known =
            self.orders[order].troubles.iter().map(|&index| &self.troubles[index]).any(|other| {
                other.open && other.category == category && other.line == line && other.shipment == shipment
            });
        if known {
            return None;
        }
        let index = self.troubles.len();
        let same = |&&other: &&usize| {
            let other = &self.troubles[other];
            other.category == category && other.line == line && other.shipment == shipment
        };
        let again = self.orders[order].troubles.iter().filter(same).count();
        let place = shipment.and_then(|shipment| self.orders[order].shipments.iter().position(|&one| one == shipment));
        let key = format!("{}/{}/{line:?}/{place:?}/{again}", self.orders[order].key, category.name());
        let severity = self.dice(&key, "severity").unit();
        let truth = Condition {
            category,
            order_id: self.orders[order].id.clone(),
            line_no: line.map(|line| self.orders[order].lines[line].number),
            cause,
            severity,
            opened_at: timestamp(self.now),
            closed_at: None,
            closed_by: None,
            decisions: Vec::new(),
        };
        let trouble = Trouble {
            key,
            category,
            order,
            line,
            shipment,
            severity,
            opened: self.now,
            blocks: Stage::Validated,
            fault: None,
            spared: Vec::new(),
            escalated: false,
            action: "do_nothing",
            open: true,
            spent_cents: 0,
            direct_cents: 0,
            failed_before: 0,
            truth,
        };
        self.troubles.push(trouble.into());
        self.orders[order].troubles.push(index);
        if category == Category::CreditHold {
            self.held.insert(index);
        }
        self.plan_handling(index, 0);
        self.plan_questions(index);
        Some(index)
    }

    /// The customer may ask, urge or complain while a condition stands.
    fn plan_questions(&mut self, index: usize) {
        let trouble = &self.troubles[index];
        let (order, line, category, opened) = (trouble.order, trouble.line, trouble.category, trouble.opened);
        let mut dice = self.dice(&trouble.key, "questions");
        let customer = &self.catalog.customers[self.orders[order].customer];
        let eager = 0.25 + 0.35 * customer.responsive - 0.08 * f64::from(customer.tier as u8);
        let (situation, hours) = match category {
            Category::InventoryShortage | Category::AllocationConflict if dice.chance(0.45) => {
                (Situation::OrderStatus, dice.between(8.0, 50.0))
            }
            Category::InventoryShortage | Category::AllocationConflict => {
                (Situation::ExpediteRequest, dice.between(8.0, 40.0))
            }
            Category::InvalidShipTo if dice.chance(0.5) => (Situation::ShipToChange, dice.between(2.0, 20.0)),
            Category::PricingDiscrepancy => (Situation::PriceDispute, dice.between(3.0, 24.0)),
            Category::CreditHold => (Situation::CreditRequest, dice.between(2.0, 30.0)),
            Category::ShipmentStatusFailure => (Situation::OrderStatus, dice.between(4.0, 30.0)),
            Category::IntegrationFailure => (Situation::IntegrationFailure, dice.between(0.2, 3.0)),
            _ => return,
        };
        if dice.chance(eager) {
            let mut mail = Mail::about(situation, order, line);
            mail.trouble = Some(index);
            let at = self.calendars[0].add_work(opened, hours * 0.5);
            self.schedule(at, Task::Send(mail));
        }
    }

    /// An order's value against the customer's credit line.
    pub(super) fn check_credit(&mut self, order: usize) {
        let value = self.orders[order].value_cents;
        let customer = self.orders[order].customer;
        let who = &mut self.catalog.customers[customer];
        if who.exposure + value <= who.limit {
            who.exposure += value;
            self.orders[order].counted = true;
            return;
        }
        let data = json!({
            "order_id": self.orders[order].id, "customer_id": who.id, "kind": "credit_held", "amount": money(value),
        });
        let id = self.orders[order].id.clone();
        self.tell("/finance/ledger", "finance.condition", &id, data);
        self.raise(Category::CreditHold, order, None, "open orders and invoices reach the limit");
    }

    /// An order's document is at the gateway.
    pub(super) fn document_arrives(&mut self, order: usize) {
        let customer = self.orders[order].customer;
        let items = self.items_of(order);
        let Some(fault) = self.edi.receive(customer, &items, self.now) else { return };
        let until = self.edi.gateway_down_until(self.now);
        self.document_fails(order, fault, Stage::Validated, until);
    }

    /// A line cannot be released while the bridge to its warehouse is down; `true` leaves an open condition behind.
    pub(super) fn bridge_fails(&mut self, key: LineKey) -> bool {
        let Some(until) = self.edi.bridge_down_until(self.line(key).warehouse, self.now) else { return false };
        self.document_fails(key.0, Fault::Overloaded, Stage::Released, Some(until));
        true
    }

    /// What fails because something is down is tried again when it works, in most cases without anybody's doing.
    fn document_fails(&mut self, order: usize, fault: Fault, blocks: Stage, until: Option<i64>) {
        let raised = self.raise(Category::IntegrationFailure, order, None, fault.cause());
        let Some(trouble) = raised else { return };
        (self.troubles[trouble].blocks, self.troubles[trouble].fault) = (blocks, Some(fault));
        self.tell_document(trouble, Some(fault.code()), false);
        let mut dice = self.dice(&self.troubles[trouble].key, "automatic retry");
        let queued = dice.chance(0.6);
        if fault == Fault::Overloaded && queued {
            let at = until.unwrap_or(self.now) + (dice.between(0.2, 3.0) * HOUR as f64) as i64;
            self.schedule(at, Task::Clears { trouble, why: "automatic retry" });
        }
    }

    /// The items of an order.
    pub(super) fn items_of(&self, order: usize) -> Vec<usize> {
        self.orders[order].lines.iter().map(|line| line.item).collect()
    }

    /// Partners bring new code lists.
    pub(super) fn change_mappings(&mut self, number: u32) {
        let start = self.config.start.as_second();
        let scenario = self.scenario.clone();
        let Some((_, share)) = super::edi::mapping_changes(&scenario, start).nth(number as usize) else { return };
        let (streams, customers, items) = (self.streams, self.catalog.customers.clone(), self.catalog.items.len());
        self.edi.change_mappings(streams, &customers, items, share);
    }

    fn tell_document(&mut self, trouble: usize, code: Option<&str>, resolved: bool) {
        let (order, inbound) = (self.troubles[trouble].order, self.troubles[trouble].blocks == Stage::Validated);
        let id = self.orders[order].id.clone();
        let data = json!({
            "system": if inbound { "edi-gateway" } else { "wms-bridge" },
            "interface": if inbound { "orders-in" } else { "release-out" },
            "document_type": if inbound { "850" } else { "940" },
            "order_id": id, "error_code": code, "attempt": if resolved { 2 } else { 1 }, "resolved": resolved,
        });
        self.tell("/edi/gateway", "integration.failed", &id, data);
    }

    /// The open condition of a line's stock.
    pub(super) fn open_stock_trouble(&self, key: LineKey) -> Option<usize> {
        self.orders[key.0].troubles.iter().copied().find(|&index| {
            let trouble = &self.troubles[index];
            let stock = matches!(trouble.category, Category::InventoryShortage | Category::AllocationConflict);
            trouble.open && stock && trouble.line == Some(key.1)
        })
    }

    /// A condition is over without, or after, anybody's doing; its events say so.
    pub(super) fn clears(&mut self, index: usize, why: &'static str) {
        let trouble = &self.troubles[index];
        if !trouble.open {
            return;
        }
        let (category, order, shipment) = (trouble.category, trouble.order, trouble.shipment);
        self.end(index, why);
        match category {
            Category::CreditHold => self.release_credit(order),
            Category::IntegrationFailure => self.tell_document(index, None, true),
            Category::InvoiceReleaseDelay => {
                if let Some(shipment) = shipment {
                    self.release_invoice(shipment);
                }
            }
            _ => {}
        }
        self.resume(order, category);
    }

    /// Lines that waited for the end of a condition go on.
    pub(super) fn resume(&mut self, order: usize, category: Category) {
        for line in 0..self.orders[order].lines.len() {
            if self.orders[order].lines[line].stage < Stage::Packed && self.should_resume((order, line), category) {
                self.advance_in((order, line), 0.02);
            }
        }
    }

    /// Whether ending this kind of condition lets a line go on now rather than after the step it is in.
    fn should_resume(&self, key: LineKey, ended: Category) -> bool {
        let stage = self.line(key).stage;
        match ended {
            Category::OrderChange => stage == Stage::Released || stage == Stage::Picked,
            Category::InvalidShipTo => stage == Stage::Allocated,
            Category::IntegrationFailure => stage == Stage::Received || stage == Stage::Allocated,
            Category::ShipmentStatusFailure | Category::InvoiceReleaseDelay => false,
            _ => stage == Stage::Validated,
        }
    }

    fn release_credit(&mut self, order: usize) {
        let value = self.orders[order].value_cents;
        self.catalog.customers[self.orders[order].customer].exposure += value;
        self.orders[order].counted = true;
        let who = &self.catalog.customers[self.orders[order].customer];
        let data = json!({
            "order_id": self.orders[order].id, "customer_id": who.id, "kind": "credit_released", "amount": money(value),
        });
        let id = self.orders[order].id.clone();
        self.tell("/finance/ledger", "finance.condition", &id, data);
    }

    /// Closes the books on a condition.
    pub(super) fn end(&mut self, index: usize, why: &'static str) {
        self.troubles[index].open = false;
        self.held.remove(&index);
        let now = timestamp(self.now);
        let condition = &mut self.troubles[index].truth;
        condition.closed_at = Some(now);
        condition.closed_by = Some(why);
    }

    /// A shipment moved on.
    pub(super) fn end_for_shipment(&mut self, shipment: usize, why: &'static str) {
        let order = self.shipments[shipment].order;
        for index in self.orders[order].troubles.clone() {
            let trouble = &self.troubles[index];
            if trouble.open && trouble.shipment == Some(shipment) && trouble.category == Category::ShipmentStatusFailure
            {
                self.end(index, why);
            }
        }
    }

    /// Lets lines go on although the condition stands.
    pub(super) fn spare(&mut self, index: usize, lines: Vec<usize>) {
        let order = self.troubles[index].order;
        for &line in &lines {
            self.troubles[index].spared.push(line);
            if self.orders[order].lines[line].stage == Stage::Validated {
                self.advance_in((order, line), 0.1);
            }
        }
    }
}
