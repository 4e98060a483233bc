//! How a line moves: received, validated, allocated, released, picked, packed.
//!
//! Guarantees: a line moves only when no open condition blocks its next step, and tells every step. Non-goals: transport.

use serde_json::json;

use super::calendar::HOUR;
use super::event::time;
use super::orders::{Line, Order, Stage};
use super::random::Dice;
use super::stock::wms;
use super::truth::Category;
use super::world::{LineKey, Task, World};

impl World {
    pub(super) fn line(&self, key: LineKey) -> &Line {
        &self.orders[key.0].lines[key.1]
    }

    pub(super) fn line_mut(&mut self, key: LineKey) -> &mut Line {
        &mut self.orders[key.0].lines[key.1]
    }

    pub(super) fn order(&self, key: LineKey) -> &Order {
        &self.orders[key.0]
    }

    /// How busy a warehouse is: 1 is a day's work released and not packed.
    pub(super) fn load(&self, warehouse: usize) -> f64 {
        f64::from(self.backlog[warehouse]) / self.catalog.warehouses[warehouse].capacity
    }

    /// Plans the line's next step after some hours; an earlier plan is void.
    pub(super) fn advance_in(&mut self, key: LineKey, hours: f64) {
        self.advance_at(key, self.now + (hours * HOUR as f64) as i64);
    }

    fn advance_at(&mut self, key: LineKey, at: i64) {
        let line = self.line_mut(key);
        line.token += 1;
        let token = line.token;
        self.schedule(at, Task::Advance { line: key, token });
    }

    pub(super) fn tell_status(&mut self, key: LineKey) {
        let line = self.line(key);
        let (id, site) = (self.order(key).id.clone(), self.catalog.warehouses[line.warehouse].id);
        let source = if line.stage <= Stage::Released { "/erp/main".to_owned() } else { wms(site) };
        let data = json!({ "order_id": id, "line_no": line.number, "status": line.stage.name(), "at": time(self.now) });
        self.tell(&source, "order.status", &format!("{id}/{}", line.number), data);
    }

    pub(super) fn advance(&mut self, key: LineKey, token: u32) {
        let line = self.line(key);
        if line.cancelled || line.token != token {
            return;
        }
        let next = match line.stage {
            Stage::Received => Stage::Validated,
            Stage::Validated => Stage::Allocated,
            Stage::Allocated => Stage::Released,
            Stage::Released => Stage::Picked,
            Stage::Picked => Stage::Packed,
            Stage::Packed | Stage::Shipped | Stage::Delivered | Stage::Invoiced => return,
        };
        if self.is_blocked(key, next)
            || (next == Stage::Allocated && !self.allocate(key))
            || (next == Stage::Released && self.bridge_fails(key))
            || (next == Stage::Picked && !self.pick(key))
        {
            return;
        }
        let line = self.line_mut(key);
        line.stage = next;
        let warehouse = line.warehouse;
        self.tell_status(key);
        match next {
            Stage::Released => self.backlog[warehouse] += 1,
            Stage::Packed => {
                self.backlog[warehouse] = self.backlog[warehouse].saturating_sub(1);
                return self.hand_over(key);
            }
            _ => {}
        }
        let at = self.next_step_at(key, next);
        self.advance_at(key, at);
    }

    fn next_step_at(&mut self, key: LineKey, reached: Stage) -> i64 {
        let line = self.line(key);
        let (warehouse, load) = (line.warehouse, self.load(line.warehouse));
        let calendar = &self.calendars[warehouse];
        let mut dice = self.dice(format_args!("{}/{}", self.order(key).key, line.number), reached.name());
        match reached {
            Stage::Validated => self.now + (dice.between(0.05, 0.4) * HOUR as f64) as i64,
            Stage::Allocated => calendar.add_work(self.now, dice.between(0.2, 1.5)),
            Stage::Released => {
                let cut_off = self.catalog.warehouses[warehouse].cut_off;
                let wave = calendar.next_at(self.now, cut_off);
                let same_day = wave - self.now < 10 * HOUR;
                let from = if same_day { self.now } else { wave - cut_off + 7 * HOUR };
                self.queue_for_pickers(key, from, &mut dice)
            }
            _ => calendar.add_work(self.now, (0.5 + load) * dice.skewed()),
        }
    }

    /// The pickers take one line after the other and work overtime when they are far behind; the best customers' lines
    /// are pulled forward.
    fn queue_for_pickers(&mut self, key: LineKey, from: i64, dice: &mut Dice) -> i64 {
        let warehouse = self.line(key).warehouse;
        let calendar = &self.calendars[warehouse];
        let others = self.local.as_ref().map_or(i64::MIN, |local| self.now + local.behind[warehouse]);
        let free = self.pickers_free[warehouse].max(others);
        let behind = free > calendar.add_work(from, 18.0);
        let overtime = if behind { 0.7 } else { 1.0 };
        let own = 11.0 / self.catalog.warehouses[warehouse].capacity * dice.skewed() * overtime;
        let done = calendar.add_work(from.max(free), own);
        self.pickers_free[warehouse] = done;
        let wait = [0.4, 0.9, 1.0][self.catalog.customers[self.order(key).customer].tier as usize];
        calendar.add_work(from + ((done - from) as f64 * wait) as i64, dice.between(0.5, 3.0))
    }

    /// Whether an open condition of the order forbids this step of the line.
    pub(super) fn is_blocked(&self, key: LineKey, next: Stage) -> bool {
        self.orders[key.0].troubles.iter().map(|&index| &self.troubles[index]).any(|trouble| {
            let blocks = match trouble.category {
                Category::IntegrationFailure => next == trouble.blocks,
                Category::PricingDiscrepancy
                | Category::CreditHold
                | Category::InventoryShortage
                | Category::AllocationConflict => next == Stage::Allocated,
                Category::InvalidShipTo => next == Stage::Released,
                Category::OrderChange => next == Stage::Picked || next == Stage::Packed,
                Category::ShipmentStatusFailure | Category::InvoiceReleaseDelay => false,
            };
            blocks && trouble.is_open() && !trouble.spares(key.1)
        })
    }

    /// The customer's patience ends.
    pub(super) fn give_up(&mut self, key: LineKey) {
        if self.line(key).stage < Stage::Released {
            self.cancel_line(key, "customer", "waited too long");
        }
    }

    /// Ends a line before it ships; its stock goes back.
    pub(super) fn cancel_line(&mut self, key: LineKey, by: &str, reason: &str) {
        let line = self.line_mut(key);
        if line.cancelled || line.stage >= Stage::Shipped {
            return;
        }
        line.cancelled = true;
        let (stage, item, warehouse, quantity, number) =
            (line.stage, line.item, line.warehouse, line.quantity, line.number);
        let value = quantity * line.price_cents;
        let order = &mut self.orders[key.0];
        order.revision += 1;
        let data = json!({
            "order_id": order.id, "line_no": number, "revision": order.revision, "by": by, "reason": reason,
        });
        let (id, customer, counted) = (order.id.clone(), order.customer, order.counted);
        order.value_cents -= value;
        if counted {
            self.catalog.customers[customer].exposure -= value;
        }
        self.tell("/erp/main", "order.cancelled", &format!("{id}/{number}"), data);
        if (Stage::Released..Stage::Packed).contains(&stage) {
            self.backlog[warehouse] = self.backlog[warehouse].saturating_sub(1);
        }
        if stage >= Stage::Allocated {
            self.bins[item][warehouse].available += quantity;
            if stage >= Stage::Picked {
                self.bins[item][warehouse].picked -= quantity;
            }
        } else {
            self.leave_queue(key);
        }
        self.stock_changed(item, warehouse);
        let open: Vec<usize> = self.orders[key.0].troubles.clone();
        for trouble in open {
            let about = &self.troubles[trouble];
            let whole = self.orders[key.0].lines.iter().all(|line| line.cancelled || line.stage >= Stage::Shipped);
            if about.is_open()
                && (about.line == Some(key.1) || (about.line.is_none() && whole && about.shipment.is_none()))
            {
                let category = about.category;
                self.end(trouble, "cancelled");
                self.resume(key.0, category);
            }
        }
    }
}
