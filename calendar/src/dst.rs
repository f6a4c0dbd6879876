//! From civil times to moments: what happens to a cron pattern when clocks are put forward or back.
//!
//! The rule is Vixie cron's, as Debian's cron 3.0 and ISC cron 4.1 have it; cron(8), under "daylight saving time and
//! other time changes", says: jobs that were to run in the time that was skipped run soon after the change, jobs are not
//! run twice in the time that is repeated, and this holds for jobs that "run at a specific time or with a granularity
//! greater than one hour"; jobs that run more often are scheduled normally. In their sources (`entry.c`, `cron.c`) a
//! job is of the second kind (a wildcard job) when its minute field or its hour field *begins with a star* (the flags
//! `MIN_STAR` and `HR_STAR`), so also with `*/2`; a range with a step (`0-23/2`) is of the first kind. That is what
//! `DstRule` holds.
//!
//! - **Fixed times**: a civil time that does not exist is due at the first whole minute after the gap, and all that fall
//!   into one gap, or onto that minute, are one. A civil time that comes twice is due the first time.
//! - **A rhythm**: due whenever a clock shows a time that matches. What is skipped is not made up for, what comes twice
//!   is due twice.
//!
//! Two things are ours. Vixie cron looks at the clock while it runs and starts a job for each minute of the gap that it
//! matches; here a due time is an identity, so they are one. And Vixie cron takes a change of three hours and more for
//! a clock that was set, after which nothing is made up for; here also a day that a zone has skipped is a gap.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use crate::cron::{Cron, DstRule};

/// The first due time after `after`. Times are whole minutes of the zone's clock.
pub(crate) fn next(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    match cron.dst_rule() {
        DstRule::FixedTimes => next_fixed(cron, zone, after),
        DstRule::Rhythm => next_of_rhythm(cron, zone, after),
    }
}

fn next_fixed(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let mut civil = zone.to_datetime(after);
    loop {
        civil = cron.after(civil)?;
        let due = match zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
                offset.to_timestamp(civil).ok()?
            }
            AmbiguousOffset::Gap { after: offset, .. } => first_minute_after_gap(zone, civil, offset)?,
        };
        // In the second half of a repeated time the first is over; and several times of a gap are one.
        if due > after {
            return Some(due);
        }
    }
}

fn next_of_rhythm(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let offset = zone.to_offset(after);
    let civil = offset.to_datetime(after);
    let ahead = ahead_of(cron, zone, civil, after);
    // On the first half of a repeated time the second half shows times again that the civil search has behind it.
    match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Fold { before, after: later } if before == offset => {
            let again = again_after(cron, zone, civil, after, later);
            [ahead, again].into_iter().flatten().min()
        }
        AmbiguousOffset::Fold { .. } | AmbiguousOffset::Gap { .. } | AmbiguousOffset::Unambiguous { .. } => {
            ahead
        }
    }
}

/// The first moment after `after` at which a clock shows a matching time later than `civil`.
fn ahead_of(cron: &Cron, zone: &TimeZone, civil: DateTime, after: Timestamp) -> Option<Timestamp> {
    let mut candidate = cron.after(civil)?;
    loop {
        match zone.to_ambiguous_timestamp(candidate).offset() {
            AmbiguousOffset::Unambiguous { offset } => return offset.to_timestamp(candidate).ok(),
            AmbiguousOffset::Fold { before, after: later } => {
                let first = before.to_timestamp(candidate).ok()?;
                return if first > after { Some(first) } else { later.to_timestamp(candidate).ok() };
            }
            AmbiguousOffset::Gap { after: offset, .. } => {
                let end = offset.to_datetime(transition_of_gap(zone, candidate, offset)?);
                candidate = cron.at_or_after(end)?;
            }
        }
    }
}

/// The first moment of the coming second half of a repeated time at which a clock shows a matching time that it has
/// shown already, `civil` at the latest.
fn again_after(
    cron: &Cron,
    zone: &TimeZone,
    civil: DateTime,
    after: Timestamp,
    later: Offset,
) -> Option<Timestamp> {
    let transition = zone.following(after).next()?.timestamp();
    let again = cron.at_or_after(later.to_datetime(transition))?;
    if again <= civil { later.to_timestamp(again).ok() } else { None }
}

/// The moment of the change that makes `civil` a time that does not exist, given the offset after it.
pub(crate) fn transition_of_gap(zone: &TimeZone, civil: DateTime, after: Offset) -> Option<Timestamp> {
    let just_before = after.to_timestamp(civil).ok()?;
    zone.following(just_before).next().map(|transition| transition.timestamp())
}

/// Offsets of the past have seconds: the gap's end need not be a whole minute.
fn first_minute_after_gap(zone: &TimeZone, civil: DateTime, after: Offset) -> Option<Timestamp> {
    let end = transition_of_gap(zone, civil, after)?;
    let seconds = i64::from(after.to_datetime(end).second());
    let missing = (60 - seconds) % 60;
    Timestamp::from_second(end.as_second() + missing).ok()
}
