//! A harness that cools down: its provider has named a limit, and no job of it starts before that is over, in any
//! runner of the store.

use crate::id::AttemptId;
use crate::outcome::OutcomeClass;
use crate::retry;
use crate::timestamp::Timestamp;

/// A harness that is left alone for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cooldown {
    pub harness: String,
    pub until: Timestamp,
    pub since: Timestamp,
    /// `rate_limit` or `usage_limit`.
    pub class: OutcomeClass,
    /// What the CLI said.
    pub reason: String,
    /// The attempt that hit the limit.
    pub attempt: AttemptId,
}

impl Cooldown {
    /// Whether the harness is left alone at that moment. One that would last longer than any that is ever begun was
    /// written by a clock that was wrong, and is not believed.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.until && self.until <= now.after(retry::LONGEST_PARK)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_cool_down_holds_until_its_end_unless_that_is_absurdly_far_away() {
        let now = Timestamp::from_seconds(1_000_000);
        let check = |until: Timestamp, holds: bool| {
            let cooldown = Cooldown {
                harness: "claude".to_owned(),
                until,
                since: now,
                class: OutcomeClass::UsageLimit,
                reason: "limit".to_owned(),
                attempt: AttemptId::new(Uuid::nil()),
            };
            assert_eq!(cooldown.holds(now), holds, "until {until}");
        };
        check(Timestamp::from_millis(0), false);
        check(now, false);
        check(now.after(Duration::from_millis(1)), true);
        check(now.after(retry::LONGEST_PARK), true);
        check(now.after(retry::LONGEST_PARK + Duration::from_millis(1)), false);
        check(Timestamp::from_millis(i64::MAX), false);
    }
}
