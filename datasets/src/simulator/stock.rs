//! Stock per item and warehouse, purchase orders, and which line may take what.
//!
//! Guarantees: every change of `available` is told; a line in shortage asks for more than the last told position has.
//! What the books say and what lies on the shelf drift apart at every receipt, until a picker finds too little.
//! Non-goals: lots.

use std::collections::BTreeSet;

use serde_json::json;

use super::calendar::{DAY, HOUR};
use super::event::time;
use super::mail::{Mail, Situation};
use super::orders::Stage;
use super::random::Dice;
use super::truth::Category;
use super::world::{LineKey, Task, World};

#[derive(Clone, Debug)]
pub(super) struct Bin {
    pub(super) on_hand: i64,
    pub(super) available: i64,
    /// Units taken off the shelf and not yet out of the house.
    pub(super) picked: i64,
    /// What really is there beyond the books; below 0 where something is missing.
    miscount: i64,
    /// When a picker last put the books right.
    corrected: i64,
    /// Purchase orders so far.
    ordered: u32,
    on_order: i64,
    /// Open purchase orders.
    coming: Vec<usize>,
    reorder_at: i64,
    fill_to: i64,
}

#[derive(Clone, Debug)]
pub(super) struct PurchaseOrder {
    pub(super) id: String,
    /// The same in every world that knows this purchase order.
    pub(super) key: String,
    pub(super) supplier: usize,
    pub(super) item: usize,
    pub(super) warehouse: usize,
    pub(super) quantity: i64,
    pub(super) due: i64,
    pub(super) open: bool,
    pub(super) expedited: bool,
    token: u32,
}

impl World {
    /// Stock on the first day, about where a running company would have it.
    pub(super) fn open_stock(&mut self) {
        for item in 0..self.catalog.items.len() {
            let supplier = &self.catalog.suppliers[self.catalog.items[item].supplier];
            let lead = supplier.lead_days * 7.0 / 5.0;
            let mut row = Vec::new();
            for (warehouse, demand) in self.catalog.demand[item].iter().enumerate() {
                let mut dice = self.dice(self.place(item, warehouse), "stock");
                let safety = self.catalog.items[item].typical_quantity * dice.between(0.8, 2.4);
                let reorder_at = demand * lead * dice.between(0.95, 1.35) + safety;
                let fill_to = reorder_at + demand * dice.between(6.0, 14.0);
                let on_hand = dice.between(reorder_at * 0.7, fill_to) as i64;
                row.push(Bin {
                    on_hand,
                    available: on_hand,
                    picked: 0,
                    miscount: miscount(&mut dice, on_hand),
                    corrected: i64::MIN,
                    ordered: 0,
                    on_order: 0,
                    coming: Vec::new(),
                    reorder_at: reorder_at as i64,
                    fill_to: fill_to as i64,
                });
            }
            self.bins.push(row.into());
        }
        for item in 0..self.catalog.items.len() {
            for warehouse in 0..self.catalog.warehouses.len() {
                self.tell_position(item, warehouse);
                self.reorder(item, warehouse);
            }
        }
    }

    pub(super) fn tell_position(&mut self, item: usize, warehouse: usize) {
        let next = self.next_receipt(item, warehouse).map(|index| &self.purchase_orders[index]);
        let bin = &self.bins[item][warehouse];
        let (sku, site) = (self.catalog.items[item].sku.clone(), self.catalog.warehouses[warehouse].id);
        let data = json!({
            "sku": sku, "warehouse_id": site,
            "on_hand": bin.on_hand.to_string(), "available": bin.available.max(0).to_string(),
            "next_receipt_at": next.map(|order| time(order.due)),
            "next_receipt_quantity": next.map(|order| order.quantity.to_string()),
        });
        self.tell(&wms(site), "inventory.position", &format!("{sku}@{site}"), data);
    }

    pub(super) fn next_receipt(&self, item: usize, warehouse: usize) -> Option<usize> {
        self.bins[item][warehouse].coming.iter().copied().min_by_key(|&index| self.purchase_orders[index].due)
    }

    fn reorder(&mut self, item: usize, warehouse: usize) {
        let bin = &mut self.bins[item][warehouse];
        let position = bin.available + bin.on_order;
        if position > bin.reorder_at {
            return;
        }
        let quantity = bin.fill_to - position;
        let index = self.purchase_orders.len();
        bin.on_order += quantity;
        bin.coming.push(index);
        bin.ordered += 1;
        let number = bin.ordered;
        let id = format!("PUR-{}", 51_001 + index);
        let key = format!("{}/{number}", self.place(item, warehouse));
        let supplier = self.catalog.items[item].supplier;
        let days = self.catalog.suppliers[supplier].lead_days;
        let mut dice = self.dice(&key, "lead time");
        let due = self.calendars[warehouse].add_work(self.now, days * 11.0 * dice.between(0.8, 1.1));
        let order =
            PurchaseOrder { id, key, supplier, item, warehouse, quantity, due, open: true, expedited: false, token: 0 };
        self.purchase_orders.push(order.into());
        self.tell_purchase_order(index);
        self.acknowledge(index, "confirmed");
        let character = &self.catalog.suppliers[supplier];
        if dice.chance(character.slip) {
            let notice = self.now + ((due - self.now) as f64 * dice.between(0.5, 0.95)) as i64;
            self.schedule(notice, Task::Slip(index));
        } else if dice.chance(0.3) {
            self.mail_supplier(Situation::SupplyConfirmation, index, dice.between(1.0, 20.0));
        }
        self.schedule(due, Task::Receipt { purchase_order: index, token: 0 });
    }

    fn mail_supplier(&mut self, situation: Situation, purchase_order: usize, hours: f64) {
        let mut mail = Mail::new(situation);
        mail.purchase_order = Some(purchase_order);
        let at = self.calendars[0].add_work(self.now, hours);
        self.schedule(at, Task::Send(mail));
    }

    fn tell_purchase_order(&mut self, index: usize) {
        let order = &self.purchase_orders[index];
        let waiting: Vec<_> =
            self.waiting(order.item, order.warehouse).into_iter().map(|line| &self.orders[line.0].id).collect();
        let id = order.id.clone();
        let data = json!({
            "purchase_order_id": id, "supplier_id": self.catalog.suppliers[order.supplier].id,
            "sku": self.catalog.items[order.item].sku, "quantity": order.quantity.to_string(),
            "due_at": time(order.due), "confirmed_at": time(self.now), "affects_orders": waiting,
        });
        self.tell("/erp/main", "purchase_order.upserted", &id, data);
    }

    /// The supplier tells that it will be late.
    pub(super) fn slip(&mut self, index: usize) {
        let order = &self.purchase_orders[index];
        if !order.open {
            return;
        }
        let mut dice = self.dice(&order.key, "slip");
        let relief = if order.expedited { 0.4 } else { 1.0 };
        let due = self.calendars[order.warehouse].add_work(order.due, 11.0 * relief * dice.between(1.0, 6.0));
        self.move_receipt(index, due);
        self.acknowledge(index, "moved");
        self.mail_supplier(Situation::SupplyDelay, index, dice.between(0.2, 4.0));
    }

    /// Gives a purchase order another date and tells it.
    pub(super) fn move_receipt(&mut self, index: usize, due: i64) {
        let order = &mut self.purchase_orders[index];
        order.due = due.max(self.now + HOUR);
        order.token += 1;
        let (due, token, item, warehouse) = (order.due, order.token, order.item, order.warehouse);
        self.tell_purchase_order(index);
        self.tell_position(item, warehouse);
        self.schedule(due, Task::Receipt { purchase_order: index, token });
    }

    pub(super) fn receive(&mut self, index: usize, token: u32) {
        if self.purchase_orders[index].token != token {
            return;
        }
        let order = &mut self.purchase_orders[index];
        order.open = false;
        let (ordered, item, warehouse) = (order.quantity, order.item, order.warehouse);
        let mut dice = self.streams.dice(&self.purchase_orders[index].key, "receipt");
        let partial = self.catalog.suppliers[self.purchase_orders[index].supplier].partial;
        let received = if dice.chance(partial) { (ordered as f64 * dice.between(0.4, 0.85)) as i64 } else { ordered };
        let bin = &mut self.bins[item][warehouse];
        bin.on_order -= ordered;
        bin.coming.retain(|&other| other != index);
        bin.on_hand += received;
        bin.available += received;
        bin.miscount += miscount(&mut dice, received);
        self.announce(index, received);
        self.stock_changed(item, warehouse);
        if received < ordered {
            self.mail_supplier(Situation::SupplyShortage, index, 1.0);
        }
    }

    /// Tells the new position, orders more where needed and looks at the lines that wait.
    pub(super) fn stock_changed(&mut self, item: usize, warehouse: usize) {
        self.tell_position(item, warehouse);
        self.reorder(item, warehouse);
        for line in self.waiting(item, warehouse) {
            self.schedule(self.now, Task::Reconsider { line });
        }
    }

    /// Validated lines that wait for this stock, the most important and oldest first.
    fn waiting(&self, item: usize, warehouse: usize) -> Vec<LineKey> {
        let mut lines: Vec<LineKey> =
            self.unallocated.get(&(item, warehouse)).into_iter().flat_map(|lines| lines.iter()).copied().collect();
        lines.retain(|&key| self.line(key).stage == Stage::Validated);
        lines.sort_by_key(|&key| {
            (!self.line(key).preferred, self.catalog.customers[self.orders[key.0].customer].tier, key)
        });
        lines
    }

    /// Lines that wait for the same stock and come before this one.
    pub(super) fn waiting_before(&self, key: LineKey) -> Vec<LineKey> {
        let line = self.line(key);
        self.waiting(line.item, line.warehouse).into_iter().take_while(|&other| other != key).collect()
    }

    /// Why this line cannot have its stock now.
    pub(super) fn stock_condition(&self, key: LineKey) -> Option<Category> {
        let line = self.line(key);
        let available = self.bins[line.item][line.warehouse].available;
        if line.quantity > available {
            return Some(Category::InventoryShortage);
        }
        if line.preferred {
            return None;
        }
        let tier = |order: usize| self.catalog.customers[self.orders[order].customer].tier;
        self.unallocated
            .get(&(line.item, line.warehouse))
            .into_iter()
            .flat_map(|lines| lines.iter())
            .filter(|other| other.0 < key.0 && tier(other.0) <= tier(key.0))
            .map(|&other| self.line(other))
            .any(|other| !other.yields && other.quantity + line.quantity > available)
            .then_some(Category::AllocationConflict)
    }

    /// Looks again at a line after its stock changed: the condition may be over, or be another one.
    pub(super) fn reconsider(&mut self, key: LineKey) {
        if self.line(key).stage != Stage::Validated || self.line(key).cancelled {
            return;
        }
        let Some(trouble) = self.open_stock_trouble(key) else { return };
        match self.stock_condition(key) {
            Some(category) if category == self.troubles[trouble].category => {}
            _ => self.clears(trouble, "stock changed"),
        }
    }

    /// Takes stock for a line; `false` leaves an open condition behind.
    pub(super) fn allocate(&mut self, key: LineKey) -> bool {
        let (order, index) = key;
        if let Some(category) = self.stock_condition(key) {
            if self.open_stock_trouble(key).is_none() {
                let late = self.next_receipt(self.line(key).item, self.line(key).warehouse);
                let cause = match (category, late) {
                    (Category::AllocationConflict, _) => "an older order waits for the same stock",
                    _ if self.bins[self.line(key).item][self.line(key).warehouse].corrected >= self.now - HOUR => {
                        "less on the shelf than in the books"
                    }
                    (_, Some(receipt)) if self.purchase_orders[receipt].token > 0 => "supplier is late",
                    (_, Some(_)) => "demand before replenishment",
                    (_, None) => "nothing on order",
                };
                self.raise(category, order, Some(index), cause);
            }
            return false;
        }
        let (item, warehouse, quantity) = (self.line(key).item, self.line(key).warehouse, self.line(key).quantity);
        self.bins[item][warehouse].available -= quantity;
        self.leave_queue(key);
        self.stock_changed(item, warehouse);
        true
    }

    /// The name of an item in a warehouse.
    fn place(&self, item: usize, warehouse: usize) -> String {
        format!("{}@{}", self.catalog.items[item].sku, self.catalog.warehouses[warehouse].id)
    }

    /// Takes a line's units off the shelf. Where too few lie there the books are put right and the line has to wait for
    /// stock again: `false`.
    pub(super) fn pick(&mut self, key: LineKey) -> bool {
        let (item, warehouse, quantity) = (self.line(key).item, self.line(key).warehouse, self.line(key).quantity);
        let bin = &mut self.bins[item][warehouse];
        if quantity <= bin.on_hand + bin.miscount - bin.picked {
            bin.picked += quantity;
            return true;
        }
        bin.on_hand += bin.miscount;
        bin.available += bin.miscount + quantity;
        (bin.miscount, bin.corrected) = (0, self.now);
        self.backlog[warehouse] = self.backlog[warehouse].saturating_sub(1);
        self.line_mut(key).stage = Stage::Validated;
        self.unallocated.entry((item, warehouse)).or_insert_with(|| BTreeSet::new().into()).insert(key);
        self.tell_status(key);
        self.stock_changed(item, warehouse);
        self.advance_in(key, 0.02);
        false
    }

    /// The line no longer waits for stock.
    pub(super) fn leave_queue(&mut self, key: LineKey) {
        let place = (self.line(key).item, self.line(key).warehouse);
        if let Some(queue) = self.unallocated.get_mut(&place) {
            queue.remove(&key);
        }
    }

    /// Moves a waiting line to other stock.
    pub(super) fn wait_for(&mut self, key: LineKey, item: usize, warehouse: usize) {
        self.leave_queue(key);
        let line = self.line_mut(key);
        (line.item, line.warehouse) = (item, warehouse);
        self.unallocated.entry((item, warehouse)).or_insert_with(|| BTreeSet::new().into()).insert(key);
    }

    /// The warehouse that could cover the line at once and has most to spare.
    pub(super) fn stock_elsewhere(&self, key: LineKey) -> Option<usize> {
        let line = self.line(key);
        (0..self.catalog.warehouses.len())
            .filter(|&other| other != line.warehouse && self.bins[line.item][other].available >= line.quantity)
            .max_by_key(|&other| self.bins[line.item][other].available)
    }

    /// Another item that could cover the line at once.
    pub(super) fn substitute(&self, key: LineKey) -> Option<usize> {
        let line = self.line(key);
        let others = self.catalog.items[line.item].substitutes.iter().copied();
        others.into_iter().find(|&other| self.bins[other][line.warehouse].available >= line.quantity)
    }

    /// Days until the next receipt for a line, where one is on its way.
    pub(super) fn days_to_receipt(&self, key: LineKey) -> Option<f64> {
        let receipt = self.next_receipt(self.line(key).item, self.line(key).warehouse)?;
        Some((self.purchase_orders[receipt].due - self.now) as f64 / DAY as f64)
    }
}

/// Four receipts in five are counted right.
fn miscount(dice: &mut Dice, quantity: i64) -> i64 {
    let wrong = dice.chance(0.2);
    let share = dice.between(-0.035, 0.03);
    if wrong { (quantity as f64 * share) as i64 } else { 0 }
}

/// The source of a warehouse's own system.
pub(super) fn wms(site: &str) -> String {
    format!("/wms/{}", site.to_lowercase())
}
