//! The system's own clock and ids: the one place where they are asked for.
//!
//! `AGENTS_CLOCK_SHIFT_MS=<n>` sets the clock of a debug build ahead, or behind if it is negative, so that tests can have
//! processes that do not agree on the time. A release build does not look at it.

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
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX).saturating_add(shift()))
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
        match shift() {
            0 => Uuid::now_v7(),
            // The time in an id is that of the same clock.
            _ => {
                let millis = u64::try_from(SystemClock.now().as_millis()).unwrap_or(0);
                let nanos = u32::try_from(millis % 1000 * 1_000_000).unwrap_or(0);
                Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, millis / 1000, nanos))
            }
        }
    }
}

/// How far the clock is from the system's, in milliseconds.
#[cfg(not(debug_assertions))]
fn shift() -> i64 {
    0
}

/// How far the clock is from the system's, in milliseconds.
#[cfg(debug_assertions)]
fn shift() -> i64 {
    static SHIFT: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    let told = || std::env::var("AGENTS_CLOCK_SHIFT_MS").ok()?.parse().ok();
    *SHIFT.get_or_init(|| told().unwrap_or(0))
}
