//! Every so much time, counted from a moment: exact time that has passed, whatever clocks show meanwhile.

use std::fmt;
use std::time::Duration;

use agents_domain::timestamp::Timestamp;
use jiff::{SignedDuration, Span, Unit};

/// Longer ones are taken for a slip of the pen: a hundred years.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

/// A length of time of at least one second, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval(u64);

/// A text that is no interval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntervalError {
    /// Not a length of time.
    #[error(
        "`{text}` is not an interval: write a number with a unit, such as `90s`, `15m`, `2h`, `1d` or `PT1H30M`"
    )]
    Unreadable {
        /// As written.
        text: String,
    },
    /// Less than a second, more than a century, or parts of a second.
    #[error("`{text}` can't be an interval: it must be whole seconds, at least 1 and at most 100 years")]
    OutOfRange {
        /// As written.
        text: String,
    },
    /// A unit that is not always equally long.
    #[error(
        "`{text}` can't be an interval: months and years differ in length; use a cron pattern, such as `0 9 1 * *`"
    )]
    Uneven {
        /// As written.
        text: String,
    },
}

impl Interval {
    /// Reads `90s`, `15m`, `1h30m`, `2 hours`, `1d`, `PT15M`. A day is 24 hours.
    pub fn parse(text: &str) -> Result<Interval, IntervalError> {
        let text = text.trim();
        let owned = || text.to_owned();
        let span: Span = text.parse().map_err(|_| IntervalError::Unreadable { text: owned() })?;
        if span.get_months() != 0 || span.get_years() != 0 {
            return Err(IntervalError::Uneven { text: owned() });
        }
        let days = i64::from(span.get_weeks()) * 7 + i64::from(span.get_days());
        let rest = span.weeks(0).days(0);
        let out_of_range = || IntervalError::OutOfRange { text: owned() };
        let exact: SignedDuration = rest.try_into().map_err(|_| out_of_range())?;
        let nanoseconds_per_day = SignedDuration::from_hours(24);
        let whole_days = i32::try_from(days).ok().and_then(|days| nanoseconds_per_day.checked_mul(days));
        let total = whole_days.and_then(|days| days.checked_add(exact)).ok_or_else(out_of_range)?;
        let length = Duration::try_from(total).map_err(|_| out_of_range())?;
        let is_whole = length.subsec_nanos() == 0 && !length.is_zero() && length <= LONGEST;
        if is_whole { Ok(Interval(length.as_secs())) } else { Err(out_of_range()) }
    }

    /// How long it is.
    pub fn length(self) -> Duration {
        Duration::from_secs(self.0)
    }

    /// The first of `anchor`, `anchor` + 1 interval, … after `after`.
    pub(crate) fn next(self, anchor: Timestamp, after: Timestamp) -> Option<Timestamp> {
        if after < anchor {
            return Some(anchor);
        }
        let passed = i128::from(after.as_millis()) - i128::from(anchor.as_millis());
        self.nth(anchor, passed / self.millis() + 1)
    }

    /// How many of them are after `after` up to and with `until`.
    pub(crate) fn count(self, anchor: Timestamp, after: Timestamp, until: Timestamp) -> u64 {
        let up_to = |moment: Timestamp| {
            let passed = i128::from(moment.as_millis()) - i128::from(anchor.as_millis());
            if passed < 0 { 0 } else { passed / self.millis() + 1 }
        };
        u64::try_from(up_to(until) - up_to(after)).unwrap_or(0)
    }

    fn millis(self) -> i128 {
        i128::from(self.0) * 1000
    }

    fn nth(self, anchor: Timestamp, nth: i128) -> Option<Timestamp> {
        let millis = i128::from(anchor.as_millis()) + nth * self.millis();
        i64::try_from(millis).ok().map(Timestamp::from_millis)
    }
}

impl fmt::Display for Interval {
    /// In the largest unit that divides it: `every 15 minutes`, `every 90 seconds`, `every 24 hours`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = [(Unit::Hour, 3600), (Unit::Minute, 60)]
            .into_iter()
            .find(|(_, length)| self.0.is_multiple_of(*length))
            .map_or((self.0, "second"), |(unit, length)| {
                (self.0 / length, if unit == Unit::Hour { "hour" } else { "minute" })
            });
        if number == 1 { write!(f, "every {unit}") } else { write!(f, "every {number} {unit}s") }
    }
}
