//! A moment as people write it: RFC 3339, or a civil time that a zone makes a moment of.

use agents_domain::timestamp::Timestamp;
use jiff::civil;
use jiff::tz::AmbiguousOffset;

use crate::dst;
use crate::zone::Zone;

/// A text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// Neither form.
    #[error(
        "`{text}` is not a time: write `2026-12-24T18:00:00Z`, `2026-12-24T18:00:00+01:00`, or `2026-12-24 18:00` in the schedule's zone"
    )]
    Unreadable {
        /// As written.
        text: String,
    },
    /// A day without a time, where a moment is needed.
    #[error("`{text}` is a day: say the time too, such as `{text} 09:00`")]
    TimeMissing {
        /// As written.
        text: String,
    },
}

/// A moment. A civil time that does not exist in the zone is the first moment after the gap, one that comes twice the
/// first of the two.
pub(crate) fn at(text: &str, zone: &Zone) -> Result<Timestamp, MomentError> {
    if text.trim().parse::<civil::Date>().is_ok() && !text.contains(':') {
        return Err(MomentError::TimeMissing { text: text.trim().to_owned() });
    }
    at_or_day(text, zone)
}

/// The same, and a day alone is its first moment.
pub(crate) fn at_or_day(text: &str, zone: &Zone) -> Result<Timestamp, MomentError> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp::from_millis(instant.as_millisecond()));
    }
    let unreadable = || MomentError::Unreadable { text: text.to_owned() };
    let has_offset = text.ends_with(['Z', 'z', ']']);
    let civil: civil::DateTime = text.parse().ok().filter(|_| !has_offset).ok_or_else(unreadable)?;
    let rules = zone.rules();
    let instant = match rules.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(civil).map_err(|_| unreadable())?
        }
        AmbiguousOffset::Gap { after, .. } => {
            dst::transition_of_gap(rules, civil, after).ok_or_else(unreadable)?
        }
    };
    Ok(Timestamp::from_millis(instant.as_millisecond()))
}

/// Whether a civil time does not exist in the zone.
pub(crate) fn is_in_gap(text: &str, zone: &Zone) -> bool {
    let text = text.trim();
    if text.parse::<jiff::Timestamp>().is_ok() || text.ends_with(['Z', 'z', ']']) {
        return false;
    }
    let civil = text.parse::<civil::DateTime>();
    civil.is_ok_and(|civil| {
        matches!(zone.rules().to_ambiguous_timestamp(civil).offset(), AmbiguousOffset::Gap { .. })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_a_gap_is_known_as_one() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        let check = |text: &str, is: bool| assert_eq!(is_in_gap(text, &berlin), is, "{text}");
        check("2027-03-28 02:30", true);
        check("2027-03-28T02:00", true);
        check("2027-03-28 03:00", false);
        check("2027-03-28 01:59", false);
        check("2027-10-31 02:30", false);
        check("2027-03-28T02:30:00Z", false);
        check("soon", false);
    }
}
