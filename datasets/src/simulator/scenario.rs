//! What may differ between worlds of one size: how much agents sense, and what changes on the way, as data.
//!
//! Guarantees: the default is the demonstration's world; a script is checked against the run before it starts.
//! Non-goals: chance; a script says days and names.

use serde::{Deserialize, Serialize};

use super::Config;

/// A world's character.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// How far agents choose by the severity that no event tells: 0 is not at all, 1 the most.
    pub confounding: f64,
    /// What changes on the way.
    pub drift: Vec<Drift>,
}

impl Default for Scenario {
    /// Agents sense something; nothing changes but what the seed brings.
    fn default() -> Self {
        Self { confounding: 0.4, drift: Vec::new() }
    }
}

/// One change of the world; days count from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Drift {
    /// A carrier picks nothing up for some days.
    CarrierOutage {
        /// Such as `CAR-2`.
        carrier_id: String,
        /// First day.
        day: u32,
        /// How many.
        days: u32,
    },
    /// Electronic partners change their code lists: so much of the items is no longer understood, by partner.
    MappingChange {
        /// The day.
        day: u32,
        /// Share of the items, 0 to 1.
        share: f64,
    },
    /// All contract prices end, and list prices rise.
    PriceListExpiry {
        /// The day.
        day: u32,
        /// By which list prices rise, such as 0.04.
        rise: f64,
    },
    /// Customers order more.
    DemandSurge {
        /// First day.
        day: u32,
        /// How many.
        days: u32,
        /// So many times as much.
        factor: f64,
    },
    /// A customer that never ordered begins to.
    NewAccount {
        /// The day.
        day: u32,
    },
}

impl Drift {
    fn day(&self) -> u32 {
        match self {
            Self::CarrierOutage { day, .. }
            | Self::MappingChange { day, .. }
            | Self::PriceListExpiry { day, .. }
            | Self::DemandSurge { day, .. }
            | Self::NewAccount { day } => *day,
        }
    }
}

impl Scenario {
    /// What is wrong with it for a run, in words.
    pub(super) fn fault(&self, config: &Config) -> Option<String> {
        if !(0.0..=1.0).contains(&self.confounding) {
            return Some(format!("confounding is {}: give a number from 0 to 1", self.confounding));
        }
        self.drift.iter().find_map(|drift| {
            let amount = match drift {
                Drift::MappingChange { share, .. } if !(0.0..=1.0).contains(share) => Some(("share", *share, "0 to 1")),
                Drift::PriceListExpiry { rise, .. } if !(0.0..=1.0).contains(rise) => Some(("rise", *rise, "0 to 1")),
                Drift::DemandSurge { factor, .. } if !(0.1..=10.0).contains(factor) => {
                    Some(("factor", *factor, "0.1 to 10"))
                }
                _ => None,
            };
            if let Some((name, value, range)) = amount {
                return Some(format!("the {name} of a change is {value}: give a number from {range}"));
            }
            (drift.day() >= config.days)
                .then(|| format!("a change on day {} of a run of {} days never comes", drift.day(), config.days))
        })
    }

    /// How many times as much is ordered on a day.
    pub(super) fn surge(&self, today: u32) -> f64 {
        self.drift
            .iter()
            .filter_map(|drift| match drift {
                Drift::DemandSurge { day, days, factor } if (*day..day.saturating_add(*days)).contains(&today) => {
                    Some(*factor)
                }
                _ => None,
            })
            .product()
    }

    /// First day of the account that does not order otherwise.
    pub(super) fn new_account(&self) -> Option<u32> {
        self.drift
            .iter()
            .filter_map(|drift| match drift {
                Drift::NewAccount { day } => Some(*day),
                _ => None,
            })
            .min()
    }
}
