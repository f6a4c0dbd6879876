//! Times and amounts for people: how long ago, how long, how many tokens, how much money.

use std::time::Duration;

use agents_domain::timestamp::Timestamp;
use agents_domain::usage::{MicroUsd, TokenUsage};
use jiff::tz::TimeZone;

/// `just now`, `3m ago`, `in 12m`.
pub fn relative(moment: Timestamp, now: Timestamp) -> String {
    if moment > now {
        return format!("in {}", coarse(moment.since(now)));
    }
    let since = now.since(moment);
    if since.as_secs() == 0 { "just now".to_owned() } else { format!("{} ago", coarse(since)) }
}

/// The day and the time in UTC, without the year: `11-21 10:37:07`.
pub fn clock(moment: Timestamp) -> String {
    let text = moment.to_string();
    text.get(5..19).map_or_else(|| text.clone(), |short| short.replace('T', " "))
}

/// The time of day where we are, `15:30`, with its day unless that is the day of `now`: `11-22 15:30`.
pub fn local(moment: Timestamp, now: Timestamp) -> String {
    local_in(moment, now, &TimeZone::system())
}

fn local_in(moment: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let zoned = |at: Timestamp| {
        jiff::Timestamp::from_millisecond(at.as_millis()).ok().map(|at| at.to_zoned(zone.clone()))
    };
    match (zoned(moment), zoned(now)) {
        (Some(moment), Some(now)) if moment.date() == now.date() => moment.strftime("%H:%M").to_string(),
        (Some(moment), _) => moment.strftime("%m-%d %H:%M").to_string(),
        (None, _) => clock(moment),
    }
}

/// The largest unit alone: `45s`, `3m`, `2h`, `5d`.
pub fn coarse(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        86_400.. => format!("{}d", seconds / 86_400),
    }
}

/// Two units: `9s`, `4m12s`, `1h03m`, `2d04h`.
pub fn precise(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        86_400.. => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// `812 tokens`, `12.3k tokens`, `1.2M tokens`.
pub fn tokens(usage: &TokenUsage) -> String {
    let total = usage.total();
    match total {
        0..1000 => format!("{total} tokens"),
        1000..1_000_000 => format!("{}.{}k tokens", total / 1000, total % 1000 / 100),
        1_000_000.. => format!("{}.{}M tokens", total / 1_000_000, total % 1_000_000 / 100_000),
    }
}

/// `$0.42`; less than a cent has four digits.
pub fn money(cost: MicroUsd) -> String {
    let dollars = cost.as_dollars();
    if cost.as_micros() != 0 && dollars.abs() < 0.01 {
        format!("${dollars:.4}")
    } else {
        format!("${dollars:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_read_naturally() {
        let now = Timestamp::from_seconds(1_000_000);
        let check = |seconds: i64, shown: &str| {
            assert_eq!(relative(Timestamp::from_seconds(1_000_000 + seconds), now), shown);
        };
        check(0, "just now");
        check(-59, "59s ago");
        check(-60, "1m ago");
        check(-7300, "2h ago");
        check(-200_000, "2d ago");
        check(720, "in 12m");
        assert_eq!(clock(Timestamp::from_millis(1_795_257_427_723)), "11-21 10:37:07");
        assert_eq!(precise(Duration::from_secs(252)), "4m12s");
        assert_eq!(precise(Duration::from_secs(3780)), "1h03m");
        assert_eq!(precise(Duration::from_secs(2 * 86_400 + 4 * 3600)), "2d04h");
    }

    #[test]
    fn a_moment_is_shown_as_the_clock_on_the_wall_does_with_its_day_if_it_is_another_one() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let now = Timestamp::from_millis(1_795_257_427_723);
        let check = |seconds: u64, shown: &str| {
            assert_eq!(local_in(now.after(Duration::from_secs(seconds)), now, &berlin), shown);
        };
        check(0, "11:37");
        check(3600, "12:37");
        check(13 * 3600, "11-22 00:37");
    }

    #[test]
    fn amounts_are_short() {
        let usage = |input| TokenUsage { input, cached: 0, written: 0, output: 0, reasoning: None };
        assert_eq!(tokens(&usage(12_345)), "12.3k tokens");
        assert_eq!(tokens(&usage(1_250_000)), "1.2M tokens");
        assert_eq!(money(MicroUsd::from_micros(420_000)), "$0.42");
        assert_eq!(money(MicroUsd::from_micros(4_200)), "$0.0042");
        assert_eq!(money(MicroUsd::from_micros(0)), "$0.00");
    }
}
