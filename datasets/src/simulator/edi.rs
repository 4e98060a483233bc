//! The electronic partners, the gateway that their documents come through and the bridges to the warehouses.
//!
//! Guarantees: a document fails because of what is the case when it comes: the gateway is down or busy, the partner's
//! certificate is no longer valid, a code is not in the mapping, the partner sent it again while it waited. What is
//! mended stays mended. Non-goals: what people do about it.

use std::collections::{BTreeSet, VecDeque};

use super::calendar::{DAY, HOUR};
use super::catalog::{Customer, Warehouse};
use super::random::Streams;
use super::scenario::{Drift, Scenario};
use super::shared::Shared;
use super::windows::Windows;

/// How long the gateway remembers what came, and how busy it may be in that time, in orders of an ordinary hour.
const BUSY_SECONDS: i64 = HOUR / 2;
const BUSY_HOURS: f64 = 1.6;

/// Why a document does not go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Overloaded,
    UnknownCode,
    Certificate,
    Twice,
}

impl Fault {
    pub(super) fn cause(self) -> &'static str {
        match self {
            Self::Overloaded => "gateway was overloaded",
            Self::UnknownCode => "mapping does not know a code",
            Self::Certificate => "partner's certificate expired",
            Self::Twice => "document came twice",
        }
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Overloaded => "TIMEOUT",
            Self::UnknownCode => "MAP-104",
            Self::Certificate => "AS2-403",
            Self::Twice => "DUP-001",
        }
    }
}

#[derive(Clone, Debug)]
struct Partner {
    expired: Windows,
    unmapped: BTreeSet<usize>,
    /// Seconds without an acknowledgement after which it sends again.
    patience: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Edi {
    gateway: Windows,
    bridges: Vec<Windows>,
    /// By customer; those without electronic orders never send.
    partners: Vec<Partner>,
    recent: VecDeque<i64>,
    busy: usize,
}

impl Edi {
    pub(super) fn new(
        streams: Streams,
        span: (i64, i64),
        orders_per_day: f64,
        (customers, items, warehouses): (&[Shared<Customer>], usize, &[Warehouse]),
    ) -> Self {
        let partner = |who: &Customer| {
            let mut dice = streams.dice(&who.id, "mapping");
            let gap = 24.0 * dice.between(40.0, 90.0);
            let share = dice.between(0.0, 0.12);
            Partner {
                expired: Windows::drawn(streams, &who.id, "certificate", span, (gap, gap * 2.0), (12.0, 70.0)),
                unmapped: (0..items).filter(|_| dice.chance(share)).collect(),
                patience: (dice.between(0.6, 3.0) * HOUR as f64) as i64,
            }
        };
        let bridge =
            |site: &Warehouse| Windows::drawn(streams, site.id, "bridge outage", span, (100.0, 300.0), (0.5, 3.0));
        Self {
            gateway: Windows::drawn(streams, "gateway", "outage", span, (40.0, 130.0), (0.4, 2.6)),
            bridges: warehouses.iter().map(bridge).collect(),
            partners: customers.iter().map(|who| partner(who)).collect(),
            recent: VecDeque::new(),
            busy: (orders_per_day / 20.0 * BUSY_HOURS) as usize + 2,
        }
    }

    /// New code lists: every partner loses a share of the items, each by a stream of its own.
    pub(super) fn change_mappings(
        &mut self,
        streams: Streams,
        customers: &[Shared<Customer>],
        items: usize,
        share: f64,
    ) {
        for (partner, who) in self.partners.iter_mut().zip(customers) {
            let mut dice = streams.dice(&who.id, "mapping change");
            partner.unmapped.extend((0..items).filter(|_| dice.chance(share)));
        }
    }

    /// An order document comes; `None` when it goes through.
    pub(super) fn receive(&mut self, customer: usize, items: &[usize], now: i64) -> Option<Fault> {
        self.recent.push_back(now);
        while self.recent.front().is_some_and(|&first| first < now - BUSY_SECONDS) {
            self.recent.pop_front();
        }
        let partner = &self.partners[customer];
        if partner.expired.holds(now) {
            return Some(Fault::Certificate);
        }
        if let Some(end) = self.gateway.end_of(now) {
            return Some(if end - now > partner.patience { Fault::Twice } else { Fault::Overloaded });
        }
        if self.recent.len() > self.busy {
            return Some(Fault::Overloaded);
        }
        items.iter().any(|item| partner.unmapped.contains(item)).then_some(Fault::UnknownCode)
    }

    /// Whether what made a document fail is still so.
    pub(super) fn persists(&self, fault: Fault, customer: usize, items: &[usize], now: i64) -> bool {
        let partner = &self.partners[customer];
        match fault {
            Fault::Overloaded => self.gateway.holds(now),
            Fault::Certificate => partner.expired.holds(now),
            Fault::UnknownCode => items.iter().any(|item| partner.unmapped.contains(item)),
            Fault::Twice => true,
        }
    }

    /// Somebody mends the cause and not only the document.
    pub(super) fn mend(&mut self, fault: Fault, customer: usize, items: &[usize], now: i64) {
        let partner = &mut self.partners[customer];
        match fault {
            Fault::Certificate => partner.expired.close(now),
            Fault::UnknownCode => partner.unmapped.retain(|item| !items.contains(item)),
            Fault::Overloaded | Fault::Twice => {}
        }
    }

    /// When the bridge to a warehouse works again; `None` when it works.
    pub(super) fn bridge_down_until(&self, warehouse: usize, now: i64) -> Option<i64> {
        self.bridges[warehouse].end_of(now)
    }

    /// When the gateway works again; `None` when it works.
    pub(super) fn gateway_down_until(&self, now: i64) -> Option<i64> {
        self.gateway.end_of(now)
    }
}

/// Days of mapping changes in a script.
pub(super) fn mapping_changes(scenario: &Scenario, start: i64) -> impl Iterator<Item = (i64, f64)> + '_ {
    scenario.drift.iter().filter_map(move |drift| match drift {
        Drift::MappingChange { day, share } => Some((start + i64::from(*day) * DAY, *share)),
        _ => None,
    })
}
