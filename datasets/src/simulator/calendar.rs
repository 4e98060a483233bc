//! Working days of one site, in seconds since 1970.
//!
//! Guarantees: zones come from a POSIX rule, so no time-zone database of the machine is read. Non-goals: holidays.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

pub(super) const HOUR: i64 = 3_600;
pub(super) const DAY: i64 = 24 * HOUR;
const OPEN: i64 = 7 * HOUR;
const CLOSE: i64 = 18 * HOUR;

/// Opening and closing of each working day, in order; never empty.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    days: Vec<(i64, i64)>,
}

impl Calendar {
    /// Working days around a run, with two months to spare; `None` when the zone's rule or the dates are not usable.
    pub(super) fn new(posix_zone: &str, start: Timestamp, run_days: u32) -> Option<Self> {
        let zone = TimeZone::posix(posix_zone).ok()?;
        let first = start.to_zoned(zone.clone()).date().checked_sub(Span::new().days(3)).ok()?;
        let mut days = Vec::new();
        for offset in 0..i64::from(run_days) + 66 {
            let date = first.checked_add(Span::new().days(offset)).ok()?;
            if !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
                let open = date.at(7, 0, 0, 0).to_zoned(zone.clone()).ok()?.timestamp().as_second();
                days.push((open, open + CLOSE - OPEN));
            }
        }
        Some(Self { days })
    }

    /// Index of the working day that is running or comes next.
    fn index(&self, at: i64) -> usize {
        self.days.partition_point(|day| day.1 <= at).min(self.days.len() - 1)
    }

    /// Adds working time.
    pub(super) fn add_work(&self, at: i64, hours: f64) -> i64 {
        let mut left = (hours * HOUR as f64) as i64;
        let mut index = self.index(at);
        let mut from = at.max(self.days[index].0);
        while left > self.days[index].1 - from && index + 1 < self.days.len() {
            left -= (self.days[index].1 - from).max(0);
            index += 1;
            from = self.days[index].0;
        }
        from + left
    }

    /// A local time of day, some working days after the one that is running or comes next.
    pub(super) fn at(&self, from: i64, working_days: usize, second_of_day: i64) -> i64 {
        let index = (self.index(from) + working_days).min(self.days.len() - 1);
        self.days[index].0 + second_of_day - OPEN
    }

    /// The next moment, strictly later, that has this local time of a working day.
    pub(super) fn next_at(&self, from: i64, second_of_day: i64) -> i64 {
        let index = self.days.partition_point(|day| day.0 + second_of_day - OPEN <= from).min(self.days.len() - 1);
        self.days[index].0 + second_of_day - OPEN
    }

    /// Whether a working day is running or comes within a day's fraction: weekends are quiet.
    pub(super) fn is_working_day(&self, midnight: i64) -> bool {
        self.days[self.index(midnight)].0 - midnight < DAY
    }
}
