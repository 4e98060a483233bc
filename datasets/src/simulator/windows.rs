//! Spans of time in which something does not work: outages, expired certificates, closed sites.
//!
//! Guarantees: spans are in the order of time; they come from a stream of their own and know nothing of who is hit.
//! Non-goals: overlapping spans are kept as they are.

use super::random::Streams;

#[derive(Clone, Debug, Default)]
pub(super) struct Windows(Vec<(i64, i64)>);

impl Windows {
    /// Gaps and lengths, in hours, follow one another from a random moment in the first gap on.
    pub(super) fn drawn(
        streams: Streams,
        entity: &str,
        purpose: &str,
        (start, end): (i64, i64),
        gap_hours: (f64, f64),
        length_hours: (f64, f64),
    ) -> Self {
        let mut dice = streams.dice(entity, purpose);
        let seconds = |hours: f64| (hours * 3_600.0) as i64;
        let mut at = start + seconds(dice.unit() * gap_hours.1);
        let mut spans = Vec::new();
        while at < end {
            let until = at + seconds(dice.between(length_hours.0, length_hours.1)).max(1);
            spans.push((at, until));
            at = until + seconds(dice.between(gap_hours.0, gap_hours.1)).max(1);
        }
        Self(spans)
    }

    /// When what is wrong now will be over; `None` when nothing is.
    pub(super) fn end_of(&self, now: i64) -> Option<i64> {
        self.0.iter().filter(|span| (span.0..span.1).contains(&now)).map(|span| span.1).max()
    }

    pub(super) fn holds(&self, now: i64) -> bool {
        self.end_of(now).is_some()
    }

    pub(super) fn add(&mut self, from: i64, until: i64) {
        self.0.push((from, until));
        self.0.sort_unstable();
    }

    /// Somebody mended it: what runs now ends now.
    pub(super) fn close(&mut self, now: i64) {
        for span in &mut self.0 {
            if (span.0..span.1).contains(&now) {
                span.1 = now;
            }
        }
    }
}
