//! How many times a cron pattern is due in a span, without walking through them: whole days are counted, and only the
//! days around a change of the clocks are walked.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::cron::Cron;
use crate::dst;

/// No change of a zone's clocks reaches further: the greatest so far are of one day.
const REACH: SignedDuration = SignedDuration::from_hours(36);

/// How many due times there are after `after` up to and with `until`.
pub(crate) fn count(cron: &Cron, zone: &TimeZone, after: Timestamp, until: Timestamp) -> u64 {
    let day = TimesOfDay::of(cron);
    let mut total: u64 = 0;
    let mut at = after;
    while at < until {
        let reached = at.saturating_sub(REACH).unwrap_or(Timestamp::MIN);
        let change = zone.following(reached).next().map(|transition| transition.timestamp());
        let quiet_until =
            change.map_or(until, |change| change.saturating_sub(REACH).unwrap_or(Timestamp::MIN).min(until));
        if quiet_until > at {
            let offset = zone.to_offset(at);
            total += day.between(cron, offset.to_datetime(at), offset.to_datetime(quiet_until));
            at = quiet_until;
        } else {
            let over = change.unwrap_or(until).saturating_add(REACH).unwrap_or(Timestamp::MAX).min(until);
            total += walked(cron, zone, at, over);
            at = over;
        }
    }
    total
}

fn walked(cron: &Cron, zone: &TimeZone, after: Timestamp, until: Timestamp) -> u64 {
    let mut total = 0;
    let mut due = dst::next(cron, zone, after);
    while let Some(at) = due.filter(|at| *at <= until) {
        total += 1;
        due = dst::next(cron, zone, at);
    }
    total
}

/// The times of a day that matches, as bits.
struct TimesOfDay {
    minutes: u64,
    hours: u64,
}

impl TimesOfDay {
    fn of(cron: &Cron) -> TimesOfDay {
        let bits = |values: Vec<u8>| values.iter().fold(0, |bits, value| bits | 1_u64 << value);
        TimesOfDay { minutes: bits(cron.minute.values()), hours: bits(cron.hour.values()) }
    }

    fn in_a_day(&self) -> u64 {
        u64::from(self.hours.count_ones() * self.minutes.count_ones())
    }

    /// How many are not after that time.
    fn up_to(&self, time: Time) -> u64 {
        let (hour, minute) = (time.hour().unsigned_abs(), time.minute().unsigned_abs());
        let hours_before = self.hours & ((1 << hour) - 1);
        let is_in_hour = self.hours >> hour & 1;
        let minutes_so_far = self.minutes & ((2 << minute) - 1);
        u64::from(hours_before.count_ones() * self.minutes.count_ones())
            + is_in_hour * u64::from(minutes_so_far.count_ones())
    }

    /// How many are after `after` up to and with `until`, by a clock that nobody puts forward or back.
    fn between(&self, cron: &Cron, after: DateTime, until: DateTime) -> u64 {
        let until_now = if cron.matches_day(until.date()) { self.up_to(until.time()) } else { 0 };
        let before = if cron.matches_day(after.date()) { self.up_to(after.time()) } else { 0 };
        let mut days = 0;
        let mut date = after.date();
        while date < until.date() {
            days += u64::from(cron.matches_day(date));
            match date.tomorrow() {
                Ok(next) => date = next,
                Err(_) => break,
            }
        }
        days * self.in_a_day() + until_now - before
    }
}
