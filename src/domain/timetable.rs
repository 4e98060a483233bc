//! When those whom an order depends on can work: its warehouse, its carrier, the supplier of what it waits for.
//!
//! Guarantees: what is recorded with a decision is all that its latest useful times were computed from; a party whose
//! time zone is not known has no place in it. Non-goals: which of them an action needs, see `flow::decide::deadline`.

use serde::{Deserialize, Serialize};

use super::calendar::{Calendar, CalendarError, ClockTime, Hours};

/// A party's service as it told it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its id.
    pub party: String,
    /// IANA zone of everything below.
    pub time_zone: String,
    /// When it works; around the clock where it did not say.
    #[serde(default = "Hours::always")]
    pub service_calendar: Hours,
    /// Last local time of a day at which goods can still be handed over.
    #[serde(default)]
    pub cut_off_local_time: Option<ClockTime>,
    /// Local times at which picking begins; at any time where there are none.
    #[serde(default)]
    pub pick_waves: Vec<ClockTime>,
    /// Open hours that it takes: from picking to hand-over in a warehouse, from an order to its dispatch at a supplier.
    #[serde(default)]
    pub lead_time_h: Option<f64>,
}

impl Service {
    /// Its working hours.
    ///
    /// # Errors
    /// [`CalendarError`].
    pub fn working(&self) -> Result<Calendar, CalendarError> {
        Calendar::new(&self.time_zone, &self.service_calendar)
    }

    /// The hours in which goods can be handed over, of those in which the party works: up to the cut-off.
    #[must_use]
    pub fn handing_over(&self, working: Calendar) -> Calendar {
        match self.cut_off_local_time {
            Some(cut_off) => working.closing_at(cut_off),
            None => working,
        }
    }
}

/// The parties of an order line; `None` for one that is not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "names say it")]
pub struct Timetable {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse: Option<Service>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Service>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<Service>,
}

impl Timetable {
    /// Whether nobody's hours are known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.warehouse.is_none() && self.carrier.is_none() && self.supplier.is_none()
    }
}
