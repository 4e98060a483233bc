//! The clock: the only way for the flow to learn what time it is.

use jiff::Timestamp;

/// Tells the time. Tests move it by hand; a backfill gives each event's own time.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}
