//! Milliseconds since the epoch as the CLIs print times. UTC only: a test must not depend on a time zone.

/// A moment in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub year: u64,
    pub month: u64,
    pub day: u64,
    pub hour: u64,
    pub minute: u64,
    pub second: u64,
    pub millis: u64,
}

impl Civil {
    pub(crate) fn of(ms: u64) -> Self {
        let (days, in_day) = (ms / 86_400_000, ms % 86_400_000);
        // Howard Hinnant's `civil_from_days`, for days at or after 1970-01-01: years begin in March.
        let z = days + 719_468;
        let (era, day_of_era) = (z / 146_097, z % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_index = (5 * day_of_year + 2) / 153;
        let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
        Self {
            year: year_of_era + era * 400 + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_index + 2) / 5 + 1,
            hour: in_day / 3_600_000,
            minute: in_day / 60_000 % 60,
            second: in_day / 1000 % 60,
            millis: in_day % 1000,
        }
    }

    /// `2026-11-21T10:37:04.512Z`
    pub(crate) fn rfc3339(self) -> String {
        let Self { year, month, day, hour, minute, second, millis } = self;
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }

    /// `10:57 AM`
    pub(crate) fn clock(self) -> String {
        let half = if self.hour < 12 { "AM" } else { "PM" };
        let hour = if self.hour.is_multiple_of(12) { 12 } else { self.hour % 12 };
        format!("{hour}:{:02} {half}", self.minute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_printed_as_the_clis_print_it() {
        let check = |ms: u64, rfc3339: &str, clock: &str| {
            let civil = Civil::of(ms);
            assert_eq!((civil.rfc3339().as_str(), civil.clock().as_str()), (rfc3339, clock));
        };
        check(0, "1970-01-01T00:00:00.000Z", "12:00 AM");
        check(1_709_210_096_007, "2024-02-29T12:34:56.007Z", "12:34 PM");
        check(1_795_257_424_512, "2026-11-21T10:37:04.512Z", "10:37 AM");
        check(4_102_444_799_999, "2099-12-31T23:59:59.999Z", "11:59 PM");
    }
}
