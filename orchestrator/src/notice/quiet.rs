//! Quiet hours: when what is due now is told. Pure.

use agents_domain::notice::QuietHours;
use agents_domain::timestamp::Timestamp;
use jiff::tz::TimeZone;
use jiff::{ToSpan, civil};

/// Quiet hours make no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuietError {
    #[error("there is no time zone `{0}`; write an IANA name, as in Europe/Berlin")]
    Zone(String),
}

/// Whether their zone is one.
pub fn check(hours: &QuietHours) -> Result<(), QuietError> {
    zone(hours).map(|_| ())
}

fn zone(hours: &QuietHours) -> Result<TimeZone, QuietError> {
    match hours.zone.as_deref() {
        None => Ok(TimeZone::system()),
        Some("UTC") => Ok(TimeZone::UTC),
        Some(name) => TimeZone::get(name).map_err(|_| QuietError::Zone(name.to_owned())),
    }
}

/// That moment, or the end of the quiet hours that it lies in. A zone that is gone has none.
pub fn after_quiet(hours: Option<&QuietHours>, at: Timestamp) -> Timestamp {
    let end = || {
        let hours = hours?;
        let moment = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
        let local = moment.to_zoned(zone(hours).ok()?);
        let minute = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let (from, to) = (hours.from, hours.to);
        let is_over_midnight = from > to;
        let is_quiet = match is_over_midnight {
            true => minute >= from || minute < to,
            false => minute >= from && minute < to,
        };
        if !is_quiet {
            return None;
        }
        let day = match is_over_midnight && minute >= from {
            true => local.date().checked_add(1.day()).ok()?,
            false => local.date(),
        };
        let end = civil::time(i8::try_from(to / 60 % 24).ok()?, i8::try_from(to % 60).ok()?, 0, 0);
        let end = local.time_zone().to_ambiguous_zoned(day.to_datetime(end)).compatible().ok()?;
        Some(Timestamp::from_millis(end.timestamp().as_millisecond()))
    };
    end().map_or(at, |end| end.max(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn what_lies_in_quiet_hours_is_told_at_their_end() {
        let hours = |from, to, zone: &str| QuietHours { from, to, zone: Some(zone.to_owned()) };
        let night = hours(22 * 60, 7 * 60, "Europe/Berlin");
        let check = |hours: &QuietHours, now: &str, expected: &str| {
            assert_eq!(after_quiet(Some(hours), at(now)), at(expected), "{now}");
        };
        check(&night, "2026-11-21T20:59:59Z", "2026-11-21T20:59:59Z");
        check(&night, "2026-11-21T21:00:00Z", "2026-11-22T06:00:00Z");
        check(&night, "2026-11-22T05:59:59Z", "2026-11-22T06:00:00Z");
        check(&night, "2026-11-22T06:00:00Z", "2026-11-22T06:00:00Z");
        // The night in which summer time begins is an hour shorter.
        check(&night, "2026-03-28T23:00:00Z", "2026-03-29T05:00:00Z");
        // An end that the gap leaves out is right after it.
        let gap = hours(60, 2 * 60 + 30, "Europe/Berlin");
        check(&gap, "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z");
        let noon = hours(12 * 60, 13 * 60, "UTC");
        check(&noon, "2026-11-21T12:30:00Z", "2026-11-21T13:00:00Z");
        check(&noon, "2026-11-21T13:00:00Z", "2026-11-21T13:00:00Z");
        assert_eq!(after_quiet(None, at("2026-11-21T03:00:00Z")), at("2026-11-21T03:00:00Z"));
        assert_eq!(
            super::check(&hours(0, 1, "Mars/Olympus")),
            Err(QuietError::Zone("Mars/Olympus".to_owned()))
        );
    }
}
