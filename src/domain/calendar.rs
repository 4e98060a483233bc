//! Calendars: when a site, a carrier, a supplier or a team works, and time that is counted only then.
//!
//! A calendar is weekly hours in an IANA zone, with dates on which other hours hold (a holiday has none, half a day has
//! fewer). It is open at an instant when the clock on the wall shows a time inside the hours of that day; so an hour that a
//! zone skips in spring is never open, and one that it repeats in autumn is open twice.
//!
//! Guarantees: pure; every function is total; one that searches looks at most [`HORIZON_DAYS`] far. Non-goals: recurrence beyond the week,
//! hours that cross midnight (write them as two), seconds.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far is looked for an opening.
pub const HORIZON_DAYS: i64 = 5 * 366;

/// How far is looked at once.
const WINDOW: SignedDuration = SignedDuration::from_hours(14 * 24);

const MINUTES_OF_DAY: u16 = 24 * 60;

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names say it")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A time of day in minutes after midnight, `HH:MM` on the wire; `24:00` is the end of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClockTime(u16);

impl ClockTime {
    /// The end of a day.
    pub const MIDNIGHT: Self = Self(MINUTES_OF_DAY);

    /// Minutes after midnight; `None` beyond `24:00`.
    #[must_use]
    pub fn from_minutes(minutes: u16) -> Option<Self> {
        (minutes <= MINUTES_OF_DAY).then_some(Self(minutes))
    }
}

impl TryFrom<String> for ClockTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no time of day; write it as `15:00`");
        let mut parts = text.split(':');
        let mut number = || parts.next().filter(|part| part.len() == 2)?.parse::<u16>().ok();
        let (hours, minutes) = number().zip(number()).ok_or_else(wrong)?;
        // Seconds are accepted where a system writes them, as long as there are none.
        if parts.next().is_some_and(|seconds| seconds != "00") || parts.next().is_some() || minutes > 59 {
            return Err(wrong());
        }
        Self::from_minutes(hours.saturating_mul(60).saturating_add(minutes)).ok_or_else(wrong)
    }
}

impl From<ClockTime> for String {
    fn from(ClockTime(minutes): ClockTime) -> Self {
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// Hours of one day without a break, `HH:MM-HH:MM` on the wire; the end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    from: ClockTime,
    to: ClockTime,
}

impl Span {
    /// From a time of day until a later one; `None` where it is not later.
    #[must_use]
    pub fn new(from: ClockTime, to: ClockTime) -> Option<Self> {
        (from < to).then_some(Self { from, to })
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (from, to) = text.split_once('-').ok_or_else(|| format!("`{text}`: write hours as `08:00-17:00`"))?;
        let (from, to) = (ClockTime::try_from(from.to_owned())?, ClockTime::try_from(to.to_owned())?);
        Self::new(from, to).ok_or_else(|| format!("`{text}` ends before it begins; write a night as two days' hours"))
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        format!("{}-{}", Self::from(span.from), Self::from(span.to))
    }
}

/// Weekly hours with dated overrides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// Hours by day of the week, each `HH:MM-HH:MM`, in order; a day that is missing is closed.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Vec<String>>, example = json!({"mon": ["08:00-12:00", "13:00-17:00"]}))]
    pub weekly: BTreeMap<Day, Vec<Span>>,
    /// Hours that hold on a date instead; none for a holiday.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Vec<String>>, example = json!({"2026-12-25": []}))]
    pub overrides: BTreeMap<Date, Vec<Span>>,
}

impl Hours {
    /// Every day, around the clock.
    #[must_use]
    pub fn always() -> Self {
        let all_day = || vec![Span { from: ClockTime(0), to: ClockTime::MIDNIGHT }];
        let days = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];
        Self { weekly: days.into_iter().map(|day| (day, all_day())).collect(), overrides: BTreeMap::new() }
    }
}

/// What is wrong with a calendar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Not a zone of the IANA database.
    #[error("`{0}` is no time zone; take a name of the IANA database, such as `Europe/Berlin`")]
    Zone(String),
    /// Hours of a day overlap or are out of order.
    #[error("hours of {0} overlap or are out of order; write them from morning to evening")]
    Order(String),
    /// No day of the week has hours.
    #[error("no day of the week has hours; a calendar that is never open stops everything that waits for it")]
    NeverOpen,
}

/// Hours in a zone, ready to count with.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
    week: [Vec<Span>; 7],
    overrides: BTreeMap<Date, Vec<Span>>,
}

/// An open stretch, its end not included.
type Stretch = (Timestamp, Timestamp);

impl Calendar {
    /// Hours in an IANA zone.
    ///
    /// # Errors
    /// [`CalendarError`].
    pub fn new(time_zone: &str, hours: &Hours) -> Result<Self, CalendarError> {
        let zone = TimeZone::get(time_zone).map_err(|_| CalendarError::Zone(time_zone.to_owned()))?;
        let named = hours.weekly.iter().map(|(day, spans)| (format!("{day:?}").to_lowercase(), spans));
        let dated = hours.overrides.iter().map(|(date, spans)| (date.to_string(), spans));
        for (name, spans) in named.chain(dated) {
            if spans.windows(2).any(|pair| pair[1].from < pair[0].to) {
                return Err(CalendarError::Order(name));
            }
        }
        if hours.weekly.values().all(Vec::is_empty) {
            return Err(CalendarError::NeverOpen);
        }
        let mut week: [Vec<Span>; 7] = Default::default();
        for (day, spans) in &hours.weekly {
            week[*day as usize].clone_from(spans);
        }
        Ok(Self { zone, week, overrides: hours.overrides.clone() })
    }

    /// The same calendar, closing every day at `cut_off` at the latest.
    #[must_use]
    pub fn closing_at(mut self, cut_off: ClockTime) -> Self {
        let clip = |spans: &mut Vec<Span>| {
            spans.retain(|span| span.from < cut_off);
            spans.iter_mut().for_each(|span| span.to = span.to.min(cut_off));
        };
        self.week.iter_mut().for_each(clip);
        self.overrides.values_mut().for_each(clip);
        self
    }

    /// Whether it is open at an instant.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        let local = self.zone.to_offset(at).to_datetime(at);
        let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
        self.of(local.date()).iter().any(|span| (i32::from(span.from.0)..i32::from(span.to.0)).contains(&minute))
    }

    /// Open time from one instant to a later one; none where it is not later.
    #[must_use]
    pub fn business_between(&self, from: Timestamp, until: Timestamp) -> SignedDuration {
        let open = self.open_between(from, until);
        open.iter().fold(SignedDuration::ZERO, |sum, (start, end)| sum + end.duration_since(*start))
    }

    /// The first instant by which so much open time has passed since `from`; `None` beyond the horizon.
    #[must_use]
    pub fn add_business(&self, from: Timestamp, time: SignedDuration) -> Option<Timestamp> {
        let mut left = time;
        if !left.is_positive() {
            return Some(from);
        }
        self.forwards(from).flatten().find_map(|(start, end)| {
            let length = end.duration_since(start);
            if length >= left {
                return start.checked_add(left).ok();
            }
            left -= length;
            None
        })
    }

    /// The last instant from which so much open time is left until `until`; `None` beyond the horizon.
    #[must_use]
    pub fn sub_business(&self, until: Timestamp, time: SignedDuration) -> Option<Timestamp> {
        let mut left = time;
        if !left.is_positive() {
            return Some(until);
        }
        self.backwards(until).flat_map(|stretches| stretches.into_iter().rev()).find_map(|(start, end)| {
            let length = end.duration_since(start);
            if length >= left {
                return end.checked_sub(left).ok();
            }
            left -= length;
            None
        })
    }

    /// The first instant from `at` on at which it is open; `None` beyond the horizon.
    #[must_use]
    pub fn next_open(&self, at: Timestamp) -> Option<Timestamp> {
        self.forwards(at).flatten().next().map(|(start, _)| start)
    }

    /// The last instant up to `at` until which it was open; `None` beyond the horizon.
    #[must_use]
    pub fn last_open(&self, at: Timestamp) -> Option<Timestamp> {
        self.backwards(at).find_map(|stretches| stretches.last().map(|(_, end)| *end))
    }

    /// The first end of a day's service from `at` on: the cut-off, for a calendar that is [`Self::closing_at`] one. `None`
    /// beyond the horizon.
    #[must_use]
    pub fn cutoff_after(&self, at: Timestamp) -> Option<Timestamp> {
        let first = self.zone.to_offset(at).to_datetime(at).date().yesterday().ok()?;
        let days = first.series(jiff::Span::new().days(1)).take(usize::try_from(HORIZON_DAYS).unwrap_or(usize::MAX));
        days.filter_map(|day| self.instant(day, self.of(day).last()?.to)).find(|end| *end >= at)
    }

    /// The last of daily times (pick waves) up to `until` at which it is open; `None` beyond the horizon.
    #[must_use]
    pub fn last_of(&self, until: Timestamp, daily: &[ClockTime]) -> Option<Timestamp> {
        let mut day = self.zone.to_offset(until).to_datetime(until).date().tomorrow().ok()?;
        for _ in 0..HORIZON_DAYS {
            let runs = daily.iter().filter_map(|time| self.instant(day, *time));
            let last = runs.filter(|at| *at <= until && self.is_open(*at)).max();
            if last.is_some() {
                return last;
            }
            day = day.yesterday().ok()?;
        }
        None
    }

    /// Hours of a date.
    fn of(&self, date: Date) -> &[Span] {
        self.overrides.get(&date).unwrap_or(&self.week[index(date.weekday())])
    }

    /// A local time of a date as an instant: the first where it comes twice, the one after the gap where it never comes.
    fn instant(&self, date: Date, ClockTime(minutes): ClockTime) -> Option<Timestamp> {
        let midnight = date.to_datetime(jiff::civil::Time::midnight());
        let local = midnight.checked_add(SignedDuration::from_mins(i64::from(minutes))).ok()?;
        self.zone.to_timestamp(local).ok()
    }

    /// Open stretches inside two instants, in order; neighbours are one.
    fn open_between(&self, from: Timestamp, until: Timestamp) -> Vec<Stretch> {
        let mut open: Vec<Stretch> = Vec::new();
        let mut at = from;
        while at < until {
            // Between two changes of the zone's offset the wall's clock runs evenly.
            let offset = self.zone.to_offset(at);
            let end = self.zone.following(at).next().map_or(until, |change| change.timestamp().min(until));
            self.open_evenly(offset, (at, end), &mut open);
            at = end;
        }
        open
    }

    fn open_evenly(&self, offset: Offset, (from, until): Stretch, open: &mut Vec<Stretch>) {
        let last = offset.to_datetime(until).date();
        let mut day = Some(offset.to_datetime(from).date());
        while let Some(date) = day.filter(|date| *date <= last) {
            for span in self.of(date) {
                let (Some(start), Some(end)) = (evenly(offset, date, span.from), evenly(offset, date, span.to)) else {
                    continue;
                };
                let (start, end) = (start.max(from), end.min(until));
                match open.last_mut() {
                    _ if start >= end => {}
                    Some((_, before)) if *before == start => *before = end,
                    _ => open.push((start, end)),
                }
            }
            day = date.tomorrow().ok();
        }
    }

    /// Open stretches from an instant on, window by window, up to the horizon.
    fn forwards(&self, from: Timestamp) -> impl Iterator<Item = Vec<Stretch>> {
        windows().map_while(move |(near, far)| {
            Some(self.open_between(from.checked_add(near).ok()?, from.saturating_add(far).unwrap_or(Timestamp::MAX)))
        })
    }

    /// Open stretches before an instant, the latest window first; in order inside a window.
    fn backwards(&self, until: Timestamp) -> impl Iterator<Item = Vec<Stretch>> {
        windows().map_while(move |(near, far)| {
            Some(self.open_between(until.saturating_sub(far).unwrap_or(Timestamp::MIN), until.checked_sub(near).ok()?))
        })
    }
}

/// Distances of the windows from where the search begins.
fn windows() -> impl Iterator<Item = (SignedDuration, SignedDuration)> {
    let horizon = SignedDuration::from_hours(24 * HORIZON_DAYS);
    let next = move |near: &SignedDuration| near.checked_add(WINDOW).filter(|far| *far <= horizon);
    std::iter::successors(Some(SignedDuration::ZERO), next).map(|near| (near, near + WINDOW))
}

/// A local time as an instant under a fixed offset.
fn evenly(offset: Offset, date: Date, ClockTime(minutes): ClockTime) -> Option<Timestamp> {
    let midnight = offset.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).ok()?;
    midnight.checked_add(SignedDuration::from_mins(i64::from(minutes))).ok()
}

fn index(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap_or_default()
}
