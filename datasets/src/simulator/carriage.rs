//! Carriers as they are: trucks with so many places, days without any, hubs that fall behind, scanners that fail.
//!
//! Guarantees: a pick-up is missed because the carrier is out or its truck is full, a shipment is delayed because it is
//! left over in a hub that has more than it can pass on; both hit everybody who is there. Non-goals: tours.

use super::calendar::DAY;
use super::catalog::Carrier;
use super::random::Streams;
use super::scenario::{Drift, Scenario};
use super::windows::Windows;

#[derive(Clone, Debug)]
pub(super) struct Carriage {
    start: i64,
    outages: Vec<Windows>,
    scanners: Vec<Windows>,
    /// Share of what is in the hub that stays over night, by carrier and day.
    left_over: Vec<Vec<f64>>,
    trucks: Vec<f64>,
    /// Shipments on an ordinary day, by carrier and warehouse.
    usual: Vec<Vec<f64>>,
}

impl Carriage {
    pub(super) fn new(
        streams: Streams,
        (start, days): (i64, u32),
        carriers: &[Carrier],
        usual: Vec<Vec<f64>>,
        scenario: &Scenario,
    ) -> Self {
        let span = (start, start + (i64::from(days) + 60) * DAY);
        let mut outages: Vec<Windows> = carriers
            .iter()
            .map(|carrier| Windows::drawn(streams, carrier.id, "outage", span, (500.0, 1_500.0), (14.0, 44.0)))
            .collect();
        for drift in &scenario.drift {
            if let Drift::CarrierOutage { carrier_id, day, days } = drift {
                let from = start + i64::from(*day) * DAY;
                for (carrier, windows) in carriers.iter().zip(&mut outages) {
                    if carrier.id == carrier_id {
                        windows.add(from, from + i64::from(*days) * DAY);
                    }
                }
            }
        }
        let scanner =
            |carrier: &Carrier| Windows::drawn(streams, carrier.id, "scanner outage", span, (90.0, 400.0), (2.0, 14.0));
        Self {
            start,
            outages,
            scanners: carriers.iter().map(scanner).collect(),
            left_over: carriers.iter().map(|carrier| hub(streams, span, carrier)).collect(),
            trucks: carriers.iter().map(|carrier| carrier.trucks).collect(),
            usual,
        }
    }

    pub(super) fn is_out(&self, carrier: usize, now: i64) -> bool {
        self.outages[carrier].holds(now)
    }

    pub(super) fn scanner_fails(&self, carrier: usize, now: i64) -> bool {
        self.scanners[carrier].holds(now)
    }

    /// Share of a hub's shipments that stay over night today.
    pub(super) fn left_over(&self, carrier: usize, now: i64) -> f64 {
        let day = ((now - self.start) / DAY).max(0) as usize;
        self.left_over[carrier].get(day).copied().unwrap_or(0.0)
    }

    pub(super) fn usual(&self, carrier: usize, warehouse: usize) -> f64 {
        self.usual[carrier][warehouse]
    }

    /// How many shipments the truck of a moment takes, by carrier, warehouse and time.
    pub(super) fn places(&self, streams: Streams, id: &str, (carrier, warehouse, due): (usize, usize, i64)) -> f64 {
        let mut dice = streams.dice(format_args!("{id}/{warehouse}/{due}"), "truck");
        self.usual[carrier][warehouse] * self.trucks[carrier] * dice.between(0.75, 1.35) + 1.5
    }
}

/// What comes in beyond what a hub can pass on stays; storms and breakdowns halve what it can.
fn hub(streams: Streams, (start, end): (i64, i64), carrier: &Carrier) -> Vec<f64> {
    let storms = Windows::drawn(streams, carrier.id, "storm", (start, end), (300.0, 1_000.0), (14.0, 40.0));
    let mut dice = streams.dice(carrier.id, "hub");
    let mut left = 0.0;
    (0..(end - start) / DAY)
        .map(|day| {
            let passes = carrier.hub * if storms.holds(start + day * DAY + DAY / 2) { 0.5 } else { 1.0 };
            let there = left + dice.between(0.8, 1.2);
            left = (there - passes).clamp(0.0, 1.5);
            left / there
        })
        .collect()
}
