//! The system's own clock and ids: the one place where they are asked for.

use std::time::UNIX_EPOCH;

use agents_domain::id::IdSource;
use agents_domain::timestamp::{Clock, Timestamp};
use uuid::Uuid;

/// The system's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the Clock port's one implementation on the real clock"
    )]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Ids from the system's clock and random numbers.
#[derive(Debug, Clone, Copy)]
pub struct SystemIds;

impl IdSource for SystemIds {
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the IdSource port's one implementation on real randomness"
    )]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}
