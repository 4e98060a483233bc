//! The engine: an agenda of things to come, the state they change and the events they tell.
//!
//! Guarantees: one task runs at a time, in the order of (time, sequence), and events carry the time of the task that
//! told them. Non-goals: what tasks do, which the sibling modules say.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use serde_json::Value;

use super::artefacts::{Artefact, ArtefactTruth};
use super::calendar::{Calendar, DAY};
use super::carriage::Carriage;
use super::catalog::Catalog;
use super::edi::{self, Edi};
use super::event::{self, CloudEvent};
use super::fork::Local;
use super::mail::Mail;
use super::orders::Order;
use super::prices::Prices;
use super::random::{Dice, Streams};
use super::scenario::Scenario;
use super::shared::Shared;
use super::stock::{Bin, PurchaseOrder};
use super::transport::Shipment;
use super::trouble::Trouble;
use super::truth::{MessageTruth, Truth};
use super::{Config, ConfigError};

/// An order and a line of it, by index.
pub(super) type LineKey = (usize, usize);

/// What is going to happen; indices point into the world's tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Open,
    Day(u32),
    PriceChange(usize),
    PlaceOrder { customer: usize, of_day: u32, number: u32 },
    Plan { customer: usize, day: u32 },
    MappingChange(u32),
    Advance { line: LineKey, token: u32 },
    Reconsider { line: LineKey },
    GiveUp { line: LineKey },
    Document(usize),
    Handle { trouble: usize, attempt: u32 },
    Effect { trouble: usize, attempt: u32 },
    Clears { trouble: usize, why: &'static str },
    Slip(usize),
    Receipt { purchase_order: usize, token: u32 },
    Pickup { shipment: usize, token: u32 },
    Transit { shipment: usize, token: u32 },
    Invoice(usize),
    Payment { customer: usize, cents: i64, due: i64 },
    Send(Mail),
}

/// A task with its time; compared by time and sequence only, which no two share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) at: i64,
    sequence: u64,
    pub(super) task: Task,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The simulated company in the middle of its life.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) config: Config,
    pub(super) scenario: Shared<Scenario>,
    pub(super) streams: Streams,
    pub(super) catalog: Catalog,
    pub(super) prices: Shared<Prices>,
    pub(super) edi: Shared<Edi>,
    pub(super) carriage: Shared<Carriage>,
    /// By warehouse; the first is also the office's.
    pub(super) calendars: Shared<Vec<Calendar>>,
    pub(super) now: i64,
    pub(super) end: i64,
    pub(super) agenda: BinaryHeap<Reverse<Entry>>,
    sequence: u64,
    pub(super) out: VecDeque<CloudEvent>,
    pub(super) identifiers: Shared<BTreeMap<String, u64>>,
    pub(super) bins: Vec<Shared<Vec<Bin>>>,
    pub(super) purchase_orders: Vec<Shared<PurchaseOrder>>,
    pub(super) orders: Vec<Shared<Order>>,
    /// Lines that hold no stock yet, by item and warehouse.
    pub(super) unallocated: BTreeMap<(usize, usize), Shared<BTreeSet<LineKey>>>,
    /// Lines released and not packed, by warehouse.
    pub(super) backlog: Vec<u32>,
    /// When the pickers have worked off what is released, by warehouse.
    pub(super) pickers_free: Vec<i64>,
    pub(super) shipments: Vec<Shared<Shipment>>,
    pub(super) troubles: Vec<Shared<Trouble>>,
    /// Open credit holds.
    pub(super) held: BTreeSet<usize>,
    /// What each customer needs, in what it usually does.
    pub(super) needs: Vec<f64>,
    /// Orders of the last days, by customer.
    pub(super) recent: Vec<VecDeque<usize>>,
    /// Due times of invoices that are not paid, by customer.
    pub(super) unpaid: Vec<Vec<i64>>,
    /// Shipments in a truck, by carrier, warehouse and time.
    pub(super) loaded: BTreeMap<(usize, usize, i64), u32>,
    pub(super) told_exposure: Vec<i64>,
    pub(super) messages: Shared<BTreeMap<String, MessageTruth>>,
    /// How often somebody wrote about the same.
    pub(super) written: Shared<BTreeMap<String, u32>>,
    /// What came in as it was sent, with what it is about.
    pub(super) artefacts: Shared<Vec<(Artefact, ArtefactTruth)>>,
    /// Conditions that a caller was asked about.
    pub(super) asked: Shared<BTreeSet<usize>>,
    /// A copy tells nothing.
    pub(super) muted: bool,
    /// What still moves, where not everything does.
    pub(super) local: Option<Shared<Local>>,
    /// What is going to be done about a condition, whatever the agent would do.
    pub(super) forced: Option<(usize, &'static str)>,
}

impl World {
    /// A world before its first event.
    ///
    /// # Errors
    ///
    /// Refuses a configuration that is out of range.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Self::with(config, &Scenario::default())
    }

    /// A world of a certain character before its first event.
    ///
    /// # Errors
    ///
    /// Refuses a configuration or scenario that is out of range.
    pub fn with(config: Config, scenario: &Scenario) -> Result<Self, ConfigError> {
        config.check()?;
        if let Some(fault) = scenario.fault(&config) {
            return Err(ConfigError::Scenario { fault });
        }
        let streams = Streams::new(config.seed);
        let start = config.start.as_second();
        let days = (start, config.days);
        let catalog = Catalog::new(streams, days, config.orders_per_day, scenario);
        let calendars = catalog
            .warehouses
            .iter()
            .map(|site| {
                Calendar::new(site.posix, config.start, config.days).ok_or(ConfigError::Start { given: config.start })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let end = start + i64::from(config.days) * DAY;
        let masters = (catalog.customers.as_slice(), catalog.items.len(), catalog.warehouses.as_slice());
        let edi = Edi::new(streams, (start, end + 60 * DAY), f64::from(config.orders_per_day), masters);
        let usual = catalog.usual_shipments(config.orders_per_day);
        let customers = catalog.customers.len();
        let mut world = Self {
            config,
            scenario: scenario.clone().into(),
            streams,
            prices: Prices::new(streams, days, &catalog.items, &catalog.customers, scenario).into(),
            edi: edi.into(),
            carriage: Carriage::new(streams, days, &catalog.carriers, usual, scenario).into(),
            calendars: calendars.into(),
            now: start,
            end,
            agenda: BinaryHeap::new(),
            sequence: 0,
            out: VecDeque::new(),
            identifiers: BTreeMap::new().into(),
            bins: Vec::new(),
            purchase_orders: Vec::new(),
            orders: Vec::new(),
            unallocated: BTreeMap::new(),
            backlog: vec![0; catalog.warehouses.len()],
            pickers_free: vec![start; catalog.warehouses.len()],
            shipments: Vec::new(),
            troubles: Vec::new(),
            held: BTreeSet::new(),
            needs: vec![1.0; customers],
            recent: vec![VecDeque::new(); customers],
            unpaid: vec![Vec::new(); customers],
            loaded: BTreeMap::new(),
            told_exposure: catalog.customers.iter().map(|customer| customer.exposure).collect(),
            messages: BTreeMap::new().into(),
            written: BTreeMap::new().into(),
            artefacts: Vec::new().into(),
            asked: BTreeSet::new().into(),
            muted: false,
            local: None,
            forced: None,
            catalog,
        };
        world.plan_run();
        Ok(world)
    }

    fn plan_run(&mut self) {
        let start = self.now;
        self.schedule(start, Task::Open);
        for day in 0..self.config.days {
            self.schedule(start + i64::from(day) * DAY, Task::Day(day));
        }
        for (number, (at, _)) in edi::mapping_changes(&self.scenario.clone(), start).enumerate() {
            self.schedule(at, Task::MappingChange(number as u32));
        }
    }

    /// The rest of the world's life, in the order of time.
    pub fn events(&mut self) -> impl Iterator<Item = CloudEvent> + '_ {
        std::iter::from_fn(|| {
            while self.out.is_empty() && self.step() {}
            self.out.pop_front()
        })
    }

    /// What the events so far did not say; for evaluation only.
    #[must_use]
    pub fn truth(&self) -> Truth {
        let conditions = self.troubles.iter().map(|trouble| trouble.truth.clone()).collect();
        Truth { conditions, messages: (*self.messages).clone() }
    }

    /// What came in so far as it was sent; what each is about stands in the second list at the same place.
    #[must_use]
    pub fn artefacts(&self) -> (Vec<Artefact>, Vec<ArtefactTruth>) {
        self.artefacts.iter().cloned().unzip()
    }

    /// The truth of a world that is no longer needed.
    #[must_use]
    pub fn into_truth(self) -> Truth {
        self.truth()
    }

    /// Whether only one order and its surroundings still move.
    pub(super) fn is_local(&self) -> bool {
        self.local.is_some()
    }

    /// Whether a customer's needs still move.
    pub(super) fn moves_customer(&self, customer: usize) -> bool {
        self.local.as_ref().is_none_or(|local| local.customer == customer)
    }

    /// The condition that somebody decides on next for the first time, with the clock at that moment.
    pub(super) fn about_to_decide(&mut self) -> Option<usize> {
        let Reverse(next) = self.agenda.peek()?;
        let (at, Task::Handle { trouble, attempt: 0 }) = (next.at, &next.task) else { return None };
        let trouble = *trouble;
        if at >= self.end || !self.troubles[trouble].is_open() || self.asked.contains(&trouble) {
            return None;
        }
        self.now = at;
        Some(trouble)
    }

    /// A copy with nothing to come.
    pub(super) fn without_agenda(&self) -> World {
        World {
            agenda: BinaryHeap::new(),
            out: VecDeque::new(),
            scenario: self.scenario.clone(),
            catalog: self.catalog.clone(),
            prices: self.prices.clone(),
            edi: self.edi.clone(),
            carriage: self.carriage.clone(),
            calendars: self.calendars.clone(),
            identifiers: self.identifiers.clone(),
            bins: self.bins.clone(),
            purchase_orders: self.purchase_orders.clone(),
            orders: self.orders.clone(),
            unallocated: self.unallocated.clone(),
            backlog: self.backlog.clone(),
            pickers_free: self.pickers_free.clone(),
            shipments: self.shipments.clone(),
            troubles: self.troubles.clone(),
            held: self.held.clone(),
            needs: self.needs.clone(),
            recent: self.recent.clone(),
            unpaid: self.unpaid.clone(),
            loaded: self.loaded.clone(),
            told_exposure: self.told_exposure.clone(),
            messages: self.messages.clone(),
            written: self.written.clone(),
            artefacts: self.artefacts.clone(),
            asked: self.asked.clone(),
            local: self.local.clone(),
            ..*self
        }
    }

    pub(super) fn dice(&self, entity: impl std::fmt::Display, purpose: &str) -> Dice {
        self.streams.dice(entity, purpose)
    }

    pub(super) fn schedule(&mut self, at: i64, task: Task) {
        if self.local.as_ref().is_some_and(|local| !self.concerns(local, &task)) {
            return;
        }
        self.sequence += 1;
        self.agenda.push(Reverse(Entry { at: at.max(self.now), sequence: self.sequence, task }));
    }

    /// Tells an event of the current moment and returns its id.
    pub(super) fn tell(&mut self, source: &str, kind: &str, subject: &str, data: Value) -> String {
        if self.muted {
            return String::new();
        }
        let last = self.identifiers.entry(source.to_owned()).or_default();
        *last += 1;
        let id = format!("{}-{last:07}", source.trim_start_matches('/').replace('/', "-"));
        self.out.push_back(CloudEvent {
            specversion: "1.0".to_owned(),
            id: id.clone(),
            source: source.to_owned(),
            kind: format!("io.holdfast.{kind}.v1"),
            subject: subject.to_owned(),
            time: event::timestamp(self.now),
            data,
        });
        id
    }

    /// Runs the next task; `false` at the horizon.
    pub(super) fn step(&mut self) -> bool {
        let Some(Reverse(Entry { at, task, .. })) = self.agenda.pop() else { return false };
        if at >= self.end {
            self.agenda.clear();
            return false;
        }
        self.now = at;
        self.run(task);
        true
    }

    fn run(&mut self, task: Task) {
        match task {
            Task::Open => self.open(),
            Task::Day(day) => self.start_day(day),
            Task::PriceChange(item) => self.change_price(item),
            Task::PlaceOrder { customer, of_day, number } => self.place_order(customer, of_day, number),
            Task::Advance { line, token } => self.advance(line, token),
            Task::Reconsider { line } => self.reconsider(line),
            Task::GiveUp { line } => self.give_up(line),
            Task::Plan { customer, day } => self.plan(customer, day),
            Task::MappingChange(number) => self.change_mappings(number),
            Task::Document(order) => self.document_arrives(order),
            Task::Handle { trouble, attempt } => self.handle(trouble, attempt),
            Task::Effect { trouble, attempt } => self.effect(trouble, attempt),
            Task::Clears { trouble, why } => self.clears(trouble, why),
            Task::Slip(purchase_order) => self.slip(purchase_order),
            Task::Receipt { purchase_order, token } => self.receive(purchase_order, token),
            Task::Pickup { shipment, token } => self.pick_up(shipment, token),
            Task::Transit { shipment, token } => self.transit(shipment, token),
            Task::Invoice(shipment) => self.invoice(shipment),
            Task::Payment { customer, cents, due } => self.pay(customer, cents, due),
            Task::Send(mail) => self.send(mail),
        }
    }
}
