//! Worlds beside the world: a copy from a moment on, in which everything or only one case's surroundings move.
//!
//! Guarantees: a copy says nothing and disturbs nothing; with the same future it draws what the world will draw, so that
//! the copy in which people do what they do in the world becomes the world. Local copies hold the rest still: other
//! customers' trucks and pickers are as busy as usual, and nobody new asks for the stock. Non-goals: speed beyond that.

use std::cmp::Reverse;
use std::collections::{BTreeSet, VecDeque};

use super::random::Streams;
use super::world::{Entry, Task, World};

/// What still moves.
#[derive(Clone, Debug)]
pub(super) struct Local {
    orders: BTreeSet<usize>,
    pub(super) customer: usize,
    items: BTreeSet<usize>,
    /// Seconds that pickers are behind, by warehouse.
    pub(super) behind: Vec<i64>,
}

/// What of a world a copy lets move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    World,
    /// The order, those that wait for the same stock, and what reaches them: suppliers, carriers, payments.
    Local,
}

impl World {
    /// A copy from now on; `future` 0 draws what this world will draw, any other number something else.
    pub(super) fn fork(&self, trouble: usize, scope: Scope, future: u64) -> World {
        let local = (scope == Scope::Local).then(|| self.surroundings(trouble));
        let moves = |entry: &&Reverse<Entry>| match &local {
            Some(local) => self.concerns(local, &entry.0.task),
            None => !matches!(entry.0.task, Task::Send(_)),
        };
        let agenda = self.agenda.iter().filter(moves).cloned().collect();
        let mut world = self.without_agenda();
        world.agenda = agenda;
        world.muted = true;
        world.local = local.map(Into::into);
        if future > 0 {
            world.streams = Streams::new(self.config.seed ^ future.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
        world
    }

    fn surroundings(&self, trouble: usize) -> Local {
        let order = self.troubles[trouble].order;
        let mut orders = BTreeSet::from([order]);
        let mut items = BTreeSet::new();
        for line in &self.orders[order].lines {
            items.insert(line.item);
            items.extend(&self.catalog.items[line.item].substitutes);
            let waiting = self.unallocated.get(&(line.item, line.warehouse)).into_iter();
            orders.extend(waiting.flat_map(|lines| lines.iter()).map(|key| key.0));
        }
        Local {
            orders,
            customer: self.orders[order].customer,
            items,
            behind: self.pickers_free.iter().map(|free| (free - self.now).max(0)).collect(),
        }
    }

    /// Whether a task belongs to the surroundings of a case.
    pub(super) fn concerns(&self, local: &Local, task: &Task) -> bool {
        match task {
            Task::Day(_) => true,
            Task::Open | Task::PriceChange(_) | Task::MappingChange(_) | Task::PlaceOrder { .. } | Task::Send(_) => {
                false
            }
            Task::Plan { customer, .. } | Task::Payment { customer, .. } => *customer == local.customer,
            Task::Advance { line, .. } | Task::Reconsider { line } | Task::GiveUp { line } => {
                local.orders.contains(&line.0)
            }
            Task::Document(order) => local.orders.contains(order),
            Task::Handle { trouble, .. } | Task::Effect { trouble, .. } | Task::Clears { trouble, .. } => {
                local.orders.contains(&self.troubles[*trouble].order)
            }
            Task::Slip(bought) | Task::Receipt { purchase_order: bought, .. } => {
                local.items.contains(&self.purchase_orders[*bought].item)
            }
            Task::Pickup { shipment, .. } | Task::Transit { shipment, .. } | Task::Invoice(shipment) => {
                local.orders.contains(&self.shipments[*shipment].order)
            }
        }
    }

    /// Runs until nothing can change what a case comes to, or the horizon.
    pub(super) fn settle(&mut self, trouble: usize) {
        while !self.is_settled(trouble) && self.step() {}
        self.out = VecDeque::new();
    }
}
