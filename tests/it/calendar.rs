//! Calendars against a minute-by-minute look at the wall's clock, over the days on which zones change.

use holdfast::domain::calendar::{Calendar, CalendarError, ClockTime, Hours};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Zones and instants near which their clocks do something.
const CHANGES: [(&str, &str); 8] = [
    ("Europe/Berlin", "2026-03-29T01:00:00Z"),
    ("Europe/Berlin", "2026-10-25T01:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    // Half an hour of summer time.
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    // The day begins at one o'clock, and another one ends twice.
    ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
    ("America/Sao_Paulo", "2018-02-18T02:00:00Z"),
    // A day that never was.
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ("Asia/Kathmandu", "2026-05-01T00:00:00Z"),
];

fn hours(value: serde_json::Value) -> Hours {
    serde_json::from_value(value).unwrap()
}

fn office() -> Hours {
    let day = ["08:00-12:00", "13:00-17:00"];
    hours(json!({
        "weekly": { "mon": day, "tue": day, "wed": day, "thu": day, "fri": ["08:00-14:30"] },
        "overrides": { "2026-12-24": ["08:00-12:00"], "2026-12-25": [] },
    }))
}

fn berlin(hours: &Hours) -> Calendar {
    Calendar::new("Europe/Berlin", hours).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn hm(hours: i64, minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(hours * 60 + minutes)
}

/// Whether the wall shows a time inside the hours: by their text, without the calendar.
fn shows_open(hours: &serde_json::Value, zone: &TimeZone, at: Timestamp) -> bool {
    let local = at.to_zoned(zone.clone());
    let day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        [usize::try_from(local.weekday().to_monday_zero_offset()).unwrap()];
    let date = local.date().to_string();
    let spans = hours["overrides"].get(&date).or(hours["weekly"].get(day)).and_then(|s| s.as_array());
    let now = local.strftime("%H:%M").to_string();
    spans.is_some_and(|spans| {
        spans.iter().filter_map(|s| s.as_str()?.split_once('-')).any(|(from, to)| *from <= *now && *now < *to)
    })
}

#[test]
fn business_time_stops_at_night_on_holidays_and_at_noon() {
    let calendar = berlin(&office());
    // Wednesday 23 December, 16:00 in Berlin, to Monday 28, 09:00: an hour, half of the 24th, nothing, an hour.
    let (from, until) = (at("2026-12-23T15:00:00Z"), at("2026-12-28T08:00:00Z"));
    assert_eq!(calendar.business_between(from, until), hm(6, 0));
    assert_eq!(calendar.business_between(until, from), SignedDuration::ZERO);
    assert_eq!(calendar.add_business(from, hm(6, 0)), Some(until));
    assert_eq!(calendar.sub_business(until, hm(6, 0)), Some(from));
    assert_eq!(calendar.next_open(at("2026-12-24T11:00:00Z")), Some(at("2026-12-28T07:00:00Z")));
    assert_eq!(calendar.last_open(at("2026-12-27T11:00:00Z")), Some(at("2026-12-24T11:00:00Z")));
    assert_eq!(calendar.cutoff_after(at("2026-12-24T11:00:00Z")), Some(at("2026-12-24T11:00:00Z")));
    assert_eq!(calendar.cutoff_after(at("2026-12-24T11:00:01Z")), Some(at("2026-12-28T16:00:00Z")));
    let cut = berlin(&office()).closing_at(ClockTime::try_from("15:00".to_owned()).unwrap());
    assert_eq!(cut.cutoff_after(at("2026-12-23T11:00:00Z")), Some(at("2026-12-23T14:00:00Z")));
    assert_eq!(
        cut.cutoff_after(at("2026-12-24T09:00:00Z")),
        Some(at("2026-12-24T11:00:00Z")),
        "half a day ends sooner"
    );
}

#[test]
fn a_night_shift_is_shorter_in_spring_and_longer_in_autumn() {
    let night = hours(json!({ "weekly": { "sun": ["00:00-06:00"] } }));
    let calendar = berlin(&night);
    let around = |day: &str| {
        let noon: Timestamp = at(&format!("{day}T12:00:00Z"));
        calendar.business_between(noon - hm(24, 0), noon)
    };
    assert_eq!((around("2026-03-29"), around("2026-10-25"), around("2026-10-18")), (hm(5, 0), hm(7, 0), hm(6, 0)));
    let repeated = berlin(&hours(json!({ "weekly": { "sun": ["02:00-02:30"] } })));
    let noon = at("2026-10-25T12:00:00Z");
    assert_eq!(repeated.business_between(noon - hm(24, 0), noon), hm(1, 0), "half past two comes twice");
    assert_eq!(repeated.business_between(at("2026-03-28T12:00:00Z"), at("2026-03-29T12:00:00Z")), hm(0, 0));
}

#[test]
fn waves_run_when_it_is_open() {
    let calendar = berlin(&office());
    let daily: Vec<ClockTime> = ["09:00", "14:00"].map(|t| ClockTime::try_from(t.to_owned()).unwrap()).into();
    assert_eq!(calendar.last_of(at("2026-12-24T20:00:00Z"), &daily), Some(at("2026-12-24T08:00:00Z")));
    assert_eq!(calendar.last_of(at("2026-12-24T07:59:00Z"), &daily), Some(at("2026-12-23T13:00:00Z")));
}

#[test]
fn what_is_wrong_with_a_calendar_is_said() {
    let error = |zone: &str, value| Calendar::new(zone, &hours(value)).unwrap_err();
    let day = json!({ "weekly": { "mon": ["08:00-12:00"] } });
    assert_eq!(error("Europe/Berlino", day), CalendarError::Zone("Europe/Berlino".into()));
    let twice = json!({ "weekly": { "mon": ["08:00-12:00", "11:00-13:00"] } });
    assert_eq!(error("Europe/Berlin", twice), CalendarError::Order("mon".into()));
    assert_eq!(error("Europe/Berlin", json!({ "weekly": { "mon": [] } })), CalendarError::NeverOpen);
    for wrong in ["8-17", "08:00-25:00", "22:00-06:00", "08:60-09:00", "08:00"] {
        assert!(serde_json::from_value::<Hours>(json!({ "weekly": { "mon": [wrong] } })).is_err(), "{wrong}");
    }
    let all = Hours::always();
    assert_eq!(serde_json::to_value(&all).unwrap()["weekly"]["sun"], json!(["00:00-24:00"]));
}

#[test]
fn what_never_opens_is_looked_for_up_to_the_horizon() {
    let early = berlin(&office()).closing_at(ClockTime::try_from("07:00".to_owned()).unwrap());
    let now = at("2026-03-02T09:00:00Z");
    assert_eq!((early.next_open(now), early.last_open(now), early.cutoff_after(now)), (None, None, None));
    assert_eq!((early.add_business(now, MINUTE), early.sub_business(now, MINUTE)), (None, None));
}

/// A week with up to two stretches a day, and other hours near the change.
fn weeks() -> impl Strategy<Value = Vec<[u16; 4]>> {
    prop::collection::vec(prop::array::uniform4(0_u16..=1440), 9)
}

fn spans(mut times: [u16; 4]) -> Vec<String> {
    times.sort_unstable();
    let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    times.chunks(2).filter(|pair| pair[0] < pair[1]).map(|p| format!("{}-{}", clock(p[0]), clock(p[1]))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_the_clock_on_the_wall(
        which in 0..CHANGES.len(),
        week in weeks(),
        begins in -3000_i64..1500,
        lasts in 0_i64..4000,
    ) {
        let (zone_name, change) = CHANGES[which];
        let zone = TimeZone::get(zone_name).unwrap();
        let day = |i: usize| spans(week[i]);
        let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let weekly: serde_json::Map<String, serde_json::Value> =
            names.iter().enumerate().map(|(i, name)| ((*name).to_owned(), json!(day(i)))).collect();
        let date = at(change).to_zoned(zone.clone()).date();
        let value = json!({ "weekly": weekly, "overrides": {
            date.to_string(): day(7), date.tomorrow().unwrap().to_string(): day(8),
        } });
        let Ok(calendar) = Calendar::new(zone_name, &hours(value.clone())) else { return Ok(()) };
        let from = at(change) + MINUTE * i32::try_from(begins).unwrap();
        let minutes: Vec<Timestamp> =
            (0..lasts).map(|m| from + MINUTE * i32::try_from(m).unwrap()).collect();
        let open: Vec<Timestamp> = minutes.iter().copied().filter(|at| shows_open(&value, &zone, *at)).collect();
        let until = from + MINUTE * i32::try_from(lasts).unwrap();
        let counted = SignedDuration::from_mins(i64::try_from(open.len()).unwrap());
        prop_assert_eq!(calendar.business_between(from, until), counted);
        prop_assert!(minutes.iter().all(|at| calendar.is_open(*at) == open.binary_search(at).is_ok()));
        if let (Some(first), Some(last)) = (open.first(), open.last()) {
            prop_assert_eq!(calendar.next_open(from), Some(*first));
            prop_assert_eq!(calendar.last_open(until), Some(*last + MINUTE));
            prop_assert_eq!(calendar.add_business(from, counted), Some(*last + MINUTE));
            prop_assert_eq!(calendar.sub_business(until, counted), Some(*first));
        }
    }
}
