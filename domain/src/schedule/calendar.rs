//! The port to the due times of one schedule. What a pattern means is the business of the crate `calendar`.

use crate::timestamp::Timestamp;

use super::due::DueTimes;

/// The due times of one schedule, between its beginning and its end.
pub trait Calendar: Send + Sync {
    /// The first due time after that moment. `None`: there is none any more.
    fn next_after(&self, after: Timestamp) -> Option<Timestamp>;

    /// What was due after `after` up to and with `until`: how many, and the latest `most` of them.
    fn due_between(&self, after: Timestamp, until: Timestamp, most: usize) -> DueTimes;
}
