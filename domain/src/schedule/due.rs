//! The due times of a span of time: all counted, the latest at hand.

use crate::timestamp::Timestamp;

/// What was due in some span. After a week's sleep there may be thousands: only the latest are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DueTimes {
    /// How many there were.
    pub total: u64,
    /// The latest of them, ascending.
    pub latest: Vec<Timestamp>,
}
