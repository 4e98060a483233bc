//! Until when an action can still help: counted back from the ship date through the hours in which others work.
//!
//! Goods leave with the last hand-over that the carrier and the warehouse take before the ship date; for that they are
//! picked in the last wave from which the warehouse's own open hours suffice; and an action has to be done before the step
//! that it is for, in the open hours of whoever does it. A party that told no calendar works at any time.
//!
//! Guarantees: pure; without any calendar it is the catalogue's clock hours before the ship date. Non-goals: how long an
//! approval takes.

use jiff::{SignedDuration, Timestamp};

use crate::domain::action::{ActionSpec, ServiceParty, ShipmentStep, Timing};
use crate::domain::calendar::Calendar;
use crate::domain::timetable::{Service, Timetable};

/// The steps of one shipment, and the calendars that actions are counted in.
#[derive(Debug)]
pub struct Deadlines<'a> {
    timetable: &'a Timetable,
    steps: Option<Steps>,
    warehouse: Option<Calendar>,
    carrier: Option<Calendar>,
    supplier: Option<Calendar>,
}

#[derive(Clone, Copy, Debug)]
struct Steps {
    pick: Timestamp,
    hand_over: Timestamp,
    due: Timestamp,
}

impl<'a> Deadlines<'a> {
    /// The steps before a ship date; nothing has a latest time where there is none.
    #[must_use]
    pub fn of(timetable: &'a Timetable, due_at: Option<Timestamp>) -> Self {
        let working = |service: &Option<Service>| service.as_ref().and_then(|service| service.working().ok());
        let (warehouse, carrier) = (working(&timetable.warehouse), working(&timetable.carrier));
        Self {
            steps: due_at.map(|due| steps(timetable, (warehouse.as_ref(), carrier.as_ref()), due)),
            warehouse,
            carrier,
            supplier: working(&timetable.supplier),
            timetable,
        }
    }

    /// The last instant at which the action, begun then, still comes in time.
    #[must_use]
    pub fn latest_useful(&self, spec: &ActionSpec) -> Option<Timestamp> {
        let steps = self.steps?;
        let Some(timing) = spec.timing else { return hours_before(steps.due, spec.useful_before_due_h) };
        let step = match timing.by {
            ShipmentStep::Pick => steps.pick,
            ShipmentStep::HandOver => steps.hand_over,
            ShipmentStep::Due => steps.due,
        };
        let calendar = match timing.calendar {
            ServiceParty::Warehouse => self.warehouse.as_ref(),
            ServiceParty::Carrier => self.carrier.as_ref(),
            ServiceParty::Supplier => self.supplier.as_ref(),
        };
        let counted = calendar.and_then(|calendar| {
            let arrives = hours_before(step, timing.transit_h)?;
            calendar.sub_business(arrives, hours(self.open_h(&timing)))
        });
        counted.or_else(|| hours_before(step, spec.useful_before_due_h))
    }

    /// A supplier's word on its lead time stands before the catalogue's.
    fn open_h(&self, timing: &Timing) -> f64 {
        let told = self.timetable.supplier.as_ref().filter(|_| timing.calendar == ServiceParty::Supplier);
        told.and_then(|supplier| supplier.lead_time_h).unwrap_or(timing.open_h)
    }
}

/// `warehouse` and `carrier` are the hours in which these work.
fn steps(timetable: &Timetable, (warehouse, carrier): (Option<&Calendar>, Option<&Calendar>), due: Timestamp) -> Steps {
    let before = |service: &Option<Service>, working: Option<&Calendar>, at: Timestamp| {
        let calendar = service.as_ref().zip(working).map(|(service, working)| service.handing_over(working.clone()));
        calendar.and_then(|calendar| calendar.last_open(at)).unwrap_or(at)
    };
    let collected = before(&timetable.carrier, carrier, due);
    let hand_over = before(&timetable.warehouse, warehouse, collected);
    let (Some(service), Some(calendar)) = (&timetable.warehouse, warehouse) else {
        return Steps { pick: hand_over, hand_over, due };
    };
    let begun = calendar.sub_business(hand_over, hours(service.lead_time_h.unwrap_or(0.0))).unwrap_or(hand_over);
    let wave = if service.pick_waves.is_empty() { None } else { calendar.last_of(begun, &service.pick_waves) };
    Steps { pick: wave.unwrap_or(begun), hand_over, due }
}

fn hours_before(at: Timestamp, count: f64) -> Option<Timestamp> {
    at.checked_sub(hours(count)).ok()
}

fn hours(count: f64) -> SignedDuration {
    #[expect(clippy::cast_possible_truncation, reason = "hours of the catalogue and of services are small")]
    let seconds = (count * 3600.0).round() as i64;
    SignedDuration::from_secs(seconds)
}
