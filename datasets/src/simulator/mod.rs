//! A seeded discrete-event world of a distributor that speaks only canonical CloudEvents.
//!
//! Guarantees: the same [`Config`] and [`Scenario`] give the same bytes (in one build); events come in the order of their
//! time; exceptions emerge from the state of stock, credit, prices, sites and partners and are visible in the events; a
//! draw belongs to one entity and purpose (`docs/decisions/0014-a-world-of-causes.md`).
//! Non-goals: holidays, returns; `datasets/README.md` lists what is missing.
//!
//! Reading order: [`World`] and its agenda (`world`), orders and lines (`orders`, `fulfil`), stock and purchase orders
//! (`stock`), transport and invoices (`transport`), conditions (`trouble`), what agents do (`agents`) and what comes of
//! it (`effects`), messages (`mail`, `texts`). States that things go wrong by: `carriage`, `edi`, `needs`, `points`,
//! `prices`. Beside the world: what came in (`artefacts`), copies (`fork`), what cases come to (`account`) and would have
//! come to (`counterfactual`).

use jiff::Timestamp;
use thiserror::Error;

mod account;
mod agents;
mod artefacts;
mod calendar;
mod carriage;
mod catalog;
mod changes;
mod counterfactual;
mod edi;
mod effects;
mod event;
mod fork;
mod fulfil;
mod mail;
mod master;
mod names;
mod needs;
mod orders;
mod points;
mod prices;
mod random;
mod scenario;
mod shared;
mod stock;
mod texts;
mod transport;
mod trouble;
mod truth;
mod windows;
mod world;

pub use account::Outcome;
pub use artefacts::{Artefact, ArtefactTruth, Form};
pub use counterfactual::{Candidate, Case, Counterfactual, FEATURES, action_names};
pub use event::CloudEvent;
pub use fork::Scope;
pub use scenario::{Drift, Scenario};
pub use truth::{Category, Condition, Decision, MessageTruth, Truth};
pub use world::World;

/// What to simulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Decides every draw.
    pub seed: u64,
    /// First moment of the world.
    pub start: Timestamp,
    /// Length of the run; the world stops in the middle of life.
    pub days: u32,
    /// Orders on an ordinary working day; stock, capacity and credit scale with it.
    pub orders_per_day: u32,
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// Too short or too long.
    #[error("days must be between 1 and {max}, not `{given}`")]
    Days {
        /// What was asked for.
        given: u32,
        /// The most.
        max: u32,
    },
    /// Too few or too many orders.
    #[error("orders per day must be between 1 and {max}, not `{given}`")]
    OrdersPerDay {
        /// What was asked for.
        given: u32,
        /// The most.
        max: u32,
    },
    /// A start that calendars are not made for.
    #[error("start must lie between the years 2000 and 2100, not `{given}`")]
    Start {
        /// What was asked for.
        given: Timestamp,
    },
    /// A scenario that cannot be played.
    #[error("{fault}")]
    Scenario {
        /// What is wrong and what would be right.
        fault: String,
    },
}

impl Config {
    const DAYS_MAX: u32 = 3_660;
    const ORDERS_MAX: u32 = 5_000;
    /// 2000-01-01 and 2100-01-01 in seconds since 1970.
    const START_SECONDS: std::ops::Range<i64> = 946_684_800..4_102_444_800;

    /// # Errors
    ///
    /// Says which value is out of its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !(1..=Self::DAYS_MAX).contains(&self.days) {
            return Err(ConfigError::Days { given: self.days, max: Self::DAYS_MAX });
        }
        if !(1..=Self::ORDERS_MAX).contains(&self.orders_per_day) {
            return Err(ConfigError::OrdersPerDay { given: self.orders_per_day, max: Self::ORDERS_MAX });
        }
        if !Self::START_SECONDS.contains(&self.start.as_second()) {
            return Err(ConfigError::Start { given: self.start });
        }
        Ok(())
    }
}

/// A finished simulation.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Everything that systems and people said, in the order of time.
    pub events: Vec<CloudEvent>,
    /// What they did not say; for evaluation only.
    pub truth: Truth,
    /// What came in as it was sent: X12, webhooks, mails.
    pub artefacts: Vec<Artefact>,
    /// What each of these is about, in the same order; for evaluation only.
    pub artefact_truth: Vec<ArtefactTruth>,
}

/// Runs a world to its end.
///
/// # Errors
///
/// Refuses a configuration that is out of range.
pub fn simulate(config: Config) -> Result<Run, ConfigError> {
    simulate_scenario(config, &Scenario::default())
}

/// Runs a world of a certain character to its end.
///
/// # Errors
///
/// Refuses a configuration or scenario that is out of range.
pub fn simulate_scenario(config: Config, scenario: &Scenario) -> Result<Run, ConfigError> {
    let mut world = World::with(config, scenario)?;
    let events = world.events().collect();
    let (artefacts, artefact_truth) = world.artefacts();
    Ok(Run { events, artefacts, artefact_truth, truth: world.into_truth() })
}
