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
