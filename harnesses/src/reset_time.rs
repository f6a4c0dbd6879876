//! Reset times as the CLIs write them: a time of day without a date, or a span.

use std::time::Duration;

use agents_domain::timestamp::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan, Zoned};

/// The texts have minutes and no seconds: the limit is over at the end of the minute at the latest.
const MINUTE: Duration = Duration::from_secs(60);

/// A time of day that was told a moment ago and is over by so much is meant as today's: the run took a while to end.
const JUST_OVER: SignedDuration = SignedDuration::from_mins(10);

/// The moment that a text like `try again at 10:57 AM.` or `try again at Nov 24th, 2026 10:57 AM.` names: of a time
/// without a date, the next such time after `now` in `zone`. `None`: the text names none.
pub(crate) fn try_again_at(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let (_, when) = text.split_once("try again at ")?;
    let words: Vec<&str> =
        when.split_whitespace().take(5).map(|word| word.trim_end_matches([',', '.'])).collect();
    let now = zoned(now, zone)?;
    let moment = match *words.as_slice() {
        [month, day, year, clock, half] if date(month, day, year).is_some() => {
            moment(date(month, day, year)?.to_datetime(time(clock, half)?), zone)?
        }
        [clock, half, ..] => next(time(clock, half)?, &now)?,
        _ => return None,
    };
    Some(Timestamp::from_millis(moment.as_millisecond()).after(MINUTE))
}

/// The moment that a text like `resets 3pm (Europe/Berlin)`, `resets 10:57am (UTC)` or `resets Nov 24 at 3pm (UTC)` names.
/// The zone that stands there is that of the system (`zone`) or UTC; in another one nothing is known.
pub(crate) fn resets_at(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let (_, when) = text.rsplit_once("resets ")?;
    let (when, name) =
        when.split_once('(').map_or((when, None), |(when, rest)| (when, rest.split(')').next()));
    let zone = match name {
        Some("UTC") => TimeZone::UTC,
        Some(name) if zone.iana_name() != Some(name) => return None,
        Some(_) | None => zone.clone(),
    };
    let words: Vec<&str> =
        when.split_whitespace().take(4).map(|word| word.trim_end_matches([',', '.'])).collect();
    let now = zoned(now, &zone)?;
    let moment = match *words.as_slice() {
        [clock] => next(joined_time(clock)?, &now)?,
        [month, day, clock] | [month, day, "at", clock] => {
            let year = |year: i16| date(month, day, &year.to_string());
            let this = year(now.year())?;
            let date = if this < now.date() { year(now.year() + 1)? } else { this };
            moment(date.to_datetime(joined_time(clock)?), &zone)?
        }
        _ => return None,
    };
    Some(Timestamp::from_millis(moment.as_millisecond()).after(MINUTE))
}

fn zoned(at: Timestamp, zone: &TimeZone) -> Option<Zoned> {
    jiff::Timestamp::from_millisecond(at.as_millis()).ok().map(|at| at.to_zoned(zone.clone()))
}

/// The next such time of day, or one that is just over.
fn next(time: Time, now: &Zoned) -> Option<jiff::Timestamp> {
    let earliest = now.timestamp().checked_sub(JUST_OVER).ok()?;
    let on = |days: i64| {
        let date = now.date().checked_add(days.days()).ok()?;
        moment(date.to_datetime(time), now.time_zone())
    };
    [-1, 0, 1].into_iter().filter_map(on).find(|moment| *moment > earliest)
}

/// `3pm` and `10:57am`.
fn joined_time(text: &str) -> Option<Time> {
    let split = text.len().checked_sub(2).filter(|split| text.is_char_boundary(*split))?;
    let (clock, half) = text.split_at(split);
    if clock.contains(':') { time(clock, half) } else { time(&format!("{clock}:00"), half) }
}

fn moment(civil: DateTime, zone: &TimeZone) -> Option<jiff::Timestamp> {
    zone.to_ambiguous_zoned(civil).compatible().ok().map(|zoned| zoned.timestamp())
}

/// `10:57` and `AM`.
fn time(clock: &str, half: &str) -> Option<Time> {
    let (hour, minute) = clock.split_once(':')?;
    let (hour, minute): (i8, i8) = (hour.parse().ok()?, minute.parse().ok()?);
    if !(1..=12).contains(&hour) {
        return None;
    }
    let hour = match half.to_ascii_uppercase().as_str() {
        "AM" => hour % 12,
        "PM" => hour % 12 + 12,
        _ => return None,
    };
    Time::new(hour, minute, 0, 0).ok()
}

/// `Nov`, `24th` and `2026`.
fn date(month: &str, day: &str, year: &str) -> Option<Date> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let month = month.get(..3)?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let day = day.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse().ok()?;
    Date::new(year.parse().ok()?, i8::try_from(month).ok()?, day).ok()
}

/// The span that follows `after` in a text: `3h22m`, `12120s`, `2.5s`, `45 minutes`. `None`: there is none.
pub(crate) fn span_after(text: &str, after: &str) -> Option<Duration> {
    let (_, rest) = text.rsplit_once(after)?;
    let mut rest = rest.trim_start();
    let mut total: Option<f64> = None;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let Ok(number) = rest[..digits].trim_end_matches('.').parse::<f64>() else { break };
        let after_number = rest[digits..].trim_start();
        let letters = after_number.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after_number.len());
        let seconds = match &after_number[..letters] {
            "ms" => 0.001,
            "s" | "sec" | "second" | "seconds" => 1.0,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            _ => break,
        };
        total = Some(total.unwrap_or(0.0) + number * seconds);
        rest = after_number[letters..].trim_start();
    }
    total.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn check(text: &str, now: &str, zone: &TimeZone, expected: Option<&str>) {
        let read = if text.contains("resets ") { resets_at } else { try_again_at };
        assert_eq!(read(text, at(now), zone), expected.map(at), "{text} at {now}");
    }

    #[test]
    fn a_time_of_day_is_the_end_of_the_next_such_minute_in_the_zone() {
        let utc = TimeZone::UTC;
        let text = "You’ve hit your usage limit. … or try again at 10:57 AM.";
        check(text, "2026-11-21T09:00:00Z", &utc, Some("2026-11-21T10:58:00Z"));
        check(text, "2026-11-21T11:30:00Z", &utc, Some("2026-11-22T10:58:00Z"));
        check(text, "2026-12-31T23:00:00Z", &utc, Some("2027-01-01T10:58:00Z"));
        check("try again at 12:05 AM.", "2026-11-21T09:00:00Z", &utc, Some("2026-11-22T00:06:00Z"));
        check("try again at 12:05 PM.", "2026-11-21T09:00:00Z", &utc, Some("2026-11-21T12:06:00Z"));
    }

    #[test]
    fn a_time_of_day_that_has_just_passed_is_not_tomorrows() {
        let utc = TimeZone::UTC;
        check("try again at 10:57 AM.", "2026-11-21T10:57:30Z", &utc, Some("2026-11-21T10:58:00Z"));
        check("try again at 10:57 AM.", "2026-11-21T11:05:00Z", &utc, Some("2026-11-21T10:58:00Z"));
        check("try again at 11:59 PM.", "2026-11-22T00:00:05Z", &utc, Some("2026-11-22T00:00:00Z"));
    }

    #[test]
    fn a_time_of_day_follows_the_zone_through_a_change_of_clocks() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        check("try again at 1:00 AM.", "2026-11-21T20:00:00Z", &berlin, Some("2026-11-22T00:01:00Z"));
        // The clocks go forward at 02:00 on the 29th: 02:30 does not exist and becomes 03:30.
        check("try again at 2:30 AM.", "2026-03-28T20:00:00Z", &berlin, Some("2026-03-29T01:31:00Z"));
    }

    #[test]
    fn a_date_is_taken_when_it_is_there() {
        let (now, utc) = ("2026-11-21T09:00:00Z", TimeZone::UTC);
        check("try again at Nov 24th, 2026 3:07 PM.", now, &utc, Some("2026-11-24T15:08:00Z"));
        check("limit · resets Nov 24, 3pm (UTC)", now, &utc, Some("2026-11-24T15:01:00Z"));
        check("limit · resets Jan 2 at 3:30pm (UTC)", now, &utc, Some("2027-01-02T15:31:00Z"));
    }

    #[test]
    fn a_zone_that_stands_in_the_text_is_kept_to() {
        let now = "2026-11-21T09:00:00Z";
        let here = TimeZone::fixed(jiff::tz::offset(1));
        check("You've hit your session limit · resets 3pm", now, &here, Some("2026-11-21T14:01:00Z"));
        check("limit · resets 10:57am (UTC)", now, &here, Some("2026-11-21T10:58:00Z"));
        check("limit · resets 3pm (Mars/Olympus)", now, &here, None);
    }

    #[test]
    fn other_words_name_no_time() {
        for text in ["try again at noon", "try again later", "try again at 25:00 AM", "try again at "] {
            check(text, "2026-11-21T09:00:00Z", &TimeZone::UTC, None);
        }
        for text in ["resets soon", "resets ", "resets é", "resets 25pm", "resets Foo 3 at 3pm (UTC)"] {
            check(text, "2026-11-21T09:00:00Z", &TimeZone::UTC, None);
        }
    }

    #[test]
    fn spans_are_read_in_every_form_that_was_seen() {
        let check = |text: &str, expected: Option<f64>| {
            assert_eq!(span_after(text, "after ").map(|span| span.as_secs_f64()), expected, "{text}");
        };
        check("Your quota will reset after 3h22m.", Some(12_120.0));
        check("Suggested retry after 12120s.. Retrying", Some(12_120.0));
        check("retry after 2.5s", Some(2.5));
        check("reset after 1 hour 5 minutes", Some(3900.0));
        check("reset after 13423351ms...", Some(13_423.351));
        check("reset after a while", None);
        check("nothing", None);
    }
}
