//! What customers need as time goes by, and how their planning runs find that an order no longer fits.
//!
//! Guarantees: a change is asked for because the need moved away from what it was when the order was placed, because the
//! customer's engineers replaced a part, or because it opened a new delivery point. Non-goals: what is done about it.

use super::calendar::{DAY, HOUR};
use super::changes::Change;
use super::orders::Stage;
use super::world::{Task, World};

/// Orders older than this are no longer planned.
const PLANNED_DAYS: i64 = 6;

impl World {
    /// Needs move a little every day; on working days customers look through their orders.
    pub(super) fn move_needs(&mut self, day: u32) {
        let working = self.calendars[0].is_working_day(self.now);
        for customer in
            (0..self.catalog.customers.len()).filter(|&customer| self.moves_customer(customer)).collect::<Vec<_>>()
        {
            let id = self.catalog.customers[customer].id.clone();
            let mut dice = self.dice(&id, &format!("need {day}"));
            let step = dice.between(-0.18, 0.18);
            let hour = dice.between(6.0, 14.0);
            let need = &mut self.needs[customer];
            *need = (1.0 + 0.9 * (*need - 1.0) + step).max(0.3);
            if working {
                self.schedule(self.now + (hour * HOUR as f64) as i64, Task::Plan { customer, day });
            }
        }
    }

    /// A planning run: the first order that no longer fits is to be changed.
    pub(super) fn plan(&mut self, customer: usize, day: u32) {
        let from = self.now - PLANNED_DAYS * DAY;
        let mine: Vec<usize> = self.recent[customer].iter().copied().collect();
        self.recent[customer].retain(|&order| self.orders[order].placed >= from);
        let open = |order: usize| {
            let order = &self.orders[order];
            order.change.is_none() && order.lines.iter().any(|line| !line.cancelled && line.stage < Stage::Packed)
        };
        let open: Vec<usize> = mine.into_iter().filter(|&order| open(order)).collect();
        let found = open.iter().find_map(|&order| self.misfit(order, day).map(|change| (order, change)));
        if let Some((order, change)) = found {
            self.customer_change(order, change);
        }
    }

    /// What should be changed about an order, if anything.
    fn misfit(&self, order: usize, day: u32) -> Option<Change> {
        let about = &self.orders[order];
        let who = &self.catalog.customers[about.customer];
        let index = about.lines.iter().position(|line| !line.cancelled && line.stage < Stage::Packed)?;
        let line = &about.lines[index];
        let opened = who.points.iter().find(|point| (self.now - DAY..self.now).contains(&point.opens));
        if let Some(point) = opened.filter(|_| about.point == 0) {
            return Some(Change::Address(point.address.clone()));
        }
        if who.engineering.holds(self.now)
            && let Some(&other) = self.catalog.items[line.item].substitutes.first()
        {
            return Some(Change::Item(other));
        }
        let moved = self.needs[about.customer] / about.need - 1.0;
        let mut dice = self.dice(&about.key, &format!("misfit {day}"));
        if moved > who.tolerance || (-1.4 * who.tolerance..-who.tolerance).contains(&moved) {
            let wanted = (line.quantity as f64 * (1.0 + 1.4 * moved)).round() as i64;
            return (wanted.max(1) != line.quantity).then_some(Change::Quantity(wanted.max(1)));
        }
        if moved < -1.8 * who.tolerance {
            return Some(Change::Cancel);
        }
        (moved < -1.4 * who.tolerance).then(|| {
            let days = dice.whole(2, 6) as usize;
            Change::Postpone(self.calendars[line.warehouse].at(line.promised, days, 19 * HOUR))
        })
    }
}
