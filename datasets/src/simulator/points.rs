//! Where customers want their goods: delivery points, what is on record about them, and when nobody is there.
//!
//! Guarantees: an address is unusable because the record of a point is, and it is usable from the moment on in which
//! somebody mends the record; a delivery fails because the record is wrong or the point is closed. Non-goals: maps.

use super::calendar::DAY;
use super::orders::has_postal_code;
use super::random::Streams;
use super::windows::Windows;

const OPENED: [&str; 6] = ["Gate 4", "Hall 2", "Yard", "Workshop", "Site office", "Dock 7"];

/// What our records hold of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    Missing,
    NoPostalCode,
    Complete,
    /// Looks complete and is not right.
    Wrong,
}

#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) address: String,
    pub(super) opens: i64,
    pub(super) record: Record,
    /// Day of the week, from Monday, on which nobody takes goods.
    closed_on: Option<i64>,
    shut: Windows,
}

impl Point {
    pub(super) fn is_closed(&self, now: i64) -> bool {
        self.closed_on == Some((now / DAY + 3) % 7) || self.shut.holds(now)
    }

    /// The address as orders carry it.
    pub(super) fn on_record(&self) -> Option<String> {
        match self.record {
            Record::Missing => None,
            Record::Complete | Record::Wrong => Some(self.address.clone()),
            Record::NoPostalCode => {
                let kept: Vec<&str> = self.address.split(' ').filter(|part| !has_postal_code(part)).collect();
                Some(kept.join(" "))
            }
        }
    }
}

/// The points of a customer, the oldest first; new ones open now and then, and sooner where people are `hasty`.
pub(super) fn points(streams: Streams, id: &str, address: &str, hasty: bool, (start, end): (i64, i64)) -> Vec<Point> {
    let mut dice = streams.dice(id, "delivery points");
    let mut points = Vec::new();
    let mut opens = i64::MIN;
    while opens < end {
        let name = dice.pick(&OPENED);
        let first = points.is_empty();
        let fate = dice.unit();
        points.push(Point {
            address: if first { address.to_owned() } else { format!("{name}, {address}") },
            opens,
            record: match fate {
                _ if first => Record::Complete,
                ..0.3 => Record::Missing,
                ..0.8 => Record::NoPostalCode,
                _ => Record::Complete,
            },
            closed_on: dice.chance(0.15).then(|| dice.whole(0, 4)),
            shut: Windows::drawn(
                streams,
                &format!("{id}/{}", points.len()),
                "closed",
                (start, end),
                (500.0, 1_600.0),
                (8.0, 34.0),
            ),
        });
        let gap = if hasty { dice.between(7.0, 26.0) } else { dice.between(14.0, 50.0) };
        opens = opens.max(start) + (gap * DAY as f64) as i64;
    }
    points
}
