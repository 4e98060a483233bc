//! What a unit costs, when, for whom, and what the customer's own system believes.
//!
//! Guarantees: list prices and contracts are histories, so that a price is a question of time; a customer quotes what
//! its system last heard. Non-goals: rebates and price breaks.

use std::collections::BTreeMap;

use super::calendar::DAY;
use super::catalog::{Customer, Item};
use super::random::Streams;
use super::scenario::{Drift, Scenario};
use super::shared::Shared;

/// A price agreed on for some time.
#[derive(Clone, Copy, Debug)]
struct Contract {
    cents: i64,
    from: i64,
    until: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Prices {
    /// By item: since when which list price, in the order of time.
    list: Vec<Vec<(i64, i64)>>,
    /// By item and customer.
    contracts: BTreeMap<(usize, usize), Vec<Contract>>,
    /// When somebody told the customer the price of an item.
    told: BTreeMap<(usize, usize), i64>,
}

impl Prices {
    pub(super) fn new(
        streams: Streams,
        (start, days): (i64, u32),
        items: &[Item],
        customers: &[Shared<Customer>],
        scenario: &Scenario,
    ) -> Self {
        let end = start + (i64::from(days) + 60) * DAY;
        let expiry = scenario.drift.iter().find_map(|drift| match drift {
            Drift::PriceListExpiry { day, rise } => Some((start + i64::from(*day) * DAY, *rise)),
            _ => None,
        });
        let list = items.iter().map(|item| list_prices(streams, start, end, item, expiry)).collect();
        let mut contracts = BTreeMap::new();
        for (index, item) in items.iter().enumerate() {
            for (customer, who) in customers.iter().enumerate() {
                let periods = contract_periods(streams, (start, end), item, &who.id, expiry);
                if !periods.is_empty() {
                    contracts.insert((index, customer), periods);
                }
            }
        }
        Self { list, contracts, told: BTreeMap::new() }
    }

    /// The list price of an item.
    pub(super) fn list(&self, item: usize, at: i64) -> i64 {
        let known = self.list[item].iter().rev().find(|change| change.0 <= at);
        known.or(self.list[item].first()).map_or(0, |change| change.1)
    }

    fn contract(&self, item: usize, customer: usize, at: i64) -> Option<i64> {
        let periods = self.contracts.get(&(item, customer))?;
        periods.iter().find(|period| (period.from..period.until).contains(&at)).map(|period| period.cents)
    }

    /// What a customer is to pay for a unit.
    pub(super) fn agreed(&self, item: usize, customer: usize, at: i64) -> i64 {
        self.contract(item, customer, at).unwrap_or_else(|| self.list(item, at))
    }

    /// What the customer's system believes: changes reach it late.
    pub(super) fn quoted(&self, item: usize, customer: usize, now: i64, lag_days: i64) -> i64 {
        let heard = self.told.get(&(item, customer)).copied().unwrap_or(i64::MIN);
        self.agreed(item, customer, heard.max(now - lag_days * DAY))
    }

    /// The customer learns today's price.
    pub(super) fn tell(&mut self, item: usize, customer: usize, now: i64) {
        self.told.insert((item, customer), now);
    }

    /// Whether the list price changed at this moment.
    pub(super) fn rises(&self, item: usize, at: i64) -> bool {
        self.list[item].iter().skip(1).any(|change| change.0 == at)
    }

    /// Moments in which something about an item's prices changes.
    pub(super) fn changes(&self, item: usize) -> Vec<i64> {
        let own = self.contracts.range((item, 0)..(item + 1, 0)).flat_map(|(_, periods)| periods);
        let mut moments: Vec<i64> = own.map(|period| period.until).collect();
        moments.extend(self.list[item].iter().skip(1).map(|change| change.0));
        moments.sort_unstable();
        moments.dedup();
        moments
    }

    /// The contracts of an item that hold now.
    pub(super) fn valid(&self, item: usize, at: i64) -> impl Iterator<Item = (usize, i64)> + '_ {
        self.contracts
            .range((item, 0)..(item + 1, 0))
            .filter_map(move |(key, _)| self.contract(item, key.1, at).map(|cents| (key.1, cents)))
    }
}

fn list_prices(streams: Streams, start: i64, end: i64, item: &Item, expiry: Option<(i64, f64)>) -> Vec<(i64, i64)> {
    let mut dice = streams.dice(&item.sku, "list price");
    let mut history = vec![(i64::MIN, item.list_cents)];
    let mut cents = item.list_cents;
    let mut at = start + (dice.between(2.0, 170.0) * DAY as f64) as i64;
    while at < end {
        cents = (cents as f64 * dice.between(1.03, 1.08)) as i64;
        history.push((at, cents));
        at += (dice.between(90.0, 200.0) * DAY as f64) as i64;
    }
    if let Some((day, rise)) = expiry {
        let before = history.iter().rev().find(|change| change.0 <= day).map_or(item.list_cents, |change| change.1);
        history.push((day, (before as f64 * (1.0 + rise)) as i64));
        history.sort_unstable();
    }
    history
}

/// One item in eight has a contract; when it ends it is renewed at a new price, or lapses.
fn contract_periods(
    streams: Streams,
    (start, end): (i64, i64),
    item: &Item,
    customer: &str,
    expiry: Option<(i64, f64)>,
) -> Vec<Contract> {
    let mut dice = streams.dice(format_args!("{}/{customer}", item.sku), "contract price");
    let mut periods = Vec::new();
    if !dice.chance(0.12) {
        return periods;
    }
    let mut cents = (item.list_cents as f64 * dice.between(0.82, 0.96)) as i64;
    let (mut from, mut until) = (i64::MIN, start + (dice.between(3.0, 150.0) * DAY as f64) as i64);
    loop {
        let cut = expiry.map(|(day, _)| day).filter(|&day| (from..until).contains(&day));
        periods.push(Contract { cents, from, until: cut.unwrap_or(until) });
        if until >= end || cut.is_some() || !dice.chance(0.6) {
            return periods;
        }
        cents = (cents as f64 * dice.between(1.02, 1.08)) as i64;
        from = until;
        until += (dice.between(90.0, 240.0) * DAY as f64) as i64;
    }
}
